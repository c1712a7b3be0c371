/* private_key.c: which form a private key is in, and from that form to the SSH library's. Called
 * when host keys are loaded. */
#include "keys/private_key.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/buffer.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/wire.h"
#include "keys/blob.h"
#include "keys/private_form.h"
#include "keys/public_key.h"

int private_key_wrong(char *ret_why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(ret_why, PRIVATE_KEY_WHY_SIZE, format, args);
    va_end(args);
    return SP_ERR_INVALID;
}

/* --- to the SSH library ----------------------------------------------------------------------- */

/* The library would ask on the terminal. */
static int no_passphrase(const char *prompt, char *buf, size_t len, int echo, int verify,
                         void *userdata)
{
    (void)prompt, (void)buf, (void)len, (void)echo, (void)verify, (void)userdata;
    return -1;
}

static bool is_known(EVP_PKEY *pkey)
{
    char group[64] = "";
    size_t len;

    if (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "RSA"))
        return true;
    return EVP_PKEY_is_a(pkey, "EC") &&
           EVP_PKEY_get_group_name(pkey, group, sizeof group, &len) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0 ||
            strcmp(group, "secp521r1") == 0 || strncmp(group, "P-", 2) == 0);
}

/* The library forgets the public half of an Ed25519 key that it reads from PKCS#8, and reads it
 * from OpenSSH's own form, PROTOCOL.key. 0 or negative. */
static int write_openssh(EVP_PKEY *pkey, BIO *bio)
{
    enum { SIZE = 1024 }; /* more than it takes: memory that grew would leave secrets behind */
    uint8_t halves[64];
    size_t secret_len = 32, public_len = 32;
    struct buffer inner = {0}, outer = {0}, blob = {0};
    unsigned char base64[SIZE * 2];
    int rc = SP_ERR_NOMEM;

    if (EVP_PKEY_get_raw_private_key(pkey, halves, &secret_len) != 1 ||
        EVP_PKEY_get_raw_public_key(pkey, halves + 32, &public_len) != 1 ||
        !buffer_reserve(&inner, SIZE) || !buffer_reserve(&outer, SIZE))
        goto out;
    if (wire_put_cstring(&blob, "ssh-ed25519") < 0 || wire_put_string(&blob, halves + 32, 32) < 0)
        goto out;
    wire_put_u64(&inner, 0); /* two equal numbers, by which a wrong passphrase would be found */
    buffer_append(&inner, buffer_data(&blob), buffer_length(&blob));
    wire_put_string(&inner, halves, sizeof halves);
    wire_put_cstring(&inner, "");
    for (uint8_t i = 1; buffer_length(&inner) % 8; i++)
        wire_put_u8(&inner, i);
    buffer_append(&outer, "openssh-key-v1", 15);
    wire_put_cstring(&outer, "none");
    wire_put_cstring(&outer, "none");
    wire_put_cstring(&outer, "");
    wire_put_u32(&outer, 1);
    wire_put_string(&outer, buffer_data(&blob), buffer_length(&blob));
    wire_put_string(&outer, buffer_data(&inner), buffer_length(&inner));
    int length = EVP_EncodeBlock(base64, buffer_data(&outer), (int)buffer_length(&outer));
    if (BIO_puts(bio, "-----BEGIN OPENSSH PRIVATE KEY-----\n") > 0 &&
        BIO_write(bio, base64, length) == length &&
        BIO_puts(bio, "\n-----END OPENSSH PRIVATE KEY-----\n") > 0)
        rc = 0;
out:
    secret_wipe(halves, sizeof halves);
    secret_wipe(base64, sizeof base64);
    secret_wipe(buffer_data(&inner), buffer_length(&inner));
    secret_wipe(buffer_data(&outer), buffer_length(&outer));
    buffer_release(&inner);
    buffer_release(&outer);
    buffer_release(&blob);
    return rc;
}

static int write_pkcs8(EVP_PKEY *pkey, BIO *bio)
{
    return PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1
               ? 0
               : SP_ERR_LIBRARY;
}

static int import(EVP_PKEY *pkey, ssh_key *ret_key, char *ret_why)
{
    BIO *bio;
    char *text;
    int rc;

    if (EVP_PKEY_is_a(pkey, "DSA"))
        return private_key_wrong(ret_why, WHY_DSA);
    if (!is_known(pkey))
        return private_key_wrong(ret_why, WHY_KIND);
    bio = BIO_new(BIO_s_mem());
    if (!bio)
        return private_key_wrong(ret_why, "cannot be kept: out of memory");
    rc = EVP_PKEY_is_a(pkey, "ED25519") ? write_openssh(pkey, bio) : write_pkcs8(pkey, bio);
    if (rc < 0 || BIO_write(bio, "", 1) != 1) {
        BIO_free(bio);
        return private_key_wrong(ret_why, "could not be converted");
    }
    long len = BIO_get_mem_data(bio, &text);
    if (ssh_pki_import_privkey_base64(text, "", no_passphrase, NULL, ret_key) != SSH_OK)
        rc = private_key_wrong(ret_why, "could not be taken over by the SSH library");
    secret_wipe(text, (size_t)len);
    BIO_free(bio);
    return rc;
}

