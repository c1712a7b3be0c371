/*
 * public_key.h: a public key as on the wire (RFC 4253, 6.6): is it well-formed, and did it sign?
 * Keys in another than their one canonical form are refused, so that a list of keys can be compared
 * byte by byte. Any thread.
 */
#ifndef SALLYPORT_KEYS_PUBLIC_KEY_H
#define SALLYPORT_KEYS_PUBLIC_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/wire.h"

enum public_key_family {
    PUBLIC_KEY_ED25519,
    PUBLIC_KEY_ECDSA,
    PUBLIC_KEY_RSA,
};

/* One kind of key that is taken. */
struct public_key_kind {
    const char *name;        /* "ssh-ed25519" … */
    const char *certificate; /* "ssh-ed25519-cert-v01@openssh.com" … */
    enum public_key_family family;
    bool is_hardware;  /* "sk-…": an application follows the key */
    const char *curve; /* ECDSA: "nistp256" …, and what else belongs to it */
    const char *group;
    const char *digest;
    size_t point_size;
};

/* The parts point into what was parsed. */
struct public_key {
    const struct public_key_kind *kind;
    struct sp_str point;             /* Ed25519, ECDSA */
    struct sp_str exponent, modulus; /* RSA: without a leading zero */
    struct sp_str application;
    uint32_t bits; /* RSA: the size of the modulus */
};

const struct public_key_kind *public_key_kind(struct sp_str name);
const struct public_key_kind *public_key_kind_of_certificate(struct sp_str name);

/* The fields behind the name. False if one of them is wrong. */
bool public_key_read(struct wire_reader *reader, const struct public_key_kind *kind,
                     struct public_key *ret_key);
/* A whole blob, which must end with the key. */
bool public_key_parse(const void *blob, size_t len, struct public_key *ret_key);
/* The key as a blob of its own. 0 or SP_ERR_NOMEM. */
int public_key_put(struct buffer *buffer, const struct public_key *key);

/* Whether signature (RFC 4253, 6.6: algorithm and blob) over data is this key's. SHA-1 never is. */
bool public_key_verify(const struct public_key *key, struct sp_str signature, const void *data,
                       size_t len);

/* A line "type base64 comment" of a file of keys. *ret_blob, which is appended to, gets the key. 0,
 * or SP_ERR_FORMAT with *ret_why, or SP_ERR_NOMEM. */
int public_key_read_line(const char *line, size_t len, struct buffer *ret_blob,
                         const char **ret_why);
/* The next line of a text, without its end and without blanks before it; lines that are empty or
 * begin with "#" are passed over. False at the end. *line starts as 0. */
bool key_line_next(const char **text, const char *end, const char **ret_line, size_t *ret_len,
                   int *line);

#define FINGERPRINT_SIZE 52 /* "SHA256:", 43 characters, NUL */
void public_key_fingerprint(const void *blob, size_t len, char *ret_text);

/* False if the library cannot. */
#define SHA256_SIZE 32
#define SHA1_SIZE 20
bool public_key_sha256(const void *blob, size_t len, uint8_t *ret_digest);
bool public_key_sha1(const void *blob, size_t len, uint8_t *ret_digest);

#endif
