/* The end: a client that leaves at any moment, a provider that fails, is late or is never heard of
 * again. mock_free() fails a test that leaves a file open, a view attached or a reference held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

static void files_are_closed_and_views_detached_at_the_end(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    open_directory(mock, "/");
    assert_int_equal(store_open_handles(mock_store(mock)), 2);
    mock_close(mock);
    assert_int_equal(store_open_handles(mock_store(mock)), 0);
    assert_int_equal(mock_store(mock)->views, 0);
    mock_free(mock);
}

static void nothing_is_attached_for_a_client_that_asks_nothing(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    assert_int_equal(mock->started[PLUGIN_FS_attach], 0);
    mock_free(mock);
}

/* Send a bit of everything, answer only some of it, and leave. */
static void leave_after(int steps, bool releases_late)
{
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "text");
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE);
    struct handle other = open_file(mock, "/g", FXF_READ | FXF_WRITE | FXF_CREAT);
    struct handle directory = open_directory(mock, "/");
    mock->calls = MOCK_LATER;
    mock->releases_late = releases_late;
    send_open(mock, "/new", FXF_WRITE | FXF_CREAT);
    send_read(mock, file, 0, 100000);
    send_write(mock, file, 0, "more");
    send_path(mock, SFTP_OPENDIR, "/");
    send_handle(mock, SFTP_READDIR, directory);
    send_copy(mock, file, 0, 0, other, 0);
    send_path(mock, SFTP_MKDIR, "/d");
    send_handle(mock, SFTP_CLOSE, file);
    send_path(mock, SFTP_REALPATH, "/none/x");
    for (int i = 0; i < steps; i++)
        mock_step(mock);
    mock_close(mock);
    mock_free(mock);
}

static void a_client_may_leave_at_any_moment(void **state)
{
    (void)state;
    for (int steps = 0; steps < 20; steps++) {
        leave_after(steps, false);
        leave_after(steps, true);
    }
}

static void a_file_opened_after_its_client_has_left_is_closed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock->calls = MOCK_LATER;
    send_open(mock, "/new", FXF_WRITE | FXF_CREAT);
    mock_step(mock); /* attached; the file is being opened */
    mock_close(mock);
    assert_int_equal(mock_calls_waiting(mock), 1);
    mock_settle(mock);
    assert_int_equal(mock->started[PLUGIN_FS_close], 1);
    mock_free(mock);
}

static void what_need_not_be_awaited_is_cancelled(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE | FXF_CREAT);
    mock->calls = MOCK_LATER;
    send_read(mock, file, 0, 10);
    mock_close(mock);
    assert_int_equal(mock->cancelled, 1);
    assert_int_equal(mock->started[PLUGIN_FS_close], 0); /* the provider is still at the file */
    mock_settle(mock);
    assert_int_equal(mock->started[PLUGIN_FS_close], 1);
    mock_free(mock);
}

static void a_long_copy_ends_with_its_client(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.host.instances[0].lacks[PLUGIN_FS_copy] = true;
    client_start(mock);
    char *text = malloc(2000001);
    memset(text, 'x', 2000000);
    text[2000000] = '\0';
    store_file(mock_store(mock), "/f", text);
    struct handle from = open_file(mock, "/f", FXF_READ);
    struct handle to = open_file(mock, "/g", FXF_WRITE | FXF_CREAT);
    send_copy(mock, from, 0, 0, to, 0);
    mock_close(mock); /* between two pieces */
    mock_settle(mock);
    assert_int_equal(mock->started[PLUGIN_FS_write], 1);
    free(text);
    mock_free(mock);
}

static void a_late_answer_breaks_its_file_only(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "text");
    struct handle file = open_file(mock, "/f", FXF_READ);
    mock->calls = MOCK_LATER;
    uint32_t read = send_read(mock, file, 0, 100000);
    uint32_t after = send_read(mock, file, 0, 10);
    mock_time_out(mock);
    expect_status(mock, read, SP_FS_FAILURE);
    expect_status(mock, after, SP_FS_FAILURE);
    expect_status(mock, send_read(mock, file, 0, 10), SP_FS_FAILURE);
    uint32_t stat = send_path(mock, SFTP_STAT, "/f");
    mock_step(mock);
    expect_reply(mock, stat, SFTP_ATTRS);
    expect_status(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
    assert_int_equal(mock->started[PLUGIN_FS_close], 0);
    mock_release(mock); /* the provider lets go of the file: now it is closed */
    assert_int_equal(mock->started[PLUGIN_FS_close], 1);
    mock_free(mock);
}

