/* private_pkcs12.c: keys in PFX files, RFC 7292. Certificates beside them are ignored. */
#include <limits.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "keys/private_form.h"

/* No passphrase is written in two ways. */
static bool opens_with(PKCS12 *file, const char **passphrase)
{
    if (*passphrase)
        return PKCS12_verify_mac(file, *passphrase, -1) == 1;
    if (PKCS12_verify_mac(file, NULL, 0) == 1)
        return true;
    *passphrase = "";
    return PKCS12_verify_mac(file, "", 0) == 1;
}

int private_pkcs12_read(const void *data, size_t len, const char *passphrase, EVP_PKEY **ret_pkey,
                        char *ret_why)
{
    const unsigned char *bytes = data;
    PKCS12 *file = len <= LONG_MAX ? d2i_PKCS12(NULL, &bytes, (long)len) : NULL;
    const char *word = passphrase;
    X509 *certificate = NULL;
    int rc = 0;

    if (!file)
        return private_key_wrong(
            ret_why, "is in no form known here: OpenSSH, PEM, PKCS#8, PKCS#12, PPK or JWK");
    if (PKCS12_mac_present(file) && !opens_with(file, &word))
        rc = private_key_wrong(ret_why, passphrase ? WHY_WRONG_PASSPHRASE : WHY_NO_PASSPHRASE);
    else if (PKCS12_parse(file, word, ret_pkey, &certificate, NULL) != 1)
        rc = private_key_wrong(ret_why, "could not be decrypted: the passphrase is wrong, or the "
                                        "cipher is one that OpenSSL no longer has; convert it with "
                                        "openssl pkcs12 -legacy");
    else if (!*ret_pkey)
        rc = private_key_wrong(ret_why, "holds no private key");
    X509_free(certificate);
    PKCS12_free(file);
    return rc;
}
