/*
 * revoked.h: which keys and certificates are revoked: a list as ssh-keygen -k makes it (OpenSSH's
 * PROTOCOL.krl), or a text file with a public key on each line. Never changes once read; any
 * thread.
 */
#ifndef SALLYPORT_KEYS_REVOKED_H
#define SALLYPORT_KEYS_REVOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/types.h>

struct revoked_keys;

/* The list in data, whose form is found out. Whatever is not understood makes the whole list
 * invalid: one entry that is passed over would let a thief in. 0 and *ret_list is the caller's;
 * or SP_ERR_FORMAT with a constant text in *ret_why and, for a text file, the line in *ret_line; or
 * SP_ERR_NOMEM. */
int revoked_keys_read(const void *data, size_t len, struct revoked_keys **ret_list,
                      const char **ret_why, int *ret_line);
void revoked_keys_free(struct revoked_keys *list); /* NULL is fine */

/* Whether the plain public key in blob is revoked: a user's, or that of a certificate, or a CA's.
 * True also if that cannot be found out. */
bool revoked_keys_has(const struct revoked_keys *list, const void *blob, size_t len);
/* Whether the CA's certificates with this serial number or key id are. */
bool revoked_keys_has_certificate(const struct revoked_keys *list, struct sp_str ca_blob,
                                  uint64_t serial, struct sp_str key_id);

#endif
