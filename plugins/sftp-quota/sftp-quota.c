/*
 * sftp-quota.c: the plugin: has what an operation takes charged before it is done, and refuses what
 * goes beyond a limit.
 *
 * Called on the event loop ("threading": "reactor"): a ledger that is mapped already is charged
 * here; one that has yet to be opened, and perhaps filled by a walk through a directory, is opened
 * on the host's pool.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sftp-quota/sftp-quota.h"

#define TOUCH_TICKS 60u
#define TEXT_ROOM 256u

static int32_t answer(struct sftp_quota *self, const struct sp_sftp_event *event,
                      struct sp_sftp_reply *reply, int32_t verdict, uint32_t status,
                      const char *text)
{
    reply->head = (struct sp_reply){.struct_size = sizeof *reply, .verdict = verdict};
    reply->status = status;
    reply->text = sp_str_of(text);
    self->host->complete(self->host, event->head.token, &reply->head);
    return SP_PENDING;
}

/* --- before() ------------------------------------------------------------------------------ */

/* The user's words: what is full, and how full. */
static void explain(const struct refusal *refusal, char out[TEXT_ROOM])
{
    snprintf(out, TEXT_ROOM, "Quota exceeded (%s): %" PRIu64 " of %" PRIu64 " %s used",
             refusal->limit->name, refusal->used, refusal->most,
             refusal->is_files ? "files" : "bytes");
}

static int32_t answer_before(struct sftp_quota *self, const struct sp_sftp_event *event,
                             int32_t verdict, const struct refusal *refusal,
                             struct sp_sftp_reply *reply)
{
    char text[TEXT_ROOM];
    struct sp_fs_attributes attributes;
    switch (verdict) {
    case SP_NEXT:
        if (reply->changes == 0)
            return SP_NEXT;
        if (reply->changes & SP_SFTP_CHANGE_ATTRIBUTES) {
            attributes = *event->attributes;
            attributes.valid &= ~SP_ATTR_SIZE;
            reply->attributes = &attributes;
        }
        return answer(self, event, reply, SP_NEXT, SP_FS_OK, "");
    case SP_DENY:
        explain(refusal, text);
        return answer(self, event, reply, SP_DENY, SP_FS_QUOTA_EXCEEDED, text);
    case SP_E_UNSUPPORTED:
        if (event->family & SP_SFTP_LINK)
            return answer(self, event, reply, SP_DENY, SP_FS_OP_UNSUPPORTED,
                          "Links cannot be made here: each file is counted by one name");
        return answer(self, event, reply, SP_DENY, SP_FS_OP_UNSUPPORTED,
                      event->family & SP_SFTP_RENAME
                          ? "Only what nobody has open can be moved here: its size counts"
                          : "This cannot be done here: how much it takes is not known");
    case SP_E_BUSY:
        return answer(self, event, reply, SP_DENY, SP_FS_FAILURE,
                      "The quota cannot be looked up now: try again");
    default:
        return verdict;
    }
}

static int32_t charge(struct sftp_quota *self, const struct sp_sftp_event *event)
{
    struct refusal refusal = {0};
    struct sp_sftp_reply reply = {.changes = 0};
    pthread_mutex_lock(&self->accounts.lock);
    int32_t verdict = charge_before(self, event, &refusal, &reply);
    pthread_mutex_unlock(&self->accounts.lock);
    return answer_before(self, event, verdict, &refusal, &reply);
}

/* The accounts of both names, held. */
static bool find_both(struct sftp_quota *self, const struct sp_sftp_event *event,
                      struct charged ret[2])
{
    const uint32_t two = SP_SFTP_RENAME | SP_SFTP_LINK;
    memset(ret, 0, 2 * sizeof *ret);
    bool is_found = accounts_find(&self->accounts, event->head.connection, event->path, &ret[0]);
    if (is_found && event->family & two)
        is_found = accounts_find(&self->accounts, event->head.connection, event->target, &ret[1]);
    accounts_hold(&ret[0]);
    accounts_hold(&ret[1]);
    return is_found;
}

static void release_both(struct charged both[2])
{
    accounts_release(&both[0]);
    accounts_release(&both[1]);
}

/* On the pool. */
static int32_t open_and_charge(void *arg, const struct sp_event *head)
{
    struct sftp_quota *self = arg;
    const struct sp_sftp_event *event = (const struct sp_sftp_event *)(const void *)head;
    struct charged both[2];
    pthread_mutex_lock(&self->accounts.lock);
    int32_t verdict = find_both(self, event, both) ? SP_NEXT : SP_E_NOMEM;
    pthread_mutex_unlock(&self->accounts.lock);
    for (int i = 0; verdict == SP_NEXT && i < 2; i++)
        if (accounts_open(&self->accounts, &both[i]) < 0)
            verdict = SP_E_FAILED;
    if (verdict == SP_NEXT)
        verdict = charge(self, event);
    pthread_mutex_lock(&self->accounts.lock);
    release_both(both);
    pthread_mutex_unlock(&self->accounts.lock);
    return verdict;
}

