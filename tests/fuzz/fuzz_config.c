/*
 * fuzz_config.c: any text as a configuration, and as a schema for itself. Neither may crash, hang
 * or leak, and a configuration is given exactly when no error is reported.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

#include "config/config.h"
#include "config/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_schema(const char *text, size_t len)
{
    struct report report = {0};
    json_t *schema = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *value = json_deep_copy(schema);
    struct positions *positions = positions_new(text, len);
    if (schema) {
        schema_check(schema, "fuzz", &report);
        schema_apply(schema, value, "fuzz", "", positions, &report);
    }
    positions_free(positions);
    json_decref(value);
    json_decref(schema);
    report_free(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct report report = {0};
    struct config *config;
    int rc = config_parse((const char *)data, size, "/fuzz/config.json", &config, &report);
    if ((rc == 0) != (config != NULL) || (rc == 0) != (report.errors == 0))
        abort();
    config_free(config);
    report_free(&report);
    try_schema((const char *)data, size);
    return 0;
}
