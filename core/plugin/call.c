/*
 * call.c: the life of one question: asked on the reactor thread, answered there or on a pool thread
 * or on a thread of the plugin's, settled by whichever comes first of answer, deadline and cancel,
 * delivered on the reactor thread.
 *
 * Two things are kept apart. A call is settled when it is known what on_done is told. It is
 * finished when the plugin is through with the event: the operation has returned and, if it said
 * SP_PENDING, complete() has copied the answer. on_release waits for both.
 *
 * Only the reactor thread releases. Other threads change flags under the host's lock and post the
 * task while they still hold it, so CALL_POSTED is exact and the memory outlives them.
 */
#include "plugin/call.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "plugin/call_state.h"
#include "plugin/counting.h"
#include "plugin/frame.h"
#include "plugin/remote.h"

struct plugin_strands {
    uint32_t users; /* the connection, and calls under way; reactor thread */
    struct pool_strand strands[];
};

struct plugin_strands *plugin_strands_new(struct plugin_host *host)
{
    struct plugin_strands *strands =
        calloc(1, sizeof *strands + host->count * sizeof *strands->strands);
    if (strands)
        strands->users = 1;
    return strands;
}

struct plugin_strands *plugin_strands_ref(struct plugin_strands *strands)
{
    if (strands)
        strands->users++;
    return strands;
}

void plugin_strands_free(struct plugin_strands *strands)
{
    if (strands && --strands->users == 0)
        free(strands);
}

static struct pool_strand *strand_of(const struct plugin_call *call)
{
    if (call->instance->threading == THREADING_SERIAL)
        return &call->instance->strand;
    return call->strands ? &call->strands->strands[call->instance->index] : NULL;
}

/* Hand the call to the pool. Deadline and cancel come on this very thread, so nothing can happen to
 * it between the two locks. */
static void submit(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    pthread_mutex_lock(&host->lock);
    call->instance->running++;
    pthread_mutex_unlock(&host->lock);
    call->state.job.strand = strand_of(call);
    pool_submit(host->pool, &call->state.job);
}

static void count_failure(const struct plugin_call *call)
{
    const struct counters *counters = call->instance->host->services.counters;
    counting_failed(call->instance, call->operation);
    if (counters)
        counter_add(&counters->totals->plugin_failures, 1);
}

/* The end of a call's job, on its pool thread and with the lock: call may be gone once the lock is
 * let go. True as with call_post(). */
static bool job_ended(struct plugin_call *call)
{
    uint32_t flags = call->state.flags;
    call_leave_pool(call->instance);
    return ((flags & (CALL_SETTLED | CALL_DELIVERED)) == CALL_SETTLED || call_is_finished(call)) &&
           call_post(call);
}

/* Whether the plugin would lose something if the operation, or its second part, never ran. */
static bool must_run(const struct plugin_call *call)
{
    return call->state.blocking || plugin_operation_gives_back(call->operation);
}

/* If the operation is still queued, it need not run. True if so. Reactor thread, with the lock. */
static bool drop_queued(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    if (must_run(call))
        return false;
    if (call->state.flags & CALL_DEFERRED) {
        reactor_task_cancel(host->reactor, &call->state.task);
        call->instance->deferred--;
        call->state.flags &= ~(uint32_t)(CALL_DEFERRED | CALL_POSTED);
    } else if (call->instance->remote) {
        if (!remote_withdraw(call))
            return false;
    } else if (pool_cancel(host->pool, &call->state.job)) {
        call_leave_pool(call->instance);
    } else {
        return false;
    }
    call->state.flags &= ~(uint32_t)CALL_BUSY;
    return true;
}

