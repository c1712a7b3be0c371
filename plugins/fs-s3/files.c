/*
 * files.c: operations on open files. Called by the host's pool.
 */
#include "fs_s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sallyport/helpers.h>

static void file_free(struct file *file)
{
    reader_free(file->reader);
    writer_free(file->writer);
    object_clear(&file->object);
    free(file);
}

/* Whether an object can be made there, or is there to be replaced. */
static uint32_t judge_writing(uint32_t found, const struct object *object, uint32_t flags,
                              char *ret_why)
{
    bool is_there = found == SP_FS_OK;
    const char *why = "There is something of that name already";
    uint32_t status = SP_FS_FILE_ALREADY_EXISTS;
    if (is_there && object->type == SP_FILE_DIRECTORY) {
        why = "It is a directory";
        status = SP_FS_FILE_IS_A_DIRECTORY;
    } else if (!(flags & (SP_OPEN_WRITE | SP_OPEN_APPEND))) {
        why = "A file is only emptied to be written";
        status = SP_FS_INVALID_PARAMETER;
    } else if (flags & SP_OPEN_APPEND) {
        why = "An object cannot be appended to: write it as a whole";
        status = SP_FS_OP_UNSUPPORTED;
    } else if (is_there && (flags & SP_OPEN_CREATE) && (flags & SP_OPEN_EXCLUSIVE)) {
        ; /* as it stands above */
    } else if (is_there && !(flags & SP_OPEN_TRUNCATE) && object->size > 0) {
        why = "An object cannot be changed in place: write it as a whole, from its beginning";
        status = SP_FS_OP_UNSUPPORTED;
    } else if (!is_there && !(flags & SP_OPEN_CREATE)) {
        return found;
    } else {
        return SP_FS_OK;
    }
    snprintf(ret_why, WHY_SIZE, "%s", why);
    return status;
}

static uint32_t open_to_write(struct s3 *s3, const struct sp_fs_create *event, struct file *file,
                              char *ret_why)
{
    uint32_t found = object_find(s3, view_of(event->view), event->path, &file->object, ret_why);
    if (found != SP_FS_OK && found != SP_FS_NO_SUCH_FILE)
        return found;
    uint32_t status = judge_writing(found, &file->object, event->flags, ret_why);
    if (status != SP_FS_OK)
        return status;
    file->writer = writer_new(s3, &file->key, &file->object, event->flags & SP_OPEN_EXCLUSIVE);
    if (!file->writer) {
        snprintf(ret_why, WHY_SIZE, "The server is out of memory: try again later");
        return SP_FS_FAILURE;
    }
    if (s3->options.setstat == SETSTAT_METADATA)
        writer_set(file->writer, event->attributes);
    return SP_FS_OK;
}

static uint32_t open_to_read(struct s3 *s3, const struct sp_fs_create *event, struct file *file,
                             char *ret_why)
{
    uint32_t status = object_find(s3, view_of(event->view), event->path, &file->object, ret_why);
    if (status == SP_FS_OK && file->object.type == SP_FILE_DIRECTORY) {
        snprintf(ret_why, WHY_SIZE, "It is a directory");
        return SP_FS_FILE_IS_A_DIRECTORY;
    }
    if (status != SP_FS_OK)
        return status;
    file->reader = reader_new(s3, &file->key, &file->object);
    if (file->reader)
        return SP_FS_OK;
    snprintf(ret_why, WHY_SIZE, "The server is out of memory: try again later");
    return SP_FS_FAILURE;
}

int32_t fs_open(void *self, const struct sp_fs_create *event)
{
    struct s3 *s3 = self;
    char why[WHY_SIZE] = "";
    struct file *file = calloc(1, sizeof *file);
    if (!file)
        return answer(s3, &event->head, SP_FS_FAILURE, "The server is out of memory");
    uint32_t status = key_of(view_of(event->view), event->path, &file->key, why);
    if (status == SP_FS_OK)
        status = event->flags & (SP_OPEN_WRITE | SP_OPEN_APPEND | SP_OPEN_TRUNCATE)
                     ? open_to_write(s3, event, file, why)
                     : open_to_read(s3, event, file, why);
    if (status != SP_FS_OK) {
        file_free(file);
        return answer(s3, &event->head, status, why);
    }
    return sp_fs_opened(s3->host, &event->head, (uintptr_t)file);
}

int32_t fs_close(void *self, const struct sp_fs_handle *event)
{
    struct s3 *s3 = self;
    struct file *file = file_of(event->handle);
    char why[WHY_SIZE] = "";
    bool is_aborted = SP_HAS(event, flags) && event->flags & SP_CLOSE_ABORTED;
    uint32_t status = SP_FS_OK;
    if (file->writer && !is_aborted)
        status = writer_end(file->writer, why);
    file_free(file);
    return answer(s3, &event->head, status, why);
}

