/*
 * scp.c: the channel of the built-in scp: input by bytes, calls to providers, messages, the end.
 * See scp.h.
 */
#include "sftp/scp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "sftp/status.h"

/* --- the machine --------------------------------------------------------------------------- */

static bool is_closed(const struct scp *scp)
{
    return !scp->channel || scp->is_over;
}

void scp_enter(struct scp *scp)
{
    scp->stack_depth++;
}

static void on_room(struct sftp_waiter *waiter)
{
    struct scp *scp = container_of(waiter, struct scp, waiter);
    scp_enter(scp);
    scp_leave(scp);
}

/* For hooks that are behind with what they were told of earlier files. */
static bool must_wait(struct scp *scp)
{
    list_remove(&scp->waiter.link);
    if (!sftp_transfers_are_behind(scp->account))
        return false;
    list_append(&scp->account->waiters, &scp->waiter.link);
    return true;
}

static void run(struct scp *scp)
{
    if (scp->is_running)
        return;
    scp->is_running = true;
    while ((scp->next || scp->unwanted.is_open) && !scp_is_busy(scp) && !is_closed(scp) &&
           !channel_is_full(scp->channel) && !must_wait(scp)) {
        void (*next)(struct scp *) = scp->next;
        if (scp->unwanted.is_open) {
            scp_close_unwanted(scp);
            continue;
        }
        scp->next = NULL;
        next(scp);
    }
    scp->is_running = false;
}

static void scp_free(struct scp *scp)
{
    while (scp->level)
        scp_pop(scp);
    sftp_block_unref(scp->filling);
    sftp_block_unref(scp->writing);
    sftp_block_unref(scp->reading);
    sftp_block_trim();
    buffer_release(&scp->matches);
    buffer_release(&scp->prefixes);
    scp_command_free(&scp->command);
    free(scp->target);
    free(scp->final_path);
    sftp_act_free(scp->act);
    list_remove(&scp->waiter.link);
    sftp_account_put(scp->account);
    sftp_tree_unref(scp->tree);
    free(scp);
}

void scp_leave(struct scp *scp)
{
    if (scp->stack_depth == 1) {
        run(scp);
        if (!is_closed(scp) && scp->has_refused && !scp->is_taking &&
            scp->input != SCP_INPUT_NONE) {
            scp->has_refused = false;
            channel_resume(scp->channel);
        }
        if (!is_closed(scp) && scp->is_eof && !scp->next && !scp_is_busy(scp)) {
            if (scp->command.is_sink)
                scp_sink_eof(scp);
            else
                scp_end(scp); /* nobody is there to confirm what is sent */
        }
        if (!scp->channel)
            scp_wind_up(scp);
    }
    if (--scp->stack_depth == 0 && !scp->channel && !scp_is_busy(scp))
        scp_free(scp);
}

bool scp_locate(struct scp *scp, const char *path, const char *name)
{
    char whole[VPATH_MAX];
    int length = name ? snprintf(whole, sizeof whole, "%s%s%s", path,
                                 strcmp(path, "/") == 0 ? "" : "/", name)
                      : snprintf(whole, sizeof whole, "%s", path);
    if (length < 0 || (size_t)length >= sizeof whole)
        return false;
    memcpy(scp->path, whole, (size_t)length + 1);
    sftp_tree_locate(scp->tree, scp->path, &scp->place);
    return true;
}

/* --- messages ------------------------------------------------------------------------------ */

void scp_send(struct scp *scp, const void *data, size_t length)
{
    if (!is_closed(scp) && channel_send(scp->channel, SP_STREAM_DATA, data, length) == SP_ERR_NOMEM)
        scp_break(scp, "out of memory");
}

void scp_send_ok(struct scp *scp)
{
    scp_send(scp, "", 1);
}