/* What the plugin answered, as the asker is told it. */
static int32_t judge(const struct plugin_call *call, uint32_t flags, const struct sp_reply **reply)
{
    const struct plugin_operation_info *info = plugin_operation_info(call->operation);
    int32_t verdict = call->state.verdict;
    /* In the plugin's own process, its answers are for the worker to judge. */
    if ((flags & CALL_EXPIRED) || call->instance->host->is_guest)
        return verdict;

    bool is_known = plugin_operation_accepts(call->operation, verdict);
    /* "no such file" is an answer and no failure of the plugin's. */
    if (is_known && info->interface == PLUGIN_FS && *reply &&
        ((const struct sp_fs_reply *)(const void *)*reply)->status != SP_FS_OK)
        return verdict;
    if (is_known && verdict >= 0)
        return verdict;

    log_warning("plugin.failed", LOG_TEXT("instance", call->instance->name),
                LOG_TEXT("operation", info->name), LOG_I64("verdict", verdict),
                LOG_TEXT("reason", is_known ? "failure" : "no such verdict here"));
    count_failure(call);
    if (is_known)
        return verdict;
    *reply = NULL;
    return SP_E_INVALID;
}

static void deliver(struct plugin_call *call, uint32_t flags)
{
    const struct sp_reply *reply = flags & CALL_IS_REPLY ? call->state.reply : NULL;
    int32_t verdict = judge(call, flags, &reply);
    uint64_t took_ns = call->state.took_ns;
    counting_took(call->instance, call->operation,
                  took_ns ? took_ns : clock_now_ns() - call->state.started_ns);
    call->on_done(call, verdict, reply);
}

static void release(struct plugin_call *call)
{
    if (call->state.flags & CALL_LATE)
        call->on_late(call, call->state.reply);
    reply_free(call->state.reply, &call->state.room);
    if (call->instance->remote)
        remote_release(call);
    plugin_strands_free(call->strands);
    call->on_release(call);
}

/* Do what is due: deliver what is settled, release what is finished. Reactor thread, with the lock,
 * which is let go; call may be gone afterwards. */
static void serve_and_unlock(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    struct plugin_call_state *state = &call->state;

    if ((state->flags & (CALL_SETTLED | CALL_DELIVERED)) == CALL_SETTLED) {
        uint32_t flags = state->flags |= CALL_DELIVERED;
        bool is_last = call_is_finished(call) && !(state->flags & CALL_POSTED);
        if (is_last)
            call_forget(call);
        pthread_mutex_unlock(&host->lock);
        reactor_timer_cancel(host->reactor, &state->deadline);
        deliver(call, flags);
        if (is_last) {
            release(call);
            return;
        }
        pthread_mutex_lock(&host->lock);
        state->flags |= CALL_LEFT;
    }
    bool is_last =
        (state->flags & CALL_LEFT) && call_is_finished(call) && !(state->flags & CALL_POSTED);
    if (is_last)
        call_forget(call);
    pthread_mutex_unlock(&host->lock);
    if (is_last)
        release(call);
}

static void serve(struct plugin_call *call)
{
    pthread_mutex_lock(&call->instance->host->lock);
    serve_and_unlock(call);
}

static void on_task(struct reactor_task *task)
{
    struct plugin_call *call = container_of(task, struct plugin_call, state.task);
    pthread_mutex_lock(&call->instance->host->lock);
    call->state.flags &= ~(uint32_t)CALL_POSTED;
    serve_and_unlock(call);
}

/* The core has settled the call itself: the plugin may hurry, if it has begun at all. */
static void tell_cancel(struct plugin_call *call, sp_token token)
{
    if (counting_is_disabled(call->instance))
        return;
    if (call->instance->remote) {
        remote_cancel(call->instance->remote, token, call->state.flags & CALL_EXPIRED);
        return;
    }
    const struct sp_plugin *d = call->instance->loaded.descriptor;
    if (!LOADER_HAS(d, cancel) || frame_is_of(call))
        return;
    struct frame frame;
    frame_enter(&frame, call->instance->name, "cancel", NULL);
    d->cancel(call->instance->self, token);
    frame_leave(&frame);
}

void call_tell_stuck(struct plugin_instance *instance, const char *operation, uint32_t held_up)
{
    struct plugin_host *host = instance->host;
    const struct plugin_launcher *launcher = host->services.launcher;
    log_error("plugin.stuck", LOG_TEXT("instance", instance->name),
              LOG_TEXT("operation", operation), LOG_U64("threads", held_up));
    if (held_up <= host->stuck_max || host->is_overloaded)
        return;
    host->is_overloaded = true;
    if (launcher && launcher->on_overload)
        launcher->on_overload(launcher->arg, held_up);
}

