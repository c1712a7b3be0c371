/* Files that are opened as text: line endings, whatever the pieces, and text-seek. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "client.h"
#include "mock.h"
#include "sftp/sftp.h"
#include "sftp/text.h"

/* What is stored, and what a client of either newline gets of it. */
static const struct {
    const char *stored, *lf, *crlf;
} texts[] = {
    {"", "", ""},
    {"plain", "plain", "plain"},
    {"a\nb\n", "a\nb\n", "a\r\nb\r\n"},
    {"a\r\nb", "a\nb", "a\r\nb"},
    {"\n\n\r\n\r\n", "\n\n\n\n", "\r\n\r\n\r\n\r\n"},
    {"a\rb\r", "a\rb\r", "a\rb\r"},
    {"\r\r\n\r", "\r\n\r", "\r\r\n\r"},
    {"\r", "\r", "\r"},
};

/* As a file would be read in pieces, with so much room for each. */
static void expect_read(const char *stored, bool is_crlf, size_t piece, size_t room,
                        const char *expected)
{
    struct sftp_text text = {0};
    uint8_t out[64], got[64];
    size_t length = strlen(stored), at = 0, written = 0, used;
    while (at < length || text.has_read_lf) {
        size_t part = length - at < piece ? length - at : piece;
        size_t count = sftp_text_for_client(&text, is_crlf, (const uint8_t *)stored + at, part,
                                            &used, out, room);
        assert_true(count <= room && used <= part && (used > 0 || count > 0));
        memcpy(got + written, out, count);
        written += count;
        at += used;
    }
    written += sftp_text_for_client_end(&text, got + written);
    assert_int_equal(written, strlen(expected));
    assert_memory_equal(got, expected, written);
}

static void stored_lines_reach_the_client_with_its_newline(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t piece = 1; piece <= 9; piece++)
            for (size_t room = 1; room <= 9; room++) {
                expect_read(texts[i].stored, false, piece, room, texts[i].lf);
                expect_read(texts[i].stored, true, piece, room, texts[i].crlf);
            }
}

/* --- through the engine --------------------------------------------------------------------- */

static void begin(struct mock *mock, bool is_crlf)
{
    uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 6};
    struct reply reply;
    mock->session.config.sftp_version_max = 6;
    mock->session.config.sftp_newline_is_crlf = is_crlf;
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    mock_receive(mock, init, sizeof init);
    assert_true(next_reply(mock, &reply));
    assert_int_equal(reply.type, SFTP_VERSION);
}

static struct mock *started(bool is_crlf)
{
    struct mock *mock = mock_new();
    begin(mock, is_crlf);
    return mock;
}

#define ACCESS_READ 1u
#define ACCESS_WRITE 2u
#define OPEN_OR_CREATE 3u
#define APPEND 8u
#define TEXT 0x20u

static struct handle open_as(struct mock *mock, const char *path, uint32_t access, uint32_t flags)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_OPEN, &id);
    request_string(request, path);
    wire_put_u32(request, access);
    wire_put_u32(request, flags);
    wire_put_u32(request, 0);
    wire_put_u8(request, SP_FILE_REGULAR);
    request_send(mock, request);
    return expect_handle(mock, id);
}

/* All of the file, in reads of some length; offsets do not count. */
static void expect_text(struct mock *mock, struct handle handle, uint32_t length,
                        const char *expected)
{
    char got[64];
    size_t written = 0;
    for (;;) {
        uint32_t id = send_read(mock, handle, UINT64_MAX, length);
        struct reply reply;
        mock_settle(mock);
        assert_true(next_reply(mock, &reply));
        assert_int_equal(reply.id, id);
        if (reply.type == SFTP_STATUS) {
            assert_int_equal(reply.status, SP_FS_EOF);
            break;
        }
        struct sp_str data = wire_get_string(&reply.body);
        assert_true(data.len > 0 && data.len <= length && written + data.len <= sizeof got);
        memcpy(got + written, data.data, (size_t)data.len);
        written += (size_t)data.len;
    }
    assert_int_equal(written, strlen(expected));
    assert_memory_equal(got, expected, written);
}

