/* What is told of files that have come and gone: each once, complete only if it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"
#include "sftp/sftp.h"

static char told[8192];
static int told_count;

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

/* All that was told since the last look. */
static void expect_told(const char *lines)
{
    assert_string_equal(told, lines);
    told[0] = '\0';
}

static int32_t (*verdict)(const struct sp_sftp_event *event, bool is_after,
                          struct sp_sftp_reply *reply);

static int32_t ask_test(struct plugin_instance *instance, const struct sp_sftp_event *event,
                        bool is_after, struct sp_sftp_reply *reply)
{
    (void)instance;
    return verdict ? verdict(event, is_after, reply) : SP_NEXT;
}

static char *partial_names[] = {"*.part", ".in.*"};

static struct mock *world(void)
{
    struct mock *mock = mock_new();
    struct plugin_instance *instance = mock_hook(mock, ask_test);
    instance->told = write_down;
    mock->session.config.sftp_partial_names.items = partial_names;
    mock->session.config.sftp_partial_names.count = 2;
    verdict = NULL;
    told[0] = '\0';
    told_count = 0;
    return mock;
}

static struct mock *client(void)
{
    struct mock *mock = world();
    client_start(mock);
    return mock;
}

static void put(struct mock *mock, struct handle handle, uint64_t offset, const char *text)
{
    uint32_t id = send_write(mock, handle, offset, text);
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
}

static void done(struct mock *mock, uint32_t id, uint32_t status)
{
    mock_settle(mock);
    expect_status(mock, id, status);
}

#define FXF_PUT (FXF_WRITE | FXF_CREAT | FXF_TRUNC)

/* --- uploads ------------------------------------------------------------------------------- */

static void an_upload_that_is_closed_is_complete(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 0, "hello ");
    put(mock, file, 6, "world");
    expect_told("");
    close_handle(mock, file);
    expect_told("uploaded /f 11\n");
    mock_free(mock);
    expect_told("");
}

static void an_empty_file_is_an_upload_too(void **state)
{
    (void)state;
    struct mock *mock = client();
    close_handle(mock, open_file(mock, "/f", FXF_PUT));
    expect_told("uploaded /f 0\n");
    close_handle(mock, open_file(mock, "/g", FXF_WRITE | FXF_CREAT | FXF_EXCL));
    expect_told("uploaded /g 0\n");
    mock_free(mock);
}

static void a_file_that_was_only_opened_is_none(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/f", "text");
    close_handle(mock, open_file(mock, "/f", FXF_READ | FXF_WRITE | FXF_CREAT));
    close_handle(mock, open_file(mock, "/f", FXF_WRITE | FXF_APPEND));
    open_file(mock, "/f", FXF_WRITE);
    mock_free(mock);
    expect_told("");
}

static void the_size_of_a_resumed_file_is_looked_up(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_WRITE);
    put(mock, file, 2, "xy");
    close_handle(mock, file);
    expect_told("uploaded /f 10\n");
    mock_free(mock);
}

static void what_the_client_does_not_close_is_aborted(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 0, "hello");
    open_file(mock, "/empty", FXF_PUT);
    mock_close(mock);
    mock_settle(mock);
    expect_told("aborted /f 5\naborted /empty 0\n");
    mock_free(mock);
    expect_told("");
}

/* Everything the client sends for an upload, cut off after any byte, with any number of calls
 * answered: it is complete only if the CLOSE has come whole. */
