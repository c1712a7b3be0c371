/*
 * storage.c: calls to storage providers. See storage.h.
 *
 * A provider is attached to when the first call for its mount is made; calls wait for that in
 * order. If attaching fails they fail with its status, and the next call tries again.
 */
#include "sftp/storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"

static const struct sp_fs_reply empty_reply = {.head = {.struct_size = sizeof empty_reply}};
static const char late_text[] = "The storage did not answer in time";
static const struct sp_fs_reply late_reply = {.head = {.struct_size = sizeof late_reply},
                                              .text = {late_text, sizeof late_text - 1}};
static const char stale_text[] = "The storage was started anew: open a new connection";
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
    call->has_timed_out = verdict == SP_E_TIMEOUT;
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

/* Send it on its way: the view is there. */
static void perform(struct sftp_call *call)
{
    call->state = SFTP_CALL_UNDER_WAY;
    call->event.common.view = call->mount->view;
    call->event.common.head.connection = call->tree->connection;
    call->call.instance = call->mount->instance;
    call->call.event = &call->event.common.head;
    call->call.strands = call->tree->strands;
    call->call.epoch = call->mount->epoch;
    call->call.on_done = on_done;
    call->call.on_release = on_release;
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
        mount->epoch = plugin_instance_epoch(mount->instance);
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

/* The root that a user was granted stands for the root of "/"; other mounts are as configured. */
static struct sp_str root_of(const struct sftp_tree *tree, const struct sftp_mount *mount)
{
    const struct sp_grant *grant = tree->connection->grant;
    if (grant && grant->root.len > 0 && strcmp(mount->config->path, "/") == 0)
        return grant->root;
    return str_of(mount->config->root);
}

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
        .root = root_of(tree, mount)};
    attach->call = (struct plugin_call){.instance = mount->instance,
                                        .operation = PLUGIN_FS_attach,
                                        .event = &attach->event.head,
                                        .strands = tree->strands,
                                        .on_done = on_attached,
                                        .on_release = on_attach_released};
    mount->state = SFTP_VIEW_ATTACHING;
    plugin_call_start(&attach->call);
    return 0;
}

void sftp_call_start(struct sftp_call *call, struct sftp_tree *tree, struct sftp_mount *mount,
                     enum plugin_operation operation)
{
    sftp_tree_ref(tree);
    call->tree = tree;
    call->mount = mount;
    call->call.operation = operation;
    list_init(&call->link);
    if (!mount->instance || !plugin_instance_offers(mount->instance, operation)) {
        answer(call, SP_FS_OP_UNSUPPORTED, (struct sp_str){"", 0});
        return;
    }
    if (mount->state == SFTP_VIEW_NONE &&
        !plugin_instance_offers(mount->instance, PLUGIN_FS_attach)) {
        mount->state = SFTP_VIEW_ATTACHED;
        mount->epoch = plugin_instance_epoch(mount->instance);
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

struct detach_call {
    struct plugin_call call;
    struct sp_fs_path event;
    struct plugin_strands *strands;
    const struct sp_connection *connection;
};

static void on_detached(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    (void)call, (void)verdict, (void)reply;
}

static void on_detach_released(struct plugin_call *plugin_call)
{
    struct detach_call *detach = container_of(plugin_call, struct detach_call, call);
    plugin_strands_free(detach->strands);
    session_connection_unref(detach->connection);
    free(detach);
}

void sftp_mount_detach(struct sftp_tree *tree, struct sftp_mount *mount)
{
    if (mount->state != SFTP_VIEW_ATTACHED ||
        !plugin_instance_offers(mount->instance, PLUGIN_FS_attach) ||
        !plugin_instance_offers(mount->instance, PLUGIN_FS_detach))
        return;
    struct detach_call *detach = calloc(1, sizeof *detach);
    if (!detach) {
        log_error("sftp.detach_failed", LOG_U64("conn", tree->connection->id),
                  LOG_TEXT("provider", mount->config->provider),
                  LOG_TEXT("reason", "out of memory"));
        return;
    }
    detach->connection = session_connection_ref(tree->connection);
    detach->strands = plugin_strands_ref(tree->strands);
    detach->event = (struct sp_fs_path){
        .head = {.struct_size = sizeof detach->event, .connection = detach->connection},
        .view = mount->view,
        .path = str_of("")};
    detach->call = (struct plugin_call){.instance = mount->instance,
                                        .operation = PLUGIN_FS_detach,
                                        .event = &detach->event.head,
                                        .strands = detach->strands,
                                        .epoch = mount->epoch,
                                        .on_done = on_detached,
                                        .on_release = on_detach_released};
    plugin_call_start(&detach->call);
}
