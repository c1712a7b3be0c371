/* public_key.c: public keys as on the wire. Called by the checks of users' keys and by the loading
 * of host keys. */
#include "keys/public_key.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/err.h"
#include "base/str.h"
#include "keys/pkey.h"

#define ED25519_KEY_SIZE 32
#define ED25519_SIGNATURE_SIZE 64
#define RSA_BITS_MAX 16384
#define RSA_EXPONENT_MAX 8 /* bytes: what a stranger's key costs to try is bounded */

#define CERTIFICATE(name) name "-cert-v01@openssh.com"

static const struct public_key_kind kinds[] = {
    {"ssh-ed25519", CERTIFICATE("ssh-ed25519"), PUBLIC_KEY_ED25519, .is_hardware = false},
    {"ssh-rsa", CERTIFICATE("ssh-rsa"), PUBLIC_KEY_RSA, .is_hardware = false},
    {"ecdsa-sha2-nistp256", CERTIFICATE("ecdsa-sha2-nistp256"), PUBLIC_KEY_ECDSA, false, "nistp256",
     "P-256", "SHA256", 65},
    {"ecdsa-sha2-nistp384", CERTIFICATE("ecdsa-sha2-nistp384"), PUBLIC_KEY_ECDSA, false, "nistp384",
     "P-384", "SHA384", 97},
    {"ecdsa-sha2-nistp521", CERTIFICATE("ecdsa-sha2-nistp521"), PUBLIC_KEY_ECDSA, false, "nistp521",
     "P-521", "SHA512", 133},
    {"sk-ssh-ed25519@openssh.com", CERTIFICATE("sk-ssh-ed25519"), PUBLIC_KEY_ED25519,
     .is_hardware = true},
    {"sk-ecdsa-sha2-nistp256@openssh.com", CERTIFICATE("sk-ecdsa-sha2-nistp256"), PUBLIC_KEY_ECDSA,
     true, "nistp256", "P-256", "SHA256", 65},
};
#define KINDS (sizeof kinds / sizeof *kinds)

const struct public_key_kind *public_key_kind(struct sp_str name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (str_is(name, kinds[i].name))
            return &kinds[i];
    return NULL;
}

const struct public_key_kind *public_key_kind_of_certificate(struct sp_str name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (str_is(name, kinds[i].certificate))
            return &kinds[i];
    return NULL;
}

/* A positive mpint in its shortest form (RFC 4251, 5), without the zero that keeps it positive. */
static bool read_number(struct wire_reader *reader, struct sp_str *ret)
{
    struct sp_str text = wire_get_string(reader);
    const uint8_t *bytes = (const uint8_t *)text.data;

    *ret = (struct sp_str){0};
    if (!wire_ok(reader) || text.len == 0 || bytes[0] & 0x80)
        return false;
    if (bytes[0] == 0) {
        if (text.len == 1 || !(bytes[1] & 0x80))
            return false;
        text.data++;
        text.len--;
    }
    *ret = text;
    return true;
}

static bool read_rsa(struct wire_reader *reader, struct public_key *key)
{
    if (!read_number(reader, &key->exponent) || !read_number(reader, &key->modulus) ||
        key->exponent.len > RSA_EXPONENT_MAX || key->modulus.len > RSA_BITS_MAX / 8)
        return false;
    if (!(key->exponent.data[key->exponent.len - 1] & 1) ||
        (key->exponent.len == 1 && key->exponent.data[0] == 1))
        return false;
    key->bits = (uint32_t)key->modulus.len * 8;
    for (uint8_t first = (uint8_t)key->modulus.data[0]; !(first & 0x80);
         first = (uint8_t)(first << 1))
        key->bits--;
    return true;
}

bool public_key_read(struct wire_reader *reader, const struct public_key_kind *kind,
                     struct public_key *ret_key)
{
    *ret_key = (struct public_key){.kind = kind};
    switch (kind->family) {
    case PUBLIC_KEY_RSA:
        return read_rsa(reader, ret_key);
    case PUBLIC_KEY_ED25519:
        ret_key->point = wire_get_string(reader);
        if (ret_key->point.len != ED25519_KEY_SIZE)
            return false;
        break;
    case PUBLIC_KEY_ECDSA:
        if (!str_is(wire_get_string(reader), kind->curve))
            return false;
        ret_key->point = wire_get_string(reader);
        if (ret_key->point.len != kind->point_size || ret_key->point.data[0] != 4)
            return false;
        break;
    }
    if (kind->is_hardware)
        ret_key->application = wire_get_string(reader);
    return wire_ok(reader);
}

