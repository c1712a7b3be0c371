/* What waits for what when a provider takes its time; and what is held back when too much is under
 * way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

static void requests_on_one_handle_keep_their_order(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE | FXF_CREAT);
    mock->calls = MOCK_LATER;
    uint32_t first = send_write(mock, file, 0, "aaaa");
    uint32_t second = send_write(mock, file, 2, "bb");
    uint32_t third = send_read(mock, file, 0, 10);
    assert_int_equal(mock_calls_waiting(mock), 1);
    mock_settle(mock); /* mock_free() fails the test if two were under way at once */
    expect_status(mock, first, SP_FS_OK);
    expect_status(mock, second, SP_FS_OK);
    expect_data(mock, third, "aabb");
    close_handle(mock, file);
    mock_free(mock);
}

static void requests_on_two_handles_overlap(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle a = open_file(mock, "/a", FXF_WRITE | FXF_CREAT);
    struct handle b = open_file(mock, "/b", FXF_WRITE | FXF_CREAT);
    mock->calls = MOCK_LATER;
    send_write(mock, a, 0, "a");
    send_write(mock, b, 0, "b");
    send_path(mock, SFTP_STAT, "/a");
    send_path(mock, SFTP_STAT, "/b");
    assert_int_equal(mock_calls_waiting(mock), 4);
    mock_free(mock);
}

static void a_path_is_touched_after_the_files_closed_before_it(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    mock->calls = MOCK_LATER;
    uint32_t write = send_write(mock, file, 0, "data");
    uint32_t close = send_handle(mock, SFTP_CLOSE, file);
    uint32_t rename = send_two_paths(mock, SFTP_RENAME, "/f", "/g");
    uint32_t stat = send_path(mock, SFTP_STAT, "/g");
    assert_int_equal(mock_calls_waiting(mock), 1);
    mock_settle(mock);
    expect_status(mock, write, SP_FS_OK);
    expect_status(mock, close, SP_FS_OK);
    expect_status(mock, rename, SP_FS_OK);
    expect_reply(mock, stat, SFTP_ATTRS);
    mock_free(mock);
}

static void a_directory_is_made_before_what_goes_into_it(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock->calls = MOCK_LATER;
    uint32_t mkdir = send_path(mock, SFTP_MKDIR, "/d");
    uint32_t open = send_open(mock, "/d/f", FXF_WRITE | FXF_CREAT);
    uint32_t stat = send_path(mock, SFTP_STAT, "/d/f");
    mock_settle(mock);
    expect_status(mock, mkdir, SP_FS_OK);
    expect_handle(mock, open);
    expect_reply(mock, stat, SFTP_ATTRS);
    mock_free(mock);
}

static void a_handle_is_gone_as_soon_as_close_is_asked(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    mock->calls = MOCK_LATER;
    uint32_t close = send_handle(mock, SFTP_CLOSE, file);
    uint32_t write = send_write(mock, file, 0, "late");
    uint32_t again = send_handle(mock, SFTP_CLOSE, file);
    expect_status(mock, write, SP_FS_FAILURE);
    expect_status(mock, again, SP_FS_FAILURE);
    mock_settle(mock);
    expect_status(mock, close, SP_FS_OK);
    mock_free(mock);
}

static void two_lists_of_one_handle_give_each_name_once(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char path[32];
    for (int i = 0; i < 150; i++) {
        snprintf(path, sizeof path, "/home/demo/%d", i);
        store_file(mock_store(mock), path, "");
    }
    struct handle directory = open_directory(mock, ".");
    mock->calls = MOCK_LATER;
    uint32_t ids[3];
    uint32_t names = 0;
    for (int i = 0; i < 3; i++)
        ids[i] = send_handle(mock, SFTP_READDIR, directory);
    mock_settle(mock);
    for (int i = 0; i < 2; i++) {
        struct reply reply = expect_reply(mock, ids[i], SFTP_NAME);
        names += wire_get_u32(&reply.body);
    }
    expect_status(mock, ids[2], SP_FS_EOF);
    assert_int_equal(names, 152);
    mock_free(mock);
}

static void copying_waits_for_both_files_and_others_for_it(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle from = open_file(mock, "/a", FXF_READ | FXF_WRITE | FXF_CREAT);
    struct handle to = open_file(mock, "/b", FXF_READ | FXF_WRITE | FXF_CREAT);
    mock->calls = MOCK_LATER;
    send_write(mock, from, 0, "text");
    send_write(mock, to, 0, "....!");
    send_copy(mock, from, 0, 4, to, 0);
    uint32_t read = send_read(mock, to, 0, 10);
    assert_int_equal(mock_calls_waiting(mock), 2);
    mock_settle(mock);
    struct reply reply;
    for (int i = 0; i < 3; i++)
        assert_true(next_reply(mock, &reply) && reply.status == SP_FS_OK);
    expect_data(mock, read, "text");
    mock_free(mock);
}

