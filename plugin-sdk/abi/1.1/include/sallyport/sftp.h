/*
 * sallyport/sftp.h: the interface "sallyport.sftp/1" (since ABI 1.1): hooks that stand before and
 * after each operation on files, whichever provider stores them and whether SFTP or scp asks.
 *
 * The manifest's "sftp" says which families of operations a hook wants, before and after; it is
 * asked about no others. Hooks stand in the order of the configuration's chains.sftp: before() goes
 * down the chain, the operation is done, after() comes back up.
 *
 * before() answers SP_NEXT or SP_ALLOW to go on, perhaps with changes; SP_DENY to refuse, with a
 * status and a text; SP_TAKE to have done the operation itself. The first SP_DENY or SP_TAKE is the
 * end of the way down. after() answers SP_NEXT or SP_ALLOW to leave the result as it is, SP_DENY to
 * replace it by a status and a text, SP_TAKE to replace what it says it changes. It is asked about
 * everything, also about what a hook or the core has refused.
 *
 * A failure, in either, fails the operation. Every other hook is asked all the same on the way up.
 *
 * What before() was asked about, after() is asked about, too, also where the client has gone in the
 * middle: status is SP_FS_CONNECTION_LOST then. Every after() of an open with a file is followed by
 * exactly one after() of a close of that file; without a before() if no client has closed it.
 *
 * Order: what is said of handles in fs.h holds for hooks, too: two operations on one file are never
 * with a hook at a time, operations on different files may be.
 *
 * Every operation: [threading] [started]; plugin.h says what the tags mean.
 */
#ifndef SALLYPORT_SFTP_H
#define SALLYPORT_SFTP_H

#include <sallyport/fs.h>
#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SP_SFTP_INTERFACE "sallyport.sftp/1"

/* Families of operations. In a manifest: "directory.create", "directory.list", "directory.remove",
 * "open", "close", "read", "write", "remove", "rename", "attributes.get", "attributes.set",
 * "resolve", "link", "lock", "session". */
#define SP_SFTP_DIRECTORY_CREATE (1u << 0)
#define SP_SFTP_DIRECTORY_LIST (1u << 1) /* opening, each part of the list; closing is a close */
#define SP_SFTP_DIRECTORY_REMOVE (1u << 2)
#define SP_SFTP_OPEN (1u << 3)
#define SP_SFTP_CLOSE (1u << 4)
#define SP_SFTP_READ (1u << 5)  /* also hashes */
#define SP_SFTP_WRITE (1u << 6) /* also fsync; a copy is SP_SFTP_READ and SP_SFTP_WRITE */
#define SP_SFTP_REMOVE (1u << 7)
#define SP_SFTP_RENAME (1u << 8)
#define SP_SFTP_ATTRIBUTES_GET (1u << 9) /* also of file systems */
#define SP_SFTP_ATTRIBUTES_SET (1u << 10)
#define SP_SFTP_RESOLVE (1u << 11)
#define SP_SFTP_LINK (1u << 12)    /* making and reading links, hard and symbolic */
#define SP_SFTP_SESSION (1u << 13) /* about no file: limits, names of users */
#define SP_SFTP_LOCK (1u << 14)

/* sp_sftp_event.protocol */
#define SP_SFTP_PROTOCOL_SFTP 1u
#define SP_SFTP_PROTOCOL_SCP 2u

/* One entry of a listing that is shown to hooks. Never grows. */
struct sp_sftp_listed {
    struct sp_str name;
    uint32_t type; /* SP_FILE_* */
    uint32_t reserved;
    const struct sp_fs_attributes *attributes;
};

/* Paths are absolute, in the tree that the user's mounts make, without ".", ".." and "//". */
struct sp_sftp_event {
    struct sp_event head;
    sp_id channel;
    uint64_t act;      /* the same number before and after; of this channel */
    uint32_t family;   /* SP_SFTP_*: one, or more for what is several at once */
    uint32_t protocol; /* SP_SFTP_PROTOCOL_* */
    /* The operation: "open", "posix-rename", "copy-data", "check-file-name" … */
    struct sp_str name;
    struct sp_str path; /* also of an operation on a handle: the name it was opened by */
    /* rename, link: the new name; symlink: the text; copy: the target's path */
    struct sp_str target;
    struct sp_str mount;  /* that path is on; empty: none */
    uint64_t file;        /* an open file or directory: the same from open's after() to close's;
                             0: none */
    uint64_t file_target; /* copy */
    uint64_t offset;      /* read, write, copy, lock, hash */
    uint64_t offset_target;
    uint64_t length;  /* … 0 with copy, lock and hash: to the end */
    uint32_t flags;   /* open SP_OPEN_*, rename SP_RENAME_*, lock SP_LOCK_*, stat SP_FS_NOFOLLOW;
                         read, write, close, fsync …: SP_OPEN_* as the file was opened */
    uint32_t version; /* of SFTP; 0: scp */
    const struct sp_fs_attributes *attributes; /* asked for: open, mkdir, setstat; or NULL */
    /* write's before(), read's after(), for hooks with "data" in the manifest; change nothing. No
     * NUL follows. */
    struct sp_str data;

    /* after() only */
    uint32_t status;  /* SP_FS_* */
    uint32_t decided; /* SP_SFTP_BY_* */
    struct sp_str text;
    struct sp_str result_path;             /* realpath, readlink: the answer */
    uint64_t count;                        /* bytes read, written, copied */
    uint64_t duration_ns;                  /* since before() was asked for the first time */
    const struct sp_fs_attributes *result; /* stat, fstat: the answer; or NULL */
    const struct sp_sftp_listed *entries;  /* a part of a listing */
    uint64_t entries_count;
    const struct sp_fs_space *space; /* statvfs, fstatvfs, space-available: the answer; or NULL */

