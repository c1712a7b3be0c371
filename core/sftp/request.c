/*
 * request.c: the life of an SFTP request once it is understood: queued until its turn, run,
 * answered, and used again for the next. See engine.h.
 */
#include "sftp/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define SPARE_MAX 16u
#define TEXT_MAX 1024u /* of a provider's words about an error */

struct sftp_request *sftp_request_of(struct sftp_call *call)
{
    return container_of(call, struct sftp_request, call);
}

struct sftp_request *sftp_request_new(struct sftp_engine *engine)
{
    struct list *node = list_take_first(&engine->spare);
    struct sftp_request *request;
    if (node) {
        request = container_of(node, struct sftp_request, link);
        engine->spare_count--;
    } else {
        request = malloc(sizeof *request);
        if (!request)
            return NULL;
    }
    memset(request, 0, sizeof *request);
    request->engine = engine;
    list_init(&request->ready_link);
    for (int i = 0; i < 2; i++) {
        request->turns[i].request = request;
        list_init(&request->turns[i].link);
    }
    list_append(&engine->requests, &request->link);
    engine->requests_count++;
    return request;
}

void sftp_requests_free_spare(struct sftp_engine *engine)
{
    struct list *node;
    while ((node = list_take_first(&engine->spare)))
        free(container_of(node, struct sftp_request, link));
    engine->spare_count = 0;
}

/* Answered, and no provider holds its memory. It held its handles only if it was started. */
void sftp_request_free(struct sftp_request *request)
{
    struct sftp_engine *engine = request->engine;
    if (request->block && request->operation == sftp_operation(SFTP_OP_WRITE))
        engine->input_bytes -= request->block->capacity;
    if (request->free_own)
        request->free_own(request);
    sftp_block_unref(request->block);
    buffer_release(&request->listing.buffer);
    free(request->names);
    free(request->attributes_memory);
    free(request->text);
    struct sftp_handle *handles[] = {request->handle, request->handle_to};
    bool was_started = request->state >= SFTP_REQUEST_STARTED;
    list_remove(&request->link);
    list_remove(&request->ready_link);
    engine->requests_count--;
    if (engine->spare_count < SPARE_MAX && engine->channel) {
        list_append(&engine->spare, &request->link);
        engine->spare_count++;
    } else {
        free(request);
    }
    for (int i = 0; i < 2 && was_started; i++)
        if (handles[i])
            sftp_handle_release(handles[i]);
}

/* --- turns --------------------------------------------------------------------------------- */

static bool turn_has_come(const struct sftp_turn *turn)
{
    if (!turn->queue || turn->queue->next == &turn->link)
        return true;
    if (!turn->is_shared)
        return false;
    for (struct list *node = turn->link.prev; node != turn->queue; node = node->prev)
        if (!container_of(node, struct sftp_turn, link)->is_shared)
            return false;
    return true;
}

static void check_ready(struct sftp_request *request)
{
    if (request->state == SFTP_REQUEST_QUEUED && turn_has_come(&request->turns[0]) &&
        turn_has_come(&request->turns[1])) {
        request->state = SFTP_REQUEST_READY;
        list_append(&request->engine->ready, &request->ready_link);
    }
}

static void join(struct sftp_turn *turn, struct list *queue, bool is_shared)
{
    turn->queue = queue;
    turn->is_shared = is_shared;
    list_append(queue, &turn->link);
}

void sftp_request_leave_queues(struct sftp_request *request)
{
    for (int i = 0; i < 2; i++) {
        struct sftp_turn *turn = &request->turns[i];
        struct list *queue = turn->queue;
        if (!queue)
            continue;
        list_remove(&turn->link);
        turn->queue = NULL;
        list_for_each (node, queue) {
            struct sftp_turn *other = container_of(node, struct sftp_turn, link);
            check_ready(other->request);
            if (!other->is_shared)
                break;
        }
    }
}

