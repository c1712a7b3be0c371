/*
 * fuzz_s3.c: whatever a store answers to fs-s3: listings, names in them, uploads, errors, headers
 * that are kept. request_run() is this file's: it hands out the input, so that there is no network.
 *
 * The first byte says how many answers there are and what is asked; they follow one another.
 */
#include <stdlib.h>
#include <string.h>

#include "fs-s3/fs_s3.h"

static const uint8_t *input;
static size_t input_left;

void request_header(struct request *request, const char *name, const char *value)
{
    (void)request, (void)name, (void)value;
}

void request_clear(struct request *request)
{
    text_clear(&request->headers);
}

void response_clear(struct response *response)
{
    text_clear(&response->body);
    text_clear(&response->kept);
    *response = (struct response){0};
}

/* Up to the next NUL. The ETag and what is kept are taken from the text, too. */
uint32_t request_run(struct transport *transport, struct request *request,
                     struct response *ret_response, char *ret_why)
{
    const uint8_t *end = input_left ? memchr(input, '\0', input_left) : NULL;
    size_t length = end ? (size_t)(end - input) : input_left;
    struct options options = {.bucket = "files"};
    (void)transport;
    *ret_response = (struct response){.status = 200, .is_md5 = true};
    text_add(&ret_response->body, input, length);
    text_add(&ret_response->kept, input, length);
    text_put(&ret_response->kept, "\n");
    strcpy(ret_response->etag, "\"etag\"");
    input += length + (end ? 1 : 0);
    input_left -= length + (end ? 1 : 0);
    if (length == 0 || (request->may_carry_error && xml_is_error(&ret_response->body))) {
        ret_response->status = 404;
        xml_find(&ret_response->body, "Code", ret_response->code, sizeof ret_response->code);
        return answer_explain(&options, request, ret_response, ret_why);
    }
    return SP_FS_OK;
}

static uint64_t opened;
static bool is_last;

static int32_t complete(const struct sp_host *host, sp_token token, const struct sp_reply *reply)
{
    const struct sp_fs_reply *fs = (const struct sp_fs_reply *)(const void *)reply;
    (void)host, (void)token;
    opened = fs->handle;
    is_last = fs->eof || fs->status != SP_FS_OK;
    for (uint64_t i = 0; i < fs->entries_count; i++)
        if (!name_is_fit(fs->entries[i].name.data, (size_t)fs->entries[i].name.len))
            abort();
    return 0;
}

static void ignore(const struct sp_host *host, uint32_t level, struct sp_str text)
{
    (void)host, (void)level, (void)text;
}

static void list(struct s3 *s3, uint64_t view)
{
    struct sp_fs_path open = {.view = view, .path = {"/d", 2}};
    struct sp_fs_handle read = {.view = view, .count = 7};
    opened = 0;
    fs_opendir(s3, &open);
    if (!opened)
        return;
    read.handle = opened;
    is_last = false;
    while (!is_last)
        fs_readdir(s3, &read);
    fs_closedir(s3, &read);
}

static void upload(struct s3 *s3)
{
    struct upload upload;
    struct object object = {.size = 20u << 20, .etag = "\"e\""};
    char why[WHY_SIZE] = "";
    if (upload_begin(s3, "key", NULL, &upload, why) == SP_FS_OK && upload_add(&upload) == 1 &&
        upload_copy_part(s3, "key", &upload, 1, "source", "", 0, 5, why) == SP_FS_OK)
        upload_end(s3, "key", &upload, 5, "", false, why);
    upload_abort(s3, "key", &upload);
    upload_clear(&upload);
    object_copy(s3, "source", &object, "target", NULL, why);
}

static void look(struct s3 *s3, uint64_t view)
{
    struct sp_fs_path stat = {.view = view, .path = {"/f", 2}};
    struct sp_fs_attributes attributes = {.valid = SP_ATTR_MODIFY_TIME | SP_ATTR_PERMISSIONS};
    struct sp_fs_create set = {.view = view, .path = {"/f", 2}, .attributes = &attributes};
    fs_stat(s3, &stat);
    fs_setstat(s3, &set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sp_host host = {
        .struct_size = sizeof host, .complete = complete, .log = ignore};
    struct s3 s3 = {.host = &host,
                    .options = {.bucket = "files",
                                .copy_bytes = 5u << 20,
                                .setstat = SETSTAT_METADATA,
                                .rename_objects = 3}};
    struct view *view = calloc(1, sizeof *view + 3);
    if (size == 0 || !view) {
        free(view);
        return 0;
    }
    memcpy(view->prefix, "r/", 3);
    view->length = 2;
    input = data + 1;
    input_left = size - 1;
    if (data[0] % 3 == 0)
        list(&s3, (uintptr_t)view);
    else if (data[0] % 3 == 1)
        upload(&s3);
    else
        look(&s3, (uintptr_t)view);
    free(view);
    return 0;
}
