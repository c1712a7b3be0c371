/* Values against schemas: what is refused and how it is said, what is filled in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "base/err.h"
#include "config/schema.h"
#include "unit/config/complaints.h"

#define FILE_NAME "values.json"

struct run {
    json_t *value;
    struct report report;
    int rc;
};

static json_t *load(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
    if (!value)
        fail_msg("%s: %s", error.text, text);
    return value;
}

static struct run apply(const char *schema_text, const char *value_text)
{
    struct run run = {.value = load(value_text)};
    json_t *schema = load(schema_text);
    struct report of_schema = {0};
    assert_int_equal(schema_check(schema, "schema", &of_schema), 0);
    report_free(&of_schema);
    struct positions *positions = positions_new(value_text, strlen(value_text));
    run.rc = schema_apply(schema, run.value, FILE_NAME, "", positions, &run.report);
    positions_free(positions);
    json_decref(schema);
    return run;
}

static void finish(struct run *run)
{
    json_decref(run->value);
    report_free(&run->report);
}

static void expect_good(const char *schema, const char *value)
{
    struct run run = apply(schema, value);
    assert_no_complaint(&run.report);
    assert_int_equal(run.rc, 0);
    finish(&run);
}

/* The value, on line 1, is refused for one reason only. */
static void expect_bad(const char *schema, const char *value, const char *key, const char *text)
{
    struct run run = apply(schema, value);
    assert_complaint(&run.report, FILE_NAME, 1, key, text);
    assert_int_equal(run.report.count, 1);
    assert_int_equal(run.rc, SP_ERR_INVALID);
    finish(&run);
}

static void types_are_told_apart(void **state)
{
    (void)state;
    static const char *const types[] = {"object",  "array", "string", "integer",
                                        "boolean", "null",  "number"};
    static const char *const values[] = {"{}", "[]", "\"\"", "5", "true", "null", "0.5"};
    for (size_t t = 0; t < 7; t++)
        for (size_t v = 0; v < 7; v++) {
            char schema[64];
            snprintf(schema, sizeof schema, "{\"type\": \"%s\"}", types[t]);
            if (t == v || (t == 6 && v == 3)) /* a whole number is a number */
                expect_good(schema, values[v]);
            else
                expect_bad(schema, values[v], NULL, "must be ");
        }
}

static void several_types_may_be_allowed(void **state)
{
    (void)state;
    const char *schema = "{\"type\": [\"integer\", \"null\"]}";
    expect_good(schema, "1");
    expect_good(schema, "null");
    expect_bad(schema, "\"x\"", NULL, "must be a whole number or null, but is \"x\"");
}

static void wrong_types_come_with_a_remedy(void **state)
{
    (void)state;
    expect_bad("{\"type\": \"integer\"}", "\"22\"", NULL, "but is \"22\"; write 22 without quotes");
    expect_bad("{\"type\": \"integer\"}", "2.0", NULL, "leave the fraction out");
    expect_bad("{\"type\": \"boolean\"}", "\"yes\"", NULL, "write true without quotes");
    expect_bad("{\"type\": \"boolean\"}", "\"off\"", NULL, "write false without quotes");
    expect_bad("{\"type\": \"string\"}", "22", NULL, "put it in quotes: \"22\"");
    expect_bad("{\"type\": \"array\"}", "\"a\"", NULL, "put it in brackets: [\"a\"]");
    expect_bad("{\"type\": \"string\"}", "null", NULL, "leave the key out");
}

static void numbers_have_bounds(void **state)
{
    (void)state;
    const char *both = "{\"minimum\": 1, \"maximum\": 65535}";
    expect_good(both, "1");
    expect_good(both, "65535");
    expect_bad(both, "0", NULL, "must be from 1 to 65535, but is 0");
    expect_bad(both, "65536", NULL, "must be from 1 to 65535, but is 65536");
    expect_bad("{\"minimum\": 1}", "-1", NULL, "must be at least 1, but is -1");
    expect_bad("{\"maximum\": 0.5}", "0.75", NULL, "must be at most 0.5, but is 0.75");
    /* Beyond the whole numbers that a double holds. */
    expect_bad("{\"maximum\": 9007199254740992}", "9007199254740993", NULL, "must be at most");
}

