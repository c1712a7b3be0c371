/*
 * options.c: the configuration, beyond what its schema can say. Called by auth-http.c at creation.
 */
#include "auth_http.h"

#include <jansson.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t method;
} method_names[] = {{"none", SP_METHOD_NONE},
                    {"password", SP_METHOD_PASSWORD},
                    {"publickey", SP_METHOD_PUBLICKEY},
                    {"keyboard-interactive", SP_METHOD_KEYBOARD_INTERACTIVE},
                    {"gssapi-with-mic", SP_METHOD_GSSAPI}};

const char *method_name(uint32_t method)
{
    for (size_t i = 0; i < sizeof method_names / sizeof *method_names; i++)
        if (method_names[i].method == method)
            return method_names[i].name;
    return "unknown";
}

uint32_t method_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof method_names / sizeof *method_names; i++)
        if (strcmp(method_names[i].name, name) == 0)
            return method_names[i].method;
    return 0;
}

int options_read(const struct sp_host *host, const char *config_json, struct options *ret_options)
{
    json_t *json = json_loads(config_json, 0, NULL);
    const json_t *methods = json_object_get(json, "methods");
    const json_t *cache = json_object_get(json, "cache");
    *ret_options = (struct options){
        .json = json,
        .cache_entries = (size_t)json_integer_value(json_object_get(cache, "entries")),
        .cache_allow_ms = json_integer_value(json_object_get(cache, "allow_ms")),
        .cache_deny_ms = json_integer_value(json_object_get(cache, "deny_ms")),
    };
    for (size_t i = 0; i < json_array_size(methods); i++)
        ret_options->methods |= method_by_name(json_string_value(json_array_get(methods, i)));
    return http_options_read(host, json, &ret_options->http);
}

void options_clear(struct options *options)
{
    json_decref(options->json);
    *options = (struct options){0};
}
