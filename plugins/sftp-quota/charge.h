/*
 * charge.h: sums that go up before something is done, and down when it was not, or when something
 * is gone. Everything is under the accounts' lock; the ledgers' are taken here.
 */
#ifndef SFTP_QUOTA_CHARGE_H
#define SFTP_QUOTA_CHARGE_H

#include "sftp-quota/accounts.h"

/* A file as the accounts know it. */
struct counted {
    struct charged charged;
    struct ledger_key key;
    uint64_t size;  /* what it has if no ledger knows better */
    bool exists;    /* … and whether it was there when that was looked at */
    uint64_t spare; /* bytes that are given back when it is done */
    bool writes;    /* a handle that can change it */
    bool is_open;   /* a handle of ours: slots say where its entries are */
    struct {
        uint32_t index, generation;
    } slots[LIMITS_MAX];
};

/* Why something is refused. */
struct refusal {
    bool is_busy; /* a ledger could not be had */
    const struct limit *limit;
    bool is_files;
    uint64_t used, most;
};

/* How a file's size was before it was grown, to undo it. */
struct growth {
    uint64_t before[LIMITS_MAX];
    uint64_t size;
};

struct ledger_key key_of(struct sp_str user, struct sp_str path);
struct ledger_above above_of(struct sp_str user, struct sp_str directory);

/* So many more files (or fewer, which is never refused). */
bool charge_files(const struct charged *charged, int64_t change, struct refusal *ret_refusal);
/* The file has at least this size from now on; an append adds to what it has. False: refused, and
 * nothing has changed. ret_growth undoes it. */
bool charge_growth(struct counted *counted, uint64_t size, bool is_append, bool enforce,
                   struct growth *ret_growth, struct refusal *ret_refusal);
/* Unless somebody else has grown it meanwhile. */
void charge_undo(struct counted *counted, const struct growth *growth);
/* The file is there, and has exactly this size; while others have it open, at least this. */
void charge_resize(struct counted *counted, uint64_t size);
/* Its bytes are gone; those of a file that is open when it is closed. */
void charge_forget(struct counted *counted);
/* It is called so now. */
void charge_rename(struct counted *counted, const struct ledger_key *key);
/* It is there, and called so. */
bool charge_is_called(struct counted *counted, const struct ledger_key *key);
/* Whether a file below the directory is open; also if that cannot be found out. */
bool charge_has_open_in(const struct charged *charged, const struct ledger_above *above);
void charge_leave(const struct charged *charged, const struct ledger_above *above);
/* A handle more: the file is there now. is_made: it was counted as a new one, as it was not there
 * when that was looked at. True: so it was by somebody else, too. */
bool charge_open(struct counted *counted, bool is_made);
/* A handle less. */
void charge_close(struct counted *counted);
/* It is still open. */
void charge_touch(struct counted *counted);
/* The size, as the first of the ledgers has it. */
uint64_t charge_size(struct counted *counted);

#endif
