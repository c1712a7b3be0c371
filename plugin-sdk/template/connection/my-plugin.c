/*
 * my-plugin.c: refuses clients by how their addresses begin.
 *
 * manifest.json says "threading": "connection": the functions run on threads of their own, where
 * they may wait; never twice at once for one connection, but at once for several.
 */
#include <sallyport/helpers.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* An instance: one use of the plugin in the daemon's configuration. */
struct instance {
    const struct sp_host *host; /* what the daemon does for us */
    json_t *config;
};

/* A client has connected, and no SSH has been spoken. SP_NEXT asks the next plugin of the chain; if
 * none has an opinion, the client may go on. */
static int32_t request(void *arg, const struct sp_connection_event *event)
{
    struct instance *self = arg;
    struct sp_str address = event->head.connection->remote_address;
    json_t *list = json_object_get(self->config, "refuse");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *start = json_string_value(json_array_get(list, i));
        if (strncmp(address.data, start, strlen(start)) == 0)
            return sp_refuse_connection(self->host, &event->head, "its address is not wanted");
    }
    return SP_NEXT;
}

/* The connection is gone. Nobody waits for what this returns. */
static int32_t disconnected(void *arg, const struct sp_connection_event *event)
{
    struct instance *self = arg;
    (void)event;
    sp_log(self->host, SP_LOG_INFO, "a client has left");
    return SP_OK;
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
static const struct sp_connection_v1 connection = {
    .struct_size = sizeof connection,
    .request = request,
    .disconnected = disconnected,
};
static const struct sp_interface interfaces[] = {{SP_CONNECTION_INTERFACE, &connection},
                                                 {NULL, NULL}};

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
