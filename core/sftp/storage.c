/*
 * storage.c: calls to storage providers. See storage.h.
 *
 * A provider is attached to when the first call for its mount is made; calls wait for that in
 * order. If attaching fails they fail with its status, and the next call tries again.
 *
 * What a provider hands over is given back, whatever has become of who asked: handles that come too
 * late are closed, views that come too late are detached from. A mount is of one life of its
 * provider: see sftp_mounts_renew().
 */
#include "sftp/storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "sftp/support.h"

static const struct sp_fs_reply empty_reply = {.head = {.struct_size = sizeof empty_reply}};
static const char late_text[] = "The storage did not answer in time";
static const struct sp_fs_reply late_reply = {.head = {.struct_size = sizeof late_reply},
                                              .text = {late_text, sizeof late_text - 1}};
static const char stale_text[] = "The storage was started anew: open the file again";
static const struct sp_fs_reply stale_reply = {.head = {.struct_size = sizeof stale_reply},
                                               .text = {stale_text, sizeof stale_text - 1}};

static struct sp_str str_of(const char *text)
{
    return (struct sp_str){text, strlen(text)};
}

void sftp_call_path(struct sftp_call *call, const char *path, uint32_t flags)
{
    call->event.path = (struct sp_fs_path){
        .head = {.struct_size = sizeof call->event.path}, .path = str_of(path), .flags = flags};
}

void sftp_call_pair(struct sftp_call *call, const char *path, const char *target, uint32_t flags)
{
    call->event.pair = (struct sp_fs_pair){.head = {.struct_size = sizeof call->event.pair},
                                           .path = str_of(path),
                                           .target = str_of(target),
                                           .flags = flags};
}

void sftp_call_create(struct sftp_call *call, const char *path, uint32_t flags,
                      const struct sp_fs_attributes *attributes)
{
    call->event.create = (struct sp_fs_create){.head = {.struct_size = sizeof call->event.create},
                                               .path = str_of(path),
                                               .flags = flags,
                                               .attributes = attributes};
}

void sftp_call_handle(struct sftp_call *call, uint64_t handle, uint64_t count,
                      const struct sp_fs_attributes *attributes)
{
    call->event.handle = (struct sp_fs_handle){.head = {.struct_size = sizeof call->event.handle},
                                               .handle = handle,
                                               .count = count,
                                               .attributes = attributes};
}

void sftp_call_io(struct sftp_call *call, uint64_t handle, uint64_t offset, void *buffer,
                  uint64_t length)
{
    call->event.io = (struct sp_fs_io){.head = {.struct_size = sizeof call->event.io},
                                       .handle = handle,
                                       .offset = offset,
                                       .length = length,
                                       .buffer = buffer};
}

void sftp_call_copy(struct sftp_call *call, const struct sp_fs_copy *copy)
{
    call->event.copy = *copy;
    call->event.copy.head.struct_size = sizeof call->event.copy;
}

void sftp_call_lock(struct sftp_call *call, const struct sp_fs_lock *lock)
{
    call->event.lock = *lock;
    call->event.lock.head.struct_size = sizeof call->event.lock;
}

void sftp_call_hash(struct sftp_call *call, const struct sp_fs_hash *hash)
{
    call->event.hash = *hash;
    call->event.hash.head.struct_size = sizeof call->event.hash;
}

void sftp_call_principals(struct sftp_call *call, const struct sp_fs_principal *principals,
                          uint64_t count)
{
    call->event.principals =
        (struct sp_fs_principals){.head = {.struct_size = sizeof call->event.principals},
                                  .principals = principals,
                                  .principals_count = count};
}

static const struct sp_fs_reply *fs_reply_of(int32_t verdict, const struct sp_reply *reply)
{
    if (reply)
        return (const struct sp_fs_reply *)(const void *)reply;
    if (verdict == SP_E_STALE)
        return &stale_reply;
    return verdict == SP_E_TIMEOUT ? &late_reply : &empty_reply;
}

