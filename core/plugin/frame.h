/*
 * frame.h: which plugin code this thread is in. A frame is put around everything that runs code of
 * a plugin, so that a crash is blamed on the right one. Any thread; reading is signal-safe.
 */
#ifndef SALLYPORT_PLUGIN_FRAME_H
#define SALLYPORT_PLUGIN_FRAME_H

#include "plugin/host.h"

struct plugin_call;

struct frame {
    struct plugin_position position;
    const struct plugin_call *call; /* NULL: not a call (create, tick …) */
    struct frame *outer;
};

void frame_enter(struct frame *frame, const char *instance, const char *operation,
                 const struct plugin_call *call);
void frame_leave(struct frame *frame);
/* True within the operation of call, on its own thread. */
bool frame_is_of(const struct plugin_call *call);

#endif
