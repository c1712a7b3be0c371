/*
 * handle.c: open files and directories of a channel. See engine.h.
 *
 * To the client a handle is eight bytes: an id of this channel's map, mixed with the channel's
 * salt. A handle that was closed, of another channel, or invented, is found nowhere.
 */
#include "sftp/engine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sftp/access.h"

uint32_t sftp_handles_max(const struct sftp_engine *engine)
{
    const struct sp_grant *grant =
        engine->tree->connection ? engine->tree->connection->grant : NULL;
    uint32_t max = engine->tree->config->limits.handles_per_connection;
    return grant && grant->handles_max && grant->handles_max < max ? grant->handles_max : max;
}

bool sftp_handle_reserve(struct sftp_engine *engine)
{
    if (engine->account->handles >= sftp_handles_max(engine))
        return false;
    engine->account->handles++;
    return true;
}

void sftp_handle_unreserve(struct sftp_engine *engine)
{
    engine->account->handles--;
}

struct sftp_handle *sftp_handle_new(struct sftp_engine *engine, enum sftp_handle_kind kind,
                                    const struct sftp_place *place, uint32_t flags,
                                    uint64_t provider_handle)
{
    size_t path_length = strlen(place->path);
    struct sftp_handle *handle = calloc(1, sizeof *handle + path_length + 1);
    if (!handle)
        return NULL;
    handle->id = idmap_add(&engine->handle_ids, handle, 0);
    if (handle->id == 0) {
        free(handle);
        return NULL;
    }
    handle->engine = engine;
    handle->kind = kind;
    handle->flags = flags;
    handle->mount = place->mount;
    handle->provider_handle = provider_handle;
    handle->file = ++engine->tree->files;
    memcpy(handle->path, place->path, path_length + 1);
    list_init(&handle->queue);
    list_append(&engine->handles, &handle->link);
    return handle;
}

uint64_t sftp_handle_wire(const struct sftp_handle *handle)
{
    return handle->id ^ handle->engine->handle_salt;
}

struct sftp_handle *sftp_handle_find(const struct sftp_engine *engine, struct sp_str wire)
{
    if (wire.len != SFTP_HANDLE_BYTES)
        return NULL;
    return idmap_get(&engine->handle_ids, sftp_handle_number(wire) ^ engine->handle_salt);
}

void sftp_handle_forget(struct sftp_handle *handle)
{
    if (handle->id != 0)
        idmap_remove(&handle->engine->handle_ids, handle->id);
    handle->id = 0;
}

static void handle_free(struct sftp_handle *handle)
{
    struct sftp_engine *engine = handle->engine;
    log_debug("sftp.closed", LOG_U64("conn", engine->tree->connection->id),
              LOG_STR("user", engine->tree->connection->user), LOG_TEXT("path", handle->path),
              LOG_U64("read", handle->bytes_read), LOG_U64("written", handle->bytes_written));
    /* Some clients wait for no answer to the CLOSE of what they have read. */
    sftp_handle_end_part(handle, handle->is_client_done && !(handle->flags & SP_OPEN_WRITE), NULL);
    sftp_handle_unreserve(engine);
    list_remove(&handle->link);
    free(handle->final_path);
    free(handle);
}

static void on_close_answer(struct sftp_call *call, uint32_t status,
                            const struct sp_fs_reply *reply)
{
    struct sftp_handle *handle = container_of(call, struct sftp_handle, closing);
    if (status != SP_FS_OK && status != SP_FS_OP_UNSUPPORTED)
        log_warning("sftp.close_failed", LOG_U64("conn", handle->engine->tree->connection->id),
                    LOG_TEXT("path", handle->path), LOG_U64("status", status),
                    LOG_STR("text", reply->text));
}

static void on_close_release(struct sftp_call *call)
{
    struct sftp_handle *handle = container_of(call, struct sftp_handle, closing);
    struct sftp_engine *engine = handle->engine;
    sftp_engine_enter(engine);
    sftp_handle_release(handle);
    sftp_engine_leave(engine);
}

