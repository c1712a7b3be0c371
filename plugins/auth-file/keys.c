/*
 * keys.c: public keys in the one-line form, and authorized_keys files made of them. Any thread.
 *
 * An authorized_keys file may be in the hands of the user it is about, so all of it is untrusted:
 * its size and lines are bounded, and a line that is not understood lets nobody in.
 */
#include "auth_file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MOST (4u << 20)
#define LINE_MOST 16384u
#define COMPLAINTS_MOST 5

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
    if (type == type_end || size == 0 || size % 4 != 0 || size > LINE_MOST)
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

/* A reading of one file in search of one key. */
struct search {
    const struct sp_host *host;
    const char *path;
    struct sp_str blob;
    int line;
    int complaints;
};

/* The file's owner must not be able to fill the log. */
static void complain(struct search *search, const char *what)
{
    if (++search->complaints <= COMPLAINTS_MOST)
        log_line(search->host, SP_LOG_WARNING, "%s:%d: %s; line ignored", search->path,
                 search->line, what);
}

/* line is without its end. On true ret_options->command is the caller's. */
static bool line_has(struct search *search, const char *line, size_t length,
                     struct key_options *ret_options)
{
    const char *start = skip_space(line, line + length);
    length -= (size_t)(start - line);
    *ret_options = (struct key_options){.permit = SP_PERMIT_ALL};
    if (length == 0 || *start == '#')
        return false;
    if (length > LINE_MOST) {
        complain(search, "too long");
        return false;
    }

    struct key key;
    char text[128] = "";
    size_t used = 0;
    if (!key_parse(start, length, &key)) {
        if (!key_options_parse(start, length, ret_options, &used, text)) {
            complain(search, text);
            return false;
        }
        if (!key_parse(start + used, length - used, &key))
            complain(search, "no public key");
    }
    bool found = key_equal(&key, search->blob);
    key_clear(&key);
    if (!found) {
        free(ret_options->command);
        ret_options->command = NULL;
    }
    return found;
}

bool authorized_keys_find(const struct sp_host *host, const char *path, struct sp_str blob,
                          struct key_options *ret_options)
{
    struct search search = {.host = host, .path = path, .blob = blob};
    *ret_options = (struct key_options){0};
    size_t length = 0;
    struct stat st;
    const char *why = NULL;
    char *text = file_read(path, FILE_MOST, false, &length, &st, &why);
    if (!text) {
        log_line(host, SP_LOG_WARNING, "%s: %s; no key of it is accepted", path, why);
        return false;
    }
    bool found = false;
    const char *end = text + length;
    for (const char *line = text; line < end && !found;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        size_t size = (size_t)(stop - line);
        if (size > 0 && line[size - 1] == '\r')
            size--;
        search.line++;
        found = line_has(&search, line, size, ret_options);
        line = newline ? newline + 1 : end;
    }
    free(text);
    return found;
}