/* What a provider's answer means for files (fs.h, top). */
static uint32_t status_of(int32_t verdict, const struct sp_fs_reply *reply)
{
    if (verdict == SP_OK)
        return reply->status;
    if (reply->status != SP_FS_OK)
        return reply->status;
    return verdict == SP_E_UNSUPPORTED ? SP_FS_OP_UNSUPPORTED : SP_FS_FAILURE;
}

static void on_done(struct plugin_call *plugin_call, int32_t verdict, const struct sp_reply *reply)
{
    struct sftp_call *call = container_of(plugin_call, struct sftp_call, call);
    const struct sp_fs_reply *fs_reply = fs_reply_of(verdict, reply);
    call->has_timed_out = call->mount->is_silent = verdict == SP_E_TIMEOUT;
    call->on_answer(call, status_of(verdict, fs_reply), fs_reply);
}

static void on_release(struct plugin_call *plugin_call)
{
    struct sftp_call *call = container_of(plugin_call, struct sftp_call, call);
    struct sftp_tree *tree = call->tree;
    call->state = SFTP_CALL_IDLE;
    call->on_release(call);
    sftp_tree_unref(tree);
}

static void on_late(struct plugin_call *plugin_call, const struct sp_reply *reply);

static bool gives_handle(enum plugin_operation operation)
{
    return operation == PLUGIN_FS_open || operation == PLUGIN_FS_opendir;
}

static void answer(struct sftp_call *call, uint32_t status, struct sp_str text);

/* Send it on its way: the view is there. */
static void perform(struct sftp_call *call)
{
    const char *text = "";
    uint32_t status = sftp_support_check(&call->mount->support, call, &text);
    if (status != SP_FS_OK || call->call.operation == PLUGIN_FS_attach) {
        answer(call, status, str_of(text));
        return;
    }
    call->state = SFTP_CALL_UNDER_WAY;
    call->event.common.view = call->mount->view;
    call->event.common.head.connection = call->tree->connection;
    call->call.instance = call->mount->instance;
    call->call.event = &call->event.common.head;
    call->call.strands = call->tree->strands;
    call->call.epoch = call->mount->epoch;
    call->call.on_done = on_done;
    call->call.on_release = on_release;
    call->call.on_late = gives_handle(call->call.operation) ? on_late : NULL;
    memset(&call->call.state, 0, sizeof call->call.state);
    plugin_call_start(&call->call);
}

/* An answer without asking. */
static void answer(struct sftp_call *call, uint32_t status, struct sp_str text)
{
    struct sp_fs_reply reply = empty_reply;
    reply.status = status;
    reply.text = text;
    call->state = SFTP_CALL_UNDER_WAY;
    call->has_timed_out = false;
    call->on_answer(call, status, &reply);
    on_release(&call->call);
}

struct attach_call {
    struct plugin_call call;
    struct sp_fs_attach event;
    struct sftp_tree *tree;
    struct sftp_mount *mount;
};

static void on_attached(struct plugin_call *plugin_call, int32_t verdict,
                        const struct sp_reply *reply)
{
    struct attach_call *attach = container_of(plugin_call, struct attach_call, call);
    struct sftp_mount *mount = attach->mount;
    const struct sp_fs_reply *fs_reply = fs_reply_of(verdict, reply);
    uint32_t status = status_of(verdict, fs_reply);
    if (status == SP_FS_OK) {
        mount->state = SFTP_VIEW_ATTACHED;
        mount->view = fs_reply->handle;
        sftp_support_init(&mount->support, fs_reply->support);
        mount->epoch = plugin_call->epoch;
    } else {
        mount->state = SFTP_VIEW_NONE;
        log_warning("sftp.attach_failed", LOG_U64("conn", attach->tree->connection->id),
                    LOG_TEXT("mount", mount->config->path),
                    LOG_TEXT("provider", mount->config->provider), LOG_U64("status", status),
                    LOG_STR("text", fs_reply->text));
    }
    /* Those that wait now, and not those that an answer here adds. */
    struct list waiting;
    list_init(&waiting);
    struct list *node;
    while ((node = list_take_first(&mount->waiting)))
        list_append(&waiting, node);
    while ((node = list_take_first(&waiting))) {
        struct sftp_call *call = container_of(node, struct sftp_call, link);
        if (status == SP_FS_OK)
            perform(call);
        else
            answer(call, status, fs_reply->text);
    }
}

