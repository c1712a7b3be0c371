/*
 * channel_told.c: tells the plugins of the channel chain that want to know of every channel when
 * one opens and when it is gone. Called by open.c and channel.c on the reactor thread.
 */
#include <stdlib.h>
#include <string.h>

#include "session/channel_internal.h"

/* What an event points to. */
struct told {
    struct told_count *count;
    struct sp_channel_event event;
    char bytes[]; /* parameters, then type; each with a NUL */
};

static void told_free(void *arg)
{
    struct told *told = arg;

    told_end(told->count);
    free(told);
}

static struct told *told_new(struct session *session, size_t bytes)
{
    struct told *told = calloc(1, sizeof *told + bytes);

    if (told)
        told->count = told_begin(session);
    if (told && told->count)
        return told;
    free(told);
    return NULL;
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
