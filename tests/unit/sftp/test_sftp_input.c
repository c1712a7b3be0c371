/* Input that no good client sends: each ends in a status or in the end of this channel, and nothing
 * is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/vpath.h"
#include "client.h"
#include "sftp/sftp.h"

static struct mock *started(void)
{
    struct mock *mock = mock_new();
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    return mock;
}

static void send_init(struct mock *mock, uint32_t version)
{
    uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, (uint8_t)version};
    mock_receive(mock, init, sizeof init);
}

static void init_of_older_versions_ends_the_channel(void **state)
{
    (void)state;
    for (uint32_t version = 0; version < 3; version++) {
        struct mock *mock = started();
        send_init(mock, version);
        expect_nothing(mock);
        assert_true(mock->channel.is_shut);
        assert_int_equal(mock->channel.exit_status, 1);
        mock_free(mock);
    }
}

static void init_of_newer_versions_is_answered_with_3(void **state)
{
    (void)state;
    for (uint32_t version = 3; version < 256; version += 63) {
        struct mock *mock = started();
        send_init(mock, version);
        expect_reply(mock, 3, SFTP_VERSION);
        assert_false(mock->channel.is_shut);
        mock_free(mock);
    }
}

static void a_second_init_ends_the_channel(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    send_init(mock, 3);
    expect_nothing(mock);
    assert_true(mock->channel.is_shut);
    mock_free(mock);
}

static void a_request_before_init_ends_the_channel(void **state)
{
    (void)state;
    struct mock *mock = started();
    send_path(mock, SFTP_STAT, "/");
    expect_nothing(mock);
    assert_true(mock->channel.is_shut);
    assert_int_equal(mock->started[PLUGIN_FS_stat], 0);
    mock_free(mock);
}

/* 64 requests may be under way: what they carry is bounded besides. */
static void attributes_that_wait_hold_back_what_follows(void **state)
{
    (void)state;
    static char value[200000];
    memset(value, 'x', sizeof value - 1);
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "f");
    mock->calls = MOCK_LATER;
    for (int i = 0; i < 12; i++) {
        uint32_t id;
        struct buffer *request = request_begin(SFTP_SETSTAT, &id);
        request_string(request, "/f");
        wire_put_u32(request, 0x80000000);
        wire_put_u32(request, 1);
        request_string(request, "name@example.com");
        request_string(request, value);
        request_send(mock, request);
    }
    assert_in_range(mock_refused(mock), 5 * sizeof value, 7 * sizeof value);
    mock_settle(mock);
    assert_int_equal(mock_refused(mock), 0);
    mock->calls = MOCK_AT_ONCE;
    mock_free(mock);
}

static void lengths_that_cannot_be_end_the_channel(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 1, 4, 262144 + 1024 + 1, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct mock *mock = client_new();
        uint32_t n = lengths[i];
        uint8_t wire[] = {(uint8_t)(n >> 24),
                          (uint8_t)(n >> 16),
                          (uint8_t)(n >> 8),
                          (uint8_t)n,
                          SFTP_STAT,
                          0,
                          0,
                          0};
        mock_receive(mock, wire, sizeof wire);
        expect_nothing(mock);
        assert_true(mock->channel.is_shut);
        assert_int_equal(mock_refused(mock), 0); /* the rest is swallowed */
        mock_free(mock);
    }
}

static void messages_in_pieces_of_any_size_are_whole(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece++) {
        struct mock *mock = started();
        uint8_t wire[200];
        static const uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 3};
        static const uint8_t stat[] = {0, 0, 0, 10, SFTP_STAT, 0, 0, 0, 9, 0, 0, 0, 1, '/'};
        static const uint8_t open[] = {0,   0, 0, 25,  SFTP_OPEN, 0,   0,   0,   8,   0,
                                       0,   0, 8, '/', 'n',       'e', 'w', 'f', 'i', 'l',
                                       'e', 0, 0, 0,   10,        0,   0,   0,   0};
        size_t length = 0;
        memcpy(wire + length, init, sizeof init), length += sizeof init;
        memcpy(wire + length, open, sizeof open), length += sizeof open;
        memcpy(wire + length, stat, sizeof stat), length += sizeof stat;
        for (size_t at = 0; at < length; at += piece)
            mock_receive(mock, wire + at, length - at < piece ? length - at : piece);
        expect_reply(mock, 3, SFTP_VERSION);
        expect_handle(mock, 8);
        expect_reply(mock, 9, SFTP_ATTRS);
        expect_nothing(mock);
        mock_free(mock);
    }
}

