/* other-abi: compiled for another major version; what follows the version may mean anything. */
#include <sallyport/plugin.h>

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR + 1,
    .id = (const char *)1, /* reading it would crash */
};