static void strings_are_measured_in_characters(void **state)
{
    (void)state;
    const char *schema = "{\"minLength\": 2, \"maxLength\": 3}";
    expect_good(schema, "\"\xc3\xa4\xc3\xb6\xc3\xbc\"");
    expect_bad(schema, "\"\xc3\xa4\"", NULL, "must have at least 2 characters, but has 1");
    expect_bad(schema, "\"abcd\"", NULL, "must have at most 3 characters, but has 4");
    expect_bad(schema, "\"\"", NULL, "must not be empty");
}

static void strings_follow_their_pattern(void **state)
{
    (void)state;
    expect_good("{\"pattern\": \"^[a-z]+$\"}", "\"abc\"");
    expect_good("{\"pattern\": \"b\"}", "\"abc\""); /* not anchored */
    expect_bad("{\"pattern\": \"^[a-z]+$\"}", "\"aB\"", NULL, "pattern ^[a-z]+$, but is \"aB\"");
    expect_bad("{\"pattern\": \"^[a-z]+$\", \"description\": \"Small letters.\"}", "\"aB\"", NULL,
               "has not the right form: \"aB\" (Small letters.)");
}

static void choices_are_listed_and_suggested(void **state)
{
    (void)state;
    const char *schema = "{\"enum\": [\"deny\", \"next\", 3]}";
    expect_good(schema, "\"next\"");
    expect_good(schema, "3");
    expect_bad(schema, "\"nxet\"", NULL,
               "must be one of \"deny\", \"next\", 3, but is \"nxet\"; did you mean \"next\"?");
    expect_bad(schema, "4", NULL, "must be one of \"deny\", \"next\", 3, but is 4");
    expect_bad("{\"const\": 1}", "2", NULL, "must be 1, but is 2");
    expect_good("{\"const\": {\"a\": [1]}}", "{\"a\": [1]}");
}

static void lists_are_counted_and_looked_into(void **state)
{
    (void)state;
    const char *schema = "{\"minItems\": 1, \"maxItems\": 2, \"description\": \"D.\", \"items\": "
                         "{\"type\": \"string\"}}";
    expect_good(schema, "[\"a\", \"a\"]");
    expect_bad(schema, "[]", NULL, "must not be empty (D.)");
    expect_bad(schema, "[1, 2, 3]", NULL, "must have at most 2 elements, but has 3 (D.)");
    expect_bad("{\"minItems\": 2}", "[1]", NULL, "must have at least 2 elements, but has 1");
    expect_bad("{\"maxItems\": 1}", "[1, 2]", NULL, "must have at most 1 element, but has 2");
    expect_bad(schema, "[\"a\", 2]", "/1", "must be a string");
}

static void lists_may_be_without_repetition(void **state)
{
    (void)state;
    const char *schema = "{\"uniqueItems\": true}";
    expect_good(schema, "[1, \"1\", [1], {\"a\": 1}, true, null]");
    expect_bad(schema, "[\"a\", \"b\", \"a\"]", "/2", "as number 1; remove one");
    expect_bad(schema, "[{\"a\": 1, \"b\": 2}, {\"b\": 2, \"a\": 1}]", "/1", "as number 1");
}

static void missing_keys_are_named_with_their_meaning(void **state)
{
    (void)state;
    const char *schema = "{\"required\": [\"port\"],"
                         " \"properties\": {\"port\": {\"description\": \"Where to listen.\"}}}";
    expect_good(schema, "{\"port\": 1}");
    expect_bad(schema, "{}", "/port", "is missing; add it (Where to listen.)");
}

static void unknown_keys_are_named_with_a_suggestion(void **state)
{
    (void)state;
    const char *schema = "{\"additionalProperties\": false, \"properties\":"
                         " {\"reuse_port\": {}, \"idle_ms\": {}, \"root\": {}}}";
    expect_bad(schema, "{\"prot\": 1, \"root\": 1}", "/prot", "is not a known key");
    expect_bad(schema, "{\"rot\": 1}", "/rot", "did you mean \"root\"?");
    expect_bad(schema, "{\"orot\": 1}", "/orot", "did you mean \"root\"?");
    expect_bad(schema, "{\"reuse-port\": 1}", "/reuse-port", "did you mean \"reuse_port\"?");
    expect_bad(schema, "{\"ReusePort\": 1}", "/ReusePort", "did you mean \"reuse_port\"?");
    expect_bad(schema, "{\"idle\": 1}", "/idle", "did you mean \"idle_ms\"?");
    expect_bad(schema, "{\"banner\": 1}", "/banner", "known here: reuse_port, idle_ms, root");
}

