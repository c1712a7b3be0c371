/*
 * serve.c: the life of a worker: come up, give up root, tell that it is ready, and do what the
 * supervisor says until it is time to go. Called by main.c in a process of its own; the reactor
 * thread.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "launch.h"
#include "plugin/host.h"
#include "session/session.h"
#include "sftp/sftp.h"
#include "supervisor/complaints.h"
#include "supervisor/fault.h"
#include "supervisor/generation.h"
#include "supervisor/link_end.h"
#include "supervisor/privileges.h"
#include "supervisor/supervisor.h"

/* How long plugins may take to close what the last connections had open. */
#define SETTLE_MS 3000
#define SETTLE_TURN_MS 50
/* How long plugins' threads may still run when all else has ended. */
#define STUCK_S 3
/* How long all of it may take when the supervisor has died. */
#define ORPHAN_S 10

struct serve {
    struct config *config;
    struct reactor *reactor;
    struct pool *pool;
    struct counters counters;
    struct plugin_launcher launcher;
    struct session_service *service;
    struct plugin_host *host;
    struct link_end link;
    struct reactor_task check; /* whether there is anything left to do */
    bool is_draining;
    uint64_t listing; /* the number of the one being answered */
};

/* --- what the supervisor says --- */

static void tell(struct serve *serve, enum link_kind kind, uint64_t number)
{
    const struct link_message message = {.kind = kind, .number = number};
    /* Lost for lack of memory, it would leave the supervisor with a connection that never ends. */
    if (link_end_send(&serve->link, &message) == SP_ERR_NOMEM)
        abort();
}

static void run_check(struct reactor_task *task)
{
    struct serve *serve = container_of(task, struct serve, check);
    if (serve->is_draining && session_count(serve->service) == 0)
        reactor_stop(serve->reactor);
}

static void on_authenticated(void *arg, uint64_t id)
{
    tell(arg, LINK_AUTHENTICATED, id);
}

static void on_ended(void *arg, uint64_t id)
{
    struct serve *serve = arg;
    tell(serve, LINK_ENDED, id);
    reactor_defer(serve->reactor, &serve->check);
}

static void send_facts(const struct connection_facts *facts, void *arg)
{
    struct serve *serve = arg;
    struct link_message message = {.kind = LINK_FACTS, .number = serve->listing};
    message.u.facts = *facts;
    link_end_send(&serve->link, &message); /* for lack of memory, one is left out */
}

static void drain(struct serve *serve)
{
    serve->is_draining = true;
    reactor_defer(serve->reactor, &serve->check);
}

static void on_message(struct link_end *end, const struct link_message *message, int fd)
{
    struct serve *serve = container_of(end, struct serve, link);
    switch (message->kind) {
    case LINK_CONNECTION:
        if (fd >= 0)
            session_accept(serve->service, fd, &message->u.origin); /* on_ended tells of failures */
        else
            tell(serve, LINK_ENDED, message->number); /* out of descriptors, it got lost */
        return;
    case LINK_DRAIN:
        drain(serve);
        break;
    case LINK_STOP:
        session_service_end_all(serve->service);
        drain(serve);
        break;
    case LINK_LIST:
        serve->listing = message->number;
        session_for_each(serve->service, send_facts, serve);
        tell(serve, LINK_FACTS_END, message->number);
        break;
    case LINK_HOST:
        plugin_host_attach_peer(serve->host, (size_t)message->number, fd, message->u.text);
        return;
    case LINK_DISCONNECT:
        session_disconnect(serve->service, message->number, message->u.text);
        break;
    default:
        break;
    }
    if (fd >= 0)
        close(fd);
}

/* The supervisor is gone: nobody would ever stop us. */
static void on_closed(struct link_end *end)
{
    struct serve *serve = container_of(end, struct serve, link);
    session_service_end_all(serve->service);
    drain(serve);
}

static const struct link_events link_events = {.on_message = on_message, .on_closed = on_closed};

/* --- what plugins' own processes and threads need of it --- */

static int obtain_host(void *arg, size_t index, int *ret_fd, char *text, size_t size)
{
    (void)arg;
    return launch_obtain(WORKER_FD_LINK, index, ret_fd, text, size);
}

static void want_host(void *arg, size_t index)
{
    tell(arg, LINK_HOST_WANTED, index);
}

static void on_overload(void *arg, uint32_t threads)
{
    tell(arg, LINK_STUCK, threads);
}

/* --- coming up --- */

/* Caught, not ignored: what is ignored stays so in the programs that plugins start. */
static void on_signal(int number)
{
    (void)number;
}

static void on_orphaned(int number)
{
    (void)number;
    alarm(ORPHAN_S);
}

static void on_stuck(int number)
{
    (void)number;
    _exit(0);
}

/* The terminal and service managers signal the supervisor's whole group; when a worker ends is for
 * the supervisor to say. SIGUSR1 comes when that has died: the link's end is seen as well, unless a
 * plugin blocks the loop for good. */
static void set_signals(void)
{
    static const struct {
        int number;
        void (*handler)(int number);
    } signals[] = {
        {SIGTERM, on_signal}, {SIGINT, on_signal},    {SIGHUP, on_signal},
        {SIGPIPE, on_signal}, {SIGUSR1, on_orphaned}, {SIGALRM, on_stuck},
    };
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction action = {.sa_handler = signals[i].handler, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        sigaction(signals[i].number, &action, NULL);
    }
}

/* One thread holds nearly all memory, in many small pieces of long life and a few large ones of
 * short life. More arenas than two would each keep what their thread once freed. A fixed threshold
 * keeps large buffers in mappings of their own, which go back to the system at once: glibc would
 * raise it with the first large buffer that is freed, and from then on leave holes in the heap. */
static void tune_memory(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 512 * 1024);
}

