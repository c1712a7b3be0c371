/* pkey.h: keys of OpenSSL's from parameters. Any thread. */
#ifndef SALLYPORT_KEYS_PKEY_H
#define SALLYPORT_KEYS_PKEY_H

#include <openssl/evp.h>
#include <openssl/params.h>

/* A key of that type ("EC", "RSA") from what selection (EVP_PKEY_…) says is in params, which are
 * taken over; NULL is fine. NULL if they make no such key, or memory is out. */
EVP_PKEY *pkey_from_params(const char *type, int selection, OSSL_PARAM *params);

#endif
