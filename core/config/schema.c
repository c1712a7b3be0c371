/*
 * schema.c: checks a JSON value against a schema, complaining about every mistake, and fills in
 * defaults. Called for our own configuration, for manifests and for plugins' configurations. Any
 * thread.
 */
#include "config/schema.h"

#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/schema_words.h"
#include "config/suggest.h"

struct walk {
    json_t *root;
    const char *file;
    const char *prefix;
    const struct positions *positions;
    struct report *report;
    unsigned depth;
    unsigned complaints;
    bool is_stopped;
};

static void apply(struct walk *walk, json_t *schema, json_t *value,
                  const struct schema_place *place);

__attribute__((format(printf, 3, 4))) static void
complain(struct walk *walk, const struct schema_place *place, const char *format, ...)
{
    if (walk->is_stopped)
        return;
    char *key = schema_pointer(walk->prefix, place);
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    report_error(walk->report, walk->file, key ? positions_line(walk->positions, key) : 0,
                 key && *key ? key : NULL, "%s", text ? text : "out of memory");
    free(text);
    free(key);
    if (++walk->complaints == SCHEMA_COMPLAINTS_MAX) {
        report_error(walk->report, walk->file, 0, NULL,
                     "there may be more mistakes; correct these %d first", SCHEMA_COMPLAINTS_MAX);
        walk->is_stopped = true;
    }
}

json_t *schema_resolve(json_t *root, const char *ref)
{
    static const char defs[] = "#/$defs/";
    if (strcmp(ref, "#") == 0)
        return root;
    if (strncmp(ref, defs, sizeof defs - 1) != 0)
        return NULL;
    return json_object_get(json_object_get(root, "$defs"), ref + sizeof defs - 1);
}

static bool is_of_type(const json_t *value, const char *type)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return strcmp(type, "object") == 0;
    case JSON_ARRAY:
        return strcmp(type, "array") == 0;
    case JSON_STRING:
        return strcmp(type, "string") == 0;
    case JSON_INTEGER:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case JSON_REAL:
        return strcmp(type, "number") == 0;
    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(type, "boolean") == 0;
    case JSON_NULL:
        return strcmp(type, "null") == 0;
    }
    return false;
}

static bool check_type(struct walk *walk, json_t *schema, json_t *value,
                       const struct schema_place *place)
{
    json_t *type = json_object_get(schema, "type");
    if (!type)
        return true;
    if (json_is_string(type) && is_of_type(value, json_string_value(type)))
        return true;
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *name = json_string_value(json_array_get(type, i));
        if (name && is_of_type(value, name))
            return true;
    }
    char expected[SCHEMA_WORDS_MAX], found[SCHEMA_WORDS_MAX], remedy[SCHEMA_WORDS_MAX];
    schema_words_types(expected, type);
    schema_words_value(found, value);
    schema_words_type_remedy(remedy, type, value);
    complain(walk, place, "must be %s, but is %s%s", expected, found, remedy);
    return false;
}

static void check_choice(struct walk *walk, json_t *schema, json_t *value,
                         const struct schema_place *place)
{
    char wanted[SCHEMA_WORDS_MAX], found[SCHEMA_WORDS_MAX];
    json_t *constant = json_object_get(schema, "const");
    schema_words_value(found, value);
    if (constant && !json_equal(constant, value)) {
        schema_words_value(wanted, constant);
        complain(walk, place, "must be %s, but is %s", wanted, found);
    }
    json_t *choices = json_object_get(schema, "enum");
    if (!json_is_array(choices))
        return;
    struct suggestion suggestion;
    const char *word = json_string_value(value);
    suggest_start(&suggestion, word);
    for (size_t i = 0; i < json_array_size(choices); i++) {
        json_t *choice = json_array_get(choices, i);
        if (json_equal(choice, value))
            return;
        if (word && json_is_string(choice))
            suggest_offer(&suggestion, json_string_value(choice));
    }
    schema_words_list(wanted, choices);
    if (suggestion.best)
        complain(walk, place, "must be one of %s, but is %s; did you mean \"%s\"?", wanted, found,
                 suggestion.best);
    else
        complain(walk, place, "must be one of %s, but is %s", wanted, found);
}

/* As by strcmp(). */
static int compare_numbers(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return x < y ? -1 : x > y;
    }
    double x = json_number_value(a), y = json_number_value(b);
    return x < y ? -1 : x > y;
}

