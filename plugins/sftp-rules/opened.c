/* opened.c: rules of open files, by channel and number. See opened.h. */
#include "sftp-rules/opened.h"

#include <stdlib.h>

struct opened {
    struct opened *next;
    sp_id channel;
    uint64_t number; /* of the act while it is being opened, of the file then */
    bool is_file;
    const struct rule *rule;
};

static struct opened **find(struct openings *openings, sp_id channel, uint64_t number, bool is_file)
{
    struct opened **at = &openings->buckets[(channel * 31 + number) % OPENED_BUCKETS];
    while (*at &&
           !((*at)->channel == channel && (*at)->number == number && (*at)->is_file == is_file))
        at = &(*at)->next;
    return at;
}

static void add(struct openings *openings, struct opened *opened)
{
    struct opened **bucket =
        &openings->buckets[(opened->channel * 31 + opened->number) % OPENED_BUCKETS];
    opened->next = *bucket;
    *bucket = opened;
}

static struct opened *take(struct opened **at)
{
    struct opened *taken = *at;
    if (taken)
        *at = taken->next;
    return taken;
}

bool opened_begin(struct openings *openings, const struct sp_sftp_event *event,
                  const struct rule *rule)
{
    struct opened *opened = malloc(sizeof *opened);
    if (!opened)
        return false;
    *opened = (struct opened){.channel = event->channel, .number = event->act, .rule = rule};
    pthread_mutex_lock(&openings->lock);
    add(openings, opened);
    pthread_mutex_unlock(&openings->lock);
    return true;
}

void opened_end(struct openings *openings, const struct sp_sftp_event *event)
{
    pthread_mutex_lock(&openings->lock);
    bool is_close = event->family & SP_SFTP_CLOSE;
    uint64_t number = is_close ? event->file : event->act;
    struct opened *opened = take(find(openings, event->channel, number, is_close));
    if (opened && !is_close && event->status == SP_FS_OK && event->file != 0) {
        opened->number = event->file;
        opened->is_file = true;
        add(openings, opened);
        opened = NULL;
    }
    pthread_mutex_unlock(&openings->lock);
    free(opened);
}

const struct rule *opened_rule(struct openings *openings, sp_id channel, uint64_t file)
{
    pthread_mutex_lock(&openings->lock);
    const struct opened *opened = *find(openings, channel, file, true);
    const struct rule *rule = opened ? opened->rule : NULL;
    pthread_mutex_unlock(&openings->lock);
    return rule;
}

void opened_clear(struct openings *openings)
{
    for (size_t i = 0; i < OPENED_BUCKETS; i++)
        while (openings->buckets[i])
            free(take(&openings->buckets[i]));
}
