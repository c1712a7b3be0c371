/* recorder.c: the hook that writes down. See recorder.h. */
#include "recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *by(uint32_t decided)
{
    return decided == SP_SFTP_BY_PROVIDER ? "provider"
           : decided == SP_SFTP_BY_CORE   ? "core"
                                          : "hook";
}

int32_t recorder_hook(struct plugin_instance *instance, const struct sp_sftp_event *event,
                      bool is_after, struct sp_sftp_reply *reply)
{
    struct record *record = instance->arg;
    char *seen = record->into ? record->into->seen : record->seen;
    size_t used = strlen(seen);
    int length = snprintf(seen + used, sizeof record->seen - used, "%s%c%s %s", record->name,
                          is_after ? '>' : '<', event->name.data, event->path.data);
    used += (size_t)length;
    if (event->target.len > 0)
        used +=
            (size_t)snprintf(seen + used, sizeof record->seen - used, " to %s", event->target.data);
    if (is_after)
        used += (size_t)snprintf(seen + used, sizeof record->seen - used, " %u %s", event->status,
                                 by(event->decided));
    snprintf(seen + used, sizeof record->seen - used, "\n");
    record->last = *event;
    record->existing = event->existing ? (int64_t)event->existing->size : -1;
    record->existing_target = event->existing_target ? (int64_t)event->existing_target->size : -1;
    snprintf(record->mount, sizeof record->mount, "%s", event->mount.data);
    if (event->data.len > 0)
        snprintf(record->data, sizeof record->data, "%.*s", (int)event->data.len, event->data.data);
    if (!record->on || strcmp(record->on, event->name.data) != 0 || record->after != is_after)
        return SP_NEXT;
    uint32_t size = reply->head.struct_size;
    *reply = record->reply;
    reply->head.struct_size = size;
    return record->verdict;
}

struct record records[MOCK_HOOKS];

struct mock *with_hooks(int count)
{
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    for (int i = 0; i < count; i++)
        mock_hook(mock, recorder_hook)->arg = &records[i];
    client_start(mock);
    return mock;
}

void expect_seen(const char *lines)
{
    assert_string_equal(records[0].seen, lines);
    records[0].seen[0] = '\0';
}

struct sp_str str(const char *text)
{
    return (struct sp_str){text, strlen(text)};
}

struct sp_sftp_reply *answers(int index, const char *on, bool after, int32_t verdict)
{
    struct record *record = &records[index];
    record->on = on;
    record->after = after;
    record->verdict = verdict;
    memset(&record->reply, 0, sizeof record->reply);
    record->reply.head.verdict = verdict;
    return &record->reply;
}