static void cut_off(size_t bytes, int steps)
{
    struct mock *mock = client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    mock->calls = MOCK_LATER;
    struct buffer all = {0};
    uint32_t id;
    for (uint64_t i = 0; i < 3; i++) {
        struct buffer *request = request_begin(SFTP_WRITE, &id);
        request_handle(request, file);
        wire_put_u64(request, 10 * i);
        request_string(request, "0123456789");
        wire_set_u32(request, 0, (uint32_t)(buffer_length(request) - 4));
        buffer_append(&all, buffer_data(request), buffer_length(request));
    }
    struct buffer *request = request_begin(SFTP_CLOSE, &id);
    request_handle(request, file);
    wire_set_u32(request, 0, (uint32_t)(buffer_length(request) - 4));
    buffer_append(&all, buffer_data(request), buffer_length(request));

    bool is_whole = bytes >= buffer_length(&all);
    mock_receive(mock, buffer_data(&all), is_whole ? buffer_length(&all) : bytes);
    for (int i = 0; i < steps; i++)
        mock_step(mock);
    mock_close(mock);
    mock_settle(mock);
    if (!is_whole)
        assert_memory_equal(told, "aborted /f ", 11);
    else if (strcmp(told, "uploaded /f 30\n") != 0)
        assert_memory_equal(told, "aborted /f ", 11);
    if (is_whole && steps >= 12) /* a hook before, the provider, a hook after */
        expect_told("uploaded /f 30\n");
    assert_int_equal(told_count, 1);
    buffer_release(&all);
    mock_free(mock);
    assert_int_equal(told_count, 1);
}

static void an_upload_cut_off_at_any_byte_is_never_complete(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= 150; bytes += 3)
        for (int steps = 0; steps <= 12; steps += 4)
            cut_off(bytes, steps);
    for (int steps = 0; steps <= 13; steps++)
        cut_off(1000, steps);
}

static void a_failed_write_makes_it_a_part(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 0, "hello");
    mock_store(mock)->fail[PLUGIN_FS_write] = SP_FS_QUOTA_EXCEEDED;
    done(mock, send_write(mock, file, 5, "more"), SP_FS_FAILURE);
    mock_store(mock)->fail[PLUGIN_FS_write] = SP_FS_OK;
    put(mock, file, 9, "and more");
    close_handle(mock, file);
    expect_told("aborted /f 13\n");
    mock_free(mock);
}

static void a_failed_close_makes_it_a_part(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 0, "hello");
    mock_store(mock)->fail[PLUGIN_FS_close] = SP_FS_FAILURE;
    done(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
    expect_told("aborted /f 5\n");
    mock_store(mock)->fail[PLUGIN_FS_close] = SP_FS_OK;
    mock_free(mock);
}

static int32_t deny_writes(const struct sp_sftp_event *event, bool is_after,
                           struct sp_sftp_reply *reply)
{
    (void)reply;
    return !is_after && event->family == SP_SFTP_WRITE ? SP_DENY : SP_NEXT;
}

static int32_t deny_close_after(const struct sp_sftp_event *event, bool is_after,
                                struct sp_sftp_reply *reply)
{
    (void)reply;
    return is_after && event->family == SP_SFTP_CLOSE ? SP_DENY : SP_NEXT;
}

static void what_hooks_refuse_makes_it_a_part(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    verdict = deny_writes;
    done(mock, send_write(mock, file, 0, "text"), SP_FS_PERMISSION_DENIED);
    close_handle(mock, file);
    expect_told("aborted /f 0\n");
    verdict = deny_close_after;
    done(mock, send_handle(mock, SFTP_CLOSE, open_file(mock, "/g", FXF_PUT)),
         SP_FS_PERMISSION_DENIED);
    expect_told("aborted /g 0\n");
    verdict = NULL;
    mock_free(mock);
}

static void several_handles_are_one_upload(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct handle first = open_file(mock, "/f", FXF_PUT);
    struct handle second = open_file(mock, "/f", FXF_WRITE);
    put(mock, second, 5, "world");
    close_handle(mock, second);
    expect_told("");
    put(mock, first, 0, "hello");
    close_handle(mock, first);
    expect_told("uploaded /f 10\n");
    mock_free(mock);
}

