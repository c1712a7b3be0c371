/* private_ppk.c: PuTTY's files of keys, versions 2 and 3. What is encrypted in version 3 needs
 * Argon2, which comes from a library of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#ifdef SALLYPORT_ARGON2
#include <argon2.h>
#endif

#include "base/buffer.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/wire.h"
#include "keys/private_form.h"
#include "keys/public_key.h"

enum {
    KEY_SIZE = 32,
    IV_SIZE = 16,
    MAC_KEY_MAX = 32,
    MAC_MAX = 32,
    LINES_MAX = 2000,
    LINE_SIZE = 128
};
#define ARGON2_MEMORY_MAX (1024u * 1024) /* KiB */
#define ARGON2_PASSES_MAX 10000u
#define ARGON2_LANES_MAX 64u

/* Of one file. */
struct ppk {
    const char *next, *end; /* what is not yet read */
    char *why;
    bool is_v3;
    struct sp_str algorithm, encryption, comment;
    struct buffer public, private;
    /* version 3, encrypted */
    struct sp_str derivation;
    uint32_t memory, passes, lanes;
    uint8_t salt[64];
    size_t salt_len;
    uint8_t mac[MAC_MAX];
    size_t mac_len;
};

struct derived {
    uint8_t key[KEY_SIZE];
    uint8_t iv[IV_SIZE];
    uint8_t mac_key[MAC_KEY_MAX];
    size_t mac_key_len;
};

static int damaged(const struct ppk *ppk)
{
    return private_key_wrong(ppk->why, "is a PPK file that is damaged or cut off");
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool next_line(struct ppk *ppk, struct sp_str *ret)
{
    const char *newline;

    if (ppk->next == ppk->end)
        return false;
    newline = memchr(ppk->next, '\n', (size_t)(ppk->end - ppk->next));
    const char *stop = newline ? newline : ppk->end;
    ret->data = ppk->next;
    ret->len = (uint64_t)(stop - ppk->next);
    if (ret->len && ret->data[ret->len - 1] == '\r')
        ret->len--;
    ppk->next = newline ? newline + 1 : ppk->end;
    return true;
}

/* The line "name: value". */
static bool header(struct ppk *ppk, const char *name, struct sp_str *ret_value)
{
    size_t length = strlen(name);
    struct sp_str line;

    if (!next_line(ppk, &line) || line.len < length + 2 || memcmp(line.data, name, length) != 0 ||
        memcmp(line.data + length, ": ", 2) != 0)
        return false;
    *ret_value = (struct sp_str){line.data + length + 2, line.len - length - 2};
    return true;
}

static bool number(struct ppk *ppk, const char *name, uint32_t most, uint32_t *ret)
{
    struct sp_str value;

    *ret = 0;
    if (!header(ppk, name, &value) || value.len == 0 || value.len > 9)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        *ret = *ret * 10 + (uint32_t)(value.data[i] - '0');
    }
    return *ret <= most;
}

static bool hex(struct ppk *ppk, const char *name, uint8_t *bytes, size_t most, size_t *ret_len)
{
    struct sp_str value;

    if (!header(ppk, name, &value) || value.len % 2 || value.len / 2 > most)
        return false;
    for (size_t i = 0; i < value.len; i += 2) {
        char pair[3] = {value.data[i], value.data[i + 1], '\0'};
        char *rest;
        if (strspn(pair, "0123456789abcdefABCDEF") != 2)
            return false;
        bytes[i / 2] = (uint8_t)strtoul(pair, &rest, 16);
    }
    *ret_len = (size_t)value.len / 2;
    return true;
}

