/*
 * call.h: one question put to one instance. Embed a struct plugin_call in the object that asks and
 * keep that object, the event and all the event points to unchanged until on_release.
 *
 * on_done comes exactly once, on the reactor thread, perhaps before plugin_call_start() returns:
 * with the answer, or with SP_E_TIMEOUT, SP_E_FAILED … if there is none. on_release comes exactly
 * once after it: only then is the plugin finished with the memory (a plugin that is late keeps it).
 *
 * A call that is given up, by its deadline or by cancel, may be answered all the same. If the
 * answer hands something over (a handle), on_late takes it, and the plugin is told that it was
 * taken.
 */
#ifndef SALLYPORT_PLUGIN_CALL_H
#define SALLYPORT_PLUGIN_CALL_H

#include "plugin/host.h"
#include "plugin/reply.h"

struct plugin_call {
    /* The caller's part. */
    struct plugin_instance *instance;
    enum plugin_operation operation;
    struct sp_event *event;         /* the host sets struct_size's siblings operation and token */
    struct plugin_strands *strands; /* of the connection; NULL where there is none */
    /* For what the event names that only the plugin knows (its handles, channels it has taken): the
     * plugin_instance_epoch() in which the plugin gave it. One that has been started anew since is
     * not asked: SP_E_STALE. 0: the event names nothing of the kind. */
    uint32_t epoch;
    /* reply is NULL if the plugin gave a verdict only; else it is of the operation's type, complete
     * to its last field as compiled here, and lives until on_done returns. */
    void (*on_done)(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply);
    void (*on_release)(struct plugin_call *call);
    /* The answer of a call that was given up, before on_release; NULL: complete() tells the plugin
     * that nobody takes it. */
    void (*on_late)(struct plugin_call *call, const struct sp_reply *reply);

    /* The host's part: zero it. */
    struct plugin_call_state {
        struct pool_job job;
        struct reactor_timer deadline;
        struct reactor_task task;
        struct list link; /* the instance's calls */
        sp_token token;
        uint32_t flags;
        int32_t verdict;
        int32_t (*blocking)(void *self, const struct sp_event *event);
        struct sp_reply *reply; /* in room, or malloc()ed */
        struct reply_room room;
        uint64_t started_ns;
        uint64_t took_ns;   /* 0: not known yet */
        struct list remote; /* where the instance's process is asked, and cannot be yet */
        uint64_t shared_at; /* data of a file, in memory shared with that process */
        uint64_t shared_bytes;
    } state;
};

/* The queues of one connection, one for each instance. NULL: out of memory. */
struct plugin_strands *plugin_strands_new(struct plugin_host *host);
/* One more owner: for calls that are started when the connection itself is gone (files are closed
 * then). Each owner calls plugin_strands_free() once. */
struct plugin_strands *plugin_strands_ref(struct plugin_strands *strands);
/* Calls under way keep what they need. */
void plugin_strands_free(struct plugin_strands *strands);

/* Ask. If the instance does not offer the operation, on_done gets SP_NEXT (SP_E_UNSUPPORTED for
 * fs). */
void plugin_call_start(struct plugin_call *call);
/* For one whose deadline is kept elsewhere: it has passed. If the operation holds up a thread of
 * the pool, another one takes its place. */
void plugin_call_overdue(struct plugin_call *call);
/* Nobody waits for the answer any more: on_done is not called after this, on_release still is (it
 * may come before this returns). The plugin's cancel() is called if the answer is outstanding. */
void plugin_call_cancel(struct plugin_call *call);

#endif
