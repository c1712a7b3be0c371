/*
 * spawn.h: starting the process of a worker, or of a plugin instance, with nothing open but what it
 * is meant to have. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_SPAWN_H
#define SALLYPORT_SUPERVISOR_SPAWN_H

#include <sys/types.h>

#include "supervisor/generation.h"

struct spawned {
    pid_t pid;
    int link; /* our end, non-blocking */
};

/* Descriptors that are given must be 10 or above (spawn_raise_fd) and stay the caller's. 0 or
 * SP_ERR_SYSTEM, errno tells. Does not wait for the process. */
int spawn_worker(const struct supervisor_options *options, const struct generation *generation,
                 int counters, struct spawned *ret_spawned);
/* peer: one end of the socket whose other end its worker gets. */
int spawn_host(const struct supervisor_options *options, const struct generation *generation,
               const char *instance, int peer, int counters, struct spawned *ret_spawned);
/* fd moved out of the way of the numbers that workers get (-1 stays -1). */
int spawn_raise_fd(int fd);

#endif
