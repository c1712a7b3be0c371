/*
 * my-plugin.c: a plugin to start from. It refuses the password of one user and has no opinion on
 * all others.
 *
 * manifest.json says "threading": "connection": the functions run on threads of their own, where
 * they may wait; never twice at once for one connection, but at once for several.
 */
#include <sallyport/plugin.h>

#include <stdlib.h>
#include <string.h>

/* An instance: one use of the plugin in the daemon's configuration. */
struct my_plugin {
    const struct sp_host *host; /* what the daemon does for us */
};

static int is_text(struct sp_str a, const char *b)
{
    return a.len == strlen(b) && memcmp(a.data, b, a.len) == 0;
}

/* SP_ALLOW lets the user in, SP_DENY refuses, SP_NEXT asks the next plugin of the chain. */
static int32_t password(void *arg, const struct sp_auth_event *event)
{
    struct my_plugin *self = arg;
    if (!is_text(event->user, "guest"))
        return SP_NEXT;
    self->host->log(self->host, SP_LOG_INFO, sp_str_of("a guest was turned away"));
    return SP_DENY;
}

/* config_json is the instance's configuration, checked against the manifest. */
static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct my_plugin *self = calloc(1, sizeof *self);
    (void)config_json;
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    *ret_self = self;
    return 0;
}

static void destroy(void *self)
{
    free(self);
}

static const struct sp_auth_v1 auth = {
    .struct_size = sizeof auth,
    .password = password,
};

static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

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
