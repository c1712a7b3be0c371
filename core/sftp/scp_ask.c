/*
 * scp_ask.c: the door of scp: every step that needs a storage provider goes through scp_ask(), is
 * authorised here, shown to hooks, asked, and answered; and here is known what is open and has to
 * be closed. See scp.h and hooks.h. Reactor thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sftp/access.h"
#include "sftp/existing.h"
#include "sftp/final.h"
#include "sftp/scp.h"

static const struct sp_fs_reply no_reply = {.head = {.struct_size = sizeof no_reply}};

bool scp_is_busy(const struct scp *scp)
{
    return scp->call.state != SFTP_CALL_IDLE || scp->is_asking;
}

static bool is_opening(const struct scp *scp)
{
    return scp->asked->answer == SFTP_ANSWER_HANDLE;
}

static bool is_closing(const struct scp *scp)
{
    return scp->asked == sftp_operation(SFTP_OP_CLOSE);
}

/* --- answers ------------------------------------------------------------------------------- */

/* What the client is not given, though the provider has opened it, is closed before anything else
 * is done. */
static void end_opening(struct scp *scp, uint32_t status)
{
    if (!scp->opened.is_open)
        return;
    *(status == SP_FS_OK ? scp->open : &scp->unwanted) = scp->opened;
    scp->opened = (struct scp_open){0};
}

static void end_closing(struct scp_open *open)
{
    free(open->path);
    free(open->final_path);
    *open = (struct scp_open){0};
}

static void finish(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    scp->is_asking = false;
    if (is_opening(scp))
        end_opening(scp, status);
    scp_observe(scp, status, reply);
    if (is_closing(scp) && scp->is_performed)
        end_closing(scp->open);
    scp->on_answer(scp, status, reply);
}

static void conclude(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply, uint32_t by)
{
    if (!scp->is_asking) {
        finish(scp, status, reply);
        return;
    }
    scp->is_concluding = true;
    sftp_act_conclude(scp->act, status, reply, by);
}

/* --- the provider -------------------------------------------------------------------------- */

static bool note_opened(struct scp *scp, uint64_t handle, bool is_virtual)
{
    scp->opened = (struct scp_open){.mount = is_virtual ? NULL : scp->place.mount,
                                    .handle = handle,
                                    .file = ++scp->tree->files,
                                    .flags = scp->asked_flags,
                                    .is_open = true,
                                    .is_virtual = is_virtual,
                                    .is_directory = scp->asked != sftp_operation(SFTP_OP_OPEN),
                                    .path = strdup(scp->place.path),
                                    .final_path = scp->final_path,
                                    .final_flags = scp->final_flags};
    scp->final_path = NULL;
    if (scp->act)
        scp->act->event.file = scp->opened.file;
    return scp->opened.path != NULL;
}

static void show_data(struct scp *scp, struct sftp_block *block, const void *data, uint64_t length)
{
    if (!scp->act || !block || scp->act->block)
        return;
    scp->act->block = block;
    sftp_block_ref(block);
    scp->act->event.data = (struct sp_str){data, length};
}

static void on_answer(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct scp *scp = container_of(call, struct scp, call);
    uint32_t by = SP_SFTP_BY_PROVIDER;
    scp_enter(scp);
    if (status == SP_FS_OK && is_opening(scp) && !note_opened(scp, reply->handle, false))
        status = SP_FS_FAILURE;
    if (status == SP_FS_OK && scp->asked->answer == SFTP_ANSWER_DATA && scp->reading &&
        reply->count <= call->event.io.length)
        show_data(scp, scp->reading, scp->reading->bytes, reply->count);
    if (is_closing(scp) && status == SP_FS_OP_UNSUPPORTED)
        status = SP_FS_OK;  /* a provider that need not be told */
    if (scp->has_verdict) { /* a hook's, or that nobody waits any more */
        status = scp->act ? scp->act->result.status : SP_FS_OK;
        reply = scp->act ? &scp->act->result : &no_reply;
        by = scp->act ? scp->act->decided : by;
    }
    if (!is_closing(scp) || !scp_settle(scp, status, reply))
        conclude(scp, status, reply, by);
    scp_leave(scp);
}

