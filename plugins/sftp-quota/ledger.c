/* ledger.c: ledgers. See ledger.h. Any thread, under the lock of whoever holds the ledger. */
#include "sftp-quota/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FRESH_S 10u      /* so long the entry of a file that nobody has open is believed */
#define ABANDONED_S 300u /* who had it open has not been heard of for so long */

static const char magic[8] = "SPQUOTA";

static uint32_t now_s(void)
{
    return (uint32_t)time(NULL);
}

static int make_ready(struct ledger *ledger, const char **ret_why)
{
    struct stat st;
    if (fstat(ledger->fd, &st) < 0) {
        *ret_why = strerror(errno);
        return -1;
    }
    if (!S_ISREG(st.st_mode) || st.st_nlink != 1 ||
        (st.st_size != 0 && (uint64_t)st.st_size != sizeof *ledger->file)) {
        *ret_why = "it is no ledger";
        return -1;
    }
    /* Room on the disk now: a write to the mapping could not be refused later. */
    int error = posix_fallocate(ledger->fd, 0, sizeof *ledger->file);
    if (error != 0) {
        *ret_why = strerror(error);
        return -1;
    }
    void *memory =
        mmap(NULL, sizeof *ledger->file, PROT_READ | PROT_WRITE, MAP_SHARED, ledger->fd, 0);
    if (memory == MAP_FAILED) {
        *ret_why = strerror(errno);
        return -1;
    }
    ledger->file = memory;
    if (st.st_size == 0)
        memcpy(ledger->file->magic, magic, sizeof magic);
    if (memcmp(ledger->file->magic, magic, sizeof magic) != 0) {
        *ret_why = "it is no ledger";
        return -1;
    }
    return 0;
}

int ledger_open(struct ledger *ledger, const char *path, const char **ret_why)
{
    *ledger = (struct ledger){
        .fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)};
    if (ledger->fd < 0) {
        *ret_why = strerror(errno);
        return -1;
    }
    if (!ledger_lock(ledger, 10000)) {
        *ret_why = "somebody else holds its lock";
        ledger_close(ledger);
        return -1;
    }
    int rc = make_ready(ledger, ret_why);
    ledger_unlock(ledger);
    if (rc < 0)
        ledger_close(ledger);
    return rc;
}

void ledger_close(struct ledger *ledger)
{
    if (ledger->file)
        munmap(ledger->file, sizeof *ledger->file);
    if (ledger->fd >= 0)
        close(ledger->fd);
    *ledger = (struct ledger){.fd = -1};
}

/* The system gives the lock back when a process ends, however it does. */
bool ledger_lock(struct ledger *ledger, unsigned wait_ms)
{
    for (unsigned waited_us = 0; flock(ledger->fd, LOCK_EX | LOCK_NB) < 0; waited_us += 50) {
        const struct timespec a_moment = {0, 50000};
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited_us / 1000 >= wait_ms)
            return false;
        nanosleep(&a_moment, NULL);
    }
    return true;
}

void ledger_unlock(struct ledger *ledger)
{
    flock(ledger->fd, LOCK_UN);
}

/* --- entries ------------------------------------------------------------------------------- */

void ledger_add(uint64_t *sum, int64_t change)
{
    if (change < 0 && *sum < (uint64_t)-change)
        *sum = 0;
    else
        *sum += (uint64_t)change;
}

static void clear(struct ledger *ledger, struct ledger_entry *entry)
{
    uint32_t generation = entry->generation;
    if (entry->removed == LEDGER_UNNAMED)
        ledger_add(&ledger->file->bytes, -(int64_t)entry->size);
    *entry = (struct ledger_entry){.generation = generation + 1};
}

static bool is_believed(const struct ledger_entry *entry, uint32_t now)
{
    return entry->touched != 0 && now - entry->touched < (entry->opens ? ABANDONED_S : FRESH_S);
}

/* The entry for key. *ret_place is where a new one may go: one that is free, or else the one that
 * was touched longest ago by files that nobody has open. */
