/*
 * listing.c: the list of connections and their channels, gathered from every worker. One is
 * gathered at a time; who asks meanwhile gets the next, so that nobody is shown what was true
 * before he asked. Called by control_commands.c, and for workers' messages. Supervisor's thread.
 */
#include <stdlib.h>
#include <string.h>

#include <sallyport/channel.h>

#include "supervisor/internal.h"

#define ANSWER_MS 2000u             /* a worker that has not answered by then is left out */
#define CHANNELS_LISTED_MAX 100000u /* more would be nobody's to read */

/* Text of a client's: not always UTF-8, and cut anywhere. */
static json_t *json_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    json_t *value = json_stringn(text, length);
    if (value)
        return value;
    char *copy = strndup(text, length);
    if (!copy)
        return NULL;
    for (char *c = copy; *c; c++) {
        if (*c & 0x80)
            *c = '?';
    }
    value = json_string(copy);
    free(copy);
    return value;
}

static json_t *describe(const struct worker *worker, const struct connection_facts *facts)
{
    const struct connection_origin *origin = &facts->origin;
    return json_pack(
        "{s:I, s:o, s:I, s:o, s:I, s:o, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I}",       //
        "id", (json_int_t)origin->id,                                                        //
        "remote_address", json_text(origin->remote_address, sizeof(origin->remote_address)), //
        "remote_port", (json_int_t)origin->remote_port,                                      //
        "local_address", json_text(origin->local_address, sizeof(origin->local_address)),    //
        "local_port", (json_int_t)origin->local_port,                                        //
        "user", json_text(facts->user, sizeof(facts->user)),                                 //
        "authenticated", (int)(facts->is_authenticated != 0),                                //
        "age_ms", (json_int_t)facts->age_ms,                                                 //
        "idle_ms", (json_int_t)facts->idle_ms,                                               //
        "bytes_in", (json_int_t)facts->bytes_in,                                             //
        "bytes_out", (json_int_t)facts->bytes_out,                                           //
        "channels", (json_int_t)facts->channels,                                             //
        "client_version", json_text(facts->client_version, sizeof(facts->client_version)),   //
        "worker", (json_int_t)worker->pid,                                                   //
        "generation", (json_int_t)worker->generation);
}

static json_t *describe_channel(const struct channel_facts *facts)
{
    static const char *const programs[] = {[SP_REQUEST_SHELL] = "shell",
                                           [SP_REQUEST_EXEC] = "exec",
                                           [SP_REQUEST_SUBSYSTEM] = "subsystem"};
    static const char *const framings[] = {"none", "record", "line"};
    bool has_program =
        facts->request < sizeof(programs) / sizeof(programs[0]) && programs[facts->request];
    return json_pack("{s:I, s:I, s:o, s:s?, s:o, s:I, s:o, s:I, s:I, s:b, s:s}",   //
                     "connection", (json_int_t)facts->connection,                  //
                     "id", (json_int_t)facts->id,                                  //
                     "type", json_text(facts->type, sizeof(facts->type)),          //
                     "request", has_program ? programs[facts->request] : NULL,     //
                     "program", json_text(facts->program, sizeof(facts->program)), //
                     "version", (json_int_t)facts->version,                        //
                     "plugin", json_text(facts->plugin, sizeof(facts->plugin)),    //
                     "bytes_in", (json_int_t)facts->bytes_in,                      //
                     "bytes_out", (json_int_t)facts->bytes_out,                    //
                     "ready_to_send", (int)(facts->is_ready != 0),                 //
                     "framing", framings[facts->framing < 3 ? facts->framing : 0]);
}

static void begin_next(struct supervisor *supervisor);

/* Those of one connection, or of all. */
static json_t *pick(json_t *channels, uint64_t connection)
{
    json_t *picked = json_array(), *channel;
    size_t i;
    json_array_foreach(channels, i, channel)
    {
        if (!connection ||
            (uint64_t)json_integer_value(json_object_get(channel, "connection")) == connection)
            json_array_append(picked, channel);
    }
    return picked;
}

static json_t *answer_for(const struct listing *listing, const struct listing_client *client)
{
    const char *key = client->wants_channels ? "channels" : "connections";
    json_t *list = client->wants_channels ? pick(listing->channels, client->connection)
                                          : json_incref(listing->connections);
    return json_pack("{s:b, s:b, s:o}", "ok", 1, "complete", (int)listing->is_complete, key, list);
}

