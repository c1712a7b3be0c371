/* sign.h: certificates made to order, good and bad, for tests. Ed25519 throughout; ssh-keygen makes
 * those of the other kinds. */
#ifndef TEST_KEYS_SIGN_H
#define TEST_KEYS_SIGN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/wire.h"

struct signer {
    EVP_PKEY *pkey;
    struct buffer blob;
};

static inline void signer_init(struct signer *signer)
{
    uint8_t point[32];
    size_t len = sizeof point;

    *signer = (struct signer){.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    assert_non_null(signer->pkey);
    assert_int_equal(EVP_PKEY_get_raw_public_key(signer->pkey, point, &len), 1);
    wire_put_cstring(&signer->blob, "ssh-ed25519");
    wire_put_string(&signer->blob, point, len);
}

static inline void signer_free(struct signer *signer)
{
    EVP_PKEY_free(signer->pkey);
    buffer_release(&signer->blob);
}

/* The key as a hardware key's, "sk-ssh-ed25519@openssh.com" for the application "ssh:". */
static inline struct buffer signer_as_hardware(const struct signer *signer)
{
    struct buffer blob = {0};

    wire_put_cstring(&blob, "sk-ssh-ed25519@openssh.com");
    buffer_append(&blob, buffer_data(&signer->blob) + 4 + 11,
                  buffer_length(&signer->blob) - 4 - 11);
    wire_put_cstring(&blob, "ssh:");
    return blob;
}

struct option {
    const char *name, *value; /* value NULL: no data */
};

struct wanted {
    uint32_t kind; /* 1: a user's */
    uint64_t serial, after, before;
    const char *key_id;
    const char *principals[4]; /* end with NULL */
    struct option critical[4], extensions[6];
    const struct buffer *ca_blob; /* in place of the signer's */
    const char *algorithm;        /* in place of "ssh-ed25519" */
    bool is_hardware;             /* sign as OpenSSH's PROTOCOL.u2f says */
    const struct buffer *key;     /* fields behind the nonce, in place of those of subject */
    const char *type;
};

static inline struct wanted wanted_good(void)
{
    return (struct wanted){.kind = 1,
                           .serial = 7,
                           .after = 1000,
                           .before = 2000,
                           .key_id = "id",
                           .principals = {"alice", "bob"}};
}

static inline void put_nested(struct buffer *to, const struct buffer *inner)
{
    wire_put_string(to, buffer_data(inner), buffer_length(inner));
}

static inline void put_options(struct buffer *to, const struct option *options, size_t most)
{
    struct buffer list = {0};

    for (size_t i = 0; i < most && options[i].name; i++) {
        struct buffer data = {0};
        if (options[i].value)
            wire_put_cstring(&data, options[i].value);
        wire_put_cstring(&list, options[i].name);
        put_nested(&list, &data);
        buffer_release(&data);
    }
    put_nested(to, &list);
    buffer_release(&list);
}

/* A certificate for subject's key, by ca. */
static inline struct buffer certify(const struct signer *subject, const struct signer *ca,
                                    const struct wanted *wanted)
{
    struct buffer blob = {0}, names = {0}, signature = {0};
    uint8_t bytes[64];
    size_t len = sizeof bytes;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    wire_put_cstring(&blob, wanted->type ? wanted->type : "ssh-ed25519-cert-v01@openssh.com");
    wire_put_cstring(&blob, "0123456789abcdef0123456789abcdef");
    if (wanted->key)
        buffer_append(&blob, buffer_data(wanted->key), buffer_length(wanted->key));
    else /* without the name of its kind */
        buffer_append(&blob, buffer_data(&subject->blob) + 4 + 11,
                      buffer_length(&subject->blob) - 4 - 11);
    wire_put_u64(&blob, wanted->serial);
    wire_put_u32(&blob, wanted->kind);
    wire_put_cstring(&blob, wanted->key_id);
    for (size_t i = 0; i < 4 && wanted->principals[i]; i++)
        wire_put_cstring(&names, wanted->principals[i]);
    put_nested(&blob, &names);
    wire_put_u64(&blob, wanted->after);
    wire_put_u64(&blob, wanted->before);
    put_options(&blob, wanted->critical, 4);
    put_options(&blob, wanted->extensions, 6);
    wire_put_cstring(&blob, "");
    put_nested(&blob, wanted->ca_blob ? wanted->ca_blob : &ca->blob);
    struct buffer message = {0};
    if (wanted->is_hardware) {
        uint8_t digest[32];
        EVP_Digest("ssh:", 4, digest, NULL, EVP_sha256(), NULL);
        buffer_append(&message, digest, sizeof digest);
        wire_put_u8(&message, 1);
        wire_put_u32(&message, 5);
        EVP_Digest(buffer_data(&blob), buffer_length(&blob), digest, NULL, EVP_sha256(), NULL);
        buffer_append(&message, digest, sizeof digest);
    } else {
        buffer_append(&message, buffer_data(&blob), buffer_length(&blob));
    }
    assert_int_equal(EVP_DigestSignInit(context, NULL, NULL, NULL, ca->pkey), 1);
    assert_int_equal(
        EVP_DigestSign(context, bytes, &len, buffer_data(&message), buffer_length(&message)), 1);
    wire_put_cstring(&signature, wanted->algorithm ? wanted->algorithm : "ssh-ed25519");
    wire_put_string(&signature, bytes, len);
    if (wanted->is_hardware) {
        wire_put_u8(&signature, 1);
        wire_put_u32(&signature, 5);
    }
    buffer_release(&message);
    put_nested(&blob, &signature);
    EVP_MD_CTX_free(context);
    buffer_release(&names);
    buffer_release(&signature);
    return blob;
}

#endif