    /* before() and after(), for families that the manifest's "existing" names: what was there
     * before the operation, as far as the provider tells: of path with an open, remove, rmdir,
     * rename, a setstat of the size, the close of a file that was open for writing, and of both
     * files with a copy. existing_target is what a rename would replace, or the copy's target.
     * Size, type, and link count where there is one. NULL: nothing there, or not known. */
    const struct sp_fs_attributes *existing;
    const struct sp_fs_attributes *existing_target;

    /* Of a file that a hook has written under path until it is complete (SP_SFTP_CHANGE_FINAL):
     * what it is called then. Close is done when it has that name, or is removed. Else empty. */
    struct sp_str final_path;
    uint32_t final_flags; /* SP_SFTP_FINAL_* */
    uint32_t reserved;
};

/* sp_sftp_event.decided: whose the status is */
#define SP_SFTP_BY_PROVIDER 0u
#define SP_SFTP_BY_CORE 1u
#define SP_SFTP_BY_HOOK 2u

/* sp_sftp_reply.changes: which fields of the reply mean anything */
#define SP_SFTP_CHANGE_PATH (1u << 0)
#define SP_SFTP_CHANGE_TARGET (1u << 1)
#define SP_SFTP_CHANGE_FLAGS (1u << 2)
#define SP_SFTP_CHANGE_ATTRIBUTES (1u << 3)
#define SP_SFTP_CHANGE_FILE (1u << 4) /* another open file of the same channel */
#define SP_SFTP_CHANGE_RANGE (1u << 5)
#define SP_SFTP_CHANGE_ENTRIES (1u << 6)
#define SP_SFTP_CHANGE_DATA (1u << 7)
#define SP_SFTP_CHANGE_SPACE (1u << 9) /* after() of statvfs, fstatvfs, space-available */
/* before() of an open for writing: path is a name to write under only. When the client has closed
 * the file, and all that was written was taken, the core renames it to final_path, in place of what
 * is there (with SP_OPEN_EXCLUSIVE: only if nothing is), and close says how that went. A part is
 * removed. Both names must be on one mount. Tell nothing of path to others: transfer() does not,
 * unless a part was kept. */
#define SP_SFTP_CHANGE_FINAL (1u << 8)

/* sp_sftp_reply.final_flags */
#define SP_SFTP_FINAL_KEEP_PART (1u << 0) /* a part stays, under path */

struct sp_sftp_reply {
    struct sp_reply head; /* verdict: SP_NEXT, SP_ALLOW, SP_DENY or SP_TAKE */
    uint32_t status;      /* SP_DENY: SP_FS_*, SP_FS_PERMISSION_DENIED if it is SP_FS_OK. SP_TAKE:
                             the result */
    uint32_t changes;     /* SP_SFTP_CHANGE_* */
    struct sp_str text;   /* for the user, with the status */
    /* before(): do the operation on this instead. A path is checked and placed as if the client had
     * sent it. SP_TAKE: path is the answer to realpath and readlink. */
    struct sp_str path;
    struct sp_str target;
    uint32_t flags;
    uint32_t final_flags; /* SP_SFTP_FINAL_* */
    uint64_t file;
    uint64_t offset;
    uint64_t length;
    const struct sp_fs_attributes *attributes; /* SP_TAKE: the answer to stat, fstat */
    /* SP_TAKE, and after() of a listing: the entries, instead of those there are. before()'s
     * SP_TAKE of a part of a listing without entries is its end; after() may leave none, and the
     * list goes on. At most 100. */
    const struct sp_fs_entry *entries;
    uint64_t entries_count;
    struct sp_str data; /* SP_TAKE of read: the bytes; none is the end of the file */
    uint64_t count;     /* SP_TAKE of write, copy: bytes done */
    struct sp_str final_path;
    const struct sp_fs_space *space;
};

/* sp_sftp_transfer.kind */
#define SP_SFTP_UPLOADED 1u       /* closed by the client, every write of it done */
#define SP_SFTP_UPLOAD_ABORTED 2u /* what is there is a part */
#define SP_SFTP_DOWNLOADED 3u     /* read to its end */

/* A file has come or gone: told exactly once for each, after everything that after() was told. */
struct sp_sftp_transfer {
    struct sp_event head;
    sp_id channel;
    uint32_t kind;             /* SP_SFTP_UPLOADED … */
    uint32_t protocol;         /* SP_SFTP_PROTOCOL_* */
    struct sp_str path;        /* as it is called now */
    struct sp_str opened_path; /* as it was called when it was opened */
    struct sp_str mount;
    uint64_t file;
    uint64_t size; /* of the file; bytes that came, for a part */
    uint64_t bytes_read;
    uint64_t bytes_written;
    int64_t started_ms; /* since 1970-01-01 UTC */
    uint64_t duration_ns;
    struct sp_str hash_algorithm; /* empty: no hash */
    struct sp_str hash;           /* the digest's bytes */
    struct sp_str text;           /* aborted: why */
};

struct sp_sftp_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t (*before)(void *self, const struct sp_sftp_event *event);
    int32_t (*after)(void *self, const struct sp_sftp_event *event);
    /* The return value is ignored. */
    int32_t (*transfer)(void *self, const struct sp_sftp_transfer *event);
};

#ifdef __cplusplus
}
#endif
#endif