static void on_several_channels_too(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct channel other = {.session = &mock->session};
    list_init(&other.chunks);
    struct handle file = open_file(mock, "/f", FXF_PUT);
    assert_int_equal(sftp_builtins[0].start(&other, (struct sp_str){"", 0}), 0);
    put(mock, file, 0, "hello");
    close_handle(mock, file);
    expect_told("uploaded /f 5\n"); /* the other has not opened it */
    file = open_file(mock, "/x.part", FXF_PUT);
    close_handle(mock, file);
    mock_close(mock);
    mock_settle(mock);
    expect_told(""); /* the other channel might rename it */
    other.handler->on_closed(other.arg);
    mock_settle(mock);
    expect_told("aborted /x.part 0\n");
    mock_free(mock);
}

static void copies_on_the_server_are_none(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/from", "text");
    struct handle from = open_file(mock, "/from", FXF_READ);
    struct handle to = open_file(mock, "/to", FXF_PUT);
    done(mock, send_copy(mock, from, 0, 0, to, 0), SP_FS_OK);
    close_handle(mock, to);
    expect_told("");
    to = open_file(mock, "/to", FXF_PUT);
    done(mock, send_copy(mock, from, 0, 0, to, 0), SP_FS_OK);
    put(mock, to, 4, "more");
    close_handle(mock, to);
    expect_told("uploaded /to 8\n");
    mock_free(mock);
}

/* --- names --------------------------------------------------------------------------------- */

static void a_partial_name_is_waited_out(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct handle file = open_file(mock, "/d.part", FXF_PUT);
    put(mock, file, 0, "hello");
    close_handle(mock, file);
    expect_told("");
    done(mock, send_two_paths(mock, SFTP_RENAME, "/d.part", "/e.part"), SP_FS_OK);
    expect_told("");
    done(mock, send_two_paths(mock, SFTP_RENAME, "/e.part", "/d"), SP_FS_OK);
    expect_told("uploaded /d 5 from /d.part\n");
    done(mock, send_two_paths(mock, SFTP_RENAME, "/d", "/e"), SP_FS_OK);
    mock_free(mock);
    expect_told("");
}

