/*
 * gate.c: how much channel_send() may take for each channel that a plugin serves. Opened, drained
 * and closed by the session on the reactor thread; passed through by plugins on any thread.
 */
#include <stdlib.h>

#include "plugin/private.h"

struct plugin_gate {
    struct plugin_host *host;
    struct plugin_instance *instance;
    sp_id channel;
    uint64_t room;
    uint64_t used;
    bool is_wanted; /* a sender was told "less" */
};

struct plugin_gate *plugin_gate_open(struct plugin_instance *instance,
                                     const struct sp_connection *connection, sp_id channel,
                                     uint64_t room)
{
    struct plugin_host *host = instance->host;
    (void)connection;
    struct plugin_gate *gate = malloc(sizeof *gate);
    if (!gate)
        return NULL;
    *gate =
        (struct plugin_gate){.host = host, .instance = instance, .channel = channel, .room = room};
    pthread_mutex_lock(&host->gates_lock);
    int rc = hashmap_add(&host->gates, channel, gate);
    pthread_mutex_unlock(&host->gates_lock);
    if (rc == 0)
        return gate;
    free(gate);
    return NULL;
}

/* Not for every byte that goes out: once there is room worth a call. */
static bool wakes(struct plugin_gate *gate)
{
    bool is_due = gate->is_wanted && gate->used <= gate->room / 2;
    if (is_due)
        gate->is_wanted = false;
    return is_due;
}

static void drain(struct plugin_gate *gate, uint64_t len)
{
    gate->used -= len < gate->used ? len : gate->used;
}

bool plugin_gate_drained(struct plugin_gate *gate, uint64_t len)
{
    pthread_mutex_t *lock = &gate->host->gates_lock;
    pthread_mutex_lock(lock);
    drain(gate, len);
    bool is_due = wakes(gate);
    pthread_mutex_unlock(lock);
    return is_due;
}

void plugin_gate_close(struct plugin_gate *gate)
{
    if (!gate)
        return;
    pthread_mutex_lock(&gate->host->gates_lock);
    hashmap_remove(&gate->host->gates, gate->channel);
    pthread_mutex_unlock(&gate->host->gates_lock);
    free(gate);
}

int64_t gate_take(struct plugin_host *host, sp_id channel, uint64_t len)
{
    int64_t taken = SP_E_STALE;
    pthread_mutex_lock(&host->gates_lock);
    struct plugin_gate *gate = hashmap_get(&host->gates, channel);
    if (gate) {
        uint64_t room = gate->room - gate->used;
        if (len > room)
            gate->is_wanted = true;
        taken = (int64_t)(len < room ? len : room);
        gate->used += (uint64_t)taken;
    }
    pthread_mutex_unlock(&host->gates_lock);
    return taken;
}

bool gate_is_open(struct plugin_host *host, sp_id channel)
{
    pthread_mutex_lock(&host->gates_lock);
    bool is_open = hashmap_get(&host->gates, channel) != NULL;
    pthread_mutex_unlock(&host->gates_lock);
    return is_open;
}

void gate_give_back(struct plugin_host *host, sp_id channel, uint64_t len)
{
    pthread_mutex_lock(&host->gates_lock);
    struct plugin_gate *gate = hashmap_get(&host->gates, channel);
    if (gate)
        drain(gate, len);
    pthread_mutex_unlock(&host->gates_lock);
}
