/*
 * profile.c: what old clients need. SHA-1, CBC and 3DES are weak and not broken in these uses; what
 * is (1024-bit groups, MD5, RC4) is in no profile. Called by config_parse(), and where the names
 * are held against the SSH library. Any thread.
 */
#include "config/profile.h"

#include <string.h>

#include "base/err.h"

static const struct {
    const char *list;
    const char *name;
} compatibility[] = {
    {"kex", "diffie-hellman-group14-sha1"},
    {"host_keys", "ssh-rsa"},
    {"ciphers", "aes256-cbc"},
    {"ciphers", "aes192-cbc"},
    {"ciphers", "aes128-cbc"},
    {"ciphers", "3des-cbc"},
    {"macs", "hmac-sha1-etm@openssh.com"},
    {"macs", "hmac-sha1"},
    {"public_keys", "ssh-rsa"},
};
#define ROWS (sizeof compatibility / sizeof compatibility[0])

int profile_apply(json_t *schema, const char *profile)
{
    json_t *lists = json_object_get(
        json_object_get(json_object_get(schema, "properties"), "algorithms"), "properties");
    if (!profile || strcmp(profile, "compatibility") != 0)
        return 0;
    for (size_t i = 0; i < ROWS; i++) {
        json_t *names = json_object_get(json_object_get(lists, compatibility[i].list), "default");
        if (json_array_append_new(names, json_string(compatibility[i].name)) < 0)
            return SP_ERR_NOMEM;
    }
    return 0;
}

bool profile_adds(const char *list, const char *name, size_t length)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(compatibility[i].list, list) == 0 && strlen(compatibility[i].name) == length &&
            memcmp(compatibility[i].name, name, length) == 0)
            return true;
    return false;
}
