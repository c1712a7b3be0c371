/* Schemas themselves: what is not checked may not be said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/err.h"
#include "config/schema.h"
#include "unit/config/complaints.h"

#define FILE_NAME "manifest.json"

static int check(const char *text, struct report *report)
{
    json_error_t error;
    json_t *schema = json_loads(text, JSON_DECODE_ANY, &error);
    if (!schema)
        fail_msg("%s: %s", error.text, text);
    int rc = schema_check(schema, FILE_NAME, report);
    json_decref(schema);
    return rc;
}

static void expect_bad(const char *schema, const char *key, const char *text)
{
    struct report report = {0};
    assert_int_equal(check(schema, &report), SP_ERR_INVALID);
    assert_complaint(&report, FILE_NAME, 0, key, text);
    report_free(&report);
}

static void expect_good(const char *schema)
{
    struct report report = {0};
    int rc = check(schema, &report);
    assert_no_complaint(&report);
    assert_int_equal(rc, 0);
    report_free(&report);
}

static void every_supported_keyword_passes(void **state)
{
    (void)state;
    expect_good("{\"$schema\": \"s\", \"$id\": \"i\", \"title\": \"t\", \"description\": \"d\","
                " \"type\": \"object\", \"required\": [\"a\"], \"additionalProperties\": false,"
                " \"$defs\": {\"x\": {\"type\": [\"string\", \"null\"], \"minLength\": 0,"
                "   \"maxLength\": 9, \"pattern\": \"^[a-z.]+\\\\.$\", \"default\": \"a.\"}},"
                " \"properties\": {\"a\": {\"$ref\": \"#/$defs/x\"},"
                "   \"b\": {\"type\": \"array\", \"items\": {\"type\": \"integer\","
                "     \"minimum\": 0, \"maximum\": 1.5}, \"minItems\": 0, \"maxItems\": 2,"
                "     \"uniqueItems\": true, \"default\": [1]},"
                "   \"c\": {\"enum\": [1, \"x\"]}, \"d\": {\"const\": null}}}");
    expect_good("{}");
    expect_good("{\"additionalProperties\": {\"type\": \"string\"}}");
}

static void unknown_keywords_are_refused(void **state)
{
    (void)state;
    expect_bad("{\"minimun\": 1}", "/minimun", "did you mean minimum");
    expect_bad("{\"if\": {}}", "/if", "is no keyword that is checked here; remove it");
    expect_bad("{\"properties\": {\"a\": {\"format\": \"ipv4\"}}}", "/properties/a/format",
               "is no keyword");
    expect_bad("{\"items\": {\"oneOf\": []}}", "/items/oneOf", "is no keyword");
    expect_bad("{\"additionalProperties\": {\"not\": {}}}", "/additionalProperties/not",
               "is no keyword");
    expect_bad("{\"$defs\": {\"x\": {\"allOf\": []}}}", "/$defs/x/allOf", "is no keyword");
}

static void keywords_with_wrong_values_are_refused(void **state)
{
    (void)state;
    expect_bad("{\"type\": \"int\"}", "/type", "must be object, array, string");
    expect_bad("{\"type\": []}", "/type", "must be object, array, string");
    expect_bad("{\"type\": [\"string\", 1]}", "/type", "must be object, array, string");
    expect_bad("{\"properties\": []}", "/properties", "must be an object of schemas");
    expect_bad("{\"properties\": {\"a\": 1}}", "/properties/a", "must be a schema");
    expect_bad("{\"required\": \"a\"}", "/required", "must be a list of names");
    expect_bad("{\"required\": [1]}", "/required/0", "must be a string");
    expect_bad("{\"additionalProperties\": 0}", "/additionalProperties", "must be a schema");
    expect_bad("{\"items\": [{}]}", "/items", "must be a schema");
    expect_bad("{\"minItems\": -1}", "/minItems", "must be a whole number, 0 or more");
    expect_bad("{\"maxLength\": 1.5}", "/maxLength", "must be a whole number, 0 or more");
    expect_bad("{\"uniqueItems\": 1}", "/uniqueItems", "must be true or false");
    expect_bad("{\"enum\": []}", "/enum", "must be a list with at least one element");
    expect_bad("{\"minimum\": \"1\"}", "/minimum", "must be a number");
    expect_bad("{\"description\": 1}", "/description", "must be a string");
    expect_bad("[]", NULL, "must be a schema");
}

static void patterns_are_posix_expressions(void **state)
{
    (void)state;
    expect_bad("{\"pattern\": \"^\\\\d+$\"}", "/pattern", "POSIX extended regular expression");
    expect_bad("{\"pattern\": \"(?i)x\"}", "/pattern", "POSIX extended regular expression");
    expect_bad("{\"pattern\": \"(a)\\\\1\"}", "/pattern", "POSIX extended regular expression");
    expect_bad("{\"pattern\": \"a\\\\\"}", "/pattern", "POSIX extended regular expression");
    expect_bad("{\"pattern\": \"[a\"}", "/pattern", "is no regular expression");
    expect_bad("{\"pattern\": 1}", "/pattern", "must be a string");
}

static void references_must_lead_somewhere(void **state)
{
    (void)state;
    expect_bad("{\"$ref\": \"#/$defs/none\"}", "/$ref", "with a NAME that is there");
    expect_bad("{\"$ref\": \"https://example.org/schema\"}", "/$ref", "must be \"#\" or");
    expect_bad("{\"$ref\": 1}", "/$ref", "must be \"#\" or");
    expect_bad("{\"$defs\": {\"a\": {\"$ref\": \"#/$defs/b\"}, \"b\": {\"$ref\": \"#/$defs/a\"}}}",
               "/$defs/a/$ref", "leads back to itself");
}

static void required_keys_are_described(void **state)
{
    (void)state;
    expect_bad("{\"required\": [\"prot\"], \"additionalProperties\": false,"
               " \"properties\": {\"port\": {}}}",
               NULL, "requires a property that is not described: prot");
    expect_good("{\"required\": [\"prot\"], \"properties\": {\"port\": {}}}");
}

static void defaults_are_held_against_their_schemas(void **state)
{
    (void)state;
    expect_bad("{\"properties\": {\"a\": {\"type\": \"integer\", \"default\": \"1\"}}}",
               "/properties/a/default", "must be a whole number");
    expect_bad("{\"items\": {\"$ref\": \"#/$defs/n\", \"default\": 9},"
               " \"$defs\": {\"n\": {\"maximum\": 5}}}",
               "/items/default", "must be at most 5");
    expect_bad("{\"properties\": {\"a\": {\"default\": {}, \"required\": [\"x\"]}}}",
               "/properties/a/default/x", "is missing");
}

static void defaults_that_hold_themselves_are_refused(void **state)
{
    (void)state;
    struct report report = {0};
    assert_int_equal(
        check("{\"properties\": {\"a\": {\"$ref\": \"#\", \"default\": {}}}}", &report),
        SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "is nested deeper than"));
    report_free(&report);
}

static void deep_schemas_are_refused(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i < 200; i++)
        strcat(text, "{\"items\":");
    strcat(text, "{}");
    for (int i = 0; i < 200; i++)
        strcat(text, "}");
    struct report report = {0};
    assert_int_equal(check(text, &report), SP_ERR_INVALID);
    assert_int_equal(report.count, 1);
    assert_non_null(strstr(report.complaints[0].text, "is nested too deep"));
    report_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_supported_keyword_passes),
        cmocka_unit_test(unknown_keywords_are_refused),
        cmocka_unit_test(keywords_with_wrong_values_are_refused),
        cmocka_unit_test(patterns_are_posix_expressions),
        cmocka_unit_test(references_must_lead_somewhere),
        cmocka_unit_test(required_keys_are_described),
        cmocka_unit_test(defaults_are_held_against_their_schemas),
        cmocka_unit_test(defaults_that_hold_themselves_are_refused),
        cmocka_unit_test(deep_schemas_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
