/*
 * plugin_channel.h: a channel that a plugin has taken, for plugin_channel.c, which tells the plugin
 * what happens on it, and plugin_channel_asked.c, which does what the plugin asks for. Reactor
 * thread.
 */
#ifndef SALLYPORT_SESSION_PLUGIN_CHANNEL_H
#define SALLYPORT_SESSION_PLUGIN_CHANNEL_H

#include "session/internal.h"
#include "session/relay.h"

struct plugin_channel {
    struct channel *channel; /* NULL once it is gone */
    struct session *session; /* likewise */
    struct plugin_strands *strands;
    struct plugin_instance *instance;
    uint32_t epoch; /* the instance's life in which it took the channel */
    struct plugin_gate *gate;
    struct plugin_framing framing;
    size_t searched[2]; /* see framer.h; by SP_STREAM_* */
    struct relay *relay;
    sp_id id;
    unsigned references;   /* calls not yet released, and the channel's */
    unsigned holding;      /* calls not yet answered that the next data waits for */
    bool is_opening;       /* toward the client; the plugin waits for the outcome */
    bool has_eof;          /* the client sends no more */
    uint32_t controls;     /* control calls not yet released */
    bool size_is_out;      /* a call about the window's size is under way … */
    bool size_has_changed; /* … and it has changed since */
};

/* NULL if no plugin has taken it. */
struct plugin_channel *plugin_channel_of(const struct channel *channel);
/* Tell the plugin. details says what is particular to the event; bytes become its texts. */
void plugin_channel_call(struct plugin_channel *owner, enum plugin_operation operation,
                         const struct sp_channel_event *details, const void *bytes, size_t length);

#endif
