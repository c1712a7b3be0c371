/* snapshot.c: copies of struct sp_connection in one allocation: the size is added up first, by the
 * same walk that then copies. */
#include "session/snapshot.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

struct snapshot {
    _Atomic unsigned references;
    struct sp_connection connection;
    struct sp_grant grant;
    _Alignas(16) char bytes[];
};

/* Measures while bytes is NULL, then copies to where it measured. */
struct packer {
    char *bytes;
    size_t used;
};

static void *pack(struct packer *packer, const void *data, size_t length, size_t terminator)
{
    char *place = packer->bytes ? packer->bytes + packer->used : NULL;

    if (place && length)
        memcpy(place, data, length);
    if (place && terminator)
        place[length] = '\0';
    packer->used += (length + terminator + 7) & ~(size_t)7;
    return place;
}

static void pack_str(struct packer *packer, struct sp_str *str)
{
    char *place = pack(packer, str->data, (size_t)str->len, 1);

    if (place)
        str->data = place;
}

static void pack_pairs(struct packer *packer, const struct sp_pair **pairs, uint64_t count)
{
    const struct sp_pair *from = *pairs;
    struct sp_pair *to = pack(packer, from, (size_t)count * sizeof *from, 0);

    for (uint64_t i = 0; i < count; i++) {
        struct sp_pair pair = from[i];
        pack_str(packer, &pair.name);
        pack_str(packer, &pair.value);
        if (to)
            to[i] = pair;
    }
    *pairs = to;
}

static void pack_grant(struct packer *packer, struct sp_grant *grant)
{
    const struct sp_str *from = grant->groups;
    struct sp_str *to;

    pack_str(packer, &grant->root);
    pack_str(packer, &grant->home);
    pack_str(packer, &grant->forced_command);
    pack_str(packer, &grant->system_user);
    to = pack(packer, from, (size_t)grant->groups_count * sizeof *from, 0);
    for (uint64_t i = 0; i < grant->groups_count; i++) {
        struct sp_str group = from[i];
        pack_str(packer, &group);
        if (to)
            to[i] = group;
    }
    grant->groups = to;
    pack_pairs(packer, &grant->environment, grant->environment_count);
    pack_pairs(packer, &grant->attributes, grant->attributes_count);
}

static void pack_connection(struct packer *packer, struct sp_connection *connection,
                            struct sp_grant *grant)
{
    pack_str(packer, &connection->listener);
    pack_str(packer, &connection->remote_address);
    pack_str(packer, &connection->local_address);
    pack_str(packer, &connection->client_version);
    pack_str(packer, &connection->user);
    pack_str(packer, &connection->kex);
    pack_str(packer, &connection->cipher_in);
    pack_str(packer, &connection->cipher_out);
    if (connection->grant) {
        pack_grant(packer, grant);
        connection->grant = grant;
    }
}

const struct sp_connection *snapshot_new(const struct sp_connection *connection)
{
    struct sp_connection measured = *connection;
    struct sp_grant grant = {0};
    struct packer packer = {0};
    struct snapshot *snapshot;

    if (connection->grant)
        grant = *connection->grant;
    pack_connection(&packer, &measured, &grant);
    snapshot = malloc(sizeof *snapshot + packer.used);
    if (!snapshot)
        return NULL;
    atomic_init(&snapshot->references, 1);
    snapshot->connection = *connection;
    snapshot->connection.struct_size = sizeof *connection;
    memset(&snapshot->grant, 0, sizeof snapshot->grant);
    if (connection->grant)
        snapshot->grant = *connection->grant;
    packer = (struct packer){.bytes = snapshot->bytes};
    pack_connection(&packer, &snapshot->connection, &snapshot->grant);
    return &snapshot->connection;
}

static struct snapshot *of(const struct sp_connection *connection)
{
    return container_of((void *)(uintptr_t)connection, struct snapshot, connection);
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
