/*
 * password.c: passwords against crypt(5) hashes, by libxcrypt. Any thread.
 *
 * bcrypt looks at no more than 72 bytes of a password; longer ones are refused for it rather than
 * cut, so that what matches is what was set.
 */
#include "common/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define BCRYPT_MOST 72

static bool is_bcrypt(const char *hash)
{
    return strncmp(hash, "$2", 2) == 0;
}

/* The methods taken, and how long a hash's last field is, crypt(5). */
static const struct {
    const char *prefix;
    size_t tail;
} methods[] = {{"$y$", 43}, {"$7$", 43}, {"$2a$", 53}, {"$2b$", 53}, {"$2y$", 53}, {"$6$", 86}};

/* libxcrypt judges a setting by its prefix only; a hash that was cut off would match nobody and
 * cost nothing, which would tell who exists. */
static bool is_whole(const char *hash, size_t tail)
{
    const char *last = strrchr(hash, '$') + 1;
    return strlen(last) == tail && strspn(last, "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                "abcdefghijklmnopqrstuvwxyz") == tail;
}

bool password_hash_usable(const char *hash, const char **ret_why)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strncmp(hash, methods[i].prefix, strlen(methods[i].prefix)) != 0)
            continue;
        if (is_whole(hash, methods[i].tail) && crypt_checksalt(hash) == CRYPT_SALT_OK)
            return true;
        *ret_why = "the password's hash is malformed; make one with \"sallyport passwd\"";
        return false;
    }
    *ret_why = "the password must be a hash of yescrypt, scrypt, bcrypt or sha512crypt; make one "
               "with \"sallyport passwd\"";
    return false;
}

char *password_decoy(void)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting))
        return NULL;
    return strdup(setting); /* a setting without a hash: its end never matches */
}

/* Compares all of both, however early they differ. */
static bool text_equal(const char *a, const char *b)
{
    size_t length = strlen(a);
    return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}

bool password_matches(struct sp_str password, const char *hash)
{
    bool usable = password.len > 0 && password.len < CRYPT_MAX_PASSPHRASE_SIZE &&
                  !memchr(password.data, '\0', password.len) &&
                  !(is_bcrypt(hash) && password.len > BCRYPT_MOST);
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data)
        return false;
    /* What cannot match costs the same as what does not. */
    const char *result = crypt_rn(usable ? password.data : "x", hash, data, sizeof *data);
    bool matches = result && result[0] != '*' && text_equal(result, hash) && usable;
    OPENSSL_cleanse(data, sizeof *data);
    free(data);
    return matches;
}
