/*
 * request_transfer.c: what the end of a request means for the files on their way (transfer.h), and
 * for those that are written under another name until they are complete (SP_SFTP_CHANGE_FINAL).
 * Called by request_reply.c when the client is told, by execute_file.c and by handle.c.
 */
#include <stdlib.h>
#include <string.h>

#include "sftp/engine.h"
#include "sftp/status.h"

#define REASON_MAX 256u

/* The words that the client is given, for the log and hooks. */
static const char *reason_of(uint32_t status, const struct sp_fs_reply *reply, char out[REASON_MAX])
{
    size_t length = reply && reply->text.len > 0 ? (size_t)reply->text.len : 0;
    if (length == 0)
        return sftp_status_text(status);
    if (length >= REASON_MAX)
        length = REASON_MAX - 1;
    memcpy(out, reply->text.data, length);
    out[length] = '\0';
    return out;
}

static void opened(const struct sftp_request *request)
{
    struct sftp_handle *handle = request->opened;
    struct sftp_engine *engine = request->engine;
    if (!handle || handle->kind != SFTP_HANDLE_FILE)
        return;
    sftp_part_open(&handle->part, engine->account,
                   &(struct sftp_opened){.tree = engine->tree,
                                         .path = handle->path,
                                         .final_path = handle->final_path,
                                         .flags = handle->flags,
                                         .protocol = SP_SFTP_PROTOCOL_SFTP,
                                         .is_renamed_later = true,
                                         .file = handle->file});
}

static void read_some(const struct sftp_request *request, uint32_t status, uint64_t count,
                      const char *reason)
{
    struct sftp_part *part = &request->handle->part;
    if (status == SP_FS_EOF)
        sftp_part_met_end(part, request->message.offset);
    else if (status != SP_FS_OK && !sftp_engine_is_closed(request->engine))
        sftp_part_fail(part, reason);
    else if (status == SP_FS_OK && count > 0)
        sftp_part_read(part, request->message.offset, request->block->bytes + SFTP_DATA_AT, count);
}

static void changed(const struct sftp_request *request, uint32_t status, const char *reason)
{
    const struct sftp_message *message = &request->message;
    const struct sftp_operation *operation = request->operation;
    struct sftp_handle *handle =
        operation == sftp_operation(SFTP_OP_COPY_DATA) ? request->handle_to : request->handle;
    if (!handle)
        return;
    if (operation == sftp_operation(SFTP_OP_FSETSTAT)) {
        if (!(message->attributes.valid & SP_ATTR_SIZE))
            return;
        if (status == SP_FS_OK)
            sftp_part_resized(&handle->part, message->attributes.size);
    } else if (operation == sftp_operation(SFTP_OP_WRITE) && status == SP_FS_OK) {
        sftp_part_wrote(&handle->part, message->offset, request->data, message->length);
    } else if (status == SP_FS_OK) {
        sftp_part_copied_to(&handle->part, message->offset_to, request->done);
    }
    if (status != SP_FS_OK)
        sftp_part_fail(&handle->part, reason);
}

void sftp_request_observe(const struct sftp_request *request, uint32_t status,
                          const struct sp_fs_reply *reply)
{
    const struct sftp_operation *operation = request->operation;
    struct sftp_account *account = request->engine->account;
    char text[REASON_MAX];
    const char *reason = status == SP_FS_OK ? NULL : reason_of(status, reply, text);
    switch (operation - sftp_operation((enum sftp_operation_id)0)) {
    case SFTP_OP_OPEN:
        if (status == SP_FS_OK)
            opened(request);
        break;
    case SFTP_OP_READ:
        if (request->handle)
            read_some(request, status, reply ? reply->count : 0, reason);
        break;
    case SFTP_OP_WRITE:
    case SFTP_OP_FSETSTAT:
    case SFTP_OP_COPY_DATA:
        changed(request, status, reason);
        break;
    case SFTP_OP_CLOSE:
        if (request->handle)
            sftp_handle_end_part(request->handle, status == SP_FS_OK, reason);
        break;
    case SFTP_OP_RENAME:
    case SFTP_OP_POSIX_RENAME:
        if (status == SP_FS_OK)
            sftp_transfers_renamed(account, request->place.path, request->target.path);
        break;
    case SFTP_OP_REMOVE:
        if (status == SP_FS_OK)
            sftp_transfers_removed(account, request->place.path);
        break;
    default:
        break;
    }
}

void sftp_handle_end_part(struct sftp_handle *handle, bool is_good, const char *reason)
{
    if (handle->final_path && !(handle->final_flags & SP_SFTP_FINAL_KEEP_PART))
        sftp_part_called(&handle->part, handle->final_path); /* the other name goes with the part */
    sftp_part_close(&handle->part, is_good, reason);
}

void sftp_handle_given_name(struct sftp_handle *handle)
{
    sftp_part_called(&handle->part, handle->final_path);
    free(handle->final_path);
    handle->final_path = NULL;
}
