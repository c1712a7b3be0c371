/* blob.h: a public key as on the wire (RFC 4253, 6.6). Any thread. */
#ifndef SALLYPORT_KEYS_BLOB_H
#define SALLYPORT_KEYS_BLOB_H

#include <libssh/libssh.h>

#include "base/buffer.h"

/* key, a certificate included, appended to blob. 0, SP_ERR_LIBRARY or SP_ERR_NOMEM. */
int key_blob(ssh_key key, struct buffer *blob);

#endif
