/* config.c: this plugin's configuration. Called by create(). */
#include "exec_shell.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return strdup(text ? text : "");
}

static bool list_has(const json_t *list, const char *word)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), word) == 0)
            return true;
    return false;
}

static char **list_of(const json_t *list)
{
    size_t count = json_array_size(list);
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++)
        copy[i] = strdup(json_string_value(json_array_get(list, i)));
    return copy;
}

int config_parse(const char *text, struct config *ret_config)
{
    json_t *json = json_loads(text, 0, NULL);
    const json_t *requests = json_object_get(json, "requests");
    *ret_config = (struct config){
        .serves_shell = list_has(requests, "shell"),
        .serves_exec = list_has(requests, "exec"),
        .shell = text_of(json, "shell"),
        .directory = text_of(json, "directory"),
        .path = text_of(json, "path"),
        .accept = list_of(json_object_get(json, "environment_accept")),
        .kill_after_ms = (uint64_t)json_integer_value(json_object_get(json, "kill_after_ms")),
    };
    json_decref(json);
    if (ret_config->shell && ret_config->directory && ret_config->path && ret_config->accept)
        return 0;
    config_clear(ret_config);
    return SP_E_NOMEM;
}

void config_clear(struct config *config)
{
    for (size_t i = 0; config->accept && config->accept[i]; i++)
        free(config->accept[i]);
    free(config->accept);
    free(config->shell);
    free(config->directory);
    free(config->path);
}
