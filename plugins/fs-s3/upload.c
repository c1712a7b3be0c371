/*
 * upload.c: multipart uploads: parts that become an object at the end, or nothing. Called by
 * writer.c and object.c. An upload is one thread's at a time; its parts may go on any.
 */
#include "fs_s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t upload_begin(struct s3 *s3, const char *key, const struct text *kept,
                      struct upload *ret_upload, char *ret_why)
{
    struct request request = {.method = "POST", .key = key, .query = {{"uploads", ""}}};
    struct response response;
    char id[1024] = "";
    *ret_upload = (struct upload){0};
    if (kept)
        text_add(&request.headers, kept->data, kept->length);
    if (!kept || !kept->data || !strstr(kept->data, "content-type: "))
        request_header(&request, "content-type", "application/octet-stream");
    uint32_t status = request_run(s3->transport, &request, &response, ret_why);
    if (status == SP_FS_OK &&
        (!xml_find(&response.body, "UploadId", id, sizeof id) || id[0] == '\0')) {
        snprintf(ret_why, WHY_SIZE, "POST of %s/%.200s: the store's answer names no upload",
                 s3->options.bucket, key);
        status = SP_FS_FAILURE;
    }
    if (status == SP_FS_OK) {
        text_put(&ret_upload->id, id);
        status = ret_upload->id.failed ? SP_FS_FAILURE : SP_FS_OK;
    }
    response_clear(&response);
    request_clear(&request);
    return status;
}

unsigned upload_add(struct upload *upload)
{
    if (upload->count == PARTS_MOST)
        return 0;
    if (upload->count == upload->size) {
        unsigned size = upload->size ? upload->size * 2 : 16;
        void *etags = realloc(upload->etags, size * sizeof *upload->etags);
        if (!etags)
            return 0;
        upload->etags = etags;
        upload->size = size;
    }
    upload->etags[upload->count][0] = '\0';
    return ++upload->count;
}

static uint32_t no_etag(struct s3 *s3, const char *key, unsigned number, char *ret_why)
{
    snprintf(ret_why, WHY_SIZE, "part %u of %s/%.200s: the store's answer has no ETag", number,
             s3->options.bucket, key);
    return SP_FS_FAILURE;
}

uint32_t upload_part(struct s3 *s3, const char *key, const char *id, unsigned number,
                     const void *data, size_t length, char ret_etag[ETAG_SIZE], char *ret_why)
{
    char part[16];
    snprintf(part, sizeof part, "%u", number);
    struct request request = {.method = "PUT",
                              .key = key,
                              .query = {{"partNumber", part}, {"uploadId", id}},
                              .body = data,
                              .body_length = length};
    struct response response;
    request_header(&request, "content-type", "application/octet-stream");
    uint32_t status = request_run(s3->transport, &request, &response, ret_why);
    if (status == SP_FS_OK && !response.etag[0])
        status = no_etag(s3, key, number, ret_why);
    memcpy(ret_etag, response.etag, sizeof response.etag);
    response_clear(&response);
    request_clear(&request);
    return status;
}

uint32_t upload_copy_part(struct s3 *s3, const char *key, struct upload *upload, unsigned number,
                          const char *source, const char *etag, uint64_t offset, uint64_t length,
                          char *ret_why)
{
    char part[16], range[64];
    char *ret_etag = upload->etags[number - 1];
    struct text from = {0};
    snprintf(part, sizeof part, "%u", number);
    snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, offset, offset + length - 1);
    struct request request = {.method = "PUT",
                              .key = key,
                              .query = {{"partNumber", part}, {"uploadId", upload->id.data}},
                              .may_carry_error = true};
    struct response response;
    uri_put(&from, s3->options.bucket, strlen(s3->options.bucket), false);
    text_put(&from, "/");
    uri_put(&from, source, strlen(source), true);
    request_header(&request, "x-amz-copy-source", from.failed ? "" : from.data);
    request_header(&request, "x-amz-copy-source-range", range);
    if (etag[0])
        request_header(&request, "x-amz-copy-source-if-match", etag);
    text_clear(&from);
    uint32_t status = request_run(s3->transport, &request, &response, ret_why);
    if (status == SP_FS_OK &&
        (!xml_find(&response.body, "ETag", ret_etag, ETAG_SIZE) || !ret_etag[0]))
        status = no_etag(s3, key, number, ret_why);
    response_clear(&response);
    request_clear(&request);
    return status;
}

static void put_parts(struct text *body, const struct upload *upload)
{
    char number[16];
    text_put(body, "<CompleteMultipartUpload>");
    for (unsigned i = 0; i < upload->count; i++) {
        snprintf(number, sizeof number, "%u", i + 1);
        text_put(body, "<Part><PartNumber>");
        text_put(body, number);
        text_put(body, "</PartNumber><ETag>");
        xml_put(body, upload->etags[i]);
        text_put(body, "</ETag></Part>");
    }
    text_put(body, "</CompleteMultipartUpload>");
}

/* The store does not know the upload, but an earlier try may have ended it, and its answer been
 * lost: then the object is there, and another one than before. */
static bool was_ended_before(struct s3 *s3, const char *key, uint64_t size, const char *before,
                             const struct response *response)
{
    struct object object;
    char why[WHY_SIZE];
    if (!before || strcmp(response->code, "NoSuchUpload") != 0 ||
        object_head(s3, key, &object, why) != SP_FS_OK)
        return false;
    bool is_ours = object.size == size && strcmp(object.etag, before) != 0;
    object_clear(&object);
    return is_ours;
}

uint32_t upload_end(struct s3 *s3, const char *key, const struct upload *upload, uint64_t size,
                    const char *before, bool is_new, char *ret_why)
{
    struct text body = {0};
    struct request request = {.method = "POST",
                              .key = key,
                              .query = {{"uploadId", upload->id.data}},
                              .may_carry_error = true};
    struct response response;
    put_parts(&body, upload);
    request.body = body.data;
    request.body_length = body.length;
    request.headers.failed = body.failed;
    request_header(&request, "content-type", "application/xml");
    if (is_new)
        request_header(&request, "if-none-match", "*");
    uint32_t status = request_run(s3->transport, &request, &response, ret_why);
    if (status != SP_FS_OK && was_ended_before(s3, key, size, before, &response))
        status = SP_FS_OK;
    if (response.status == 412) {
        snprintf(ret_why, WHY_SIZE, "There is something of that name by now");
        status = SP_FS_FILE_ALREADY_EXISTS;
    }
    response_clear(&response);
    request_clear(&request);
    text_clear(&body);
    return status;
}

void upload_abort(struct s3 *s3, const char *key, struct upload *upload)
{
    char why[WHY_SIZE];
    struct request request = {
        .method = "DELETE", .key = key, .query = {{"uploadId", upload->id.data}}};
    struct response response;
    uint32_t status = request_run(s3->transport, &request, &response, why);
    if (status != SP_FS_OK && strcmp(response.code, "NoSuchUpload") != 0)
        log_line(
            s3->host, SP_LOG_WARNING,
            "parts of an upload that was given up are left at the store, and cost until a rule "
            "for incomplete uploads removes them: %s",
            why);
    response_clear(&response);
    request_clear(&request);
}

void upload_clear(struct upload *upload)
{
    text_clear(&upload->id);
    free(upload->etags);
    *upload = (struct upload){0};
}
