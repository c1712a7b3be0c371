/*
 * transfer.h: files on their way to clients and from them, and what is told of each at its end:
 * uploaded, upload aborted, downloaded, in the log and to the hooks that offer transfer().
 *
 *   coverage.c       which bytes were read
 *   transfer.c       what becomes of a file while it is open, and of one that waits for its name
 *   transfer_tell.c  the end: its size and hash, if they are not known; telling
 *
 * An open file takes part in the transfer of its path; all that one connection has open of one path
 * for writing are parts of one upload, and likewise all that only read of one download. A transfer
 * ends with its last part.
 *
 *   uploaded    every part was closed by the client, and nothing that was to change the file failed
 *   aborted     not so, and the file was created, truncated or written to
 *   downloaded  all bytes were read, and every part was closed
 *   nothing     else; also what the server copied without the client's data (copy-data), and files
 *               that are deleted as they are closed
 *
 * An upload whose name is one of sftp.partial_names is parked when it is complete: it ends when it
 * is renamed to another kind of name, and is aborted when it is removed or the connection's last
 * channel for files ends. Called by handles, requests and scp. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_TRANSFER_H
#define SALLYPORT_SFTP_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "session/channel.h"
#include "sftp/account.h"
#include "sftp/tree.h"

struct sftp_transfer;

/* What one open file is in its transfer. Zero: it takes part in none. */
struct sftp_part {
    struct sftp_transfer *transfer;
    bool has_failed; /* something that was to change the file */
    bool appends;
};

struct sftp_opened {
    struct sftp_tree *tree;
    struct sftp_mount *mount;
    const char *path;       /* as the provider knows it, in the tree */
    const char *final_path; /* NULL, or what the client calls it while path is a temporary name */
    uint32_t flags;         /* SP_OPEN_* */
    uint32_t protocol;      /* SP_SFTP_PROTOCOL_* */
    bool is_renamed_later;  /* the client may be using a partial name */
    uint64_t file;          /* as hooks know it */
};

/* Without memory the file takes part in none, and the log says so. */
void sftp_part_open(struct sftp_part *part, struct sftp_account *account,
                    const struct sftp_opened *opened);
/* count bytes of data from the client are in the file. */
void sftp_part_wrote(struct sftp_part *part, uint64_t offset, const void *data, uint64_t count);
/* Bytes came from another file of the server. */
void sftp_part_copied_to(struct sftp_part *part, uint64_t offset, uint64_t count);
void sftp_part_resized(struct sftp_part *part, uint64_t size);
/* count bytes of data are on their way to the client. */
void sftp_part_read(struct sftp_part *part, uint64_t offset, const void *data, uint64_t count);
/* There was nothing at offset. */
void sftp_part_met_end(struct sftp_part *part, uint64_t offset);
/* A write or another change failed; text is for people. */
void sftp_part_fail(struct sftp_part *part, const char *text);
/* What was opened under a temporary name is called path now. */
void sftp_part_called(struct sftp_part *part, const char *path);
/* The file is closed. is_good: the client asked for it, and it went well; else text says why not,
 * or is NULL. */
void sftp_part_close(struct sftp_part *part, bool is_good, const char *text);

/* A client has renamed or removed something. */
void sftp_transfers_renamed(struct sftp_account *account, const char *from, const char *to);
void sftp_transfers_removed(struct sftp_account *account, const char *path);
/* The connection's last channel for files has ended: nobody renames what is parked. */
void sftp_transfers_end(struct sftp_account *account);

/* Hooks are behind with what they were told: take nothing more from the client, and join the
 * waiters of the account; on_room comes once there is room. */
struct sftp_waiter {
    struct list link;
    void (*on_room)(struct sftp_waiter *waiter);
};
bool sftp_transfers_are_behind(const struct sftp_account *account);

/* transfer_tell.c, for transfer.c only: the transfer has ended and is the account's ->ended. */
void sftp_transfer_end(struct sftp_transfer *transfer);

#endif
