/* What is told of files that have come and gone: each once, complete only if it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sftp/sftp.h"
#include "told.h"

/* --- uploads ------------------------------------------------------------------------------- */

static void an_upload_that_is_closed_is_complete(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put_text(mock, file, 0, "hello ");
    put_text(mock, file, 6, "world");
    expect_told("");
    close_handle(mock, file);
    expect_told("uploaded /f 11\n");
    mock_free(mock);
    expect_told("");
}

static void an_empty_file_is_an_upload_too(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    close_handle(mock, open_file(mock, "/f", FXF_PUT));
    expect_told("uploaded /f 0\n");
    close_handle(mock, open_file(mock, "/g", FXF_WRITE | FXF_CREAT | FXF_EXCL));
    expect_told("uploaded /g 0\n");
    mock_free(mock);
}

static void a_file_that_was_only_opened_is_none(void **state)
{
    (void)state;
    struct mock *mock = told_client();
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
    struct mock *mock = told_client();
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_WRITE);
    put_text(mock, file, 2, "xy");
    close_handle(mock, file);
    expect_told("uploaded /f 10\n");
    mock_free(mock);
}

static void what_the_client_does_not_close_is_aborted(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put_text(mock, file, 0, "hello");
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
    struct mock *mock = told_client();
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
    struct mock *mock = told_client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put_text(mock, file, 0, "hello");
    mock_store(mock)->fail[PLUGIN_FS_write] = SP_FS_QUOTA_EXCEEDED;
    expect_done(mock, send_write(mock, file, 5, "more"), SP_FS_FAILURE);
    mock_store(mock)->fail[PLUGIN_FS_write] = SP_FS_OK;
    put_text(mock, file, 9, "and more");
    close_handle(mock, file);
    expect_told("aborted /f 13\n");
    mock_free(mock);
}

static void a_failed_close_makes_it_a_part(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put_text(mock, file, 0, "hello");
    mock_store(mock)->fail[PLUGIN_FS_close] = SP_FS_FAILURE;
    expect_done(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
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
    struct mock *mock = told_client();
    struct handle file = open_file(mock, "/f", FXF_PUT);
    told_verdict = deny_writes;
    expect_done(mock, send_write(mock, file, 0, "text"), SP_FS_PERMISSION_DENIED);
    close_handle(mock, file);
    expect_told("aborted /f 0\n");
    told_verdict = deny_close_after;
    expect_done(mock, send_handle(mock, SFTP_CLOSE, open_file(mock, "/g", FXF_PUT)),
                SP_FS_PERMISSION_DENIED);
    expect_told("aborted /g 0\n");
    told_verdict = NULL;
    mock_free(mock);
}

static void several_handles_are_one_upload(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    struct handle first = open_file(mock, "/f", FXF_PUT);
    struct handle second = open_file(mock, "/f", FXF_WRITE);
    put_text(mock, second, 5, "world");
    close_handle(mock, second);
    expect_told("");
    put_text(mock, first, 0, "hello");
    close_handle(mock, first);
    expect_told("uploaded /f 10\n");
    mock_free(mock);
}

static void on_several_channels_too(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    struct channel other = {.session = &mock->session};
    list_init(&other.chunks);
    struct handle file = open_file(mock, "/f", FXF_PUT);
    assert_int_equal(sftp_builtins[0].start(&other, (struct sp_str){"", 0}), 0);
    put_text(mock, file, 0, "hello");
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
    struct mock *mock = told_client();
    store_file(mock_store(mock), "/from", "text");
    struct handle from = open_file(mock, "/from", FXF_READ);
    struct handle to = open_file(mock, "/to", FXF_PUT);
    expect_done(mock, send_copy(mock, from, 0, 0, to, 0), SP_FS_OK);
    close_handle(mock, to);
    expect_told("");
    to = open_file(mock, "/to", FXF_PUT);
    expect_done(mock, send_copy(mock, from, 0, 0, to, 0), SP_FS_OK);
    put_text(mock, to, 4, "more");
    close_handle(mock, to);
    expect_told("uploaded /to 8\n");
    mock_free(mock);
}

/* --- downloads ----------------------------------------------------------------------------- */

static void all_of_a_file_is_a_download(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 5, 10), "56789");
    expect_data(mock, send_read(mock, file, 0, 5), "01234");
    close_handle(mock, file);
    expect_told("downloaded /f 10\n"); /* no end was met: its size was looked up */
    file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 10), "0123456789");
    expect_done(mock, send_read(mock, file, 10, 10), SP_FS_EOF);
    int looked = mock->started[PLUGIN_FS_stat];
    close_handle(mock, file);
    expect_told("downloaded /f 10\n");
    assert_int_equal(mock->started[PLUGIN_FS_stat], looked);
    mock_free(mock);
}