static void on_deadline(struct reactor_timer *timer)
{
    struct plugin_call *call = container_of(timer, struct plugin_call, state.deadline);
    struct plugin_host *host = call->instance->host;

    pthread_mutex_lock(&host->lock);
    bool is_missed = !(call->state.flags & CALL_SETTLED);
    bool is_outstanding = false;
    uint32_t held_up = 0; /* threads of the pool */
    const char *where = "";
    if (is_missed) {
        call_settle(call, SP_E_TIMEOUT, CALL_EXPIRED);
        where = drop_queued(call)               ? "queued"
                : call->state.flags & CALL_BUSY ? "running"
                                                : "pending";
        is_outstanding = !call_is_finished(call) && !(call->state.flags & CALL_CLAIMED);
        if (call->state.flags & CALL_BUSY)
            held_up = pool_replace(host->pool, &call->state.job, host->replaced_max);
    }
    pthread_mutex_unlock(&host->lock);

    if (is_missed) {
        log_warning("plugin.deadline", LOG_TEXT("instance", call->instance->name),
                    LOG_TEXT("operation", call_operation_name(call->operation)),
                    LOG_TEXT("state", where),
                    LOG_U64("ms", (clock_now_ns() - call->state.started_ns) / 1000000));
        count_failure(call);
        counting_timed_out(call->instance, call->operation);
        if (held_up > 0)
            call_tell_stuck(call->instance, call_operation_name(call->operation), held_up);
        if (is_outstanding)
            tell_cancel(call, call->state.token);
    }
    serve(call);
}

void plugin_call_overdue(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    uint32_t held_up = 0;
    pthread_mutex_lock(&host->lock);
    if (call->state.flags & CALL_BUSY)
        held_up = pool_replace(host->pool, &call->state.job, host->replaced_max);
    pthread_mutex_unlock(&host->lock);
    if (held_up > 0)
        call_tell_stuck(call->instance, call_operation_name(call->operation), held_up);
}

void plugin_call_cancel(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;

    pthread_mutex_lock(&host->lock);
    if (call->state.flags & CALL_DELIVERED) {
        pthread_mutex_unlock(&host->lock);
        return;
    }
    if (!(call->state.flags & CALL_SETTLED))
        call_settle(call, SP_E_STALE, CALL_CANCELLED);
    call->state.flags |= CALL_DELIVERED | CALL_LEFT;
    drop_queued(call);
    bool is_outstanding = !call_is_finished(call) && !(call->state.flags & CALL_CLAIMED);
    pthread_mutex_unlock(&host->lock);

    reactor_timer_cancel(host->reactor, &call->state.deadline);
    if (is_outstanding)
        tell_cancel(call, call->state.token);
    serve(call);
}

/* The operation, or what it left to run_blocking(), has returned on a pool thread. */
static void returned(struct plugin_call *call, int32_t verdict)
{
    struct plugin_host *host = call->instance->host;
    struct reactor *reactor = host->reactor;
    pthread_mutex_lock(&host->lock);
    call_take_verdict(call, verdict);
    bool wakes = job_ended(call); /* neither call nor instance is touched after this */
    pthread_mutex_unlock(&host->lock);
    if (wakes)
        reactor_wake(reactor);
}

static int32_t invoke(struct plugin_call *call,
                      int32_t (*blocking)(void *self, const struct sp_event *event))
{
    struct plugin_instance *instance = call->instance;
    const struct plugin_operation_info *info = plugin_operation_info(call->operation);
    struct frame frame;
    int32_t verdict;

    frame_enter(&frame, instance->name, info->name, call);
    if (blocking)
        verdict = blocking(instance->self, call->event);
    else
        verdict =
            info->invoke(instance->loaded.tables[info->interface], instance->self, call->event);
    frame_leave(&frame);
    return verdict;
}

/* Whether run_blocking() left something to run and the plugin has not answered otherwise. It is run
 * even if nobody waits for the answer any more: nothing else would ever finish the call. */
