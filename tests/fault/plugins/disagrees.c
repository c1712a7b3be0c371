/* disagrees: id, version and interfaces are not those of the manifest; its table has no size. */
#include "fault.h"

static const struct sp_auth_v1 auth = {.struct_size = 0};
static const struct sp_channel_v1 channel = {.struct_size = sizeof channel};
static const struct sp_interface interfaces[] = {
    {SP_AUTH_INTERFACE, &auth},
    {SP_CHANNEL_INTERFACE, &channel},
    {"sallyport.unheard-of/9", &channel},
    {NULL, NULL},
};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "somebody-else",
    .version = "0.9",
    .interfaces = interfaces,
    .destroy = fault_destroy, /* and no create */
};
