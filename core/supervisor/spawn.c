/*
 * spawn.c: posix_spawn for workers and for plugins' own processes. Called by worker_life.c and
 * hosts.c. Supervisor's thread.
 */
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

/* Descriptors below are the worker's; ours that it gets lie above, so that no dup2 hits another. */
#define FD_FLOOR 10

extern char **environ;

int spawn_raise_fd(int fd)
{
    if (fd < 0 || fd >= FD_FLOOR)
        return fd;
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, FD_FLOOR);
    int error = errno;
    close(fd);
    errno = error;
    return raised;
}

/* A descriptor that the new process gets under a number of its own. */
struct passed {
    int fd;
    int as;
};

static int add_descriptors(posix_spawn_file_actions_t *actions, const struct passed *passed,
                           size_t count)
{
    int error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    for (size_t i = 0; !error && i < count; i++)
        error = posix_spawn_file_actions_adddup2(actions, passed[i].fd, passed[i].as);
    return error;
}

/* 0 or an errno. Everything else we have open is close-on-exec. */
static int start(const struct supervisor_options *options, char *const arguments[],
                 const struct passed *passed, size_t count, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    error = add_descriptors(&actions, passed, count);
    if (!error)
        error =
            posix_spawn(ret_pid, options->worker_path, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* With a link as the first of the descriptors, which is made here. */
static int start_linked(const struct supervisor_options *options, char *const arguments[],
                        struct passed *passed, size_t count, struct spawned *ret_spawned)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return SP_ERR_SYSTEM;
    passed[0] = (struct passed){spawn_raise_fd(pair[1]), WORKER_FD_LINK};
    int error = errno;
    if (passed[0].fd >= 0) {
        error = start(options, arguments, passed, count, &ret_spawned->pid);
        close(passed[0].fd);
    }
    if (passed[0].fd >= 0 && !error) {
        ret_spawned->link = pair[0];
        return 0;
    }
    close(pair[0]);
    errno = error;
    return SP_ERR_SYSTEM;
}

int spawn_worker(const struct supervisor_options *options, const struct generation *generation,
                 int counters, struct spawned *ret_spawned)
{
    char *const arguments[] = {"sallyportd", "--worker", "--config", (char *)options->config_file,
                               NULL};
    struct passed passed[] = {
        {-1, -1}, {generation->text_fd, WORKER_FD_CONFIG}, {counters, WORKER_FD_COUNTERS}};
    return start_linked(options, arguments, passed, 3, ret_spawned);
}

int spawn_host(const struct supervisor_options *options, const struct generation *generation,
               const char *instance, int peer, int counters, struct spawned *ret_spawned)
{
    char *const arguments[] = {
        "sallyportd", "--plugin-host",  "--config", (char *)options->config_file,
        "--instance", (char *)instance, NULL};
    struct passed passed[] = {{-1, -1},
                              {generation->text_fd, WORKER_FD_CONFIG},
                              {counters, WORKER_FD_COUNTERS},
                              {peer, WORKER_FD_PEER}};
    return start_linked(options, arguments, passed, 4, ret_spawned);
}