static void a_resumed_part_is_one_upload(void **state)
{
    (void)state;
    struct mock *mock = client();
    struct handle file = open_file(mock, "/.in.d", FXF_PUT);
    put(mock, file, 0, "hello ");
    close_handle(mock, file);
    file = open_file(mock, "/.in.d", FXF_WRITE);
    put(mock, file, 6, "world");
    close_handle(mock, file);
    expect_told("");
    done(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/.in.d", "/d"), SP_FS_OK);
    expect_told("uploaded /d 11 from /.in.d\n");
    mock_free(mock);
}

static void a_part_that_never_gets_its_name_is_aborted(void **state)
{
    (void)state;
    struct mock *mock = client();
    close_handle(mock, open_file(mock, "/a.part", FXF_PUT));
    close_handle(mock, open_file(mock, "/b.part", FXF_PUT));
    close_handle(mock, open_file(mock, "/c.part", FXF_PUT));
    done(mock, send_path(mock, SFTP_REMOVE, "/b.part"), SP_FS_OK);
    expect_told("aborted /b.part 0\n");
    mock_store(mock)->fail[PLUGIN_FS_rename] = SP_FS_FAILURE;
    done(mock, send_two_paths(mock, SFTP_RENAME, "/a.part", "/a"), SP_FS_FAILURE);
    expect_told("");
    mock_close(mock);
    mock_settle(mock);
    expect_told("aborted /a.part 0\naborted /c.part 0\n");
    mock_free(mock);
}

static void a_directory_takes_its_files_along(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_directory(mock_store(mock), "/d");
    struct handle file = open_file(mock, "/d/f", FXF_PUT);
    close_handle(mock, open_file(mock, "/d/x.part", FXF_PUT));
    done(mock, send_two_paths(mock, SFTP_RENAME, "/d", "/e"), SP_FS_OK);
    put(mock, file, 0, "hello");
    close_handle(mock, file);
    expect_told("uploaded /e/f 5 from /d/f\n");
    done(mock, send_two_paths(mock, SFTP_RENAME, "/e/x.part", "/e/x"), SP_FS_OK);
    expect_told("uploaded /e/x 0 from /d/x.part\n");
    mock_free(mock);
}

static void a_file_that_loses_its_name_is_aborted(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/other", "text");
    struct handle file = open_file(mock, "/f", FXF_PUT);
    done(mock, send_path(mock, SFTP_REMOVE, "/f"), SP_FS_OK);
    done(mock, send_two_paths(mock, SFTP_RENAME, "/other", "/f"), SP_FS_OK);
    close_handle(mock, file);
    expect_told("aborted /f 0\n");
    file = open_file(mock, "/g", FXF_PUT);
    store_file(mock_store(mock), "/other", "text");
    done(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/other", "/g"), SP_FS_OK);
    mock_close(mock); /* the store has no file without a name */
    mock_settle(mock);
    expect_told("aborted /g 0\n");
    mock_free(mock);
}

static void a_part_that_loses_its_name_is_aborted(void **state)
{
    (void)state;
    struct mock *mock = client();
    close_handle(mock, open_file(mock, "/x.part", FXF_PUT));
    store_file(mock_store(mock), "/other", "text");
    done(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/other", "/x.part"),
         SP_FS_OK);
    expect_told("aborted /x.part 0\n");
    mock_free(mock);
}

/* --- names that hooks give ----------------------------------------------------------------- */

static uint32_t final_flags;

static int32_t divert(const struct sp_sftp_event *event, bool is_after, struct sp_sftp_reply *reply)
{
    if (is_after || event->family != SP_SFTP_OPEN || !(event->flags & SP_OPEN_WRITE))
        return SP_NEXT;
    reply->changes = SP_SFTP_CHANGE_PATH | SP_SFTP_CHANGE_FINAL;
    reply->path = (struct sp_str){"/.temporary", 11};
    reply->final_path = event->path;
    reply->final_flags = final_flags;
    return SP_ALLOW;
}

static struct mock *diverted(uint32_t flags)
{
    struct mock *mock = client();
    verdict = divert;
    final_flags = flags;
    store_file(mock_store(mock), "/f", "before");
    return mock;
}

static void a_file_gets_its_name_when_it_is_complete(void **state)
{
    (void)state;
    struct mock *mock = diverted(0);
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 0, "after");
    assert_true(store_has(mock_store(mock), "/f", "before"));
    assert_true(store_has(mock_store(mock), "/.temporary", "after"));
    close_handle(mock, file);
    assert_true(store_has(mock_store(mock), "/f", "after"));
    assert_null(store_find(mock_store(mock), "/.temporary"));
    expect_told("uploaded /f 5\n");
    mock_free(mock);
}

static void a_part_does_not_get_it(void **state)
{
    (void)state;
    for (uint32_t flags = 0; flags <= SP_SFTP_FINAL_KEEP_PART; flags++) {
        struct mock *mock = diverted(flags);
        struct handle file = open_file(mock, "/f", FXF_PUT);
        put(mock, file, 0, "after");
        mock_close(mock);
        mock_settle(mock);
        assert_true(store_has(mock_store(mock), "/f", "before"));
        assert_int_equal(store_find(mock_store(mock), "/.temporary") != NULL, flags);
        expect_told(flags ? "aborted /.temporary 5 from /f\n" : "aborted /f 5\n");
        mock_free(mock);
    }
}

static void nor_does_one_with_a_failed_write(void **state)
{
    (void)state;
    struct mock *mock = diverted(0);
    struct handle file = open_file(mock, "/f", FXF_PUT);
    mock_store(mock)->fail[PLUGIN_FS_write] = SP_FS_FAILURE;
    done(mock, send_write(mock, file, 0, "after"), SP_FS_FAILURE);
    done(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
    assert_true(store_has(mock_store(mock), "/f", "before"));
    assert_null(store_find(mock_store(mock), "/.temporary"));
    expect_told("aborted /f 0\n");
    mock_free(mock);
}

static void a_name_that_cannot_be_given_fails_the_close(void **state)
{
    (void)state;
    struct mock *mock = diverted(0);
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 0, "after");
    mock_store(mock)->fail[PLUGIN_FS_rename] = SP_FS_PERMISSION_DENIED;
    done(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_PERMISSION_DENIED);
    assert_true(store_has(mock_store(mock), "/f", "before"));
    assert_null(store_find(mock_store(mock), "/.temporary"));
    expect_told("aborted /f 5\n");
    mock_free(mock);
}

static int finals_seen;

static int32_t divert_and_look(const struct sp_sftp_event *event, bool is_after,
                               struct sp_sftp_reply *reply)
{
    if (is_after || event->family != SP_SFTP_OPEN) {
        assert_string_equal(event->path.data, "/.temporary");
        assert_string_equal(event->final_path.data, "/f");
        assert_int_equal(event->final_flags, SP_SFTP_FINAL_KEEP_PART);
        finals_seen++;
    }
    return divert(event, is_after, reply);
}

static void hooks_are_told_the_name_that_it_will_have(void **state)
{
    (void)state;
    struct mock *mock = diverted(SP_SFTP_FINAL_KEEP_PART);
    verdict = divert_and_look;
    finals_seen = 0;
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 0, "after");
    close_handle(mock, file);
    assert_int_equal(finals_seen, 5); /* after open; before and after write and close */
    open_file(mock, "/f", FXF_PUT);
    mock_close(mock);
    mock_settle(mock);
    assert_int_equal(finals_seen, 7); /* after open and a close that was none */
    mock_free(mock);
}