/* "name: count", and as many lines of base64. */
static bool blob(struct ppk *ppk, const char *name, struct buffer *ret)
{
    uint32_t lines;
    struct sp_str line;

    /* All of it at once: memory that grew would leave secrets behind. */
    if (!number(ppk, name, LINES_MAX, &lines) || !buffer_reserve(ret, lines * LINE_SIZE + 1))
        return false;
    for (uint32_t i = 0; i < lines; i++) {
        unsigned char text[LINE_SIZE];
        if (!next_line(ppk, &line) || line.len == 0 || line.len % 4 || line.len >= sizeof text)
            return false;
        uint8_t *place = buffer_reserve(ret, (size_t)line.len / 4 * 3);
        memcpy(text, line.data, (size_t)line.len);
        int length = place ? EVP_DecodeBlock(place, text, (int)line.len) : -1;
        secret_wipe(text, sizeof text);
        if (length < 2)
            return false;
        length -= (line.data[line.len - 1] == '=') + (line.data[line.len - 2] == '=');
        buffer_commit(ret, (size_t)length);
    }
    return true;
}

static bool is_encrypted(const struct ppk *ppk)
{
    return !str_is(ppk->encryption, "none");
}

static int read_version(struct ppk *ppk)
{
    const char *start = ppk->next;

    if (header(ppk, "PuTTY-User-Key-File-2", &ppk->algorithm))
        return 0;
    ppk->next = start;
    ppk->is_v3 = header(ppk, "PuTTY-User-Key-File-3", &ppk->algorithm);
    return ppk->is_v3
               ? 0
               : private_key_wrong(ppk->why, "is a PPK file of a version other than 2 and 3");
}

static int read_file(struct ppk *ppk)
{
    int rc = read_version(ppk);

    if (rc < 0)
        return rc;
    if (!header(ppk, "Encryption", &ppk->encryption) || !header(ppk, "Comment", &ppk->comment) ||
        !blob(ppk, "Public-Lines", &ppk->public))
        return damaged(ppk);
    if (is_encrypted(ppk) && !str_is(ppk->encryption, "aes256-cbc"))
        return private_key_wrong(ppk->why, "is a PPK file with a cipher that is unknown here");
    if (ppk->is_v3 && is_encrypted(ppk) &&
        !(header(ppk, "Key-Derivation", &ppk->derivation) &&
          number(ppk, "Argon2-Memory", ARGON2_MEMORY_MAX, &ppk->memory) &&
          number(ppk, "Argon2-Passes", ARGON2_PASSES_MAX, &ppk->passes) &&
          number(ppk, "Argon2-Parallelism", ARGON2_LANES_MAX, &ppk->lanes) &&
          hex(ppk, "Argon2-Salt", ppk->salt, sizeof ppk->salt, &ppk->salt_len)))
        return damaged(ppk);
    if (!blob(ppk, "Private-Lines", &ppk->private) ||
        !hex(ppk, "Private-MAC", ppk->mac, sizeof ppk->mac, &ppk->mac_len))
        return damaged(ppk);
    return 0;
}

/* --- passphrase ------------------------------------------------------------------------------- */

static bool sha1_of(const void *head, size_t head_len, const char *passphrase, uint8_t *ret)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_done = context && EVP_DigestInit_ex(context, EVP_sha1(), NULL) == 1 &&
                   EVP_DigestUpdate(context, head, head_len) == 1 &&
                   EVP_DigestUpdate(context, passphrase, strlen(passphrase)) == 1 &&
                   EVP_DigestFinal_ex(context, ret, NULL) == 1;

    EVP_MD_CTX_free(context);
    return is_done;
}

static int derive_v2(const struct ppk *ppk, const char *passphrase, struct derived *ret)
{
    static const char label[] = "putty-private-key-file-mac-key";
    uint8_t counter[4] = {0}, digests[2][SHA1_SIZE];

    if (!sha1_of(label, sizeof label - 1, is_encrypted(ppk) ? passphrase : "", ret->mac_key))
        return damaged(ppk);
    ret->mac_key_len = SHA1_SIZE;
    for (uint8_t i = 0; is_encrypted(ppk) && i < 2; i++) {
        counter[3] = i;
        if (!sha1_of(counter, sizeof counter, passphrase, digests[i]))
            return damaged(ppk);
    }
    memcpy(ret->key, digests, KEY_SIZE);
    secret_wipe(digests, sizeof digests);
    return 0;
}

