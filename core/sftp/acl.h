/*
 * acl.h: the access control list that says what a mode says, for clients that ask for one where the
 * storage keeps none. Pure function; any thread.
 */
#ifndef SALLYPORT_SFTP_ACL_H
#define SALLYPORT_SFTP_ACL_H

#include <stdint.h>

#include <sallyport/fs.h>

#define SFTP_ACL_FROM_MODE_BYTES 192u

/* As on the wire of version 6, in out: entries for OWNER@, GROUP@ and EVERYONE@. */
struct sp_str sftp_acl_from_mode(const struct sp_fs_attributes *attributes,
                                 uint8_t out[SFTP_ACL_FROM_MODE_BYTES]);

#endif