bool public_key_parse(const void *blob, size_t len, struct public_key *ret_key)
{
    struct wire_reader reader;

    *ret_key = (struct public_key){0};
    wire_reader_init(&reader, blob, len);
    const struct public_key_kind *kind = public_key_kind(wire_get_string(&reader));
    return kind && public_key_read(&reader, kind, ret_key) && wire_at_end(&reader);
}

static int put_number(struct buffer *buffer, struct sp_str number)
{
    bool needs_zero = number.data[0] & 0x80;
    int rc = wire_put_u32(buffer, (uint32_t)number.len + needs_zero);

    if (rc == 0 && needs_zero)
        rc = wire_put_u8(buffer, 0);
    return rc < 0 ? rc : buffer_append(buffer, number.data, (size_t)number.len);
}

int public_key_put(struct buffer *buffer, const struct public_key *key)
{
    int rc = wire_put_cstring(buffer, key->kind->name);

    if (rc == 0 && key->kind->family == PUBLIC_KEY_RSA) {
        rc = put_number(buffer, key->exponent);
        return rc < 0 ? rc : put_number(buffer, key->modulus);
    }
    if (rc == 0 && key->kind->curve)
        rc = wire_put_cstring(buffer, key->kind->curve);
    if (rc == 0)
        rc = wire_put_string(buffer, key->point.data, (size_t)key->point.len);
    if (rc == 0 && key->kind->is_hardware)
        rc = wire_put_string(buffer, key->application.data, (size_t)key->application.len);
    return rc;
}

/* --- signatures ------------------------------------------------------------------------------- */

static EVP_PKEY *make_from(const char *type, OSSL_PARAM_BLD *builder)
{
    return pkey_from_params(type, EVP_PKEY_PUBLIC_KEY, OSSL_PARAM_BLD_to_param(builder));
}

static BIGNUM *number_of(struct sp_str text)
{
    return BN_bin2bn((const unsigned char *)text.data, (int)text.len, NULL);
}

static EVP_PKEY *make_pkey(const struct public_key *key)
{
    const unsigned char *point = (const unsigned char *)key->point.data;
    OSSL_PARAM_BLD *builder;
    EVP_PKEY *pkey = NULL;

    if (key->kind->family == PUBLIC_KEY_ED25519)
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, ED25519_KEY_SIZE);
    builder = OSSL_PARAM_BLD_new();
    if (!builder)
        return NULL;
    if (key->kind->family == PUBLIC_KEY_ECDSA) {
        if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, key->kind->group,
                                            0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                             (size_t)key->point.len) == 1)
            pkey = make_from("EC", builder);
    } else {
        BIGNUM *e = number_of(key->exponent), *n = number_of(key->modulus);
        if (e && n && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
            OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1)
            pkey = make_from("RSA", builder);
        BN_free(e);
        BN_free(n);
    }
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

static bool verify_with(const struct public_key *key, const char *digest,
                        const unsigned char *signature, size_t signature_len, const void *data,
                        size_t len)
{
    EVP_PKEY *pkey = make_pkey(key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good = pkey && context &&
                   EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, pkey, NULL) == 1 &&
                   EVP_DigestVerify(context, signature, signature_len, data, len) == 1;

    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    return is_good;
}

static bool verify_rsa(const struct public_key *key, struct sp_str algorithm, struct sp_str blob,
                       const void *data, size_t len)
{
    const char *digest = str_is(algorithm, "rsa-sha2-256")   ? "SHA256"
                         : str_is(algorithm, "rsa-sha2-512") ? "SHA512"
                                                             : NULL;
    unsigned char padded[RSA_BITS_MAX / 8] = {0};
    size_t size = (size_t)key->modulus.len;

    /* Some write the number without its leading zeros. */
    if (!digest || blob.len == 0 || blob.len > size)
        return false;
    memcpy(padded + size - blob.len, blob.data, (size_t)blob.len);
    return verify_with(key, digest, padded, size, data, len);
}

