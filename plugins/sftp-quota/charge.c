/* charge.c: charges and credits. See charge.h. */
#include "sftp-quota/charge.h"

#include <string.h>

#include <openssl/sha.h>

#define WAIT_MS 250u

/* FNV-1a; never 0. */
static uint32_t hash_on(uint32_t hash, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)data[i]) * 16777619u;
    return hash;
}

/* The directories above path, as far as there is room for them; how many there are. */
static uint32_t hash_above(struct sp_str user, struct sp_str path, uint32_t out[LEDGER_LEVELS])
{
    uint32_t hash = hash_on(2166136261u, user.data, (size_t)user.len), count = 0;
    size_t begin = 0;
    for (size_t at = 1; at < path.len && count < LEDGER_LEVELS; at++) {
        if (path.data[at] != '/')
            continue;
        hash = hash_on(hash, path.data + begin, at - begin);
        out[count++] = hash ? hash : 1;
        begin = at;
    }
    return count;
}

struct ledger_above above_of(struct sp_str user, struct sp_str directory)
{
    char inside[4096 + 2];
    uint32_t above[LEDGER_LEVELS] = {0};
    size_t length = (size_t)(directory.len < 4096 ? directory.len : 4096);
    memcpy(inside, directory.data, length);
    memcpy(inside + length, "/-", 2);
    uint32_t count = hash_above(user, (struct sp_str){inside, length + 2}, above);
    return count > 0 ? (struct ledger_above){.level = count - 1, .hash = above[count - 1]}
                     : (struct ledger_above){.level = 0, .hash = 1};
}

struct ledger_key key_of(struct sp_str user, struct sp_str path)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct ledger_key key;
    unsigned char bytes[256 + 4096 + 1];
    size_t user_length = (size_t)(user.len < 256 ? user.len : 256);
    size_t path_length = (size_t)(path.len < 4096 ? path.len : 4096);
    memcpy(bytes, user.data, user_length);
    bytes[user_length] = '\0';
    memcpy(bytes + user_length + 1, path.data, path_length);
    SHA256(bytes, user_length + 1 + path_length, digest);
    memcpy(key.bytes, digest, sizeof key.bytes);
    memset(key.above, 0, sizeof key.above);
    hash_above(user, path, key.above);
    return key;
}

static struct ledger *begin(const struct charged *charged, size_t i)
{
    struct ledger *ledger = &charged->items[i]->ledger;
    return ledger_lock(ledger, WAIT_MS) ? ledger : NULL;
}

/* Under the ledger's lock. NULL: too many files are open. */
static struct ledger_entry *entry_of(struct counted *counted, size_t i)
{
    struct ledger *ledger = &counted->charged.items[i]->ledger;
    struct ledger_entry *entry = NULL;
    if (counted->is_open)
        entry = ledger_at(ledger, counted->slots[i].index, counted->slots[i].generation);
    if (entry)
        return entry;
    entry = ledger_make(ledger, &counted->key, counted->size, counted->exists);
    if (entry && counted->is_open) {
        entry->opens++;
        entry->writers += counted->writes;
        counted->slots[i].index = ledger_index(ledger, entry);
        counted->slots[i].generation = entry->generation;
    }
    return entry;
}

bool charge_files(const struct charged *charged, int64_t change, struct refusal *ret_refusal)
{
    for (size_t i = 0; i < charged->count; i++) {
        const struct limit *limit = charged->items[i]->limit;
        struct ledger *ledger = begin(charged, i);
        bool fits =
            ledger && (change <= 0 || (ledger->file->files < limit->files &&
                                       (uint64_t)change <= limit->files - ledger->file->files));
        if (fits) {
            ledger_add(&ledger->file->files, change);
        } else if (change > 0) {
            *ret_refusal = (struct refusal){.is_busy = !ledger,
                                            .limit = limit,
                                            .is_files = true,
                                            .used = ledger ? ledger->file->files : 0,
                                            .most = limit->files};
            struct charged done = *charged;
            done.count = i;
            charge_files(&done, -change, ret_refusal);
        }
        if (ledger)
            ledger_unlock(ledger);
        if (!fits && change > 0)
            return false;
    }
    return true;
}

static bool grow_one(struct counted *counted, size_t i, uint64_t size, bool is_append, bool enforce,
                     struct growth *growth, struct refusal *refusal)
{
    const struct limit *limit = counted->charged.items[i]->limit;
    struct ledger *ledger = begin(&counted->charged, i);
    struct ledger_entry *entry = ledger ? entry_of(counted, i) : NULL;
    *refusal = (struct refusal){.is_busy = !entry, .limit = limit, .most = limit->bytes};
    bool fits = entry != NULL;
    if (entry) {
        uint64_t used = ledger->file->bytes;
        if (is_append)
            size = size > UINT64_MAX - entry->size ? UINT64_MAX : entry->size + size;
        growth->before[i] = entry->size;
        growth->size = size;
        refusal->used = used;
        if (size > entry->size) {
            used -= counted->spare < used ? counted->spare : used;
            fits = !enforce || limit->bytes == UINT64_MAX ||
                   (used <= limit->bytes && size - entry->size <= limit->bytes - used);
            if (fits)
                ledger_resize(ledger, entry, size);
        }
    }
    if (ledger)
        ledger_unlock(ledger);
    return fits;
}

