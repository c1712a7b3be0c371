/*
 * counters_table.c: one row for each counter. Used by worker_life.c to keep what the dead have
 * counted, and by control_commands.c. Any thread.
 */
#include "supervisor/counters_table.h"

#define ROW(field)                                                                                 \
    {                                                                                              \
#field, offsetof(struct worker_counters, field)                                            \
    }

const struct counters_row counters_table[] = {
    ROW(connections),   ROW(handshakes), ROW(authenticated), ROW(auth_failures),   ROW(channels),
    ROW(sftp_requests), ROW(bytes_in),   ROW(bytes_out),     ROW(plugin_failures), {NULL, 0},
};

_Static_assert(sizeof(counters_table) / sizeof(counters_table[0]) - 1 ==
                   sizeof(struct worker_counters) / sizeof(uint64_t),
               "a counter has no row");

static _Atomic uint64_t *at(struct worker_counters *counters, const struct counters_row *row)
{
    return (_Atomic uint64_t *)(void *)((char *)counters + row->offset);
}

uint64_t counters_get(const struct worker_counters *counters, const struct counters_row *row)
{
    return atomic_load_explicit(at((struct worker_counters *)counters, row), memory_order_relaxed);
}

void counters_sum(struct worker_counters *sum, const struct worker_counters *counters)
{
    for (const struct counters_row *row = counters_table; row->name; row++)
        counter_add(at(sum, row), counters_get(counters, row));
}

void counters_sum_operation(struct operation_counters *sum,
                            const struct operation_counters *counters)
{
    counter_add(&sum->calls, counter_get(&counters->calls));
    counter_add(&sum->failures, counter_get(&counters->failures));
    counter_add(&sum->timeouts, counter_get(&counters->timeouts));
    counter_add(&sum->nanoseconds, counter_get(&counters->nanoseconds));
}
