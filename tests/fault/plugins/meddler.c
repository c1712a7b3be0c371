/*
 * meddler: a hook on operations on files that does what its configuration says, good or bad, and
 * writes down what it was asked. Compiled for each threading.
 *
 *   rules   a list; the first that is for the operation holds:
 *     on        the operation's name; any
 *     path      the event's path; any
 *     after     true: for after(), else for before()
 *     do        allow, deny, take, fail, crash, never, garbage, wild, lie
 *     status, text, path_to, target, flags, mode, size, offset, length, file, data, data_bytes,
 *     entries, entries_count, final
 *               of the reply; what is there is also what changes
 *   quiet   true: nothing is written down
 */
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

#define ENTRIES_MAX 200

struct meddler {
    const struct sp_host *host;
    json_t *config;
};

static bool says(const json_t *rule, const char *key, struct sp_str value)
{
    const char *wanted = json_string_value(json_object_get(rule, key));
    return !wanted || (strlen(wanted) == value.len && memcmp(wanted, value.data, value.len) == 0);
}

static const json_t *rule_for(const struct meddler *self, const struct sp_sftp_event *event,
                              bool is_after)
{
    size_t index;
    json_t *rule;
    json_array_foreach(json_object_get(self->config, "rules"), index,
                       rule) if (says(rule, "on", event->name) && says(rule, "path", event->path) &&
                                 json_is_true(json_object_get(rule, "after")) ==
                                     is_after) return rule;
    return NULL;
}

/* "before open /f to /g file=1 …": what differs from one to another is left out if it is nothing.
 */
static void note(const struct meddler *self, const struct sp_sftp_event *event, bool is_after)
{
    static const char *const by[] = {"provider", "core", "hook"};
    char line[1024];
    int used = snprintf(line, sizeof line, "%s %s %.*s%s%.*s protocol=%u file=%llu length=%llu",
                        is_after ? "after" : "before", event->name.data, (int)event->path.len,
                        event->path.data, event->target.len ? " to " : "", (int)event->target.len,
                        event->target.len ? event->target.data : "", event->protocol,
                        (unsigned long long)event->file, (unsigned long long)event->length);
    if (is_after)
        snprintf(line + used, sizeof line - (size_t)used,
                 " status=%u by=%s count=%llu entries=%llu data=%llu", event->status,
                 by[event->decided % 3], (unsigned long long)event->count,
                 (unsigned long long)event->entries_count, (unsigned long long)event->data.len);
    else
        snprintf(line + used, sizeof line - (size_t)used, " data=%llu",
                 (unsigned long long)event->data.len);
    self->host->log(self->host, SP_LOG_INFO, sp_str_of(line));
}

static bool has(const json_t *rule, const char *key)
{
    return json_object_get(rule, key) != NULL;
}

static uint64_t number(const json_t *rule, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(rule, key));
}

static struct sp_str text(const json_t *rule, const char *key)
{
    const char *value = json_string_value(json_object_get(rule, key));
    return sp_str_of(value ? value : "");
}

