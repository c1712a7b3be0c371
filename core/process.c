/*
 * process.c: how a worker and a plugin instance's own process begin. Called by serve.c and
 * isolate.c, on the only thread there is.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "plugin/host.h"
#include "supervisor/complaints.h"
#include "supervisor/fault.h"
#include "supervisor/generation.h"
#include "supervisor/supervisor.h"
#include "worker/link.h"

/* How long the end may take when the supervisor has died. */
#define ORPHAN_S 10

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
        {SIGTERM, on_signal},   {SIGINT, on_signal}, {SIGHUP, on_signal},  {SIGPIPE, on_signal},
        {SIGUSR1, on_orphaned}, {SIGALRM, on_stuck}, {SIGXFSZ, on_signal}, /* a file over the limit
                                                                              is an error of that
                                                                              write */
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

void process_begin(const char *name, int last_fd)
{
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* at once: others of our user may be watching for us */
    for (int fd = WORKER_FD_LINK; fd <= last_fd; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, name); /* /proc/self/exe would show as "exe" */
    set_signals();
    tune_memory();
    fault_watch(WORKER_FD_LINK, where);
}

int process_read_config(const char *config_file, struct config **ret_config, struct report *report)
{
    size_t length;
    char *text = generation_read(WORKER_FD_CONFIG, &length);
    if (!text) {
        report_error(report, config_file, 0, NULL, "the supervisor's copy: %s", strerror(errno));
        return SP_ERR_SYSTEM;
    }
    int rc = config_parse(text, length, config_file, ret_config, report);
    explicit_bzero(text, length);
    free(text);
    close(WORKER_FD_CONFIG);
    return rc;
}

int process_open_log(const struct config *config, struct report *report)
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

/* Others of the same user must not read keys and passwords out of our memory, in a core or live;
 * and no worker outlives its supervisor. Both are undone by a change of user, so they come after.
 */
void process_close_doors(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0);
}

void process_tell_failure(const struct report *report)
{
    struct link_message message = {.kind = LINK_FAILED};
    complaints_join(report, message.u.text, sizeof(message.u.text));
    link_send(WORKER_FD_LINK, &message, -1);
}
