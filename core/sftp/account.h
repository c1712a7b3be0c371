/*
 * account.h: what the SFTP and scp channels of one connection have in common: the number of open
 * handles, and the files on their way. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_ACCOUNT_H
#define SALLYPORT_SFTP_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "session/session.h"

struct plugin_instance;

struct sftp_account {
    uint64_t connection;
    uint32_t references;
    uint32_t channels;
    uint32_t handles;       /* open, or being opened */
    struct list hash_turns; /* see hash_turn.h */

    /* transfer.c */
    struct list transfers; /* struct sftp_transfer: files that are open, or wait for their name */
    uint32_t parked;       /* of these, those that wait */
    struct list ended;     /* those that are to be told of, in order; at work on the first */
    uint32_t ended_count;
    bool is_working;
    uint32_t told;       /* what hooks were told and are not through with, calls */
    struct list waiters; /* struct sftp_waiter */
    size_t hooks_count;
    struct plugin_instance *hooks[]; /* that want to be told */
};

/* For a channel of the session. NULL: out of memory. */
struct sftp_account *sftp_account_get(struct session *session);
/* The channel's last files are closed. */
void sftp_account_put(struct sftp_account *account);
/* For work that outlives the channels. */
void sftp_account_ref(struct sftp_account *account);
void sftp_account_unref(struct sftp_account *account);

#endif
