/* name.c: see name.h. */
#include "common/name.h"

bool name_is_component(struct sp_str name, uint64_t most)
{
    if (name.len == 0 || name.len > most || name.data[0] == '.')
        return false;
    for (uint64_t i = 0; i < name.len; i++)
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f || name.data[i] == '/')
            return false;
    return true;
}