int32_t fs_read(void *self, const struct sp_fs_io *event)
{
    struct s3 *s3 = self;
    struct file *file = file_of(event->handle);
    char why[WHY_SIZE] = "";
    uint64_t count = 0;
    if (!file->reader)
        return answer(s3, &event->head, SP_FS_OP_UNSUPPORTED,
                      "What is being written cannot be read before it is closed");
    uint32_t status =
        reader_read(file->reader, event->offset, event->buffer, event->length, &count, why);
    if (status != SP_FS_OK)
        return answer(s3, &event->head, status, why);
    return sp_fs_done(s3->host, &event->head, count, event->offset + count >= file->object.size);
}

int32_t fs_write(void *self, const struct sp_fs_io *event)
{
    struct s3 *s3 = self;
    struct file *file = file_of(event->handle);
    char why[WHY_SIZE] = "";
    if (!file->writer)
        return answer(s3, &event->head, SP_FS_PERMISSION_DENIED, "The file is open to read only");
    uint32_t status = writer_write(file->writer, event->offset, event->buffer, event->length, why);
    if (status != SP_FS_OK)
        return answer(s3, &event->head, status, why);
    return sp_fs_done(s3->host, &event->head, event->length, 0);
}

int32_t fs_fstat(void *self, const struct sp_fs_handle *event)
{
    struct s3 *s3 = self;
    struct file *file = file_of(event->handle);
    struct sp_fs_attributes attributes = attributes_of(&file->object);
    if (file->writer) {
        struct object object = {.type = SP_FILE_REGULAR,
                                .size = writer_size(file->writer),
                                .modified = s3->host->time_ms(s3->host) / 1000};
        attributes = attributes_of(&object);
        writer_get(file->writer, &attributes);
    }
    return sp_fs_attributes_are(s3->host, &event->head, &attributes);
}

int32_t fs_fsetstat(void *self, const struct sp_fs_handle *event)
{
    struct s3 *s3 = self;
    struct file *file = file_of(event->handle);
    struct sp_fs_attributes rest = *event->attributes;
    char why[WHY_SIZE] = "";
    uint32_t status = SP_FS_OK;
    if (rest.valid & SP_ATTR_SIZE) {
        if (!file->writer)
            return answer(s3, &event->head, SP_FS_PERMISSION_DENIED,
                          "The file is open to read only");
        status = writer_resize(file->writer, rest.size, why);
        rest.valid &= ~SP_ATTR_SIZE;
    }
    if (status != SP_FS_OK || rest.valid == 0 || s3->options.setstat == SETSTAT_IGNORE)
        return answer(s3, &event->head, status, why);
    if (s3->options.setstat == SETSTAT_REFUSE || !file->writer)
        return answer(s3, &event->head, SP_FS_OP_UNSUPPORTED,
                      "Attributes of an open file cannot be changed here");
    writer_set(file->writer, &rest);
    return SP_OK;
}

/* A whole object becomes another one when that is closed, and the bytes stay at the store. */
int32_t fs_copy(void *self, const struct sp_fs_copy *event)
{
    struct s3 *s3 = self;
    struct file *source = file_of(event->source);
    struct file *target = file_of(event->target);
    char why[WHY_SIZE] = "";
    uint64_t size = source->object.size;
    if (!source->reader || !target->writer || event->source_offset || event->target_offset ||
        (event->length && event->length < size) || writer_size(target->writer) || size == 0)
        return answer(s3, &event->head, SP_FS_OP_UNSUPPORTED, "Only whole files are copied here");
    uint32_t status = writer_copy(target->writer, &source->key, &source->object, why);
    if (status != SP_FS_OK)
        return answer(s3, &event->head, status, why);
    return sp_fs_done(s3->host, &event->head, size, 1);
}

/* An ETag is 32 hexadecimal digits in quotes where it is an MD5; "-3" at its end tells of parts. */
static bool read_md5(const char *etag, unsigned char ret_digest[16])
{
    if (strlen(etag) != 34 || etag[0] != '"' || etag[33] != '"' ||
        strspn(etag + 1, "0123456789abcdefABCDEF") != 32)
        return false;
    for (size_t i = 0; i < 16; i++) {
        char pair[3] = {etag[1 + 2 * i], etag[2 + 2 * i], '\0'};
        ret_digest[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return true;
}

int32_t fs_hash(void *self, const struct sp_fs_hash *event)
{
    struct s3 *s3 = self;
    const struct file *file = file_of(event->handle);
    unsigned char md5[16];
    if (!file->reader || !file->object.is_md5 || !sp_str_is(event->algorithm, "md5") ||
        event->offset || (event->length && event->length < file->object.size) ||
        !read_md5(file->object.etag, md5))
        return answer(s3, &event->head, SP_FS_OP_UNSUPPORTED, "The store has no such digest");
    struct sp_fs_reply reply = sp_fs_reply_of(SP_OK);
    reply.data = (struct sp_str){(const char *)md5, sizeof md5};
    reply.count = file->object.size;
    return sp_answer(s3->host, &event->head, &reply.head);
}