/* --- PEM -------------------------------------------------------------------------------------- */

struct pem_passphrase {
    const char *text;
    bool was_asked;
};

static int on_passphrase(char *buf, int size, int is_written, void *arg)
{
    struct pem_passphrase *passphrase = arg;
    size_t len = passphrase->text ? strlen(passphrase->text) : 0;

    (void)is_written;
    passphrase->was_asked = true;
    if (!passphrase->text || size < 0 || len > (size_t)size)
        return -1;
    memcpy(buf, passphrase->text, len);
    return (int)len;
}

static int read_pem(const char *text, size_t len, const char *words, EVP_PKEY **ret_pkey,
                    char *ret_why)
{
    struct pem_passphrase passphrase = {.text = words};
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;

    if (bio)
        *ret_pkey = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &passphrase);
    BIO_free(bio);
    ERR_clear_error();
    if (*ret_pkey)
        return 0;
    if (!passphrase.was_asked)
        return private_key_wrong(ret_why, "is a PEM file that is damaged or of an unknown kind");
    return private_key_wrong(ret_why, words ? WHY_WRONG_PASSPHRASE : WHY_NO_PASSPHRASE);
}

/* --- OpenSSH ---------------------------------------------------------------------------------- */

/* The names of the cipher and of the first key, which are never encrypted. False if they cannot be
 * found. OpenSSH's PROTOCOL.key. */
static bool read_openssh_head(const char *text, struct buffer *head, struct sp_str *ret_cipher,
                              struct sp_str *ret_kind)
{
    static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
    static const char magic[] = "openssh-key-v1";
    const char *place = strstr(text, begin);
    const char *end = place ? strstr(place + sizeof begin - 1, "-----END") : NULL;
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    struct wire_reader reader;
    int len = 0, rest = 0;
    bool is_found = false;

    if (!end || !context)
        goto out;
    place += sizeof begin - 1;
    uint8_t *bytes = buffer_reserve(head, (size_t)(end - place) + 64);
    EVP_DecodeInit(context);
    if (!bytes ||
        EVP_DecodeUpdate(context, bytes, &len, (const unsigned char *)place, (int)(end - place)) <
            0 ||
        EVP_DecodeFinal(context, bytes + len, &rest) < 0)
        goto out;
    buffer_commit(head, (size_t)(len + rest));
    if (buffer_length(head) < sizeof magic || memcmp(buffer_data(head), magic, sizeof magic) != 0)
        goto out;
    wire_reader_init(&reader, bytes + sizeof magic, buffer_length(head) - sizeof magic);
    *ret_cipher = wire_get_string(&reader);
    wire_get_string(&reader); /* how the passphrase is used */
    wire_get_string(&reader);
    wire_get_u32(&reader); /* how many keys */
    struct sp_str blob = wire_get_string(&reader);
    is_found = wire_ok(&reader);
    wire_reader_init(&reader, blob.data, (size_t)blob.len);
    *ret_kind = wire_get_string(&reader);
out:
    EVP_ENCODE_CTX_free(context);
    return is_found;
}

static int read_openssh(const char *text, const char *passphrase, ssh_key *ret_key, char *ret_why)
{
    struct buffer head = {0};
    struct sp_str cipher, kind;
    int rc = 0;

    if (!read_openssh_head(text, &head, &cipher, &kind)) {
        rc = private_key_wrong(ret_why, "is an OpenSSH key that is damaged or cut off");
    } else if (str_is(kind, "ssh-dss")) {
        rc = private_key_wrong(ret_why, WHY_DSA);
    } else if (!public_key_kind(kind) || public_key_kind(kind)->is_hardware) {
        rc = private_key_wrong(ret_why, WHY_KIND);
    } else if (!str_is(cipher, "none") && !passphrase) {
        rc = private_key_wrong(ret_why, WHY_NO_PASSPHRASE);
    } else if (ssh_pki_import_privkey_base64(text, passphrase ? passphrase : "", no_passphrase,
                                             NULL, ret_key) != SSH_OK) {
        if (str_is(cipher, "none"))
            rc = private_key_wrong(ret_why, "is an OpenSSH key that is damaged or cut off");
        else
            rc = private_key_wrong(ret_why,
                                   "could not be decrypted: the passphrase is wrong, or the SSH "
                                   "library lacks the cipher (%.*s)",
                                   (int)(cipher.len < 40 ? cipher.len : 40), cipher.data);
    }
    secret_wipe(buffer_data(&head), buffer_length(&head));
    buffer_release(&head);
    return rc;
}

