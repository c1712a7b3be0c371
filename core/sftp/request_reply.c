/*
 * request_reply.c: from the result of a request to the reply. Executors say what the result is; if
 * hooks want to look at it, they are asked, and what they leave of it is sent. See engine.h.
 */
#include <string.h>

#include "base/err.h"
#include "sftp/access.h"
#include "sftp/codec_extensions.h"
#include "sftp/engine.h"

#define TEXT_MAX 1024u /* of a provider's words about an error */
/* Below this share of its block an answer is copied and the block free again at once: what waits
 * to be sent is bounded in bytes sent, and must not hold many times as much. */
#define COPY_BELOW_SHARE 4u

static const struct sp_fs_reply no_reply = {.head = {.struct_size = sizeof no_reply}};

/* --- sending ------------------------------------------------------------------------------- */

static void send_message(struct sftp_engine *engine, const struct buffer *message, int rc)
{
    if (sftp_engine_is_closed(engine))
        return;
    if (rc == 0 && engine->on_reply)
        engine->on_reply(engine->reply_arg, buffer_data(message), buffer_length(message));
    else if (rc == 0)
        rc = channel_send(engine->channel, SP_STREAM_DATA, buffer_data(message),
                          buffer_length(message));
    if (rc < 0 && rc != SP_ERR_CLOSED)
        sftp_engine_fail(engine, "out of memory");
}

void sftp_engine_send_status(struct sftp_engine *engine, uint32_t id, uint32_t status,
                             struct sp_str text)
{
    struct buffer *message = sftp_scratch();
    if (text.len > TEXT_MAX)
        text.len = TEXT_MAX;
    int rc = sftp_put_status(message, engine->dialect.version, id, status, text);
    send_message(engine, message, rc);
}

/* What a hook gave in place of what was read, in a block of its own: a late hook may still look at
 * the other. */
static bool take_data(struct sftp_request *request, struct sp_str data)
{
    struct sftp_block *block = sftp_block_get(SFTP_DATA_AT + (size_t)data.len);
    if (!block)
        return false;
    memcpy(block->bytes + SFTP_DATA_AT, data.data, (size_t)data.len);
    sftp_block_unref(request->block);
    request->block = block;
    return true;
}

static void send_data(struct sftp_request *request, uint32_t count)
{
    struct sftp_engine *engine = request->engine;
    struct sftp_block *block = request->block;
    uint8_t *start = block->bytes + SFTP_DATA_AT - SFTP_DATA_HEADER;
    size_t length = SFTP_DATA_HEADER + (size_t)count;
    sftp_write_data_header(start, request->message.id, count);
    if (sftp_engine_is_closed(engine))
        return;
    if (count < block->capacity / COPY_BELOW_SHARE) {
        if (channel_send(engine->channel, SP_STREAM_DATA, start, length) == SP_ERR_NOMEM)
            sftp_engine_fail(engine, "out of memory");
        return;
    }
    /* Ours until the provider has let go of it, the channel's until it is sent. */
    sftp_block_ref(block);
    sftp_block_send(block, engine->channel, SFTP_DATA_AT - SFTP_DATA_HEADER, length);
}

/* A success, as the kind of answer has it. */
static void send_answer(struct sftp_request *request, enum sftp_answer_kind answer,
                        const struct sp_fs_reply *reply)
{
    struct sftp_engine *engine = request->engine;
    const struct sftp_dialect *dialect = &engine->dialect;
    uint32_t id = request->message.id;
    struct buffer *message = sftp_scratch();
    int rc = 0;
    switch (answer) {
    case SFTP_ANSWER_STATUS:
        sftp_engine_send_status(engine, id, SP_FS_OK, session_text(NULL));
        return;
    case SFTP_ANSWER_DATA:
        send_data(request, (uint32_t)reply->count);
        return;
    case SFTP_ANSWER_HANDLE:
        rc = sftp_put_handle(message, id, sftp_handle_wire(request->opened));
        break;
    case SFTP_ANSWER_ATTRIBUTES:
        rc = sftp_put_attributes(message, dialect, id, reply->attributes, request->message.wanted);
        break;
    case SFTP_ANSWER_PATH:
        rc = sftp_put_name(message, dialect, id, reply->path, reply->attributes);
        break;
    case SFTP_ANSWER_SPACE:
        rc = request->operation == sftp_operation(SFTP_OP_SPACE_AVAILABLE)
                 ? sftp_put_space_available(message, id, reply->space)
                 : sftp_put_space(message, id, reply->space);
        break;
    case SFTP_ANSWER_ENTRIES:
        message = &request->listing.buffer;
        break;
    case SFTP_ANSWER_OTHER:
        message = &request->reply;
        break;
    }
    send_message(engine, message, rc);
}

