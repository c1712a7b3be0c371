/*
 * fault.h: what the misbehaving plugins need in order to misbehave in one place only.
 */
#ifndef SALLYPORT_TEST_FAULT_H
#define SALLYPORT_TEST_FAULT_H

#include <sallyport/plugin.h>

/* self is the host: none of them has more state than that. */
static inline int32_t fault_create(const struct sp_host *host, const char *config, void **ret_self)
{
    (void)config;
    *ret_self = (void *)(uintptr_t)host;
    return 0;
}

static inline void fault_destroy(void *self)
{
    (void)self;
}

static inline int32_t fault_complete(void *self, sp_token token, int32_t verdict)
{
    const struct sp_host *host = self;
    struct sp_reply reply = {.struct_size = sizeof reply, .verdict = verdict};
    return host->complete(host, token, &reply);
}

/* An ordinary auth plugin but for its password(). */
#define FAULT_AUTH_PLUGIN(judge, ...)                                                              \
    static const struct sp_auth_v1 auth = {.struct_size = sizeof auth, .password = (judge)};       \
    static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};    \
    SP_PLUGIN = {.struct_size = sizeof(struct sp_plugin),                                          \
                 .abi_major = SP_ABI_MAJOR,                                                        \
                 .abi_minor = SP_ABI_MINOR,                                                        \
                 .id = FAULT_ID,                                                                   \
                 .version = "1.0",                                                                 \
                 .interfaces = interfaces,                                                         \
                 .create = fault_create,                                                           \
                 .destroy = fault_destroy,                                                         \
                 __VA_ARGS__}

#endif