static void a_write_in_pieces_is_whole(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    char *text = malloc(SFTP_DATA_MAX + 1);
    for (size_t i = 0; i < SFTP_DATA_MAX; i++)
        text[i] = (char)('a' + i % 23);
    text[SFTP_DATA_MAX] = '\0';
    uint32_t id;
    struct buffer *request = request_begin(SFTP_WRITE, &id);
    request_handle(request, file);
    wire_put_u64(request, 0);
    request_string(request, text);
    wire_set_u32(request, 0, (uint32_t)(buffer_length(request) - 4));
    for (size_t at = 0; at < buffer_length(request); at += 32768) {
        size_t left = buffer_length(request) - at;
        mock_receive(mock, buffer_data(request) + at, left < 32768 ? left : 32768);
    }
    buffer_release(request);
    expect_status(mock, id, SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/f", text));
    close_handle(mock, file);
    free(text);
    mock_free(mock);
}

static void a_client_that_stops_in_a_message_is_closed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock_receive(mock, "\0\0\0\100\21", 5);
    mock_receive_eof(mock);
    assert_true(mock->channel.is_shut);
    assert_int_equal(mock->channel.exit_status, 1);
    mock_free(mock);
}

static void strings_past_the_packets_end_are_bad_messages(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    for (int type = SFTP_OPEN; type <= SFTP_SYMLINK; type++) {
        uint32_t id;
        struct buffer *request = request_begin((uint8_t)type, &id);
        wire_put_u32(request, 0x7ffffff0);
        wire_put_u32(request, 0);
        request_send(mock, request);
        expect_status(mock, id, SP_FS_BAD_MESSAGE);
        request_send(mock, request_begin((uint8_t)type, &id));
        expect_status(mock, id, SP_FS_BAD_MESSAGE);
    }
    assert_false(mock->channel.is_shut);
    mock_free(mock);
}

static void unknown_requests_are_unsupported(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    static const uint8_t types[] = {0, 2, 21, 22, 100, 101, 199, 201, 255};
    uint32_t id;
    for (size_t i = 0; i < sizeof types; i++) {
        request_send(mock, request_begin(types[i], &id));
        expect_status(mock, id, SP_FS_OP_UNSUPPORTED);
    }
    request_send(mock, extended_begin("no-such@example.org", &id));
    expect_status(mock, id, SP_FS_OP_UNSUPPORTED);
    request_send(mock, request_begin(SFTP_EXTENDED, &id));
    expect_status(mock, id, SP_FS_BAD_MESSAGE);
    mock_free(mock);
}

static void names_that_cannot_be_are_refused_alike(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char *huge = malloc(65537);
    memset(huge, 'a', 65536);
    huge[65536] = '\0';
    uint32_t id;
    static const uint8_t types[] = {SFTP_STAT,     SFTP_LSTAT,    SFTP_OPENDIR,
                                    SFTP_REALPATH, SFTP_READLINK, SFTP_REMOVE};
    for (size_t i = 0; i < sizeof types; i++) {
        expect_status(mock, send_path(mock, types[i], huge), SP_FS_FAILURE);
        struct buffer *request = request_begin(types[i], &id);
        wire_put_string(request, "/etc\0/x", 7);
        request_send(mock, request);
        expect_status(mock, id, SP_FS_FAILURE);
    }
    huge[VPATH_MAX] = '\0';
    expect_status(mock, send_path(mock, SFTP_STAT, huge), SP_FS_FAILURE);
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, huge, "l"), SP_FS_FAILURE);
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "", "l"), SP_FS_FAILURE);
    assert_int_equal(mock->started[PLUGIN_FS_stat] + mock->started[PLUGIN_FS_symlink], 0);
    free(huge);
    mock_free(mock);
}

