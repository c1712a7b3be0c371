/*
 * channel_told.c: tells the plugins of the channel chain that want to know of every channel when
 * one opens and when it is gone. Called by open.c and channel.c on the reactor thread.
 */
#include <stdlib.h>
#include <string.h>

#include "session/channel_internal.h"

enum { TOLD_MAX = 256 /* calls that plugins are not through with, on one connection */ };

/* Outlives the connection, as the calls do. */
struct told_count {
    unsigned calls;
    bool is_left; /* by the connection */
};

/* What an event points to. */
struct told {
    struct told_count *count;
    struct sp_channel_event event;
    char bytes[]; /* parameters, then type; each with a NUL */
};

static void count_free(struct told_count *count)
{
    if (count->calls == 0 && count->is_left)
        free(count);
}

static void told_free(void *arg)
{
    struct told *told = arg;

    told->count->calls--;
    count_free(told->count);
    free(told);
}

static struct told *told_new(struct session *session, size_t bytes)
{
    struct told *told = calloc(1, sizeof *told + bytes);

    if (!session->told)
        session->told = calloc(1, sizeof *session->told);
    if (!told || !session->told) {
        free(told);
        return NULL;
    }
    told->count = session->told;
    told->count->calls++;
    return told;
}

bool channel_told_is_behind(const struct session *session)
{
    return session->told && session->told->calls >= TOLD_MAX;
}

void channel_told_forget(struct session *session)
{
    if (!session->told)
        return;
    session->told->is_left = true;
    count_free(session->told);
    session->told = NULL;
}

static void tell_one(struct channel *channel, struct plugin_instance *instance,
                     enum plugin_operation operation, struct sp_str parameters)
{
    struct session *session = channel->session;
    struct chain one = {.instances = &instance, .count = 1};
    size_t length = (size_t)parameters.len;
    struct told *told = told_new(session, length + 1 + sizeof channel->type);

    if (!told) {
        session_break(session, "channel.failed", "out of memory");
        return;
    }
    if (length)
        memcpy(told->bytes, parameters.data, length);
    memcpy(told->bytes + length + 1, channel->type, sizeof channel->type);
    told->event = (struct sp_channel_event){
        .head = {.struct_size = sizeof told->event, .connection = session->snapshot},
        .channel = channel->id,
        .type = sp_str_of(told->bytes + length + 1),
        .parameters = {told->bytes, length},
    };
    chain_start(NULL, &one, operation, &told->event.head, session->strands, NULL, NULL, told_free,
                told);
}

static void tell(struct channel *channel, enum plugin_operation operation, struct sp_str parameters,
                 const struct plugin_instance *but)
{
    const struct chain *chain = &channel->session->service->channel_chain;

    for (size_t i = 0; i < chain->count; i++)
        if (chain->instances[i] != but &&
            plugin_instance_offers(chain->instances[i], PLUGIN_CHANNEL_opened))
            tell_one(channel, chain->instances[i], operation, parameters);
}

void channel_tell_opened(struct channel *channel, struct sp_str parameters)
{
    channel->was_told = true;
    plugin_channel_opened(channel, parameters);
    tell(channel, PLUGIN_CHANNEL_opened, parameters, plugin_channel_instance(channel, NULL));
}

void channel_tell_closed(struct channel *channel)
{
    if (channel->was_told)
        tell(channel, PLUGIN_CHANNEL_closed, (struct sp_str){0},
             plugin_channel_instance(channel, NULL));
}
