/*
 * execute_file.c: OPEN, CLOSE, READ, WRITE and fsync. See execute.h. Reactor thread.
 *
 * READ and WRITE hand the provider the very memory that is sent or was received. A READ's block has
 * room for the reply's header before the data, so that header and data go out as one piece.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#include "sftp/engine.h"

#include "sftp/execute.h"

#define OFFSET_LIMIT ((uint64_t)INT64_MAX)

static void on_open(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK) {
        sftp_request_opened(request, SFTP_HANDLE_FILE, &request->place, request->message.flags,
                            reply->handle);
    } else {
        sftp_handle_unreserve(request->engine);
        sftp_request_answer(request, status, reply);
    }
}

void sftp_execute_open(struct sftp_request *request)
{
    struct sftp_message *message = &request->message;
    if (!sftp_operation_changes(request->operation, message->flags))
        message->attributes.valid = 0; /* they are for files that are created */
    if (!sftp_handle_reserve(request->engine)) {
        sftp_request_status(request, SP_FS_FAILURE, "Too many open files");
        return;
    }
    sftp_call_create(&request->call, request->place.below, message->flags, &message->attributes);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_open, on_open);
}

/* Why a CLOSE fails, while the part is being removed. */
struct outcome {
    uint32_t status;
    char text[];
};

static void free_outcome(struct sftp_request *request)
{
    free(request->own);
}

static void answer_outcome(struct sftp_request *request)
{
    const struct outcome *outcome = request->own;
    sftp_request_status(request, outcome ? outcome->status : SP_FS_FAILURE,
                        outcome && outcome->text[0] ? outcome->text : NULL);
}

static void on_dropped(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    sftp_handle_part_dropped(request->handle, status, reply);
    if (request->act)
        request->act->event.final_flags = request->handle->final_flags;
    answer_outcome(request);
}

static void drop_part(struct sftp_request *request)
{
    if (sftp_handle_drop_part(request->handle, &request->call))
        sftp_request_ask(request, request->handle->mount, PLUGIN_FS_remove, on_dropped);
    else
        answer_outcome(request);
}

/* It will not be what it was to be: hooks hear of the close when the part is gone, or left. */
static void fail_part(struct sftp_request *request, uint32_t status, struct sp_str text)
{
    struct outcome *outcome = malloc(sizeof *outcome + (size_t)text.len + 1);
    if (outcome) {
        outcome->status = status;
        if (text.len > 0)
            memcpy(outcome->text, text.data, (size_t)text.len);
        outcome->text[text.len] = '\0';
    }
    request->own = outcome;
    request->free_own = free_outcome;
    request->next = drop_part;
}

static void on_named(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK) {
        sftp_handle_given_name(request->handle);
        sftp_request_answer(request, status, reply);
    } else {
        fail_part(request, status, reply->text);
    }
}

/* It is complete, and is called what it is to be called from now on. */
static void give_name(struct sftp_request *request)
{
    const struct sftp_handle *handle = request->handle;
    if (sftp_final_rename(&request->call, request->engine->tree, handle->mount, handle->path,
                          handle->final_path, handle->flags))
        sftp_request_ask(request, handle->mount, PLUGIN_FS_rename, on_named);
    else
        sftp_request_status(request, SP_FS_FAILURE, "The storage of this name has changed");
}

/* Gone already is gone. */
static void on_deleted(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    sftp_request_answer(sftp_request_of(call), status == SP_FS_NO_SUCH_FILE ? SP_FS_OK : status,
                        reply);
}

static void delete_closed(struct sftp_request *request)
{
    if (sftp_handle_delete(request->handle, &request->call))
        sftp_request_ask(request, request->handle->mount, PLUGIN_FS_remove, on_deleted);
    else
        sftp_request_status(request, SP_FS_OK, NULL);
}

