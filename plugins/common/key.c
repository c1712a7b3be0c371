/* key.c: public keys in the one-line form. Any thread. */
#include "common/key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

static const char *skip_word(const char *p, const char *end)
{
    while (p < end && *p != ' ' && *p != '\t')
        p++;
    return p;
}

/* length is a multiple of four. NULL if it is no base64 or memory is out. */
static uint8_t *decode(const char *text, size_t length, size_t *ret_length)
{
    size_t padding = 0;
    while (padding < 2 && text[length - 1 - padding] == '=')
        padding++;
    for (size_t i = 0; i < length - padding; i++) {
        char c = text[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '+' || c == '/'))
            return NULL;
    }
    uint8_t *data = malloc(length);
    if (data && EVP_DecodeBlock(data, (const uint8_t *)text, (int)length) < 0) {
        free(data);
        return NULL;
    }
    *ret_length = length / 4 * 3 - padding;
    return data;
}

/* The blob begins with its type; a line that says another is not to be trusted. */
static bool blob_is_of(const struct key *key, const char *type, size_t length)
{
    return key->length > 4 + length && key->blob[0] == 0 && key->blob[1] == 0 &&
           key->blob[2] == (length >> 8) && key->blob[3] == (length & 0xff) &&
           memcmp(key->blob + 4, type, length) == 0;
}

bool key_parse(const char *line, size_t length, struct key *ret_key)
{
    const char *end = line + length;
    const char *type = skip_space(line, end);
    const char *type_end = skip_word(type, end);
    const char *text = skip_space(type_end, end);
    size_t size = (size_t)(skip_word(text, end) - text);
    *ret_key = (struct key){0};
    if (type == type_end || size == 0 || size % 4 != 0 || size > KEY_LINE_MOST)
        return false;
    ret_key->blob = decode(text, size, &ret_key->length);
    if (ret_key->blob && blob_is_of(ret_key, type, (size_t)(type_end - type)))
        return true;
    key_clear(ret_key);
    return false;
}

void key_clear(struct key *key)
{
    free(key->blob);
    *key = (struct key){0};
}

bool key_equal(const struct key *key, struct sp_str blob)
{
    return key->length == blob.len && key->length > 0 &&
           CRYPTO_memcmp(key->blob, blob.data, key->length) == 0;
}
