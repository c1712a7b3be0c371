/* family.c: the words for families of operations. Any thread. */
#include "common/family.h"

#include <jansson.h>
#include <sallyport/helpers.h>

uint32_t families_take(const struct json_t *list)
{
    uint32_t families = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        families |= sp_sftp_family_of(json_string_value(json_array_get(list, i)));
    return families;
}
