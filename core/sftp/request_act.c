/*
 * request_act.c: what hooks see of a request before it is executed, and what they change about it.
 * See hooks.h. Called by request.c once the request's turn has come.
 */
#include <string.h>

#include "base/log.h"
#include "sftp/engine.h"
#include "sftp/execute.h"
#include "sftp/existing.h"

struct sftp_handle *sftp_request_file(struct sftp_engine *engine, uint64_t file)
{
    list_for_each (node, &engine->handles) {
        struct sftp_handle *handle = container_of(node, struct sftp_handle, link);
        if (handle->file == file && handle->id != 0)
            return handle;
    }
    return NULL;
}

/* --- what they see ------------------------------------------------------------------------- */

static bool describe_paths(const struct sftp_request *request, struct sftp_act *act)
{
    const struct sftp_handle *from = request->handle, *to = request->handle_to;
    const struct sftp_mount *mount = from ? from->mount : request->place.mount;
    enum sftp_subject subject = request->operation->subject;
    const char *target = to                                  ? to->path
                         : subject == SFTP_SUBJECT_LINK      ? request->link_text
                         : subject == SFTP_SUBJECT_TWO_PATHS ? request->target.path
                                                             : NULL;
    const char *final_path = from ? from->final_path : request->final_path;
    act->event.final_flags = from ? from->final_flags : request->final_flags;
    if (final_path && !sftp_act_keep_string(act, final_path, &act->event.final_path))
        return false;
    act->event.mount = session_text(mount ? mount->config->path : NULL);
    return sftp_act_keep_string(act, from ? from->path : request->place.path, &act->event.path) &&
           sftp_act_keep_string(act, target, &act->event.target);
}

static bool gives_attributes(const struct sftp_request *request)
{
    return request->operation->family & SFTP_FAMILIES_WITH_ATTRIBUTES &&
           request->refusal == SP_FS_OK && request->message.attributes.struct_size > 0;
}

/* The event as the request is now. False: out of memory. */
static bool describe(const struct sftp_request *request)
{
    struct sftp_act *act = request->act;
    struct sp_sftp_event *event = &act->event;
    const struct sftp_message *message = &request->message;
    bool has_flags = !request->handle || (event->family & SP_SFTP_LOCK);
    event->version = request->engine->dialect.version;
    event->file = request->handle ? request->handle->file : 0;
    event->file_target = request->handle_to ? request->handle_to->file : 0;
    event->offset = sftp_text_offset(request);
    event->offset_target = message->offset_to;
    event->length = message->length;
    event->flags = has_flags ? message->flags : request->handle->flags;
    if (request->data && !act->block) {
        event->data = (struct sp_str){(const char *)request->data, message->length};
        act->block = request->block;
        sftp_block_ref(act->block);
    }
    if (request->data)
        event->data.len = message->length;
    return describe_paths(request, act) &&
           (!gives_attributes(request) ||
            sftp_act_keep_attributes(act, &message->attributes, &event->attributes));
}

/* --- what they change ---------------------------------------------------------------------- */

static uint32_t changes_of(const struct sftp_operation *operation)
{
    uint32_t family = operation->family, changes = 0;
    switch (operation->subject) {
    case SFTP_SUBJECT_NONE:
        return 0;
    case SFTP_SUBJECT_TWO_PATHS:
    case SFTP_SUBJECT_LINK:
        changes = SP_SFTP_CHANGE_TARGET | SP_SFTP_CHANGE_PATH | SP_SFTP_CHANGE_FLAGS;
        break;
    case SFTP_SUBJECT_PATH:
    case SFTP_SUBJECT_TILDE_PATH:
        changes = SP_SFTP_CHANGE_PATH | SP_SFTP_CHANGE_FLAGS;
        break;
    case SFTP_SUBJECT_FILE:
    case SFTP_SUBJECT_DIRECTORY:
    case SFTP_SUBJECT_EITHER:
        /* The client cannot name the file any more that it closes. */
        changes = family & SP_SFTP_CLOSE ? 0 : SP_SFTP_CHANGE_FILE;
        break;
    case SFTP_SUBJECT_TWO_FILES:
        break;
    }
    if (family & (SP_SFTP_READ | SP_SFTP_WRITE | SP_SFTP_LOCK))
        changes |= SP_SFTP_CHANGE_RANGE;
    if (family & SP_SFTP_LOCK)
        changes |= SP_SFTP_CHANGE_FLAGS;
    if (family & SFTP_FAMILIES_WITH_ATTRIBUTES)
        changes |= SP_SFTP_CHANGE_ATTRIBUTES;
    if (family & SP_SFTP_OPEN)
        changes |= SP_SFTP_CHANGE_FINAL;
    return changes;
}

