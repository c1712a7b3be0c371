/*
 * hash_turn.h: hashing is work for the processor that a client asks for with a few bytes, so a
 * connection hashes one file at a time; others wait for their turn. Called by the extensions and
 * the hash commands. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_HASH_TURN_H
#define SALLYPORT_SFTP_HASH_TURN_H

#include <stdbool.h>

#include "base/list.h"

struct sftp_account;

struct sftp_hash_turn {
    struct list link; /* account->hash_turns: the first has its turn */
    /* The turn has come. Starts nothing by itself: this may be called from anywhere. */
    void (*on_turn)(struct sftp_hash_turn *turn);
};

/* True: it is the turn's at once. False: on_turn comes later. */
bool sftp_hash_turn_join(struct sftp_account *account, struct sftp_hash_turn *turn);
/* Done, or given up waiting. Safe for one that never joined but was list_init()ed. */
void sftp_hash_turn_leave(struct sftp_account *account, struct sftp_hash_turn *turn);

#endif
