/*
 * log_feed.c: from any thread that logs, through a queue for each plugin, to the plugins on the
 * reactor thread. A record is copied once for all of them.
 *
 * Nothing that comes of the plugins' own work is handed over, or each record would make the next:
 * not what names one of them as its instance, and not what is logged while one of them is on the
 * thread's stack with a record.
 */
#include "session/log_feed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "plugin/call.h"

enum {
    QUEUE_RECORDS = 1024,      /* that wait for one plugin … */
    QUEUE_BYTES = 1024 * 1024, /* … and what they take */
    UNDER_WAY = 16,            /* handed over and not yet released */
};

/* A record's place in the queue for one plugin. */
struct place {
    struct list link;
    uint64_t dropped; /* between the one before it and this one */
};

struct record {
    unsigned references; /* queues it is in, and deliveries */
    size_t bytes;
    uint32_t level;
    int64_t time_ms;
    struct sp_str name, text;
    struct place places[]; /* one for each outlet; the two texts follow */
};

struct outlet {
    struct plugin_instance *instance;
    char *name;        /* of its own: there may be something to log when the instance is gone */
    struct list queue; /* struct place */
    uint32_t count;
    size_t bytes;
    uint64_t dropped;
    uint32_t under_way; /* reactor thread */
};

struct log_feed {
    struct reactor *reactor;
    struct plugin_strands *strands; /* keep each plugin's records in order */
    struct reactor_task task;
    pthread_mutex_t lock; /* queues and references */
    size_t count;
    struct outlet outlets[];
};

struct delivery {
    struct plugin_call call;
    struct sp_log_event event;
    struct log_feed *feed;
    struct outlet *outlet;
    struct record *record;
};

/* --- from any thread -------------------------------------------------------------------------- */

static bool is_of_a_plugin_of_ours(const struct log_feed *feed, const struct log_sight *sight)
{
    const struct plugin_position *position = plugin_position();

    if (position &&
        strcmp(position->operation, plugin_operation_info(PLUGIN_LOG_record)->name) == 0)
        return true;
    for (const struct log_field *field = sight->fields; field->key; field++) {
        if (field->kind != LOG_KIND_TEXT || strcmp(field->key, "instance") != 0)
            continue;
        for (size_t i = 0; i < feed->count; i++) {
            const char *name = feed->outlets[i].name;
            if (strlen(name) == field->length &&
                memcmp(name, field->value.text, field->length) == 0)
                return true;
        }
    }
    return false;
}

static struct sp_str put(char **at, const char *text, size_t length)
{
    struct sp_str copy = {memcpy(*at, text, length), length};

    (*at)[length] = '\0';
    *at += length + 1;
    return copy;
}

static struct record *record_new(const struct log_feed *feed, const struct log_sight *sight)
{
    size_t name_length = strlen(sight->event);
    size_t bytes = sizeof(struct record) + feed->count * sizeof(struct place) + name_length + 1 +
                   sight->length + 1;
    struct record *record = malloc(bytes);
    char *at;

    if (!record)
        return NULL;
    at = (char *)&record->places[feed->count];
    *record =
        (struct record){.bytes = bytes, .level = (uint32_t)sight->level, .time_ms = sight->time_ms};
    record->name = put(&at, sight->event, name_length);
    record->text = put(&at, sight->text, sight->length);
    return record;
}

static void on_sight(void *arg, const struct log_sight *sight)
{
    struct log_feed *feed = arg;
    struct record *record;
    bool is_kept = false;

    if (is_of_a_plugin_of_ours(feed, sight))
        return;
    record = record_new(feed, sight);
    pthread_mutex_lock(&feed->lock);
    for (size_t i = 0; i < feed->count; i++) {
        struct outlet *outlet = &feed->outlets[i];
        if (!record || outlet->count >= QUEUE_RECORDS ||
            outlet->bytes + record->bytes > QUEUE_BYTES) {
            outlet->dropped++;
            continue;
        }
        record->places[i].dropped = outlet->dropped;
        outlet->dropped = 0;
        list_append(&outlet->queue, &record->places[i].link);
        outlet->count++;
        outlet->bytes += record->bytes;
        record->references++;
        is_kept = true;
    }
    pthread_mutex_unlock(&feed->lock);
    if (is_kept)
        reactor_post(feed->reactor, &feed->task);
    else
        free(record);
}

/* --- on the reactor thread -------------------------------------------------------------------- */

