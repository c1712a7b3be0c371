/* tables.c: open files and operations under way, by their numbers. See sftp-quota.h. */
#include <stdlib.h>

#include "sftp-quota/sftp-quota.h"

static size_t bucket_of(sp_id channel, uint64_t number)
{
    return (size_t)((channel * 31 + number) % BUCKETS);
}

struct open_file *open_file_find(struct sftp_quota *self, sp_id channel, uint64_t file)
{
    struct open_file *found = self->files[bucket_of(channel, file)];
    while (found && !(found->channel == channel && found->file == file))
        found = found->next;
    return found;
}

struct open_file *open_file_add(struct sftp_quota *self, sp_id channel, uint64_t file)
{
    struct open_file **bucket = &self->files[bucket_of(channel, file)];
    struct open_file *added = calloc(1, sizeof *added);
    if (!added)
        return NULL;
    added->channel = channel;
    added->file = file;
    added->next = *bucket;
    *bucket = added;
    return added;
}

void open_file_remove(struct sftp_quota *self, struct open_file *file)
{
    struct open_file **at = &self->files[bucket_of(file->channel, file->file)];
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    accounts_release(&file->counted.charged);
    accounts_release(&file->replaced.charged);
    free(file);
}

struct act *act_add(struct sftp_quota *self, const struct sp_sftp_event *event)
{
    struct act **bucket = &self->acts[bucket_of(event->channel, event->act)];
    struct act *added = calloc(1, sizeof *added);
    if (!added)
        return NULL;
    added->channel = event->channel;
    added->number = event->act;
    added->next = *bucket;
    *bucket = added;
    return added;
}

struct act *act_take(struct sftp_quota *self, const struct sp_sftp_event *event)
{
    struct act **at = &self->acts[bucket_of(event->channel, event->act)];
    while (*at && !((*at)->channel == event->channel && (*at)->number == event->act))
        at = &(*at)->next;
    struct act *taken = *at;
    if (taken)
        *at = taken->next;
    return taken;
}

void act_free(struct act *act)
{
    if (!act)
        return;
    accounts_release(&act->from.charged);
    accounts_release(&act->to.charged);
    accounts_release(&act->moved.charged);
    accounts_release(&act->left);
    free(act);
}

void tables_free(struct sftp_quota *self)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        struct act *act;
        while ((act = self->acts[i])) {
            self->acts[i] = act->next;
            act_free(act);
        }
        while (self->files[i]) {
            charge_close(&self->files[i]->counted);
            open_file_remove(self, self->files[i]);
        }
    }
}