static void on_release(struct sftp_call *call)
{
    struct scp *scp = container_of(call, struct scp, call);
    void (*then)(struct scp *) = scp->then;
    scp_enter(scp);
    scp->then = NULL;
    if (then)
        then(scp);
    scp_leave(scp);
}

void scp_answered(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    conclude(scp, status, reply, SP_SFTP_BY_PROVIDER);
}

void scp_ask_more(struct scp *scp, enum plugin_operation operation,
                  void (*answer)(struct sftp_call *call, uint32_t status,
                                 const struct sp_fs_reply *reply))
{
    scp->call.on_answer = answer;
    scp->call.on_release = on_release;
    sftp_call_start(&scp->call, scp->tree, scp->open->mount, operation);
}

static void perform(struct scp *scp)
{
    struct sftp_mount *mount = scp->open && !is_opening(scp) ? scp->open->mount : scp->place.mount;
    scp->is_performed = true;
    if (mount) {
        scp->call.on_answer = on_answer;
        scp->call.on_release = on_release;
        sftp_call_start(&scp->call, scp->tree, mount, scp->asked_of_provider);
    } else if (is_closing(scp)) {
        struct sp_fs_reply reply = no_reply;
        bool is_judged = scp->has_verdict && scp->act;
        conclude(scp, is_judged ? scp->act->result.status : SP_FS_OK,
                 is_judged ? &scp->act->result : &reply,
                 is_judged ? scp->act->decided : SP_SFTP_BY_PROVIDER);
    } else {
        struct sp_fs_reply reply = no_reply;
        reply.text = session_text("Only a plugin knows this file");
        conclude(scp, SP_FS_OP_UNSUPPORTED, &reply, SP_SFTP_BY_CORE);
    }
}

/* --- hooks --------------------------------------------------------------------------------- */

static bool describe(struct scp *scp)
{
    struct sftp_act *act = scp->act;
    struct sp_sftp_event *event = &act->event;
    const struct scp_open *open = is_opening(scp) ? NULL : scp->open;
    const struct sftp_mount *mount = open ? open->mount : scp->place.mount;
    event->mount = session_text(mount ? mount->config->path : NULL);
    event->flags = open ? open->flags : scp->asked_flags;
    event->file = open ? open->file : 0;
    if (event->family & (SP_SFTP_READ | SP_SFTP_WRITE)) {
        event->offset = scp->call.event.io.offset;
        event->length = scp->call.event.io.length;
    }
    if (event->family & SP_SFTP_WRITE) {
        show_data(scp, scp->writing, scp->call.event.io.buffer, event->length);
        event->data.len = event->length;
    }
    bool has_attributes = event->family & SFTP_FAMILIES_WITH_ATTRIBUTES;
    const char *final_path = open ? open->final_path : scp->final_path;
    event->final_flags = open ? open->final_flags : scp->final_flags;
    if (final_path && !sftp_act_keep_string(act, final_path, &event->final_path))
        return false;
    return sftp_act_keep_string(act, open ? open->path : scp->place.path, &event->path) &&
           (!has_attributes || sftp_act_keep_attributes(act, &scp->attributes, &event->attributes));
}

static uint32_t changes_of(const struct scp *scp)
{
    uint32_t family = scp->asked->family, changes = 0;
    if (!scp->open || is_opening(scp))
        changes |= SP_SFTP_CHANGE_PATH | SP_SFTP_CHANGE_FLAGS;
    if (family & (SP_SFTP_READ | SP_SFTP_WRITE))
        changes |= SP_SFTP_CHANGE_RANGE;
    if (family & SFTP_FAMILIES_WITH_ATTRIBUTES)
        changes |= SP_SFTP_CHANGE_ATTRIBUTES;
    if (family & SP_SFTP_OPEN)
        changes |= SP_SFTP_CHANGE_FINAL;
    return changes;
}

