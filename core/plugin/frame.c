/*
 * frame.c: the frames of each thread. frame_enter() and frame_leave() are called by whatever calls
 * a plugin; plugin_position() by the fault handler.
 */
#include "plugin/frame.h"

/* initial-exec: reading it takes no lock and allocates nothing, even in a signal handler. */
static _Thread_local struct frame *current __attribute__((tls_model("initial-exec")));

void frame_enter(struct frame *frame, const char *instance, const char *operation,
                 const struct plugin_call *call)
{
    frame->position.instance = instance;
    frame->position.operation = operation;
    frame->call = call;
    frame->outer = current;
    current = frame;
}

void frame_leave(struct frame *frame)
{
    current = frame->outer;
}

bool frame_is_of(const struct plugin_call *call)
{
    const struct frame *frame = current;
    while (frame && frame->call != call)
        frame = frame->outer;
    return frame != NULL;
}

const struct plugin_position *plugin_position(void)
{
    return current ? &current->position : NULL;
}
