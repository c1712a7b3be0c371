/*
 * my-plugin.c: a hook on operations on files: takes no files whose names end in certain ways, and
 * tells the log what was written.
 *
 * manifest.json says which families of operations it is asked about, and "threading": "reactor":
 * the functions are called on the daemon's event loop, one at a time, and must not wait. A hook
 * that asks somebody else says "connection" instead.
 */
#include <sallyport/helpers.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An instance: one use of the plugin in the daemon's configuration. */
struct instance {
    const struct sp_host *host; /* what the daemon does for us */
    json_t *config;
};

static int ends_with(struct sp_str name, const char *end)
{
    size_t length = strlen(end);
    return name.len >= length && memcmp(name.data + name.len - length, end, length) == 0;
}

static int is_unwanted(const struct instance *self, struct sp_str name)
{
    json_t *list = json_object_get(self->config, "refuse");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (ends_with(name, json_string_value(json_array_get(list, i))))
            return 1;
    return 0;
}

/* Before a file is opened or renamed, whoever stores it and whether SFTP or scp asks. SP_NEXT: no
 * objection. */
static int32_t before(void *arg, const struct sp_sftp_event *event)
{
    struct instance *self = arg;
    int is_rename = event->family & SP_SFTP_RENAME;
    if (!is_rename && !(event->flags & (SP_OPEN_WRITE | SP_OPEN_CREATE)))
        return SP_NEXT; /* it is only read */
    if (is_unwanted(self, is_rename ? event->target : event->path))
        return sp_sftp_deny(self->host, &event->head, SP_FS_PERMISSION_DENIED,
                            "files of this kind are not taken here");
    return SP_NEXT;
}

/* After a file was closed, with what became of it. SP_NEXT leaves the result as it is. */
static int32_t after(void *arg, const struct sp_sftp_event *event)
{
    struct instance *self = arg;
    struct sp_str user = event->head.connection->user;
    char line[512];
    if (!(event->flags & SP_OPEN_WRITE))
        return SP_NEXT;
    snprintf(line, sizeof line, "%.64s has %s %.256s", user.data ? user.data : "",
             event->status == SP_FS_OK ? "written" : "not finished", event->path.data);
    sp_log(self->host, SP_LOG_INFO, line);
    return SP_NEXT;
}

static void destroy(void *arg)
{
    struct instance *self = arg;
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
    *ret_self = self;
    return self->config ? 0 : (destroy(self), SP_E_NOMEM);
}

/* A slot that is left out has no opinion. */
static const struct sp_sftp_v1 hooks = {
    .struct_size = sizeof hooks,
    .before = before,
    .after = after,
};
static const struct sp_interface interfaces[] = {{SP_SFTP_INTERFACE, &hooks}, {NULL, NULL}};

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
