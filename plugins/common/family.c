/* family.c: the words for families of operations. Any thread. */
#include "common/family.h"

#include <string.h>

#include <jansson.h>
#include <sallyport/sftp.h>

static uint32_t family_of(const char *word)
{
    static const struct {
        const char *word;
        uint32_t family;
    } words[] = {
        {"directory.create", SP_SFTP_DIRECTORY_CREATE},
        {"directory.list", SP_SFTP_DIRECTORY_LIST},
        {"directory.remove", SP_SFTP_DIRECTORY_REMOVE},
        {"open", SP_SFTP_OPEN},
        {"close", SP_SFTP_CLOSE},
        {"read", SP_SFTP_READ},
        {"write", SP_SFTP_WRITE},
        {"remove", SP_SFTP_REMOVE},
        {"rename", SP_SFTP_RENAME},
        {"attributes.get", SP_SFTP_ATTRIBUTES_GET},
        {"attributes.set", SP_SFTP_ATTRIBUTES_SET},
        {"resolve", SP_SFTP_RESOLVE},
        {"link", SP_SFTP_LINK},
        {"session", SP_SFTP_SESSION},
        {"lock", SP_SFTP_LOCK},
    };
    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].family;
    return 0;
}

uint32_t families_take(const struct json_t *list)
{
    uint32_t families = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        families |= family_of(json_string_value(json_array_get(list, i)));
    return families;
}