void sftp_request_enqueue(struct sftp_request *request)
{
    const struct sftp_operation *operation = request->operation;
    switch (operation->subject) {
    case SFTP_SUBJECT_NONE:
        break;
    case SFTP_SUBJECT_PATH:
    case SFTP_SUBJECT_TILDE_PATH:
    case SFTP_SUBJECT_TWO_PATHS:
    case SFTP_SUBJECT_LINK:
        join(&request->turns[0], &request->engine->paths,
             !sftp_operation_changes(operation, request->message.flags));
        break;
    case SFTP_SUBJECT_FILE:
    case SFTP_SUBJECT_DIRECTORY:
    case SFTP_SUBJECT_EITHER:
    case SFTP_SUBJECT_TWO_FILES:
        join(&request->turns[0], &request->handle->queue, false);
        if (request->handle_to)
            join(&request->turns[1], &request->handle_to->queue, false);
        else if (operation == sftp_operation(SFTP_OP_CLOSE))
            join(&request->turns[1], &request->engine->paths, false);
        break;
    }
    request->state = SFTP_REQUEST_QUEUED;
    request->next = operation->execute;
    check_ready(request);
}

/* --- running ------------------------------------------------------------------------------- */

/* Output is bounded: a READ waits until what is queued and promised leaves room for it. */
static bool may_start(const struct sftp_request *request)
{
    struct sftp_engine *engine = request->engine;
    if (channel_is_full(engine->channel))
        return false;
    return request->operation != sftp_operation(SFTP_OP_READ) || engine->output_bytes == 0 ||
           channel_queued(engine->channel) + engine->output_bytes + request->message.length <=
               2 * SFTP_DATA_MAX;
}

static void start(struct sftp_request *request)
{
    void (*next)(struct sftp_request *) = request->next;
    if (request->state == SFTP_REQUEST_READY) {
        request->state = SFTP_REQUEST_STARTED;
        if (request->handle)
            sftp_handle_hold(request->handle);
        if (request->handle_to)
            sftp_handle_hold(request->handle_to);
        if (((request->handle && request->handle->is_broken) ||
             (request->handle_to && request->handle_to->is_broken)) &&
            request->operation != sftp_operation(SFTP_OP_CLOSE)) {
            sftp_request_status(request, SP_FS_FAILURE,
                                "An earlier operation on this file was given up");
            return;
        }
    }
    request->next = NULL;
    next(request);
}

void sftp_requests_run(struct sftp_engine *engine)
{
    if (engine->is_running)
        return;
    engine->is_running = true;
    struct list *node;
    while (!sftp_engine_is_closed(engine) && (node = list_first(&engine->ready))) {
        struct sftp_request *request = container_of(node, struct sftp_request, ready_link);
        if (!may_start(request))
            break; /* on_writable, or the answer of a READ, comes back to it */
        list_remove(node);
        start(request);
    }
    engine->is_running = false;
}

static void run_again(struct reactor_task *task)
{
    struct sftp_request *request = container_of(task, struct sftp_request, again);
    struct sftp_engine *engine = request->engine;
    sftp_engine_enter(engine);
    list_append(&engine->ready, &request->ready_link);
    sftp_engine_leave(engine);
}

void sftp_request_yield(struct sftp_request *request, void (*next)(struct sftp_request *request))
{
    request->next = next;
    request->again.run = run_again;
    /* Not deferred: what is deferred comes before other sessions get their turn. */
    reactor_post(request->engine->tree->reactor, &request->again);
}

static void on_release(struct sftp_call *call)
{
    struct sftp_request *request = sftp_request_of(call);
    struct sftp_engine *engine = request->engine;
    sftp_engine_enter(engine);
    if (!engine->channel && request->state != SFTP_REQUEST_FINISHED)
        sftp_request_finish(request);
    else if (request->state == SFTP_REQUEST_FINISHED)
        sftp_request_free(request);
    else if (request->next)
        list_append(&engine->ready, &request->ready_link);
    sftp_engine_leave(engine);
}

