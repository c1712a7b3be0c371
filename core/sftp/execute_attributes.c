/*
 * execute_attributes.c: the requests that read and set attributes, of files and of file systems.
 * See execute.h. Reactor thread.
 *
 * Where a provider knows only paths, a handle's own path stands for it.
 */
#include "sftp/codec_extensions.h"
#include "sftp/engine.h"
#include "sftp/execute.h"

static void reply_synthetic(struct sftp_request *request)
{
    struct sp_fs_attributes attributes;
    sftp_tree_synthetic_attributes(&attributes);
    sftp_request_attributes(request, &attributes);
}

static void on_attributes(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK && reply->attributes)
        sftp_request_attributes(request, reply->attributes);
    else if (status == SP_FS_OK)
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave no attributes");
    else if (status == SP_FS_NO_SUCH_FILE && request->place.is_above_mount)
        reply_synthetic(request);
    else
        sftp_request_answer(request, status, reply);
}

void sftp_execute_stat(struct sftp_request *request)
{
    if (!request->place.mount) {
        reply_synthetic(request);
        return;
    }
    sftp_call_path(&request->call, request->place.below, request->message.flags);
    request->call.event.path.wanted = request->message.wanted;
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_stat, on_attributes);
}

/* True: ask about the handle. False: ask about the path it was opened by, now request->place. */
static bool by_handle(struct sftp_request *request, enum plugin_operation operation)
{
    struct sftp_handle *handle = request->handle;
    sftp_tree_locate(request->engine->tree, handle->path, &request->place);
    return handle->kind == SFTP_HANDLE_FILE && handle->mount->instance &&
           plugin_instance_offers(handle->mount->instance, operation);
}

void sftp_execute_fstat(struct sftp_request *request)
{
    struct sftp_handle *handle = request->handle;
    if (!handle->mount) {
        reply_synthetic(request);
    } else if (by_handle(request, PLUGIN_FS_fstat)) {
        sftp_call_handle(&request->call, handle->provider_handle, 0, NULL);
        request->call.event.handle.wanted = request->message.wanted;
        sftp_request_ask(request, handle->mount, PLUGIN_FS_fstat, on_attributes);
    } else {
        sftp_execute_stat(request);
    }
}

void sftp_execute_setstat(struct sftp_request *request)
{
    sftp_call_create(&request->call, request->place.below, request->message.flags,
                     &request->message.attributes);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_setstat, sftp_answer_status);
}

void sftp_execute_fsetstat(struct sftp_request *request)
{
    if (by_handle(request, PLUGIN_FS_fsetstat)) {
        sftp_call_handle(&request->call, request->handle->provider_handle, 0,
                         &request->message.attributes);
        sftp_request_ask(request, request->handle->mount, PLUGIN_FS_fsetstat, sftp_answer_status);
    } else {
        sftp_execute_setstat(request);
    }
}

static void on_space(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
        return;
    }
    if (!reply->space) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave no figures");
        return;
    }
    sftp_request_space(request, reply->space);
}

void sftp_execute_statvfs(struct sftp_request *request)
{
    sftp_call_path(&request->call, request->place.below, 0);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_statvfs, on_space);
}

void sftp_execute_fstatvfs(struct sftp_request *request)
{
    if (by_handle(request, PLUGIN_FS_fstatvfs)) {
        sftp_call_handle(&request->call, request->handle->provider_handle, 0, NULL);
        sftp_request_ask(request, request->handle->mount, PLUGIN_FS_fstatvfs, on_space);
    } else {
        sftp_execute_statvfs(request);
    }
}
