/*
 * codec.h: SFTP messages. A request becomes a struct sftp_message with types that are the same for
 * every version of the protocol; replies are built from such types. Nothing here knows of
 * channels, providers or policies. Pure functions.
 */
#ifndef SALLYPORT_SFTP_CODEC_H
#define SALLYPORT_SFTP_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include <sallyport/fs.h>

#include "base/buffer.h"
#include "base/wire.h"
#include "sftp/attributes.h"

enum sftp_type {
    SFTP_INIT = 1,
    SFTP_VERSION = 2,
    SFTP_OPEN = 3,
    SFTP_CLOSE = 4,
    SFTP_READ = 5,
    SFTP_WRITE = 6,
    SFTP_LSTAT = 7,
    SFTP_FSTAT = 8,
    SFTP_SETSTAT = 9,
    SFTP_FSETSTAT = 10,
    SFTP_OPENDIR = 11,
    SFTP_READDIR = 12,
    SFTP_REMOVE = 13,
    SFTP_MKDIR = 14,
    SFTP_RMDIR = 15,
    SFTP_REALPATH = 16,
    SFTP_STAT = 17,
    SFTP_RENAME = 18,
    SFTP_READLINK = 19,
    SFTP_SYMLINK = 20,
    SFTP_LINK = 21,    /* 6 */
    SFTP_BLOCK = 22,   /* 6 */
    SFTP_UNBLOCK = 23, /* 6 */
    SFTP_STATUS = 101,
    SFTP_HANDLE = 102,
    SFTP_DATA = 103,
    SFTP_NAME = 104,
    SFTP_ATTRS = 105,
    SFTP_EXTENDED = 200,
    SFTP_EXTENDED_REPLY = 201,
};

#define SFTP_VERSION_MIN 3u
#define SFTP_VERSION_MAX 6u

/* What limits@openssh.com promises, and what is taken beyond it before a client is thrown out. */
#define SFTP_PACKET_MAX 262144u
#define SFTP_PACKET_SLACK 1024u
#define SFTP_DATA_MAX 261120u

#define SFTP_PACKET_MIN 5u         /* after the length: type and id, or type and version */
#define SFTP_HANDLE_BYTES 8u       /* of the handles we give out */
#define SFTP_DATA_HEADER 13u       /* of a DATA reply: length, type, id, length of the data */
#define SFTP_IDS_MAX 1024u         /* users-groups-by-id: users and groups together */
#define SFTP_LISTED_NAME_MAX 1024u /* in a listing */

/* What REALPATH is to find out about the path: the numbers of version 6. */
enum sftp_check {
    SFTP_CHECK_DEFAULT = 0, /* earlier versions: as OpenSSH's server does */
    SFTP_CHECK_NOTHING = 1,
    SFTP_CHECK_IF_THERE = 2, /* attributes with the name, if there is such a file */
    SFTP_CHECK_ALWAYS = 3,   /* … and an error if there is not */
};

/* A request. Text and data point into the packet. Which fields are set depends on the operation. */
struct sftp_message {
    uint32_t id;
    uint32_t flags;   /* SP_OPEN_*, SP_RENAME_*, SP_LOCK_* or SP_FS_NOFOLLOW */
    uint32_t wanted;  /* SP_ATTR_* of STAT, LSTAT and FSTAT; 0: whatever costs little */
    uint32_t refusal; /* SP_FS_*, if it can be understood and cannot be served */
    struct sp_str path;
    struct sp_str target; /* the second path, or a symbolic link's text */
    struct sp_str handle;
    struct sp_str handle_to; /* copy-data */
    uint64_t offset;         /* text-seek: a line, the first is 0 */
    uint64_t offset_to;      /* copy-data */
    uint64_t length;
    enum sftp_check check; /* REALPATH */
    struct sp_str compose; /* REALPATH: see sftp_next_composed() */
    bool is_symbolic;      /* LINK: path is the new link and target its text, as in SYMLINK; else
                              path is the existing file and target its new name */
    struct sp_str data;
    struct sp_str users, groups; /* users-groups-by-id: 32-bit numbers one after the other */
    struct sp_str words;         /* of extensions: see codec_extensions.h */
    uint32_t block_size;         /* check-file */
    struct sp_fs_attributes attributes;
    struct sftp_attributes_source attributes_source;
};

/* How this client talks. */
struct sftp_dialect {
    uint32_t version;
    bool symlink_has_link_first; /* see sftp_dialect_init */
    /* Names that are not UTF-8 are shown in UTF-8 as well as can be, with the true name beside
     * them: version 6, until the client does not want it. */
    bool translates_names;
};