static bool is_to_block(struct plugin_call *call, int32_t verdict)
{
    struct plugin_host *host = call->instance->host;
    if (!call->state.blocking || verdict != SP_PENDING)
        return false;
    pthread_mutex_lock(&host->lock);
    bool is_open = !(call->state.flags & CALL_CLAIMED);
    pthread_mutex_unlock(&host->lock);
    return is_open;
}

/* Whether a job that the pool has begun is still worth running: the deadline or a cancel may have
 * come as the pool took it. */
static bool begin(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    struct reactor *reactor = host->reactor;
    bool wakes = false;
    pthread_mutex_lock(&host->lock);
    bool is_wanted = must_run(call) || !(call->state.flags & CALL_SETTLED);
    if (!is_wanted) {
        call->state.flags &= ~(uint32_t)CALL_BUSY;
        wakes = job_ended(call);
    }
    pthread_mutex_unlock(&host->lock);
    if (wakes)
        reactor_wake(reactor);
    return is_wanted;
}

/* On a pool thread. */
static void run(struct pool_job *job)
{
    struct plugin_call *call = container_of(job, struct plugin_call, state.job);
    if (!begin(call))
        return;
    /* A reactor plugin's operation left its second part behind; another's begins here. */
    bool is_second_part = call->state.blocking != NULL;
    int32_t verdict = invoke(call, call->state.blocking);
    if (!is_second_part && is_to_block(call, verdict))
        verdict = invoke(call, call->state.blocking);
    returned(call, verdict);
}

static void set_deadline(struct plugin_call *call)
{
    uint64_t deadline_ms = instance_deadline_ms(call->instance, call->operation);
    if (!deadline_ms || call->instance->host->is_guest)
        return;
    call->state.deadline.on_time = on_deadline;
    /* Out of memory here means a call without a deadline; the answer may still come. */
    if (reactor_timer_set(call->instance->host->reactor, &call->state.deadline, deadline_ms) < 0)
        call_log(LOG_LEVEL_ERROR, "plugin.no_deadline", call->instance, call->operation);
}

static void run_inline(struct plugin_call *call)
{
    struct plugin_instance *instance = call->instance;
    struct plugin_host *host = instance->host;

    call->state.started_ns = clock_now_ns();
    int32_t verdict = invoke(call, NULL);
    uint64_t took = clock_now_ns() - call->state.started_ns;
    if (host->slow_ns && took > host->slow_ns)
        log_warning("plugin.slow", LOG_TEXT("instance", instance->name),
                    LOG_TEXT("operation", call_operation_name(call->operation)),
                    LOG_U64("ms", took / 1000000));

    bool is_unfinished = is_to_block(call, verdict);
    if (!is_unfinished && verdict != SP_PENDING)
        call->state.took_ns = took; /* the answer may have come earlier, with complete() */
    pthread_mutex_lock(&host->lock);
    if (!is_unfinished)
        call_take_verdict(call, verdict);
    /* Not for one that was cancelled from within its own operation: the timer would outlive it. */
    if (!(call->state.flags & CALL_SETTLED))
        set_deadline(call);
    if (!is_unfinished) {
        serve_and_unlock(call);
        return;
    }
    pthread_mutex_unlock(&host->lock);
    submit(call);
}

static void run_on_pool(struct plugin_call *call)
{
    call->state.started_ns = clock_now_ns();
    set_deadline(call);
    submit(call);
}

/* In the instance's own process. What cannot be asked there is over at once. */
static void run_remotely(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    call->state.started_ns = clock_now_ns();
    int32_t verdict = remote_call(call);
    pthread_mutex_lock(&host->lock);
    if (verdict < 0)
        call_take_verdict(call, verdict);
    else
        set_deadline(call);
    serve_and_unlock(call);
}

static void on_deferred(struct reactor_task *task)
{
    struct plugin_call *call = container_of(task, struct plugin_call, state.task);
    struct plugin_host *host = call->instance->host;
    pthread_mutex_lock(&host->lock);
    call->state.flags &= ~(uint32_t)(CALL_DEFERRED | CALL_POSTED);
    pthread_mutex_unlock(&host->lock);
    task->run = on_task;
    call->instance->deferred--;
    run_inline(call);
}