static void dots_never_climb_above_the_root(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/etc", "ours");
    expect_reply(mock, send_path(mock, SFTP_STAT, "../../../../../etc"), SFTP_ATTRS);
    expect_reply(mock, send_path(mock, SFTP_STAT, "//..//.//../etc/."), SFTP_ATTRS);
    expect_status(mock, send_path(mock, SFTP_STAT, "..\\..\\etc"), SP_FS_NO_SUCH_FILE);
    mock_free(mock);
}

static uint32_t send_close_of(struct mock *mock, const void *bytes, size_t length)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_CLOSE, &id);
    wire_put_string(request, bytes, length);
    request_send(mock, request);
    return id;
}

static void handles_that_are_not_ours_are_refused(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE | FXF_CREAT);
    struct handle directory = open_directory(mock, "/");
    uint8_t junk[300];
    memset(junk, 0x41, sizeof junk);
    static const size_t lengths[] = {0, 1, 4, 7, 8, 9, 256, 300};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        expect_status(mock, send_close_of(mock, junk, lengths[i]), SP_FS_FAILURE);
    for (int bit = 0; bit < 64; bit++) {
        struct handle forged = file;
        forged.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (memcmp(forged.bytes, directory.bytes, sizeof forged.bytes) != 0)
            expect_status(mock, send_read(mock, forged, 0, 1), SP_FS_FAILURE);
    }
    expect_status(mock, send_read(mock, directory, 0, 10), SP_FS_FAILURE);
    expect_status(mock, send_write(mock, directory, 0, "x"), SP_FS_FAILURE);
    expect_status(mock, send_handle(mock, SFTP_READDIR, file), SP_FS_FAILURE);
    close_handle(mock, file);
    expect_status(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
    expect_status(mock, send_read(mock, file, 0, 1), SP_FS_FAILURE);
    close_handle(mock, directory);
    mock_free(mock);
}

static void handles_of_another_session_are_refused(void **state)
{
    (void)state;
    struct mock *first = client_new();
    struct handle stolen = open_file(first, "/f", FXF_WRITE | FXF_CREAT);
    mock_free(first);
    struct mock *second = client_new();
    open_file(second, "/f", FXF_WRITE | FXF_CREAT);
    expect_status(second, send_write(second, stolen, 0, "x"), SP_FS_FAILURE);
    mock_free(second);
}

static void open_files_are_bounded(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle last = {{0}};
    for (int i = 0; i < 16; i++)
        last = i % 2 ? open_file(mock, "/f", FXF_WRITE | FXF_CREAT) : open_directory(mock, "/");
    expect_status(mock, send_open(mock, "/f", FXF_READ), SP_FS_FAILURE);
    expect_status(mock, send_path(mock, SFTP_OPENDIR, "/"), SP_FS_FAILURE);
    close_handle(mock, last);
    expect_status(mock, send_open(mock, "/absent", FXF_READ), SP_FS_NO_SUCH_FILE);
    open_file(mock, "/f", FXF_READ);
    expect_status(mock, send_open(mock, "/f", FXF_READ), SP_FS_FAILURE);
    mock_free(mock);
}

static void offsets_beyond_any_file_are_refused(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE | FXF_CREAT);
    expect_status(mock, send_read(mock, file, UINT64_MAX, UINT32_MAX), SP_FS_FAILURE);
    expect_status(mock, send_read(mock, file, INT64_MAX, 1), SP_FS_FAILURE);
    expect_status(mock, send_write(mock, file, INT64_MAX, "x"), SP_FS_FAILURE);
    expect_status(mock, send_write(mock, file, UINT64_MAX, "x"), SP_FS_FAILURE);
    assert_int_equal(mock->started[PLUGIN_FS_read] + mock->started[PLUGIN_FS_write], 0);
    mock_free(mock);
}