static void a_client_that_leaves_leaves_no_part(void **state)
{
    (void)state;
    for (int steps = 0; steps < 12; steps++) {
        struct mock *mock = diverted(0);
        struct handle file = open_file(mock, "/f", FXF_PUT);
        mock->calls = MOCK_LATER;
        send_write(mock, file, 0, "after");
        send_handle(mock, SFTP_CLOSE, file);
        for (int i = 0; i < steps; i++)
            mock_step(mock);
        mock_close(mock);
        mock_settle(mock);
        bool is_complete = store_has(mock_store(mock), "/f", "after");
        assert_true(is_complete || store_has(mock_store(mock), "/f", "before"));
        assert_null(store_find(mock_store(mock), "/.temporary"));
        assert_int_equal(told_count, 1);
        assert_memory_equal(told, is_complete ? "uploaded /f 5" : "aborted /f", 10);
        mock_free(mock);
    }
}

/* --- downloads ----------------------------------------------------------------------------- */

static void all_of_a_file_is_a_download(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 5, 10), "56789");
    expect_data(mock, send_read(mock, file, 0, 5), "01234");
    close_handle(mock, file);
    expect_told("downloaded /f 10\n"); /* no end was met: its size was looked up */
    file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 10), "0123456789");
    done(mock, send_read(mock, file, 10, 10), SP_FS_EOF);
    int looked = mock->started[PLUGIN_FS_stat];
    close_handle(mock, file);
    expect_told("downloaded /f 10\n");
    assert_int_equal(mock->started[PLUGIN_FS_stat], looked);
    mock_free(mock);
}

static void an_empty_file_is_a_download_too(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/f", "");
    struct handle file = open_file(mock, "/f", FXF_READ);
    done(mock, send_read(mock, file, 0, 10), SP_FS_EOF);
    close_handle(mock, file);
    expect_told("downloaded /f 0\n");
    mock_free(mock);
}

static void a_part_of_a_file_is_none(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 4), "0123");
    close_handle(mock, file);
    file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 4, 6), "456789");
    done(mock, send_read(mock, file, 10, 6), SP_FS_EOF);
    close_handle(mock, file);
    close_handle(mock, open_file(mock, "/f", FXF_READ));
    file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 10), "0123456789");
    mock_free(mock); /* not closed by the client */
    expect_told("");
}

