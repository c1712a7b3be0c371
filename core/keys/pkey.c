/* pkey.c: see pkey.h. Called by private_numbers.c and public_key.c. */
#include "keys/pkey.h"

EVP_PKEY *pkey_from_params(const char *type, int selection, OSSL_PARAM *params)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (params && context && EVP_PKEY_fromdata_init(context) == 1 &&
        EVP_PKEY_fromdata(context, &pkey, selection, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params); /* wipes what lies in secure memory */
    return pkey;
}