static void on_answer(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    struct sftp_engine *engine = request->engine;
    sftp_engine_enter(engine);
    if (call->has_timed_out && request->handle)
        request->handle->is_broken = true;
    if (call->has_timed_out && request->handle_to)
        request->handle_to->is_broken = true;
    request->on_answer(call, status, reply);
    sftp_engine_leave(engine);
}

void sftp_request_ask(struct sftp_request *request, struct sftp_mount *mount,
                      enum plugin_operation operation, sftp_answer *answer)
{
    request->on_answer = answer;
    request->call.on_answer = on_answer;
    request->call.on_release = on_release;
    sftp_call_start(&request->call, request->engine->tree, mount, operation);
}

void sftp_requests_drop(struct sftp_engine *engine)
{
    list_for_each (node, &engine->requests) {
        struct sftp_request *request = container_of(node, struct sftp_request, link);
        if (request->state < SFTP_REQUEST_STARTED) {
            sftp_request_leave_queues(request);
            sftp_request_free(request);
        }
    }
    list_for_each (other, &engine->requests) {
        struct sftp_request *request = container_of(other, struct sftp_request, link);
        if (request->call.state == SFTP_CALL_IDLE) { /* between two calls */
            reactor_task_cancel(engine->tree->reactor, &request->again);
            sftp_request_finish(request);
        } else if (!request->operation->may_not_be_dropped) {
            sftp_call_cancel(&request->call);
        }
    }
}

/* --- replies ------------------------------------------------------------------------------- */

void sftp_request_finish(struct sftp_request *request)
{
    request->state = SFTP_REQUEST_FINISHED;
    sftp_request_leave_queues(request);
    if (request->call.state == SFTP_CALL_IDLE)
        sftp_request_free(request);
}

static void send_message(struct sftp_engine *engine, const struct buffer *message, int rc)
{
    if (sftp_engine_is_closed(engine))
        return;
    if (rc == 0)
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

static struct sp_str text_of(const char *text)
{
    return (struct sp_str){text ? text : "", text ? strlen(text) : 0};
}

void sftp_request_status(struct sftp_request *request, uint32_t status, const char *text)
{
    sftp_engine_send_status(request->engine, request->message.id, status, text_of(text));
    sftp_request_finish(request);
}

void sftp_request_answer(struct sftp_request *request, uint32_t status,
                         const struct sp_fs_reply *reply)
{
    sftp_engine_send_status(request->engine, request->message.id, status,
                            status == SP_FS_OK ? text_of(NULL) : reply->text);
    sftp_request_finish(request);
}

void sftp_answer_status(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    sftp_request_answer(sftp_request_of(call), status, reply);
}

void sftp_request_message(struct sftp_request *request, const struct buffer *message, int rc)
{
    send_message(request->engine, message, rc);
    sftp_request_finish(request);
}

void sftp_request_attributes(struct sftp_request *request,
                             const struct sp_fs_attributes *attributes)
{
    struct buffer *message = sftp_scratch();
    int rc = sftp_put_attributes(message, &request->engine->dialect, request->message.id,
                                 attributes, request->message.wanted);
    sftp_request_message(request, message, rc);
}

void sftp_request_opened(struct sftp_request *request, enum sftp_handle_kind kind,
                         const struct sftp_place *place, uint32_t flags, uint64_t provider_handle)
{
    struct sftp_engine *engine = request->engine;
    struct sftp_handle *handle = sftp_handle_new(engine, kind, place, flags, provider_handle);
    if (!handle) {
        /* The provider's handle is lost to us; there is no memory to close it with. */
        sftp_handle_unreserve(engine);
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
        return;
    }
    struct buffer *message = sftp_scratch();
    int rc = sftp_put_handle(message, request->message.id, sftp_handle_wire(handle));
    if (sftp_engine_is_closed(engine))
        sftp_handle_retire(handle);
    sftp_request_message(request, message, rc);
}

void sftp_request_name(struct sftp_request *request, const char *name)
{
    struct buffer *message = sftp_scratch();
    int rc =
        sftp_put_name(message, &request->engine->dialect, request->message.id, text_of(name), NULL);
    sftp_request_message(request, message, rc);
}
