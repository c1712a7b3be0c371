/*
 * fault.c: the handler for SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT in a worker. Set up by
 * serve.c; runs on the thread that faulted, the main one on a stack of its own, so that running
 * out of stack is told, too.
 */
#include "supervisor/fault.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "worker/link.h"

#define STACK_BYTES 65536u

static const int fault_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
#define FAULT_SIGNALS (sizeof(fault_signals) / sizeof(fault_signals[0]))

/* A signal handler has no argument of ours: these are set once, before there are threads. */
static struct {
    int link;
    fault_where *where;
    struct sigaction before[FAULT_SIGNALS];
} fault;

/* Not strncpy: nothing here may be intercepted by a sanitizer's checks while it is at work. */
static void copy_name(char *to, size_t size, const char *from)
{
    size_t i = 0;
    for (; from && from[i] && i + 1 < size; i++)
        to[i] = from[i];
    to[i] = 0;
}

static void on_fault(int number)
{
    struct link_message message = {.kind = LINK_CRASHED, .number = (uint64_t)number};
    const char *instance = NULL, *operation = NULL;
    fault.where(&instance, &operation);
    copy_name(message.u.crash.instance, sizeof(message.u.crash.instance), instance);
    copy_name(message.u.crash.operation, sizeof(message.u.crash.operation), operation);
    link_send(fault.link, &message, -1);
    /* Whoever was there before us (a sanitizer, or the kernel) has the last word. The signal is
     * blocked until we return, and hits then. */
    for (size_t i = 0; i < FAULT_SIGNALS; i++) {
        if (fault_signals[i] == number)
            sigaction(number, &fault.before[i], NULL);
    }
    raise(number);
}

void fault_watch(int link, fault_where *where)
{
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
    void *stack =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack != MAP_FAILED) {
        const stack_t alternative = {.ss_sp = stack, .ss_size = STACK_BYTES};
        sigaltstack(&alternative, NULL);
    }
    fault.link = link;
    fault.where = where;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FAULT_SIGNALS; i++)
        sigaction(fault_signals[i], &action, &fault.before[i]);
}