#ifdef SALLYPORT_ARGON2
static int derive_v3(const struct ppk *ppk, const char *passphrase, struct derived *ret)
{
    static const struct {
        const char *name;
        argon2_type type;
    } rows[] = {{"Argon2id", Argon2_id}, {"Argon2i", Argon2_i}, {"Argon2d", Argon2_d}};
    uint8_t bytes[KEY_SIZE + IV_SIZE + MAC_KEY_MAX];
    size_t row = 0;

    while (row < 3 && !str_is(ppk->derivation, rows[row].name))
        row++;
    if (row == 3 || argon2_hash(ppk->passes, ppk->memory, ppk->lanes, passphrase,
                                strlen(passphrase), ppk->salt, ppk->salt_len, bytes, sizeof bytes,
                                NULL, 0, rows[row].type, ARGON2_VERSION_13) != ARGON2_OK)
        return private_key_wrong(ppk->why, "has a key derivation that is unknown here, or that "
                                           "takes more memory than there is");
    memcpy(ret->key, bytes, KEY_SIZE);
    memcpy(ret->iv, bytes + KEY_SIZE, IV_SIZE);
    memcpy(ret->mac_key, bytes + KEY_SIZE + IV_SIZE, MAC_KEY_MAX);
    ret->mac_key_len = MAC_KEY_MAX;
    secret_wipe(bytes, sizeof bytes);
    return 0;
}
#else
static int derive_v3(const struct ppk *ppk, const char *passphrase, struct derived *ret)
{
    (void)passphrase, (void)ret;
    return private_key_wrong(ppk->why,
                             "is an encrypted PPK file of version 3, and this build lacks Argon2; "
                             "convert it with puttygen --ppk-param version=2, or build with "
                             "libargon2");
}
#endif

static bool decrypt(struct ppk *ppk, const struct derived *derived)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t *bytes = buffer_data(&ppk->private);
    int length = (int)buffer_length(&ppk->private), done = 0;
    bool is_done =
        context && length % IV_SIZE == 0 &&
        EVP_DecryptInit_ex(context, EVP_aes_256_cbc(), NULL, derived->key, derived->iv) == 1 &&
        EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
        EVP_DecryptUpdate(context, bytes, &done, bytes, length) == 1 && done == length;

    EVP_CIPHER_CTX_free(context);
    return is_done;
}

static bool mac_is_right(const struct ppk *ppk, const struct derived *derived)
{
    struct buffer data = {0};
    uint8_t mac[MAC_MAX];
    size_t len = 0;
    const char *digest = ppk->is_v3 ? "SHA256" : "SHA1";
    const struct sp_str parts[] = {
        ppk->algorithm,
        ppk->encryption,
        ppk->comment,
        {(char *)buffer_data(&ppk->public), buffer_length(&ppk->public)},
        {(char *)buffer_data(&ppk->private), buffer_length(&ppk->private)},
    };
    size_t total = 0;
    bool is_right;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        total += 4 + (size_t)parts[i].len;
    is_right = buffer_reserve(&data, total) != NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        is_right = is_right && wire_put_string(&data, parts[i].data, (size_t)parts[i].len) == 0;
    is_right = is_right &&
               EVP_Q_mac(NULL, "HMAC", NULL, digest, NULL, derived->mac_key, derived->mac_key_len,
                         buffer_data(&data), buffer_length(&data), mac, sizeof mac, &len) &&
               len == ppk->mac_len && secret_equal(mac, ppk->mac, len);
    secret_wipe(buffer_data(&data), buffer_length(&data));
    buffer_release(&data);
    return is_right;
}

