/*
 * execute_copy.c: the extension copy-data: from one open file to another without the client's line
 * between them. See execute.h. Reactor thread.
 *
 * A provider that can copy by itself is asked to, if both files are its own, and asked again for
 * what it leaves. Else the engine reads and writes in pieces. The loop serves others after each
 * piece; a copy ends with its channel.
 * Like OpenSSH's server it refuses to copy a file onto itself, whatever the ranges.
 */
#include <string.h>

#include "sftp/engine.h"
#include "sftp/execute.h"

#define OFFSET_LIMIT ((uint64_t)INT64_MAX)

static uint64_t left(const struct sftp_request *request)
{
    uint64_t length = request->message.length; /* 0: to the end */
    if (length == 0)
        length = request->until ? request->until : OFFSET_LIMIT;
    return length - request->done;
}

/* A range that ends behind the file's end is not copied in full, and the client must know. */
static void reply_source_ended(struct sftp_request *request)
{
    if (request->message.length == 0)
        sftp_request_status(request, SP_FS_OK, NULL);
    else
        sftp_request_status(request, SP_FS_EOF, "The file ends before the range does");
}

static void next_piece(struct sftp_request *request);
static void on_piece_written(struct sftp_call *call, uint32_t status,
                             const struct sp_fs_reply *reply);

static void write_piece(struct sftp_request *request)
{
    sftp_call_io(&request->call, request->handle_to->provider_handle,
                 request->message.offset_to + request->done, request->data, request->piece);
    sftp_request_ask(request, request->handle_to->mount, PLUGIN_FS_write, on_piece_written);
}

static void on_piece_written(struct sftp_call *call, uint32_t status,
                             const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
        return;
    }
    if (reply->count == 0 || reply->count > request->piece) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage did not take the data");
        return;
    }
    request->done += reply->count;
    request->data += reply->count;
    request->piece -= reply->count;
    request->handle_to->bytes_written += reply->count;
    if (request->piece > 0)
        request->next = write_piece;
    else if (left(request) == 0)
        sftp_request_status(request, SP_FS_OK, NULL);
    else
        request->next = next_piece;
}

static void on_piece_read(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    bool is_end = status == SP_FS_EOF || (status == SP_FS_OK && reply->count == 0);
    if (is_end) {
        reply_source_ended(request);
    } else if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
    } else if (reply->count > call->event.io.length) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave more than was asked for");
    } else {
        request->piece = reply->count;
        request->handle->bytes_read += reply->count;
        request->next = write_piece;
    }
}

static void copy_piece(struct sftp_request *request)
{
    uint64_t length = left(request) < SFTP_DATA_MAX ? left(request) : SFTP_DATA_MAX;
    request->data = request->block->bytes;
    sftp_call_io(&request->call, request->handle->provider_handle,
                 request->message.offset + request->done, request->data, length);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_read, on_piece_read);
}

static void next_piece(struct sftp_request *request)
{
    sftp_request_yield(request, copy_piece);
}

static void first_piece(struct sftp_request *request)
{
    request->block = sftp_block_get(SFTP_DATA_MAX);
    if (!request->block)
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
    else
        copy_piece(request);
}

static void on_size(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    const struct sp_fs_attributes *attributes = status == SP_FS_OK ? reply->attributes : NULL;
    if (attributes && attributes->valid & SP_ATTR_SIZE && attributes->type == SP_FILE_REGULAR) {
        uint64_t offset = request->message.offset;
        if (attributes->size <= offset + request->done) {
            sftp_request_status(request, SP_FS_OK, NULL);
            return;
        }
        if (attributes->size <= OFFSET_LIMIT)
            request->until = attributes->size - offset;
    }
    request->next = first_piece;
}

/* A copy to the end goes to where that is now: both files may be one, by two names, and grow for
 * ever. */
static void begin_pieces(struct sftp_request *request)
{
    struct sftp_handle *from = request->handle;
    if (request->message.length > 0 || !from->mount->instance ||
        !plugin_instance_offers(from->mount->instance, PLUGIN_FS_fstat)) {
        first_piece(request);
        return;
    }
    sftp_call_handle(&request->call, from->provider_handle, 0, NULL);
    sftp_request_ask(request, from->mount, PLUGIN_FS_fstat, on_size);
}

static void next_share(struct sftp_request *request);

static void on_copied(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OP_UNSUPPORTED) { /* not for these two files */
        request->next = begin_pieces;
        return;
    }
    if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
        return;
    }
    if (reply->count > left(request)) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage copied more than was asked for");
        return;
    }
    request->done += reply->count;
    request->handle->bytes_read += reply->count;
    request->handle_to->bytes_written += reply->count;
    if (left(request) == 0)
        sftp_request_status(request, SP_FS_OK, NULL);
    else if (reply->eof || reply->count == 0)
        reply_source_ended(request);
    else
        request->next = next_share;
}

/* Ask the provider for all that is left: it copies as much of it as it likes. */
static void copy_share(struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    const struct sp_fs_copy copy = {.source = request->handle->provider_handle,
                                    .source_offset = message->offset + request->done,
                                    .length = message->length ? left(request) : 0,
                                    .target = request->handle_to->provider_handle,
                                    .target_offset = message->offset_to + request->done};
    sftp_call_copy(&request->call, &copy);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_copy, on_copied);
}

static void next_share(struct sftp_request *request)
{
    sftp_request_yield(request, copy_share);
}

void sftp_execute_copy_data(struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    struct sftp_handle *from = request->handle, *to = request->handle_to;
    if (from->mount == to->mount && strcmp(from->path, to->path) == 0) {
        sftp_request_status(request, SP_FS_FAILURE, "A file cannot be copied onto itself");
        return;
    }
    if (message->length > OFFSET_LIMIT || message->offset > OFFSET_LIMIT - message->length ||
        message->offset_to > OFFSET_LIMIT - message->length) {
        sftp_request_status(request, SP_FS_INVALID_PARAMETER, "Offset out of range");
        return;
    }
    if (from->mount != to->mount || !from->mount->instance ||
        !plugin_instance_offers(from->mount->instance, PLUGIN_FS_copy)) {
        begin_pieces(request);
        return;
    }
    copy_share(request);
}