bool charge_growth(struct counted *counted, uint64_t size, bool is_append, bool enforce,
                   struct growth *ret_growth, struct refusal *ret_refusal)
{
    for (size_t i = 0; i < counted->charged.count; i++) {
        if (grow_one(counted, i, size, is_append, enforce, ret_growth, ret_refusal))
            continue;
        size_t count = counted->charged.count;
        counted->charged.count = i;
        charge_undo(counted, ret_growth);
        counted->charged.count = count;
        return false;
    }
    if (ret_growth->size > counted->size)
        counted->size = ret_growth->size;
    return true;
}

static bool is_only_writer(const struct counted *counted, const struct ledger_entry *entry)
{
    return entry->writers <= (counted->is_open && counted->writes ? 1u : 0u);
}

void charge_undo(struct counted *counted, const struct growth *growth)
{
    for (size_t i = 0; i < counted->charged.count; i++) {
        struct ledger *ledger = begin(&counted->charged, i);
        struct ledger_entry *entry = ledger ? entry_of(counted, i) : NULL;
        /* Another may have written as far, which was no growth then. */
        if (entry && is_only_writer(counted, entry) && entry->size == growth->size &&
            growth->before[i] < growth->size)
            ledger_resize(ledger, entry, growth->before[i]);
        if (ledger)
            ledger_unlock(ledger);
    }
}

enum change { RESIZE, FORGET, CLOSE, TOUCH };

/* What is never refused. A ledger that cannot be had keeps too much, never too little. */
static void change_each(struct counted *counted, enum change change, uint64_t size)
{
    for (size_t i = 0; i < counted->charged.count; i++) {
        struct ledger *ledger = begin(&counted->charged, i);
        struct ledger_entry *entry = ledger ? entry_of(counted, i) : NULL;
        if (entry && change == RESIZE && entry->removed == LEDGER_GONE)
            entry->removed = LEDGER_THERE;
        /* Others may write behind the new end before we are here: no less is counted then. */
        if (entry && change == RESIZE && (is_only_writer(counted, entry) || size > entry->size))
            ledger_resize(ledger, entry, size);
        else if (entry && change == FORGET)
            ledger_forget(ledger, entry);
        else if (entry && change == CLOSE)
            ledger_closed(ledger, entry, counted->writes);
        else if (entry)
            ledger_touch(entry);
        if (ledger)
            ledger_unlock(ledger);
    }
}

void charge_resize(struct counted *counted, uint64_t size)
{
    change_each(counted, RESIZE, size);
    counted->size = size;
}

void charge_forget(struct counted *counted)
{
    change_each(counted, FORGET, 0);
}

void charge_close(struct counted *counted)
{
    change_each(counted, CLOSE, 0);
    counted->is_open = false;
}

void charge_touch(struct counted *counted)
{
    change_each(counted, TOUCH, 0);
}

void charge_rename(struct counted *counted, const struct ledger_key *key)
{
    for (size_t i = 0; i < counted->charged.count; i++) {
        struct ledger *ledger = begin(&counted->charged, i);
        struct ledger_entry *entry = ledger ? entry_of(counted, i) : NULL;
        struct ledger_entry *other = ledger ? ledger_find(ledger, key) : NULL;
        if (entry && other && other != entry) /* of what was there: nothing any more */
            other->key = (struct ledger_key){{0}, {0}};
        if (entry)
            entry->key = *key;
        if (ledger)
            ledger_unlock(ledger);
    }
    counted->key = *key;
}

bool charge_is_called(struct counted *counted, const struct ledger_key *key)
{
    struct ledger *ledger = counted->charged.count > 0 ? begin(&counted->charged, 0) : NULL;
    const struct ledger_entry *entry = ledger ? entry_of(counted, 0) : NULL;
    bool is_called =
        entry && entry->removed == LEDGER_THERE && memcmp(&entry->key, key, sizeof *key) == 0;
    if (ledger)
        ledger_unlock(ledger);
    return is_called;
}

bool charge_has_open_in(const struct charged *charged, const struct ledger_above *above)
{
    bool has_open = false;
    for (size_t i = 0; i < charged->count && !has_open; i++) {
        struct ledger *ledger = begin(charged, i);
        has_open = !ledger || ledger_has_open_in(ledger, above);
        if (ledger)
            ledger_unlock(ledger);
    }
    return has_open;
}

void charge_leave(const struct charged *charged, const struct ledger_above *above)
{
    for (size_t i = 0; i < charged->count; i++) {
        struct ledger *ledger = begin(charged, i);
        if (ledger) {
            ledger_leave(ledger, above);
            ledger_unlock(ledger);
        }
    }
}

bool charge_open(struct counted *counted, bool is_made)
{
    bool was_made = false;
    memset(counted->slots, 0, sizeof counted->slots);
    counted->is_open = true;
    for (size_t i = 0; i < counted->charged.count; i++) {
        struct ledger *ledger = begin(&counted->charged, i);
        /* No slot has generation 0: a new entry is made, or the one there is gets one open more. */
        struct ledger_entry *entry = ledger ? entry_of(counted, i) : NULL;
        if (entry && i == 0) /* of two that make it one is first here: no other ledger decides */
            was_made = is_made && entry->is_made;
        if (entry) {
            entry->removed = LEDGER_THERE;
            entry->is_made |= is_made;
        }
        if (ledger)
            ledger_unlock(ledger);
    }
    return was_made;
}

uint64_t charge_size(struct counted *counted)
{
    uint64_t size = counted->size;
    struct ledger *ledger = counted->charged.count > 0 ? begin(&counted->charged, 0) : NULL;
    struct ledger_entry *entry = ledger ? entry_of(counted, 0) : NULL;
    if (entry)
        size = entry->size;
    if (ledger)
        ledger_unlock(ledger);
    return size;
}
