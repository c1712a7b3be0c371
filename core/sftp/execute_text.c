/*
 * execute_text.c: READ, WRITE, CLOSE and text-seek of files that are opened as text, where the
 * provider does not see to line endings itself. See text.h, execute.h. Reactor thread.
 *
 * Requests about one handle come one at a time, and in order, so that reading and writing each
 * have a place in the file that goes forward.
 */
#include <string.h>

#include "sftp/engine.h"
#include "sftp/execute.h"

/* Most that is read from the provider at once: as much again is needed for what becomes of it. */
#define PIECE_MAX 32768u

static bool is_crlf(const struct sftp_request *request)
{
    return request->engine->tree->config->sftp_newline_is_crlf;
}

bool sftp_text_is_ours(const struct sftp_handle *handle)
{
    return handle->flags & SP_OPEN_TEXT && handle->mount &&
           !(handle->mount->support.open_flags & SP_OPEN_TEXT);
}

uint64_t sftp_text_offset(const struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    if (request->operation != sftp_operation(SFTP_OP_WRITE) || !request->handle || !request->data ||
        !sftp_text_is_ours(request->handle))
        return message->offset;
    const struct sftp_text *text = &request->handle->text;
    bool has_alone = text->has_written_cr && message->length > 0 && request->data[0] != '\n';
    return text->write_at + has_alone;
}

static void on_text_read(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    struct sftp_message *message = &request->message;
    struct sftp_text *text = &request->handle->text;
    uint8_t *out = request->block->bytes + SFTP_DATA_AT;
    request->engine->output_bytes -= (size_t)message->length;
    bool is_end = status == SP_FS_EOF || (status == SP_FS_OK && reply->count == 0);
    size_t written = 0, used = 0;
    if (status == SP_FS_OK && reply->count > message->length) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave more than was asked for");
        return;
    }
    if (is_end)
        written = sftp_text_for_client_end(text, out);
    else if (status == SP_FS_OK)
        written = sftp_text_for_client(text, is_crlf(request), out + message->length,
                                       (size_t)reply->count, &used, out, (size_t)message->length);
    message->offset = text->sent; /* of what the client has, for who counts it */
    text->read_at += used;
    text->sent += written;
    request->handle->bytes_read += used;
    if (written > 0)
        sftp_request_data(request, (uint32_t)written);
    else if (is_end)
        sftp_request_status(request, SP_FS_EOF, NULL);
    else if (status != SP_FS_OK)
        sftp_request_answer(request, status, reply);
    else
        request->next = sftp_text_read; /* a "\r", and what follows tells what it is */
}

void sftp_text_read(struct sftp_request *request)
{
    struct sftp_message *message = &request->message;
    if (message->length > PIECE_MAX)
        message->length = PIECE_MAX;
    size_t length = (size_t)message->length;
    if (!request->block)
        request->block = sftp_block_get(SFTP_DATA_AT + 2 * length);
    if (!request->block) {
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
        return;
    }
    if (length == 0) {
        sftp_request_data(request, 0);
        return;
    }
    request->engine->output_bytes += length;
    sftp_call_io(&request->call, request->handle->provider_handle, request->handle->text.read_at,
                 request->block->bytes + SFTP_DATA_AT + length, length);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_read, on_text_read);
}

/* On failure the file is not what the client wrote, and every later request on it says so. */
static void on_flushed(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    struct sftp_handle *handle = request->handle;
    handle->text.has_written_cr = false;
    if (status == SP_FS_OK && reply->count == 1) {
        handle->text.write_at++;
        handle->bytes_written++;
    } else {
        handle->is_broken = true;
    }
    if (!handle->is_broken || request->operation == sftp_operation(SFTP_OP_CLOSE))
        request->next = request->operation->execute;
    else if (status != SP_FS_OK)
        sftp_request_answer(request, status, reply);
    else
        sftp_request_status(request, SP_FS_FAILURE, "The storage did not take the data");
}

bool sftp_text_flush(struct sftp_request *request)
{
    struct sftp_handle *handle = request->handle;
    if (!handle->text.has_written_cr || handle->is_broken)
        return true;
    handle->text.cr = '\r';
    sftp_call_io(&request->call, handle->provider_handle, handle->text.write_at, &handle->text.cr,
                 1);
    sftp_request_ask(request, handle->mount, PLUGIN_FS_write, on_flushed);
    return false;
}

bool sftp_text_prepare_write(struct sftp_request *request)
{
    struct sftp_message *message = &request->message;
    struct sftp_text *text = &request->handle->text;
    if (message->length > 0 && request->data[0] != '\n' && !sftp_text_flush(request))
        return false;
    message->length =
        sftp_text_to_store(text, is_crlf(request), request->data, (size_t)message->length);
    message->offset = text->write_at;
    text->write_at += message->length;
    return true;
}

/* --- text-seek ----------------------------------------------------------------------------- */

static void seek_piece(struct sftp_request *request);

static void seek_next(struct sftp_request *request)
{
    sftp_request_yield(request, seek_piece);
}

static void found(struct sftp_request *request, uint64_t at)
{
    request->handle->text = (struct sftp_text){.read_at = at, .write_at = at, .sent = at};
    sftp_request_status(request, SP_FS_OK, NULL);
}

static void on_seek_read(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_EOF || (status == SP_FS_OK && reply->count == 0)) {
        sftp_request_status(request, SP_FS_EOF, NULL);
        return;
    }
    if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
        return;
    }
    if (reply->count > PIECE_MAX) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave more than was asked for");
        return;
    }
    const uint8_t *start = request->block->bytes, *end = start + reply->count, *at = start;
    while (request->done < request->message.offset && at < end) {
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
        request->done += newline != NULL;
    }
    request->piece += (uint64_t)(at - start);
    if (request->done == request->message.offset)
        found(request, request->piece);
    else
        request->next = seek_next;
}

static void seek_piece(struct sftp_request *request)
{
    sftp_call_io(&request->call, request->handle->provider_handle, request->piece,
                 request->block->bytes, PIECE_MAX);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_read, on_seek_read);
}

/* done counts the lines that were passed, piece their bytes. */
void sftp_execute_text_seek(struct sftp_request *request)
{
    if (!sftp_text_is_ours(request->handle)) {
        sftp_request_status(request, SP_FS_OP_UNSUPPORTED, "The file was not opened as text");
        return;
    }
    if (!sftp_text_flush(request))
        return;
    if (request->message.offset == 0) {
        found(request, 0);
        return;
    }
    request->block = sftp_block_get(PIECE_MAX);
    if (request->block)
        seek_piece(request);
    else
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
}
