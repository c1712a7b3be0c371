/*
 * sallyport/fs.h: the interface "sallyport.fs/1", a storage provider.
 *
 * Paths are absolute, begin with "/", are relative to the root that attach() chose, and contain
 * neither "." nor "..", nor "//", nor NUL: the core has seen to that. Symbolic links are the
 * provider's business, and none may lead out of the root.
 *
 * An operation answers with complete() and a struct sp_fs_reply, or, if there is nothing to hand
 * over, by returning SP_OK. Errors are a reply with a status and, better, a text that tells the
 * user what to do. A plain negative return value is SP_FS_FAILURE. A NULL slot is
 * SP_FS_OP_UNSUPPORTED.
 *
 * The core keeps the order of operations on one handle and overlaps all others. close, closedir and
 * detach come only when nothing that was asked of that handle or view is under way any more, late
 * answers included.
 *
 * Every operation: [threading] [started]; plugin.h says what the tags mean.
 */
#ifndef SALLYPORT_FS_H
#define SALLYPORT_FS_H

#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SP_FS_INTERFACE "sallyport.fs/1"

/* Status codes: the numbers of the SFTP drafts. The core maps them down for older versions. */
#define SP_FS_OK 0u
#define SP_FS_EOF 1u
#define SP_FS_NO_SUCH_FILE 2u
#define SP_FS_PERMISSION_DENIED 3u
#define SP_FS_FAILURE 4u
#define SP_FS_BAD_MESSAGE 5u
#define SP_FS_NO_CONNECTION 6u
#define SP_FS_CONNECTION_LOST 7u
#define SP_FS_OP_UNSUPPORTED 8u
#define SP_FS_INVALID_HANDLE 9u
#define SP_FS_NO_SUCH_PATH 10u
#define SP_FS_FILE_ALREADY_EXISTS 11u
#define SP_FS_WRITE_PROTECT 12u
#define SP_FS_NO_MEDIA 13u
#define SP_FS_NO_SPACE_ON_FILESYSTEM 14u
#define SP_FS_QUOTA_EXCEEDED 15u
#define SP_FS_UNKNOWN_PRINCIPAL 16u
#define SP_FS_LOCK_CONFLICT 17u
#define SP_FS_DIR_NOT_EMPTY 18u
#define SP_FS_NOT_A_DIRECTORY 19u
#define SP_FS_INVALID_FILENAME 20u
#define SP_FS_LINK_LOOP 21u
#define SP_FS_CANNOT_DELETE 22u
#define SP_FS_INVALID_PARAMETER 23u
#define SP_FS_FILE_IS_A_DIRECTORY 24u
#define SP_FS_BYTE_RANGE_LOCK_CONFLICT 25u
#define SP_FS_BYTE_RANGE_LOCK_REFUSED 26u
#define SP_FS_DELETE_PENDING 27u
#define SP_FS_FILE_CORRUPT 28u
#define SP_FS_OWNER_INVALID 29u
#define SP_FS_GROUP_INVALID 30u
#define SP_FS_NO_MATCHING_BYTE_RANGE_LOCK 31u

/* sp_fs_attributes.valid: which fields are set */
#define SP_ATTR_SIZE (1u << 0)
#define SP_ATTR_OWNER_IDS (1u << 1)   /* uid, gid */
#define SP_ATTR_PERMISSIONS (1u << 2) /* the low 12 bits of mode */
#define SP_ATTR_ACCESS_TIME (1u << 3)
#define SP_ATTR_MODIFY_TIME (1u << 4)
#define SP_ATTR_CREATE_TIME (1u << 5)
#define SP_ATTR_CHANGE_TIME (1u << 6)
#define SP_ATTR_TYPE (1u << 7)
/* owner, group. To set: an empty one stays as it is; what is a number comes as SP_ATTR_OWNER_IDS,
 * too, if both are. */
#define SP_ATTR_OWNER_NAMES (1u << 8)
#define SP_ATTR_ALLOCATION_SIZE (1u << 9)
#define SP_ATTR_LINK_COUNT (1u << 10)
#define SP_ATTR_ACL (1u << 11)
#define SP_ATTR_BITS (1u << 12)
#define SP_ATTR_TEXT_HINT (1u << 13)
#define SP_ATTR_MIME_TYPE (1u << 14)
#define SP_ATTR_UNTRANSLATED_NAME (1u << 15)
#define SP_ATTR_EXTENDED (1u << 16)

/* sp_fs_attributes.type: the numbers of the SFTP drafts, 4 and later */
#define SP_FILE_REGULAR 1u
#define SP_FILE_DIRECTORY 2u
#define SP_FILE_SYMLINK 3u
#define SP_FILE_SPECIAL 4u
#define SP_FILE_UNKNOWN 5u
#define SP_FILE_SOCKET 6u
#define SP_FILE_CHAR_DEVICE 7u
#define SP_FILE_BLOCK_DEVICE 8u
#define SP_FILE_FIFO 9u