static void where(const char **ret_instance, const char **ret_operation)
{
    const struct plugin_position *position = plugin_position();
    if (position) {
        *ret_instance = position->instance;
        *ret_operation = position->operation;
    }
}

static int read_config(struct serve *serve, const char *config_file, struct report *report)
{
    size_t length;
    char *text = generation_read(WORKER_FD_CONFIG, &length);
    if (!text) {
        report_error(report, config_file, 0, NULL, "the supervisor's copy: %s", strerror(errno));
        return SP_ERR_SYSTEM;
    }
    int rc = config_parse(text, length, config_file, &serve->config, report);
    explicit_bzero(text, length);
    free(text);
    close(WORKER_FD_CONFIG);
    return rc;
}

static int open_log(const struct config *config, struct report *report)
{
    int fd = STDERR_FILENO;
    if (config->log_file) {
        fd = open(config->log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) {
            report_error(report, config->file, 0, "/log/file", "cannot write %s: %s",
                         config->log_file, strerror(errno));
            return SP_ERR_SYSTEM;
        }
    }
    log_open(fd, config->log_level, config->log_format);
    return 0;
}

static int map_counters(struct serve *serve, struct report *report)
{
    int rc = counters_map(WORKER_FD_COUNTERS, serve->config->plugins_count, PLUGIN_OPERATION_COUNT,
                          &serve->counters);
    if (rc < 0)
        report_error(report, NULL, 0, NULL, "counters: %s", strerror(errno));
    close(WORKER_FD_COUNTERS);
    return rc;
}

static int make_loop(struct serve *serve, struct report *report)
{
    serve->reactor = reactor_new();
    serve->pool = serve->reactor ? pool_new(serve->config->pool_threads) : NULL;
    if (serve->pool) {
        reactor_count_turns(serve->reactor, serve->counters.turns);
        return 0;
    }
    report_error(report, NULL, 0, NULL, "cannot start the event loop: %s", strerror(errno));
    return SP_ERR_SYSTEM;
}

/* Others of the same user must not read keys and passwords out of our memory, in a core or live;
 * and no worker outlives its supervisor. Both are undone by a change of user, so they come after.
 */
static void close_doors(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
}

static int start_plugins(struct serve *serve, struct report *report)
{
    struct plugin_services services = *session_service_plugin_services(serve->service);
    serve->launcher = (struct plugin_launcher){
        .arg = serve, .obtain = obtain_host, .want = want_host, .on_overload = on_overload};
    services.launcher = &serve->launcher;
    services.counters = &serve->counters;
    return plugin_host_new(serve->config, serve->reactor, serve->pool, &services, &serve->host,
                           report);
}

static int come_up(struct serve *serve, const char *config_file, struct report *report)
{
    const struct session_observer observer = {
        .arg = serve, .on_authenticated = on_authenticated, .on_ended = on_ended};
    int rc;
    if ((rc = read_config(serve, config_file, report)) < 0 ||
        (rc = open_log(serve->config, report)) < 0 || (rc = map_counters(serve, report)) < 0 ||
        (rc = privileges_forgo(serve->config, report)) < 0 || (rc = make_loop(serve, report)) < 0 ||
        (rc = session_service_new(serve->config, serve->reactor, sftp_builtins, &observer,
                                  serve->counters.totals, &serve->service, report)) < 0 ||
        (rc = session_service_load_keys(serve->service, report)) < 0 ||
        (rc = privileges_drop(serve->config, report)) < 0)
        return rc;
    close_doors();
    if ((rc = start_plugins(serve, report)) < 0)
        return rc;
    return session_service_set_host(serve->service, serve->host, report);
}

/* --- going --- */

/* What was asked of plugins as the last connections ended (to close files, above all) is answered
 * on the loop, and may lead to more. */
static void settle(struct serve *serve)
{
    uint64_t until = clock_now_ms() + SETTLE_MS;
    while (plugin_host_is_busy(serve->host) && clock_now_ms() < until)
        reactor_turn(serve->reactor, SETTLE_TURN_MS);
}

static void go_down(struct serve *serve)
{
    link_end_close(&serve->link);
    if (serve->reactor)
        reactor_task_cancel(serve->reactor, &serve->check);
    plugin_host_free(serve->host);
    session_service_free(serve->service);
    /* A plugin that still blocks a thread has been logged by its host; it cannot keep us here. */
    alarm(STUCK_S);
    pool_free(serve->pool);
    alarm(0);
    reactor_free(serve->reactor);
    counters_unmap(&serve->counters);
    config_free(serve->config);
}

static void tell_failure(const struct report *report)
{
    struct link_message message = {.kind = LINK_FAILED};
    complaints_join(report, message.u.text, sizeof(message.u.text));
    link_send(WORKER_FD_LINK, &message, -1);
}

int serve_run(const char *config_file)
{
    struct serve serve = {.check = {.run = run_check}};
    struct report report = {0};
    for (int fd = WORKER_FD_LINK; fd <= WORKER_FD_COUNTERS; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, "sallyportd-work"); /* /proc/self/exe would show as "exe" */
    set_signals();
    tune_memory();
    fault_watch(WORKER_FD_LINK, where);

    int rc = come_up(&serve, config_file, &report);
    if (rc == 0)
        rc = link_end_open(&serve.link, serve.reactor, WORKER_FD_LINK, &link_events);
    if (rc < 0 && report.errors == 0)
        report_error(&report, NULL, 0, NULL, "%s", err_text(rc));
    if (rc < 0) {
        tell_failure(&report);
    } else {
        report_log(&report); /* warnings */
        tell(&serve, LINK_READY, 0);
        rc = reactor_run(serve.reactor);
        settle(&serve);
    }
    report_free(&report);
    go_down(&serve);
    return rc < 0;
}
