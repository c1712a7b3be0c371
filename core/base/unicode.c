/* unicode.c: one list for the log, which escapes these characters, and for user names, which may
 * not hold them. */
#include "base/unicode.h"

#include <stddef.h>

bool unicode_is_deceptive(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     /* control characters */
        {0x00ad, 0x00ad},                   /* soft hyphen */
        {0x061c, 0x061c},                   /* Arabic letter mark */
        {0x200b, 0x200f}, {0x2028, 0x202e}, /* zero width, line ends, direction */
        {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}