static void send_message(struct scp *scp, char kind, const char *path, const char *text,
                         size_t text_length)
{
    char line[SCP_LINE_MAX];
    const char *shown = path ? sftp_tree_shown(scp->tree, path) : NULL;
    int length = snprintf(line, sizeof line - 1, "%cscp: %.1024s%s%.*s", kind, shown ? shown : "",
                          shown ? ": " : "", (int)(text_length < 512 ? text_length : 512), text);
    size_t used = length < 0 ? 0 : (size_t)length;
    for (size_t i = 1; i < used; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[used++] = '\n';
    scp_send(scp, line, used);
}

void scp_complain(struct scp *scp, const char *path, const char *text, size_t text_length)
{
    scp->errors++;
    send_message(scp, '\1', path, text, text_length);
}

void scp_complain_status(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply)
{
    const char *text = reply->text.len > 0 ? reply->text.data : sftp_status_text(status);
    scp_complain(scp, scp->path, text,
                 reply->text.len > 0 ? (size_t)reply->text.len : strlen(text));
}

void scp_fail_file(struct scp *scp, const char *text, size_t length)
{
    if (length >= sizeof scp->file_error)
        length = sizeof scp->file_error - 1;
    memcpy(scp->file_error, text, length);
    scp->file_error[length] = '\0';
    scp->file_has_failed = true;
}

void scp_break(struct scp *scp, const char *text)
{
    if (is_closed(scp))
        return;
    log_warning("scp.broken", LOG_U64("conn", scp->tree->connection->id),
                LOG_STR("user", scp->tree->connection->user), LOG_TEXT("reason", text));
    scp->errors++;
    send_message(scp, '\2', NULL, text, strlen(text));
    scp_end(scp);
}

void scp_end(struct scp *scp)
{
    if (is_closed(scp))
        return;
    scp->is_over = true;
    scp->input = SCP_INPUT_NONE;
    channel_send_exit_status(scp->channel, scp->errors > 0);
    channel_shut(scp->channel);
}

/* --- directories --------------------------------------------------------------------------- */

bool scp_push(struct scp *scp)
{
    struct scp_level *level = scp->depth < SCP_DEPTH_MAX ? calloc(1, sizeof *level) : NULL;
    if (level)
        level->path = strdup(scp->path);
    if (!level || !level->path) {
        const char *text =
            scp->depth < SCP_DEPTH_MAX ? "Out of memory" : "Too many directories within each other";
        free(level);
        scp_complain(scp, scp->path, text, strlen(text));
        return false;
    }
    level->up = scp->level;
    scp->level = level;
    scp->depth++;
    return true;
}

void scp_pop(struct scp *scp)
{
    struct scp_level *level = scp->level;
    scp->level = level->up;
    scp->depth--;
    buffer_release(&level->names);
    free(level->path);
    free(level);
}

/* --- the channel --------------------------------------------------------------------------- */

void scp_expect(struct scp *scp, enum scp_input input, void (*on_input)(struct scp *scp))
{
    scp->input = input;
    scp->on_input = on_input;
    scp->line_length = 0;
}

static void input_is_whole(struct scp *scp)
{
    scp->input = SCP_INPUT_NONE;
    scp->next = scp->on_input;
}

/* Bytes of a line, its newline included. */
static size_t take_line(struct scp *scp, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (scp->line_length == sizeof scp->line) {
            scp_break(scp, "line too long");
            return length;
        }
        scp->line[scp->line_length++] = (char)data[i];
        if (data[i] == '\n') {
            input_is_whole(scp);
            return i + 1;
        }
    }
    return length;
}

/* A zero byte, or 1 or 2 and a line of words, which are the client's to show. */
static size_t take_answer(struct scp *scp, const uint8_t *data, size_t length)
{
    size_t taken = 0;
    if (scp->line_length == 0) {
        scp->answer = data[0];
        if (scp->answer > 2) {
            scp_break(scp, "unexpected answer");
            return length;
        }
        taken = 1;
        if (scp->answer == 0) {
            input_is_whole(scp);
            return 1;
        }
        scp->line_length = 1;
        scp->errors++;
    }
    const uint8_t *newline = memchr(data + taken, '\n', length - taken);
    if (!newline)
        return length;
    if (scp->answer == 2)
        scp_end(scp);
    else
        input_is_whole(scp);
    return (size_t)(newline - data) + 1;
}

static size_t on_data(void *arg, uint32_t stream, const uint8_t *data, size_t length)
{
    struct scp *scp = arg;
    size_t taken = 0;
    if (stream != SP_STREAM_DATA)
        return length;
    scp_enter(scp);
    scp->is_taking = true;
    while (taken < length && !is_closed(scp)) {
        size_t part = 0;
        if (scp->input == SCP_INPUT_LINE)
            part = take_line(scp, data + taken, length - taken);
        else if (scp->input == SCP_INPUT_ANSWER)
            part = take_answer(scp, data + taken, length - taken);
        else if (scp->input == SCP_INPUT_DATA)
            part = scp_sink_data(scp, data + taken, length - taken);
        taken += part;
        run(scp);
        if (part == 0) {
            scp->has_refused = true;
            break;
        }
    }
    scp->is_taking = false;
    if (is_closed(scp))
        taken = length; /* nobody will ask for the rest */
    scp_leave(scp);
    return taken;
}

static void on_eof(void *arg)
{
    struct scp *scp = arg;
    scp_enter(scp);
    scp->is_eof = true;
    scp_leave(scp);
}

static void on_writable(void *arg)
{
    struct scp *scp = arg;
    scp_enter(scp);
    scp_leave(scp);
}

static void on_closed(void *arg)
{
    struct scp *scp = arg;
    scp_enter(scp);
    scp->channel = NULL;
    scp->tree->session = NULL;
    scp_leave(scp);
}

static const struct channel_handler handler = {
    .on_data = on_data,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

int scp_start(struct channel *channel, struct sp_str line)
{
    if (!session_permits(channel_session(channel), SP_PERMIT_SFTP))
        return SP_ERR_DENIED;
    struct scp *scp = calloc(1, sizeof *scp);
    if (!scp)
        return SP_ERR_NOMEM;
    int rc = scp_command_parse(line, &scp->command);
    if (rc == 0 && (!(scp->tree = sftp_tree_new(channel)) ||
                    !(scp->account = sftp_account_get(channel_session(channel))))) {
        scp_command_free(&scp->command);
        if (scp->tree)
            sftp_tree_unref(scp->tree);
        rc = SP_ERR_NOMEM;
    }
    if (rc < 0) {
        free(scp);
        return rc;
    }
    list_init(&scp->waiter.link);
    scp->waiter.on_room = on_room;
    scp->channel = channel;
    log_info("scp.started", LOG_U64("conn", scp->tree->connection->id),
             LOG_STR("user", scp->tree->connection->user),
             LOG_TEXT("role", scp->command.is_sink ? "sink" : "source"),
             LOG_TEXT("path", scp->command.paths[0]));
    channel_set_handler(channel, &handler, scp);
    scp_enter(scp);
    scp->next = scp->command.is_sink ? scp_sink_begin : scp_source_begin;
    scp_leave(scp);
    return 0;
}