/* A path of the tree, as the client would have to spell it. */
static uint32_t spell(struct sftp_request *request, struct sp_str path, struct sp_str *ret_name,
                      const char **ret_text)
{
    char whole[VPATH_MAX];
    if (path.len == 0 || path.data[0] != '/' || vpath_resolve(whole, "/", path) < 0)
        return SP_FS_INVALID_FILENAME;
    const char *shown = sftp_tree_shown(request->engine->tree, whole);
    if (!shown) {
        *ret_text = "A plugin led out of the user's home";
        return SP_FS_PERMISSION_DENIED;
    }
    return sftp_act_keep_string(request->act, shown, ret_name) ? SP_FS_OK : SP_FS_FAILURE;
}

/* Both names, also one that stays as it is, as if the client had sent them so. */
static uint32_t change_paths(struct sftp_request *request, const struct sp_sftp_reply *wish,
                             const char **ret_text)
{
    struct sftp_message *message = &request->message;
    const struct sp_sftp_event *event = &request->act->event;
    bool has_path = wish->changes & SP_SFTP_CHANGE_PATH;
    struct sp_str target = wish->changes & SP_SFTP_CHANGE_TARGET ? wish->target : event->target;
    uint32_t status = spell(request, has_path ? wish->path : event->path, &message->path, ret_text);
    if (status != SP_FS_OK)
        return status;
    if (request->operation->subject == SFTP_SUBJECT_TWO_PATHS) {
        status = spell(request, target, &message->target, ret_text);
    } else if (request->operation->subject == SFTP_SUBJECT_LINK) {
        /* An absolute text had the home put before it. */
        const char *shown = target.len > 0 && target.data[0] == '/'
                                ? sftp_tree_shown(request->engine->tree, target.data)
                                : NULL;
        target = shown ? session_text(shown) : target;
        if (!sftp_act_keep_text(request->act, target.data, (size_t)target.len, &message->target))
            status = SP_FS_FAILURE;
    }
    return status;
}

static uint32_t change_file(struct sftp_request *request, uint64_t file, const char **ret_text)
{
    struct sftp_handle *handle = sftp_request_file(request->engine, file);
    if (!handle || handle->is_broken) {
        *ret_text = "A plugin named a file that is not open";
        return SP_FS_INVALID_HANDLE;
    }
    if (handle == request->handle)
        return SP_FS_OK;
    struct sftp_handle *was = request->handle;
    sftp_handle_hold(handle);
    request->handle = handle;
    sftp_handle_release(was);
    request->is_diverted = true;
    return SP_FS_OK;
}

/* What the client can take and has sent bounds what is read and written. */
static uint32_t change_range(struct sftp_request *request, const struct sp_sftp_reply *wish,
                             const char **ret_text)
{
    struct sftp_message *message = &request->message;
    bool is_io = request->operation->answer == SFTP_ANSWER_DATA ||
                 request->operation == sftp_operation(SFTP_OP_WRITE);
    if (is_io && wish->length > message->length) {
        *ret_text = "A plugin made a range longer than the client asked for";
        return SP_FS_INVALID_PARAMETER;
    }
    message->offset = wish->offset;
    message->length = wish->length;
    return SP_FS_OK;
}

