/* secret.c: memory that holds passwords and keys. Any thread. */
#include "base/secret.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

void secret_wipe(void *data, size_t len)
{
    if (len > 0)
        OPENSSL_cleanse(data, len);
}

char *secret_copy(const void *data, size_t len)
{
    char *secret = len < SIZE_MAX ? malloc(len + 1) : NULL;

    if (!secret)
        return NULL;
    if (len > 0)
        memcpy(secret, data, len);
    secret[len] = '\0';
    return secret;
}

void secret_free(char *secret, size_t len)
{
    if (secret)
        secret_wipe(secret, len);
    free(secret);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}
