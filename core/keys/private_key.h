/*
 * private_key.h: a private key in any of the forms that administrators have: OpenSSH, PEM and
 * PKCS#8, PFX/PKCS#12, PuTTY's PPK, JWK. Which one it is, is found out. Start-up only: deriving a
 * key from a passphrase takes its time. Never asks for anything on a terminal.
 */
#ifndef SALLYPORT_KEYS_PRIVATE_KEY_H
#define SALLYPORT_KEYS_PRIVATE_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <libssh/libssh.h>

#define PRIVATE_KEY_WHY_SIZE 256

/* The key in data, with passphrase (NULL: none is known). *ret_key is the caller's. 0, or
 * SP_ERR_INVALID with ret_why (PRIVATE_KEY_WHY_SIZE), which says what is wrong and what to do. RSA
 * keys below rsa_min_bits are refused. */
int private_key_read(const void *data, size_t len, const char *passphrase, uint32_t rsa_min_bits,
                     ssh_key *ret_key, char *ret_why);

#endif