/* sp_fs_attributes.bits and bits_valid, 1.1: the numbers of the SFTP drafts, 5 and later */
#define SP_BIT_READ_ONLY (1u << 0)
#define SP_BIT_SYSTEM (1u << 1)
#define SP_BIT_HIDDEN (1u << 2)
#define SP_BIT_CASE_INSENSITIVE (1u << 3)
#define SP_BIT_ARCHIVE (1u << 4)
#define SP_BIT_ENCRYPTED (1u << 5)
#define SP_BIT_COMPRESSED (1u << 6)
#define SP_BIT_SPARSE (1u << 7)
#define SP_BIT_APPEND_ONLY (1u << 8)
#define SP_BIT_IMMUTABLE (1u << 9)
#define SP_BIT_SYNC (1u << 10)
#define SP_BIT_TRANSLATION_ERROR (1u << 11) /* the name could not be told as it is */

struct sp_time {
    int64_t seconds; /* since 1970-01-01 UTC */
    uint32_t nanoseconds;
    uint32_t reserved;
};

struct sp_fs_attributes {
    uint32_t struct_size;
    uint32_t valid; /* SP_ATTR_* */
    uint64_t size;
    uint64_t allocation_size;
    uint32_t type; /* SP_FILE_* */
    uint32_t mode; /* permissions, the low 12 bits */
    uint32_t uid;
    uint32_t gid;
    uint32_t link_count;
    uint32_t bits; /* attribute bits of the SFTP drafts, 5 and later */
    uint32_t bits_valid;
    uint32_t text_hint;
    struct sp_time access_time;
    struct sp_time modify_time;
    struct sp_time create_time;
    struct sp_time change_time;
    struct sp_str owner;
    struct sp_str group;
    struct sp_str acl; /* as on the wire of SFTP 6: its flags, how many entries, the entries */
    struct sp_str mime_type;
    struct sp_str untranslated_name;
    const struct sp_pair *extended;
    uint64_t extended_count;
};

/* Flags of open */
#define SP_OPEN_READ (1u << 0)
#define SP_OPEN_WRITE (1u << 1)
#define SP_OPEN_APPEND (1u << 2) /* every write goes to the end, atomically */
#define SP_OPEN_CREATE (1u << 3) /* create if absent */
#define SP_OPEN_TRUNCATE (1u << 4)
#define SP_OPEN_EXCLUSIVE (1u << 5) /* with SP_OPEN_CREATE: fail if present */
#define SP_OPEN_NOFOLLOW (1u << 6)  /* fail on a symbolic link */
#define SP_OPEN_TEXT (1u << 7)
#define SP_OPEN_BLOCK_READ (1u << 8)
#define SP_OPEN_BLOCK_WRITE (1u << 9)
#define SP_OPEN_BLOCK_DELETE (1u << 10)
#define SP_OPEN_DELETE_ON_CLOSE (1u << 11)
#define SP_OPEN_BLOCK_ADVISORY (1u << 12) /* 1.1: what is blocked binds only those who ask */

/* Flags of stat, setstat */
#define SP_FS_NOFOLLOW (1u << 0) /* the link itself, not what it points to */

/* Flags of rename */
#define SP_RENAME_OVERWRITE (1u << 0) /* replace the target, atomically; else fail if it exists */
#define SP_RENAME_ATOMIC (1u << 1)    /* 1.1: there is always one of the two, or fail */
#define SP_RENAME_NATIVE (1u << 2)    /* 1.1: as the system below does it by itself */

/* Flags of lock, 1.1: what others may not do in the range while it is held */
#define SP_LOCK_READ (1u << 0)
#define SP_LOCK_WRITE (1u << 1)
#define SP_LOCK_DELETE (1u << 2)
#define SP_LOCK_ADVISORY (1u << 3) /* it need bind only those who ask for locks, too */

/* attach, attach_top: a connection is about to use this provider. The reply's handle is given back
 * as view. */
struct sp_fs_attach {
    struct sp_event head;
    struct sp_str mount; /* where in the user's tree, "/" … */
    struct sp_str root;  /* the mount's root from the configuration or the user's grant */
    struct sp_str top;   /* 1.1, attach_top: a path below the root, never just "/"; else empty */
};

/* detach, statvfs (path), stat, opendir, rmdir, remove, readlink, realpath */
struct sp_fs_path {
    struct sp_event head;
    uint64_t view;
    struct sp_str path;
    uint32_t flags;
    uint32_t reserved;
    uint32_t wanted; /* 1.1, stat: SP_ATTR_* that the client asks for; 0: all that cost little */
    uint32_t reserved2;
};