static void on_attach_released(struct plugin_call *plugin_call)
{
    struct attach_call *attach = container_of(plugin_call, struct attach_call, call);
    struct sftp_tree *tree = attach->tree;
    free(attach);
    sftp_tree_unref(tree);
}

static void on_attached_late(struct plugin_call *plugin_call, const struct sp_reply *reply);

static int attach(struct sftp_tree *tree, struct sftp_mount *mount)
{
    struct attach_call *attach = calloc(1, sizeof *attach);
    if (!attach)
        return SP_ERR_NOMEM;
    sftp_tree_ref(tree);
    attach->tree = tree;
    attach->mount = mount;
    attach->event = (struct sp_fs_attach){
        .head = {.struct_size = sizeof attach->event, .connection = tree->connection},
        .mount = str_of(mount->config->path),
        .root = mount->root,
        .top = str_of(mount->top ? mount->top : "")};
    attach->call =
        (struct plugin_call){.instance = mount->instance,
                             .operation = mount->top ? PLUGIN_FS_attach_top : PLUGIN_FS_attach,
                             .event = &attach->event.head,
                             .strands = tree->strands,
                             .epoch = plugin_instance_epoch(mount->instance),
                             .on_done = on_attached,
                             .on_release = on_attach_released,
                             .on_late = on_attached_late};
    mount->state = SFTP_VIEW_ATTACHING;
    plugin_call_start(&attach->call);
    return 0;
}

static bool offers_attach(const struct sftp_mount *mount)
{
    return mount->top || plugin_instance_offers(mount->instance, PLUGIN_FS_attach);
}

void sftp_call_start(struct sftp_call *call, struct sftp_tree *tree, struct sftp_mount *mount,
                     enum plugin_operation operation)
{
    sftp_tree_ref(tree);
    call->tree = tree;
    call->mount = mount;
    call->call.operation = operation;
    list_init(&call->link);
    if (!mount->instance ||
        (operation != PLUGIN_FS_attach && !plugin_instance_offers(mount->instance, operation))) {
        answer(call, SP_FS_OP_UNSUPPORTED, (struct sp_str){"", 0});
        return;
    }
    if (mount->state == SFTP_VIEW_NONE && !offers_attach(mount)) {
        mount->state = SFTP_VIEW_ATTACHED;
        mount->epoch = plugin_instance_epoch(mount->instance);
        sftp_support_init(&mount->support, NULL);
    }
    if (mount->state == SFTP_VIEW_ATTACHED) {
        perform(call);
        return;
    }
    call->state = SFTP_CALL_WAITING;
    list_append(&mount->waiting, &call->link);
    if (mount->state == SFTP_VIEW_NONE && attach(tree, mount) < 0) {
        list_remove(&call->link);
        answer(call, SP_FS_FAILURE, str_of("Out of memory"));
    }
}

void sftp_call_cancel(struct sftp_call *call)
{
    if (call->state == SFTP_CALL_WAITING) {
        list_remove(&call->link);
        on_release(&call->call);
    } else if (call->state == SFTP_CALL_UNDER_WAY) {
        plugin_call_cancel(&call->call);
    }
}

/* --- giving back --------------------------------------------------------------------------- */

/* A close or detach that nobody waits for. */
struct give_back {
    struct plugin_call call;
    union {
        struct sftp_event_head common;
        struct sp_fs_path view;
        struct sp_fs_handle handle;
    } event;
    struct plugin_strands *strands;
    const struct sp_connection *connection;
    struct sftp_tree *tree; /* must not be detached before; NULL: nothing more is there */
};