static uint32_t change_final(struct sftp_request *request, const struct sp_sftp_reply *wish,
                             const char **ret_text)
{
    struct sp_str kept;
    char whole[VPATH_MAX];
    if (wish->final_path.len == 0 || vpath_resolve(whole, "/", wish->final_path) < 0)
        return SP_FS_INVALID_FILENAME;
    uint32_t status = sftp_final_check(request->engine->tree, &request->place, whole, ret_text);
    if (status == SP_FS_OK && !sftp_act_keep_string(request->act, whole, &kept))
        status = SP_FS_FAILURE;
    if (status != SP_FS_OK)
        return status;
    request->final_path = kept.data;
    request->final_flags = wish->final_flags;
    return SP_FS_OK;
}

static uint32_t change_each(struct sftp_request *request, const struct sp_sftp_reply *wish,
                            const char **ret_text)
{
    struct sftp_message *message = &request->message;
    uint32_t status = SP_FS_OK, changes = wish->changes;
    if (changes & SP_SFTP_CHANGE_FLAGS)
        message->flags = wish->flags;
    if (changes & SP_SFTP_CHANGE_ATTRIBUTES) {
        const struct sp_fs_attributes *kept = NULL;
        if (!wish->attributes || !sftp_act_keep_attributes(request->act, wish->attributes, &kept))
            return SP_FS_INVALID_PARAMETER;
        message->attributes = *kept;
    }
    if (request->names) /* always: what the client sent is not there any more */
        status = change_paths(request, wish, ret_text);
    if (status == SP_FS_OK && changes & SP_SFTP_CHANGE_RANGE)
        status = change_range(request, wish, ret_text);
    if (status == SP_FS_OK && changes & SP_SFTP_CHANGE_FILE)
        status = change_file(request, wish->file, ret_text);
    return status;
}

static uint32_t change(struct sftp_act *act, const struct sp_sftp_reply *wish,
                       const char **ret_text)
{
    struct sftp_request *request = act->owner;
    const struct sftp_operation *operation = request->operation;
    if (wish->changes & ~changes_of(operation)) {
        *ret_text = "A plugin wants a change that this operation cannot have";
        return SP_FS_FAILURE;
    }
    bool was_change = sftp_operation_changes(operation, request->message.flags);
    uint32_t status = change_each(request, wish, ret_text);
    if (status == SP_FS_OK)
        status = sftp_request_place(request, ret_text);
    if (status == SP_FS_OK && wish->changes & SP_SFTP_CHANGE_FINAL)
        status = change_final(request, wish, ret_text);
    /* Others see what came of it, if it came to anything. */
    if ((status == SP_FS_OK || request->names) && !describe(request)) {
        *ret_text = "Out of memory";
        status = SP_FS_FAILURE;
    }
    /* It overlaps with others no longer. */
    if (!was_change && sftp_operation_changes(operation, request->message.flags))
        request->is_diverted = true;
    return status;
}

/* --- when ---------------------------------------------------------------------------------- */

static bool is_virtual(const struct sftp_handle *handle)
{
    return handle && handle->is_virtual;
}

/* One that a hook has named may have been closed since. */
static bool is_gone(const struct sftp_handle *handle)
{
    return handle && handle->is_closed;
}

static void execute(struct sftp_request *request)
{
    if (is_gone(request->handle))
        sftp_request_status(request, SP_FS_INVALID_HANDLE, NULL);
    else if ((is_virtual(request->handle) || is_virtual(request->handle_to)) &&
             request->operation != sftp_operation(SFTP_OP_CLOSE))
        sftp_request_status(request, SP_FS_OP_UNSUPPORTED, "Only a plugin knows this file");
    else
        request->operation->execute(request);
}

static void on_decided(struct sftp_act *act)
{
    struct sftp_request *request = act->owner;
    struct sftp_engine *engine = request->engine;
    sftp_engine_enter(engine);
    bool is_diverted = request->is_diverted;
    request->is_diverted = false;
    /* What a hook says of the close, the provider must learn that the file is not used any more. */
    if (act->outcome != SFTP_ACT_GOES_ON && request->operation == sftp_operation(SFTP_OP_CLOSE))
        sftp_handle_retire(request->handle);
    if (act->outcome != SFTP_ACT_GOES_ON)
        sftp_request_taken(request);
    else if (is_diverted)
        sftp_request_requeue(request, execute);
    else
        execute(request);
    sftp_engine_leave(engine);
}

