/*
 * request.c: the life of an SFTP request: read, placed in the tree, authorised, queued until its
 * turn, run, answered, and used again for the next. See engine.h.
 */
#include "sftp/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

#define SPARE_MAX 16u
#define TEXT_MAX 1024u      /* of a provider's words about an error */
#define LINK_TEXT_MAX 4095u /* PATH_MAX without its NUL */

struct sftp_request *sftp_request_of(struct sftp_call *call)
{
    return container_of(call, struct sftp_request, call);
}

static struct sftp_request *request_new(struct sftp_engine *engine)
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
static void request_free(struct sftp_request *request)
{
    struct sftp_engine *engine = request->engine;
    if (request->block && request->operation == sftp_operation(SFTP_OP_WRITE))
        engine->input_bytes -= request->message.length;
    sftp_block_unref(request->block);
    buffer_release(&request->listing.buffer);
    free(request->names);
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

static void leave_queues(struct sftp_request *request)
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

static void enqueue(struct sftp_request *request)
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
        request_free(request);
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
            leave_queues(request);
            request_free(request);
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
    leave_queues(request);
    if (request->call.state == SFTP_CALL_IDLE)
        request_free(request);
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

static void send_status(struct sftp_engine *engine, uint32_t id, uint32_t status,
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
    send_status(request->engine, request->message.id, status, text_of(text));
    sftp_request_finish(request);
}

void sftp_request_answer(struct sftp_request *request, uint32_t status,
                         const struct sp_fs_reply *reply)
{
    send_status(request->engine, request->message.id, status,
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
    int rc = sftp_put_attributes(message, request->engine->dialect.version, request->message.id,
                                 attributes);
    sftp_request_message(request, message, rc);
}

void sftp_request_name(struct sftp_request *request, const char *name)
{
    struct buffer *message = sftp_scratch();
    int rc = sftp_put_name(message, request->engine->dialect.version, request->message.id,
                           text_of(name));
    sftp_request_message(request, message, rc);
}

/* --- receiving ----------------------------------------------------------------------------- */

/* A directory that exists only because of mounts, or the name of a mount itself, is nobody's to
 * make, replace or remove; and what no mount holds is nowhere. */
static uint32_t check_place(const struct sftp_request *request, const struct sftp_place *place,
                            const char **ret_text)
{
    const struct sftp_operation *operation = request->operation;
    if (operation->makes_entry && (place->is_mount_point || place->is_above_mount)) {
        if (operation == sftp_operation(SFTP_OP_MKDIR))
            return SP_FS_FILE_ALREADY_EXISTS;
        *ret_text = "This directory is a mount point or holds one";
        return SP_FS_PERMISSION_DENIED;
    }
    if (place->mount || (place->is_above_mount && operation->takes_mountless) ||
        operation->hook == SFTP_HOOK_PATH_RESOLVE) /* a name may be spelt out that is nowhere */
        return SP_FS_OK;
    if (!sftp_operation_changes(operation, request->message.flags))
        return place->is_above_mount ? SP_FS_OP_UNSUPPORTED : SP_FS_NO_SUCH_FILE;
    *ret_text = "No storage is mounted here";
    return SP_FS_PERMISSION_DENIED;
}

/* A user who is restricted to a home could leave it by a link: absolute text is meant from the
 * home, and text that climbs is refused, as the link may be moved. */
static uint32_t place_link_text(const struct sftp_request *request, char out[VPATH_MAX],
                                const char **ret_text)
{
    struct sp_str text = request->message.target;
    if (text.len == 0 || text.len > LINK_TEXT_MAX || memchr(text.data, '\0', (size_t)text.len))
        return SP_FS_INVALID_FILENAME;
    const struct sftp_tree *tree = request->engine->tree;
    if (tree->is_restricted && text.data[0] == '/')
        return sftp_tree_resolve(tree, text, out);
    memcpy(out, text.data, (size_t)text.len);
    out[text.len] = '\0';
    if (!tree->is_restricted)
        return SP_FS_OK;
    for (const char *part = out; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) {
            *ret_text = "A link with \"..\" could lead out of your home";
            return SP_FS_PERMISSION_DENIED;
        }
    }
    return SP_FS_OK;
}

/* Both names in one piece of memory that lives as long as the request. */
static int keep_names(struct sftp_request *request, const char *first, const char *second)
{
    size_t first_size = strlen(first) + 1, second_size = strlen(second) + 1;
    request->names = malloc(first_size + second_size);
    if (!request->names)
        return SP_ERR_NOMEM;
    memcpy(request->names, first, first_size);
    memcpy(request->names + first_size, second, second_size);
    return 0;
}

static uint32_t place_paths(struct sftp_request *request, const char **ret_text)
{
    struct sftp_engine *engine = request->engine;
    const struct sftp_operation *operation = request->operation;
    char path[VPATH_MAX], second[VPATH_MAX] = "";
    struct sp_str name = request->message.path;
    uint32_t status = SP_FS_OK;
    if (operation->subject == SFTP_SUBJECT_TILDE_PATH) {
        status = sftp_tree_expand(engine->tree, name, second);
        name = text_of(second);
    }
    if (status == SP_FS_OK)
        status = sftp_tree_resolve(engine->tree, name, path);
    if (status == SP_FS_OK && operation->subject == SFTP_SUBJECT_TWO_PATHS)
        status = sftp_tree_resolve(engine->tree, request->message.target, second);
    else if (status == SP_FS_OK && operation->subject == SFTP_SUBJECT_LINK)
        status = place_link_text(request, second, ret_text);
    if (status != SP_FS_OK)
        return status;
    if (keep_names(request, path, second) < 0)
        return SP_FS_FAILURE;

    sftp_tree_locate(engine->tree, request->names, &request->place);
    status = check_place(request, &request->place, ret_text);
    const char *kept_second = request->names + strlen(path) + 1;
    request->link_text = kept_second;
    if (status == SP_FS_OK && operation->subject == SFTP_SUBJECT_TWO_PATHS) {
        sftp_tree_locate(engine->tree, kept_second, &request->target);
        status = check_place(request, &request->target, ret_text);
        if (status == SP_FS_OK && request->place.mount != request->target.mount) {
            *ret_text = "The two names are on different mounts";
            status = SP_FS_FAILURE;
        }
    }
    return status;
}

static bool is_kind(const struct sftp_handle *handle, enum sftp_subject subject)
{
    switch (subject) {
    case SFTP_SUBJECT_FILE:
    case SFTP_SUBJECT_TWO_FILES:
        return handle->kind == SFTP_HANDLE_FILE;
    case SFTP_SUBJECT_DIRECTORY:
        return handle->kind == SFTP_HANDLE_DIRECTORY;
    default:
        return true;
    }
}

static uint32_t place_handle(struct sftp_request *request, struct sp_str wire, uint32_t needs,
                             struct sftp_handle **ret_handle, const char **ret_text)
{
    struct sftp_handle *handle = sftp_handle_find(request->engine, wire);
    if (!handle || !is_kind(handle, request->operation->subject))
        return SP_FS_INVALID_HANDLE;
    if (needs & ~handle->flags) {
        *ret_text = needs & SP_OPEN_READ ? "The file was not opened for reading"
                                         : "The file was not opened for writing";
        return SP_FS_PERMISSION_DENIED;
    }
    if (!handle->mount && !request->operation->takes_mountless)
        return SP_FS_OP_UNSUPPORTED;
    *ret_handle = handle;
    return SP_FS_OK;
}

static uint32_t place_handles(struct sftp_request *request, const char **ret_text)
{
    const struct sftp_operation *operation = request->operation;
    struct sftp_message *message = &request->message;
    uint32_t status =
        place_handle(request, message->handle, operation->needs, &request->handle, ret_text);
    if (status == SP_FS_OK && operation->subject == SFTP_SUBJECT_TWO_FILES)
        status = place_handle(request, message->handle_to, operation->needs_to, &request->handle_to,
                              ret_text);
    if (status == SP_FS_OK && request->handle == request->handle_to) {
        *ret_text = "The two handles are the same file";
        status = SP_FS_FAILURE;
    }
    return status;
}

/* A word that is no path: kept in names, if there is one. */
static uint32_t place_word(struct sftp_request *request)
{
    struct sp_str word = request->message.path;
    char copy[VPATH_MAX];
    if (word.len == 0)
        return SP_FS_OK;
    if (word.len >= sizeof copy || memchr(word.data, '\0', (size_t)word.len))
        return SP_FS_INVALID_PARAMETER;
    memcpy(copy, word.data, (size_t)word.len);
    copy[word.len] = '\0';
    return keep_names(request, copy, "") < 0 ? SP_FS_FAILURE : SP_FS_OK;
}

/* Everything that can be said of a request before its turn. */
static uint32_t prepare(struct sftp_request *request, const char **ret_text)
{
    const struct sftp_mount *mount = NULL, *mount_to = NULL;
    uint32_t status = SP_FS_OK;
    switch (request->operation->subject) {
    case SFTP_SUBJECT_NONE:
        status = place_word(request);
        break;
    case SFTP_SUBJECT_PATH:
    case SFTP_SUBJECT_TILDE_PATH:
    case SFTP_SUBJECT_TWO_PATHS:
    case SFTP_SUBJECT_LINK:
        status = place_paths(request, ret_text);
        mount = request->place.mount;
        mount_to = request->target.mount;
        break;
    default:
        status = place_handles(request, ret_text);
        mount = request->handle ? request->handle->mount : NULL;
        mount_to = request->handle_to ? request->handle_to->mount : NULL;
        break;
    }
    if (status != SP_FS_OK)
        return status;
    return sftp_authorize(request->engine->tree, request->operation, request->message.flags, mount,
                          mount_to, ret_text);
}

/* A WRITE's data must outlive the packet: keep its block, or copy it into one. */
static uint32_t keep_data(struct sftp_request *request, struct sftp_block **block)
{
    struct sftp_message *message = &request->message;
    if (message->length > SFTP_PACKET_MAX)
        return SP_FS_BAD_MESSAGE;
    if (*block) {
        request->block = *block;
        *block = NULL;
        request->data =
            request->block->bytes + ((const uint8_t *)message->data.data - request->block->bytes);
    } else {
        request->block = sftp_block_get((size_t)message->length);
        if (!request->block)
            return SP_FS_FAILURE;
        request->data = request->block->bytes;
        if (message->length > 0)
            memcpy(request->data, message->data.data, (size_t)message->length);
    }
    request->engine->input_bytes += (size_t)message->length;
    return SP_FS_OK;
}

static void refuse(struct sftp_request *request, uint32_t status, const char *text)
{
    log_debug("sftp.refused", LOG_U64("conn", request->engine->tree->connection->id),
              LOG_TEXT("operation", request->operation->name), LOG_U64("status", status));
    send_status(request->engine, request->message.id, status, text_of(text));
    request_free(request);
}

void sftp_request_receive(struct sftp_engine *engine, const uint8_t *data, size_t length,
                          struct sftp_block **block)
{
    struct wire_reader reader;
    wire_reader_init(&reader, data, length);
    uint8_t type = wire_get_u8(&reader);
    uint32_t id = wire_get_u32(&reader);
    struct sp_str extension = {"", 0};
    counter_add(&engine->counters->sftp_requests, 1);
    if (type == SFTP_INIT) {
        sftp_engine_fail(engine, "INIT twice");
        return;
    }
    if (type == SFTP_EXTENDED)
        extension = wire_get_string(&reader);
    const struct sftp_operation *operation = sftp_operation_find(type, extension);
    if (!wire_ok(&reader) || !operation) {
        send_status(engine, id, wire_ok(&reader) ? SP_FS_OP_UNSUPPORTED : SP_FS_BAD_MESSAGE,
                    text_of(NULL));
        return;
    }
    struct sftp_request *request = request_new(engine);
    if (!request) {
        send_status(engine, id, SP_FS_FAILURE, text_of("Out of memory"));
        return;
    }
    request->operation = operation;
    request->message.id = id;
    operation->decode(&reader, &engine->dialect, &request->message);
    const char *text = NULL;
    uint32_t status = wire_ok(&reader) ? prepare(request, &text) : SP_FS_BAD_MESSAGE;
    if (status == SP_FS_OK && operation == sftp_operation(SFTP_OP_WRITE))
        status = keep_data(request, block);
    if (status != SP_FS_OK) {
        refuse(request, status, text);
        return;
    }
    /* From here on nobody can name the handle: its queue gets no more requests. */
    if (operation == sftp_operation(SFTP_OP_CLOSE))
        sftp_handle_forget(request->handle);
    enqueue(request);
}