static void check_number(struct walk *walk, json_t *schema, json_t *value,
                         const struct schema_place *place)
{
    json_t *minimum = json_object_get(schema, "minimum");
    json_t *maximum = json_object_get(schema, "maximum");
    bool is_small = json_is_number(minimum) && compare_numbers(value, minimum) < 0;
    bool is_large = json_is_number(maximum) && compare_numbers(value, maximum) > 0;
    if (!is_small && !is_large)
        return;
    char low[SCHEMA_WORDS_MAX], high[SCHEMA_WORDS_MAX], found[SCHEMA_WORDS_MAX];
    schema_words_value(found, value);
    schema_words_value(low, minimum);
    schema_words_value(high, maximum);
    if (json_is_number(minimum) && json_is_number(maximum))
        complain(walk, place, "must be from %s to %s, but is %s", low, high, found);
    else
        complain(walk, place, "must be at %s %s, but is %s", is_small ? "least" : "most",
                 is_small ? low : high, found);
}

/* What the schema says about itself, in parentheses, or "". */
static const char *hint(json_t *schema, char out[SCHEMA_WORDS_MAX])
{
    const char *description = json_string_value(json_object_get(schema, "description"));
    out[0] = '\0';
    if (description)
        snprintf(out, SCHEMA_WORDS_MAX, " (%s)", description);
    return out;
}

static void check_pattern(struct walk *walk, json_t *schema, json_t *value,
                          const struct schema_place *place)
{
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));
    regex_t regex;
    if (!pattern)
        return;
    int rc = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (rc == REG_ESPACE)
        complain(walk, place, "out of memory");
    if (rc != 0) /* schema_check() has complained */
        return;
    bool matches = regexec(&regex, json_string_value(value), 0, NULL, 0) == 0;
    regfree(&regex);
    if (matches)
        return;
    char why[SCHEMA_WORDS_MAX], found[SCHEMA_WORDS_MAX];
    schema_words_value(found, value);
    hint(schema, why);
    if (why[0])
        complain(walk, place, "has not the right form: %s%s", found, why);
    else
        complain(walk, place, "must match the pattern %s, but is %s", pattern, found);
}

/* Hold a length against its two bounds. False if it is out of them. */
static bool check_length(struct walk *walk, json_t *schema, const char *const bounds[2],
                         const char *unit, json_int_t length, const struct schema_place *place)
{
    char why[SCHEMA_WORDS_MAX];
    for (int is_maximum = 0; is_maximum < 2; is_maximum++) {
        json_t *bound = json_object_get(schema, bounds[is_maximum]);
        json_int_t limit = json_integer_value(bound);
        if (!json_is_integer(bound) || (is_maximum ? length <= limit : length >= limit))
            continue;
        if (length == 0)
            complain(walk, place, "must not be empty%s", hint(schema, why));
        else
            complain(walk, place,
                     "must have at %s %" JSON_INTEGER_FORMAT " %s%s, but has %" JSON_INTEGER_FORMAT
                     "%s",
                     is_maximum ? "most" : "least", limit, unit, limit == 1 ? "" : "s", length,
                     hint(schema, why));
        return false;
    }
    return true;
}

static void check_string(struct walk *walk, json_t *schema, json_t *value,
                         const struct schema_place *place)
{
    static const char *const bounds[] = {"minLength", "maxLength"};
    json_int_t length = 0;
    for (const char *c = json_string_value(value); *c; c++)
        if (((unsigned char)*c & 0xc0u) != 0x80u) /* a character begins */
            length++;
    if (check_length(walk, schema, bounds, "character", length, place))
        check_pattern(walk, schema, value, place);
}

struct element {
    char *text; /* in a canonical form */
    size_t index;
};

static int compare_elements(const void *a, const void *b)
{
    const struct element *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : x->index < y->index ? -1 : 1;
}

