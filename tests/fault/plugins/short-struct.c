/* short-struct: a descriptor that says it ends before what every plugin must have. */
#include <sallyport/plugin.h>

SP_PLUGIN = {
    .struct_size = offsetof(struct sp_plugin, id),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = (const char *)1,
};
