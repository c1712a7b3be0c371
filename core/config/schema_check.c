/*
 * schema_check.c: checks that a schema says only what schema.c understands, and says it rightly.
 * Called for the schemas that come with plugins, before any value is checked against them. Any
 * thread.
 */
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/schema.h"
#include "config/suggest.h"

struct check {
    json_t *root;
    const char *file;
    struct report *report;
    size_t errors; /* in report before this check */
    unsigned depth;
};

static void check_schema(struct check *check, json_t *schema, const struct schema_place *place);

static void complain(struct check *check, const struct schema_place *place, const char *text,
                     const char *detail)
{
    char *key = schema_pointer("", place);
    report_error(check->report, check->file, 0, key && *key ? key : NULL, "%s%s", text, detail);
    free(key);
}

static void check_text(struct check *check, json_t *value, const struct schema_place *place)
{
    if (!json_is_string(value))
        complain(check, place, "must be a string", "");
}

static void check_number(struct check *check, json_t *value, const struct schema_place *place)
{
    if (!json_is_number(value))
        complain(check, place, "must be a number", "");
}

static void check_count(struct check *check, json_t *value, const struct schema_place *place)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        complain(check, place, "must be a whole number, 0 or more", "");
}

static void check_truth(struct check *check, json_t *value, const struct schema_place *place)
{
    if (!json_is_boolean(value))
        complain(check, place, "must be true or false", "");
}

static void check_any(struct check *check, json_t *value, const struct schema_place *place)
{
    (void)check;
    (void)value;
    (void)place;
}

static void check_list(struct check *check, json_t *value, const struct schema_place *place)
{
    if (json_array_size(value) == 0)
        complain(check, place, "must be a list with at least one element", "");
}

static void check_names(struct check *check, json_t *value, const struct schema_place *place)
{
    if (!json_is_array(value))
        complain(check, place, "must be a list of names", "");
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct schema_place here = {place, NULL, i};
        check_text(check, json_array_get(value, i), &here);
    }
}

static bool is_type(const json_t *name)
{
    static const char *const types[] = {"object", "array",   "string", "integer",
                                        "number", "boolean", "null"};
    for (size_t i = 0; json_is_string(name) && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i], json_string_value(name)) == 0)
            return true;
    return false;
}

static void check_type(struct check *check, json_t *value, const struct schema_place *place)
{
    bool good = is_type(value) || json_array_size(value) > 0;
    for (size_t i = 0; i < json_array_size(value); i++)
        good = good && is_type(json_array_get(value, i));
    if (!good)
        complain(check, place,
                 "must be object, array, string, integer, number, boolean or null, or a list of "
                 "these",
                 "");
}

/* \d and (?…) mean nothing, or something else, in a POSIX expression. */
static bool is_posix(const char *pattern)
{
    for (const char *c = pattern; *c; c++) {
        if (c[0] == '(' && c[1] == '?')
            return false;
        if (c[0] != '\\')
            continue;
        c++;
        if (*c == '\0' || !strchr(".[]{}()\\*+?^$|/-", *c))
            return false;
    }
    return true;
}

static void check_pattern(struct check *check, json_t *value, const struct schema_place *place)
{
    const char *pattern = json_string_value(value);
    if (!pattern) {
        complain(check, place, "must be a string", "");
        return;
    }
    if (!is_posix(pattern)) {
        complain(check, place,
                 "must be a POSIX extended regular expression: write [0-9] for \\d, [^ ] for \\S, "
                 "and no (?…)",
                 "");
        return;
    }
    regex_t regex;
    int rc = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (rc == 0) {
        regfree(&regex);
        return;
    }
    char why[128];
    regerror(rc, &regex, why, sizeof why);
    complain(check, place, "is no regular expression: ", why);
}

static void check_ref(struct check *check, json_t *value, const struct schema_place *place)
{
    const char *ref = json_string_value(value);
    json_t *target = ref ? schema_resolve(check->root, ref) : NULL;
    if (!target) {
        complain(check, place, "must be \"#\" or \"#/$defs/NAME\" with a NAME that is there", "");
        return;
    }
    for (int steps = 0; target; steps++) {
        if (steps == SCHEMA_DEPTH_MAX / 2) {
            complain(check, place, "leads back to itself", "");
            return;
        }
        ref = json_string_value(json_object_get(target, "$ref"));
        target = ref ? schema_resolve(check->root, ref) : NULL;
    }
}

