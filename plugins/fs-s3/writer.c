/*
 * writer.c: a file's contents on their way to the store. Called by files.c, for one file by one
 * thread at a time; parts go out on the threads of jobs.c.
 *
 * Objects are written as a whole and in order, and clients write in order, but for what overtakes
 * on the way: the window is the part that is being filled and the one behind it, and within it
 * writes may come in any order and again. A part that is full goes out; what is out cannot be
 * changed any more. A file that never filled a part is sent by one request when it is closed. What
 * nobody wrote below the end is zero, as elsewhere.
 *
 * After the first failure nothing more is taken, and there will be no object.
 */
#include "fs_s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_LEAST (256u << 10)
#define EXTENTS_MOST 128u
#define WINDOW 2u

struct buffer {
    uint8_t *data;
    size_t size; /* what lies behind is zero */
};

/* What has been written in the window, apart from its beginning. */
struct extent {
    uint64_t begin, end;
};

struct part {
    struct job job;
    struct writer *writer;
    unsigned number;
    struct buffer buffer;
    size_t length;
};

struct writer {
    struct s3 *s3;
    char *key;
    bool is_new;
    char before[ETAG_SIZE]; /* of the object that is replaced */
    struct text kept;       /* headers of the object */
    bool kept_is_late;      /* they have changed after the upload began */
    uint64_t base;          /* where the window begins: a multiple of the part's size */
    uint64_t filled;        /* up to here there are no holes */
    uint64_t end;           /* of the file */
    struct buffer window[WINDOW];
    struct extent extents[EXTENTS_MOST]; /* behind filled, in order */
    unsigned extents_count;
    char *copied; /* the contents are those of this key */
    struct object source;
    struct upload upload; /* no id: not begun */
    pthread_mutex_t lock; /* over all below, and upload.etags */
    pthread_cond_t changed;
    unsigned under_way;
    uint32_t status; /* the first failure */
    char why[WHY_SIZE];
};

struct writer *writer_new(struct s3 *s3, const struct key *key, const struct object *before,
                          bool is_new)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer || !(writer->key = strdup(key->text))) {
        free(writer);
        return NULL;
    }
    writer->s3 = s3;
    writer->is_new = is_new;
    memcpy(writer->before, before->etag, sizeof writer->before);
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->changed, NULL);
    return writer;
}

/* --- failures -------------------------------------------------------------------------------- */

/* The first failure, if there was one. */
static uint32_t failure(struct writer *writer, char *ret_why)
{
    pthread_mutex_lock(&writer->lock);
    uint32_t status = writer->status;
    if (status != SP_FS_OK)
        memcpy(ret_why, writer->why, WHY_SIZE);
    pthread_mutex_unlock(&writer->lock);
    return status;
}

static uint32_t fail(struct writer *writer, uint32_t status, const char *why)
{
    pthread_mutex_lock(&writer->lock);
    if (writer->status == SP_FS_OK) {
        writer->status = status;
        snprintf(writer->why, sizeof writer->why, "%s", why);
    }
    pthread_mutex_unlock(&writer->lock);
    return status;
}

static uint32_t no_memory(struct writer *writer)
{
    return fail(writer, SP_FS_FAILURE,
                "The server's memory for files on their way is used up: try again later");
}

/* --- parts ----------------------------------------------------------------------------------- */

static void send_part(struct job *job)
{
    struct part *part = (struct part *)job; /* its first member */
    struct writer *writer = part->writer;
    char etag[ETAG_SIZE], why[WHY_SIZE];
    uint32_t status = upload_part(writer->s3, writer->key, writer->upload.id.data, part->number,
                                  part->buffer.data, part->length, etag, why);
    memory_give(writer->s3, part->buffer.data, part->buffer.size);
    if (status != SP_FS_OK)
        fail(writer, status, why);
    pthread_mutex_lock(&writer->lock);
    memcpy(writer->upload.etags[part->number - 1], etag, sizeof etag);
    writer->under_way--;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    free(part);
}

