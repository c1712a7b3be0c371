/*
 * attributes.h: file attributes between struct sp_fs_attributes and the wire, for every version of
 * the protocol. Pure functions.
 */
#ifndef SALLYPORT_SFTP_ATTRIBUTES_H
#define SALLYPORT_SFTP_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

#include <sallyport/fs.h>

#include "base/wire.h"

/* What clients may set of the permissions: never set-user-id, set-group-id or sticky. */
#define SFTP_MODE_SETTABLE 0777u

/* sp_fs_attributes.bits: those of version 5, and the one of 6 that says that a name on the wire is
 * not quite the file's. */
#define SFTP_BITS_5 0x7ffu
#define SFTP_BIT_TRANSLATION_ERROR 0x800u

/* Attributes that are told to who does not ask for any by name, as in a listing: all but those that
 * may be long, and the one that lftp, which speaks version 6, has never heard of. */
#define SFTP_ATTRIBUTES_USUAL (~(SP_ATTR_ACL | SP_ATTR_EXTENDED | SP_ATTR_ALLOCATION_SIZE))
/* Most bytes of one entry's attributes then, all its texts included. */
#define SFTP_ATTRIBUTES_LISTED_MAX 1280u

/* What of a client's attributes is not yet in the form that the struct has. */
struct sftp_attributes_source {
    struct sp_str pairs;  /* the extended ones, as they are in the packet */
    bool acl_lacks_flags; /* as in versions 4 and 5 */
};

/* Read attributes; what is malformed shows in wire_ok(reader). Texts point into the packet. The
 * file's type, which nobody can set, is passed over. Owner and group that are numbers written out
 * are given as both. */
void sftp_attributes_get(struct wire_reader *reader, uint32_t version,
                         struct sp_fs_attributes *ret_attributes,
                         struct sftp_attributes_source *ret_source);
/* Let attributes outlive the packet: what they point to is copied into one piece of memory, to be
 * freed, which is NULL if they point to nothing. 0 or SP_ERR_NOMEM. */
int sftp_attributes_keep(struct sp_fs_attributes *attributes,
                         const struct sftp_attributes_source *source, void **ret_memory);
/* Write those of the attributes that are in mask (SP_ATTR_*) and that the version knows. 0 or
 * SP_ERR_NOMEM. NULL: no attribute at all. */
int sftp_attributes_put(struct buffer *buffer, uint32_t version,
                        const struct sp_fs_attributes *attributes, uint32_t mask);
/* The mode as POSIX has it, the file type's bits included where the type is known. */
uint32_t sftp_attributes_mode(const struct sp_fs_attributes *attributes);

/* A mask of the wire as SP_ATTR_*, and the other way round. */
uint32_t sftp_attributes_mask_from_wire(uint32_t version, uint32_t wire);
uint32_t sftp_attributes_mask_to_wire(uint32_t version, uint32_t mask);

#endif
