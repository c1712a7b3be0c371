/* snapshot.c: copies of struct sp_connection and all it points to, by its table of fields, in one
 * allocation. */
#include "session/snapshot.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "plugin/layout_copy.h"

struct snapshot {
    _Atomic unsigned references;
    _Alignas(16) char bytes[]; /* the connection, and what it points to */
};

const struct sp_connection *snapshot_new(const struct sp_connection *connection)
{
    const char *fault;
    size_t size = layout_measure(&layout_sp_connection, connection, &fault);
    struct snapshot *snapshot = size ? malloc(sizeof *snapshot + size) : NULL;

    if (!snapshot)
        return NULL;
    atomic_init(&snapshot->references, 1);
    if (!layout_fill(&layout_sp_connection, connection, "", snapshot->bytes, size, &fault)) {
        free(snapshot);
        return NULL;
    }
    return (const struct sp_connection *)(const void *)snapshot->bytes;
}

static struct snapshot *of(const struct sp_connection *connection)
{
    return (struct snapshot *)((uintptr_t)connection - offsetof(struct snapshot, bytes));
}

const struct sp_connection *snapshot_ref(const struct sp_connection *connection)
{
    atomic_fetch_add_explicit(&of(connection)->references, 1, memory_order_relaxed);
    return connection;
}

void snapshot_unref(const struct sp_connection *connection)
{
    if (connection &&
        atomic_fetch_sub_explicit(&of(connection)->references, 1, memory_order_acq_rel) == 1)
        free(of(connection));
}