/* --- which form ------------------------------------------------------------------------------- */

enum form {
    FORM_BINARY,
    FORM_OPENSSH,
    FORM_PEM,
    FORM_PPK,
    FORM_JWK,
    FORM_CERTIFICATE,
    FORM_PUBLIC,
};

/* In this order: a file may hold a certificate beside its key. */
static const struct {
    const char *mark;
    bool is_at_start;
    enum form form;
} marks[] = {
    {"-----BEGIN OPENSSH PRIVATE KEY-----", false, FORM_OPENSSH},
    {"PRIVATE KEY-----", false, FORM_PEM},
    {"PuTTY-User-Key-File-", true, FORM_PPK},
    {"{", true, FORM_JWK},
    {"-----BEGIN CERTIFICATE", false, FORM_CERTIFICATE},
    {"-cert-v01@openssh.com ", false, FORM_CERTIFICATE},
    {"PUBLIC KEY-----", false, FORM_PUBLIC},
    {"BEGIN SSH2 PUBLIC KEY", false, FORM_PUBLIC},
    {"ssh-", true, FORM_PUBLIC},
    {"ecdsa-sha2-", true, FORM_PUBLIC},
    {"sk-", true, FORM_PUBLIC},
};

static enum form find_form(const char *text, size_t len, const char **ret_start)
{
    const char *start = text + strspn(text, " \t\r\n");

    *ret_start = start;
    if (memchr(text, '\0', len))
        return FORM_BINARY;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *place = strstr(start, marks[i].mark);
        if (place && (place == start || !marks[i].is_at_start))
            return marks[i].form;
    }
    return FORM_BINARY;
}

/* Every way ends here: the key that came out must be one that clients will take. */
static int judge(ssh_key key, uint32_t rsa_min_bits, char *ret_why)
{
    struct buffer blob = {0};
    struct public_key public;
    int rc = 0;

    if (key_blob(key, &blob) < 0 ||
        !public_key_parse(buffer_data(&blob), buffer_length(&blob), &public) ||
        public.kind->is_hardware)
        rc = private_key_wrong(ret_why, WHY_KIND);
    else if (public.kind->family == PUBLIC_KEY_RSA && public.bits < rsa_min_bits)
        rc = private_key_wrong(ret_why,
                               "is an RSA key of %u bits, and limits.rsa_min_bits is %u; make a "
                               "larger one, or an Ed25519 key",
                               public.bits, rsa_min_bits);
    buffer_release(&blob);
    return rc;
}

static int read_form(const char *text, size_t len, const char *passphrase, ssh_key *ret_key,
                     char *ret_why)
{
    EVP_PKEY *pkey = NULL;
    const char *start; /* behind blanks */
    int rc = 0;

    switch (find_form(text, len, &start)) {
    case FORM_OPENSSH:
        return read_openssh(text, passphrase, ret_key, ret_why);
    case FORM_CERTIFICATE:
        return private_key_wrong(ret_why, "is a certificate, not a key; name the private key");
    case FORM_PUBLIC:
        return private_key_wrong(ret_why, "is a public key; name the private key");
    case FORM_PEM:
        rc = read_pem(text, len, passphrase, &pkey, ret_why);
        break;
    case FORM_PPK:
        rc = private_ppk_read(start, len - (size_t)(start - text), passphrase, &pkey, ret_why);
        break;
    case FORM_JWK:
        rc = private_jwk_read(text, len, &pkey, ret_why);
        break;
    case FORM_BINARY:
        rc = private_pkcs12_read(text, len, passphrase, &pkey, ret_why);
        break;
    }
    if (rc == 0)
        rc = import(pkey, ret_key, ret_why);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return rc;
}

int private_key_read(const void *data, size_t len, const char *passphrase, uint32_t rsa_min_bits,
                     ssh_key *ret_key, char *ret_why)
{
    char *text = secret_copy(data, len); /* with a NUL, whatever data ends with */
    int rc;

    *ret_key = NULL;
    if (!text)
        return private_key_wrong(ret_why, "cannot be kept: out of memory");
    rc = len ? read_form(text, len, passphrase, ret_key, ret_why)
             : private_key_wrong(ret_why, "is empty");
    secret_free(text, len);
    if (rc == 0)
        rc = judge(*ret_key, rsa_min_bits, ret_why);
    if (rc < 0) {
        ssh_key_free(*ret_key);
        *ret_key = NULL;
    }
    return rc;
}