static void an_empty_file_is_a_download_too(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    store_file(mock_store(mock), "/f", "");
    struct handle file = open_file(mock, "/f", FXF_READ);
    expect_done(mock, send_read(mock, file, 0, 10), SP_FS_EOF);
    close_handle(mock, file);
    expect_told("downloaded /f 0\n");
    mock_free(mock);
}

static void a_part_of_a_file_is_none(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 4), "0123");
    close_handle(mock, file);
    file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 4, 6), "456789");
    expect_done(mock, send_read(mock, file, 10, 6), SP_FS_EOF);
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
    struct mock *mock = told_client();
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
    struct mock *mock = told_client();
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
    struct mock *mock = told_world();
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
    put_text(mock, file, 0, "hello ");
    put_text(mock, file, 6, "world");
    close_handle(mock, file);
    expect_told("uploaded /f 11 sha256 b94d\n");
    assert_int_equal(mock->started[PLUGIN_FS_read], 0);
    file = open_file(mock, "/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 20), "hello world");
    expect_done(mock, send_read(mock, file, 11, 20), SP_FS_EOF);
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
    put_text(mock, file, 6, "world");
    put_text(mock, file, 0, "hello ");
    close_handle(mock, file);
    mock_settle(mock);
    expect_told("uploaded /f 11 sha256 b94d\n");
    store_file(mock_store(mock), "/g", "hello");
    file = open_file(mock, "/g", FXF_WRITE | FXF_APPEND);
    put_text(mock, file, 0, " world");
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
    put_text(mock, file, 6, "world");
    put_text(mock, file, 0, "hello ");
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
    put_text(mock, file, 6, "world");
    put_text(mock, file, 0, "hello ");
    mock_store(mock)->fail[PLUGIN_FS_read] = SP_FS_PERMISSION_DENIED;
    close_handle(mock, file);
    mock_settle(mock);
    expect_told("uploaded /f 11\n");
    mock_store(mock)->fail[PLUGIN_FS_read] = SP_FS_OK;
    mock_free(mock);
}

/* --- order and bounds ---------------------------------------------------------------------- */

static void files_are_told_in_the_order_in_which_they_ended(void **state)
{
    (void)state;
    struct mock *mock = hashing();
    mock_store(mock)->max_io = 2;
    struct handle slow = open_file(mock, "/slow", FXF_PUT), quick = open_file(mock, "/q", FXF_PUT);
    put_text(mock, slow, 6, "world");
    put_text(mock, slow, 0, "hello ");
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
    struct mock *mock = told_client();
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
        cmocka_unit_test(all_of_a_file_is_a_download),
        cmocka_unit_test(an_empty_file_is_a_download_too),
        cmocka_unit_test(a_part_of_a_file_is_none),
        cmocka_unit_test(a_client_need_not_wait_for_the_answer_to_close),
        cmocka_unit_test(segments_of_several_handles_are_one_download),
        cmocka_unit_test(bytes_in_order_are_hashed_as_they_pass),
        cmocka_unit_test(bytes_out_of_order_are_read_again),
        cmocka_unit_test(a_hash_goes_on_when_the_client_is_gone),
        cmocka_unit_test(what_cannot_be_read_is_told_without_a_hash),
        cmocka_unit_test(files_are_told_in_the_order_in_which_they_ended),
        cmocka_unit_test(clients_wait_for_hooks_that_are_far_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
