/* The schema that is compiled in, the documents that describe it, and the configuration that is
 * shipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>

#include "config/config.h"
#include "config/schema.h"
#include "unit/config/complaints.h"

extern const char config_schema_text[];
extern const size_t config_schema_text_length;

struct documents {
    json_t *schema;
    char *reference; /* docs/reference/configuration.md */
    char *manual;    /* docs/man/sallyport.json.5 */
    size_t properties;
};

static char *read_document(const char *name)
{
    char *text = calloc(1, 1 << 20);
    FILE *file = fopen(name, "r");
    if (!file)
        fail_msg("%s cannot be read", name);
    assert_non_null(text);
    size_t len = fread(text, 1, (1 << 20) - 1, file);
    assert_true(len > 0);
    fclose(file);
    return text;
}

static int set_up(void **state)
{
    struct documents *documents = calloc(1, sizeof *documents);
    assert_non_null(documents);
    documents->schema = json_loadb(config_schema_text, config_schema_text_length, 0, NULL);
    assert_non_null(documents->schema);
    documents->reference = read_document(TEST_SOURCE_DIR "/docs/reference/configuration.md");
    documents->manual = read_document(TEST_SOURCE_DIR "/docs/man/sallyport.json.5");
    *state = documents;
    return 0;
}

static int tear_down(void **state)
{
    struct documents *documents = *state;
    json_decref(documents->schema);
    free(documents->reference);
    free(documents->manual);
    free(documents);
    return 0;
}

static void the_schema_uses_only_what_is_checked(void **state)
{
    struct documents *documents = *state;
    struct report report = {0};
    int rc = schema_check(documents->schema, "sallyport.schema.json", &report);
    assert_no_complaint(&report);
    assert_int_equal(rc, 0);
    report_free(&report);
}

typedef void visitor(struct documents *documents, const char *path, json_t *property);

/* Visit every property below schema; path is "listeners[].port". */
static void visit(struct documents *documents, json_t *schema, const char *path, visitor *each)
{
    const char *name;
    json_t *property;
    json_t *items = json_object_get(schema, "items");
    char inner[256];
    if (items) {
        snprintf(inner, sizeof inner, "%s[]", path);
        visit(documents, items, inner, each);
    }
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "." : "", name);
        each(documents, inner, property);
        documents->properties++;
        visit(documents, property, inner, each);
    }
}

static void visit_all(struct documents *documents, visitor *each)
{
    documents->properties = 0;
    visit(documents, documents->schema, "", each);
    assert_true(documents->properties > 60); /* else visiting is broken */
}

static void expect_description(struct documents *documents, const char *path, json_t *property)
{
    (void)documents;
    const char *text = json_string_value(json_object_get(property, "description"));
    if (!text || strlen(text) < 10 || text[strlen(text) - 1] != '.')
        fail_msg("%s has no description that is a sentence", path);
}

static void every_property_has_a_description(void **state)
{
    visit_all(*state, expect_description);
}

/* How a document writes a default. */
struct style {
    const char *before, *after;             /* around a number or truth value */
    const char *quote_before, *quote_after; /* around a string */
};

/* entry shows the default; of a list, each element. */
static void expect_default(const char *path, const char *entry, json_t *preset,
                           const struct style *style)
{
    json_t *element;
    size_t index;
    char wanted[256];
    json_array_foreach(preset, index, element) expect_default(path, entry, element, style);
    if (!preset || json_is_array(preset) || json_is_object(preset))
        return;
    if (json_is_string(preset)) {
        snprintf(wanted, sizeof wanted, "%s%s%s", style->quote_before, json_string_value(preset),
                 style->quote_after);
    } else {
        char *text = json_dumps(preset, JSON_ENCODE_ANY);
        snprintf(wanted, sizeof wanted, "%s%s%s", style->before, text, style->after);
        free(text);
    }
    if (!strstr(entry, wanted))
        fail_msg("%s: the default %s is not in \"%s\"", path, wanted, entry);
}

static void expect_reference(struct documents *documents, const char *path, json_t *property)
{
    static const struct style style = {"| `", "` |", "`\"", "\"`"};
    char wanted[300], *entry;
    snprintf(wanted, sizeof wanted, "\n| `%s` | ", path);
    const char *row = strstr(documents->reference, wanted);
    if (!row)
        fail_msg("%s is not in docs/reference/configuration.md", path);
    assert_non_null(row);
    entry = strndup(row + 1, strcspn(row + 1, "\n"));
    assert_non_null(entry);
    expect_default(path, entry, json_object_get(property, "default"), &style);
    free(entry);
}

static void the_reference_has_every_property_and_default(void **state)
{
    visit_all(*state, expect_reference);
}