/* rename (path to target), link (path is the existing file, target the new name),
 * symlink (path is the new link, target its text, which may be anything but empty) */
struct sp_fs_pair {
    struct sp_event head;
    uint64_t view;
    struct sp_str path;
    struct sp_str target;
    uint32_t flags;
    uint32_t reserved;
};

/* open, mkdir, setstat */
struct sp_fs_create {
    struct sp_event head;
    uint64_t view;
    struct sp_str path;
    uint32_t flags;
    uint32_t reserved;
    const struct sp_fs_attributes *attributes; /* never NULL */
};

/* Flags of close, 1.1 */
/* The client has not closed the file itself: its connection ended in the middle, or it had to give
 * up. A provider that shows a file only once it is whole throws away what was written. */
#define SP_CLOSE_ABORTED (1u << 0)

/* close, fstat, fsync, fstatvfs, closedir, readdir (count = most entries wanted), fsetstat */
struct sp_fs_handle {
    struct sp_event head;
    uint64_t view;
    uint64_t handle; /* as your reply to open or opendir gave it */
    uint64_t count;
    const struct sp_fs_attributes *attributes; /* fsetstat; else NULL */
    uint32_t wanted;                           /* 1.1, fstat and readdir: as in sp_fs_path */
    uint32_t flags;                            /* 1.1, close: SP_CLOSE_* */
};

/* read, write: the buffer is the core's; fill or drain it in place. */
struct sp_fs_io {
    struct sp_event head;
    uint64_t view;
    uint64_t handle;
    uint64_t offset;
    uint64_t length; /* of buffer */
    void *buffer;    /* read: fill it. write: take from it, change nothing */
};

/* copy: between two open handles of this provider. length 0: to the end of the source. What a reply
 * leaves out of the range is asked for again, so a long copy may answer after each part. */
struct sp_fs_copy {
    struct sp_event head;
    uint64_t view;
    uint64_t source;
    uint64_t source_offset;
    uint64_t length;
    uint64_t target;
    uint64_t target_offset;
};

/* lock, unlock (1.1): a range of an open file. unlock names a range that was locked through the
 * same handle, exactly; close gives back all that are left. A conflict is
 * SP_FS_BYTE_RANGE_LOCK_CONFLICT, at once: nobody waits for a lock. */
struct sp_fs_lock {
    struct sp_event head;
    uint64_t view;
    uint64_t handle;
    uint64_t offset;
    uint64_t length; /* 0: to the end, wherever that will be */
    uint32_t flags;  /* SP_LOCK_* */
    uint32_t reserved;
};

/* hash (1.1): of a part of an open file, where the provider knows better than to read it. The
 * reply's data is the digest and its count the bytes that went into it. SP_FS_OP_UNSUPPORTED: the
 * core reads and computes. */
struct sp_fs_hash {
    struct sp_event head;
    uint64_t view;
    uint64_t handle;
    struct sp_str algorithm; /* "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "crc32" */
    uint64_t offset;
    uint64_t length; /* 0: to the end */
};

#define SP_PRINCIPAL_USER 1u
#define SP_PRINCIPAL_GROUP 2u

struct sp_fs_principal {
    uint32_t kind; /* SP_PRINCIPAL_* */
    uint32_t id;
    struct sp_str name; /* empty: not known */
};

/* principals (1.1): the names of users and groups by their numbers. The reply has the same list, in
 * the same order, with names. */
struct sp_fs_principals {
    struct sp_event head;
    uint64_t view;
    const struct sp_fs_principal *principals; /* names are empty */
    uint64_t principals_count;
};

/* sp_fs_support.acl: the numbers of the SFTP drafts, 6 */
#define SP_ACL_ALLOW (1u << 0)
#define SP_ACL_DENY (1u << 1)
#define SP_ACL_AUDIT (1u << 2)
#define SP_ACL_ALARM (1u << 3)
#define SP_ACL_INHERIT_ACCESS (1u << 4)
#define SP_ACL_INHERIT_AUDIT_ALARM (1u << 5)

/* What a provider can do beyond the least (1.1, in the reply to attach). Without it: SP_OPEN_READ
 * to SP_OPEN_NOFOLLOW, the attributes of SFTP 3 and the type, no locks. */