static void other_keys_may_have_a_schema(void **state)
{
    (void)state;
    const char *schema = "{\"properties\": {\"a\": {}},"
                         " \"additionalProperties\": {\"type\": \"integer\"}}";
    expect_good(schema, "{\"a\": \"x\", \"b\": 1}");
    expect_bad(schema, "{\"a\": \"x\", \"b\": \"y\"}", "/b", "must be a whole number");
    expect_good("{\"properties\": {\"a\": {}}}", "{\"b\": \"y\"}");
}

static void expect_filled(const char *schema, const char *value, const char *wanted_text)
{
    struct run run = apply(schema, value);
    json_t *wanted = load(wanted_text);
    assert_no_complaint(&run.report);
    assert_true(json_equal(run.value, wanted));
    json_decref(wanted);
    finish(&run);
}

static void defaults_are_filled_in_at_every_depth(void **state)
{
    (void)state;
    const char *schema =
        "{\"properties\": {"
        "  \"log\": {\"default\": {}, \"properties\": {\"level\": {\"default\": \"info\"}}},"
        "  \"list\": {\"items\": {\"properties\": {\"n\": {\"default\": [1, 2]}}}},"
        "  \"none\": {\"properties\": {\"x\": {\"default\": 1}}}}}";
    expect_filled(schema, "{}", "{\"log\": {\"level\": \"info\"}}");
    expect_filled(schema, "{\"log\": {\"level\": \"debug\"}}", "{\"log\": {\"level\": \"debug\"}}");
    expect_filled(schema, "{\"log\": {}, \"list\": [{}, {\"n\": 0}]}",
                  "{\"log\": {\"level\": \"info\"}, \"list\": [{\"n\": [1, 2]}, {\"n\": 0}]}");
}

static void defaults_are_copies(void **state)
{
    (void)state;
    struct run run = apply("{\"properties\": {\"a\": {\"$ref\": \"#/$defs/d\", \"default\": {}},"
                           " \"b\": {\"$ref\": \"#/$defs/d\", \"default\": {}}}, \"$defs\": {\"d\":"
                           " {\"properties\": {\"l\": {\"default\": []}}}}}",
                           "{}");
    json_t *a = json_object_get(json_object_get(run.value, "a"), "l");
    json_t *b = json_object_get(json_object_get(run.value, "b"), "l");
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    finish(&run);
}

static void references_are_followed(void **state)
{
    (void)state;
    const char *schema = "{\"$defs\": {\"port\": {\"type\": \"integer\"}},"
                         " \"properties\": {\"p\": {\"$ref\": \"#/$defs/port\", \"maximum\": 5},"
                         "                  \"inner\": {\"$ref\": \"#\"}}}";
    expect_good(schema, "{\"p\": 5, \"inner\": {\"inner\": {\"p\": 1}}}");
    expect_bad(schema, "{\"p\": \"x\"}", "/p", "must be a whole number");
    expect_bad(schema, "{\"p\": 6}", "/p", "must be at most 5");
    expect_bad(schema, "{\"inner\": {\"inner\": {\"p\": true}}}", "/inner/inner/p",
               "must be a whole number");
}

static void every_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    struct run run = apply("{\"additionalProperties\": false, \"required\": [\"c\"],"
                           " \"properties\": {\"a\": {\"type\": \"integer\"}, \"c\": {},"
                           " \"l\": {\"items\": {\"maximum\": 2}}}}",
                           "{\n\"a\": true,\n\"b\": 1,\n\"l\": [1,\n3, 2,\n4]}");
    assert_int_equal(run.rc, SP_ERR_INVALID);
    assert_complaint(&run.report, FILE_NAME, 2, "/a", "must be a whole number, but is true");
    assert_complaint(&run.report, FILE_NAME, 3, "/b", "is not a known key");
    assert_complaint(&run.report, FILE_NAME, 5, "/l/1", "must be at most 2, but is 3");
    assert_complaint(&run.report, FILE_NAME, 6, "/l/3", "must be at most 2, but is 4");
    assert_complaint(&run.report, FILE_NAME, 1, "/c", "is missing");
    assert_int_equal(run.report.count, 5);
    finish(&run);
}