/* For a client with this SSH version string, at the server with that one. */
void sftp_dialect_init(struct sftp_dialect *dialect, struct sp_str client_version,
                       const char *server_version);

/* Readers of requests' bodies, after the id and an extension's name. Each fills its fields of
 * message; what is malformed shows in wire_ok(reader). Bytes after the fields are ignored, as
 * OpenSSH's server does: newer clients may append. */
typedef void sftp_decoder(struct wire_reader *reader, const struct sftp_dialect *dialect,
                          struct sftp_message *message);
sftp_decoder sftp_get_open, sftp_get_handle, sftp_get_read, sftp_get_write, sftp_get_path,
    sftp_get_stat, sftp_get_lstat, sftp_get_fstat, sftp_get_path_attributes,
    sftp_get_path_attributes_nofollow, sftp_get_handle_attributes, sftp_get_rename,
    sftp_get_posix_rename, sftp_get_two_paths, sftp_get_symlink, sftp_get_link, sftp_get_block,
    sftp_get_unblock, sftp_get_text_seek, sftp_get_realpath, sftp_get_copy_data,
    sftp_get_users_groups, sftp_get_nothing;

/* The flags of OPEN, as SP_OPEN_*. SP_FS_OK, or what to refuse them with. */
uint32_t sftp_open_flags(uint32_t wire, uint32_t *ret_flags); /* versions 3 and 4 */
uint32_t sftp_open_access(uint32_t version, uint32_t access, uint32_t wire, uint32_t *ret_flags);
/* What to tell clients of 5 and 6 that OPEN takes, for a provider's SP_OPEN_*. */
void sftp_open_supported(uint32_t version, uint32_t flags, uint32_t *ret_access,
                         uint32_t *ret_wire);
/* SP_LOCK_* for the flags of BLOCK, which are some of OPEN's. False: these are others. */
bool sftp_lock_flags(uint32_t wire, uint32_t *ret_flags);
/* Of 16 combinations of such flags (bit n: combination n) those that stay within SP_LOCK_* flags.
 */
uint16_t sftp_lock_combinations(uint32_t flags);

/* The next of the paths that are to be added to REALPATH's; false: no more. */
bool sftp_next_composed(struct sp_str *compose, struct sp_str *ret_path);

/* Replies: each appends one whole message to buffer. 0 or SP_ERR_NOMEM. */
int sftp_put_status(struct buffer *buffer, uint32_t version, uint32_t id, uint32_t status,
                    struct sp_str text);
int sftp_put_handle(struct buffer *buffer, uint32_t id, uint64_t handle);
/* wanted: see struct sftp_message. */
int sftp_put_attributes(struct buffer *buffer, const struct sftp_dialect *dialect, uint32_t id,
                        const struct sp_fs_attributes *attributes, uint32_t wanted);
/* One name: the answer to REALPATH, READLINK and the like. attributes may be NULL. */
int sftp_put_name(struct buffer *buffer, const struct sftp_dialect *dialect, uint32_t id,
                  struct sp_str name, const struct sp_fs_attributes *attributes);
int sftp_put_space(struct buffer *buffer, uint32_t id, const struct sp_fs_space *space);
int sftp_put_limits(struct buffer *buffer, uint32_t id, uint64_t handles);
/* The header of a DATA reply with length bytes, to be followed by them. */
void sftp_write_data_header(uint8_t out[SFTP_DATA_HEADER], uint32_t id, uint32_t length);

/* A NAME reply of many entries, built step by step. */
struct sftp_listing {
    struct buffer buffer;
    uint32_t count;
};
int sftp_listing_begin(struct sftp_listing *listing, uint32_t id);
/* name has at most SFTP_LISTED_NAME_MAX bytes. */
int sftp_listing_add(struct sftp_listing *listing, const struct sftp_dialect *dialect,
                     struct sp_str name, const struct sp_fs_attributes *attributes, int64_t now);
/* Room for that many entries more, whatever they are, until a packet is full. */
uint32_t sftp_listing_room(const struct sftp_listing *listing);
/* is_last: the next READDIR would say EOF. */
int sftp_listing_end(struct sftp_listing *listing, const struct sftp_dialect *dialect,
                     bool is_last);

/* VERSION: begin, the extensions one by one, end. */
int sftp_version_begin(struct buffer *buffer, uint32_t version);
int sftp_version_add(struct buffer *buffer, const char *name, const char *data);
void sftp_message_end(struct buffer *buffer);

/* A handle as it is on the wire: 0 if it is not one of ours by its form. */
uint64_t sftp_handle_number(struct sp_str handle);

#endif
