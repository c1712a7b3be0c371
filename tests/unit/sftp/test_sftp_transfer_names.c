/* What is told of files that get their names late: by clients, by hooks; and of those that scp
 * brings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sftp/sftp.h"
#include "told.h"

/* --- names --------------------------------------------------------------------------------- */

static void a_partial_name_is_waited_out(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    struct handle file = open_file(mock, "/d.part", FXF_PUT);
    put_text(mock, file, 0, "hello");
    close_handle(mock, file);
    expect_told("");
    expect_done(mock, send_two_paths(mock, SFTP_RENAME, "/d.part", "/e.part"), SP_FS_OK);
    expect_told("");
    expect_done(mock, send_two_paths(mock, SFTP_RENAME, "/e.part", "/d"), SP_FS_OK);
    expect_told("uploaded /d 5 from /d.part\n");
    expect_done(mock, send_two_paths(mock, SFTP_RENAME, "/d", "/e"), SP_FS_OK);
    mock_free(mock);
    expect_told("");
}

static void a_resumed_part_is_one_upload(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    struct handle file = open_file(mock, "/.in.d", FXF_PUT);
    put_text(mock, file, 0, "hello ");
    close_handle(mock, file);
    file = open_file(mock, "/.in.d", FXF_WRITE);
    put_text(mock, file, 6, "world");
    close_handle(mock, file);
    expect_told("");
    expect_done(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/.in.d", "/d"),
                SP_FS_OK);
    expect_told("uploaded /d 11 from /.in.d\n");
    mock_free(mock);
}

static void a_part_that_never_gets_its_name_is_aborted(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    close_handle(mock, open_file(mock, "/a.part", FXF_PUT));
    close_handle(mock, open_file(mock, "/b.part", FXF_PUT));
    close_handle(mock, open_file(mock, "/c.part", FXF_PUT));
    expect_done(mock, send_path(mock, SFTP_REMOVE, "/b.part"), SP_FS_OK);
    expect_told("aborted /b.part 0\n");
    mock_store(mock)->fail[PLUGIN_FS_rename] = SP_FS_FAILURE;
    expect_done(mock, send_two_paths(mock, SFTP_RENAME, "/a.part", "/a"), SP_FS_FAILURE);
    expect_told("");
    mock_close(mock);
    mock_settle(mock);
    expect_told("aborted /a.part 0\naborted /c.part 0\n");
    mock_free(mock);
}

static void a_directory_takes_its_files_along(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    store_directory(mock_store(mock), "/d");
    struct handle file = open_file(mock, "/d/f", FXF_PUT);
    close_handle(mock, open_file(mock, "/d/x.part", FXF_PUT));
    expect_done(mock, send_two_paths(mock, SFTP_RENAME, "/d", "/e"), SP_FS_OK);
    put_text(mock, file, 0, "hello");
    close_handle(mock, file);
    expect_told("uploaded /e/f 5 from /d/f\n");
    expect_done(mock, send_two_paths(mock, SFTP_RENAME, "/e/x.part", "/e/x"), SP_FS_OK);
    expect_told("uploaded /e/x 0 from /d/x.part\n");
    mock_free(mock);
}

static void a_file_that_loses_its_name_is_aborted(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    store_file(mock_store(mock), "/other", "text");
    struct handle file = open_file(mock, "/f", FXF_PUT);
    expect_done(mock, send_path(mock, SFTP_REMOVE, "/f"), SP_FS_OK);
    expect_done(mock, send_two_paths(mock, SFTP_RENAME, "/other", "/f"), SP_FS_OK);
    close_handle(mock, file);
    expect_told("aborted /f 0\n");
    file = open_file(mock, "/g", FXF_PUT);
    store_file(mock_store(mock), "/other", "text");
    expect_done(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/other", "/g"),
                SP_FS_OK);
    mock_close(mock); /* the store has no file without a name */
    mock_settle(mock);
    expect_told("aborted /g 0\n");
    mock_free(mock);
}

