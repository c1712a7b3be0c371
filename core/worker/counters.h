/*
 * counters.h: shared memory for each worker: it counts, the supervisor reads, also when the worker
 * is dead. The one word in it that goes the other way is instance_counters.is_disabled. Any thread.
 *
 * What an instance is and how many operations there are is for the layers above to say; the
 * memory's shape follows from two numbers that each side brings along, so nothing that a worker
 * writes can lead the supervisor astray.
 */
#ifndef SALLYPORT_WORKER_COUNTERS_H
#define SALLYPORT_WORKER_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct worker_counters {
    _Atomic uint64_t connections; /* taken over from the supervisor */
    _Atomic uint64_t handshakes;  /* key exchanges completed */
    _Atomic uint64_t authenticated;
    _Atomic uint64_t auth_failures; /* requests denied that count as a try */
    _Atomic uint64_t channels;      /* opened */
    _Atomic uint64_t sftp_requests;
    _Atomic uint64_t bytes_in; /* on the wire */
    _Atomic uint64_t bytes_out;
    _Atomic uint64_t plugin_failures; /* calls that failed or missed their deadline */
};

/* One operation of one plugin instance. */
struct operation_counters {
    _Atomic uint64_t calls;
    _Atomic uint64_t failures; /* those that missed their deadline included */
    _Atomic uint64_t timeouts;
    _Atomic uint64_t nanoseconds; /* from asking to the answer, queueing included */
    /* As the worker found it, before it was ready. */
    uint64_t deadline_ms; /* 0: none */
    uint64_t is_offered;
};

/* One plugin instance. */
struct instance_counters {
    _Atomic uint32_t is_disabled; /* set by the supervisor: not to be created or called any more */
    _Atomic uint32_t stuck_threads;
    /* As the worker found it, before it was ready; not always NUL-terminated. */
    char plugin[48];
    char version[64];
    char threading[16];
    char isolation[16];
};

/* A mapped page, as one process sees it. */
struct counters {
    struct worker_counters *totals;
    _Atomic uint64_t *turns; /* of the event loop: odd while it works, even while it waits */
    struct instance_counters *instances;
    struct operation_counters *operations; /* of all instances: counters_operation() */
    size_t instances_count;
    size_t operations_count; /* of each instance */
};

/* Make one for so many instances, all zero, and map it. Returns a descriptor to share it by, or
 * SP_ERR_SYSTEM, errno tells. */
int counters_create(size_t instances, size_t operations, struct counters *ret_counters);
/* Map one that another process made with the same numbers. 0 or SP_ERR_SYSTEM; fd stays the
 * caller's. */
int counters_map(int fd, size_t instances, size_t operations, struct counters *ret_counters);
void counters_unmap(struct counters *counters); /* fine if zeroed */

static inline struct operation_counters *counters_operation(const struct counters *counters,
                                                            size_t instance, size_t operation)
{
    return &counters->operations[instance * counters->operations_count + operation];
}

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t counter_get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