static uint32_t change_path(struct scp *scp, struct sp_str path, const char **ret_text)
{
    if (path.len == 0 || path.data[0] != '/' || vpath_resolve(scp->diverted, "/", path) < 0)
        return SP_FS_INVALID_FILENAME;
    if (!sftp_tree_shown(scp->tree, scp->diverted)) {
        *ret_text = "A plugin led out of the user's home";
        return SP_FS_PERMISSION_DENIED;
    }
    sftp_tree_locate(scp->tree, scp->diverted, &scp->place);
    if (scp->place.is_mount_point || scp->place.is_above_mount) {
        *ret_text = "A plugin named a mount point";
        return SP_FS_PERMISSION_DENIED;
    }
    if (!scp->place.mount)
        return SP_FS_NO_SUCH_FILE;
    struct sp_str below = {scp->place.below, strlen(scp->place.below)};
    if (scp->asked_of_provider == PLUGIN_FS_stat || scp->asked_of_provider == PLUGIN_FS_opendir)
        scp->call.event.path.path = below;
    else
        scp->call.event.create.path = below;
    return SP_FS_OK;
}

static uint32_t change_final(struct scp *scp, const struct sp_sftp_reply *wish,
                             const char **ret_text)
{
    char whole[VPATH_MAX];
    if (wish->final_path.len == 0 || vpath_resolve(whole, "/", wish->final_path) < 0)
        return SP_FS_INVALID_FILENAME;
    uint32_t status = sftp_final_check(scp->tree, &scp->place, whole, ret_text);
    if (status != SP_FS_OK)
        return status;
    free(scp->final_path);
    scp->final_path = strdup(whole);
    scp->final_flags = wish->final_flags;
    return scp->final_path ? SP_FS_OK : SP_FS_FAILURE;
}

static void change_flags(struct scp *scp, uint32_t flags)
{
    scp->asked_flags = flags;
    if (scp->asked_of_provider == PLUGIN_FS_stat || scp->asked_of_provider == PLUGIN_FS_opendir)
        scp->call.event.path.flags = flags;
    else
        scp->call.event.create.flags = flags;
}

static uint32_t change(struct sftp_act *act, const struct sp_sftp_reply *wish,
                       const char **ret_text)
{
    struct scp *scp = act->owner;
    uint32_t changes = wish->changes, status = SP_FS_OK;
    const struct sp_fs_attributes *attributes = NULL;
    if (changes & ~changes_of(scp)) {
        *ret_text = "A plugin wants a change that this operation cannot have";
        return SP_FS_FAILURE;
    }
    if (changes & SP_SFTP_CHANGE_RANGE) {
        if (wish->length > scp->call.event.io.length || wish->length == 0)
            return SP_FS_INVALID_PARAMETER;
        scp->call.event.io.offset = wish->offset;
        scp->call.event.io.length = wish->length;
    }
    if (changes & SP_SFTP_CHANGE_ATTRIBUTES) {
        if (!wish->attributes || !sftp_act_keep_attributes(act, wish->attributes, &attributes))
            return SP_FS_INVALID_PARAMETER;
        scp->attributes = *attributes;
    }
    if (changes & SP_SFTP_CHANGE_FLAGS)
        change_flags(scp, wish->flags);
    if (changes & SP_SFTP_CHANGE_PATH)
        status = change_path(scp, wish->path, ret_text);
    if (status == SP_FS_OK && changes & SP_SFTP_CHANGE_FINAL)
        status = change_final(scp, wish, ret_text);
    if (status == SP_FS_OK)
        status = sftp_authorize(scp->tree, scp->asked, scp->asked_flags, scp->place.mount, NULL,
                                ret_text);
    if (status == SP_FS_OK && (!scp->open || is_opening(scp)))
        status = sftp_access_check_names(scp->tree, &scp->place, NULL, scp->asked,
                                         &scp->asked_flags, ret_text);
    if (status == SP_FS_OK && scp->asked == sftp_operation(SFTP_OP_OPEN))
        scp->call.event.create.flags = scp->asked_flags;
    if (status == SP_FS_OK && !describe(scp))
        status = SP_FS_FAILURE;
    return status;
}

