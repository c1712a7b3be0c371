/* chain.c: asks one plugin after the other. Each is given an event head of its own, since one that
 * missed its deadline may still be reading while the next is asked. */
#include "session/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "session/snapshot.h"

struct chain_run {
    struct chain_run **slot;
    struct chain chain;
    size_t next;
    enum plugin_operation operation;
    const struct sp_event *event; /* the first copy, from which the others are made */
    struct plugin_strands *strands;
    chain_done done; /* NULL once called or cancelled, or if nobody wants to know */
    void *owner;
    void (*release)(void *memory);
    void *memory;
    unsigned references; /* steps not yet released, and the asker's */
    struct chain_step *current;
};

struct chain_step {
    struct plugin_call call;
    struct chain_run *run;
    _Alignas(16) unsigned char event[];
};

static void run_unref(struct chain_run *run)
{
    if (--run->references > 0)
        return;
    run->release(run->memory);
    snapshot_unref(run->event->connection);
    free((void *)(uintptr_t)run->event);
    free(run);
}

static void finish(struct chain_run *run, int32_t verdict, const struct sp_reply *reply,
                   const struct plugin_instance *by)
{
    chain_done done = run->done;

    run->done = NULL;
    run->current = NULL;
    if (done && run->slot)
        *run->slot = NULL;
    if (done)
        done(run->owner, verdict, reply, by);
}

static void ask_next(struct chain_run *run);

static void on_done(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    struct chain_step *step = container_of(call, struct chain_step, call);
    struct chain_run *run = step->run;

    if (verdict < 0 && plugin_instance_on_error_next(call->instance))
        verdict = SP_NEXT;
    if (verdict == SP_NEXT)
        ask_next(run);
    else
        finish(run, verdict, reply, call->instance);
}

static void on_release(struct plugin_call *call)
{
    struct chain_step *step = container_of(call, struct chain_step, call);
    struct chain_run *run = step->run;

    free(step);
    run_unref(run);
}

static void ask_next(struct chain_run *run)
{
    struct chain_step *step;
    struct plugin_instance *instance = NULL;

    while (run->next < run->chain.count && !instance) {
        size_t place = run->next++;
        instance = run->chain.instances[place];
        if ((place < 64 && (run->chain.skip >> place & 1)) ||
            !plugin_instance_offers(instance, run->operation))
            instance = NULL;
    }
    if (!instance) {
        finish(run, SP_NEXT, NULL, NULL);
        return;
    }
    step = calloc(1, sizeof *step + run->event->struct_size);
    if (!step) {
        finish(run, SP_E_NOMEM, NULL, instance);
        return;
    }
    memcpy(step->event, run->event, run->event->struct_size);
    step->run = run;
    step->call.instance = instance;
    step->call.operation = run->operation;
    step->call.event = (struct sp_event *)(void *)step->event;
    step->call.strands = run->strands;
    step->call.on_done = on_done;
    step->call.on_release = on_release;
    run->references++;
    run->current = step;
    plugin_call_start(&step->call);
}

void chain_start(struct chain_run **slot, const struct chain *chain,
                 enum plugin_operation operation, const struct sp_event *event,
                 struct plugin_strands *strands, chain_done done, void *owner,
                 void (*release)(void *memory), void *memory)
{
    struct chain_run *run = calloc(1, sizeof *run);
    struct sp_event *copy = malloc(event->struct_size);

    if (!run || !copy) {
        free(run);
        free(copy);
        if (done)
            done(owner, SP_E_NOMEM, NULL, NULL);
        release(memory);
        return;
    }
    memcpy(copy, event, event->struct_size);
    if (copy->connection)
        snapshot_ref(copy->connection);
    *run = (struct chain_run){
        .slot = slot,
        .chain = *chain,
        .operation = operation,
        .event = copy,
        .strands = strands,
        .done = done,
        .owner = owner,
        .release = release,
        .memory = memory,
        .references = 1,
    };
    if (slot)
        *slot = run;
    ask_next(run);
    run_unref(run);
}

void chain_cancel(struct chain_run **slot)
{
    struct chain_run *run = *slot;

    if (!run)
        return;
    *slot = NULL;
    run->done = NULL;
    if (run->current)
        plugin_call_cancel(&run->current->call);
}
