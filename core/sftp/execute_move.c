/*
 * execute_move.c: a rename whose two names are on different mounts. See execute.h. Reactor thread.
 */
#include "sftp/access.h"
#include "sftp/engine.h"
#include "sftp/execute.h"
#include "sftp/move.h"

/* The source and the target are open meanwhile. */
static bool reserve(struct sftp_engine *engine)
{
    if (!sftp_handle_reserve(engine))
        return false;
    if (sftp_handle_reserve(engine))
        return true;
    sftp_handle_unreserve(engine);
    return false;
}

static void let_go(struct sftp_request *request)
{
    request->own = NULL;
    request->free_own = NULL;
    sftp_handle_unreserve(request->engine);
    sftp_handle_unreserve(request->engine);
}

static void on_moved(void *arg, uint32_t status, struct sp_str text)
{
    struct sftp_request *request = arg;
    struct sftp_engine *engine = request->engine;
    const struct sp_fs_reply reply = {
        .head = {.struct_size = sizeof reply}, .status = status, .text = text};
    sftp_engine_enter(engine);
    let_go(request);
    if (status == SP_FS_OK)
        sftp_access_note(engine->tree, &request->target);
    sftp_request_answer(request, status, &reply);
    sftp_engine_leave(engine);
}

static void cancel(struct sftp_request *request)
{
    struct sftp_move *move = request->own;
    let_go(request);
    sftp_move_cancel(move);
}

void sftp_execute_move(struct sftp_request *request)
{
    struct sftp_engine *engine = request->engine;
    uint32_t flags = request->message.flags;
    if (flags & SP_RENAME_ATOMIC) {
        sftp_request_status(request, SP_FS_OP_UNSUPPORTED,
                            "Nothing can be moved to another mount at one stroke");
        return;
    }
    if (!reserve(engine)) {
        sftp_request_status(request, SP_FS_FAILURE, "Too many open files");
        return;
    }
    struct sftp_move *move = sftp_move_new(engine->tree, &request->place, &request->target,
                                           flags & SP_RENAME_OVERWRITE, on_moved, request);
    if (!move) {
        let_go(request);
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
        return;
    }
    request->own = move;
    request->free_own = cancel;
    sftp_move_run(move);
}