/* Sorted rather than each against each: a list may be long. */
static void check_unique(struct walk *walk, json_t *value, const struct schema_place *place)
{
    size_t count = json_array_size(value);
    struct element *elements = calloc(count ? count : 1, sizeof *elements);
    bool is_complete = elements != NULL;
    for (size_t i = 0; is_complete && i < count; i++) {
        elements[i].index = i;
        elements[i].text =
            json_dumps(json_array_get(value, i), JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
        is_complete = elements[i].text != NULL;
    }
    if (is_complete) {
        qsort(elements, count, sizeof *elements, compare_elements);
        for (size_t i = 1; i < count; i++) {
            if (strcmp(elements[i - 1].text, elements[i].text) != 0)
                continue;
            struct schema_place element = {place, NULL, elements[i].index};
            complain(walk, &element, "stands in the list before, as number %zu; remove one",
                     elements[i - 1].index + 1);
        }
    } else {
        complain(walk, place, "out of memory");
    }
    for (size_t i = 0; elements && i < count; i++)
        free(elements[i].text);
    free(elements);
}

static void check_array(struct walk *walk, json_t *schema, json_t *value,
                        const struct schema_place *place)
{
    static const char *const bounds[] = {"minItems", "maxItems"};
    if (!check_length(walk, schema, bounds, "element", (json_int_t)json_array_size(value), place))
        return;
    json_t *items = json_object_get(schema, "items");
    for (size_t i = 0; items && i < json_array_size(value); i++) {
        struct schema_place element = {place, NULL, i};
        apply(walk, items, json_array_get(value, i), &element);
    }
    if (json_is_true(json_object_get(schema, "uniqueItems")))
        check_unique(walk, value, place);
}

static void check_unknown(struct walk *walk, json_t *properties, const struct schema_place *place)
{
    struct suggestion suggestion;
    suggest_start(&suggestion, place->key);
    const char *name;
    json_t *property;
    json_object_foreach(properties, name, property) suggest_offer(&suggestion, name);
    if (suggestion.best) {
        complain(walk, place, "is not a known key; did you mean \"%s\"?", suggestion.best);
        return;
    }
    char known[SCHEMA_WORDS_MAX];
    schema_words_keys(known, properties);
    complain(walk, place, "is not a known key; known here: %s", known);
}

static void check_missing(struct walk *walk, json_t *schema, json_t *properties, json_t *value,
                          const struct schema_place *place)
{
    json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (!name || json_object_get(value, name))
            continue;
        struct schema_place missing = {place, name, 0};
        char why[SCHEMA_WORDS_MAX];
        complain(walk, &missing, "is missing; add it%s",
                 hint(json_object_get(properties, name), why));
    }
}

/* Give value the property's default if it has none itself. */
static json_t *property_or_default(struct walk *walk, json_t *property, const char *name,
                                   json_t *value, const struct schema_place *place)
{
    json_t *found = json_object_get(value, name);
    json_t *preset = json_object_get(property, "default");
    if (found || !preset)
        return found;
    if (json_object_set_new_nocheck(value, name, json_deep_copy(preset)) < 0)
        complain(walk, place, "out of memory");
    return json_object_get(value, name);
}

static void check_object(struct walk *walk, json_t *schema, json_t *value,
                         const struct schema_place *place)
{
    json_t *properties = json_object_get(schema, "properties");
    json_t *others = json_object_get(schema, "additionalProperties");
    const char *name;
    json_t *property, *member;
    check_missing(walk, schema, properties, value, place);
    json_object_foreach(value, name, member)
    {
        struct schema_place here = {place, name, 0};
        if (walk->is_stopped)
            return;
        if (json_object_get(properties, name))
            continue;
        if (json_is_false(others))
            check_unknown(walk, properties, &here);
        else if (json_is_object(others))
            apply(walk, others, member, &here);
    }
    json_object_foreach(properties, name, property)
    {
        struct schema_place here = {place, name, 0};
        member = property_or_default(walk, property, name, value, &here);
        if (member)
            apply(walk, property, member, &here);
    }
}

static void apply(struct walk *walk, json_t *schema, json_t *value,
                  const struct schema_place *place)
{
    if (walk->is_stopped)
        return;
    if (walk->depth == SCHEMA_DEPTH_MAX) {
        /* Stop altogether: a default that holds itself would go on in every branch. */
        complain(walk, place, "is nested deeper than %d levels", SCHEMA_DEPTH_MAX);
        walk->is_stopped = true;
        return;
    }
    walk->depth++;
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    json_t *target = ref ? schema_resolve(walk->root, ref) : NULL;
    if (target)
        apply(walk, target, value, place);
    if (check_type(walk, schema, value, place)) {
        check_choice(walk, schema, value, place);
        if (json_is_number(value))
            check_number(walk, schema, value, place);
        else if (json_is_string(value))
            check_string(walk, schema, value, place);
        else if (json_is_array(value))
            check_array(walk, schema, value, place);
        else if (json_is_object(value))
            check_object(walk, schema, value, place);
    }
    walk->depth--;
}

int schema_apply_part(json_t *root, json_t *schema, json_t *value, const char *file,
                      const char *prefix, const struct positions *positions, struct report *report)
{
    struct walk walk = {
        .root = root, .file = file, .prefix = prefix, .positions = positions, .report = report};
    apply(&walk, schema, value, NULL);
    return walk.complaints ? SP_ERR_INVALID : 0;
}

int schema_apply(json_t *schema, json_t *value, const char *file, const char *prefix,
                 const struct positions *positions, struct report *report)
{
    return schema_apply_part(schema, schema, value, file, prefix, positions, report);
}
