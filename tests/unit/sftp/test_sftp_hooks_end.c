/* Hooks that are late, clients that are gone, and scp: whatever happens, hooks hear the end of what
 * they heard the beginning of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"
#include "sftp/sftp.h"

/* --- late, and gone ------------------------------------------------------------------------ */

static void a_late_hook_fails_the_operation_and_keeps_its_memory(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(2);
    mock->calls = MOCK_LATER;
    uint32_t id = send_path(mock, SFTP_MKDIR, "/d");
    assert_true(mock_time_out(mock)); /* the first, before */
    mock->releases_late = true;
    while (mock_step(mock))
        ;
    expect_status(mock, id, SP_FS_FAILURE);
    assert_null(store_find(mock_store(mock), "/d"));
    mock_release(mock);
    mock->calls = MOCK_AT_ONCE;
    mock_free(mock);
}

static void a_hook_that_was_asked_hears_the_end_of_it(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    struct handle file = open_file(mock, "/a", FXF_WRITE | FXF_CREAT);
    struct handle other = open_file(mock, "/b", FXF_WRITE | FXF_CREAT);
    records[0].seen[0] = '\0';
    mock->calls = MOCK_LATER;
    send_write(mock, file, 0, "x"); /* asked before, not answered */
    send_write(mock, other, 0, "y");
    assert_true(mock_step(mock));
    mock_close(mock);
    mock_settle(mock);
    (void)other;
    const char *seen = records[0].seen;
    assert_non_null(strstr(seen, ">write /a 7 core\n"));
    assert_non_null(strstr(seen, ">write /b 7 core\n"));
    assert_non_null(strstr(seen, ">close /a 7 core\n"));
    assert_non_null(strstr(seen, ">close /b 7 core\n"));
    assert_true(strstr(seen, ">write /a") < strstr(seen, ">close /a"));
    assert_true(strstr(seen, ">write /b") < strstr(seen, ">close /b"));
    mock->calls = MOCK_AT_ONCE;
    mock_free(mock);
}

static void send_check(struct mock *mock, struct handle file)
{
    uint32_t id;
    struct buffer *request = extended_begin("check-file-handle", &id);
    request_handle(request, file);
    request_string(request, "md5");
    for (int i = 0; i < 5; i++) /* offset, length, block size */
        wire_put_u32(request, 0);
    request_send(mock, request);
}

/* The turn to hash goes to one that only waits for hooks to hear of its end. */
static void a_hash_that_waits_for_its_turn_ends_with_its_channel(void **state)
{
    (void)state;
    for (int steps = 0; steps < 12; steps++) {
        struct mock *mock = with_hooks(1);
        struct handle files[3];
        for (int i = 0; i < 3; i++)
            files[i] = open_file(mock, "/a", FXF_READ | FXF_WRITE | FXF_CREAT);
        mock->calls = MOCK_LATER;
        for (int i = 0; i < 3; i++)
            send_check(mock, files[i]);
        for (int i = 0; i < steps; i++)
            (void)mock_step(mock);
        mock_close(mock);
        while (mock_step(mock))
            ; /* all hooks have answered before anything that was posted runs */
        mock_settle(mock);
        mock->calls = MOCK_AT_ONCE;
        mock_free(mock);
    }
}

/* Wherever the channel ends: an open that hooks heard of has one close that they hear of. */
static void every_open_has_its_close(void **state)
{
    (void)state;
    for (int steps = 0; steps < 12; steps++) {
        struct mock *mock = with_hooks(2);
        records[1].into = &records[0];
        mock->calls = MOCK_LATER;
        uint32_t id = send_open(mock, "/a", FXF_WRITE | FXF_CREAT);
        bool is_over = false;
        struct reply reply = {0};
        for (int i = 0; i < steps && !is_over; i++)
            is_over = !mock_step(mock);
        if (is_over && next_reply(mock, &reply) && reply.id == id) {
            struct handle file;
            struct sp_str wire = wire_get_string(&reply.body);
            memcpy(file.bytes, wire.data, sizeof file.bytes);
            send_handle(mock, SFTP_CLOSE, file);
            for (int i = 5; i < steps; i++)
                mock_step(mock);
        }
        mock_close(mock);
        mock_settle(mock);
        int opens = 0, closes = 0;
        for (const char *at = records[0].seen; (at = strstr(at, ">open /a 0")); at++)
            opens++;
        for (const char *at = records[0].seen; (at = strstr(at, ">close /a")); at++)
            closes++;
        assert_int_equal(opens, closes);
        assert_int_equal(store_open_handles(mock_store(mock)), 0);
        mock->calls = MOCK_AT_ONCE;
        mock_free(mock);
    }
}

/* --- scp ----------------------------------------------------------------------------------- */

static int count(const char *what)
{
    int found = 0;
    for (const char *at = records[0].seen; (at = strstr(at, what)); at++)
        found++;
    return found;
}

/* A sink that is given a file, or a source that is asked for a directory, until so many calls have
 * been answered; then the channel ends. denied: what the hook refuses, after the fact. */
static void run_scp(bool is_sink, int steps, const char *denied)
{
    static const char file[] = "C0644 5 a\nhello";
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    mock_hook(mock, recorder_hook)->arg = &records[0];
    store_directory(mock_store(mock), "/d");
    store_file(mock_store(mock), "/d/f", "content");
    mock->calls = MOCK_LATER;
    if (denied)
        answers(0, denied, true, SP_DENY);
    assert_int_equal(mock_start(mock, &sftp_builtins[1], is_sink ? "scp -p -t /d" : "scp -r -f /d"),
                     0);
    if (is_sink)
        mock_receive(mock, file, sizeof file); /* with its NUL, which confirms it */
    for (int i = 0; i < steps; i++) {
        if (!is_sink && !mock->channel.is_shut)
            mock_receive(mock, "", 1); /* whatever is said is fine */
        mock_step(mock);
    }
    mock_close(mock);
    mock_settle(mock);
    /* A step that was denied was done all the same. */
    int opens = count(">open /d/a 0") + count(">open /d/f 0") + count(">opendir /d 0");
    assert_int_equal(count(">close"), opens);
    assert_int_equal(store_open_handles(mock_store(mock)), 0);
    mock->calls = MOCK_AT_ONCE;
    mock_free(mock);
}

static void every_open_of_scp_has_its_close(void **state)
{
    (void)state;
    static const char *const denied[] = {NULL, "open", "write", "close", "opendir", "readdir"};
    for (size_t d = 0; d < sizeof denied / sizeof *denied; d++)
        for (int steps = 0; steps < 40; steps++) {
            run_scp(true, steps, denied[d]);
            run_scp(false, steps, denied[d]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_hook_fails_the_operation_and_keeps_its_memory),
        cmocka_unit_test(a_hook_that_was_asked_hears_the_end_of_it),
        cmocka_unit_test(a_hash_that_waits_for_its_turn_ends_with_its_channel),
        cmocka_unit_test(every_open_has_its_close),
        cmocka_unit_test(every_open_of_scp_has_its_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
