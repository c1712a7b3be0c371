/*
 * rogue: does to its process what a plugin must not, whatever the user's name says: "crash",
 * "exit", "hog" (allocates without end), "close" (descriptors that are not its own), "thread"
 * (leaves one behind), "block" (never returns), "calls" (system calls that it has no need for).
 * Everybody else is left to the next plugin.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"

#define PIECE ((size_t)1 << 20)

static void say(const struct sp_host *host, const char *text)
{
    host->log(host, SP_LOG_WARNING, (struct sp_str){text, strlen(text)});
}

static int32_t crash(const struct sp_host *host)
{
    volatile int *volatile nowhere = (volatile int *)(uintptr_t)8;
    (void)host;
    *nowhere = 1;
    return SP_ALLOW;
}

static int32_t leave(const struct sp_host *host)
{
    (void)host;
    _exit(0);
}

/* Until there is no more; then it fails as it should. What it has got stays lost. */
static int32_t hog(const struct sp_host *host)
{
    for (;;) {
        char *piece = malloc(PIECE);
        if (!piece) {
            say(host, "there is no more memory");
            return SP_E_NOMEM;
        }
        explicit_bzero(piece, PIECE);
    }
}

static int32_t close_all(const struct sp_host *host)
{
    (void)host;
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
    return SP_ALLOW;
}

static void *linger(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static int32_t start_thread(const struct sp_host *host)
{
    pthread_t thread;
    (void)host;
    return pthread_create(&thread, NULL, linger, NULL) == 0 ? SP_NEXT : SP_E_FAILED;
}

static int32_t block(const struct sp_host *host)
{
    (void)host;
    for (;;)
        pause();
    return SP_ALLOW;
}

static int32_t try_calls(const struct sp_host *host)
{
    static const struct {
        const char *name;
        long number;
        long argument;
    } calls[] = {
        {"ptrace", SYS_ptrace, PTRACE_TRACEME},
        {"unshare", SYS_unshare, CLONE_NEWUSER},
        {"keyctl", SYS_keyctl, 0},
        {"process_vm_readv", SYS_process_vm_readv, 1},
        {"mount", SYS_mount, 0},
        {"reboot", SYS_reboot, 0},
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        char text[128];
        errno = 0;
        long rc = syscall(calls[i].number, calls[i].argument, 0, 0, 0, 0, 0);
        snprintf(text, sizeof(text), "%s says %ld %s", calls[i].name, rc,
                 errno == EPERM ? "EPERM" : strerror(errno));
        say(host, text);
    }
    return SP_DENY;
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    static const struct {
        const char *name;
        int32_t (*act)(const struct sp_host *host);
    } acts[] = {
        {"crash", crash},         {"exit", leave},  {"hog", hog},         {"close", close_all},
        {"thread", start_thread}, {"block", block}, {"calls", try_calls},
    };
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (event->user.len == strlen(acts[i].name) &&
            memcmp(event->user.data, acts[i].name, event->user.len) == 0)
            return acts[i].act(self);
    }
    return SP_NEXT;
}

FAULT_AUTH_PLUGIN(password);