static void on_given_back(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    (void)call, (void)verdict, (void)reply;
}

static void on_give_back_released(struct plugin_call *plugin_call)
{
    struct give_back *give_back = container_of(plugin_call, struct give_back, call);
    plugin_strands_free(give_back->strands);
    session_connection_unref(give_back->connection);
    if (give_back->tree)
        sftp_tree_unref(give_back->tree);
    free(give_back);
}

/* NULL: out of memory, which is logged. */
static struct give_back *give_back_new(const struct sftp_tree *tree, const struct sftp_mount *mount,
                                       enum plugin_operation operation)
{
    struct give_back *give_back = calloc(1, sizeof *give_back);
    if (!give_back) {
        log_error("sftp.detach_failed", LOG_U64("conn", tree->connection->id),
                  LOG_TEXT("provider", mount->config->provider),
                  LOG_TEXT("reason", "out of memory"));
        return NULL;
    }
    give_back->connection = session_connection_ref(tree->connection);
    give_back->strands = plugin_strands_ref(tree->strands);
    give_back->event.common.head.connection = give_back->connection;
    give_back->call = (struct plugin_call){.instance = mount->instance,
                                           .operation = operation,
                                           .event = &give_back->event.common.head,
                                           .strands = give_back->strands,
                                           .epoch = mount->epoch,
                                           .on_done = on_given_back,
                                           .on_release = on_give_back_released};
    return give_back;
}

static void detach(const struct sftp_tree *tree, const struct sftp_mount *mount, uint64_t view)
{
    if (!plugin_instance_offers(mount->instance, PLUGIN_FS_detach))
        return;
    struct give_back *give_back = give_back_new(tree, mount, PLUGIN_FS_detach);
    if (!give_back)
        return;
    give_back->event.view.head.struct_size = sizeof give_back->event.view;
    give_back->event.view.view = view;
    give_back->event.view.path = str_of("");
    plugin_call_start(&give_back->call);
}

/* An open that was given up has succeeded after all. */
static void on_late(struct plugin_call *plugin_call, const struct sp_reply *reply)
{
    struct sftp_call *call = container_of(plugin_call, struct sftp_call, call);
    const struct sp_fs_reply *fs_reply = (const struct sp_fs_reply *)(const void *)reply;
    enum plugin_operation close =
        plugin_call->operation == PLUGIN_FS_open ? PLUGIN_FS_close : PLUGIN_FS_closedir;
    if (status_of(reply->verdict, fs_reply) != SP_FS_OK ||
        !plugin_instance_offers(call->mount->instance, close))
        return;
    struct give_back *give_back = give_back_new(call->tree, call->mount, close);
    if (!give_back)
        return;
    sftp_tree_ref(call->tree);
    give_back->tree = call->tree;
    give_back->event.handle.head.struct_size = sizeof give_back->event.handle;
    give_back->event.handle.view = call->mount->view;
    give_back->event.handle.handle = fs_reply->handle;
    give_back->event.handle.flags = SP_CLOSE_ABORTED;
    plugin_call_start(&give_back->call);
}

static void on_attached_late(struct plugin_call *plugin_call, const struct sp_reply *reply)
{
    struct attach_call *attach = container_of(plugin_call, struct attach_call, call);
    const struct sp_fs_reply *fs_reply = (const struct sp_fs_reply *)(const void *)reply;
    struct sftp_mount given_up = *attach->mount;
    given_up.epoch = plugin_call->epoch;
    if (status_of(reply->verdict, fs_reply) == SP_FS_OK)
        detach(attach->tree, &given_up, fs_reply->handle);
}

void sftp_mount_detach(struct sftp_tree *tree, struct sftp_mount *mount)
{
    if (mount->state == SFTP_VIEW_ATTACHED && offers_attach(mount))
        detach(tree, mount, mount->view);
}
