/* test_my_plugin.c: asks the plugin, as the daemon would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_host.h"

static struct test_host *host;

static const struct test_answer *before_open(const char *path, uint32_t flags)
{
    struct sp_sftp_event event = {
        .family = SP_SFTP_OPEN, .name = sp_str_of("open"), .path = sp_str_of(path), .flags = flags};
    return TEST_SFTP(host, before, &event);
}

static void unwanted_files_are_refused_with_a_text(void **state)
{
    (void)state;
    const struct test_answer *answer = before_open("/in/setup.exe", SP_OPEN_WRITE);
    assert_int_equal(answer->verdict, SP_DENY);
    assert_int_equal(answer->status, SP_FS_PERMISSION_DENIED);
    assert_string_equal(answer->sftp.text.data, "files of this kind are not taken here");
}

static void others_are_left_alone(void **state)
{
    (void)state;
    assert_int_equal(before_open("/in/setup.txt", SP_OPEN_WRITE)->verdict, SP_NEXT);
    assert_int_equal(before_open("/in/setup.exe", SP_OPEN_READ)->verdict, SP_NEXT);
}

static void nothing_is_renamed_to_what_is_unwanted(void **state)
{
    (void)state;
    struct sp_sftp_event event = {.family = SP_SFTP_RENAME,
                                  .name = sp_str_of("rename"),
                                  .path = sp_str_of("/in/setup.txt"),
                                  .target = sp_str_of("/in/setup.exe")};
    assert_int_equal(TEST_SFTP(host, before, &event)->verdict, SP_DENY);
}

static void what_was_written_is_logged(void **state)
{
    (void)state;
    struct sp_sftp_event event = {.family = SP_SFTP_CLOSE,
                                  .name = sp_str_of("close"),
                                  .path = sp_str_of("/in/a"),
                                  .flags = SP_OPEN_WRITE};
    test_host_connection(host)->user = sp_str_of("demo");
    assert_int_equal(TEST_SFTP(host, after, &event)->verdict, SP_NEXT);
    assert_true(test_host_logged(host, "demo has written /in/a"));
    event.status = SP_FS_CONNECTION_LOST;
    TEST_SFTP(host, after, &event);
    assert_true(test_host_logged(host, "demo has not finished /in/a"));
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new(&sallyport_plugin_v1, "{\"refuse\":[\".exe\"]}");
    return host ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unwanted_files_are_refused_with_a_text),
        cmocka_unit_test(others_are_left_alone),
        cmocka_unit_test(nothing_is_renamed_to_what_is_unwanted),
        cmocka_unit_test(what_was_written_is_logged),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
