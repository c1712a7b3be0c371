/*
 * channel_facts.c: channels as operators see them, and their hand on one. Called for the worker's
 * link; reactor thread.
 */
#include <stdio.h>

#include "base/err.h"
#include "session/channel_internal.h"

struct channel_listing {
    void (*each)(const struct channel_facts *facts, void *arg);
    void *arg;
};

static struct channel_facts facts_of(struct channel *channel)
{
    struct channel_facts facts = {
        .connection = channel->session->origin.id,
        .id = channel->id,
        .bytes_in = channel->bytes_in,
        .bytes_out = channel->bytes_out,
        .request = channel->program,
        .version = channel->version,
        .is_ready = !channel->is_opening && !channel->wants_eof && !channel->wants_close,
    };
    struct sp_channel_info info;
    const struct plugin_instance *instance = plugin_channel_instance(channel, &info);

    snprintf(facts.type, sizeof facts.type, "%s", channel->type);
    snprintf(facts.program, sizeof facts.program, "%s", channel->program_text);
    if (instance) {
        snprintf(facts.plugin, sizeof facts.plugin, "%s", plugin_instance_name(instance));
        facts.framing = info.framing;
        facts.is_ready = facts.is_ready && info.room > 0;
    }
    return facts;
}

static void list_one(uint64_t key, void *value, void *arg)
{
    const struct session *session = value;
    const struct channel_listing *listing = arg;

    (void)key;
    list_for_each (node, &session->channels) {
        struct channel_facts facts = facts_of(channel_from_link(node));
        listing->each(&facts, listing->arg);
    }
}

void session_for_each_channel(struct session_service *service,
                              void (*each)(const struct channel_facts *facts, void *arg), void *arg)
{
    struct channel_listing listing = {.each = each, .arg = arg};

    hashmap_for_each(&service->sessions, list_one, &listing);
}

int session_close_channel(struct session_service *service, uint64_t connection, uint64_t id)
{
    struct channel *channel = channel_by_id(service, id);

    if (!channel || channel->session->origin.id != connection || channel->session->is_dead)
        return SP_ERR_NOT_FOUND;
    channel_cut(channel);
    return 0;
}
