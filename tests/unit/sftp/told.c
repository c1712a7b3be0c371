/* told.c: see told.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "told.h"

char told[8192];
int told_count;

static void write_down(struct plugin_instance *instance, const struct sp_sftp_transfer *event)
{
    static const char *const kinds[] = {"?", "uploaded", "aborted", "downloaded"};
    size_t used = strlen(told);
    (void)instance;
    assert_int_equal(event->head.struct_size, sizeof *event);
    assert_int_equal(event->head.connection->id, 7);
    assert_int_equal(event->channel, 1);
    assert_true(event->started_ms > 0);
    assert_true(event->file > 0);
    used +=
        (size_t)snprintf(told + used, sizeof told - used, "%s %.*s %llu", kinds[event->kind],
                         (int)event->path.len, event->path.data, (unsigned long long)event->size);
    if (event->opened_path.len != event->path.len ||
        memcmp(event->opened_path.data, event->path.data, event->path.len) != 0)
        used += (size_t)snprintf(told + used, sizeof told - used, " from %.*s",
                                 (int)event->opened_path.len, event->opened_path.data);
    if (event->hash.len > 0)
        used += (size_t)snprintf(told + used, sizeof told - used, " %.*s %02x%02x",
                                 (int)event->hash_algorithm.len, event->hash_algorithm.data,
                                 (unsigned char)event->hash.data[0],
                                 (unsigned char)event->hash.data[1]);
    snprintf(told + used, sizeof told - used, "\n");
    told_count++;
}

void expect_told(const char *lines)
{
    assert_string_equal(told, lines);
    told[0] = '\0';
}

int32_t (*told_verdict)(const struct sp_sftp_event *event, bool is_after,
                        struct sp_sftp_reply *reply);

static int32_t ask_test(struct plugin_instance *instance, const struct sp_sftp_event *event,
                        bool is_after, struct sp_sftp_reply *reply)
{
    (void)instance;
    return told_verdict ? told_verdict(event, is_after, reply) : SP_NEXT;
}

static char *partial_names[] = {"*.part", ".in.*"};

struct mock *told_world(void)
{
    struct mock *mock = mock_new();
    struct plugin_instance *instance = mock_hook(mock, ask_test);
    instance->told = write_down;
    mock->session.config.sftp_partial_names.items = partial_names;
    mock->session.config.sftp_partial_names.count = 2;
    told_verdict = NULL;
    told[0] = '\0';
    told_count = 0;
    return mock;
}

struct mock *told_client(void)
{
    struct mock *mock = told_world();
    client_start(mock);
    return mock;
}

void put_text(struct mock *mock, struct handle handle, uint64_t offset, const char *text)
{
    uint32_t id = send_write(mock, handle, offset, text);
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
}

void expect_done(struct mock *mock, uint32_t id, uint32_t status)
{
    mock_settle(mock);
    expect_status(mock, id, status);
}