static void a_client_need_not_wait_for_the_answer_to_close(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 10), "0123456789");
    mock->calls = MOCK_LATER;
    send_read(mock, file, 10, 10);
    send_handle(mock, SFTP_CLOSE, file);
    mock_close(mock);
    mock_settle(mock);
    expect_told("downloaded /f 10\n");
    mock_free(mock);
}

static void segments_of_several_handles_are_one_download(void **state)
{
    (void)state;
    struct mock *mock = client();
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle first = open_file(mock, "/f", FXF_READ);
    struct handle second = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, second, 5, 5), "56789");
    close_handle(mock, second);
    expect_data(mock, send_read(mock, first, 0, 5), "01234");
    close_handle(mock, first);
    expect_told("downloaded /f 10\n");
    mock_free(mock);
}

/* --- hashes -------------------------------------------------------------------------------- */

/* sha256 of "hello world" begins b94d. */
static struct mock *hashing(void)
{
    struct mock *mock = world();
    mock->session.config.sftp_transfer_hash = "sha256";
    mock->session.host.instances[0].lacks[PLUGIN_FS_hash] = true;
    client_start(mock);
    return mock;
}

static void bytes_in_order_are_hashed_as_they_pass(void **state)
{
    (void)state;
    struct mock *mock = hashing();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 0, "hello ");
    put(mock, file, 6, "world");
    close_handle(mock, file);
    expect_told("uploaded /f 11 sha256 b94d\n");
    assert_int_equal(mock->started[PLUGIN_FS_read], 0);
    file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 20), "hello world");
    done(mock, send_read(mock, file, 11, 20), SP_FS_EOF);
    close_handle(mock, file);
    expect_told("downloaded /f 11 sha256 b94d\n");
    mock_free(mock);
}

static void bytes_out_of_order_are_read_again(void **state)
{
    (void)state;
    struct mock *mock = hashing();
    mock_store(mock)->max_io = 4;
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 6, "world");
    put(mock, file, 0, "hello ");
    close_handle(mock, file);
    mock_settle(mock);
    expect_told("uploaded /f 11 sha256 b94d\n");
    store_file(mock_store(mock), "/g", "hello");
    file = open_file(mock, "/g", FXF_WRITE | FXF_APPEND);
    put(mock, file, 0, " world");
    close_handle(mock, file);
    mock_settle(mock);
    expect_told("uploaded /g 11 sha256 b94d\n");
    mock_free(mock);
}

static void a_hash_goes_on_when_the_client_is_gone(void **state)
{
    (void)state;
    struct mock *mock = hashing();
    mock_store(mock)->max_io = 2;
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 6, "world");
    put(mock, file, 0, "hello ");
    mock->calls = MOCK_LATER;
    send_handle(mock, SFTP_CLOSE, file);
    mock_step(mock);
    mock_close(mock);
    expect_told("");
    mock_settle(mock);
    expect_told("uploaded /f 11 sha256 b94d\n");
    mock_free(mock);
}

static void what_cannot_be_read_is_told_without_a_hash(void **state)
{
    (void)state;
    struct mock *mock = hashing();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put(mock, file, 6, "world");
    put(mock, file, 0, "hello ");
    mock_store(mock)->fail[PLUGIN_FS_read] = SP_FS_PERMISSION_DENIED;
    close_handle(mock, file);
    mock_settle(mock);
    expect_told("uploaded /f 11\n");
    mock_store(mock)->fail[PLUGIN_FS_read] = SP_FS_OK;
    mock_free(mock);
}

/* --- scp ----------------------------------------------------------------------------------- */

static struct mock *scp(const char *command)
{
    struct mock *mock = world();
    assert_int_equal(mock_start(mock, &sftp_builtins[1], command), 0);
    mock_settle(mock);
    return mock;
}

static void receive(struct mock *mock, const char *bytes, size_t length)
{
    mock_receive(mock, bytes, length);
    mock_settle(mock);
}