static void change(struct sp_sftp_reply *reply, const json_t *rule)
{
    static const struct {
        const char *key;
        uint32_t change;
    } changes[] = {{"path_to", SP_SFTP_CHANGE_PATH},    {"target", SP_SFTP_CHANGE_TARGET},
                   {"flags", SP_SFTP_CHANGE_FLAGS},     {"mode", SP_SFTP_CHANGE_ATTRIBUTES},
                   {"size", SP_SFTP_CHANGE_ATTRIBUTES}, {"file", SP_SFTP_CHANGE_FILE},
                   {"offset", SP_SFTP_CHANGE_RANGE},    {"length", SP_SFTP_CHANGE_RANGE},
                   {"entries", SP_SFTP_CHANGE_ENTRIES}, {"entries_count", SP_SFTP_CHANGE_ENTRIES},
                   {"data", SP_SFTP_CHANGE_DATA},       {"data_bytes", SP_SFTP_CHANGE_DATA},
                   {"final", SP_SFTP_CHANGE_FINAL}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (has(rule, changes[i].key))
            reply->changes |= changes[i].change;
}

/* What a reply may point to. */
struct room {
    struct sp_fs_attributes attributes;
    struct sp_fs_entry entries[ENTRIES_MAX];
    char data[400000];
};

static void list(struct sp_sftp_reply *reply, const json_t *rule, struct room *room)
{
    const json_t *names = json_object_get(rule, "entries");
    uint64_t count = names ? json_array_size(names) : number(rule, "entries_count");
    for (uint64_t i = 0; i < count && i < ENTRIES_MAX; i++)
        room->entries[i] = (struct sp_fs_entry){
            .name = sp_str_of(names ? json_string_value(json_array_get(names, i)) : "same"),
            .attributes = {.struct_size = sizeof room->entries[i].attributes,
                           .valid = SP_ATTR_TYPE | SP_ATTR_SIZE | SP_ATTR_PERMISSIONS,
                           .type = SP_FILE_REGULAR,
                           .mode = 0644}};
    reply->entries = room->entries;
    reply->entries_count = count;
}

static void fill(struct sp_sftp_reply *reply, const json_t *rule, struct room *room)
{
    room->attributes =
        (struct sp_fs_attributes){.struct_size = sizeof room->attributes,
                                  .valid = (has(rule, "mode") ? SP_ATTR_PERMISSIONS : 0) |
                                           (has(rule, "size") ? SP_ATTR_SIZE | SP_ATTR_TYPE : 0),
                                  .type = SP_FILE_REGULAR,
                                  .mode = (uint32_t)number(rule, "mode"),
                                  .size = number(rule, "size")};
    *reply = (struct sp_sftp_reply){.head = {.struct_size = sizeof *reply},
                                    .status = (uint32_t)number(rule, "status"),
                                    .text = text(rule, "text"),
                                    .path = text(rule, "path_to"),
                                    .target = text(rule, "target"),
                                    .flags = (uint32_t)number(rule, "flags"),
                                    .file = number(rule, "file"),
                                    .offset = number(rule, "offset"),
                                    .length = number(rule, "length"),
                                    .data = text(rule, "data"),
                                    .count = number(rule, "count"),
                                    .final_path = text(rule, "final")};
    if (room->attributes.valid)
        reply->attributes = &room->attributes;
    if (has(rule, "entries") || has(rule, "entries_count"))
        list(reply, rule, room);
    if (has(rule, "data_bytes")) {
        memset(room->data, 'm', sizeof room->data);
        reply->data = (struct sp_str){room->data, number(rule, "data_bytes")};
    }
    change(reply, rule);
}

static int32_t complete(const struct meddler *self, const struct sp_sftp_event *event,
                        struct sp_sftp_reply *reply, int32_t verdict)
{
    reply->head.verdict = verdict;
    self->host->complete(self->host, event->head.token, &reply->head);
    return SP_PENDING;
}

static int32_t answer(const struct meddler *self, const struct sp_sftp_event *event,
                      const json_t *rule)
{
    const char *what = json_string_value(json_object_get(rule, "do"));
    struct sp_sftp_reply reply;
    int32_t verdict = SP_PENDING;
    struct room *room = malloc(sizeof *room);
    if (!room)
        return SP_E_NOMEM;
    fill(&reply, rule, room);
    if (!what || strcmp(what, "allow") == 0)
        verdict = complete(self, event, &reply, SP_NEXT);
    else if (strcmp(what, "deny") == 0)
        verdict = complete(self, event, &reply, SP_DENY);
    else if (strcmp(what, "take") == 0)
        verdict = complete(self, event, &reply, SP_TAKE);
    else if (strcmp(what, "fail") == 0)
        verdict = SP_E_FAILED;
    else if (strcmp(what, "garbage") == 0)
        verdict = 4711;
    else if (strcmp(what, "lie") == 0) { /* a size that it has not, and a list that is none */
        reply.entries = NULL;
        reply.entries_count = 5;
        verdict = complete(self, event, &reply, SP_TAKE);
    } else if (strcmp(what, "wild") == 0) {
        reply.path = (struct sp_str){NULL, 10};
        verdict = complete(self, event, &reply, SP_TAKE);
    } else if (strcmp(what, "crash") == 0)
        raise(SIGSEGV);
    free(room);
    return verdict; /* never: SP_PENDING, and nothing comes */
}

static int32_t asked(struct meddler *self, const struct sp_sftp_event *event, bool is_after)
{
    const json_t *rule = rule_for(self, event, is_after);
    if (!json_is_true(json_object_get(self->config, "quiet")))
        note(self, event, is_after);
    return rule ? answer(self, event, rule) : SP_NEXT;
}

static int32_t before(void *self, const struct sp_sftp_event *event)
{
    return asked(self, event, false);
}

static int32_t after(void *self, const struct sp_sftp_event *event)
{
    return asked(self, event, true);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct meddler *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    *ret_self = self;
    return 0;
}

static void destroy(void *arg)
{
    struct meddler *self = arg;
    json_decref(self->config);
    free(self);
}

static const struct sp_sftp_v1 hooks = {
    .struct_size = sizeof hooks, .before = before, .after = after};
static const struct sp_interface interfaces[] = {{SP_SFTP_INTERFACE, &hooks}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = FAULT_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
