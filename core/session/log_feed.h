/*
 * log_feed.h: what is logged in this process, given to the plugins of a chain. Each has a bounded
 * queue of its own: one that does not keep up loses records and is told how many.
 */
#ifndef SALLYPORT_SESSION_LOG_FEED_H
#define SALLYPORT_SESSION_LOG_FEED_H

#include "session/chain.h"
#include "worker/reactor.h"

struct log_feed;

/* Begin. At most one in a process. NULL: out of memory. Reactor thread. */
struct log_feed *log_feed_new(struct plugin_host *host, struct reactor *reactor,
                              const struct chain *chain);
/* End; the plugins' calls must have been released. NULL is fine. */
void log_feed_free(struct log_feed *feed);

#endif
