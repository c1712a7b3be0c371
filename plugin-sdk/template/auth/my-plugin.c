/*
 * my-plugin.c: lets one user in by a password.
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

static struct sp_str setting(const struct instance *self, const char *key)
{
    return sp_str_of(json_string_value(json_object_get(self->config, key)));
}

/* Ask your own database here. SP_NEXT leaves a user to the next plugin of the chain; whoever is let
 * in may do what the grant says, and nothing else. */
static int32_t password(void *arg, const struct sp_auth_event *event)
{
    struct instance *self = arg;
    struct sp_grant grant = sp_grant_of(SP_PERMIT_SFTP | SP_PERMIT_EXEC);
    if (!sp_str_equals(event->user, setting(self, "user")))
        return SP_NEXT;
    if (!sp_secret_equals(event->password, setting(self, "password")))
        return sp_deny(self->host, &event->head, "wrong password");
    return sp_allow(self->host, &event->head, &grant);
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