static struct ledger_entry *look(struct ledger *ledger, const struct ledger_key *key,
                                 struct ledger_entry **ret_place)
{
    uint32_t now = now_s();
    struct ledger_entry *place = NULL;
    for (uint32_t i = 0; i < LEDGER_ENTRIES; i++) {
        struct ledger_entry *entry = &ledger->file->entries[i];
        if (entry->touched != 0 && !is_believed(entry, now))
            clear(ledger, entry);
        if (entry->touched != 0 && entry->removed != LEDGER_UNNAMED &&
            memcmp(&entry->key, key, sizeof *key) == 0)
            return entry;
        if (entry->opens == 0 && (!place || entry->touched < place->touched))
            place = entry;
    }
    *ret_place = place;
    return NULL;
}

struct ledger_entry *ledger_find(struct ledger *ledger, const struct ledger_key *key)
{
    struct ledger_entry *place;
    return look(ledger, key, &place);
}

struct ledger_entry *ledger_make(struct ledger *ledger, const struct ledger_key *key, uint64_t size,
                                 bool exists)
{
    struct ledger_entry *place = NULL;
    struct ledger_entry *entry = look(ledger, key, &place);
    if (!entry && place) {
        entry = place;
        *entry = (struct ledger_entry){.key = *key,
                                       .size = size,
                                       .generation = place->generation + 1,
                                       .removed = exists ? LEDGER_THERE : LEDGER_GONE};
    }
    if (entry)
        ledger_touch(entry);
    return entry;
}

struct ledger_entry *ledger_at(struct ledger *ledger, uint32_t index, uint32_t generation)
{
    struct ledger_entry *entry = &ledger->file->entries[index % LEDGER_ENTRIES];
    return entry->touched != 0 && entry->generation == generation ? entry : NULL;
}

uint32_t ledger_index(const struct ledger *ledger, const struct ledger_entry *entry)
{
    return (uint32_t)(entry - ledger->file->entries);
}

void ledger_touch(struct ledger_entry *entry)
{
    entry->touched = now_s();
}

void ledger_resize(struct ledger *ledger, struct ledger_entry *entry, uint64_t size)
{
    ledger_add(&ledger->file->bytes, (int64_t)(size - entry->size));
    entry->size = size;
    ledger_touch(entry);
}

void ledger_forget(struct ledger *ledger, struct ledger_entry *entry)
{
    if (entry->opens > 0) {
        entry->removed = LEDGER_UNNAMED;
        return;
    }
    ledger_resize(ledger, entry, 0); /* and stays for a moment */
    entry->removed = LEDGER_GONE;
    entry->is_made = 0;
}

static bool is_in(const struct ledger_entry *entry, const struct ledger_above *above)
{
    return entry->touched != 0 && entry->key.above[above->level] == above->hash;
}

bool ledger_has_open_in(const struct ledger *ledger, const struct ledger_above *above)
{
    uint32_t now = now_s();
    for (uint32_t i = 0; i < LEDGER_ENTRIES; i++) {
        const struct ledger_entry *entry = &ledger->file->entries[i];
        if (is_in(entry, above) && entry->opens > 0 && is_believed(entry, now))
            return true;
    }
    return false;
}

void ledger_leave(struct ledger *ledger, const struct ledger_above *above)
{
    for (uint32_t i = 0; i < LEDGER_ENTRIES; i++) {
        struct ledger_entry *entry = &ledger->file->entries[i];
        if (is_in(entry, above) && entry->opens == 0)
            clear(ledger, entry);
        else if (is_in(entry, above)) /* opened at this very moment: its handle still counts */
            entry->key = (struct ledger_key){{0}, {0}};
    }
}

void ledger_closed(struct ledger *ledger, struct ledger_entry *entry, bool was_writer)
{
    if (entry->opens > 0)
        entry->opens--;
    if (was_writer && entry->writers > 0)
        entry->writers--;
    if (entry->opens == 0 && entry->removed == LEDGER_UNNAMED)
        clear(ledger, entry);
    else
        ledger_touch(entry);
}
