/*
 * reload.c: from a configuration file to a generation that serves: load and check, open its sockets
 * and its log, try its workers; then put all of it into effect, or none of it. The daemon's start
 * is the first time. Called by supervisor.c and control_commands.c. Supervisor's thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "supervisor/complaints.h"
#include "supervisor/internal.h"

static const struct config *current_config(const struct supervisor *supervisor)
{
    const struct generation *current = workers_current(supervisor->workers);
    return current ? current->config : NULL;
}

static const struct config *candidate_config(const struct supervisor *supervisor)
{
    return supervisor->reload.candidate->config;
}

/* Whoever asked is told, and the log. */
static void tell_failure(struct supervisor *supervisor, const char *why)
{
    bool is_start = supervisor->phase == PHASE_STARTING;
    if (is_start)
        dprintf(STDERR_FILENO, "sallyportd: cannot start:\n%s\n", why);
    if (!is_start || supervisor->log_fd >= 0)
        log_error(is_start ? "daemon.not_started" : "reload.failed", LOG_TEXT("error", why));
    if (supervisor->reload.client)
        control_answer(supervisor->control, supervisor->reload.client, control_error(why));
    supervisor->reload.client = 0;
}

/* --- what the candidate needs beside its workers --- */

static int prepare_log(struct supervisor *supervisor, struct report *report)
{
    const struct config *config = candidate_config(supervisor);
    if (!config->log_file)
        return 0;
    supervisor->reload.log_fd =
        open(config->log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (supervisor->reload.log_fd >= 0)
        return 0;
    report_error(report, config->file, positions_line(config->positions, "/log/file"), "/log/file",
                 "cannot write %s: %s", config->log_file, strerror(errno));
    return SP_ERR_SYSTEM;
}

static int prepare_control(struct supervisor *supervisor, struct report *report)
{
    const struct config *now = current_config(supervisor);
    const struct config *next = candidate_config(supervisor);
    if (now && strcmp(now->control_socket, next->control_socket) == 0)
        return 0;
    int fd = control_bind(next->control_socket, report);
    if (fd < 0)
        return fd;
    supervisor->reload.control_fd = fd;
    return 0;
}

static void drop_candidate(struct supervisor *supervisor)
{
    struct reload *reload = &supervisor->reload;
    listeners_abort(&supervisor->intake.listeners);
    if (reload->control_fd >= 0)
        control_unbind(reload->control_fd, candidate_config(supervisor)->control_socket);
    if (reload->log_fd >= 0)
        close(reload->log_fd);
    reload->control_fd = reload->log_fd = -1;
    generation_free(reload->candidate);
    reload->candidate = NULL;
}

static int prepare(struct supervisor *supervisor, struct report *report)
{
    int rc = generation_load(supervisor->options, supervisor->generations + 1,
                             &supervisor->reload.candidate, report);
    if (rc < 0)
        return rc;
    const struct config *config = candidate_config(supervisor);
    if ((rc = prepare_log(supervisor, report)) < 0 ||
        (rc = prepare_control(supervisor, report)) < 0 ||
        (rc = listeners_prepare(&supervisor->intake.listeners, config, report)) < 0)
        drop_candidate(supervisor);
    return rc;
}

int reload_begin(struct supervisor *supervisor, uint64_t client)
{
    struct reload *reload = &supervisor->reload;
    struct report report = {0};
    if (reload->candidate) {
        if (client)
            control_answer(supervisor->control, client,
                           control_error("a reload is under way already"));
        reload->is_wanted_again |= client == 0;
        return SP_ERR_AGAIN;
    }
    reload->is_wanted_again = false;
    reload->client = client;
    int rc = prepare(supervisor, &report);
    if (rc < 0) {
        char why[8192];
        complaints_join(&report, why, sizeof(why));
        tell_failure(supervisor, why);
    } else {
        report_log(&report); /* warnings */
        supervisor->generations++;
        workers_try(supervisor->workers, reload->candidate);
    }
    report_free(&report);
    return rc;
}

/* --- how it went --- */

static void use_log(struct supervisor *supervisor, const struct config *config)
{
    int before = supervisor->log_fd;
    supervisor->log_fd = supervisor->reload.log_fd;
    supervisor->reload.log_fd = -1;
    log_open(supervisor->log_fd >= 0 ? supervisor->log_fd : STDERR_FILENO, config->log_level,
             config->log_format);
    if (before >= 0)
        close(before);
}

static void commit(struct supervisor *supervisor)
{
    struct reload *reload = &supervisor->reload;
    const struct config *config = candidate_config(supervisor);
    use_log(supervisor, config);
    if (reload->control_fd >= 0 &&
        control_use(supervisor->control, reload->control_fd, config->control_socket) < 0)
        log_error("control.lost", LOG_TEXT("error", strerror(errno)));
    reload->control_fd = -1;
    intake_commit(&supervisor->intake, config);
    reload->candidate = NULL;
    workers_commit(supervisor->workers);
    supervisor->phase = PHASE_RUNNING;
}

static void tell_success(struct supervisor *supervisor, bool is_start)
{
    const struct generation *current = workers_current(supervisor->workers);
    log_info(is_start ? "daemon.ready" : "reload.done", LOG_U64("generation", current->number),
             LOG_U64("workers", current->config->workers));
    if (supervisor->reload.client)
        control_answer(supervisor->control, supervisor->reload.client,
                       json_pack("{s:b, s:I}", "ok", 1, "generation", (json_int_t)current->number));
    supervisor->reload.client = 0;
}

void reload_on_trial(void *arg, const char *why)
{
    struct supervisor *supervisor = arg;
    bool is_start = supervisor->phase == PHASE_STARTING;
    if (why) {
        tell_failure(supervisor, why);
        drop_candidate(supervisor);
        if (is_start) {
            supervisor->exit_status = 1;
            supervisor_stop(supervisor, true);
            return;
        }
    } else {
        commit(supervisor);
        tell_success(supervisor, is_start);
        intake_resume(&supervisor->intake);
    }
    if (supervisor->reload.is_wanted_again)
        reload_begin(supervisor, 0);
}

void reload_abort(struct supervisor *supervisor, const char *why)
{
    if (!supervisor->reload.candidate)
        return;
    workers_abort(supervisor->workers);
    if (supervisor->reload.client)
        control_answer(supervisor->control, supervisor->reload.client, control_error(why));
    supervisor->reload.client = 0;
    drop_candidate(supervisor);
}