static void no_more_than_the_limit_is_under_way(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.config.limits.requests_per_channel = 5;
    client_start(mock);
    expect_reply(mock, send_path(mock, SFTP_STAT, "/"), SFTP_ATTRS);
    mock->calls = MOCK_LATER;
    for (int i = 0; i < 20; i++)
        send_path(mock, SFTP_STAT, "/");
    assert_int_equal(mock_calls_waiting(mock), 5);
    assert_true(mock_refused(mock) > 0);
    mock_step(mock);
    mock_run_tasks(mock);
    assert_int_equal(mock_calls_waiting(mock), 5);
    mock_settle(mock);
    assert_int_equal(mock_refused(mock), 0);
    assert_int_equal(mock->started[PLUGIN_FS_stat], 21);
    mock_free(mock);
}

static char *text_of(size_t length)
{
    char *text = malloc(length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

static void data_under_way_is_bounded(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    char *text = text_of(250000);
    mock->calls = MOCK_LATER;
    for (int i = 0; i < 20; i++)
        send_write(mock, file, (uint64_t)i * 250000, text);
    assert_true(mock_refused(mock) >= 14u * 250000u);
    mock_settle(mock);
    assert_int_equal(mock_refused(mock), 0);
    assert_int_equal(mock->started[PLUGIN_FS_write], 20);
    free(text);
    mock_free(mock);
}

/* A client that asks for everything and reads nothing: what the server holds for it stays small. */
/* Data a little larger than one size of block waits in a much larger one, which is what counts. */
static void memory_of_data_under_way_is_bounded(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char *text = text_of(36000);
    struct handle file = open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    mock->calls = MOCK_LATER;
    int taken = 0;
    while (taken < 20 && mock_refused(mock) == 0) {
        send_write(mock, file, 0, text);
        taken++;
    }
    assert_true(taken <= 5);
    mock_settle(mock);
    assert_int_equal(mock_refused(mock), 0);
    free(text);
    mock_free(mock);
}

static void output_is_bounded_for_a_client_that_does_not_read(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char *text = text_of(250000);
    store_file(mock_store(mock), "/f", text);
    struct handle file = open_file(mock, "/f", FXF_READ);
    mock->channel.hold_output = true;
    for (int i = 0; i < 200; i++)
        send_read(mock, file, 0, 250000);
    assert_true(mock->channel.queued <= 3u * 250000u);
    assert_true(mock_refused(mock) > 0);
    for (int i = 0; i < 1000 && mock_refused(mock) > 0; i++) {
        mock_drain(mock);
        mock_settle(mock);
        assert_true(mock->channel.queued <= 3u * 250000u);
    }
    mock_drain(mock);
    mock_settle(mock);
    mock->channel.hold_output = false;
    mock_drain(mock);
    for (int i = 0; i < 200; i++) {
        struct reply reply;
        assert_true(next_reply(mock, &reply));
        assert_int_equal(reply.type, SFTP_DATA);
    }
    free(text);
    mock_free(mock);
}

static void promised_output_is_bounded_too(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char *text = text_of(250000);
    store_file(mock_store(mock), "/f", text);
    struct handle files[10];
    for (int i = 0; i < 10; i++)
        files[i] = open_file(mock, "/f", FXF_READ);
    mock->calls = MOCK_LATER;
    for (int i = 0; i < 10; i++)
        send_read(mock, files[i], 0, 250000);
    assert_true(mock_calls_waiting(mock) <= 3);
    mock_settle(mock);
    assert_int_equal(mock->started[PLUGIN_FS_read], 10);
    free(text);
    mock_free(mock);
}

static void a_long_copy_lets_others_be_served(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.host.instances[0].lacks[PLUGIN_FS_copy] = true;
    client_start(mock);
    char *text = text_of(2000000);
    store_file(mock_store(mock), "/f", text);
    struct handle from = open_file(mock, "/f", FXF_READ);
    struct handle to = open_file(mock, "/g", FXF_WRITE | FXF_CREAT);
    uint32_t copy = send_copy(mock, from, 0, 0, to, 0);
    assert_int_equal(mock->started[PLUGIN_FS_write], 1);
    expect_reply(mock, send_path(mock, SFTP_STAT, "/"), SFTP_ATTRS);
    mock_settle(mock);
    expect_status(mock, copy, SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/g", text));
    free(text);
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_on_one_handle_keep_their_order),
        cmocka_unit_test(requests_on_two_handles_overlap),
        cmocka_unit_test(a_path_is_touched_after_the_files_closed_before_it),
        cmocka_unit_test(a_directory_is_made_before_what_goes_into_it),
        cmocka_unit_test(a_handle_is_gone_as_soon_as_close_is_asked),
        cmocka_unit_test(two_lists_of_one_handle_give_each_name_once),
        cmocka_unit_test(copying_waits_for_both_files_and_others_for_it),
        cmocka_unit_test(no_more_than_the_limit_is_under_way),
        cmocka_unit_test(data_under_way_is_bounded),
        cmocka_unit_test(memory_of_data_under_way_is_bounded),
        cmocka_unit_test(output_is_bounded_for_a_client_that_does_not_read),
        cmocka_unit_test(promised_output_is_bounded_too),
        cmocka_unit_test(a_long_copy_lets_others_be_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
