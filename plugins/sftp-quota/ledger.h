/*
 * ledger.h: what one user, or all together, hold under one limit: a small file that all workers map
 * into their memory. Its lock is held for no longer than it takes to add up.
 *
 * Beside the two sums it has an entry for each file that is open, or was a moment ago:
 * with it, all that write to the file agree on its size, and what has been counted once is not
 * counted again. Entries outlive a worker that crashes by a few minutes, the sums outlive
 * everything.
 */
#ifndef SFTP_QUOTA_LEDGER_H
#define SFTP_QUOTA_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_ENTRIES 2048u

#define LEDGER_LEVELS 8u

struct ledger_key {
    unsigned char bytes[16];
    uint32_t above[LEDGER_LEVELS]; /* hashes of the directories that it is in, topmost first */
};

/* A directory, as keys of what is in it have it; of deep ones the upper end. */
struct ledger_above {
    uint32_t level, hash;
};

/* ledger_entry.removed */
#define LEDGER_THERE 0u
#define LEDGER_UNNAMED                                                                             \
    1u                 /* the name is gone, the handles are not: counted until the last closes     \
                        */
#define LEDGER_GONE 2u /* nothing is there: who comes late must not count it again */

struct ledger_entry {
    struct ledger_key key;
    uint64_t size;
    uint32_t generation; /* another one whenever the entry is about another file */
    uint32_t opens;      /* handles, of all workers */
    uint32_t touched;    /* seconds: alive at that time; 0: the entry is free */
    uint32_t removed;    /* LEDGER_* */
    uint32_t is_made;    /* somebody has counted it as a new file */
    uint32_t writers;    /* of opens */
};

/* Native in size and order: it belongs to one machine. */
struct ledger_file {
    char magic[8];
    uint64_t bytes, files;
    uint32_t is_begun; /* what was there before has been counted */
    uint32_t reserved;
    struct ledger_entry entries[LEDGER_ENTRIES];
};

struct ledger {
    int fd;
    struct ledger_file *file;
};

/* 0, or -1 with *ret_why set. Blocks as long as the disk makes it. */
int ledger_open(struct ledger *ledger, const char *path, const char **ret_why);
void ledger_close(struct ledger *ledger);

/* Waits for at most so long; false: somebody else has it. Everything below is under the lock. */
bool ledger_lock(struct ledger *ledger, unsigned wait_ms);
void ledger_unlock(struct ledger *ledger);

struct ledger_entry *ledger_find(struct ledger *ledger, const struct ledger_key *key);
/* The entry for that file, a new one if there is none: of that size, or of one that is not there.
 * NULL: too many. */
struct ledger_entry *ledger_make(struct ledger *ledger, const struct ledger_key *key, uint64_t size,
                                 bool exists);
/* By what a handle remembers; NULL: it is about another file by now. */
struct ledger_entry *ledger_at(struct ledger *ledger, uint32_t index, uint32_t generation);
uint32_t ledger_index(const struct ledger *ledger, const struct ledger_entry *entry);
void ledger_touch(struct ledger_entry *entry);
/* The file's size is another: the sum follows. */
void ledger_resize(struct ledger *ledger, struct ledger_entry *entry, uint64_t size);
/* The name is gone. bytes are counted no more; those of a file that is open, not yet. */
void ledger_forget(struct ledger *ledger, struct ledger_entry *entry);
/* Whether a file in there is open. */
bool ledger_has_open_in(const struct ledger *ledger, const struct ledger_above *above);
/* What is in there is called otherwise now, or there are other files of those names: nothing that
 * is known by name is known any more. */
void ledger_leave(struct ledger *ledger, const struct ledger_above *above);
/* One handle less. */
void ledger_closed(struct ledger *ledger, struct ledger_entry *entry, bool was_writer);
void ledger_add(uint64_t *sum, int64_t change); /* never below 0 */

#endif