static int unlock(struct ppk *ppk, const char *passphrase)
{
    struct derived derived = {0};
    int rc = 0;

    if (is_encrypted(ppk) && !passphrase)
        return private_key_wrong(ppk->why, WHY_NO_PASSPHRASE);
    if (!ppk->is_v3)
        rc = derive_v2(ppk, passphrase, &derived);
    else if (is_encrypted(ppk))
        rc = derive_v3(ppk, passphrase, &derived);
    if (rc == 0 && is_encrypted(ppk) && !decrypt(ppk, &derived))
        rc = damaged(ppk);
    if (rc == 0 && !mac_is_right(ppk, &derived))
        rc = is_encrypted(ppk) ? private_key_wrong(ppk->why, WHY_WRONG_PASSPHRASE) : damaged(ppk);
    secret_wipe(&derived, sizeof derived);
    return rc;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static BIGNUM *big(struct sp_str text)
{
    BIGNUM *result = BN_secure_new();

    if (result)
        BN_bin2bn((const unsigned char *)text.data, (int)text.len, result);
    return result;
}

static EVP_PKEY *make_rsa(const struct public_key *public, struct wire_reader *reader)
{
    BIGNUM *n = big(public->modulus), *e = big(public->exponent);
    BIGNUM *d = big(wire_get_string(reader));
    BIGNUM *p = big(wire_get_string(reader));
    BIGNUM *q = big(wire_get_string(reader));
    EVP_PKEY *pkey =
        n && e && d && p && q && wire_ok(reader) ? private_from_rsa(n, e, d, p, q) : NULL;

    BN_free(n);
    BN_free(e);
    BN_clear_free(d);
    BN_clear_free(p);
    BN_clear_free(q);
    return pkey;
}

static EVP_PKEY *make(const struct public_key *public, struct wire_reader *reader)
{
    uint8_t secret[32] = {0};
    EVP_PKEY *pkey = NULL;

    if (public->kind->family == PUBLIC_KEY_RSA)
        return make_rsa(public, reader);
    struct sp_str text = wire_get_string(reader);
    if (!wire_ok(reader))
        return NULL;
    if (public->kind->family == PUBLIC_KEY_ED25519) {
        /* Little-endian, without the zeros at its end. */
        if (text.len <= sizeof secret) {
            memcpy(secret, text.data, (size_t)text.len);
            pkey = private_from_ed25519(secret, (const uint8_t *)public->point.data);
        }
        secret_wipe(secret, sizeof secret);
        return pkey;
    }
    BIGNUM *scalar = big(text);
    if (scalar)
        pkey = private_from_ec(public->kind->group, scalar, (const uint8_t *)public->point.data,
                               (size_t) public->point.len);
    BN_clear_free(scalar);
    return pkey;
}

static int convert(const struct ppk *ppk, EVP_PKEY **ret_pkey)
{
    struct public_key public;
    struct wire_reader reader;

    if (str_is(ppk->algorithm, "ssh-dss"))
        return private_key_wrong(ppk->why, WHY_DSA);
    if (!public_key_kind(ppk->algorithm))
        return private_key_wrong(ppk->why, WHY_KIND);
    if (!public_key_parse(buffer_data(&ppk->public), buffer_length(&ppk->public), &public) ||
        !str_is(ppk->algorithm, public.kind->name))
        return damaged(ppk);
    wire_reader_init(&reader, buffer_data(&ppk->private), buffer_length(&ppk->private));
    *ret_pkey = make(&public, &reader);
    return *ret_pkey ? 0 : private_key_wrong(ppk->why, WHY_HALVES);
}

int private_ppk_read(const char *text, size_t len, const char *passphrase, EVP_PKEY **ret_pkey,
                     char *ret_why)
{
    struct ppk ppk = {.next = text, .end = text + len, .why = ret_why};
    int rc = read_file(&ppk);

    if (rc == 0)
        rc = unlock(&ppk, passphrase);
    if (rc == 0)
        rc = convert(&ppk, ret_pkey);
    secret_wipe(buffer_data(&ppk.private), buffer_length(&ppk.private));
    buffer_release(&ppk.private);
    buffer_release(&ppk.public);
    return rc;
}
