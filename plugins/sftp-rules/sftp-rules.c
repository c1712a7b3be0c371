/*
 * sftp-rules.c: the plugin: stands before operations on files, and refuses, changes or lets through
 * what judge.c says; takes what is hidden out of answers.
 *
 * Called on the event loop ("threading": "reactor"): nothing here waits.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <jansson.h>

#include "common/pattern.h"
#include "sftp-rules/judge.h"

#define MARK_LENGTH 32u
#define PATH_ROOM (4096u + MARK_LENGTH)

struct sftp_rules {
    const struct sp_host *host;
    json_t *config;             /* what the texts are in */
    char mark[MARK_LENGTH + 1]; /* what no file's name begins with */
    struct rules rules;
    struct openings openings;
};

/* The same words whether there is nothing or it is hidden. */
static const char no_such_file[] = "No such file";

static int32_t answer(struct sftp_rules *self, const struct sp_event *event,
                      struct sp_sftp_reply *reply)
{
    reply->head.struct_size = sizeof *reply;
    self->host->complete(self->host, event->token, &reply->head);
    return SP_PENDING;
}

static int32_t deny(struct sftp_rules *self, const struct sp_event *event, uint32_t status,
                    struct sp_str text)
{
    struct sp_sftp_reply reply = {.head = {.verdict = SP_DENY}, .status = status, .text = text};
    return answer(self, event, &reply);
}

/* What is hidden is spelt out as what is missing is: the storage is asked about a name that nobody
 * has, and after() takes our part of it out of the answer. */
static int32_t resolve_unseen(struct sftp_rules *self, const struct sp_sftp_event *event)
{
    char path[PATH_ROOM];
    uint64_t at = judge_hidden_at(&self->rules, event);
    if (at > event->path.len || event->path.len + sizeof self->mark > sizeof path)
        return deny(self, &event->head, SP_FS_NO_SUCH_FILE, sp_str_of(no_such_file));
    memcpy(path, event->path.data, (size_t)at);
    memcpy(path + at, self->mark, MARK_LENGTH);
    memcpy(path + at + MARK_LENGTH, event->path.data + at, (size_t)(event->path.len - at));
    struct sp_sftp_reply reply = {.head = {.verdict = SP_NEXT},
                                  .changes = SP_SFTP_CHANGE_PATH,
                                  .path = {path, event->path.len + MARK_LENGTH}};
    return answer(self, &event->head, &reply);
}

static int32_t before(void *arg, const struct sp_sftp_event *event)
{
    struct sftp_rules *self = arg;
    struct sp_fs_attributes changed;
    struct judgement judgement = judge(&self->rules, &self->openings, event, &changed);
    bool is_right = judgement.outcome == JUDGED_RIGHT || judgement.outcome == JUDGED_CHANGED;
    if (judgement.rule && is_right && !opened_begin(&self->openings, event, judgement.rule))
        return SP_E_NOMEM;
    switch (judgement.outcome) {
    case JUDGED_RIGHT:
        return SP_NEXT;
    case JUDGED_HIDDEN:
        return deny(self, &event->head, SP_FS_NO_SUCH_FILE, sp_str_of(no_such_file));
    case JUDGED_WRONG:
        return deny(self, &event->head, judgement.status, judgement.text);
    case JUDGED_DONE: {
        struct sp_sftp_reply reply = {.head = {.verdict = SP_TAKE}, .status = SP_FS_OK};
        return answer(self, &event->head, &reply);
    }
    case JUDGED_UNSEEN:
        return resolve_unseen(self, event);
    case JUDGED_CHANGED:
        break;
    }
    struct sp_sftp_reply reply = {
        .head = {.verdict = SP_NEXT}, .changes = SP_SFTP_CHANGE_ATTRIBUTES, .attributes = &changed};
    return answer(self, &event->head, &reply);
}

/* --- answers ------------------------------------------------------------------------------- */

static bool entry_is_hidden(const struct sftp_rules *self, const struct sp_sftp_event *event,
                            struct sp_str name, char *room)
{
    size_t length = (size_t)event->path.len;
    if (memcmp("..", name.data, (size_t)(name.len < 2 ? name.len : 2)) == 0 && name.len <= 2)
        return false; /* the directory itself, and the one above */
    memcpy(room, event->path.data, length);
    if (length == 0 || room[length - 1] != '/')
        room[length++] = '/';
    memcpy(room + length, name.data, (size_t)name.len);
    struct sp_str path = {room, length + name.len};
    return rules_find(&self->rules, event->head.connection, path)->is_hidden;
}

