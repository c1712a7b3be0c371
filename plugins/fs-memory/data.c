/*
 * data.c: the contents of a file: an array of blocks, of which those never written to are holes and
 * take nothing. A block grows in powers of two, so that small files are small.
 *
 * The array itself counts as well: one byte written far out costs sixteen for each block before
 * it, and cannot cost more than there is.
 */
#include "fs_memory.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 256u

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t data_read(const struct node *file, uint64_t offset, void *buffer, uint64_t length)
{
    if (offset >= file->size)
        return 0;
    length = least(length, file->size - offset);
    for (uint64_t done = 0; done < length;) {
        uint64_t index = (offset + done) / BLOCK_SIZE;
        uint64_t start = (offset + done) % BLOCK_SIZE;
        uint64_t piece = least(length - done, BLOCK_SIZE - start);
        uint64_t there = 0;
        if (index < file->blocks_count && file->blocks[index].capacity > start)
            there = least(piece, file->blocks[index].capacity - start);
        if (there)
            memcpy((char *)buffer + done, file->blocks[index].data + start, there);
        memset((char *)buffer + done + there, 0, piece - there);
        done += piece;
    }
    return length;
}

static uint32_t capacity_for(uint64_t bytes)
{
    uint32_t capacity = CAPACITY_LEAST;
    while (capacity < bytes)
        capacity *= 2;
    return capacity;
}

static bool reserve(struct limits *limits, uint64_t bytes)
{
    if (bytes > limits->bytes_most - limits->bytes)
        return false;
    limits->bytes += bytes;
    return true;
}

static uint32_t grow_array(struct limits *limits, struct node *file, uint64_t count)
{
    if (count <= file->blocks_count)
        return SP_FS_OK;
    uint64_t bytes = (count - file->blocks_count) * sizeof *file->blocks;
    if (!reserve(limits, bytes))
        return SP_FS_NO_SPACE_ON_FILESYSTEM;
    struct block *blocks = realloc(file->blocks, count * sizeof *blocks);
    if (!blocks) {
        limits->bytes -= bytes;
        return SP_FS_FAILURE;
    }
    memset(blocks + file->blocks_count, 0, bytes);
    file->blocks = blocks;
    file->blocks_count = count;
    return SP_FS_OK;
}

static uint32_t grow_block(struct limits *limits, struct block *block, uint64_t needed)
{
    if (needed <= block->capacity)
        return SP_FS_OK;
    uint32_t capacity = capacity_for(needed);
    if (!reserve(limits, capacity - block->capacity))
        return SP_FS_NO_SPACE_ON_FILESYSTEM;
    uint8_t *data = realloc(block->data, capacity);
    if (!data) {
        limits->bytes -= capacity - block->capacity;
        return SP_FS_FAILURE;
    }
    memset(data + block->capacity, 0, capacity - block->capacity);
    block->data = data;
    block->capacity = capacity;
    return SP_FS_OK;
}

/* Room for the whole range, before any of it is written. */
static uint32_t grow(struct limits *limits, struct node *file, uint64_t offset, uint64_t length)
{
    uint64_t end = offset + length;
    uint32_t status = grow_array(limits, file, (end - 1) / BLOCK_SIZE + 1);
    for (uint64_t i = offset / BLOCK_SIZE; status == SP_FS_OK && i * BLOCK_SIZE < end; i++)
        status = grow_block(limits, &file->blocks[i], least(BLOCK_SIZE, end - i * BLOCK_SIZE));
    return status;
}

uint32_t data_write(struct limits *limits, struct node *file, uint64_t offset, const void *buffer,
                    uint64_t length)
{
    if (length == 0)
        return SP_FS_OK;
    if (offset > INT64_MAX || length > INT64_MAX - offset)
        return SP_FS_INVALID_PARAMETER;
    uint32_t status = grow(limits, file, offset, length);
    if (status != SP_FS_OK)
        return status;
    for (uint64_t done = 0; done < length;) {
        uint64_t start = (offset + done) % BLOCK_SIZE;
        uint64_t piece = least(length - done, BLOCK_SIZE - start);
        memcpy(file->blocks[(offset + done) / BLOCK_SIZE].data + start, (const char *)buffer + done,
               piece);
        done += piece;
    }
    if (offset + length > file->size)
        file->size = offset + length;
    node_touch(file);
    return SP_FS_OK;
}

static void drop_block(struct limits *limits, struct block *block)
{
    limits->bytes -= block->capacity;
    free(block->data);
    *block = (struct block){0};
}

void data_truncate(struct limits *limits, struct node *file, uint64_t size)
{
    uint64_t keep = size / BLOCK_SIZE + (size % BLOCK_SIZE != 0);
    for (uint64_t i = keep; i < file->blocks_count; i++)
        drop_block(limits, &file->blocks[i]);
    if (keep == 0 && file->blocks) {
        limits->bytes -= file->blocks_count * sizeof *file->blocks;
        free(file->blocks);
        file->blocks = NULL;
        file->blocks_count = 0;
    }
    /* What is cut off must read as zeros if the file grows again. */
    if (size < file->size && size % BLOCK_SIZE && keep <= file->blocks_count) {
        struct block *last = &file->blocks[keep - 1];
        if (last->capacity > size % BLOCK_SIZE)
            memset(last->data + size % BLOCK_SIZE, 0, last->capacity - size % BLOCK_SIZE);
    }
    file->size = size;
}

uint64_t data_allocated(const struct node *file)
{
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < file->blocks_count; i++)
        bytes += file->blocks[i].capacity;
    return bytes;
}
