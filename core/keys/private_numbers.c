/* private_numbers.c: private keys from the numbers they consist of. For forms that OpenSSL does not
 * read itself. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "keys/pkey.h"
#include "keys/private_form.h"

#define ED25519_SIZE 32

EVP_PKEY *private_from_ed25519(const uint8_t *secret, const uint8_t *public)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, ED25519_SIZE);
    uint8_t derived[ED25519_SIZE];
    size_t len = sizeof derived;

    if (pkey && public &&
        (EVP_PKEY_get_raw_public_key(pkey, derived, &len) != 1 ||
         memcmp(derived, public, sizeof derived) != 0)) {
        EVP_PKEY_free(pkey);
        return NULL;
    }
    return pkey;
}

/* Takes params over. */
static EVP_PKEY *make(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *pkey = pkey_from_params(type, EVP_PKEY_KEYPAIR, params);
    EVP_PKEY_CTX *context = pkey ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;

    if (pkey && (!context || EVP_PKEY_pairwise_check(context) != 1)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return pkey;
}

EVP_PKEY *private_from_ec(const char *group, const BIGNUM *secret, const uint8_t *point,
                          size_t point_len)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;

    if (builder &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, point_len) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1)
        pkey = make("EC", OSSL_PARAM_BLD_to_param(builder));
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

/* d mod (prime - 1) */
static BIGNUM *exponent_for(const BIGNUM *d, const BIGNUM *prime, BN_CTX *context)
{
    BIGNUM *minus_one = BN_dup(prime);
    BIGNUM *result = BN_secure_new();

    if (!minus_one || !result || BN_sub_word(minus_one, 1) != 1 || BN_is_zero(minus_one) ||
        BN_mod(result, d, minus_one, context) != 1) {
        BN_clear_free(result);
        result = NULL;
    }
    BN_clear_free(minus_one);
    return result;
}

EVP_PKEY *private_from_rsa(const BIGNUM *n, const BIGNUM *e, const BIGNUM *d, const BIGNUM *p,
                           const BIGNUM *q)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BN_CTX *context = BN_CTX_secure_new();
    BIGNUM *dp = NULL, *dq = NULL, *qi = NULL;
    EVP_PKEY *pkey = NULL;

    if (!builder || !context || BN_is_zero(p) || BN_is_zero(q))
        goto out;
    dp = exponent_for(d, p, context);
    dq = exponent_for(d, q, context);
    qi = BN_mod_inverse(NULL, q, p, context);
    if (!dp || !dq || !qi)
        goto out;
    const struct {
        const char *name;
        const BIGNUM *number;
    } rows[] = {
        {OSSL_PKEY_PARAM_RSA_N, n},          {OSSL_PKEY_PARAM_RSA_E, e},
        {OSSL_PKEY_PARAM_RSA_D, d},          {OSSL_PKEY_PARAM_RSA_FACTOR1, p},
        {OSSL_PKEY_PARAM_RSA_FACTOR2, q},    {OSSL_PKEY_PARAM_RSA_EXPONENT1, dp},
        {OSSL_PKEY_PARAM_RSA_EXPONENT2, dq}, {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, qi},
    };
    bool is_complete = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_complete =
            is_complete && OSSL_PARAM_BLD_push_BN(builder, rows[i].name, rows[i].number) == 1;
    if (is_complete)
        pkey = make("RSA", OSSL_PARAM_BLD_to_param(builder));
out:
    BN_clear_free(dp);
    BN_clear_free(dq);
    BN_clear_free(qi);
    BN_CTX_free(context);
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}
