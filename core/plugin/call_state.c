/*
 * call_state.c: the steps in the life of a call. Called by call.c and answer.c on any thread, with
 * the host's lock held.
 */
#include "plugin/call_state.h"

bool call_is_finished(const struct plugin_call *call)
{
    uint32_t flags = call->state.flags;
    if (flags & CALL_BUSY)
        return false;
    return flags & CALL_CLAIMED ? flags & CALL_READY : !(flags & CALL_AWAITED);
}

void call_settle(struct plugin_call *call, int32_t verdict, uint32_t flags)
{
    call->state.verdict = verdict;
    call->state.flags |= CALL_SETTLED | flags;
}

/* What is wrong with it is logged here, under the lock: later, the instance may be gone. */
void call_take_verdict(struct plugin_call *call, int32_t verdict)
{
    struct plugin_call_state *state = &call->state;
    state->flags &= ~(uint32_t)CALL_BUSY;
    if (verdict == SP_PENDING) {
        state->flags |= CALL_AWAITED;
    } else if (state->flags & CALL_CLAIMED) {
        call_log(LOG_LEVEL_WARNING, "plugin.answered_twice", call->instance, call->operation);
    } else {
        state->flags |= CALL_CLAIMED | CALL_READY;
        if (state->flags & CALL_SETTLED)
            call_log_late(call);
        else
            call_settle(call, verdict, 0);
    }
}

/* Asked of our flag and not of the reactor: its own is already gone while on_task waits for the
 * lock, and a second run would find the call released by the first. */
bool call_post(struct plugin_call *call)
{
    if (call->state.flags & CALL_POSTED)
        return false;
    call->state.flags |= CALL_POSTED;
    return reactor_enqueue(call->instance->host->reactor, &call->state.task);
}

void call_forget(struct plugin_call *call)
{
    struct plugin_host *host = call->instance->host;
    idmap_remove(&host->tokens, call->state.token);
    *call_recent(host, call->state.token) =
        (struct recent_token){call->state.token, call->operation};
    list_remove(&call->state.link);
}

struct recent_token *call_recent(struct plugin_host *host, sp_token token)
{
    return &host->recent[(token ^ token >> 32) % RECENT_TOKENS];
}

void call_leave_pool(struct plugin_instance *instance)
{
    instance->running--;
    pthread_cond_broadcast(&instance->host->stopped_running);
}

const char *call_operation_name(enum plugin_operation operation)
{
    return plugin_operation_info(operation)->name;
}

void call_log(enum log_level level, const char *event, const struct plugin_instance *instance,
              enum plugin_operation operation)
{
    log_at(level, event, LOG_TEXT("instance", instance->name),
           LOG_TEXT("operation", call_operation_name(operation)));
}

void call_log_late(const struct plugin_call *call)
{
    call_log(call->state.flags & CALL_EXPIRED ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "plugin.late",
             call->instance, call->operation);
}