static void record_unref(struct log_feed *feed, struct record *record)
{
    bool is_last;

    pthread_mutex_lock(&feed->lock);
    is_last = --record->references == 0;
    pthread_mutex_unlock(&feed->lock);
    if (is_last)
        free(record);
}

/* The next record for the outlet, which becomes the caller's, and how many were lost before it. */
static struct record *take(struct log_feed *feed, struct outlet *outlet, uint64_t *ret_dropped)
{
    struct record *record = NULL;
    struct list *link;

    pthread_mutex_lock(&feed->lock);
    link = list_take_first(&outlet->queue);
    if (link) {
        struct place *place = container_of(link, struct place, link);
        record = container_of(place - (outlet - feed->outlets), struct record, places);
        outlet->count--;
        outlet->bytes -= record->bytes;
        *ret_dropped = place->dropped;
    }
    pthread_mutex_unlock(&feed->lock);
    return record;
}

static void lose(struct log_feed *feed, struct outlet *outlet, uint64_t dropped)
{
    pthread_mutex_lock(&feed->lock);
    outlet->dropped += dropped + 1;
    pthread_mutex_unlock(&feed->lock);
}

static void on_done(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    (void)call, (void)verdict, (void)reply;
}

static void on_release(struct plugin_call *call)
{
    struct delivery *delivery = container_of(call, struct delivery, call);
    struct log_feed *feed = delivery->feed;

    delivery->outlet->under_way--;
    record_unref(feed, delivery->record);
    free(delivery);
    reactor_defer(feed->reactor, &feed->task);
}

static void hand_over(struct log_feed *feed, struct outlet *outlet, struct record *record,
                      uint64_t dropped)
{
    struct delivery *delivery = calloc(1, sizeof *delivery);

    if (!delivery) {
        record_unref(feed, record);
        lose(feed, outlet, dropped);
        return;
    }
    delivery->feed = feed;
    delivery->outlet = outlet;
    delivery->record = record;
    delivery->event = (struct sp_log_event){
        .head = {.struct_size = sizeof delivery->event},
        .level = record->level,
        .time_ms = record->time_ms,
        .dropped = dropped,
        .name = record->name,
        .text = record->text,
    };
    delivery->call = (struct plugin_call){
        .instance = outlet->instance,
        .operation = PLUGIN_LOG_record,
        .event = &delivery->event.head,
        .strands = feed->strands,
        .on_done = on_done,
        .on_release = on_release,
    };
    outlet->under_way++;
    plugin_call_start(&delivery->call);
}

static void on_task(struct reactor_task *task)
{
    struct log_feed *feed = container_of(task, struct log_feed, task);

    for (size_t i = 0; i < feed->count; i++) {
        struct outlet *outlet = &feed->outlets[i];
        uint64_t dropped;
        struct record *record;
        /* Not more than there is room for: those that are finished at once come back here. */
        for (int n = 0; n < UNDER_WAY && outlet->under_way < UNDER_WAY &&
                        (record = take(feed, outlet, &dropped));
             n++)
            hand_over(feed, outlet, record, dropped);
    }
}

struct log_feed *log_feed_new(struct plugin_host *host, struct reactor *reactor,
                              const struct chain *chain)
{
    struct log_feed *feed = calloc(1, sizeof *feed + chain->count * sizeof *feed->outlets);

    bool is_whole = true;

    if (!feed)
        return NULL;
    feed->strands = plugin_strands_new(host);
    feed->reactor = reactor;
    feed->task.run = on_task;
    feed->count = chain->count;
    pthread_mutex_init(&feed->lock, NULL);
    for (size_t i = 0; i < chain->count; i++) {
        feed->outlets[i].instance = chain->instances[i];
        feed->outlets[i].name = strdup(plugin_instance_name(chain->instances[i]));
        list_init(&feed->outlets[i].queue);
        is_whole &= feed->outlets[i].name != NULL;
    }
    if (!is_whole || !feed->strands) {
        log_feed_free(feed);
        return NULL;
    }
    log_watch(on_sight, feed);
    return feed;
}

void log_feed_free(struct log_feed *feed)
{
    struct record *record;
    uint64_t dropped;

    if (!feed)
        return;
    log_watch(NULL, NULL);
    reactor_task_cancel(feed->reactor, &feed->task);
    for (size_t i = 0; i < feed->count; i++) {
        while ((record = take(feed, &feed->outlets[i], &dropped)))
            record_unref(feed, record);
        free(feed->outlets[i].name);
    }
    plugin_strands_free(feed->strands);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}
