/*
 * object.c: what can be asked of the store about one object. Called by the operations, reader.c and
 * writer.c. Any thread.
 */
#include "fs_s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void object_clear(struct object *object)
{
    text_clear(&object->kept);
}

/* A request for one object that brings nothing but its headers. */
static uint32_t run(struct s3 *s3, struct request *request, struct response *ret_response,
                    char *ret_why)
{
    uint32_t status = request_run(s3->transport, request, ret_response, ret_why);
    request_clear(request);
    return status;
}

/* "name: value\n" lines, as they were kept. */
static void add_kept(struct request *request, const struct text *kept)
{
    if (kept)
        text_add(&request->headers, kept->data, kept->length);
    if (!kept || !kept->data || !strstr(kept->data, "content-type: "))
        request_header(request, "content-type", "application/octet-stream");
}

uint32_t object_head(struct s3 *s3, const char *key, struct object *ret_object, char *ret_why)
{
    struct request request = {.method = "HEAD", .key = key};
    struct response response;
    uint32_t status = run(s3, &request, &response, ret_why);
    *ret_object = (struct object){0};
    if (status == SP_FS_OK) {
        *ret_object = (struct object){.type = SP_FILE_REGULAR,
                                      .size = response.length,
                                      .modified = response.modified,
                                      .is_md5 = response.is_md5,
                                      .kept = response.kept};
        memcpy(ret_object->etag, response.etag, sizeof response.etag);
        response.kept = (struct text){0};
        if (ret_object->kept.failed) {
            object_clear(ret_object);
            status = SP_FS_FAILURE;
        }
    }
    response_clear(&response);
    return status;
}

/* Whether there is anything below a directory's key, itself included. */
static uint32_t find_directory(struct s3 *s3, const char *key, struct object *ret_object,
                               char *ret_why)
{
    struct page page = {0};
    uint32_t status = list_page(s3, key, 1, false, &page, ret_why);
    if (status == SP_FS_OK && page.count == 0) {
        snprintf(ret_why, WHY_SIZE, "No such file or directory");
        status = SP_FS_NO_SUCH_FILE;
    }
    *ret_object = (struct object){.type = SP_FILE_DIRECTORY};
    if (status == SP_FS_OK)
        ret_object->modified = page.entries[0].modified;
    page_clear(&page);
    return status;
}

uint32_t object_find(struct s3 *s3, const struct view *view, struct sp_str path,
                     struct object *ret_object, char *ret_why)
{
    struct key key;
    *ret_object = (struct object){.type = SP_FILE_DIRECTORY};
    if (path.len <= 1)
        return SP_FS_OK; /* the root is always there */
    uint32_t status = key_of(view, path, &key, ret_why);
    if (status != SP_FS_OK)
        return status;
    status = object_head(s3, key.text, ret_object, ret_why);
    if (status != SP_FS_NO_SUCH_FILE)
        return status;
    status = key_of_directory(view, path, &key, ret_why);
    return status == SP_FS_OK ? find_directory(s3, key.text, ret_object, ret_why) : status;
}

uint32_t object_put(struct s3 *s3, const char *key, const void *data, size_t length,
                    const struct text *kept, bool is_new, char *ret_why)
{
    struct request request = {.method = "PUT", .key = key, .body = data, .body_length = length};
    struct response response;
    add_kept(&request, kept);
    if (is_new)
        request_header(&request, "if-none-match", "*");
    uint32_t status = run(s3, &request, &response, ret_why);
    if (response.status == 412) {
        snprintf(ret_why, WHY_SIZE, "There is something of that name by now");
        status = SP_FS_FILE_ALREADY_EXISTS;
    }
    response_clear(&response);
    return status;
}

