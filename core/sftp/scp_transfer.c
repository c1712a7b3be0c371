/*
 * scp_transfer.c: what becomes of the files that scp takes and gives: who is told (transfer.h), and
 * names that files are given once they are complete (final.h). Called by scp_ask.c. See scp.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sftp/final.h"
#include "sftp/scp.h"
#include "sftp/status.h"

/* --- telling ------------------------------------------------------------------------------- */

static void opened(struct scp *scp, struct scp_open *open)
{
    sftp_part_open(&open->part, scp->account,
                   &(struct sftp_opened){.tree = scp->tree,
                                         .path = open->path,
                                         .final_path = open->final_path,
                                         .flags = open->flags,
                                         .protocol = SP_SFTP_PROTOCOL_SCP,
                                         .file = open->file});
}

static void closed(struct scp *scp, struct scp_open *open, uint32_t status, const char *reason)
{
    if (open->is_complete && !(open->flags & SP_OPEN_WRITE))
        sftp_part_met_end(&open->part, scp->file_size); /* the client has confirmed that */
    if (status == SP_FS_OK && !open->is_complete && scp->channel)
        reason = scp->file_has_failed ? scp->file_error : "The client gave up";
    if (!scp->channel && !open->is_complete)
        reason = NULL; /* that it is gone says enough */
    sftp_part_close(&open->part, status == SP_FS_OK && open->is_complete, reason);
}

void scp_observe(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    struct scp_open *open = scp->open;
    struct sp_fs_io *io = &scp->call.event.io;
    char text[sizeof scp->then_text] = "";
    const char *reason = sftp_status_text(status);
    if (reply && reply->text.len > 0 && reply->text.len < sizeof text) {
        memcpy(text, reply->text.data, (size_t)reply->text.len);
        reason = text;
    }
    if (!open || open->is_directory)
        return;
    if (scp->asked == sftp_operation(SFTP_OP_OPEN) && status == SP_FS_OK)
        opened(scp, open);
    else if (scp->asked == sftp_operation(SFTP_OP_CLOSE))
        closed(scp, open, status, reason);
    else if (scp->asked == sftp_operation(SFTP_OP_WRITE) && status != SP_FS_OK)
        sftp_part_fail(&open->part, reason);
    else if (scp->asked == sftp_operation(SFTP_OP_WRITE) && reply->count <= io->length)
        sftp_part_wrote(&open->part, io->offset, io->buffer, reply->count);
    else if (scp->asked == sftp_operation(SFTP_OP_READ) && status == SP_FS_OK &&
             reply->count <= io->length)
        sftp_part_read(&open->part, io->offset, scp->reading->bytes, reply->count);
}

/* --- names --------------------------------------------------------------------------------- */

static void keep_outcome(struct scp *scp, uint32_t status, struct sp_str text)
{
    scp->then_status = status;
    if (text.len >= sizeof scp->then_text)
        text.len = sizeof scp->then_text - 1;
    if (text.len > 0)
        memcpy(scp->then_text, text.data, (size_t)text.len);
    scp->then_text[text.len] = '\0';
}

/* The name that it was opened by is gone, or as good as gone. */
static void settled(struct scp *scp, bool has_no_part)
{
    struct scp_open *open = scp->open;
    struct sp_fs_reply reply = {.head = {.struct_size = sizeof reply},
                                .text = {scp->then_text, strlen(scp->then_text)}};
    if (has_no_part)
        sftp_part_called(&open->part, open->final_path);
    free(open->final_path);
    open->final_path = NULL;
    scp_answered(scp, scp->then_status, &reply);
}

static void on_dropped(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct scp *scp = container_of(call, struct scp, call);
    scp_enter(scp);
    if (status != SP_FS_OK)
        log_warning("sftp.part_left", LOG_U64("conn", scp->tree->connection->id),
                    LOG_TEXT("path", scp->open->path), LOG_U64("status", status),
                    LOG_STR("text", reply->text));
    if (status != SP_FS_OK && scp->act)
        scp->act->event.final_flags |= SP_SFTP_FINAL_KEEP_PART;
    settled(scp, status == SP_FS_OK);
    scp_leave(scp);
}

static void drop_part(struct scp *scp)
{
    struct scp_open *open = scp->open;
    if (sftp_final_remove(&scp->call, scp->tree, open->mount, open->path, open->final_flags))
        scp_ask_more(scp, PLUGIN_FS_remove, on_dropped);
    else
        settled(scp, false);
}

static void on_named(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct scp *scp = container_of(call, struct scp, call);
    scp_enter(scp);
    if (status == SP_FS_OK) {
        settled(scp, true);
    } else {
        keep_outcome(scp, status, reply->text);
        scp->then = drop_part;
    }
    scp_leave(scp);
}

static void give_name(struct scp *scp)
{
    static const char text[] = "The storage of this name has changed";
    struct scp_open *open = scp->open;
    if (sftp_final_rename(&scp->call, scp->tree, open->mount, open->path, open->final_path,
                          open->flags)) {
        scp_ask_more(scp, PLUGIN_FS_rename, on_named);
        return;
    }
    keep_outcome(scp, SP_FS_FAILURE, (struct sp_str){text, sizeof text - 1});
    drop_part(scp);
}

bool scp_settle(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    static const char text[] = "It is not complete";
    struct scp_open *open = scp->open;
    if (!open->final_path || !open->mount)
        return false;
    keep_outcome(scp, status, reply->text);
    if (status == SP_FS_OK && (!open->is_complete || open->part.has_failed))
        keep_outcome(scp, SP_FS_FAILURE, (struct sp_str){text, sizeof text - 1});
    scp->then = scp->then_status == SP_FS_OK ? give_name : drop_part;
    return true;
}