static void on_decided(struct sftp_act *act)
{
    struct scp *scp = act->owner;
    scp_enter(scp);
    if (act->outcome == SFTP_ACT_GOES_ON) {
        perform(scp);
    } else if (is_closing(scp)) { /* whatever it says, what was opened is closed */
        scp->has_verdict = true;
        perform(scp);
    } else {
        if (act->outcome == SFTP_ACT_TAKEN && act->result.status == SP_FS_OK && is_opening(scp) &&
            !note_opened(scp, 0, true))
            act->result.status = SP_FS_FAILURE;
        conclude(scp, act->result.status, &act->result, act->decided);
    }
    scp_leave(scp);
}

/* What a hook gave in place of what was read, in a block of its own: a late hook may still look at
 * the other. */
static bool take_data(struct scp *scp, struct sp_str data)
{
    struct sftp_block *block = sftp_block_get((size_t)data.len);
    if (!block)
        return false;
    memcpy(block->bytes, data.data, (size_t)data.len);
    sftp_block_unref(scp->reading);
    scp->reading = block;
    return true;
}

static void list_on(struct scp *scp)
{
    scp_ask(scp, SFTP_OP_READDIR, 0, scp->open, PLUGIN_FS_readdir, scp->on_answer);
}

static void on_concluded(struct sftp_act *act)
{
    struct scp *scp = act->owner;
    const struct sp_fs_reply *result = &act->result;
    uint32_t status = result->status;
    bool is_replaced = status == SP_FS_OK && act->has_replaced;
    scp_enter(scp);
    if (is_replaced && scp->asked->answer == SFTP_ANSWER_DATA && !take_data(scp, result->data))
        status = SP_FS_FAILURE;
    if (is_replaced && scp->asked->answer == SFTP_ANSWER_ENTRIES && result->entries_count == 0 &&
        scp->channel) {
        scp->is_asking = false;
        scp->next = list_on; /* all that was in this part of the list is hidden */
    } else {
        finish(scp, status, result);
    }
    scp_leave(scp);
}

static void look(struct sftp_act *act)
{
    scp_existing_look(act->owner);
}

static const struct sftp_asker asker = {
    .change = change, .look = look, .decided = on_decided, .concluded = on_concluded};

/* Hooks are to be asked about this step. False: there is no memory to. */
static bool make_act(struct scp *scp)
{
    scp->act = sftp_act_new(scp->tree, scp->asked, SP_SFTP_PROTOCOL_SCP, &asker, scp);
    if (scp->act && describe(scp)) {
        scp->is_asking = true;
        return true;
    }
    sftp_act_free(scp->act);
    scp->act = NULL;
    return false;
}

/* --- asking -------------------------------------------------------------------------------- */

static void prepare(struct scp *scp, const struct sftp_operation *operation, uint32_t flags,
                    struct scp_open *open, enum plugin_operation of_provider, scp_answer *answer)
{
    sftp_act_free(scp->act); /* of the step before: what it points to is not used any more */
    scp->act = NULL;
    scp->asked = operation;
    scp->asked_flags = flags;
    scp->asked_of_provider = of_provider;
    scp->open = open;
    scp->on_answer = answer;
    free(scp->final_path);
    scp->final_path = NULL;
    scp->final_flags = 0;
    scp->is_performed = scp->is_concluding = scp->has_verdict = false;
}

