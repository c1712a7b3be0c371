/* create-fails: says why in the log, then refuses to be. */
#include "fault.h"

static int32_t refuse(const struct sp_host *host, const char *config, void **ret_self)
{
    (void)config;
    (void)ret_self;
    host->log(host, SP_LOG_ERROR, sp_str_of("the users file is gone"));
    return SP_E_FAILED;
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    (void)self;
    (void)event;
    return SP_DENY;
}

static const struct sp_auth_v1 auth = {.struct_size = sizeof auth, .password = password};
static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = FAULT_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = refuse,
    .destroy = fault_destroy,
};
