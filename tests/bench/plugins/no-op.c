/* no-op: abstains from everything, for bench_call.c. */
#include <sallyport/plugin.h>

static int32_t create(const struct sp_host *host, const char *config, void **ret_self)
{
    (void)config;
    *ret_self = (void *)(uintptr_t)host;
    return 0;
}

static void destroy(void *self)
{
    (void)self;
}

static int32_t none(void *self, const struct sp_auth_event *event)
{
    (void)self;
    (void)event;
    return SP_NEXT;
}

static const struct sp_auth_v1 auth = {.struct_size = sizeof auth, .none = none};
static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "no-op",
    .version = "1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
