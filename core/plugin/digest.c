/* digest.c: SHA-256 by OpenSSL. Called when a manifest names its library's hash. */
#include "plugin/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"

static int digest_run(EVP_MD_CTX *context, int fd, unsigned char *ret_digest)
{
    unsigned char bytes[16384];
    if (!EVP_DigestInit_ex(context, EVP_sha256(), NULL))
        return SP_ERR_LIBRARY;
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return SP_ERR_SYSTEM;
        if (n == 0)
            break;
        if (!EVP_DigestUpdate(context, bytes, (size_t)n))
            return SP_ERR_LIBRARY;
    }
    return EVP_DigestFinal_ex(context, ret_digest, NULL) ? 0 : SP_ERR_LIBRARY;
}

int digest_file(int fd, char ret_text[DIGEST_TEXT_BYTES])
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return SP_ERR_NOMEM;
    int rc = digest_run(context, fd, digest);
    EVP_MD_CTX_free(context);
    for (int i = 0; rc == 0 && i < (DIGEST_TEXT_BYTES - 1) / 2; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", digest[i]);
    return rc;
}