/* The entries that may be seen, in the order they have. */
static int32_t show(struct sftp_rules *self, const struct sp_sftp_event *event)
{
    uint64_t longest = 0, shown = 0;
    for (uint64_t i = 0; i < event->entries_count; i++)
        if (event->entries[i].name.len > longest)
            longest = event->entries[i].name.len;
    char *room = malloc((size_t)(event->path.len + longest) + 2);
    struct sp_fs_entry *entries = calloc((size_t)event->entries_count, sizeof *entries);
    int32_t verdict = room && entries ? SP_NEXT : SP_E_NOMEM;
    for (uint64_t i = 0; verdict == SP_NEXT && i < event->entries_count; i++) {
        const struct sp_sftp_listed *listed = &event->entries[i];
        if (entry_is_hidden(self, event, listed->name, room))
            continue;
        struct sp_fs_entry *entry = &entries[shown++];
        entry->name = listed->name;
        if (listed->attributes)
            entry->attributes = *listed->attributes;
        else
            entry->attributes = (struct sp_fs_attributes){.struct_size = sizeof entry->attributes,
                                                          .valid = SP_ATTR_TYPE,
                                                          .type = listed->type};
    }
    if (verdict == SP_NEXT && shown < event->entries_count) {
        struct sp_sftp_reply reply = {.head = {.verdict = SP_TAKE},
                                      .status = event->status,
                                      .changes = SP_SFTP_CHANGE_ENTRIES,
                                      .entries = entries,
                                      .entries_count = shown};
        verdict = answer(self, &event->head, &reply);
    }
    free(entries);
    free(room);
    return verdict;
}

/* A path that was resolved: without our mark; and not at all if a link has led to what is hidden.
 */
static int32_t show_path(struct sftp_rules *self, const struct sp_sftp_event *event)
{
    char path[PATH_ROOM];
    struct sp_str result = event->result_path;
    const char *mark = memmem(result.data, (size_t)result.len, self->mark, MARK_LENGTH);
    if (mark && result.len < sizeof path) {
        size_t at = (size_t)(mark - result.data);
        memcpy(path, result.data, at);
        memcpy(path + at, mark + MARK_LENGTH, (size_t)result.len - at - MARK_LENGTH);
        struct sp_sftp_reply reply = {.head = {.verdict = SP_TAKE},
                                      .changes = SP_SFTP_CHANGE_PATH,
                                      .path = {path, result.len - MARK_LENGTH}};
        return answer(self, &event->head, &reply);
    }
    if (!rules_find(&self->rules, event->head.connection, result)->is_hidden)
        return SP_NEXT;
    return deny(self, &event->head, SP_FS_NO_SUCH_FILE, sp_str_of(no_such_file));
}

static int32_t after(void *arg, const struct sp_sftp_event *event)
{
    struct sftp_rules *self = arg;
    if (event->family & (SP_SFTP_OPEN | SP_SFTP_CLOSE))
        opened_end(&self->openings, event);
    if (!self->rules.hide)
        return SP_NEXT;
    /* A provider's own words would tell what is not there from what is hidden. */
    if (event->status == SP_FS_NO_SUCH_FILE)
        return deny(self, &event->head, SP_FS_NO_SUCH_FILE, sp_str_of(no_such_file));
    if (event->status != SP_FS_OK)
        return SP_NEXT;
    if (event->entries_count > 0)
        return show(self, event);
    if (event->family & SP_SFTP_RESOLVE && event->result_path.len > 0)
        return show_path(self, event);
    return SP_NEXT;
}

/* --- the instance -------------------------------------------------------------------------- */

static void destroy(void *arg)
{
    struct sftp_rules *self = arg;
    opened_clear(&self->openings);
    pthread_mutex_destroy(&self->openings.lock);
    rules_clear(&self->rules);
    json_decref(self->config);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct sftp_rules *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    pthread_mutex_init(&self->openings.lock, NULL);
    self->config = json_loads(config_json, 0, NULL);
    uint64_t random[2];
    if (getrandom(random, sizeof random, 0) != sizeof random) {
        destroy(self);
        return SP_E_FAILED;
    }
    snprintf(self->mark, sizeof self->mark, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    if (!self->config || !rules_take(&self->rules, self->config)) {
        destroy(self);
        return SP_E_NOMEM;
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
    .id = "sftp-rules",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
