/* private_pkcs12.c: keys in PFX files, RFC 7292. Certificates beside the key are never looked at:
 * older programs encrypt them with a cipher that OpenSSL no longer has, and the key with a better
 * one. */
#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "keys/private_form.h"

struct word { /* a passphrase; none at all is written in two ways */
    const char *text;
    int len;
};

static bool opens_with(PKCS12 *file, struct word *word)
{
    if (PKCS12_verify_mac(file, word->text, word->len) == 1)
        return true;
    if (word->text)
        return false;
    word->text = "";
    return PKCS12_verify_mac(file, word->text, word->len) == 1;
}

/* The key in the bag, if it is one with a key. *is_locked: it is, but cannot be opened. */
static EVP_PKEY *read_bag(const PKCS12_SAFEBAG *bag, const struct word *word, bool *is_locked)
{
    PKCS8_PRIV_KEY_INFO *decrypted;
    EVP_PKEY *pkey = NULL;

    switch (PKCS12_SAFEBAG_get_nid(bag)) {
    case NID_keyBag:
        return EVP_PKCS82PKEY(PKCS12_SAFEBAG_get0_p8inf(bag));
    case NID_pkcs8ShroudedKeyBag:
        decrypted = PKCS12_decrypt_skey(bag, word->text, word->len);
        *is_locked = !decrypted;
        if (decrypted)
            pkey = EVP_PKCS82PKEY(decrypted);
        PKCS8_PRIV_KEY_INFO_free(decrypted);
        return pkey;
    default:
        return NULL;
    }
}

static EVP_PKEY *read_safe(PKCS7 *safe, const struct word *word, bool *is_locked)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    EVP_PKEY *pkey = NULL;

    if (PKCS7_type_is_data(safe))
        bags = PKCS12_unpack_p7data(safe);
    else if (PKCS7_type_is_encrypted(safe))
        bags = PKCS12_unpack_p7encdata(safe, word->text, word->len);
    for (int i = 0; !pkey && i < sk_PKCS12_SAFEBAG_num(bags); i++)
        pkey = read_bag(sk_PKCS12_SAFEBAG_value(bags, i), word, is_locked);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return pkey;
}

static EVP_PKEY *find_key(const PKCS12 *file, const struct word *word, bool *is_locked)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(file);
    EVP_PKEY *pkey = NULL;

    for (int i = 0; !pkey && i < sk_PKCS7_num(safes); i++)
        pkey = read_safe(sk_PKCS7_value(safes, i), word, is_locked);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return pkey;
}

int private_pkcs12_read(const void *data, size_t len, const char *passphrase, EVP_PKEY **ret_pkey,
                        char *ret_why)
{
    const unsigned char *bytes = data;
    PKCS12 *file = len <= LONG_MAX ? d2i_PKCS12(NULL, &bytes, (long)len) : NULL;
    struct word word = {passphrase, passphrase ? (int)strlen(passphrase) : 0};
    bool is_locked = false;
    int rc = 0;

    if (!file)
        return private_key_wrong(
            ret_why, "is in no form known here: OpenSSH, PEM, PKCS#8, PKCS#12, PPK or JWK");
    if (PKCS12_mac_present(file) && !opens_with(file, &word)) {
        rc = private_key_wrong(ret_why, passphrase ? WHY_WRONG_PASSPHRASE : WHY_NO_PASSPHRASE);
    } else {
        *ret_pkey = find_key(file, &word, &is_locked);
        if (!*ret_pkey && is_locked)
            rc = private_key_wrong(ret_why, "could not be decrypted: the passphrase is wrong, or "
                                            "the cipher is one that OpenSSL no longer has; convert "
                                            "it with openssl pkcs12 -legacy");
        else if (!*ret_pkey)
            rc = private_key_wrong(ret_why, "holds no private key");
    }
    PKCS12_free(file);
    return rc;
}