/* --- results ------------------------------------------------------------------------------- */

/* A handle that the client does not get is closed. */
static void end_opening(struct sftp_request *request, uint32_t status)
{
    if (request->opened && (status != SP_FS_OK || sftp_engine_is_closed(request->engine)))
        sftp_handle_retire(request->opened);
}

static void give_result(struct sftp_request *request, enum sftp_answer_kind answer, uint32_t status,
                        const struct sp_fs_reply *reply, uint32_t by)
{
    struct sftp_act *act = request->act;
    if (act) {
        struct sp_fs_reply whole = *reply;
        if (request->done > 0) /* of a write or a copy in pieces */
            whole.count = request->done;
        request->state = SFTP_REQUEST_CONCLUDING;
        request->next = NULL;
        request->answer = answer;
        sftp_act_conclude(act, status, reply == &act->result ? reply : &whole, by);
        return;
    }
    if (status == SP_FS_OK)
        send_answer(request, answer, reply);
    else
        sftp_engine_send_status(request->engine, request->message.id, status, reply->text);
    sftp_request_observe(request, status, reply);
    end_opening(request, status);
    sftp_request_finish(request);
}

void sftp_request_status(struct sftp_request *request, uint32_t status, const char *text)
{
    struct sp_fs_reply reply = no_reply;
    reply.text = session_text(text);
    bool is_provider = status == SP_FS_OK || status == SP_FS_EOF;
    give_result(request, SFTP_ANSWER_STATUS, status, &reply,
                is_provider ? SP_SFTP_BY_PROVIDER : SP_SFTP_BY_CORE);
}

void sftp_request_answer(struct sftp_request *request, uint32_t status,
                         const struct sp_fs_reply *reply)
{
    give_result(request, SFTP_ANSWER_STATUS, status, reply, SP_SFTP_BY_PROVIDER);
}

void sftp_answer_status(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    sftp_request_answer(sftp_request_of(call), status, reply);
}

void sftp_request_attributes(struct sftp_request *request,
                             const struct sp_fs_attributes *attributes)
{
    struct sp_fs_reply reply = no_reply;
    reply.attributes = attributes;
    give_result(request, SFTP_ANSWER_ATTRIBUTES, SP_FS_OK, &reply, SP_SFTP_BY_PROVIDER);
}

void sftp_request_name(struct sftp_request *request, const char *name)
{
    sftp_request_path(request, name, NULL);
}

void sftp_request_path(struct sftp_request *request, const char *path,
                       const struct sp_fs_attributes *attributes)
{
    struct sp_fs_reply reply = no_reply;
    reply.path = session_text(path);
    reply.attributes = attributes;
    give_result(request, SFTP_ANSWER_PATH, SP_FS_OK, &reply, SP_SFTP_BY_PROVIDER);
}

void sftp_request_space(struct sftp_request *request, const struct sp_fs_space *space)
{
    struct sp_fs_reply reply = no_reply;
    reply.space = space;
    give_result(request, SFTP_ANSWER_SPACE, SP_FS_OK, &reply, SP_SFTP_BY_PROVIDER);
}

void sftp_request_data(struct sftp_request *request, uint32_t count)
{
    struct sp_fs_reply reply = no_reply;
    struct sftp_act *act = request->act;
    reply.count = count;
    if (act) {
        act->block = request->block;
        sftp_block_ref(act->block);
        act->event.data =
            (struct sp_str){(const char *)request->block->bytes + SFTP_DATA_AT, count};
    }
    give_result(request, SFTP_ANSWER_DATA, SP_FS_OK, &reply, SP_SFTP_BY_PROVIDER);
}

void sftp_request_listing(struct sftp_request *request, int rc)
{
    if (rc == 0)
        give_result(request, SFTP_ANSWER_ENTRIES, SP_FS_OK, &no_reply, SP_SFTP_BY_PROVIDER);
    else
        sftp_request_message(request, NULL, rc);
}

void sftp_request_message(struct sftp_request *request, const struct buffer *message, int rc)
{
    if (!request->act) {
        send_message(request->engine, message, rc);
        sftp_request_finish(request);
        return;
    }
    if (rc == 0)
        rc = buffer_append(&request->reply, buffer_data(message), buffer_length(message));
    if (rc == 0) {
        give_result(request, SFTP_ANSWER_OTHER, SP_FS_OK, &no_reply, SP_SFTP_BY_PROVIDER);
        return;
    }
    if (!sftp_engine_is_closed(request->engine))
        sftp_engine_fail(request->engine, "out of memory");
    sftp_request_status(request, SP_FS_FAILURE, NULL);
}

