/* Hooks before and after each request: what they see, what they can change, and what becomes of the
 * request if they fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"
#include "sftp/operations.h"
#include "sftp/sftp.h"

/* What a hook was asked, and what it answers. */
struct record {
    char seen[8192]; /* "<open /f" before, ">open /f 0 provider" after, one a line */
    const char *on;  /* the operation that the answer is for; others get SP_NEXT */
    bool after;      /* and which half of it */
    int32_t verdict;
    struct sp_sftp_reply reply;
    struct sp_sftp_event last; /* its numbers only */
    char data[256];            /* of the last event that had some */
    char mount[64];
    char name[16];       /* "a", "b": in front of each line, where there are two */
    struct record *into; /* another's seen, for the order of two */
};

static const char *by(uint32_t decided)
{
    return decided == SP_SFTP_BY_PROVIDER ? "provider"
           : decided == SP_SFTP_BY_CORE   ? "core"
                                          : "hook";
}

static int32_t hook(struct plugin_instance *instance, const struct sp_sftp_event *event,
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

static struct record records[MOCK_HOOKS];

/* A client, with as many hooks that record in records[]. */
static struct mock *with_hooks(int count)
{
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    for (int i = 0; i < count; i++)
        mock_hook(mock, hook)->arg = &records[i];
    client_start(mock);
    return mock;
}

static void expect_seen(const char *lines)
{
    assert_string_equal(records[0].seen, lines);
    records[0].seen[0] = '\0';
}

static void a_hook_sees_each_operation_before_and_after(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    struct handle file = open_file(mock, "a", FXF_READ | FXF_WRITE | FXF_CREAT);
    expect_seen("<open /home/demo/a\n>open /home/demo/a 0 provider\n");
    uint64_t number = records[0].last.file;
    assert_int_not_equal(number, 0);
    assert_int_equal(records[0].last.flags, SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_CREATE);
    expect_status(mock, send_write(mock, file, 3, "hello"), SP_FS_OK);
    expect_seen("<write /home/demo/a\n>write /home/demo/a 0 provider\n");
    assert_int_equal(records[0].last.file, number);
    assert_int_equal(records[0].last.offset, 3);
    assert_int_equal(records[0].last.length, 5);
    assert_int_equal(records[0].last.count, 5);
    assert_string_equal(records[0].mount, "/");
    expect_data(mock, send_read(mock, file, 4, 100), "ello");
    expect_seen("<read /home/demo/a\n>read /home/demo/a 0 provider\n");
    assert_int_equal(records[0].last.count, 4);
    close_handle(mock, file);
    expect_seen("<close /home/demo/a\n>close /home/demo/a 0 provider\n");
    assert_int_equal(records[0].last.file, number);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "a", "/b"), SP_FS_OK);
    expect_seen("<rename /home/demo/a to /b\n>rename /home/demo/a to /b 0 provider\n");
    assert_string_equal(records[0].data, ""); /* it did not ask for data */
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hook_sees_each_operation_before_and_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
