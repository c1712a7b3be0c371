/*
 * call_state.h: what is known of a call, and the steps from one state to the next. For call.c and
 * answer.c; everything with the host's lock held.
 */
#ifndef SALLYPORT_PLUGIN_CALL_STATE_H
#define SALLYPORT_PLUGIN_CALL_STATE_H

#include "base/log.h"
#include "plugin/private.h"

/* plugin_call_state.flags */
enum {
    CALL_BUSY = 1u << 0,      /* the operation is queued or has not returned */
    CALL_AWAITED = 1u << 1,   /* it returned SP_PENDING */
    CALL_CLAIMED = 1u << 2,   /* the plugin has given its answer … */
    CALL_READY = 1u << 3,     /* … and it is copied */
    CALL_SETTLED = 1u << 4,   /* what on_done is told is known */
    CALL_DELIVERED = 1u << 5, /* on_done is called, or never will be */
    CALL_LEFT = 1u << 6,      /* on_done has returned */
    CALL_POSTED = 1u << 7,    /* the task is with the reactor */
    CALL_CANCELLED = 1u << 8, /* settled by the core, not by the plugin: cancel … */
    CALL_EXPIRED = 1u << 9,   /* … or deadline */
    CALL_IS_REPLY = 1u << 10, /* the verdict came with a reply */
    CALL_DEFERRED = 1u << 11, /* to be run by the task */
    CALL_LATE = 1u << 12,     /* a reply came after it was settled, and is for on_late */
};

/* The plugin is through with the event. */
bool call_is_finished(const struct plugin_call *call);
/* What on_done is told. */
void call_settle(struct plugin_call *call, int32_t verdict, uint32_t flags);
/* The operation has returned a verdict: it counts if it is the first answer. */
void call_take_verdict(struct plugin_call *call, int32_t verdict);
/* Have the task run. True: the reactor must be woken once the lock is let go, which it would
 * otherwise run into. */
bool call_post(struct plugin_call *call);
/* The token is no longer valid. */
void call_forget(struct plugin_call *call);
/* Where a token would be if it was forgotten lately. */
struct recent_token *call_recent(struct plugin_host *host, sp_token token);
/* A job of the instance is no longer with the pool. */
void call_leave_pool(struct plugin_instance *instance);

const char *call_operation_name(enum plugin_operation operation);
/* An event that concerns an operation of an instance. */
void call_log(enum log_level level, const char *event, const struct plugin_instance *instance,
              enum plugin_operation operation);
/* An answer that nobody waits for any more. */
void call_log_late(const struct plugin_call *call);

#endif
