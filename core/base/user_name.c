/* user_name.c: refuses harmful user names before any plugin sees them. Called by core/session. */
#include "base/user_name.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/unicode.h"

enum { NAME_MAX_BYTES = 255 };

/* The character at *text, which is moved past it; -1 if it is not UTF-8. */
static int32_t next_character(const unsigned char **text)
{
    static const int32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    unsigned char first = *(*text)++;
    int more = first < 0x80       ? 0
               : first >> 5 == 6  ? 1
               : first >> 4 == 14 ? 2
               : first >> 3 == 30 ? 3
                                  : -1;
    int32_t character = more <= 0 ? first : first & (0x3f >> more);

    if (more < 0)
        return -1;
    for (int i = 0; i < more; i++) {
        if (**text >> 6 != 2)
            return -1;
        character = character << 6 | (*(*text)++ & 0x3f);
    }
    if (character < smallest[more] || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff))
        return -1;
    return character;
}

static bool is_harmful(int32_t character)
{
    if (character < 0 || (character < 0x80 && strchr("/\\'\"`$%;|&<>()", character)))
        return true;
    return unicode_is_deceptive((uint32_t)character);
}

bool user_name_is_sound(const char *name)
{
    const unsigned char *at = (const unsigned char *)name;
    size_t length = strlen(name);

    if (length == 0 || length > NAME_MAX_BYTES || name[0] == '-' || name[0] == '.')
        return false;
    while (*at)
        if (is_harmful(next_character(&at)))
            return false;
    return true;
}
