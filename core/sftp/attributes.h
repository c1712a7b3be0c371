/*
 * attributes.h: file attributes between struct sp_fs_attributes and the wire. Version 3 is the
 * column that exists; the struct already has all that versions 4 to 6 carry. Pure functions.
 */
#ifndef SALLYPORT_SFTP_ATTRIBUTES_H
#define SALLYPORT_SFTP_ATTRIBUTES_H

#include <stdint.h>

#include <sallyport/fs.h>

#include "base/wire.h"

/* What clients may set of the permissions: never set-user-id, set-group-id or sticky. */
#define SFTP_MODE_SETTABLE 0777u

/* Read attributes; what is malformed shows in wire_ok(reader). Extended pairs are passed over. */
void sftp_attributes_get(struct wire_reader *reader, uint32_t version,
                         struct sp_fs_attributes *ret_attributes);
/* 0 or SP_ERR_NOMEM. NULL: no attribute at all. */
int sftp_attributes_put(struct buffer *buffer, uint32_t version,
                        const struct sp_fs_attributes *attributes);
/* The mode as POSIX has it, the file type's bits included where the type is known. */
uint32_t sftp_attributes_mode(const struct sp_fs_attributes *attributes);

#endif