/* Until no more than most are under way. */
static void await(struct writer *writer, unsigned most)
{
    pthread_mutex_lock(&writer->lock);
    while (writer->under_way > most)
        pthread_cond_wait(&writer->changed, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
}

/* The upload's number for another part; 0 after fail(). */
static unsigned add_part(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    unsigned number = upload_add(&writer->upload);
    pthread_mutex_unlock(&writer->lock);
    if (number == 0) {
        char why[WHY_SIZE];
        snprintf(why, sizeof why,
                 "The file is larger than %u parts of %zu bytes: ask for a larger part_bytes",
                 PARTS_MOST, writer->s3->options.part_bytes);
        fail(writer, SP_FS_QUOTA_EXCEEDED, why);
    }
    return number;
}

static uint32_t begin(struct writer *writer)
{
    char why[WHY_SIZE];
    if (writer->upload.id.length)
        return SP_FS_OK;
    uint32_t status = upload_begin(writer->s3, writer->key, &writer->kept, &writer->upload, why);
    return status == SP_FS_OK ? status : fail(writer, status, why);
}

/* The first length bytes of the window go out; the window moves on by a part. */
static uint32_t send_first(struct writer *writer, size_t length)
{
    char why[WHY_SIZE];
    uint32_t status = begin(writer);
    unsigned number = status == SP_FS_OK ? add_part(writer) : 0;
    struct part *part = number ? calloc(1, sizeof *part) : NULL;
    if (!part)
        return status != SP_FS_OK || number == 0 ? failure(writer, why) : no_memory(writer);
    await(writer, writer->s3->options.parallel_parts - 1);
    part->job.run = send_part;
    part->writer = writer;
    part->number = number;
    part->buffer = writer->window[0];
    part->length = length;
    writer->window[0] = writer->window[1];
    writer->window[1] = (struct buffer){0};
    writer->base += writer->s3->options.part_bytes;
    pthread_mutex_lock(&writer->lock);
    writer->under_way++;
    pthread_mutex_unlock(&writer->lock);
    jobs_add(writer->s3->jobs, &part->job);
    return SP_FS_OK;
}

/* --- the window ------------------------------------------------------------------------------ */

/* Room for length bytes; what is new is zero. */
static bool grow(struct writer *writer, struct buffer *buffer, size_t length)
{
    size_t most = writer->s3->options.part_bytes;
    size_t size = buffer->size ? buffer->size : BUFFER_LEAST;
    while (size < length)
        size *= 2;
    size = size < most ? size : most;
    if (size <= buffer->size)
        return true;
    uint8_t *data = memory_take(writer->s3, size);
    if (!data) { /* parts that are under way give some back */
        await(writer, 0);
        data = memory_take(writer->s3, size);
    }
    if (!data)
        return false;
    if (buffer->data)
        memcpy(data, buffer->data, buffer->size);
    memory_give(writer->s3, buffer->data, buffer->size);
    *buffer = (struct buffer){data, size};
    return true;
}

/* All of it lies in the window. */
static bool store(struct writer *writer, uint64_t offset, const uint8_t *data, uint64_t length)
{
    size_t part_bytes = writer->s3->options.part_bytes;
    while (length > 0) {
        uint64_t at = offset - writer->base;
        struct buffer *buffer = &writer->window[at / part_bytes];
        size_t in = (size_t)(at % part_bytes);
        size_t count = length < part_bytes - in ? (size_t)length : part_bytes - in;
        if (!grow(writer, buffer, in + count))
            return false;
        memcpy(buffer->data + in, data, count);
        offset += count;
        data += count;
        length -= count;
    }
    return true;
}

/* Whatever is in the window from there on becomes zero again. */
static void erase(struct writer *writer, uint64_t offset)
{
    size_t part_bytes = writer->s3->options.part_bytes;
    for (unsigned i = 0; i < WINDOW; i++) {
        const struct buffer *buffer = &writer->window[i];
        uint64_t begin = writer->base + i * part_bytes;
        size_t in = offset > begin ? (size_t)(offset - begin) : 0;
        if (in < buffer->size)
            memset(buffer->data + in, 0, buffer->size - in);
    }
}

/* Remember what was written. False: it is scattered over too many places. */
static bool mark(struct writer *writer, uint64_t begin, uint64_t end)
{
    struct extent *e = writer->extents;
    unsigned first = 0;
    while (first < writer->extents_count && e[first].end < begin)
        first++;
    unsigned last = first; /* those from first up to here touch it */
    while (last < writer->extents_count && e[last].begin <= end) {
        begin = e[last].begin < begin ? e[last].begin : begin;
        end = e[last].end > end ? e[last].end : end;
        last++;
    }
    if (begin <= writer->filled) {
        writer->filled = end > writer->filled ? end : writer->filled;
        first = 0; /* whatever is before it touches it, too */
    } else if (first == last && writer->extents_count == EXTENTS_MOST) {
        return false;
    }
    unsigned kept = begin <= writer->filled ? 0 : 1;
    memmove(e + first + kept, e + last, (writer->extents_count - last) * sizeof *e);
    writer->extents_count = writer->extents_count - last + first + kept;
    if (kept)
        e[first] = (struct extent){begin, end};
    return true;
}

/* Whether that part of the file can still be changed; else why not. */
static uint32_t check_place(struct writer *writer, uint64_t begin, uint64_t end)
{
    char why[WHY_SIZE];
    uint64_t last = writer->base + (uint64_t)WINDOW * writer->s3->options.part_bytes;
    if (writer->copied)
        return fail(writer, SP_FS_OP_UNSUPPORTED, "What was copied as a whole cannot be changed");
    if (begin < writer->base) {
        snprintf(why, sizeof why,
                 "The first %" PRIu64
                 " bytes are at the store already and cannot be written again: "
                 "an object is written in order",
                 writer->base);
        return fail(writer, SP_FS_OP_UNSUPPORTED, why);
    }
    if (end <= last && end >= begin)
        return SP_FS_OK;
    snprintf(why, sizeof why,
             "Byte %" PRIu64 " is too far ahead while those from %" PRIu64 " on are missing: an "
             "object is written in order",
             begin, writer->filled);
    return fail(writer, SP_FS_OP_UNSUPPORTED, why);
}

static uint32_t send_full(struct writer *writer)
{
    uint32_t status = SP_FS_OK;
    size_t part_bytes = writer->s3->options.part_bytes;
    while (status == SP_FS_OK && writer->filled - writer->base >= part_bytes)
        status = send_first(writer, part_bytes);
    return status;
}

uint32_t writer_write(struct writer *writer, uint64_t offset, const uint8_t *data, uint64_t length,
                      char *ret_why)
{
    uint32_t status = failure(writer, ret_why);
    if (status == SP_FS_OK)
        status = check_place(writer, offset, offset + length);
    if (status == SP_FS_OK && !store(writer, offset, data, length))
        status = no_memory(writer);
    if (status == SP_FS_OK && !mark(writer, offset, offset + length))
        status =
            fail(writer, SP_FS_OP_UNSUPPORTED,
                 "The file is written in too many places at once: an object is written in order");
    if (status == SP_FS_OK) {
        writer->end = writer->end > offset + length ? writer->end : offset + length;
        status = send_full(writer);
    }
    return status == SP_FS_OK ? status : failure(writer, ret_why);
}

uint32_t writer_resize(struct writer *writer, uint64_t size, char *ret_why)
{
    uint32_t status = failure(writer, ret_why);
    if (status != SP_FS_OK || size == writer->end)
        return status;
    status = check_place(writer, size, size);
    if (status != SP_FS_OK)
        return failure(writer, ret_why);
    erase(writer, size);
    writer->end = size;
    writer->filled = writer->filled < size ? writer->filled : size;
    while (writer->extents_count && writer->extents[writer->extents_count - 1].end > size) {
        struct extent *last = &writer->extents[writer->extents_count - 1];
        last->end = size;
        if (last->begin >= size)
            writer->extents_count--;
    }
    return SP_FS_OK;
}

uint64_t writer_size(const struct writer *writer)
{
    return writer->end;
}

void writer_set(struct writer *writer, const struct sp_fs_attributes *attributes)
{
    metadata_set(&writer->kept, attributes);
    writer->kept_is_late = writer->upload.id.length > 0;
}

void writer_get(const struct writer *writer, struct sp_fs_attributes *ret_attributes)
{
    metadata_get(&writer->kept, ret_attributes);
}

uint32_t writer_copy(struct writer *writer, const struct key *source, const struct object *object,
                     char *ret_why)
{
    uint32_t status = failure(writer, ret_why);
    if (status != SP_FS_OK)
        return status;
    writer->copied = strdup(source->text);
    if (!writer->copied)
        return no_memory(writer);
    writer->source = *object;
    writer->source.kept = (struct text){0};
    text_add(&writer->source.kept, object->kept.data, object->kept.length);
    writer->end = object->size;
    return SP_FS_OK;
}

/* --- the end --------------------------------------------------------------------------------- */

/* Everything that is in the window, holes and all. */
static uint32_t send_rest(struct writer *writer)
{
    uint32_t status = SP_FS_OK;
    size_t part_bytes = writer->s3->options.part_bytes;
    while (status == SP_FS_OK && writer->end > writer->base) {
        uint64_t left = writer->end - writer->base;
        size_t length = left < part_bytes ? (size_t)left : part_bytes;
        status = grow(writer, &writer->window[0], length) ? send_first(writer, length)
                                                          : no_memory(writer);
    }
    await(writer, 0);
    return status;
}

static uint32_t publish_parts(struct writer *writer, char *ret_why)
{
    send_rest(writer);
    uint32_t status = failure(writer, ret_why);
    if (status == SP_FS_OK)
        status = upload_end(writer->s3, writer->key, &writer->upload, writer->end, writer->before,
                            writer->is_new, ret_why);
    if (status != SP_FS_OK)
        return status;
    upload_clear(&writer->upload);
    if (!writer->kept_is_late)
        return SP_FS_OK;
    struct object object;
    status = object_head(writer->s3, writer->key, &object, ret_why);
    if (status == SP_FS_OK)
        status = object_copy(writer->s3, writer->key, &object, writer->key, &writer->kept, ret_why);
    object_clear(&object);
    return status;
}

static uint32_t publish_at_once(struct writer *writer, char *ret_why)
{
    size_t length = (size_t)writer->end;
    if (length && !grow(writer, &writer->window[0], length)) {
        no_memory(writer);
        return failure(writer, ret_why);
    }
    return object_put(writer->s3, writer->key, writer->window[0].data, length, &writer->kept,
                      writer->is_new, ret_why);
}

uint32_t writer_end(struct writer *writer, char *ret_why)
{
    uint32_t status = failure(writer, ret_why);
    if (status != SP_FS_OK)
        return status;
    if (writer->copied)
        return object_copy(writer->s3, writer->copied, &writer->source, writer->key,
                           writer->kept.length ? &writer->kept : NULL, ret_why);
    if (writer->upload.id.length || writer->end > writer->s3->options.part_bytes)
        return publish_parts(writer, ret_why);
    return publish_at_once(writer, ret_why);
}

void writer_free(struct writer *writer)
{
    if (!writer)
        return;
    await(writer, 0);
    if (writer->upload.id.length)
        upload_abort(writer->s3, writer->key, &writer->upload);
    upload_clear(&writer->upload);
    for (unsigned i = 0; i < WINDOW; i++)
        memory_give(writer->s3, writer->window[i].data, writer->window[i].size);
    object_clear(&writer->source);
    text_clear(&writer->kept);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->lock);
    free(writer->copied);
    free(writer->key);
    free(writer);
}