static void a_part_that_loses_its_name_is_aborted(void **state)
{
    (void)state;
    struct mock *mock = told_client();
    close_handle(mock, open_file(mock, "/x.part", FXF_PUT));
    store_file(mock_store(mock), "/other", "text");
    expect_done(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/other", "/x.part"),
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
    struct mock *mock = told_client();
    told_verdict = divert;
    final_flags = flags;
    store_file(mock_store(mock), "/f", "before");
    return mock;
}

static void a_file_gets_its_name_when_it_is_complete(void **state)
{
    (void)state;
    struct mock *mock = diverted(0);
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put_text(mock, file, 0, "after");
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
        put_text(mock, file, 0, "after");
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
    expect_done(mock, send_write(mock, file, 0, "after"), SP_FS_FAILURE);
    expect_done(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
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
    put_text(mock, file, 0, "after");
    mock_store(mock)->fail[PLUGIN_FS_rename] = SP_FS_PERMISSION_DENIED;
    expect_done(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_PERMISSION_DENIED);
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
    told_verdict = divert_and_look;
    finals_seen = 0;
    struct handle file = open_file(mock, "/f", FXF_PUT);
    put_text(mock, file, 0, "after");
    close_handle(mock, file);
    assert_int_equal(finals_seen, 5); /* after open; before and after write and close */
    open_file(mock, "/f", FXF_PUT);
    mock_close(mock);
    mock_settle(mock);
    assert_int_equal(finals_seen, 7); /* after open and a close that was none */
    mock_free(mock);
}

static struct mock *looked_at;
static uint32_t flags_of_close;
static bool was_part_there;

static int32_t divert_and_note_the_end(const struct sp_sftp_event *event, bool is_after,
                                       struct sp_sftp_reply *reply)
{
    if (is_after && event->family == SP_SFTP_CLOSE) {
        flags_of_close = event->final_flags;
        was_part_there = store_find(mock_store(looked_at), "/.temporary") != NULL;
    }
    return divert(event, is_after, reply);
}

/* Whoever counts what there is must know when the close is told whether the part is still there. */
static void hooks_are_told_whether_a_part_is_left(void **state)
{
    (void)state;
    for (int is_left = 0; is_left < 2; is_left++) {
        for (int leaves = 0; leaves < 2; leaves++) {
            struct mock *mock = looked_at = diverted(0);
            told_verdict = divert_and_note_the_end;
            struct handle file = open_file(mock, "/f", FXF_PUT);
            mock_store(mock)->fail[PLUGIN_FS_write] = SP_FS_NO_SPACE_ON_FILESYSTEM;
            expect_status(mock, send_write(mock, file, 0, "after"), SP_FS_FAILURE);
            if (is_left)
                mock_store(mock)->fail[PLUGIN_FS_remove] = SP_FS_PERMISSION_DENIED;
            if (leaves)
                mock_close(mock);
            else
                expect_status(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
            mock_settle(mock);
            assert_int_equal(flags_of_close, is_left ? SP_SFTP_FINAL_KEEP_PART : 0);
            assert_int_equal(was_part_there, is_left);
            assert_true(store_has(mock_store(mock), "/f", "before"));
            mock_store(mock)->fail[PLUGIN_FS_remove] = SP_FS_OK;
            mock_free(mock);
        }
    }
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

/* --- scp ----------------------------------------------------------------------------------- */

static struct mock *scp(const char *command)
{
    struct mock *mock = told_world();
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
        struct mock *mock = told_world();
        told_verdict = divert;
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
    struct mock *mock = told_world();
    told_verdict = divert;
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
        struct mock *mock = told_world();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test(hooks_are_told_whether_a_part_is_left),
        cmocka_unit_test(a_client_that_leaves_leaves_no_part),
        cmocka_unit_test(scp_is_told_when_the_client_has_confirmed),
        cmocka_unit_test(scp_is_not_complete_if_its_client_says_so),
        cmocka_unit_test(scp_gives_names_when_files_are_complete),
        cmocka_unit_test(scp_says_why_a_name_was_not_given),
        cmocka_unit_test(what_scp_gives_is_a_download),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