/* A plugin on the loop is not entered again while it, or another, is in a service of the host's:
 * that call waits until the stack is clear, and later ones queue up behind it. */
static void run_on_reactor(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    if (!plugin_position() && call->instance->deferred == 0) {
        run_inline(call);
        return;
    }
    pthread_mutex_lock(&host->lock);
    call->state.flags |= CALL_DEFERRED | CALL_POSTED;
    pthread_mutex_unlock(&host->lock);
    call->state.task.run = on_deferred;
    call->instance->deferred++;
    reactor_defer(host->reactor, &call->state.task);
}

/* The end of a call that never began. */
static void refuse(struct plugin_call *call, int32_t verdict)
{
    call->on_done(call, verdict, NULL);
    call->on_release(call);
}

void plugin_call_start(struct plugin_call *call)
{
    struct plugin_instance *instance = call->instance;
    struct plugin_host *host = instance->host;
    const struct plugin_operation_info *info = plugin_operation_info(call->operation);

    if (!plugin_instance_offers(instance, call->operation)) {
        refuse(call, info->interface == PLUGIN_FS ? SP_E_UNSUPPORTED : SP_NEXT);
        return;
    }
    counting_asked(instance, call->operation);
    if (counting_is_disabled(instance)) {
        count_failure(call);
        refuse(call, SP_E_FAILED);
        return;
    }
    if (!instance->is_started || (call->epoch && call->epoch != instance->epoch)) {
        refuse(call, SP_E_STALE);
        return;
    }
    call->state.flags = CALL_BUSY;
    call->state.task.run = on_task;
    call->state.job.run = run;
    pthread_mutex_lock(&host->lock);
    call->state.token = idmap_add(&host->tokens, call, 0);
    if (call->state.token)
        list_append(&instance->calls, &call->state.link);
    pthread_mutex_unlock(&host->lock);
    if (!call->state.token) {
        refuse(call, SP_E_NOMEM);
        return;
    }
    if (call->strands)
        call->strands->users++;
    call->event->operation = info->slot;
    call->event->token = call->state.token;
    if (instance->remote)
        run_remotely(call);
    else if (instance->threading == THREADING_REACTOR)
        run_on_reactor(call);
    else
        run_on_pool(call);
}

void call_drop_queued(struct plugin_instance *instance)
{
    struct plugin_host *host = instance->host;
    pthread_mutex_lock(&host->lock);
    list_for_each (node, &instance->calls)
        drop_queued(container_of(node, struct plugin_call, state.link));
    if (pool_cancel(host->pool, &instance->tick_job)) {
        instance->is_ticking = false;
        call_leave_pool(instance);
    }
    pthread_mutex_unlock(&host->lock);
}

bool call_is_awaited(struct plugin_instance *instance)
{
    struct plugin_host *host = instance->host;
    bool is_awaited = false;
    pthread_mutex_lock(&host->lock);
    list_for_each (node, &instance->calls)
        is_awaited |=
            !(container_of(node, struct plugin_call, state.link)->state.flags & CALL_DELIVERED);
    pthread_mutex_unlock(&host->lock);
    return is_awaited;
}

void call_release_all(struct plugin_instance *instance)
{
    struct plugin_host *host = instance->host;
    for (;;) {
        pthread_mutex_lock(&host->lock);
        struct list *node = list_first(&instance->calls);
        struct plugin_call *call = node ? container_of(node, struct plugin_call, state.link) : NULL;
        bool is_delivered = call && (call->state.flags & CALL_DELIVERED);
        if (call) {
            call->state.flags |= CALL_DELIVERED;
            call_forget(call);
        }
        pthread_mutex_unlock(&host->lock);
        if (!call)
            return;
        reactor_timer_cancel(host->reactor, &call->state.deadline);
        reactor_task_cancel(host->reactor, &call->state.task);
        if (!is_delivered)
            call->on_done(call, SP_E_STALE, NULL);
        release(call);
    }
}
