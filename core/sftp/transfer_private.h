/* transfer_private.h: a transfer, for the files of transfer.h. */
#ifndef SALLYPORT_SFTP_TRANSFER_PRIVATE_H
#define SALLYPORT_SFTP_TRANSFER_PRIVATE_H

#include "sftp/block.h"
#include "sftp/codec.h"
#include "sftp/coverage.h"
#include "sftp/digest.h"
#include "sftp/storage.h"
#include "sftp/transfer.h"

#define SFTP_TRANSFER_TEXT 128u

/* What is asked of the provider when a file has ended. */
struct sftp_inquiry {
    struct sftp_transfer *transfer;
    struct sftp_call call;
    struct reactor_task again;
    bool is_waiting; /* for again */
    struct sp_fs_attributes attributes;
    uint64_t handle; /* open, to read what is hashed */
    uint64_t hashed;
    struct sftp_block *block;
};

struct sftp_transfer {
    struct list link; /* account->transfers, then ->ended */
    struct sftp_account *account;
    struct sftp_tree *tree;
    struct sftp_mount *mount;
    bool is_upload;
    bool is_parked;
    bool may_be_partial; /* its name may be one of sftp.partial_names */
    uint32_t protocol;
    sp_id channel;
    uint64_t file;
    uint32_t parts;
    uint32_t kind; /* SP_SFTP_UPLOADED …, once it has ended */
    char *path;    /* as it is called now */
    char *opened_path;
    int64_t started_ms;
    uint64_t started_ns, duration_ns;

    uint64_t size;
    bool size_is_known;
    uint64_t bytes_read, bytes_written;
    bool is_changed; /* created, truncated, or written to */
    bool is_copied;  /* and that by the server itself */
    bool has_failed;
    char text[SFTP_TRANSFER_TEXT]; /* why */

    struct sftp_coverage read;
    uint64_t end; /* the lowest offset at which nothing was */

    enum sftp_digest_kind hash_kind; /* SFTP_DIGEST_COUNT: none */
    struct sftp_digest *digest;      /* of the bytes up to digested; NULL: not in order */
    uint64_t digested;
    uint8_t hash[SFTP_DIGEST_MAX];
    size_t hash_length;

    /* transfer_tell.c */
    void (*next)(struct sftp_transfer *transfer);
    struct sftp_inquiry *inquiry; /* NULL: nothing had to be asked */
};

void sftp_transfer_free(struct sftp_transfer *transfer);

#endif