static void on_close(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    struct sftp_handle *handle = request->handle;
    handle->is_closed = true;
    sftp_handle_retire(handle);         /* and what is left of it goes with it */
    if (status == SP_FS_OP_UNSUPPORTED) /* a provider that need not be told */
        status = SP_FS_OK;
    if (status == SP_FS_OK && handle->flags & SP_OPEN_DELETE_ON_CLOSE)
        request->next = delete_closed;
    else if (!handle->final_path)
        sftp_request_answer(request, status, reply);
    else if (status != SP_FS_OK)
        fail_part(request, status, reply->text);
    else if (handle->part.has_failed)
        fail_part(request, SP_FS_FAILURE, session_text("It is not complete: a write has failed"));
    else
        request->next = give_name;
}

void sftp_execute_close(struct sftp_request *request)
{
    struct sftp_handle *handle = request->handle;
    if (handle->is_broken || !handle->mount) {
        bool is_broken = handle->is_broken;
        sftp_handle_retire(handle); /* closed when the provider is done with it */
        sftp_request_status(request, is_broken ? SP_FS_FAILURE : SP_FS_OK,
                            is_broken ? "An earlier operation on this file was given up" : NULL);
        return;
    }
    if (!sftp_text_flush(request))
        return;
    sftp_call_handle(&request->call, handle->provider_handle, 0, NULL);
    sftp_request_ask(request, handle->mount,
                     handle->kind == SFTP_HANDLE_FILE ? PLUGIN_FS_close : PLUGIN_FS_closedir,
                     on_close);
}

static void on_read(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    request->engine->output_bytes -= (size_t)request->message.length;
    if (status == SP_FS_OK && reply->count > request->message.length) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave more than was asked for");
    } else if (status == SP_FS_OK && reply->count == 0) {
        sftp_request_status(request, SP_FS_EOF, NULL);
    } else if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
    } else {
        request->handle->bytes_read += reply->count;
        sftp_request_data(request, (uint32_t)reply->count);
    }
}

void sftp_execute_read(struct sftp_request *request)
{
    struct sftp_message *message = &request->message;
    if (sftp_text_is_ours(request->handle)) {
        sftp_text_read(request);
        return;
    }
    if (message->offset > OFFSET_LIMIT - message->length) {
        sftp_request_status(request, SP_FS_INVALID_PARAMETER, "Offset out of range");
        return;
    }
    request->block = sftp_block_get(SFTP_DATA_AT + (size_t)message->length);
    if (!request->block) {
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
        return;
    }
    if (message->length == 0) {
        sftp_request_data(request, 0);
        return;
    }
    request->engine->output_bytes += (size_t)message->length;
    sftp_call_io(&request->call, request->handle->provider_handle, message->offset,
                 request->block->bytes + SFTP_DATA_AT, message->length);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_read, on_read);
}

static void write_rest(struct sftp_request *request);

static void on_written(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    uint64_t left = request->message.length - request->done;
    if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
        return;
    }
    if (reply->count > left || (reply->count == 0 && left > 0)) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage did not take the data");
        return;
    }
    request->done += reply->count;
    request->handle->bytes_written += reply->count;
    if (request->done == request->message.length)
        sftp_request_answer(request, SP_FS_OK, reply);
    else
        request->next = write_rest;
}

static void write_rest(struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    sftp_call_io(&request->call, request->handle->provider_handle, message->offset + request->done,
                 request->data + request->done, message->length - request->done);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_write, on_written);
}

void sftp_execute_write(struct sftp_request *request)
{
    struct sftp_message *message = &request->message;
    if (sftp_text_is_ours(request->handle) && !sftp_text_prepare_write(request))
        return;
    if (message->offset > OFFSET_LIMIT - message->length) {
        sftp_request_status(request, SP_FS_INVALID_PARAMETER, "Offset out of range");
        return;
    }
    if (message->length == 0) {
        sftp_request_status(request, SP_FS_OK, NULL);
        return;
    }
    write_rest(request);
}

void sftp_execute_fsync(struct sftp_request *request)
{
    sftp_call_handle(&request->call, request->handle->provider_handle, 0, NULL);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_fsync, sftp_answer_status);
}
