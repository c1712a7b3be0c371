/*
 * counters.c: makes and maps the shared memory of counters.h. Called by the supervisor for each
 * worker it starts, and by the worker.
 */
#include "worker/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/* What lies at the start of the memory; instances and operations follow. */
struct head {
    struct worker_counters totals;
    _Atomic uint64_t turns;
};

_Static_assert(sizeof(struct head) % 8 == 0 && sizeof(struct instance_counters) % 8 == 0,
               "what follows must be aligned");

static size_t size_of(size_t instances, size_t operations)
{
    return sizeof(struct head) + instances * (sizeof(struct instance_counters) +
                                              operations * sizeof(struct operation_counters));
}

int counters_map(int fd, size_t instances, size_t operations, struct counters *ret_counters)
{
    struct stat status;
    size_t size = size_of(instances, operations);
    *ret_counters = (struct counters){0};
    if (fstat(fd, &status) < 0)
        return SP_ERR_SYSTEM;
    if (status.st_size != (off_t)size) { /* beyond its end there would be a signal */
        errno = EINVAL;
        return SP_ERR_SYSTEM;
    }
    struct head *head = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (head == MAP_FAILED)
        return SP_ERR_SYSTEM;
    struct instance_counters *rows = (void *)(head + 1);
    *ret_counters = (struct counters){.totals = &head->totals,
                                      .turns = &head->turns,
                                      .instances = rows,
                                      .operations = (void *)(rows + instances),
                                      .instances_count = instances,
                                      .operations_count = operations};
    return 0;
}

/* Sealed: if a worker made it shorter, reading the counters would kill us. */
int counters_create(size_t instances, size_t operations, struct counters *ret_counters)
{
    int fd = memfd_create("sallyport-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return SP_ERR_SYSTEM;
    if (ftruncate(fd, (off_t)size_of(instances, operations)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 &&
        counters_map(fd, instances, operations, ret_counters) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return SP_ERR_SYSTEM;
}

void counters_unmap(struct counters *counters)
{
    if (counters->totals)
        munmap(counters->totals, size_of(counters->instances_count, counters->operations_count));
    *counters = (struct counters){0};
}