static void text_files_are_read_in_lines_of_the_client(void **state)
{
    (void)state;
    for (int is_crlf = 0; is_crlf < 2; is_crlf++)
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            for (uint32_t length = 1; length <= 5; length++) {
                struct mock *mock = started(is_crlf);
                store_file(mock_store(mock), "/f", texts[i].stored);
                mock_store(mock)->max_io = length; /* a provider that gives less */
                struct handle file = open_as(mock, "/f", ACCESS_READ, 2 | TEXT);
                expect_text(mock, file, 6 - length, is_crlf ? texts[i].crlf : texts[i].lf);
                close_handle(mock, file);
                mock_free(mock);
            }
}

static void without_the_flag_bytes_are_bytes(void **state)
{
    (void)state;
    struct mock *mock = started(true);
    store_file(mock_store(mock), "/f", "a\nb\r\n");
    struct handle file = open_as(mock, "/f", ACCESS_READ, 2);
    expect_data(mock, send_read(mock, file, 0, 100), "a\nb\r\n");
    close_handle(mock, file);
    mock_free(mock);
}

/* Each piece is a WRITE at a place of no meaning. */
static void expect_written(bool is_crlf, uint32_t flags, const char *const *pieces,
                           const char *expected)
{
    struct mock *mock = started(is_crlf);
    store_file(mock_store(mock), "/f", flags & APPEND ? "old\n" : "");
    struct handle file = open_as(mock, "/f", ACCESS_WRITE, OPEN_OR_CREATE | TEXT | flags);
    for (int i = 0; pieces[i]; i++)
        expect_status(mock, send_write(mock, file, 77777u * (unsigned)i, pieces[i]), SP_FS_OK);
    close_handle(mock, file);
    assert_true(store_has(mock_store(mock), "/f", expected));
    mock_free(mock);
}

static void a_clients_lines_are_stored_with_lf(void **state)
{
    (void)state;
    const char *const whole[] = {"a\r\nb\rc\n\r\n", NULL};
    const char *const split[] = {"a\r", "\nb", "\r", "c\n", "\r", "\n", NULL};
    const char *const last[] = {"a\r\n", "b\r", NULL};
    expect_written(true, 0, whole, "a\nb\rc\n\n");
    expect_written(true, 0, split, "a\nb\rc\n\n");
    expect_written(true, 0, last, "a\nb\r"); /* held back, and stored at the end */
    expect_written(true, APPEND, split, "old\na\nb\rc\n\n");
    expect_written(false, 0, whole, "a\r\nb\rc\n\r\n"); /* "\r" is a character like others */
}

static uint64_t told_end;

static int32_t note_end(struct plugin_instance *instance, const struct sp_sftp_event *event,
                        bool is_after, struct sp_sftp_reply *reply)
{
    (void)instance, (void)reply;
    if (event->family & SP_SFTP_WRITE && !is_after && event->offset + event->length > told_end)
        told_end = event->offset + event->length;
    return SP_NEXT;
}

/* Else a file could grow past what they allow, by writes that all say offset 0. */
static void hooks_are_told_where_text_is_written(void **state)
{
    (void)state;
    const char *const pieces[] = {"abcd", "efgh\r", "\n\r", "ij", NULL};
    const uint64_t ends[] = {4, 9, 10, 12};
    struct mock *mock = mock_new();
    mock_hook(mock, note_end);
    begin(mock, true);
    struct handle file = open_as(mock, "/f", ACCESS_WRITE, OPEN_OR_CREATE | TEXT);
    told_end = 0;
    for (int i = 0; pieces[i]; i++) {
        expect_status(mock, send_write(mock, file, 0, pieces[i]), SP_FS_OK);
        assert_int_equal(told_end, ends[i]);
    }
    close_handle(mock, file);
    assert_true(store_has(mock_store(mock), "/f", "abcdefgh\n\rij"));
    mock_free(mock);
}

