/* guest_private.h: struct guest, for guest.c and guest_channel.c. Reactor thread. */
#ifndef SALLYPORT_PLUGIN_GUEST_PRIVATE_H
#define SALLYPORT_PLUGIN_GUEST_PRIVATE_H

#include <pthread.h>

#include "base/hashmap.h"
#include "plugin/arena.h"
#include "plugin/call.h"
#include "plugin/guest.h"
#include "plugin/peer.h"

#define GUEST_RESERVED_MAX 32u

/* A struct and all it points to, made from bytes: an event, or a connection. Wiped in the end. */
struct guest_block {
    unsigned references;
    void *data;
    size_t size;
    const struct sp_connection *connection; /* in it, or NULL */
};

struct guest {
    struct reactor *reactor;
    struct plugin_host *host;
    struct plugin_instance *instance;
    void (*on_ready)(void *arg, struct reactor *reactor);
    void *on_ready_arg; /* or NULL */
    struct peer peer;
    struct arena arena;
    struct hashmap calls;       /* by the worker's token */
    struct hashmap connections; /* those with calls under way, for their order */
    struct hashmap channels;    /* that the plugin has taken or opened */
    struct list children;       /* processes attached to channels: ours, though the worker waits */

    pthread_mutex_t reserved_lock;
    sp_id reserved[GUEST_RESERVED_MAX]; /* channels that may be opened without asking */
    unsigned reserved_count;
};

/* bytes become a block with one reference. NULL: they are none, or out of memory. */
struct guest_block *guest_block_new(const struct layout *layout, const uint8_t *bytes,
                                    size_t length);
struct guest_block *guest_block_ref(struct guest_block *block);
void guest_block_unref(struct guest_block *block); /* NULL is fine */

/* Ask the plugin what the worker knows nothing of. */
void guest_call_ready(struct guest *guest, sp_id channel, struct guest_block *connection);

/* guest_channel.c: what the plugin asks of the core. */
extern const struct plugin_services guest_services; /* but for arg */
/* PEER_GATE_*, PEER_RESERVED */
void guest_on_gate(struct guest *guest, const struct peer_message *message, const uint8_t *body);
/* An event of a channel, whose connection its channel may not know yet. */
void guest_channel_note(struct guest *guest, sp_id channel, struct guest_block *event);
/* Tell the worker of the channel's framing, if it has changed. 0, or SP_E_STALE. */
int32_t guest_channel_reframed(struct guest *guest, sp_id channel);
void guest_close_channels(struct guest *guest);

#endif