uint32_t object_get(struct s3 *s3, const char *key, const char *etag, uint64_t offset,
                    uint8_t *buffer, size_t length, const atomic_bool *is_unwanted, char *ret_why)
{
    char range[64];
    struct request request = {.method = "GET",
                              .key = key,
                              .into = buffer,
                              .into_size = length,
                              .is_unwanted = is_unwanted};
    struct response response;
    snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, offset, offset + length - 1);
    request_header(&request, "range", range);
    if (etag[0])
        request_header(&request, "if-match", etag);
    uint32_t status = run(s3, &request, &response, ret_why);
    if (response.status == 412 || (status == SP_FS_OK && strcmp(response.etag, etag) != 0)) {
        snprintf(ret_why, WHY_SIZE, "The file has been replaced while it was read: open it again");
        status = SP_FS_FAILURE;
    } else if (status == SP_FS_OK && (response.status != 206 || response.into_length != length)) {
        snprintf(ret_why, WHY_SIZE, "GET of %s/%.200s: %zu bytes were asked for, and %zu came",
                 s3->options.bucket, key, length, response.into_length);
        status = SP_FS_FAILURE;
    }
    response_clear(&response);
    return status;
}

uint32_t object_delete(struct s3 *s3, const char *key, char *ret_why)
{
    struct request request = {.method = "DELETE", .key = key};
    struct response response;
    uint32_t status = run(s3, &request, &response, ret_why);
    response_clear(&response);
    return status;
}

/* --- copies ---------------------------------------------------------------------------------- */

static uint32_t copy_whole(struct s3 *s3, const char *source, const struct object *object,
                           const char *target, const struct text *kept, char *ret_why)
{
    struct request request = {.method = "PUT", .key = target, .may_carry_error = true};
    struct response response;
    struct text from = {0};
    uri_put(&from, s3->options.bucket, strlen(s3->options.bucket), false);
    text_put(&from, "/");
    uri_put(&from, source, strlen(source), true);
    if (from.failed)
        request.headers.failed = true;
    else
        request_header(&request, "x-amz-copy-source", from.data);
    text_clear(&from);
    if (object->etag[0])
        request_header(&request, "x-amz-copy-source-if-match", object->etag);
    request_header(&request, "x-amz-metadata-directive", kept ? "REPLACE" : "COPY");
    if (kept)
        add_kept(&request, kept);
    uint32_t status = run(s3, &request, &response, ret_why);
    if (response.status == 412) {
        snprintf(ret_why, WHY_SIZE, "The file has been replaced while it was copied: try again");
        status = SP_FS_FAILURE;
    }
    response_clear(&response);
    return status;
}

/* The store copies each part by itself. */
static uint32_t copy_parts(struct s3 *s3, const char *source, const struct object *object,
                           const char *target, const struct text *kept, char *ret_why)
{
    struct upload upload;
    uint64_t size = s3->options.copy_bytes;
    uint32_t status = upload_begin(s3, target, kept ? kept : &object->kept, &upload, ret_why);
    if (status != SP_FS_OK)
        return status;
    for (uint64_t at = 0; status == SP_FS_OK && at < object->size; at += size) {
        uint64_t left = object->size - at;
        unsigned number = upload_add(&upload);
        if (number == 0) {
            snprintf(ret_why, WHY_SIZE, "The file is too large to be copied in %u parts",
                     PARTS_MOST);
            status = SP_FS_FAILURE;
            break;
        }
        status = upload_copy_part(s3, target, &upload, number, source, object->etag, at,
                                  left < size ? left : size, ret_why);
    }
    if (status == SP_FS_OK)
        status = upload_end(s3, target, &upload, object->size, NULL, false, ret_why);
    if (status != SP_FS_OK)
        upload_abort(s3, target, &upload);
    upload_clear(&upload);
    return status;
}

uint32_t object_copy(struct s3 *s3, const char *source, const struct object *object,
                     const char *target, const struct text *kept, char *ret_why)
{
    return object->size <= s3->options.copy_bytes
               ? copy_whole(s3, source, object, target, kept, ret_why)
               : copy_parts(s3, source, object, target, kept, ret_why);
}
