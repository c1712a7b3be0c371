/*
 * reader.c: an open file's contents, fetched ahead of whoever reads them. Called by files.c, for
 * one file by one thread at a time; blocks come in on the threads of jobs.c.
 *
 * A file has a row of blocks, one behind the other. Who reads on in order finds the next ones under
 * way, the more and the larger the longer it goes on; who jumps pays for one small block. The row
 * is never longer than the configured read-ahead and one block.
 */
#include "fs_s3.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS_MOST 8u
#define BLOCK_LEAST (128u << 10)

struct block {
    struct job job;
    struct reader *reader;
    uint64_t offset;
    size_t length;
    uint8_t *data;
    atomic_bool is_unwanted;
    bool is_done; /* under the reader's lock, as is what follows */
    uint32_t status;
    char why[WHY_SIZE];
};

struct reader {
    struct s3 *s3;
    char *key;
    char etag[ETAG_SIZE];
    uint64_t size;
    size_t window; /* how far ahead to fetch */
    struct block *blocks[BLOCKS_MOST];
    unsigned count;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

struct reader *reader_new(struct s3 *s3, const struct key *key, const struct object *object)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader || !(reader->key = strdup(key->text))) {
        free(reader);
        return NULL;
    }
    reader->s3 = s3;
    reader->size = object->size;
    reader->window = BLOCK_LEAST;
    memcpy(reader->etag, object->etag, sizeof reader->etag);
    pthread_mutex_init(&reader->lock, NULL);
    pthread_cond_init(&reader->changed, NULL);
    return reader;
}

/* --- blocks ---------------------------------------------------------------------------------- */

static void fetch(struct job *job)
{
    struct block *block = (struct block *)job; /* its first member */
    struct reader *reader = block->reader;
    uint32_t status = object_get(reader->s3, reader->key, reader->etag, block->offset, block->data,
                                 block->length, &block->is_unwanted, block->why);
    pthread_mutex_lock(&reader->lock);
    block->status = status;
    block->is_done = true;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->lock);
}

static void await(struct block *block)
{
    struct reader *reader = block->reader;
    pthread_mutex_lock(&reader->lock);
    while (!block->is_done)
        pthread_cond_wait(&reader->changed, &reader->lock);
    pthread_mutex_unlock(&reader->lock);
}

static void block_free(struct block *block)
{
    atomic_store(&block->is_unwanted, true);
    await(block);
    memory_give(block->reader->s3, block->data, block->length);
    free(block);
}

/* Let go of the first ones of the row. */
static void drop(struct reader *reader, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        atomic_store(&reader->blocks[i]->is_unwanted, true); /* all at once, then wait for each */
    for (unsigned i = 0; i < count; i++)
        block_free(reader->blocks[i]);
    reader->count -= count;
    memmove(reader->blocks, reader->blocks + count, reader->count * sizeof *reader->blocks);
}

void reader_free(struct reader *reader)
{
    if (!reader)
        return;
    drop(reader, reader->count);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->lock);
    free(reader->key);
    free(reader);
}

/* One more at the row's end. False if there is no memory for it. */
static bool append(struct reader *reader, uint64_t offset, size_t length)
{
    struct block *block = calloc(1, sizeof *block);
    if (!block)
        return false;
    block->data = memory_take(reader->s3, length);
    if (!block->data) {
        free(block);
        return false;
    }
    block->job.run = fetch;
    block->reader = reader;
    block->offset = offset;
    block->length = length;
    reader->blocks[reader->count++] = block;
    jobs_add(reader->s3->jobs, &block->job);
    return true;
}

static uint64_t end_of(const struct block *block)
{
    return block->offset + block->length;
}

/* Where the row ends. */
static uint64_t fetched_to(const struct reader *reader, uint64_t offset)
{
    return reader->count ? end_of(reader->blocks[reader->count - 1]) : offset;
}

/* What is before offset goes; nothing is left if offset is not in the row or at its end. */
static void seek(struct reader *reader, uint64_t offset)
{
    unsigned passed = 0;
    if (reader->count && offset >= reader->blocks[0]->offset &&
        offset <= fetched_to(reader, offset)) {
        while (passed < reader->count && end_of(reader->blocks[passed]) <= offset)
            passed++;
        for (unsigned i = 0; i < passed; i++)
            if (reader->window * 2 <= reader->s3->options.read_ahead_bytes)
                reader->window *= 2;
    } else {
        passed = reader->count;
        if (reader->count)
            reader->window = BLOCK_LEAST; /* a jump */
    }
    drop(reader, passed);
}

/* Keep the window full. What there is no memory for now comes later. */
static void fetch_ahead(struct reader *reader, uint64_t offset)
{
    size_t size = reader->window / 4 > BLOCK_LEAST ? reader->window / 4 : BLOCK_LEAST;
    for (;;) {
        uint64_t at = fetched_to(reader, offset);
        if (reader->count == BLOCKS_MOST || at >= reader->size || at - offset >= reader->window ||
            !append(reader, at, reader->size - at < size ? (size_t)(reader->size - at) : size))
            return;
    }
}

/* Up to the end of the first block of the row. */
static uint32_t read_some(struct reader *reader, uint64_t offset, uint8_t *buffer, uint64_t length,
                          uint64_t *ret_count, char *ret_why)
{
    seek(reader, offset);
    fetch_ahead(reader, offset);
    if (reader->count == 0) {
        const char text[] =
            "The server's memory for files on their way is used up: try again later";
        memcpy(ret_why, text, sizeof text);
        return SP_FS_FAILURE;
    }
    struct block *block = reader->blocks[0];
    await(block);
    if (block->status != SP_FS_OK) {
        uint32_t status = block->status;
        memcpy(ret_why, block->why, WHY_SIZE);
        drop(reader, reader->count); /* whoever reads again asks again */
        return status;
    }
    uint64_t left = end_of(block) - offset;
    *ret_count = length < left ? length : left;
    memcpy(buffer, block->data + (offset - block->offset), (size_t)*ret_count);
    return SP_FS_OK;
}

uint32_t reader_read(struct reader *reader, uint64_t offset, uint8_t *buffer, uint64_t length,
                     uint64_t *ret_count, char *ret_why)
{
    uint64_t done = 0;
    uint32_t status = SP_FS_OK;
    while (status == SP_FS_OK && done < length && offset + done < reader->size) {
        uint64_t count = 0;
        status = read_some(reader, offset + done, buffer + done, length - done, &count, ret_why);
        done += count;
    }
    *ret_count = done;
    return done ? SP_FS_OK : status;
}