static void scp_is_told_when_the_client_has_confirmed(void **state)
{
    (void)state;
    static const char all[] = "C0644 5 f.part\nhello"; /* and a zero byte */
    for (size_t length = 0; length <= sizeof all; length++) {
        struct mock *mock = scp("scp -t /");
        receive(mock, all, length);
        if (length == sizeof all)
            expect_told("uploaded /f.part 5\n"); /* it is never renamed */
        mock_close(mock);
        mock_settle(mock);
        bool was_opened = length >= 15;
        if (length < sizeof all && was_opened)
            assert_memory_equal(told, "aborted /f.part ", 16);
        assert_int_equal(told_count, was_opened);
        mock_free(mock);
    }
}

static void scp_is_not_complete_if_its_client_says_so(void **state)
{
    (void)state;
    struct mock *mock = scp("scp -t /");
    receive(mock, "C0644 5 f\nhello\1scp: f: read error\n", 36);
    mock_settle(mock);
    expect_told("aborted /f 5\n");
    mock_free(mock);
}

static void scp_gives_names_when_files_are_complete(void **state)
{
    (void)state;
    static const char all[] = "C0644 5 f\nhello";
    for (size_t length = sizeof all - 3; length <= sizeof all; length++) {
        struct mock *mock = world();
        verdict = divert;
        final_flags = 0;
        assert_int_equal(mock_start(mock, &sftp_builtins[1], "scp -t /"), 0);
        mock_settle(mock);
        receive(mock, all, length);
        assert_int_equal(store_find(mock_store(mock), "/f") != NULL, length == sizeof all);
        mock_close(mock);
        mock_settle(mock);
        assert_int_equal(store_has(mock_store(mock), "/f", "hello"), length == sizeof all);
        assert_null(store_find(mock_store(mock), "/.temporary"));
        assert_memory_equal(told, length == sizeof all ? "uploaded /f 5" : "aborted /f ", 11);
        assert_int_equal(told_count, 1);
        mock_free(mock);
    }
}

static void scp_says_why_a_name_was_not_given(void **state)
{
    (void)state;
    struct mock *mock = world();
    verdict = divert;
    final_flags = 0;
    mock_store(mock)->fail[PLUGIN_FS_rename] = SP_FS_QUOTA_EXCEEDED;
    assert_int_equal(mock_start(mock, &sftp_builtins[1], "scp -t /"), 0);
    mock_settle(mock);
    receive(mock, "C0644 5 f\nhello", 16);
    assert_null(store_find(mock_store(mock), "/f"));
    assert_null(store_find(mock_store(mock), "/.temporary"));
    assert_int_equal(buffer_data(&mock->channel.output)[2], 1); /* a complaint */
    expect_told("aborted /f 5\n");
    mock_free(mock);
}

static void what_scp_gives_is_a_download(void **state)
{
    (void)state;
    for (int is_confirmed = 0; is_confirmed < 2; is_confirmed++) {
        struct mock *mock = world();
        store_file(mock_store(mock), "/f", "hello");
        store_file(mock_store(mock), "/empty", "");
        assert_int_equal(mock_start(mock, &sftp_builtins[1], "scp -f /f /empty"), 0);
        receive(mock, "\0\0", 2);
        if (is_confirmed)
            receive(mock, "\0\0\0", 3);
        mock_close(mock);
        mock_settle(mock);
        expect_told(is_confirmed ? "downloaded /f 5\ndownloaded /empty 0\n" : "");
        mock_free(mock);
    }
}

/* --- order and bounds ---------------------------------------------------------------------- */

static void files_are_told_in_the_order_in_which_they_ended(void **state)
{
    (void)state;
    struct mock *mock = hashing();
    mock_store(mock)->max_io = 2;
    struct handle slow = open_file(mock, "/slow", FXF_PUT), quick = open_file(mock, "/q", FXF_PUT);
    put(mock, slow, 6, "world");
    put(mock, slow, 0, "hello ");
    uint32_t id = send_handle(mock, SFTP_CLOSE, slow);
    expect_status(mock, id, SP_FS_OK);
    id = send_handle(mock, SFTP_CLOSE, quick);
    expect_status(mock, id, SP_FS_OK);
    expect_told("");
    mock_settle(mock);
    expect_told("uploaded /slow 11 sha256 b94d\nuploaded /q 0 sha256 e3b0\n");
    mock_free(mock);
}