struct sp_fs_support {
    uint32_t struct_size;
    uint32_t open_flags;     /* SP_OPEN_* that it knows; the core refuses the others, or does
                                SP_OPEN_DELETE_ON_CLOSE and SP_OPEN_TEXT itself */
    uint32_t attributes;     /* SP_ATTR_* that stat may give */
    uint32_t attributes_set; /* … that setstat and fsetstat can change; 0: they judge */
    uint32_t attribute_bits; /* of sp_fs_attributes.bits */
    uint32_t rename_flags;   /* SP_RENAME_* */
    uint32_t lock_flags;     /* SP_LOCK_*; with SP_LOCK_ADVISORY only locks that ask for it are
                                given, and bind those who lock; without it they bind all */
    uint32_t acl; /* SP_ACL_*: which kinds of entries an ACL can have; 0: it keeps none */
};

struct sp_fs_entry {
    struct sp_str name;
    struct sp_fs_attributes attributes;
};

/* As struct statvfs. */
struct sp_fs_space {
    uint64_t block_size;
    uint64_t fragment_size;
    uint64_t blocks;
    uint64_t blocks_free;
    uint64_t blocks_available;
    uint64_t files;
    uint64_t files_free;
    uint64_t files_available;
    uint64_t filesystem_id;
    uint64_t flags; /* 1 read-only, 2 no setuid */
    uint64_t name_max;
};

struct sp_fs_reply {
    struct sp_reply head; /* verdict: SP_OK, or SP_E_FAILED with status set */
    uint32_t status;      /* SP_FS_* */
    uint32_t eof; /* readdir: 1 if these are the last entries; read, copy: 1 if the end was met */
    uint64_t handle;    /* attach, open, opendir: yours to choose, given back as it is */
    uint64_t count;     /* read, write, copy: bytes done */
    struct sp_str text; /* with an error: what went wrong, for the user */
    struct sp_str path; /* readlink, realpath */
    const struct sp_fs_attributes *attributes; /* stat, fstat */
    const struct sp_fs_entry *entries;         /* readdir */
    uint64_t entries_count;
    const struct sp_fs_space *space;          /* statvfs, fstatvfs */
    struct sp_str data;                       /* 1.1, hash: the digest's bytes */
    const struct sp_fs_principal *principals; /* 1.1, principals */
    uint64_t principals_count;
    const struct sp_fs_support *support; /* 1.1, attach */
};

struct sp_fs_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t (*attach)(void *self, const struct sp_fs_attach *event);
    /* path is empty; no answer is waited for */
    int32_t (*detach)(void *self, const struct sp_fs_path *event);
    int32_t (*open)(void *self, const struct sp_fs_create *event);
    int32_t (*close)(void *self, const struct sp_fs_handle *event);
    int32_t (*read)(void *self, const struct sp_fs_io *event);
    int32_t (*write)(void *self, const struct sp_fs_io *event);
    int32_t (*fstat)(void *self, const struct sp_fs_handle *event);
    int32_t (*fsetstat)(void *self, const struct sp_fs_handle *event);
    int32_t (*fsync)(void *self, const struct sp_fs_handle *event);
    int32_t (*fstatvfs)(void *self, const struct sp_fs_handle *event);
    int32_t (*stat)(void *self, const struct sp_fs_path *event);
    int32_t (*setstat)(void *self, const struct sp_fs_create *event);
    int32_t (*opendir)(void *self, const struct sp_fs_path *event);
    int32_t (*readdir)(void *self, const struct sp_fs_handle *event);
    int32_t (*closedir)(void *self, const struct sp_fs_handle *event);
    int32_t (*mkdir)(void *self, const struct sp_fs_create *event);
    int32_t (*rmdir)(void *self, const struct sp_fs_path *event);
    int32_t (*remove)(void *self, const struct sp_fs_path *event);
    int32_t (*rename)(void *self, const struct sp_fs_pair *event);
    int32_t (*link)(void *self, const struct sp_fs_pair *event);
    int32_t (*symlink)(void *self, const struct sp_fs_pair *event);
    int32_t (*readlink)(void *self, const struct sp_fs_path *event);
    int32_t (*realpath)(void *self, const struct sp_fs_path *event);
    int32_t (*statvfs)(void *self, const struct sp_fs_path *event);
    int32_t (*copy)(void *self, const struct sp_fs_copy *event);
    /* 1.1 */
    int32_t (*lock)(void *self, const struct sp_fs_lock *event);
    int32_t (*unlock)(void *self, const struct sp_fs_lock *event);
    int32_t (*hash)(void *self, const struct sp_fs_hash *event);
    int32_t (*principals)(void *self, const struct sp_fs_principals *event);
    /* In place of attach, for a user who is kept in a home: the directory top is the view's "/",
     * and nothing outside of it is reached through the view, by symbolic links neither. Without
     * this slot such a user is kept in the home by names alone, and can make no links. */
    int32_t (*attach_top)(void *self, const struct sp_fs_attach *event);
};

#ifdef __cplusplus
}
#endif
#endif
