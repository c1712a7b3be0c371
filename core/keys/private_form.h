/* private_form.h: what the readers of single forms of private keys share with private_key.c. */
#ifndef SALLYPORT_KEYS_PRIVATE_FORM_H
#define SALLYPORT_KEYS_PRIVATE_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/bn.h>
#include <openssl/evp.h>

#include "base/err.h"
#include "keys/private_key.h"

/* ret_why becomes the text. SP_ERR_INVALID. */
__attribute__((format(printf, 2, 3))) int private_key_wrong(char *ret_why, const char *format, ...);

/* What every form says in the same words. */
#define WHY_NO_PASSPHRASE                                                                          \
    "is encrypted, and no passphrase is given; name it in \"keys\" with \"passphrase_file\" or "   \
    "\"passphrase_environment\""
#define WHY_WRONG_PASSPHRASE "could not be decrypted: the passphrase is wrong"
#define WHY_HALVES "is damaged: its halves do not belong together"
#define WHY_DSA "is a DSA key, which no client takes any more; make an Ed25519 key"
#define WHY_KIND                                                                                   \
    "is of a kind that cannot be a host key; take Ed25519, ECDSA (nistp256, nistp384, nistp521) "  \
    "or RSA"

/* Each reads one form. *ret_pkey is the caller's. 0 or SP_ERR_INVALID with ret_why. */
int private_ppk_read(const char *text, size_t len, const char *passphrase, EVP_PKEY **ret_pkey,
                     char *ret_why);
int private_jwk_read(const char *text, size_t len, EVP_PKEY **ret_pkey, char *ret_why);
int private_pkcs12_read(const void *data, size_t len, const char *passphrase, EVP_PKEY **ret_pkey,
                        char *ret_why);

/* Keys from their numbers; NULL if they do not make one. All parts are big-endian; point is the
 * uncompressed one. public may be NULL for Ed25519; else the halves must belong together. */
EVP_PKEY *private_from_ed25519(const uint8_t *secret, const uint8_t *public);
EVP_PKEY *private_from_ec(const char *group, const BIGNUM *secret, const uint8_t *point,
                          size_t point_len);
/* The other three numbers are computed. */
EVP_PKEY *private_from_rsa(const BIGNUM *n, const BIGNUM *e, const BIGNUM *d, const BIGNUM *p,
                           const BIGNUM *q);

#endif
