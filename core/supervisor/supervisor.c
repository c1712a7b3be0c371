/*
 * supervisor.c: the daemon's life: start, signals, stop. Called by main.c; all else happens in the
 * loop it runs. One thread.
 */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "supervisor/internal.h"

/* --- stopping --- */

static void end_if_alone(struct supervisor *supervisor)
{
    if (supervisor->phase >= PHASE_DRAINING && !workers_are_left(supervisor->workers))
        reactor_stop(supervisor->reactor);
}

static void stop_now(struct supervisor *supervisor)
{
    supervisor->phase = PHASE_STOPPING;
    log_info("daemon.stopping", LOG_U64("connections", admission_count(&supervisor->admission)));
    workers_stop(supervisor->workers);
}

static void on_drain_over(struct reactor_timer *timer)
{
    stop_now(container_of(timer, struct supervisor, drain));
}

static void drain(struct supervisor *supervisor)
{
    const struct generation *current = workers_current(supervisor->workers);
    uint64_t limit_ms = current->config->timeouts.drain;
    supervisor->phase = PHASE_DRAINING;
    log_info("daemon.draining", LOG_U64("connections", admission_count(&supervisor->admission)),
             LOG_U64("limit_ms", limit_ms));
    workers_drain(supervisor->workers);
    if (limit_ms && reactor_timer_set(supervisor->reactor, &supervisor->drain, limit_ms) < 0)
        stop_now(supervisor);
}

void supervisor_stop(struct supervisor *supervisor, bool now)
{
    enum phase before = supervisor->phase;
    reload_abort(supervisor, "the daemon is being stopped");
    intake_close(&supervisor->intake);
    if (before == PHASE_RUNNING && !now)
        drain(supervisor);
    else if (before != PHASE_STOPPING)
        stop_now(supervisor);
    end_if_alone(supervisor);
}

/* --- signals --- */

static void serve_signal(struct supervisor *supervisor, uint32_t number)
{
    if (number != SIGCHLD)
        log_info("daemon.signal", LOG_U64("signal", number));
    switch (number) {
    case SIGCHLD:
        workers_reap(supervisor->workers);
        end_if_alone(supervisor);
        break;
    case SIGHUP:
        if (supervisor->phase <= PHASE_RUNNING)
            reload_begin(supervisor, 0);
        break;
    default:
        supervisor_stop(supervisor, false);
    }
}

static void on_signals_ready(struct reactor_source *source, uint32_t events)
{
    (void)events;
    struct supervisor *supervisor = container_of(source, struct supervisor, signals);
    struct signalfd_siginfo info;
    while (read(source->fd, &info, sizeof(info)) == sizeof(info))
        serve_signal(supervisor, info.ssi_signo);
}

static int open_signals(struct supervisor *supervisor)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    signal(SIGPIPE, SIG_IGN); /* workers are spawned with every signal at its default */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return SP_ERR_SYSTEM;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return SP_ERR_SYSTEM;
    supervisor->signals = (struct reactor_source){.on_ready = on_signals_ready, .fd = fd};
    return reactor_watch(supervisor->reactor, &supervisor->signals, REACTOR_READ);
}

/* --- the whole --- */

static void on_room(void *arg)
{
    struct supervisor *supervisor = arg;
    if (supervisor->phase == PHASE_RUNNING)
        intake_resume(&supervisor->intake);
}

static int build(struct supervisor *supervisor)
{
    const struct workers_observer observer = {.arg = supervisor,
                                              .on_trial = reload_on_trial,
                                              .on_room = on_room,
                                              .on_facts = listing_on_facts,
                                              .on_gone = listing_on_gone};
    supervisor->reactor = reactor_new();
    if (!supervisor->reactor || open_signals(supervisor) < 0)
        return SP_ERR_SYSTEM;
    supervisor->workers =
        workers_new(supervisor->reactor, supervisor->options, &supervisor->admission, &observer);
    supervisor->control = control_new(supervisor->reactor, control_commands_serve, supervisor);
    if (!supervisor->workers || !supervisor->control)
        return SP_ERR_NOMEM;
    intake_init(&supervisor->intake, supervisor->reactor, &supervisor->admission,
                supervisor->workers);
    supervisor->drain.on_time = on_drain_over;
    return 0;
}

static void tear_down(struct supervisor *supervisor)
{
    if (supervisor->workers && supervisor->control) {
        reload_abort(supervisor, "the daemon is being stopped");
        intake_close(&supervisor->intake);
        listing_end(supervisor);
    }
    control_free(supervisor->control);
    workers_free(supervisor->workers);
    admission_free(&supervisor->admission);
    if (supervisor->signals.fd >= 0) {
        reactor_unwatch(supervisor->reactor, &supervisor->signals);
        close(supervisor->signals.fd);
    }
    if (supervisor->reactor) {
        reactor_timer_cancel(supervisor->reactor, &supervisor->drain);
        reactor_free(supervisor->reactor);
    }
    if (supervisor->log_fd >= 0) {
        log_open(STDERR_FILENO, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        close(supervisor->log_fd);
    }
}

/* What whoever started us had open is neither ours nor the workers'; a pipe would also never end
 * for its reader. What it had closed must not become the number of a socket of ours, which the log,
 * or what a plugin prints, would then be written to. And each worker costs one descriptor: more
 * than the usual bound allows if each has one connection. */
static void set_descriptors(void)
{
    struct rlimit limit;
    close_range(STDERR_FILENO + 1, ~0u, 0);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            _exit(1); /* and there is nowhere to say so */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Where all run as one user, a plugin's own process must not look into us, nor change us. */
static void close_door(void)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int supervisor_run(const struct supervisor_options *options)
{
    struct supervisor supervisor = {.options = options,
                                    .reload = {.control_fd = -1, .log_fd = -1},
                                    .signals = {.fd = -1},
                                    .started_ms = clock_now_ms(),
                                    .log_fd = -1};
    close_door();
    set_descriptors();
    log_open(STDERR_FILENO, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    if (build(&supervisor) < 0) {
        dprintf(STDERR_FILENO, "sallyportd: cannot start: %s\n", strerror(errno));
        supervisor.exit_status = 1;
    } else if (reload_begin(&supervisor, 0) < 0) {
        supervisor.exit_status = 1;
    } else if (reactor_run(supervisor.reactor) < 0) {
        log_error("daemon.loop", LOG_TEXT("error", strerror(errno)));
        supervisor.exit_status = 1;
    }
    if (supervisor.phase > PHASE_STARTING)
        log_info("daemon.stopped", LOG_U64("connections_served", supervisor.admission.last_id));
    tear_down(&supervisor);
    return supervisor.exit_status;
}