bool sftp_handle_drop_part(struct sftp_handle *handle, struct sftp_call *call)
{
    if (handle->is_part_removed || !handle->final_path || !handle->mount ||
        !sftp_final_remove(call, handle->engine->tree, handle->mount, handle->path,
                           handle->final_flags))
        return false;
    handle->is_part_removed = true;
    return true;
}

void sftp_handle_part_dropped(struct sftp_handle *handle, uint32_t status,
                              const struct sp_fs_reply *reply)
{
    if (status == SP_FS_OK)
        return;
    handle->final_flags |= SP_SFTP_FINAL_KEEP_PART;
    log_warning("sftp.part_left", LOG_U64("conn", handle->engine->tree->connection->id),
                LOG_TEXT("path", handle->path), LOG_U64("status", status),
                LOG_STR("text", reply->text));
}

static void on_remove_answer(struct sftp_call *call, uint32_t status,
                             const struct sp_fs_reply *reply)
{
    sftp_handle_part_dropped(container_of(call, struct sftp_handle, closing), status, reply);
}

bool sftp_handle_delete(struct sftp_handle *handle, struct sftp_call *call)
{
    const struct sftp_mount *mount = handle->mount;
    if (!(handle->flags & SP_OPEN_DELETE_ON_CLOSE) || !mount || handle->is_virtual ||
        mount->support.open_flags & SP_OPEN_DELETE_ON_CLOSE)
        return false;
    handle->flags &= ~SP_OPEN_DELETE_ON_CLOSE;
    struct sftp_tree *tree = handle->engine->tree;
    struct sftp_place place;
    uint32_t flags = 0;
    const char *text = NULL;
    sftp_tree_locate(tree, handle->path, &place);
    /* On a drop box the name may be that of another's file by now. */
    if (place.mount != mount ||
        sftp_access_check_names(tree, &place, NULL, sftp_operation(SFTP_OP_REMOVE), &flags,
                                &text) != SP_FS_OK)
        return false;
    sftp_access_note_gone(tree, &place);
    sftp_call_path(call, place.below, 0);
    return true;
}

/* What nobody removed when it was closed. True if the provider is asked to remove it. */
static bool remove_late(struct sftp_handle *handle)
{
    if (!sftp_handle_drop_part(handle, &handle->closing) &&
        !sftp_handle_delete(handle, &handle->closing))
        return false;
    handle->outstanding = 1;
    handle->closing.on_answer = on_remove_answer;
    handle->closing.on_release = on_close_release;
    sftp_call_start(&handle->closing, handle->engine->tree, handle->mount, PLUGIN_FS_remove);
    return true;
}

/* Nothing is outstanding: tell the provider, or free it if that is done. */
static void finish(struct sftp_handle *handle)
{
    if (handle->is_closed || !handle->mount) {
        if (!remove_late(handle) && (handle->is_told || !sftp_handle_tell_lost(handle)))
            handle_free(handle);
        return;
    }
    handle->is_closed = true;
    handle->outstanding = 1;
    sftp_call_handle(&handle->closing, handle->provider_handle, 0, NULL);
    handle->closing.event.handle.flags = SP_CLOSE_ABORTED; /* or the client's CLOSE had done it */
    handle->closing.on_answer = on_close_answer;
    handle->closing.on_release = on_close_release;
    sftp_call_start(&handle->closing, handle->engine->tree, handle->mount,
                    handle->kind == SFTP_HANDLE_FILE ? PLUGIN_FS_close : PLUGIN_FS_closedir);
}

void sftp_handle_retire(struct sftp_handle *handle)
{
    if (handle->is_retired)
        return;
    handle->is_retired = true;
    sftp_handle_forget(handle);
    if (handle->outstanding == 0)
        finish(handle);
}

void sftp_handle_hold(struct sftp_handle *handle)
{
    handle->outstanding++;
}

void sftp_handle_release(struct sftp_handle *handle)
{
    if (--handle->outstanding == 0 && handle->is_retired)
        finish(handle);
}