static void what_is_opened_too_late_is_closed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "text");
    expect_reply(mock, send_path(mock, SFTP_STAT, "/f"), SFTP_ATTRS);
    mock->calls = MOCK_LATER;
    uint32_t file = send_open(mock, "/f", FXF_READ);
    mock_time_out(mock);
    expect_status(mock, file, SP_FS_FAILURE);
    uint32_t directory = send_path(mock, SFTP_OPENDIR, "/home");
    mock_time_out(mock);
    expect_status(mock, directory, SP_FS_FAILURE);
    mock->calls = MOCK_AT_ONCE;
    mock_release(mock); /* both succeed now */
    assert_int_equal(mock->started[PLUGIN_FS_close], 1);
    assert_int_equal(mock->started[PLUGIN_FS_closedir], 1);
    assert_int_equal(store_open_handles(mock_store(mock)), 0);
    mock_free(mock);
}

static void a_view_that_comes_too_late_is_detached_from(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock->calls = MOCK_LATER;
    uint32_t first = send_path(mock, SFTP_STAT, "/");
    mock_time_out(mock);
    expect_status(mock, first, SP_FS_FAILURE);
    mock->calls = MOCK_AT_ONCE;
    mock_release(mock);
    assert_int_equal(mock->started[PLUGIN_FS_detach], 1);
    assert_int_equal(mock_store(mock)->views, 0);
    expect_reply(mock, send_path(mock, SFTP_STAT, "/"), SFTP_ATTRS);
    mock_free(mock);
}

static void a_storage_that_was_started_anew_is_attached_to_again(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "text");
    struct handle former = open_file(mock, "/f", FXF_READ);
    mock_kill(&mock->session.host.instances[0]);
    expect_status(mock, send_read(mock, former, 0, 10), SP_FS_FAILURE);
    struct handle file = open_file(mock, "/f", FXF_READ);
    assert_int_equal(mock->started[PLUGIN_FS_attach], 2);
    /* What is left of the life before is not taken for something of this one. */
    expect_status(mock, send_read(mock, former, 0, 10), SP_FS_FAILURE);
    expect_status(mock, send_handle(mock, SFTP_FSTAT, former), SP_FS_FAILURE);
    expect_data(mock, send_read(mock, file, 0, 10), "text");
    expect_status(mock, send_handle(mock, SFTP_CLOSE, former), SP_FS_FAILURE);
    expect_status(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_OK);
    assert_int_equal(mock->started[PLUGIN_FS_close], 1);
    mock_free(mock);
}

static void failing_to_attach_fails_requests_and_is_tried_again(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock_store(mock)->fail[PLUGIN_FS_attach] = SP_FS_PERMISSION_DENIED;
    expect_status(mock, send_path(mock, SFTP_STAT, "/"), SP_FS_PERMISSION_DENIED);
    mock->calls = MOCK_LATER;
    uint32_t first = send_path(mock, SFTP_STAT, "/");
    uint32_t second = send_path(mock, SFTP_STAT, "/");
    mock_settle(mock);
    expect_status(mock, first, SP_FS_PERMISSION_DENIED);
    expect_status(mock, second, SP_FS_PERMISSION_DENIED);
    assert_int_equal(mock->started[PLUGIN_FS_attach], 2);
    mock_store(mock)->fail[PLUGIN_FS_attach] = 0;
    uint32_t third = send_path(mock, SFTP_STAT, "/");
    mock_settle(mock);
    expect_reply(mock, third, SFTP_ATTRS);
    mock_free(mock);
}

static void leaving_while_attaching_is_fine(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock->calls = MOCK_LATER;
    send_path(mock, SFTP_STAT, "/");
    send_open(mock, "/f", FXF_WRITE | FXF_CREAT);
    mock_close(mock);
    mock_free(mock);
}

static void a_providers_status_reaches_the_client(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock_store(mock)->fail[PLUGIN_FS_stat] = SP_FS_QUOTA_EXCEEDED;
    expect_status(mock, send_path(mock, SFTP_STAT, "/"), SP_FS_FAILURE);
    mock_store(mock)->fail[PLUGIN_FS_stat] = SP_FS_WRITE_PROTECT;
    expect_status(mock, send_path(mock, SFTP_STAT, "/"), SP_FS_PERMISSION_DENIED);
    mock_store(mock)->fail[PLUGIN_FS_stat] = 9999;
    expect_status(mock, send_path(mock, SFTP_STAT, "/"), SP_FS_FAILURE);
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_closed_and_views_detached_at_the_end),
        cmocka_unit_test(nothing_is_attached_for_a_client_that_asks_nothing),
        cmocka_unit_test(a_client_may_leave_at_any_moment),
        cmocka_unit_test(a_file_opened_after_its_client_has_left_is_closed),
        cmocka_unit_test(what_need_not_be_awaited_is_cancelled),
        cmocka_unit_test(a_long_copy_ends_with_its_client),
        cmocka_unit_test(a_late_answer_breaks_its_file_only),
        cmocka_unit_test(what_is_opened_too_late_is_closed),
        cmocka_unit_test(a_view_that_comes_too_late_is_detached_from),
        cmocka_unit_test(a_storage_that_was_started_anew_is_attached_to_again),
        cmocka_unit_test(failing_to_attach_fails_requests_and_is_tried_again),
        cmocka_unit_test(leaving_while_attaching_is_fine),
        cmocka_unit_test(a_providers_status_reaches_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