void scp_ask(struct scp *scp, enum sftp_operation_id id, uint32_t flags, struct scp_open *open,
             enum plugin_operation provider_operation, scp_answer *answer)
{
    const struct sftp_operation *operation = sftp_operation(id);
    struct sp_fs_reply reply = no_reply;
    const char *text = NULL;
    uint32_t status = SP_FS_OK;
    prepare(scp, operation, flags, open, provider_operation, answer);
    const struct sftp_mount *mount = open && !is_opening(scp) ? open->mount : scp->place.mount;
    if (!is_closing(scp)) /* what was opened is closed */
        status = sftp_authorize(scp->tree, operation, flags, mount, NULL, &text);
    if (status == SP_FS_OK && (!open || is_opening(scp)))
        status = sftp_access_check_names(scp->tree, &scp->place, NULL, operation, &scp->asked_flags,
                                         &text);
    if (status == SP_FS_OK && id == SFTP_OP_OPEN)
        scp->call.event.create.flags = scp->asked_flags;
    if (status == SP_FS_OK && !mount && !(open && open->is_open))
        status = SP_FS_NO_SUCH_FILE;
    if (sftp_hooks_want(&scp->tree->hooks, operation->family) && !make_act(scp)) {
        status = SP_FS_FAILURE;
        text = "Out of memory";
    }
    if (is_closing(scp) && scp->act)
        open->is_told = true;
    reply.text = session_text(text);
    if (status != SP_FS_OK)
        conclude(scp, status, &reply, SP_SFTP_BY_CORE);
    else if (scp->act)
        sftp_act_begin(scp->act);
    else
        perform(scp);
}

/* --- closing what is left ------------------------------------------------------------------ */

static void ignore(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    (void)scp, (void)status, (void)reply;
}

static enum plugin_operation closing_of(const struct scp_open *open)
{
    return open->is_directory ? PLUGIN_FS_closedir : PLUGIN_FS_close;
}

void scp_close_unwanted(struct scp *scp)
{
    struct scp_open *open = &scp->unwanted;
    sftp_call_handle(&scp->call, open->handle, 0, NULL);
    if (!open->is_directory)
        scp->call.event.handle.flags = SP_CLOSE_ABORTED;
    scp_ask(scp, SFTP_OP_CLOSE, 0, open, closing_of(open), ignore);
}

static struct scp_open *find_open(struct scp *scp)
{
    struct scp_open *opens[] = {&scp->file, &scp->glob, &scp->unwanted};
    for (size_t i = 0; i < sizeof opens / sizeof opens[0]; i++)
        if (opens[i]->is_open)
            return opens[i];
    for (struct scp_level *level = scp->level; level; level = level->up)
        if (level->list.is_open)
            return &level->list;
    return NULL;
}

/* Close one of the things that are open; false: there are none. Hooks are told, not asked. */
static bool close_next(struct scp *scp)
{
    struct scp_open *open = find_open(scp);
    const struct sftp_operation *operation = sftp_operation(SFTP_OP_CLOSE);
    if (!open)
        return false;
    prepare(scp, operation, 0, open, closing_of(open), ignore);
    sftp_call_handle(&scp->call, open->handle, 0, NULL);
    if (!open->is_directory)
        scp->call.event.handle.flags = SP_CLOSE_ABORTED;
    if (!open->is_told && scp->tree->hooks.after & operation->family && make_act(scp)) {
        scp->act->result.status = SP_FS_CONNECTION_LOST;
        scp->act->decided = SP_SFTP_BY_CORE;
    }
    scp->has_verdict = true;
    perform(scp);
    return true;
}

void scp_wind_up(struct scp *scp)
{
    bool is_first = !scp->has_ended;
    scp->has_ended = true;
    if (is_first && scp->is_asking && !scp->is_concluding &&
        (scp->call.state == SFTP_CALL_IDLE || !scp->asked->may_not_be_dropped))
        conclude(scp, SP_FS_CONNECTION_LOST, NULL, SP_SFTP_BY_CORE);
    if (is_first && scp->call.state != SFTP_CALL_IDLE && !scp->asked->may_not_be_dropped)
        sftp_call_cancel(&scp->call);
    while (!scp_is_busy(scp) && close_next(scp))
        ;
}