/* The two numbers of RFC 5656, 3.1.2, as the library wants them. */
static bool verify_ecdsa(const struct public_key *key, struct sp_str blob, const void *data,
                         size_t len)
{
    struct wire_reader reader;
    struct sp_str r, s;
    unsigned char *der = NULL;
    int der_len = 0;

    wire_reader_init(&reader, blob.data, (size_t)blob.len);
    if (!read_number(&reader, &r) || !read_number(&reader, &s) || !wire_at_end(&reader) ||
        r.len > key->kind->point_size || s.len > key->kind->point_size)
        return false;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *first = number_of(r), *second = number_of(s);
    if (signature && first && second && ECDSA_SIG_set0(signature, first, second) == 1) {
        first = second = NULL;
        der_len = i2d_ECDSA_SIG(signature, &der);
    }
    bool is_good =
        der_len > 0 && verify_with(key, key->kind->digest, der, (size_t)der_len, data, len);
    BN_free(first);
    BN_free(second);
    ECDSA_SIG_free(signature);
    OPENSSL_free(der);
    return is_good;
}

static bool verify_plain(const struct public_key *key, struct sp_str blob, const void *data,
                         size_t len)
{
    if (key->kind->family == PUBLIC_KEY_ECDSA)
        return verify_ecdsa(key, blob, data, len);
    return blob.len == ED25519_SIGNATURE_SIZE &&
           verify_with(key, NULL, (const unsigned char *)blob.data, ED25519_SIGNATURE_SIZE, data,
                       len);
}

/* What a hardware key signs (OpenSSH, PROTOCOL.u2f). */
static bool verify_hardware(const struct public_key *key, struct sp_str blob, uint8_t flags,
                            uint32_t counter, const void *data, size_t len)
{
    uint8_t message[SHA256_SIZE + 1 + 4 + SHA256_SIZE];

    if (!public_key_sha256(key->application.data, (size_t)key->application.len, message) ||
        !public_key_sha256(data, len, message + SHA256_SIZE + 1 + 4))
        return false;
    message[SHA256_SIZE] = flags;
    for (unsigned i = 0; i < 4; i++)
        message[SHA256_SIZE + 1 + i] = (uint8_t)(counter >> (24 - 8 * i));
    return verify_plain(key, blob, message, sizeof message);
}

bool public_key_verify(const struct public_key *key, struct sp_str signature, const void *data,
                       size_t len)
{
    struct wire_reader reader;

    wire_reader_init(&reader, signature.data, (size_t)signature.len);
    struct sp_str algorithm = wire_get_string(&reader);
    struct sp_str blob = wire_get_string(&reader);
    if (!wire_ok(&reader))
        return false;
    if (key->kind->family == PUBLIC_KEY_RSA)
        return wire_at_end(&reader) && verify_rsa(key, algorithm, blob, data, len);
    if (!str_is(algorithm, key->kind->name))
        return false;
    if (key->kind->is_hardware) {
        uint8_t flags = wire_get_u8(&reader);
        uint32_t counter = wire_get_u32(&reader);
        return wire_at_end(&reader) && verify_hardware(key, blob, flags, counter, data, len);
    }
    return wire_at_end(&reader) && verify_plain(key, blob, data, len);
}

/* --- digests ---------------------------------------------------------------------------------- */

static bool digest_of(const EVP_MD *md, const void *blob, size_t len, uint8_t *ret_digest)
{
    return EVP_Digest(len ? blob : "", len, ret_digest, NULL, md, NULL) == 1;
}

bool public_key_sha256(const void *blob, size_t len, uint8_t *ret_digest)
{
    return digest_of(EVP_sha256(), blob, len, ret_digest);
}

bool public_key_sha1(const void *blob, size_t len, uint8_t *ret_digest)
{
    return digest_of(EVP_sha1(), blob, len, ret_digest);
}

void public_key_fingerprint(const void *blob, size_t len, char *ret_text)
{
    uint8_t digest[SHA256_SIZE];
    unsigned char base64[SHA256_SIZE / 3 * 4 + 5];

    if (!public_key_sha256(blob, len, digest)) {
        ret_text[0] = '\0';
        return;
    }
    int length = EVP_EncodeBlock(base64, digest, sizeof digest);
    while (length > 0 && base64[length - 1] == '=')
        length--;
    snprintf(ret_text, FINGERPRINT_SIZE, "SHA256:%.*s", length, (const char *)base64);
}