/* The text of an entry of the manual on one line. */
static char *manual_entry(const char *start)
{
    const char *end = strstr(start + 1, "\n.");
    char *entry = strndup(start, end ? (size_t)(end - start) : strlen(start));
    for (char *c = entry; c && *c; c++)
        if (*c == '\n')
            *c = ' ';
    return entry;
}

static void expect_manual(struct documents *documents, const char *path, json_t *property)
{
    static const struct style style = {"default ", ")", "\\(dq", "\\(dq"};
    char wanted[300];
    snprintf(wanted, sizeof wanted, "\n.It Cm %s\n", path);
    const char *item = strstr(documents->manual, wanted);
    if (!item)
        fail_msg("%s is not in docs/man/sallyport.json.5", path);
    assert_non_null(item);
    char *entry = manual_entry(item + strlen(wanted) - 1);
    assert_non_null(entry);
    expect_default(path, entry, json_object_get(property, "default"), &style);
    free(entry);
}

static void the_manual_has_every_property_and_default(void **state)
{
    visit_all(*state, expect_manual);
}

static void the_shipped_configuration_is_good(void **state)
{
    (void)state;
    struct report report = {0};
    struct config *config;
    int rc = config_load(TEST_SOURCE_DIR "/config/sallyport.json", &config, &report);
    report_print(&report, 2);
    assert_int_equal(rc, 0);
    assert_int_equal(report.errors, 0);
    assert_non_null(config_plugin_find(config, config->mounts[0].provider));
    config_free(config);
    report_free(&report);
}

static void the_shipped_configuration_suits_the_shipped_plugins(void **state)
{
    (void)state;
    struct report report = {0};
    struct config *config;
    assert_int_equal(config_load(TEST_SOURCE_DIR "/config/sallyport.json", &config, &report), 0);
    for (size_t i = 0; i < config->plugins_count; i++) {
        char name[512], prefix[64];
        snprintf(name, sizeof name, "%s/plugins/%s/manifest.json", TEST_SOURCE_DIR,
                 config->plugins[i].plugin);
        snprintf(prefix, sizeof prefix, "/plugins/%zu/config", i);
        json_t *manifest = json_load_file(name, 0, NULL);
        json_t *schema = json_object_get(manifest, "configuration");
        json_t *value = json_loads(config->plugins[i].config_json, 0, NULL);
        assert_non_null(schema);
        schema_check(schema, name, &report);
        schema_apply(schema, value, config->file, prefix, config->positions, &report);
        json_decref(value);
        json_decref(manifest);
    }
    report_print(&report, 2);
    assert_int_equal(report.errors, 0);
    config_free(config);
    report_free(&report);
}

/* An example is a configuration, or one key of it that is made into one here. */
static void expect_good_example(const char *example, int len)
{
    static const char listeners[] = "\"listeners\": [{\"address\": \"*\"}]";
    static const char plugins[] =
        "\"plugins\": [{\"name\": \"files\"}, {\"name\": \"shell\"}, {\"name\": \"staff\"},"
        " {\"name\": \"guests\"}, {\"name\": \"router\"}]";
    struct report report = {0};
    struct config *config;
    char *text;
    int size;
    if (example[0] == '{')
        size = asprintf(&text, "%.*s", len, example);
    else if (strncmp(example, "\"listeners\"", 11) == 0)
        size = asprintf(&text, "{%.*s}", len, example);
    else if (strncmp(example, "\"plugins\"", 9) == 0)
        size = asprintf(&text, "{%.*s, %s}", len, example, listeners);
    else
        size = asprintf(&text, "{%.*s, %s, %s}", len, example, listeners, plugins);
    assert_true(size > 0);
    if (config_parse(text, (size_t)size, "/reference", &config, &report) < 0) {
        report_print(&report, 2);
        fail_msg("this example is wrong:\n%s", text);
    }
    config_free(config);
    report_free(&report);
    free(text);
}

static void examples_in_the_reference_are_good(void **state)
{
    struct documents *documents = *state;
    static const char fence[] = "```json\n";
    size_t examples = 0;
    for (const char *at = strstr(documents->reference, fence); at; at = strstr(at, fence)) {
        at += sizeof fence - 1;
        const char *end = strstr(at, "\n```");
        assert_non_null(end);
        expect_good_example(at, (int)(end - at));
        examples++;
    }
    assert_true(examples >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_uses_only_what_is_checked),
        cmocka_unit_test(every_property_has_a_description),
        cmocka_unit_test(the_reference_has_every_property_and_default),
        cmocka_unit_test(the_manual_has_every_property_and_default),
        cmocka_unit_test(the_shipped_configuration_is_good),
        cmocka_unit_test(the_shipped_configuration_suits_the_shipped_plugins),
        cmocka_unit_test(examples_in_the_reference_are_good),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
