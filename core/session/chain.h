/*
 * chain.h: one question put to the plugins of a chain in order, until one has an opinion.
 * Reactor thread.
 */
#ifndef SALLYPORT_SESSION_CHAIN_H
#define SALLYPORT_SESSION_CHAIN_H

#include "plugin/call.h"

struct chain {
    struct plugin_instance **instances;
    size_t count;
};

struct chain_run;

/* verdict is SP_NEXT if nobody had an opinion (by is NULL then), or negative for a failure that
 * counts. reply as in plugin_call. */
typedef void (*chain_done)(void *owner, int32_t verdict, const struct sp_reply *reply,
                           const struct plugin_instance *by);

/*
 * Ask. event is copied (event->struct_size bytes); what it points to must stay until
 * release(memory), which comes exactly once, when no plugin can touch it any more, and also on
 * failure. Returns NULL if done was called already (it always is, exactly once, unless
 * chain_cancel).
 */
struct chain_run *chain_start(const struct chain *chain, enum plugin_operation operation,
                              const struct sp_event *event, struct plugin_strands *strands,
                              chain_done done, void *owner, void (*release)(void *memory),
                              void *memory);
/* done will not be called. NULL is fine. */
void chain_cancel(struct chain_run *run);

#endif
