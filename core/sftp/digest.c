/*
 * digest.c: digests by OpenSSL, CRC-32 by zlib. See digest.h.
 */
#include "sftp/digest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "base/err.h"

static const struct {
    const char *name;
    size_t size;
    const EVP_MD *(*md)(void); /* NULL: CRC-32 */
} kinds[SFTP_DIGEST_COUNT] = {
    [SFTP_DIGEST_MD5] = {"md5", 16, EVP_md5},
    [SFTP_DIGEST_SHA1] = {"sha1", 20, EVP_sha1},
    [SFTP_DIGEST_SHA224] = {"sha224", 28, EVP_sha224},
    [SFTP_DIGEST_SHA256] = {"sha256", 32, EVP_sha256},
    [SFTP_DIGEST_SHA384] = {"sha384", 48, EVP_sha384},
    [SFTP_DIGEST_SHA512] = {"sha512", 64, EVP_sha512},
    [SFTP_DIGEST_CRC32] = {"crc32", 4, NULL},
};

struct sftp_digest {
    enum sftp_digest_kind kind;
    EVP_MD_CTX *md; /* NULL: CRC-32 */
    uLong crc;
    bool has_failed;
};

const char *sftp_digest_name(enum sftp_digest_kind kind)
{
    return kinds[kind].name;
}

size_t sftp_digest_size(enum sftp_digest_kind kind)
{
    return kinds[kind].size;
}

enum sftp_digest_kind sftp_digest_choose(struct sp_str names)
{
    uint64_t start = 0;
    while (start < names.len) {
        const char *name = names.data + start;
        const char *comma = memchr(name, ',', (size_t)(names.len - start));
        size_t length = comma ? (size_t)(comma - name) : (size_t)(names.len - start);
        for (int i = 0; i < SFTP_DIGEST_COUNT; i++)
            if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0)
                return (enum sftp_digest_kind)i;
        start += length + 1;
    }
    return SFTP_DIGEST_COUNT;
}

static void begin(struct sftp_digest *digest)
{
    digest->crc = crc32(0, NULL, 0);
    digest->has_failed =
        digest->md && EVP_DigestInit_ex(digest->md, kinds[digest->kind].md(), NULL) != 1;
}

struct sftp_digest *sftp_digest_new(enum sftp_digest_kind kind)
{
    struct sftp_digest *digest = calloc(1, sizeof *digest);
    if (!digest)
        return NULL;
    digest->kind = kind;
    if (kinds[kind].md && !(digest->md = EVP_MD_CTX_new())) {
        free(digest);
        return NULL;
    }
    begin(digest);
    if (digest->has_failed) {
        sftp_digest_free(digest);
        return NULL;
    }
    return digest;
}

void sftp_digest_free(struct sftp_digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->md);
    free(digest);
}

void sftp_digest_add(struct sftp_digest *digest, const void *data, size_t length)
{
    if (!digest->md)
        digest->crc = crc32_z(digest->crc, data, length);
    else if (EVP_DigestUpdate(digest->md, data, length) != 1)
        digest->has_failed = true;
}

int sftp_digest_end(struct sftp_digest *digest, uint8_t out[SFTP_DIGEST_MAX])
{
    if (digest->md) {
        if (EVP_DigestFinal_ex(digest->md, out, NULL) != 1)
            digest->has_failed = true;
    } else {
        for (int i = 0; i < 4; i++)
            out[i] = (uint8_t)(digest->crc >> (24 - 8 * i));
    }
    bool has_failed = digest->has_failed;
    begin(digest);
    return has_failed ? SP_ERR_LIBRARY : 0;
}
