/* counters_table.h: the names of worker_counters' fields, for sums and listings. Any thread. */
#ifndef SALLYPORT_SUPERVISOR_COUNTERS_TABLE_H
#define SALLYPORT_SUPERVISOR_COUNTERS_TABLE_H

#include <stddef.h>

#include "worker/counters.h"

struct counters_row {
    const char *name;
    size_t offset;
};

/* Ends with a row without a name. */
extern const struct counters_row counters_table[];

uint64_t counters_get(const struct worker_counters *counters, const struct counters_row *row);
void counters_sum(struct worker_counters *sum, const struct worker_counters *counters);
void counters_sum_operation(struct operation_counters *sum,
                            const struct operation_counters *counters);

#endif