static void the_prefix_comes_first_in_keys_and_positions(void **state)
{
    (void)state;
    const char *text = "{\"plugins\": [\n{\"config\": {\n\"x\": 1}}]}";
    json_t *schema = load("{\"properties\": {\"x\": {\"type\": \"string\"}}}");
    json_t *value = load("{\"x\": 1}");
    struct positions *positions = positions_new(text, strlen(text));
    struct report report = {0};
    assert_int_equal(
        schema_apply(schema, value, FILE_NAME, "/plugins/0/config", positions, &report),
        SP_ERR_INVALID);
    assert_complaint(&report, FILE_NAME, 3, "/plugins/0/config/x", "must be a string");
    report_free(&report);
    positions_free(positions);
    json_decref(value);
    json_decref(schema);
}

static void keys_in_complaints_are_escaped(void **state)
{
    (void)state;
    expect_bad("{\"additionalProperties\": {\"type\": \"null\"}}", "{\"a/b~c\": 1}", "/a~1b~0c",
               "must be null");
}

static void long_values_are_not_shown(void **state)
{
    (void)state;
    char value[400];
    memset(value, 'x', sizeof value);
    value[0] = value[sizeof value - 2] = '"';
    value[sizeof value - 1] = '\0';
    expect_bad("{\"type\": \"null\"}", value, NULL, "but is a long string");
}

static void complaints_are_bounded(void **state)
{
    (void)state;
    char value[4096] = "[";
    for (int i = 0; i < 1000; i++)
        strcat(value, i ? ",1" : "1");
    strcat(value, "]");
    struct run run = apply("{\"items\": {\"type\": \"null\"}}", value);
    assert_int_equal(run.rc, SP_ERR_INVALID);
    assert_int_equal(run.report.count, SCHEMA_COMPLAINTS_MAX + 1);
    assert_complaint(&run.report, FILE_NAME, 0, NULL, "there may be more mistakes");
    finish(&run);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char value[512] = "";
    for (int i = 0; i < 200; i++)
        strcat(value, "[");
    for (int i = 0; i < 200; i++)
        strcat(value, "]");
    struct run run = apply("{\"items\": {\"$ref\": \"#\"}}", value);
    assert_int_equal(run.rc, SP_ERR_INVALID);
    assert_int_equal(run.report.count, 1);
    assert_non_null(strstr(run.report.complaints[0].text, "is nested deeper than"));
    finish(&run);
}

/* schema_check() refuses these; applied all the same, they must end. */
static void schemas_that_lead_back_to_themselves_end(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"$ref\": \"#\"}",
        "{\"properties\": {\"a\": {\"$ref\": \"#\", \"default\": {}},"
        "                  \"b\": {\"$ref\": \"#\", \"default\": {}}}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *schema = load(texts[i]), *value = json_object();
        struct report report = {0};
        assert_int_equal(schema_apply(schema, value, FILE_NAME, "", NULL, &report), SP_ERR_INVALID);
        assert_int_equal(report.count, 1);
        report_free(&report);
        json_decref(value);
        json_decref(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_told_apart),
        cmocka_unit_test(several_types_may_be_allowed),
        cmocka_unit_test(wrong_types_come_with_a_remedy),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(strings_are_measured_in_characters),
        cmocka_unit_test(strings_follow_their_pattern),
        cmocka_unit_test(choices_are_listed_and_suggested),
        cmocka_unit_test(lists_are_counted_and_looked_into),
        cmocka_unit_test(lists_may_be_without_repetition),
        cmocka_unit_test(missing_keys_are_named_with_their_meaning),
        cmocka_unit_test(unknown_keys_are_named_with_a_suggestion),
        cmocka_unit_test(other_keys_may_have_a_schema),
        cmocka_unit_test(defaults_are_filled_in_at_every_depth),
        cmocka_unit_test(defaults_are_copies),
        cmocka_unit_test(references_are_followed),
        cmocka_unit_test(every_mistake_is_told_with_its_line),
        cmocka_unit_test(the_prefix_comes_first_in_keys_and_positions),
        cmocka_unit_test(keys_in_complaints_are_escaped),
        cmocka_unit_test(long_values_are_not_shown),
        cmocka_unit_test(complaints_are_bounded),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(schemas_that_lead_back_to_themselves_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
