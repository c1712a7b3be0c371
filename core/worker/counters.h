/* counters.h: one page of shared memory for each worker: it counts, the supervisor reads. */
#ifndef SALLYPORT_WORKER_COUNTERS_H
#define SALLYPORT_WORKER_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct worker_counters {
    _Atomic uint64_t connections;     /* taken over from the supervisor */
    _Atomic uint64_t handshakes;      /* key exchanges completed */
    _Atomic uint64_t authenticated;
    _Atomic uint64_t auth_failures;   /* requests denied that count as a try */
    _Atomic uint64_t channels;        /* opened */
    _Atomic uint64_t sftp_requests;
    _Atomic uint64_t bytes_in;        /* on the wire */
    _Atomic uint64_t bytes_out;
    _Atomic uint64_t plugin_failures; /* calls that failed or missed their deadline */
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
