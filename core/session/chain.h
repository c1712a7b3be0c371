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
    uint64_t skip; /* bit i: the instance at place i, below 64, is not asked */
};

struct chain_run;

/* verdict is SP_NEXT if nobody had an opinion (by is NULL then), or negative for a failure that
 * counts. reply as in plugin_call. */
typedef void (*chain_done)(void *owner, int32_t verdict, const struct sp_reply *reply,
                           const struct plugin_instance *by);

/*
 * Ask. event is copied (event->struct_size bytes); what it points to must stay until
 * release(memory), which comes exactly once, when no plugin can touch it any more, and also on
 * failure.
 *
 * *slot is the run while it is under way and NULL from just before done is called, which may be
 * before this returns; done comes exactly once, unless the run is cancelled. done may be NULL for
 * plugins that are only told, slot if nobody will cancel.
 */
void chain_start(struct chain_run **slot, const struct chain *chain,
                 enum plugin_operation operation, const struct sp_event *event,
                 struct plugin_strands *strands, chain_done done, void *owner,
                 void (*release)(void *memory), void *memory);
/* done will not be called; *slot becomes NULL. Fine if it is. */
void chain_cancel(struct chain_run **slot);

#endif
