/*
 * cache.c: answers that are kept for a while, by a keyed hash of the question. Any number of
 * threads.
 *
 * The table is as large as it will ever be, and each hash has one place in it: whoever comes there
 * later takes the place. That bounds memory, and nobody need look for the oldest.
 */
#include "auth_http.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MOST 4096u /* longer ones are not kept */

struct entry {
    unsigned char key[CACHE_KEY_SIZE];
    int64_t since;
    int64_t lifetime; /* 0: empty */
    struct text text;
};

struct cache {
    pthread_mutex_t lock; /* over all below */
    size_t count;
    struct entry entries[];
};

struct cache *cache_new(size_t entries)
{
    struct cache *cache = calloc(1, sizeof *cache + entries * sizeof cache->entries[0]);
    if (!cache)
        return NULL;
    pthread_mutex_init(&cache->lock, NULL);
    cache->count = entries;
    return cache;
}

static void drop(struct entry *entry)
{
    text_clear(&entry->text);
    entry->lifetime = 0;
}

void cache_forget_all(struct cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->count; i++)
        drop(&cache->entries[i]);
    pthread_mutex_unlock(&cache->lock);
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    cache_forget_all(cache);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* The key is a keyed hash: nobody outside can aim at a place. */
static struct entry *place_of(struct cache *cache, const unsigned char *key)
{
    uint64_t number;
    memcpy(&number, key, sizeof number);
    return &cache->entries[number % cache->count];
}

bool cache_find(struct cache *cache, const unsigned char *key, int64_t now, struct text *ret_text)
{
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = place_of(cache, key);
    /* A clock that was set back must not make an answer live longer. */
    if (entry->lifetime && (now < entry->since || now - entry->since >= entry->lifetime))
        drop(entry);
    bool found = entry->lifetime && CRYPTO_memcmp(entry->key, key, CACHE_KEY_SIZE) == 0;
    if (found)
        text_add(ret_text, entry->text.data, entry->text.length);
    pthread_mutex_unlock(&cache->lock);
    return found && !ret_text->failed;
}

void cache_keep(struct cache *cache, const unsigned char *key, int64_t now, int64_t lifetime,
                const struct text *text)
{
    if (lifetime <= 0 || text->length == 0 || text->length > ANSWER_MOST)
        return;
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = place_of(cache, key);
    drop(entry);
    text_add(&entry->text, text->data, text->length);
    if (!entry->text.failed) {
        memcpy(entry->key, key, CACHE_KEY_SIZE);
        entry->since = now;
        entry->lifetime = lifetime;
    } else {
        drop(entry);
    }
    pthread_mutex_unlock(&cache->lock);
}