static void clients_wait_for_hooks_that_are_far_behind(void **state)
{
    (void)state;
    struct mock *mock = client();
    mock->session.hooks[0].is_slow = true;
    for (int i = 0; i < 256; i++)
        close_handle(mock, open_file(mock, "/f", FXF_PUT));
    assert_int_equal(told_count, 256);
    told[0] = '\0';
    uint32_t id = send_open(mock, "/f", FXF_PUT);
    mock_settle(mock);
    expect_nothing(mock);
    assert_true(mock_refused(mock) > 0);
    mock_release(mock);
    mock_settle(mock);
    close_handle(mock, expect_handle(mock, id));
    expect_told("uploaded /f 0\n");
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upload_that_is_closed_is_complete),
        cmocka_unit_test(an_empty_file_is_an_upload_too),
        cmocka_unit_test(a_file_that_was_only_opened_is_none),
        cmocka_unit_test(the_size_of_a_resumed_file_is_looked_up),
        cmocka_unit_test(what_the_client_does_not_close_is_aborted),
        cmocka_unit_test(an_upload_cut_off_at_any_byte_is_never_complete),
        cmocka_unit_test(a_failed_write_makes_it_a_part),
        cmocka_unit_test(a_failed_close_makes_it_a_part),
        cmocka_unit_test(what_hooks_refuse_makes_it_a_part),
        cmocka_unit_test(several_handles_are_one_upload),
        cmocka_unit_test(on_several_channels_too),
        cmocka_unit_test(copies_on_the_server_are_none),
        cmocka_unit_test(a_partial_name_is_waited_out),
        cmocka_unit_test(a_resumed_part_is_one_upload),
        cmocka_unit_test(a_part_that_never_gets_its_name_is_aborted),
        cmocka_unit_test(a_directory_takes_its_files_along),
        cmocka_unit_test(a_file_that_loses_its_name_is_aborted),
        cmocka_unit_test(a_part_that_loses_its_name_is_aborted),
        cmocka_unit_test(a_file_gets_its_name_when_it_is_complete),
        cmocka_unit_test(a_part_does_not_get_it),
        cmocka_unit_test(nor_does_one_with_a_failed_write),
        cmocka_unit_test(a_name_that_cannot_be_given_fails_the_close),
        cmocka_unit_test(hooks_are_told_the_name_that_it_will_have),
        cmocka_unit_test(a_client_that_leaves_leaves_no_part),
        cmocka_unit_test(all_of_a_file_is_a_download),
        cmocka_unit_test(an_empty_file_is_a_download_too),
        cmocka_unit_test(a_part_of_a_file_is_none),
        cmocka_unit_test(a_client_need_not_wait_for_the_answer_to_close),
        cmocka_unit_test(segments_of_several_handles_are_one_download),
        cmocka_unit_test(bytes_in_order_are_hashed_as_they_pass),
        cmocka_unit_test(bytes_out_of_order_are_read_again),
        cmocka_unit_test(a_hash_goes_on_when_the_client_is_gone),
        cmocka_unit_test(what_cannot_be_read_is_told_without_a_hash),
        cmocka_unit_test(scp_is_told_when_the_client_has_confirmed),
        cmocka_unit_test(scp_is_not_complete_if_its_client_says_so),
        cmocka_unit_test(scp_gives_names_when_files_are_complete),
        cmocka_unit_test(scp_says_why_a_name_was_not_given),
        cmocka_unit_test(what_scp_gives_is_a_download),
        cmocka_unit_test(files_are_told_in_the_order_in_which_they_ended),
        cmocka_unit_test(clients_wait_for_hooks_that_are_far_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
