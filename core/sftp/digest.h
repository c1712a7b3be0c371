/*
 * digest.h: the digests that clients may ask for, by the names of the SFTP drafts, and one that is
 * being computed. Called by whatever hashes files: the extensions, the hash commands and
 * transfers. Any thread.
 */
#ifndef SALLYPORT_SFTP_DIGEST_H
#define SALLYPORT_SFTP_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include <sallyport/types.h>

#define SFTP_DIGEST_MAX 64u /* bytes of the longest */

enum sftp_digest_kind {
    SFTP_DIGEST_MD5,
    SFTP_DIGEST_SHA1,
    SFTP_DIGEST_SHA224,
    SFTP_DIGEST_SHA256,
    SFTP_DIGEST_SHA384,
    SFTP_DIGEST_SHA512,
    SFTP_DIGEST_CRC32, /* as zlib has it, most significant byte first */
    SFTP_DIGEST_COUNT,
};

/* All names, the best first, separated by commas: what VERSION says. */
#define SFTP_DIGEST_NAMES "sha256,sha384,sha512,sha224,sha1,md5,crc32"

const char *sftp_digest_name(enum sftp_digest_kind kind);
size_t sftp_digest_size(enum sftp_digest_kind kind);
/* The first of a comma-separated list that is known here; SFTP_DIGEST_COUNT: none. */
enum sftp_digest_kind sftp_digest_choose(struct sp_str names);

struct sftp_digest;
/* NULL: out of memory, or the system's policy forbids it (MD5 under FIPS). */
struct sftp_digest *sftp_digest_new(enum sftp_digest_kind kind);
void sftp_digest_free(struct sftp_digest *digest); /* NULL is fine */
void sftp_digest_add(struct sftp_digest *digest, const void *data, size_t length);
/* Writes sftp_digest_size() bytes; the next byte added begins another digest. 0, or SP_ERR_LIBRARY:
 * it failed, now or with a byte before. */
int sftp_digest_end(struct sftp_digest *digest, uint8_t out[SFTP_DIGEST_MAX]);

#endif
