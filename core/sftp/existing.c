/*
 * existing.c: asks providers what is there before an operation. See existing.h.
 *
 * An open file is asked about by its handle, and by nothing else: its name may be another file's by
 * now, and a hook that counts bytes must not be told of the wrong one.
 */
#include "sftp/existing.h"

#include "sftp/engine.h"
#include "sftp/scp.h"

#define ASKED (SP_ATTR_SIZE | SP_ATTR_TYPE | SP_ATTR_LINK_COUNT)

/* flags are those of the operation or, of an open file, those it was opened with. */
static bool is_wanted(const struct sftp_act *act)
{
    const struct sp_sftp_event *event = &act->event;
    uint32_t family = event->family & act->tree->hooks.existing;
    if (family & SP_SFTP_CLOSE)
        return event->flags & SP_OPEN_WRITE;
    if (family & SP_SFTP_ATTRIBUTES_SET)
        return event->attributes && event->attributes->valid & SP_ATTR_SIZE;
    if (family & (SP_SFTP_READ | SP_SFTP_WRITE))
        return event->family == (SP_SFTP_READ | SP_SFTP_WRITE);
    return family & (SP_SFTP_OPEN | SP_SFTP_REMOVE | SP_SFTP_DIRECTORY_REMOVE | SP_SFTP_RENAME);
}

/* Fill in a call about a name. What opens or resizes it follows a link; what removes or renames it
 * is about the link. */
static enum plugin_operation ask_by_name(struct sftp_call *call, const struct sp_sftp_event *event,
                                         const char *below)
{
    bool is_link = event->family & SP_SFTP_OPEN             ? event->flags & SP_OPEN_NOFOLLOW
                   : event->family & SP_SFTP_ATTRIBUTES_SET ? event->flags & SP_FS_NOFOLLOW
                                                            : true;
    sftp_call_path(call, below, is_link ? SP_FS_NOFOLLOW : 0);
    call->event.path.wanted = ASKED;
    return PLUGIN_FS_stat;
}

static enum plugin_operation ask_by_handle(struct sftp_call *call, uint64_t handle)
{
    sftp_call_handle(call, handle, 0, NULL);
    call->event.handle.wanted = ASKED;
    return PLUGIN_FS_fstat;
}

static void keep(struct sftp_act *act, uint32_t status, const struct sp_fs_reply *reply,
                 const struct sp_fs_attributes **ret)
{
    if (status == SP_FS_OK && reply->attributes)
        (void)sftp_act_keep_attributes(act, reply->attributes, ret);
}

/* --- requests ------------------------------------------------------------------------------ */

static void go_on(struct sftp_request *request)
{
    sftp_act_looked(request->act);
}

/* A provider that is late may hold its call for long: the operation is not done. */
static bool is_late(struct sftp_request *request, struct sftp_call *call, uint32_t status,
                    const struct sp_fs_reply *reply)
{
    if (call->has_timed_out)
        sftp_request_answer(request, status, reply);
    return call->has_timed_out;
}

static void look_at_target(struct sftp_request *request);

static void on_existing(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (is_late(request, call, status, reply))
        return;
    keep(request->act, status, reply, &request->act->event.existing);
    request->next = look_at_target;
}

static void on_existing_target(struct sftp_call *call, uint32_t status,
                               const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (is_late(request, call, status, reply))
        return;
    keep(request->act, status, reply, &request->act->event.existing_target);
    request->next = go_on;
}

/* Ask about a handle or, without one, about a name; then goes on, at once if there is nothing to
 * ask. */
static void look(struct sftp_request *request, const struct sftp_handle *handle,
                 const struct sftp_place *place, sftp_answer *answer,
                 void (*next)(struct sftp_request *request))
{
    struct sftp_mount *mount = handle ? handle->mount : place->mount;
    if (!mount || (handle && (handle->kind != SFTP_HANDLE_FILE || handle->is_virtual))) {
        next(request);
        return;
    }
    enum plugin_operation operation =
        handle ? ask_by_handle(&request->call, handle->provider_handle)
               : ask_by_name(&request->call, &request->act->event, place->below);
    sftp_request_ask(request, mount, operation, answer);
}

static void look_at_target(struct sftp_request *request)
{
    bool has_target = request->handle_to || request->operation->subject == SFTP_SUBJECT_TWO_PATHS;
    if (has_target)
        look(request, request->handle_to, &request->target, on_existing_target, go_on);
    else
        go_on(request);
}

void sftp_existing_look(struct sftp_request *request)
{
    struct sftp_place place = request->place;
    if (request->final_path) /* what it is to replace in the end */
        sftp_tree_locate(request->engine->tree, request->final_path, &place);
    if (is_wanted(request->act))
        look(request, request->handle, &place, on_existing, look_at_target);
    else
        go_on(request);
}

/* --- scp ----------------------------------------------------------------------------------- */

static void on_scp_existing(struct sftp_call *call, uint32_t status,
                            const struct sp_fs_reply *reply)
{
    struct scp *scp = container_of(call, struct scp, call);
    keep(scp->act, status, reply, &scp->act->event.existing);
    if (!call->has_timed_out)
        return;
    scp_enter(scp);
    scp_answered(scp, status, reply);
    scp_leave(scp);
}

static void on_scp_looked(struct sftp_call *call)
{
    struct scp *scp = container_of(call, struct scp, call);
    scp_enter(scp);
    scp->call.event = scp->kept_call.event;
    if (scp->is_asking && !scp->is_concluding && scp->has_ended)
        scp_answered(scp, SP_FS_CONNECTION_LOST, NULL);
    else if (scp->is_asking && !scp->is_concluding)
        sftp_act_looked(scp->act);
    scp_leave(scp);
}

void scp_existing_look(struct scp *scp)
{
    const struct scp_open *open = scp->act->event.file ? scp->open : NULL;
    struct sftp_place place = scp->place;
    if (!open && scp->final_path)
        sftp_tree_locate(scp->tree, scp->final_path, &place);
    struct sftp_mount *mount = open ? open->mount : place.mount;
    if (!is_wanted(scp->act) || !mount) {
        sftp_act_looked(scp->act);
        return;
    }
    scp->kept_call.event = scp->call.event;
    scp->call.on_answer = on_scp_existing;
    scp->call.on_release = on_scp_looked;
    enum plugin_operation operation = open ? ask_by_handle(&scp->call, open->handle)
                                           : ask_by_name(&scp->call, &scp->act->event, place.below);
    sftp_call_start(&scp->call, scp->tree, mount, operation);
}
