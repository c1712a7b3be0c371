/*
 * child.c: one process that serves a channel: started with its streams, signalled, ended.
 *
 * A number that was a process group may be another's once ours is gone, so a signal is sent only
 * while the leader has not been reaped, or by way of its pidfd, which is never mistaken. The host
 * reaps what it was given; of an abandoned channel this file reaps too, and whoever comes second
 * finds ECHILD.
 */
#include "exec_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2) /* Linux 6.9 */
#endif

#define END_TIMEOUT_MS 1000

static void close_all(int *descriptors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (descriptors[i] >= 0)
            close(descriptors[i]);
        descriptors[i] = -1;
    }
}

/* What goes to the child, and what goes to the host; -1 where there is none. */
struct streams {
    int child[3];
    int host[3];
};

static int open_pipes(struct streams *s)
{
    for (int i = 0; i < 3; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -errno;
        s->child[i] = ends[i == 0 ? 0 : 1];
        s->host[i] = ends[i == 0 ? 1 : 0];
        if (fcntl(s->host[i], F_SETFL, O_NONBLOCK) < 0)
            return -errno;
    }
    return 0;
}

/* One descriptor each way: the host's master, the child's slave. */
static int open_terminal(struct child *child, struct streams *s)
{
    struct job *job = child->job;
    char name[64];
    int rc = terminal_open(&s->host[0], &s->child[0], name, sizeof name);
    if (rc < 0)
        return rc;
    terminal_set_modes(s->child[0], job->modes, job->modes_length);
    if (ioctl(s->host[0], TIOCSWINSZ, &job->size) < 0 ||
        fcntl(s->host[0], F_SETFL, O_RDWR | O_NONBLOCK) < 0 ||
        (job->account.is_set && fchown(s->child[0], job->account.uid, (gid_t)-1) < 0) ||
        (child->terminal = fcntl(s->host[0], F_DUPFD_CLOEXEC, 0)) < 0 ||
        (s->child[1] = fcntl(s->child[0], F_DUPFD_CLOEXEC, 0)) < 0 ||
        (s->child[2] = fcntl(s->child[0], F_DUPFD_CLOEXEC, 0)) < 0)
        return -errno;
    environment_set(&job->env, "SSH_TTY", sp_str_of(name));
    return job->env.failed ? -ENOMEM : 0;
}

static int attach(struct child *child, const struct sp_host *host, struct streams *s)
{
    int process = fcntl(child->pidfd, F_DUPFD_CLOEXEC, 0);
    if (process < 0)
        return -errno;
    struct sp_channel_streams streams = {
        .struct_size = sizeof streams,
        .input_fd = s->host[0],
        .output_fd = child->terminal >= 0 ? s->host[0] : s->host[1],
        .error_fd = s->host[2],
        .process_fd = process,
    };
    if (host->channel_attach(host, child->channel, &streams) < 0) {
        close(process);
        return -ECONNABORTED;
    }
    for (int i = 0; i < 3; i++)
        s->host[i] = -1;
    return 0;
}

int child_start(struct child *child, const struct sp_host *host, const char **ret_what)
{
    struct streams s = {{-1, -1, -1}, {-1, -1, -1}};
    *ret_what = child->job->has_terminal ? "no terminal can be had" : "no pipes can be had";
    int rc = child->job->has_terminal ? open_terminal(child, &s) : open_pipes(&s);
    if (rc == 0) {
        *ret_what = "the shell cannot be started";
        rc = spawn(child->job, s.child, &child->pid, &child->pidfd);
    }
    /* Only the child may hold its ends: their closing is how its end shows. */
    close_all(s.child, 3);
    if (rc == 0) {
        *ret_what = "the channel is gone";
        rc = attach(child, host, &s);
    }
    close_all(s.host, 3);
    job_free(child->job);
    child->job = NULL;
    return rc;
}

/* Not reaped by anybody yet: its number cannot be another's. */
static bool is_unreaped(const struct child *child)
{
    return syscall(SYS_pidfd_send_signal, child->pidfd, 0, NULL, 0u) == 0;
}

void child_signal(const struct child *child, int number)
{
    if (child->pid <= 0 || child->pidfd < 0)
        return;
    if (syscall(SYS_pidfd_send_signal, child->pidfd, number, NULL, PIDFD_SIGNAL_PROCESS_GROUP) ==
            0 ||
        errno != EINVAL)
        return;
    if (is_unreaped(child))
        kill(-child->pid, number);
}

void child_abandon(struct child *child, int64_t kill_at_ms)
{
    child->is_orphan = true;
    child->kill_at_ms = kill_at_ms;
    child_signal(child, SIGHUP);
    child_signal(child, SIGCONT); /* what is stopped would not hear it */
    if (child->terminal >= 0)
        close(child->terminal);
    child->terminal = -1;
}

static bool reap(const struct child *child)
{
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOHANG) < 0)
        return errno == ECHILD; /* the host was first */
    return info.si_pid != 0;
}

/* The leader is left unreaped until its time is over: its number keeps the group's. */
bool child_is_done(struct child *child, int64_t now_ms)
{
    if (child->pidfd < 0)
        return true;
    if (now_ms < child->kill_at_ms)
        return false;
    child_signal(child, SIGKILL);
    return reap(child);
}

void child_free(struct child *child)
{
    if (child->pidfd >= 0) {
        if (!child->is_orphan || !reap(child)) {
            child_signal(child, SIGKILL);
            struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
            poll(&ended, 1, END_TIMEOUT_MS);
            reap(child);
        }
        close(child->pidfd);
    }
    if (child->terminal >= 0)
        close(child->terminal);
    job_free(child->job);
    free(child);
}

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},
    {"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV},
    {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
};

int signal_number(struct sp_str name)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (strlen(signals[i].name) == name.len &&
            memcmp(signals[i].name, name.data, name.len) == 0)
            return signals[i].number;
    return 0;
}