static void what_is_held_back_and_cannot_be_stored_fails_the_close(void **state)
{
    (void)state;
    struct mock *mock = started(true);
    struct handle file = open_as(mock, "/f", ACCESS_WRITE, OPEN_OR_CREATE | TEXT);
    expect_status(mock, send_write(mock, file, 0, "a\r"), SP_FS_OK);
    mock_store(mock)->fail[PLUGIN_FS_write] = SP_FS_NO_SPACE_ON_FILESYSTEM;
    expect_status(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
    assert_int_equal(store_open_handles(mock_store(mock)), 0);
    mock_free(mock);
}

static uint32_t send_seek(struct mock *mock, struct handle file, uint64_t line)
{
    uint32_t id;
    struct buffer *request = extended_begin("text-seek", &id);
    request_handle(request, file);
    wire_put_u64(request, line);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

static void text_seek_goes_to_a_line(void **state)
{
    (void)state;
    struct mock *mock = started(true);
    store_file(mock_store(mock), "/f", "zero\none\r\ntwo\nthree");
    struct handle file = open_as(mock, "/f", ACCESS_READ, 2 | TEXT);
    expect_text(mock, file, 100, "zero\r\none\r\ntwo\r\nthree");
    static const char *const from[] = {"zero\r\none\r\ntwo\r\nthree", "one\r\ntwo\r\nthree",
                                       "two\r\nthree", "three"};
    for (uint64_t line = 4; line-- > 0;) {
        mock_store(mock)->max_io = line; /* in pieces, too */
        expect_status(mock, send_seek(mock, file, line), SP_FS_OK);
        expect_text(mock, file, 100, from[line]);
    }
    expect_status(mock, send_seek(mock, file, 4), SP_FS_EOF);
    expect_status(mock, send_seek(mock, file, UINT64_MAX), SP_FS_EOF);
    close_handle(mock, file);
    file = open_as(mock, "/f", ACCESS_READ, 2);
    expect_status(mock, send_seek(mock, file, 1), SP_FS_OP_UNSUPPORTED);
    close_handle(mock, file);
    mock_free(mock);
}

static void a_provider_that_knows_text_sees_to_it_itself(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_store(mock)->support = (struct sp_fs_support){.struct_size = sizeof(struct sp_fs_support),
                                                       .open_flags = SP_OPEN_READ | SP_OPEN_TEXT};
    mock->session.config.sftp_version_max = 4;
    mock->session.config.sftp_newline_is_crlf = true;
    store_file(mock_store(mock), "/f", "a\nb");
    uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 4};
    struct reply reply;
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    mock_receive(mock, init, sizeof init);
    assert_true(next_reply(mock, &reply));
    uint32_t id;
    struct buffer *request = request_begin(SFTP_OPEN, &id);
    request_string(request, "/f");
    wire_put_u32(request, 0x41);
    wire_put_u32(request, 0);
    wire_put_u8(request, SP_FILE_REGULAR);
    request_send(mock, request);
    struct handle file = expect_handle(mock, id);
    expect_data(mock, send_read(mock, file, 1, 100), "\nb");
    close_handle(mock, file);
    mock_free(mock);
}

int main(void)
{
    log_open(-1, LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stored_lines_reach_the_client_with_its_newline),
        cmocka_unit_test(text_files_are_read_in_lines_of_the_client),
        cmocka_unit_test(without_the_flag_bytes_are_bytes),
        cmocka_unit_test(a_clients_lines_are_stored_with_lf),
        cmocka_unit_test(hooks_are_told_where_text_is_written),
        cmocka_unit_test(what_is_held_back_and_cannot_be_stored_fails_the_close),
        cmocka_unit_test(text_seek_goes_to_a_line),
        cmocka_unit_test(a_provider_that_knows_text_sees_to_it_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