static int32_t before(void *arg, const struct sp_sftp_event *event)
{
    struct sftp_quota *self = arg;
    struct charged both[2];
    if (event->family & SP_SFTP_WRITE) /* the accounts of what is open are */
        return charge(self, event);
    pthread_mutex_lock(&self->accounts.lock);
    bool is_found = find_both(self, event, both);
    bool is_ready = accounts_are_ready(&both[0]) && accounts_are_ready(&both[1]);
    release_both(both);
    pthread_mutex_unlock(&self->accounts.lock);
    if (!is_found)
        return SP_E_NOMEM;
    if (!is_ready)
        return self->host->run_blocking(self->host, event->head.token, open_and_charge);
    return charge(self, event);
}

/* --- after() ------------------------------------------------------------------------------- */

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

/* A file system is no larger than what may be put there. */
static void narrow(struct sp_fs_space *space, const struct account *account)
{
    const struct limit *limit = account->limit;
    const struct ledger_file *ledger = account->ledger.file;
    uint64_t unit = space->fragment_size > 0 ? space->fragment_size : 1;
    if (limit->bytes != UINT64_MAX) {
        uint64_t left = limit->bytes > ledger->bytes ? limit->bytes - ledger->bytes : 0;
        space->blocks = at_most(space->blocks, limit->bytes / unit);
        space->blocks_free = at_most(space->blocks_free, left / unit);
        space->blocks_available = at_most(space->blocks_available, left / unit);
    }
    if (limit->files != UINT64_MAX) {
        uint64_t left = limit->files > ledger->files ? limit->files - ledger->files : 0;
        space->files = at_most(space->files, limit->files);
        space->files_free = at_most(space->files_free, left);
        space->files_available = at_most(space->files_available, left);
    }
}

static int32_t after_space(struct sftp_quota *self, const struct sp_sftp_event *event)
{
    struct charged charged;
    struct sp_fs_space space = *event->space;
    pthread_mutex_lock(&self->accounts.lock);
    bool is_known = accounts_find(&self->accounts, event->head.connection, event->path, &charged);
    for (size_t i = 0; is_known && i < charged.count; i++)
        if (charged.items[i]->state == ACCOUNT_READY)
            narrow(&space, charged.items[i]);
    pthread_mutex_unlock(&self->accounts.lock);
    struct sp_sftp_reply reply = {.changes = SP_SFTP_CHANGE_SPACE, .space = &space};
    return answer(self, event, &reply, SP_TAKE, SP_FS_OK, "");
}

static int32_t after(void *arg, const struct sp_sftp_event *event)
{
    struct sftp_quota *self = arg;
    if (event->family & SP_SFTP_ATTRIBUTES_GET)
        return event->space ? after_space(self, event) : SP_NEXT;
    pthread_mutex_lock(&self->accounts.lock);
    struct act *act = act_take(self, event);
    charge_after(self, event, act);
    act_free(act);
    pthread_mutex_unlock(&self->accounts.lock);
    return SP_NEXT;
}

/* --- the instance -------------------------------------------------------------------------- */

static void tick(void *arg)
{
    struct sftp_quota *self = arg;
    pthread_mutex_lock(&self->accounts.lock);
    if (++self->ticks % TOUCH_TICKS == 0)
        for (size_t i = 0; i < BUCKETS; i++)
            for (struct open_file *file = self->files[i]; file; file = file->next)
                charge_touch(&file->counted);
    accounts_tick(&self->accounts);
    pthread_mutex_unlock(&self->accounts.lock);
}

static void destroy(void *arg)
{
    struct sftp_quota *self = arg;
    tables_free(self);
    accounts_free(&self->accounts);
    json_decref(self->config);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct sftp_quota *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    const char *links = json_string_value(json_object_get(self->config, "links"));
    self->permits_links = links && strcmp(links, "allow") == 0;
    int rc = accounts_init(&self->accounts, host, self->config);
    if (rc < 0) {
        destroy(self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

static const struct sp_sftp_v1 sftp = {
    .struct_size = sizeof sftp,
    .before = before,
    .after = after,
};

static const struct sp_interface interfaces[] = {{SP_SFTP_INTERFACE, &sftp}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "sftp-quota",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
    .tick = tick,
};
