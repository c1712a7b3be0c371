/*
 * operations.h: every operation on files that a client can ask for, as one table. A request that is
 * no row here does not exist; a row says what it needs, and sftp_authorize() is the one place that
 * says yes or no to it, whether SFTP or scp asks. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_OPERATIONS_H
#define SALLYPORT_SFTP_OPERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/operation.h"
#include "sftp/codec.h"
#include "sftp/tree.h"

struct sftp_request;

enum sftp_operation_id {
    SFTP_OP_OPEN,
    SFTP_OP_CLOSE,
    SFTP_OP_READ,
    SFTP_OP_WRITE,
    SFTP_OP_LSTAT,
    SFTP_OP_FSTAT,
    SFTP_OP_SETSTAT,
    SFTP_OP_FSETSTAT,
    SFTP_OP_OPENDIR,
    SFTP_OP_READDIR,
    SFTP_OP_REMOVE,
    SFTP_OP_MKDIR,
    SFTP_OP_RMDIR,
    SFTP_OP_REALPATH,
    SFTP_OP_STAT,
    SFTP_OP_RENAME,
    SFTP_OP_READLINK,
    SFTP_OP_SYMLINK,
    SFTP_OP_LINK,
    SFTP_OP_BLOCK,
    SFTP_OP_UNBLOCK,
    SFTP_OP_POSIX_RENAME,
    SFTP_OP_HARDLINK,
    SFTP_OP_FSYNC,
    SFTP_OP_STATVFS,
    SFTP_OP_FSTATVFS,
    SFTP_OP_LSETSTAT,
    SFTP_OP_LIMITS,
    SFTP_OP_EXPAND_PATH,
    SFTP_OP_COPY_DATA,
    SFTP_OP_HOME_DIRECTORY,
    SFTP_OP_USERS_GROUPS,
    SFTP_OP_SPACE_AVAILABLE,
    SFTP_OP_CHECK_FILE_HANDLE,
    SFTP_OP_CHECK_FILE_NAME,
    SFTP_OP_CHECK_FILE,
    SFTP_OP_MD5_HASH,
    SFTP_OP_MD5_HASH_HANDLE,
    SFTP_OP_VENDOR_ID,
    SFTP_OP_TRANSLATION_CONTROL,
    SFTP_OP_TEXT_SEEK,
    SFTP_OP_COUNT,
};

/* What an operation is about, and so what it waits for: see engine.h. */
enum sftp_subject {
    SFTP_SUBJECT_NONE,
    SFTP_SUBJECT_PATH,
    SFTP_SUBJECT_TILDE_PATH, /* a path in which "~" stands for a home */
    SFTP_SUBJECT_TWO_PATHS,
    SFTP_SUBJECT_LINK, /* a path and a symbolic link's text */
    SFTP_SUBJECT_FILE, /* handles */
    SFTP_SUBJECT_DIRECTORY,
    SFTP_SUBJECT_EITHER,
    SFTP_SUBJECT_TWO_FILES,
};

/* Whether the operation changes anything: then it is refused to users and mounts that are
 * read-only. */
enum sftp_change { SFTP_CHANGES_NOTHING, SFTP_CHANGES_IF_OPENED_SO, SFTP_CHANGES };

/* Those that bring attributes, which hooks see and may change. */
#define SFTP_FAMILIES_WITH_ATTRIBUTES                                                              \
    (SP_SFTP_OPEN | SP_SFTP_DIRECTORY_CREATE | SP_SFTP_ATTRIBUTES_SET)

/* What success looks like, and so what a hook can answer with in place of a provider. */
enum sftp_answer_kind {
    SFTP_ANSWER_OTHER, /* only the core can make it: no hook can answer */
    SFTP_ANSWER_STATUS,
    SFTP_ANSWER_HANDLE,
    SFTP_ANSWER_DATA,
    SFTP_ANSWER_ATTRIBUTES,
    SFTP_ANSWER_PATH,
    SFTP_ANSWER_ENTRIES,
    SFTP_ANSWER_SPACE,
};

struct sftp_operation {
    const char *name;              /* in the log */
    uint8_t type;                  /* enum sftp_type */
    uint8_t since;                 /* the version that brought it, if a later one than 3 */
    const char *extension;         /* with SFTP_EXTENDED: its name */
    const char *extension_version; /* as advertised; NULL: not, or in a way of its own */
    uint32_t permit;               /* SP_PERMIT_* */
    enum sftp_change changes;
    uint32_t family; /* SP_SFTP_*: which hooks see it */
    /* What the provider must offer for an extension to be advertised; PLUGIN_OPERATION_COUNT if
     * the core does it alone. */
    enum plugin_operation provider;
    enum sftp_subject subject;
    enum sftp_answer_kind answer;
    bool makes_entry;         /* creates, replaces or removes the names it is given */
    bool takes_mountless;     /* understands directories that exist only because of mounts */
    bool keeps_text;          /* looks at the message's text when its turn has come */
    bool may_not_be_dropped;  /* asked of a provider, its answer must be waited for */
    uint32_t needs, needs_to; /* SP_OPEN_READ, SP_OPEN_WRITE: of the first, the second handle */
    sftp_decoder *decode;
    void (*execute)(struct sftp_request *request);
};

const struct sftp_operation *sftp_operation(enum sftp_operation_id id);
/* For a request's type and, with SFTP_EXTENDED, its extension's name. NULL: there is none. */
const struct sftp_operation *sftp_operation_find(uint8_t type, struct sp_str extension);
/* What it is in truth, now that the message is read: LINK is one of two others. */
const struct sftp_operation *sftp_operation_meant(const struct sftp_operation *operation,
                                                  const struct sftp_message *message);
/* Whether to advertise it to this user: someone is there to do it. */
bool sftp_operation_is_available(const struct sftp_operation *operation,
                                 const struct sftp_tree *tree);
/* True if the operation, with these flags, changes files. */
bool sftp_operation_changes(const struct sftp_operation *operation, uint32_t flags);

/* May the tree's user do this? mount and mount_to are those of the names or handles, or NULL.
 * SP_FS_OK, or the status to refuse with and *ret_text to go with it (untouched else). */
uint32_t sftp_authorize(const struct sftp_tree *tree, const struct sftp_operation *operation,
                        uint32_t flags, const struct sftp_mount *mount,
                        const struct sftp_mount *mount_to, const char **ret_text);

#endif
