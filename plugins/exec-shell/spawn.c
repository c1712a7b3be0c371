/*
 * spawn.c: starting a process from a daemon with many threads and much memory. Called by child.c.
 *
 * The child shares the daemon's memory until it has its own program (CLONE_VM, as posix_spawn() has
 * it), so that no page tables are copied; the calling thread waits so long. What the child does
 * before must be safe for that: plain system calls, nothing that takes a lock or allocates, and no
 * libc function that tells other threads, as setuid() does. clone() gives a pidfd at once, so the
 * process cannot be mistaken for another, however short its life.
 */
#include "exec_shell.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE (64u << 10)

#define NOT_INSTRUMENTED __attribute__((no_sanitize("address", "undefined", "thread")))

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

struct start {
    const struct job *job;
    const int *descriptors;
    int error; /* set by the child, in the memory that both share */
};

/* Handlers must be gone before signals are let through: they would run on the daemon's memory. */
NOT_INSTRUMENTED static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Out of the way of 0 to 2 first, so that none overwrites another. */
NOT_INSTRUMENTED static int set_descriptors(const int *descriptors)
{
    int high[3];
    for (int i = 0; i < 3; i++)
        if ((high[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return -1;
    for (int i = 0; i < 3; i++)
        if (dup2(high[i], i) < 0)
            return -1;
    syscall(SYS_close_range, 3u, ~0u, 0u); /* all of the daemon's are close-on-exec besides */
    return 0;
}

NOT_INSTRUMENTED static int become(const struct account *account)
{
    if (!account->is_set)
        return 0;
    if (syscall(SYS_setgroups, account->groups_count, account->groups) < 0 ||
        syscall(SYS_setresgid, account->gid, account->gid, account->gid) < 0 ||
        syscall(SYS_setresuid, account->uid, account->uid, account->uid) < 0)
        return -1;
    return 0;
}

NOT_INSTRUMENTED static int child_main(void *arg)
{
    struct start *start = arg;
    const struct job *job = start->job;
    /* A session of its own, so that the group has the child's number and nobody else is in it. */
    if (setsid() >= 0 && set_descriptors(start->descriptors) == 0 &&
        (!job->has_terminal || ioctl(STDIN_FILENO, TIOCSCTTY, 0) == 0) &&
        become(&job->account) == 0 && chdir(job->directory) == 0) {
        reset_signals();
        execve(job->shell, job->argv, job->env.list);
    }
    start->error = errno;
    _exit(127);
}

static void reap(int pidfd)
{
    siginfo_t info;
    while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
    close(pidfd);
}

int spawn(const struct job *job, const int descriptors[3], pid_t *ret_pid, int *ret_pidfd)
{
    struct start start = {.job = job, .descriptors = descriptors};
    char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return -errno;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int pidfd = -1;
    pid_t pid = clone(child_main, stack + STACK_SIZE,
                      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &start, &pidfd);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, STACK_SIZE);
    if (pid < 0)
        return -error;
    if (start.error) {
        reap(pidfd);
        return -start.error;
    }
    *ret_pid = pid;
    *ret_pidfd = pidfd;
    return 0;
}
