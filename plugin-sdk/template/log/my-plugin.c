/*
 * my-plugin.c: appends records of one kind to a file.
 *
 * manifest.json says "threading": "serial": the functions are called one at a time, on a thread
 * where they may wait. So there are no locks here.
 */
#include <sallyport/helpers.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An instance: one use of the plugin in the daemon's configuration. */
struct instance {
    const struct sp_host *host; /* what the daemon does for us */
    json_t *config;
    FILE *file;
};

/* A record: its name, and its fields as they are in the daemon's own log. Nobody waits for what
 * this returns; whoever is too slow is told in the next record how many were lost. */
static int32_t record(void *arg, const struct sp_log_event *event)
{
    struct instance *self = arg;
    const char *kind = json_string_value(json_object_get(self->config, "event"));
    if (event->dropped > 0)
        fprintf(self->file, "(%" PRIu64 " records are missing)\n", event->dropped);
    if (strncmp(event->name.data, kind, strlen(kind)) != 0)
        return SP_OK;
    fprintf(self->file, "%" PRId64 " %s %s\n", event->time_ms, event->name.data, event->text.data);
    return fflush(self->file) == 0 ? SP_OK : SP_E_FAILED;
}

static void destroy(void *arg)
{
    struct instance *self = arg;
    if (self->file)
        fclose(self->file);
    json_decref(self->config);
    free(self);
}

/* config_json is the instance's configuration: checked against the manifest, defaults filled in. */
static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct instance *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    const char *path = json_string_value(json_object_get(self->config, "file"));
    if (path && !(self->file = fopen(path, "ae"))) /* "e": not for processes that others start */
        sp_log(host, SP_LOG_ERROR, "its file cannot be written");
    *ret_self = self;
    return self->file ? 0 : (destroy(self), SP_E_FAILED);
}

/* A slot that is left out is not called. */
static const struct sp_log_v1 log_table = {
    .struct_size = sizeof log_table,
    .record = record,
};
static const struct sp_interface interfaces[] = {{SP_LOG_INTERFACE, &log_table}, {NULL, NULL}};

/* The one symbol that the daemon looks for. It must agree with the manifest. */
SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "my-plugin",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
