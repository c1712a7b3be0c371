/* spawn.c: posix_spawn for workers. Called by workers.c. Supervisor's thread. */
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
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

/* Sealed: if a worker made it shorter, reading the counters would kill us. */
static int counters_create(struct worker_counters **ret_counters)
{
    int fd = spawn_raise_fd(memfd_create("sallyport-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (fd < 0)
        return -1;
    if (ftruncate(fd, sizeof(**ret_counters)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        void *page = mmap(NULL, sizeof(**ret_counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) {
            *ret_counters = page;
            return fd;
        }
    }
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

void spawn_unmap(struct worker_counters *counters)
{
    if (counters)
        munmap(counters, sizeof(*counters));
}

/* 0 or an errno. Everything else we have open is close-on-exec. */
static int start(const struct supervisor_options *options, int link, int config, int counters,
                 pid_t *ret_pid)
{
    char *const arguments[] = {"sallyportd", "--worker", "--config", (char *)options->config_file,
                               NULL};
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
    error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, link, WORKER_FD_LINK);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, config, WORKER_FD_CONFIG);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, counters, WORKER_FD_COUNTERS);
    if (!error)
        error =
            posix_spawn(ret_pid, options->worker_path, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

int spawn_worker(const struct supervisor_options *options, const struct generation *generation,
                 struct spawned *ret_spawned)
{
    int pair[2];
    int error = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return SP_ERR_SYSTEM;
    pair[1] = spawn_raise_fd(pair[1]);
    *ret_spawned = (struct spawned){.link = pair[0]};
    int counters = pair[1] < 0 ? -1 : counters_create(&ret_spawned->counters);
    if (counters < 0)
        error = errno;
    if (!error)
        error = start(options, pair[1], generation->text_fd, counters, &ret_spawned->pid);
    if (counters >= 0)
        close(counters);
    if (pair[1] >= 0)
        close(pair[1]);
    if (error) {
        spawn_unmap(ret_spawned->counters);
        close(pair[0]);
        errno = error;
        return SP_ERR_SYSTEM;
    }
    return 0;
}
