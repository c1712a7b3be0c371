/* remote_private.h: struct remote, for remote.c and remote_wish.c. Reactor thread. */
#ifndef SALLYPORT_PLUGIN_REMOTE_PRIVATE_H
#define SALLYPORT_PLUGIN_REMOTE_PRIVATE_H

#include "plugin/arena.h"
#include "plugin/peer.h"
#include "plugin/remote.h"

enum remote_state {
    REMOTE_DOWN,     /* another process is on its way */
    REMOTE_GREETING, /* it is there, and creates and starts the plugin */
    REMOTE_UP,
    REMOTE_OFF, /* there will be none */
};

struct remote {
    struct plugin_instance *instance;
    enum remote_state state;
    bool is_coming_up; /* remote_open() waits */
    struct peer peer;
    struct arena arena;
    struct list waiting;           /* calls without a place in the arena yet */
    struct reactor_timer greeting; /* how long create and start may take */
    struct reactor_task give_up;   /* it could not be told something */
    sp_id reserved[8];             /* channels that the plugin may open */
    char why[256];                 /* there is no process */
};

/* The process is gone, or must go. */
void remote_lose(struct remote *remote, const char *why);
/* Fill up what was taken from the reserved ids. */
void remote_reserve(struct remote *remote);
bool remote_take_reserved(struct remote *remote, sp_id channel);
/* What the process asks for on the plugin's behalf. */
void remote_grant(struct remote *remote, const struct peer_message *message, const uint8_t *body,
                  int *descriptors);

static inline bool remote_is_waiting(const struct plugin_call *call)
{
    return call->state.remote.next && !list_is_empty(&call->state.remote);
}

#endif
