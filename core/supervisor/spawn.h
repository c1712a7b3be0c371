/* spawn.h: starting a worker's process with nothing open but what it is meant to have. */
#ifndef SALLYPORT_SUPERVISOR_SPAWN_H
#define SALLYPORT_SUPERVISOR_SPAWN_H

#include <sys/types.h>

#include "supervisor/generation.h"
#include "worker/counters.h"

struct spawned {
    pid_t pid;
    int link;                         /* our end, non-blocking */
    struct worker_counters *counters; /* shared with it; spawn_unmap() */
};

/* 0 or SP_ERR_SYSTEM, errno tells. Does not wait for it. */
int spawn_worker(const struct supervisor_options *options, const struct generation *generation,
                 struct spawned *ret_spawned);
void spawn_unmap(struct worker_counters *counters);
/* fd moved out of the way of the numbers that workers get (-1 stays -1). */
int spawn_raise_fd(int fd);

#endif