static void check_schemas(struct check *check, json_t *value, const struct schema_place *place)
{
    if (!json_is_object(value))
        complain(check, place, "must be an object of schemas", "");
    const char *name;
    json_t *schema;
    json_object_foreach(value, name, schema)
    {
        struct schema_place here = {place, name, 0};
        check_schema(check, schema, &here);
    }
}

static void check_schema_or_truth(struct check *check, json_t *value,
                                  const struct schema_place *place)
{
    if (!json_is_boolean(value))
        check_schema(check, value, place);
}

typedef void check_function(struct check *check, json_t *value, const struct schema_place *place);

static const struct keyword {
    const char *name;
    check_function *check;
} keywords[] = {
    {"type", check_type},        {"properties", check_schemas},
    {"required", check_names},   {"additionalProperties", check_schema_or_truth},
    {"items", check_schema},     {"minItems", check_count},
    {"maxItems", check_count},   {"uniqueItems", check_truth},
    {"enum", check_list},        {"const", check_any},
    {"minimum", check_number},   {"maximum", check_number},
    {"minLength", check_count},  {"maxLength", check_count},
    {"pattern", check_pattern},  {"default", check_any},
    {"description", check_text}, {"title", check_text},
    {"$schema", check_text},     {"$id", check_text},
    {"$defs", check_schemas},    {"$ref", check_ref},
};

static void check_keyword(struct check *check, const char *name, json_t *value,
                          const struct schema_place *place)
{
    struct suggestion suggestion;
    suggest_start(&suggestion, name);
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (strcmp(keywords[i].name, name) == 0) {
            keywords[i].check(check, value, place);
            return;
        }
        suggest_offer(&suggestion, keywords[i].name);
    }
    if (suggestion.best)
        complain(check, place, "is no keyword that is checked here; did you mean ",
                 suggestion.best);
    else
        complain(check, place, "is no keyword that is checked here; remove it", "");
}

/* Keys that could never be given must not be required. */
static void check_required(struct check *check, json_t *schema, const struct schema_place *place)
{
    json_t *required = json_object_get(schema, "required");
    if (!json_is_false(json_object_get(schema, "additionalProperties")))
        return;
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (name && !json_object_get(json_object_get(schema, "properties"), name))
            complain(check, place, "requires a property that is not described: ", name);
    }
}

static void check_schema(struct check *check, json_t *schema, const struct schema_place *place)
{
    if (!json_is_object(schema)) {
        complain(check, place, "must be a schema: an object {…}", "");
        return;
    }
    if (check->depth == SCHEMA_DEPTH_MAX) {
        complain(check, place, "is nested too deep", "");
        return;
    }
    check->depth++;
    const char *name;
    json_t *value;
    json_object_foreach(schema, name, value)
    {
        struct schema_place here = {place, name, 0};
        check_keyword(check, name, value, &here);
    }
    check_required(check, schema, place);
    check->depth--;
}

/* Defaults must be what their schemas ask for. Done last: it needs a schema without mistakes. */
static void check_defaults(struct check *check, json_t *schema, const struct schema_place *place)
{
    static const char *const of_schemas[] = {"properties", "$defs"};
    static const char *const of_schema[] = {"items", "additionalProperties"};
    const char *name;
    json_t *inner;
    json_t *preset = json_deep_copy(json_object_get(schema, "default"));
    if (preset) {
        struct schema_place here = {place, "default", 0};
        char *prefix = schema_pointer("", &here);
        schema_apply_part(check->root, schema, preset, check->file, prefix ? prefix : "", NULL,
                          check->report);
        free(prefix);
        json_decref(preset);
    }
    for (size_t i = 0; i < sizeof of_schemas / sizeof of_schemas[0]; i++) {
        struct schema_place holder = {place, of_schemas[i], 0};
        json_object_foreach(json_object_get(schema, of_schemas[i]), name, inner)
        {
            struct schema_place here = {&holder, name, 0};
            check_defaults(check, inner, &here);
        }
    }
    for (size_t i = 0; i < sizeof of_schema / sizeof of_schema[0]; i++) {
        struct schema_place here = {place, of_schema[i], 0};
        inner = json_object_get(schema, of_schema[i]);
        if (json_is_object(inner))
            check_defaults(check, inner, &here);
    }
}

int schema_check(json_t *schema, const char *file, struct report *report)
{
    struct check check = {.root = schema, .file = file, .report = report, .errors = report->errors};
    check_schema(&check, schema, NULL);
    if (report->errors == check.errors)
        check_defaults(&check, schema, NULL);
    return report->errors == check.errors ? 0 : SP_ERR_INVALID;
}