static void on_concluded(struct sftp_act *act)
{
    struct sftp_request *request = act->owner;
    struct sftp_engine *engine = request->engine;
    sftp_engine_enter(engine);
    sftp_request_conclude(request);
    sftp_engine_leave(engine);
}

static void look(struct sftp_act *act)
{
    sftp_existing_look(act->owner);
}

static const struct sftp_asker asker = {
    .change = change, .look = look, .decided = on_decided, .concluded = on_concluded};

static bool is_broken(const struct sftp_handle *handle)
{
    return handle && handle->is_broken;
}

/* A REALPATH of version 6 may ask for what a STAT does. */
static uint32_t family_of(const struct sftp_request *request)
{
    bool looks = request->message.check >= SFTP_CHECK_IF_THERE;
    return request->operation->family | (looks ? SP_SFTP_ATTRIBUTES_GET : 0);
}

void sftp_request_begin(struct sftp_request *request)
{
    struct sftp_tree *tree = request->engine->tree;
    const struct sftp_operation *operation = request->operation;
    uint32_t family = family_of(request);
    if (sftp_hooks_want(&tree->hooks, family)) {
        request->act = sftp_act_new(tree, operation, SP_SFTP_PROTOCOL_SFTP, &asker, request);
        if (request->act)
            request->act->event.family = family;
        bool is_close = operation == sftp_operation(SFTP_OP_CLOSE) && request->handle;
        if (!request->act || !describe(request)) {
            if (is_close)
                sftp_handle_retire(request->handle);
            sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
            return;
        }
        if (is_close)
            request->handle->is_told = true;
    }
    if (request->refusal != SP_FS_OK)
        sftp_request_status(request, request->refusal, request->refusal_text);
    else if ((is_broken(request->handle) || is_broken(request->handle_to)) &&
             operation != sftp_operation(SFTP_OP_CLOSE))
        sftp_request_status(request, SP_FS_FAILURE,
                            "An earlier operation on this file was given up");
    else if (request->act)
        sftp_act_begin(request->act);
    else
        execute(request);
}

void sftp_request_lose(struct sftp_request *request)
{
    if (request->act)
        sftp_request_status(request, SP_FS_CONNECTION_LOST, NULL);
    else
        sftp_request_finish(request);
}

/* --- files that no CLOSE has closed -------------------------------------------------------- */

static void on_told(struct sftp_act *act)
{
    struct sftp_handle *handle = act->owner;
    struct sftp_engine *engine = handle->engine;
    sftp_engine_enter(engine);
    sftp_act_free(act);
    sftp_handle_release(handle);
    sftp_engine_leave(engine);
}

static const struct sftp_asker teller = {.concluded = on_told};

bool sftp_handle_tell_lost(struct sftp_handle *handle)
{
    struct sftp_engine *engine = handle->engine;
    const struct sftp_operation *operation = sftp_operation(SFTP_OP_CLOSE);
    handle->is_told = true;
    if (!(engine->tree->hooks.after & operation->family))
        return false;
    struct sftp_act *act =
        sftp_act_new(engine->tree, operation, SP_SFTP_PROTOCOL_SFTP, &teller, handle);
    if (!act || !sftp_act_keep_string(act, handle->path, &act->event.path) ||
        (handle->final_path &&
         !sftp_act_keep_string(act, handle->final_path, &act->event.final_path))) {
        log_error("sftp.hook_untold", LOG_U64("conn", engine->tree->connection->id),
                  LOG_TEXT("operation", operation->name), LOG_TEXT("path", handle->path),
                  LOG_TEXT("reason", "out of memory"));
        sftp_act_free(act);
        return false;
    }
    act->event.mount = session_text(handle->mount ? handle->mount->config->path : NULL);
    act->event.file = handle->file;
    act->event.flags = handle->flags;
    act->event.final_flags = handle->final_flags;
    act->event.version = engine->dialect.version;
    handle->outstanding++;
    sftp_act_conclude(act, SP_FS_CONNECTION_LOST, NULL, SP_SFTP_BY_CORE);
    return true;
}
