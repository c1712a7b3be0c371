/*
 * gate.c: what plugins may know and change of the channels that they serve without waiting for the
 * session: how much channel_send() takes, and how data is framed. Opened, drained and closed by the
 * session on the reactor thread; passed through by plugins on any thread.
 */
#include <stdlib.h>

#include "plugin/private.h"
#include "plugin/remote.h"

struct plugin_gate {
    struct plugin_host *host;
    struct plugin_instance *instance;
    sp_id channel;
    uint64_t room;
    uint64_t used;
    uint64_t bytes_in, bytes_out;
    struct plugin_framing framing;
    bool is_wanted; /* a sender was told "less" */
    bool is_lost;   /* the process that served it is gone */
};

struct plugin_gate *plugin_gate_open(struct plugin_instance *instance,
                                     const struct sp_connection *connection, sp_id channel,
                                     uint64_t room)
{
    struct plugin_host *host = instance->host;
    struct plugin_gate *gate = malloc(sizeof *gate);
    if (!gate)
        return NULL;
    *gate =
        (struct plugin_gate){.host = host, .instance = instance, .channel = channel, .room = room};
    pthread_mutex_lock(&host->gates_lock);
    int rc = hashmap_add(&host->gates, channel, gate);
    pthread_mutex_unlock(&host->gates_lock);
    if (rc < 0) {
        free(gate);
        return NULL;
    }
    if (instance->remote && connection)
        remote_gate_opened(instance->remote, connection, channel, room);
    return gate;
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
    if (gate->instance->remote)
        remote_gate_drained(gate->instance->remote, gate->channel, len);
    return is_due;
}

sp_id plugin_gate_channel(const struct plugin_gate *gate)
{
    return gate->channel;
}

void plugin_gate_received(struct plugin_gate *gate, uint64_t len)
{
    pthread_mutex_lock(&gate->host->gates_lock);
    gate->bytes_in += len;
    pthread_mutex_unlock(&gate->host->gates_lock);
}

bool plugin_gate_reframe(struct plugin_gate *gate, struct plugin_framing *framing)
{
    pthread_mutex_lock(&gate->host->gates_lock);
    bool is_another = gate->framing.version != framing->version;
    if (is_another)
        *framing = gate->framing;
    pthread_mutex_unlock(&gate->host->gates_lock);
    return is_another;
}

static void describe(const struct plugin_gate *gate, struct sp_channel_info *ret_info)
{
    *ret_info = (struct sp_channel_info){
        .struct_size = sizeof *ret_info,
        .framing = gate->framing.kind,
        .bytes_in = gate->bytes_in,
        .bytes_out = gate->bytes_out,
        .room = gate->room - gate->used,
    };
}

void plugin_gate_info(const struct plugin_gate *gate, struct sp_channel_info *ret_info)
{
    pthread_mutex_lock(&gate->host->gates_lock);
    describe(gate, ret_info);
    pthread_mutex_unlock(&gate->host->gates_lock);
}

void plugin_gate_close(struct plugin_gate *gate)
{
    if (!gate)
        return;
    pthread_mutex_lock(&gate->host->gates_lock);
    hashmap_remove(&gate->host->gates, gate->channel);
    pthread_mutex_unlock(&gate->host->gates_lock);
    if (gate->instance->remote)
        remote_gate_closed(gate->instance->remote, gate->channel);
    free(gate);
}

/* NULL if the instance serves no such channel. With the lock. */
static struct plugin_gate *find(const struct plugin_instance *instance, sp_id channel)
{
    struct plugin_gate *gate = hashmap_get(&instance->host->gates, channel);
    return gate && gate->instance == instance ? gate : NULL;
}

int64_t gate_take(const struct plugin_instance *instance, sp_id channel, uint64_t len)
{
    int64_t taken = SP_E_STALE;
    pthread_mutex_lock(&instance->host->gates_lock);
    struct plugin_gate *gate = find(instance, channel);
    if (gate) {
        uint64_t room = gate->room - gate->used;
        if (len > room)
            gate->is_wanted = true;
        taken = (int64_t)(len < room ? len : room);
        gate->used += (uint64_t)taken;
        gate->bytes_out += (uint64_t)taken;
    }
    pthread_mutex_unlock(&instance->host->gates_lock);
    return taken;
}

bool gate_is_of(const struct plugin_instance *instance, sp_id channel)
{
    pthread_mutex_t *lock = &instance->host->gates_lock;
    pthread_mutex_lock(lock);
    bool is_of = find(instance, channel) != NULL;
    pthread_mutex_unlock(lock);
    return is_of;
}

struct lost {
    const struct plugin_instance *instance;
    struct plugin_gate *gate;
};

static void find_lost(uint64_t key, void *value, void *arg)
{
    struct plugin_gate *gate = value;
    struct lost *lost = arg;
    (void)key;
    if (gate->instance == lost->instance && !gate->is_lost)
        lost->gate = gate;
}

sp_id gate_take_lost(struct plugin_host *host, const struct plugin_instance *instance)
{
    struct lost lost = {.instance = instance};
    pthread_mutex_lock(&host->gates_lock);
    hashmap_for_each(&host->gates, find_lost, &lost);
    if (lost.gate)
        lost.gate->is_lost = true;
    sp_id channel = lost.gate ? lost.gate->channel : 0;
    pthread_mutex_unlock(&host->gates_lock);
    return channel;
}

void gate_give_back(const struct plugin_instance *instance, sp_id channel, uint64_t len)
{
    pthread_mutex_lock(&instance->host->gates_lock);
    struct plugin_gate *gate = find(instance, channel);
    if (gate) {
        drain(gate, len);
        gate->bytes_out -= len;
    }
    pthread_mutex_unlock(&instance->host->gates_lock);
}

int32_t gate_set_framing(const struct plugin_instance *instance, sp_id channel,
                         const struct plugin_framing *framing)
{
    pthread_mutex_lock(&instance->host->gates_lock);
    struct plugin_gate *gate = find(instance, channel);
    if (gate) {
        uint32_t version = gate->framing.version + 1;
        gate->framing = *framing;
        gate->framing.version = version;
    }
    pthread_mutex_unlock(&instance->host->gates_lock);
    return gate ? 0 : SP_E_STALE;
}

int32_t gate_info(const struct plugin_instance *instance, sp_id channel,
                  struct sp_channel_info *ret_info)
{
    pthread_mutex_lock(&instance->host->gates_lock);
    const struct plugin_gate *gate = find(instance, channel);
    if (gate)
        describe(gate, ret_info);
    pthread_mutex_unlock(&instance->host->gates_lock);
    return gate ? 0 : SP_E_STALE;
}