void sftp_request_opened(struct sftp_request *request, enum sftp_handle_kind kind,
                         const struct sftp_place *place, uint32_t flags, uint64_t provider_handle)
{
    struct sftp_engine *engine = request->engine;
    struct sftp_handle *handle = sftp_handle_new(engine, kind, place, flags, provider_handle);
    if (handle && request->final_path && !(handle->final_path = strdup(request->final_path))) {
        sftp_handle_retire(handle);
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
        return;
    }
    if (!handle) {
        /* The provider's handle is lost to us; there is no memory to close it with. */
        sftp_handle_unreserve(engine);
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
        return;
    }
    if (flags & SP_OPEN_CREATE)
        sftp_access_note(engine->tree, place);
    handle->final_flags = request->final_flags;
    request->opened = handle;
    sftp_handle_hold(handle);
    if (request->act)
        request->act->event.file = handle->file;
    give_result(request, SFTP_ANSWER_HANDLE, SP_FS_OK, &no_reply, SP_SFTP_BY_PROVIDER);
}

/* --- with hooks ---------------------------------------------------------------------------- */

void sftp_request_refuse(struct sftp_request *request, uint32_t status, const char *text)
{
    struct sftp_engine *engine = request->engine;
    if (sftp_hooks_want(&engine->tree->hooks, request->operation->family)) {
        request->refusal = status;
        request->refusal_text = text;
        sftp_request_enqueue(request);
        return;
    }
    sftp_engine_send_status(engine, request->message.id, status, session_text(text));
    sftp_request_observe(request, status, NULL);
    sftp_request_free(request);
}

/* A file or directory that only hooks know. */
static bool open_virtual(struct sftp_request *request)
{
    struct sftp_place place = request->place;
    place.mount = NULL;
    if (!sftp_handle_reserve(request->engine))
        return false;
    enum sftp_handle_kind kind =
        request->operation->family & SP_SFTP_OPEN ? SFTP_HANDLE_FILE : SFTP_HANDLE_DIRECTORY;
    struct sftp_handle *handle =
        sftp_handle_new(request->engine, kind, &place, request->message.flags, 0);
    if (!handle) {
        sftp_handle_unreserve(request->engine);
        return false;
    }
    handle->is_virtual = true;
    request->opened = handle;
    sftp_handle_hold(handle);
    request->act->event.file = handle->file;
    return true;
}

void sftp_request_taken(struct sftp_request *request)
{
    struct sftp_act *act = request->act;
    enum sftp_answer_kind answer = request->operation->answer;
    if (act->result.status == SP_FS_OK && answer == SFTP_ANSWER_HANDLE && !open_virtual(request)) {
        sftp_request_status(request, SP_FS_FAILURE, "Too many open files");
        return;
    }
    give_result(request, answer, act->result.status, &act->result, act->decided);
}

/* All that was in this part of the list is hidden: on with the next part. */
static void list_on(struct sftp_request *request)
{
    request->state = SFTP_REQUEST_STARTED;
    sftp_act_free(request->act);
    request->act = NULL;
    buffer_release(&request->listing.buffer);
    request->listing.count = 0;
    if (request->call.state == SFTP_CALL_IDLE)
        sftp_request_yield(request, sftp_request_begin);
    else
        request->next = sftp_request_begin;
}

void sftp_request_conclude(struct sftp_request *request)
{
    struct sftp_engine *engine = request->engine;
    const struct sftp_act *act = request->act;
    const struct sp_fs_reply *result = &act->result;
    uint32_t status = result->status;
    bool is_replaced = status == SP_FS_OK && act->has_replaced;
    if (is_replaced && request->answer == SFTP_ANSWER_ENTRIES && result->entries_count == 0 &&
        !sftp_engine_is_closed(engine)) {
        list_on(request);
        return;
    }
    if (is_replaced && request->answer == SFTP_ANSWER_ENTRIES &&
        sftp_request_list(request, result->entries, result->entries_count) < 0)
        status = SP_FS_FAILURE;
    if (is_replaced && request->answer == SFTP_ANSWER_DATA && !take_data(request, result->data))
        status = SP_FS_FAILURE;
    if (status == SP_FS_OK)
        send_answer(request, request->answer, result);
    else
        sftp_engine_send_status(engine, request->message.id, status, result->text);
    sftp_request_observe(request, status, result);
    end_opening(request, status);
    sftp_request_finish(request);
}