static void open_flags_mean_what_they_say(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct store *store = mock_store(mock);
    struct handle file = open_file(mock, "/f", FXF_WRITE | FXF_CREAT | FXF_EXCL);
    expect_status(mock, send_read(mock, file, 0, 1), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_write(mock, file, 0, "abc"), SP_FS_OK);
    expect_status(mock, send_open(mock, "/f", FXF_WRITE | FXF_CREAT | FXF_EXCL), SP_FS_FAILURE);
    struct handle append = open_file(mock, "/f", FXF_APPEND);
    expect_status(mock, send_write(mock, append, 0, "d"), SP_FS_OK);
    assert_true(store_has(store, "/f", "abcd"));
    struct handle reads = open_file(mock, "/f", 0);
    expect_data(mock, send_read(mock, reads, 0, 10), "abcd");
    expect_status(mock, send_write(mock, reads, 0, "x"), SP_FS_PERMISSION_DENIED);
    open_file(mock, "/f", FXF_WRITE | FXF_TRUNC);
    assert_true(store_has(store, "/f", ""));
    mock_free(mock);
}

static void providers_that_lie_about_counts_are_not_believed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE | FXF_CREAT);
    mock_store(mock)->lie = 1000;
    expect_status(mock, send_write(mock, file, 0, "x"), SP_FS_FAILURE);
    expect_status(mock, send_read(mock, file, 0, 10), SP_FS_FAILURE);
    mock_store(mock)->lie = UINT64_MAX; /* one byte written, none taken */
    expect_status(mock, send_write(mock, file, 0, "x"), SP_FS_FAILURE);
    mock_free(mock);
}

/* T75 */
static void too_many_ids_at_once_are_refused(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    uint8_t *ids = calloc(50000, 4);
    uint32_t id;
    struct buffer *request = extended_begin("users-groups-by-id@openssh.com", &id);
    wire_put_string(request, ids, 200000);
    wire_put_string(request, ids, 0);
    request_send(mock, request);
    expect_status(mock, id, SP_FS_BAD_MESSAGE);
    request = extended_begin("users-groups-by-id@openssh.com", &id);
    wire_put_string(request, ids, 4 * (SFTP_IDS_MAX / 2));
    wire_put_string(request, ids, 4 * (SFTP_IDS_MAX / 2 + 1));
    request_send(mock, request);
    expect_status(mock, id, SP_FS_FAILURE);
    request = extended_begin("users-groups-by-id@openssh.com", &id);
    wire_put_string(request, ids, 3);
    wire_put_string(request, ids, 0);
    request_send(mock, request);
    expect_status(mock, id, SP_FS_BAD_MESSAGE);
    free(ids);
    mock_free(mock);
}

static void the_error_stream_means_nothing(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    uint8_t junk[100] = {0};
    size_t taken =
        mock->channel.handler->on_data(mock->channel.arg, SP_STREAM_STDERR, junk, sizeof junk);
    assert_int_equal(taken, sizeof junk);
    expect_reply(mock, send_path(mock, SFTP_STAT, "/"), SFTP_ATTRS);
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_of_older_versions_ends_the_channel),
        cmocka_unit_test(init_of_newer_versions_is_answered_with_3),
        cmocka_unit_test(a_second_init_ends_the_channel),
        cmocka_unit_test(a_request_before_init_ends_the_channel),
        cmocka_unit_test(attributes_that_wait_hold_back_what_follows),
        cmocka_unit_test(lengths_that_cannot_be_end_the_channel),
        cmocka_unit_test(messages_in_pieces_of_any_size_are_whole),
        cmocka_unit_test(a_write_in_pieces_is_whole),
        cmocka_unit_test(a_client_that_stops_in_a_message_is_closed),
        cmocka_unit_test(strings_past_the_packets_end_are_bad_messages),
        cmocka_unit_test(unknown_requests_are_unsupported),
        cmocka_unit_test(names_that_cannot_be_are_refused_alike),
        cmocka_unit_test(dots_never_climb_above_the_root),
        cmocka_unit_test(handles_that_are_not_ours_are_refused),
        cmocka_unit_test(handles_of_another_session_are_refused),
        cmocka_unit_test(open_files_are_bounded),
        cmocka_unit_test(offsets_beyond_any_file_are_refused),
        cmocka_unit_test(open_flags_mean_what_they_say),
        cmocka_unit_test(providers_that_lie_about_counts_are_not_believed),
        cmocka_unit_test(too_many_ids_at_once_are_refused),
        cmocka_unit_test(the_error_stream_means_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
