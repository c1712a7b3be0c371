/*
 * execute_lock.c: BLOCK and UNBLOCK: locks on ranges of open files. See execute.h. Reactor thread.
 *
 * Locks are the provider's: it knows who else uses the file, and gives back what is left when the
 * file is closed, whoever closes it.
 */
#include "sftp/engine.h"
#include "sftp/execute.h"

#define KINDS (SP_LOCK_READ | SP_LOCK_WRITE | SP_LOCK_DELETE)

void sftp_execute_lock(struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    if (message->length > UINT64_MAX - message->offset) {
        sftp_request_status(request, SP_FS_INVALID_PARAMETER, "Range out of range");
        return;
    }
    if (request->operation == sftp_operation(SFTP_OP_BLOCK) && !(message->flags & KINDS)) {
        sftp_request_status(request, SP_FS_INVALID_PARAMETER, "A lock that forbids nothing");
        return;
    }
    const struct sp_fs_lock lock = {.handle = request->handle->provider_handle,
                                    .offset = message->offset,
                                    .length = message->length,
                                    .flags = message->flags};
    sftp_call_lock(&request->call, &lock);
    sftp_request_ask(request, request->handle->mount, request->operation->provider,
                     sftp_answer_status);
}