static void drop_lists(struct listing *listing)
{
    json_decref(listing->connections);
    json_decref(listing->channels);
    listing->connections = listing->channels = NULL;
    listing->unanswered = 0;
}

static void finish(struct supervisor *supervisor)
{
    struct listing *listing = &supervisor->listing;
    reactor_timer_cancel(supervisor->reactor, &listing->deadline);
    for (size_t i = 0; i < listing->clients_count; i++)
        control_answer(supervisor->control, listing->clients[i].client,
                       answer_for(listing, &listing->clients[i]));
    drop_lists(listing);
    listing->clients_count = 0;
    if (listing->waiting_count > 0)
        begin_next(supervisor);
}

static void on_deadline(struct reactor_timer *timer)
{
    struct supervisor *supervisor = container_of(timer, struct supervisor, listing.deadline);
    supervisor->listing.is_complete = false;
    finish(supervisor);
}

static void ask(struct worker *worker, void *arg)
{
    struct listing *listing = arg;
    const struct link_message message = {.kind = LINK_LIST, .number = listing->number};
    if (worker->state == WORKER_STARTING || worker->connections_count == 0)
        return;
    if (link_end_send(&worker->end, &message) < 0) {
        listing->is_complete = false;
        return;
    }
    worker->listing = listing->number;
    listing->unanswered++;
}

static void begin_next(struct supervisor *supervisor)
{
    struct listing *listing = &supervisor->listing;
    memcpy(listing->clients, listing->waiting, sizeof(listing->clients));
    listing->clients_count = listing->waiting_count;
    listing->waiting_count = 0;
    listing->number++;
    listing->is_complete = true;
    listing->connections = json_array();
    listing->channels = json_array();
    listing->deadline.on_time = on_deadline;
    workers_for_each(supervisor->workers, ask, listing);
    if (listing->unanswered == 0) {
        finish(supervisor);
    } else if (reactor_timer_set(supervisor->reactor, &listing->deadline, ANSWER_MS) < 0) {
        listing->is_complete = false;
        finish(supervisor);
    }
}

void listing_begin(struct supervisor *supervisor, const struct listing_client *client)
{
    struct listing *listing = &supervisor->listing;
    /* A client waits for one answer at a time, but may be replaced by another meanwhile. */
    if (listing->waiting_count == CONTROL_CLIENTS_MAX) {
        control_answer(supervisor->control, client->client, control_error("too many ask at once"));
        return;
    }
    listing->waiting[listing->waiting_count++] = *client;
    if (listing->unanswered == 0)
        begin_next(supervisor);
}

static void answered(struct supervisor *supervisor, struct worker *worker)
{
    worker->listing = 0;
    if (--supervisor->listing.unanswered == 0)
        finish(supervisor);
}

static bool is_awaited(const struct supervisor *supervisor, const struct worker *worker)
{
    return supervisor->listing.unanswered > 0 && worker->listing == supervisor->listing.number;
}

void listing_on_facts(void *arg, struct worker *worker, const struct link_message *message)
{
    struct supervisor *supervisor = arg;
    struct listing *listing = &supervisor->listing;
    if (!is_awaited(supervisor, worker) || message->number != listing->number)
        return;
    if (message->kind == LINK_FACTS_END) {
        answered(supervisor, worker);
        return;
    }
    /* No worker can make the lists longer than the table of connections, and what each may have. */
    bool is_channel = message->kind == LINK_CHANNEL_FACTS;
    uint64_t connection =
        is_channel ? message->u.channel_facts.connection : message->u.facts.origin.id;
    const struct admitted *admitted = admission_find(&supervisor->admission, connection);
    json_t *list = is_channel ? listing->channels : listing->connections;
    if (!admitted || admitted->worker != worker ||
        json_array_size(list) >=
            (is_channel ? CHANNELS_LISTED_MAX : admission_count(&supervisor->admission)))
        return;
    json_array_append_new(list, is_channel ? describe_channel(&message->u.channel_facts)
                                           : describe(worker, &message->u.facts));
}

void listing_on_gone(void *arg, struct worker *worker)
{
    struct supervisor *supervisor = arg;
    if (is_awaited(supervisor, worker)) {
        supervisor->listing.is_complete = false;
        answered(supervisor, worker);
    }
}

void listing_end(struct supervisor *supervisor)
{
    reactor_timer_cancel(supervisor->reactor, &supervisor->listing.deadline);
    drop_lists(&supervisor->listing);
}
