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
    engine->input_bytes -= request->input_bytes;
    if (request->free_own)
        request->free_own(request);
    sftp_block_unref(request->block);
    buffer_release(&request->listing.buffer);
    buffer_release(&request->reply);
    sftp_act_free(request->act);
    free(request->names);
    free(request->attributes_memory);
    free(request->text);
    bool was_started = request->state >= SFTP_REQUEST_STARTED;
    struct sftp_handle *handles[] = {was_started ? request->handle : NULL,
                                     was_started ? request->handle_to : NULL, request->opened};
    list_remove(&request->link);
    list_remove(&request->ready_link);
    engine->requests_count--;
    if (engine->spare_count < SPARE_MAX && engine->channel) {
        list_append(&engine->spare, &request->link);
        engine->spare_count++;
    } else {
        free(request);
    }
    for (size_t i = 0; i < sizeof handles / sizeof handles[0]; i++)
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
    bool is_waiting = request->state == SFTP_REQUEST_QUEUED || request->is_diverted;
    if (is_waiting && turn_has_come(&request->turns[0]) && turn_has_come(&request->turns[1])) {
        if (request->state == SFTP_REQUEST_QUEUED)
            request->state = SFTP_REQUEST_READY;
        request->is_diverted = false;
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

static void join_queues(struct sftp_request *request)
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
        if (request->handle) /* one that is refused may have none */
            join(&request->turns[0], &request->handle->queue, false);
        if (request->handle_to && request->handle_to != request->handle)
            join(&request->turns[1], &request->handle_to->queue, false);
        else if (operation == sftp_operation(SFTP_OP_CLOSE))
            join(&request->turns[1], &request->engine->paths, false);
        break;
    }
}

void sftp_request_enqueue(struct sftp_request *request)
{
    join_queues(request);
    request->state = SFTP_REQUEST_QUEUED;
    check_ready(request);
}

void sftp_request_requeue(struct sftp_request *request, void (*next)(struct sftp_request *request))
{
    sftp_request_leave_queues(request);
    join_queues(request);
    request->next = next;
    request->is_diverted = true;
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
        next = sftp_request_begin;
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
    if (!engine->channel && request->state < SFTP_REQUEST_CONCLUDING)
        sftp_request_lose(request);
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

/* Under way, as the channel goes. */
static void drop_started(struct sftp_request *request)
{
    bool is_idle = request->call.state == SFTP_CALL_IDLE;
    if (is_idle && request->state < SFTP_REQUEST_CONCLUDING) { /* between two calls */
        reactor_task_cancel(request->engine->tree->reactor, &request->again);
        sftp_request_lose(request);
    } else if (!is_idle && !request->operation->may_not_be_dropped) {
        if (request->act && request->state < SFTP_REQUEST_CONCLUDING)
            sftp_request_lose(request);
        sftp_call_cancel(&request->call);
    }
}

void sftp_requests_drop(struct sftp_engine *engine)
{
    list_for_each (node, &engine->requests) {
        struct sftp_request *request = container_of(node, struct sftp_request, link);
        if (request->state < SFTP_REQUEST_STARTED) {
            if (request->handle && request->operation == sftp_operation(SFTP_OP_CLOSE))
                request->handle->is_client_done = true;
            sftp_request_leave_queues(request);
            sftp_request_free(request);
        }
    }
    list_for_each (other, &engine->requests)
        drop_started(container_of(other, struct sftp_request, link));
}

void sftp_request_finish(struct sftp_request *request)
{
    request->state = SFTP_REQUEST_FINISHED;
    sftp_request_leave_queues(request);
    if (request->call.state == SFTP_CALL_IDLE)
        sftp_request_free(request);
}
