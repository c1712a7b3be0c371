/*
 * answer.c: what plugins do about a question: complete it, or leave it to a thread that may block.
 * Called by service.c, on any thread, and by remote.c for what a plugin's own process answers.
 */
#include "plugin/call_state.h"
#include "plugin/frame.h"

/* An answer to no question that is open: say which, if it was answered lately. */
static int32_t refuse_answer(struct plugin_instance *instance, sp_token token,
                             const struct recent_token *recent)
{
    if (token != 0 && recent->token == token)
        call_log(LOG_LEVEL_WARNING, "plugin.answered_twice", instance, recent->operation);
    else
        log_warning("plugin.bad_token", LOG_TEXT("instance", instance->name),
                    LOG_U64("token", token));
    return SP_E_STALE;
}

/* Copy the reply into the call. Returns the verdict it has then. */
static int32_t take_reply(struct plugin_call *call, const struct sp_reply *reply)
{
    const char *fault = "struct_size";
    int32_t rc = SP_E_INVALID;
    if (reply && reply->struct_size >= sizeof *reply)
        rc = reply_copy(plugin_operation_info(call->operation)->reply, reply, &call->state.room,
                        &call->state.reply, &fault);
    if (rc == 0)
        return call->state.reply->verdict;
    log_warning("plugin.bad_reply", LOG_TEXT("instance", call->instance->name),
                LOG_TEXT("operation", call_operation_name(call->operation)),
                LOG_TEXT("field", rc == SP_E_NOMEM ? "(out of memory)" : fault));
    return rc;
}

/* The call is settled already. With the lock. */
static void keep_late(struct plugin_call *call)
{
    call_log_late(call);
    if (call->on_late && call->state.reply)
        call->state.flags |= CALL_LATE;
}

int32_t call_complete(struct plugin_instance *instance, sp_token token,
                      const struct sp_reply *reply)
{
    struct plugin_host *host = instance->host;

    pthread_mutex_lock(&host->lock);
    struct plugin_call *call = idmap_get(&host->tokens, token);
    if (!call || call->instance != instance || (call->state.flags & CALL_CLAIMED)) {
        struct recent_token recent = *call_recent(host, token);
        if (call && call->instance == instance)
            recent = (struct recent_token){token, call->operation};
        pthread_mutex_unlock(&host->lock);
        return refuse_answer(instance, token, &recent);
    }
    call->state.flags |= CALL_CLAIMED;
    bool is_lost = (call->state.flags & CALL_SETTLED) && !call->on_late;
    pthread_mutex_unlock(&host->lock);

    /* Claimed and not ready: the call cannot go away meanwhile. */
    int32_t verdict = is_lost ? SP_E_STALE : take_reply(call, reply);

    pthread_mutex_lock(&host->lock);
    bool is_late = call->state.flags & CALL_SETTLED;
    call->state.flags |= CALL_READY;
    if (is_late)
        keep_late(call);
    else
        call_settle(call, verdict, call->state.reply ? CALL_IS_REPLY : 0);
    is_lost = is_late && !(call->state.flags & CALL_LATE);
    int32_t rc = is_lost ? SP_E_STALE : call->state.reply ? 0 : SP_E_INVALID;
    /* On the operation's own thread its return sees to the rest. */
    bool wakes = !frame_is_of(call) && call_post(call);
    pthread_mutex_unlock(&host->lock);
    if (wakes)
        reactor_wake(host->reactor);
    return rc;
}

int32_t call_run_blocking(struct plugin_instance *instance, sp_token token,
                          int32_t (*run_it)(void *self, const struct sp_event *event))
{
    struct plugin_host *host = instance->host;
    int32_t rc = SP_PENDING;
    pthread_mutex_lock(&host->lock);
    struct plugin_call *call = idmap_get(&host->tokens, token);
    if (!call || call->instance != instance || !frame_is_of(call))
        rc = SP_E_STALE;
    else if (!run_it || call->state.blocking)
        rc = SP_E_INVALID;
    else
        call->state.blocking = run_it; /* under the lock: a deadline may look at it */
    pthread_mutex_unlock(&host->lock);
    return rc;
}

/* --- answers from an instance's own process; reactor thread ----------------------------------- */

struct plugin_call *call_find(struct plugin_instance *instance, sp_token token)
{
    struct plugin_host *host = instance->host;
    pthread_mutex_lock(&host->lock);
    struct plugin_call *call = idmap_get(&host->tokens, token);
    pthread_mutex_unlock(&host->lock);
    return call && call->instance == instance ? call : NULL;
}

void call_answered(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    struct plugin_host *host = call->instance->host;
    if (call->state.flags & CALL_CLAIMED)
        return;
    if (reply && (call->on_late || !(call->state.flags & CALL_SETTLED)))
        verdict = take_reply(call, reply);
    pthread_mutex_lock(&host->lock);
    call->state.flags |= CALL_CLAIMED | CALL_READY;
    if (call->state.flags & CALL_SETTLED)
        keep_late(call);
    else
        call_settle(call, verdict, call->state.reply ? CALL_IS_REPLY : 0);
    call_post(call); /* the loop does not wait: this is its thread */
    pthread_mutex_unlock(&host->lock);
}

/* Without an answer before it, nobody will ever give one. With the lock. */
static void give_up(struct plugin_call *call, int32_t verdict)
{
    if (!(call->state.flags & CALL_SETTLED))
        call_settle(call, verdict, 0);
    call->state.flags &= ~(uint32_t)CALL_BUSY;
    call_post(call);
}

void call_returned(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    pthread_mutex_lock(&host->lock);
    give_up(call, SP_E_FAILED);
    pthread_mutex_unlock(&host->lock);
}

void call_fail_all(struct plugin_instance *instance, int32_t verdict)
{
    struct plugin_host *host = instance->host;
    pthread_mutex_lock(&host->lock);
    list_for_each (node, &instance->calls)
        give_up(container_of(node, struct plugin_call, state.link), verdict);
    pthread_mutex_unlock(&host->lock);
}
