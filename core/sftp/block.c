/*
 * block.c: the list of spare blocks of one reactor thread. See block.h.
 *
 * The list is the thread's own and not a session's: a worker with thousands of channels has few
 * that transfer at a time, and those share it.
 */
#include "sftp/block.h"

#include <stdlib.h>

/* For paths and small files; for the 32 KiB that most clients send; for the most that limits
 * offers. Each leaves room for a message's fields before and after the data. */
static const size_t class_capacity[] = {4096 + 512, 32768 + 2048, 262144 + 2048};
static const uint32_t class_spares[] = {16, 16, 8};
#define CLASS_COUNT (sizeof class_capacity / sizeof class_capacity[0])
#define SCRATCH_KEPT 4096

static _Thread_local struct {
    struct sftp_block *spares[CLASS_COUNT]; /* linked by chunk.data */
    uint32_t count[CLASS_COUNT];
    struct buffer scratch;
} worker;

static struct sftp_block *next_spare(const struct sftp_block *block)
{
    return (struct sftp_block *)(void *)block->chunk.link.next;
}

struct sftp_block *sftp_block_get(size_t capacity)
{
    uint32_t class = 0;
    while (class < CLASS_COUNT && class_capacity[class] < capacity)
        class ++;
    if (class == CLASS_COUNT)
        return NULL;
    struct sftp_block *block = worker.spares[class];
    if (block) {
        worker.spares[class] = next_spare(block);
        worker.count[class]--;
    } else {
        block = malloc(sizeof *block + class_capacity[class]);
        if (!block)
            return NULL;
        block->size_class = class;
        block->capacity = class_capacity[class];
    }
    block->references = 1;
    list_init(&block->chunk.link);
    return block;
}

void sftp_block_ref(struct sftp_block *block)
{
    block->references++;
}

void sftp_block_unref(struct sftp_block *block)
{
    if (!block || --block->references > 0)
        return;
    uint32_t class = block->size_class;
    if (worker.count[class] >= class_spares[class]) {
        free(block);
        return;
    }
    block->chunk.link.next = (struct list *)(void *)worker.spares[class];
    worker.spares[class] = block;
    worker.count[class]++;
}

static void on_sent(struct channel_chunk *chunk)
{
    sftp_block_unref(container_of(chunk, struct sftp_block, chunk));
}

void sftp_block_send(struct sftp_block *block, struct channel *channel, size_t offset,
                     size_t length)
{
    block->chunk.data = block->bytes + offset;
    block->chunk.length = length;
    block->chunk.stream = SP_STREAM_DATA;
    block->chunk.on_sent = on_sent;
    channel_send_chunk(channel, &block->chunk);
}

void sftp_block_trim(void)
{
    for (uint32_t class = 0; class < CLASS_COUNT; class ++) {
        while (worker.spares[class]) {
            struct sftp_block *block = worker.spares[class];
            worker.spares[class] = next_spare(block);
            free(block);
        }
        worker.count[class] = 0;
    }
    buffer_release(&worker.scratch);
}

struct buffer *sftp_scratch(void)
{
    buffer_consume(&worker.scratch, buffer_length(&worker.scratch));
    buffer_trim(&worker.scratch, SCRATCH_KEPT);
    return &worker.scratch;
}
