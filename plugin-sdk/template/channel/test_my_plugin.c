/* test_my_plugin.c: asks the plugin, as the daemon would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_host.h"

static struct test_host *host;

static int32_t ask(sp_id channel, const char *command)
{
    struct sp_channel_event event = {
        .channel = channel, .request = SP_REQUEST_EXEC, .name = sp_str_of(command)};
    return TEST_CHANNEL(host, request, &event)->verdict;
}

static void bytes_of_each_channel_are_counted(void **state)
{
    (void)state;
    struct sp_channel_event one = {.channel = 1, .data = sp_str_of("hello")};
    struct sp_channel_event two = {.channel = 2, .data = sp_str_of("hi")};
    assert_int_equal(ask(1, "count"), SP_TAKE);
    assert_int_equal(ask(2, "count"), SP_TAKE);
    assert_int_equal(TEST_CHANNEL(host, data, &one)->verdict, SP_OK);
    assert_int_equal(TEST_CHANNEL(host, data, &two)->verdict, SP_OK);
    assert_int_equal(TEST_CHANNEL(host, data, &one)->verdict, SP_OK);
    assert_int_equal(TEST_CHANNEL(host, eof, &one)->verdict, SP_OK);

    const struct test_channel *channel = test_host_channel(host, 1);
    assert_string_equal(channel->sent[SP_STREAM_DATA], "10 bytes\n");
    assert_string_equal(channel->actions, "send exit-status close");
    assert_int_equal(channel->exit_status, 0);
    assert_int_equal(TEST_CHANNEL(host, closed, &one)->verdict, SP_OK);
    assert_int_equal(TEST_CHANNEL(host, closed, &two)->verdict, SP_OK);
}

static void other_commands_are_left_to_others(void **state)
{
    (void)state;
    assert_int_equal(ask(1, "counter"), SP_NEXT);
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new(&sallyport_plugin_v1, "{\"command\":\"count\"}");
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
        cmocka_unit_test(bytes_of_each_channel_are_counted),
        cmocka_unit_test(other_commands_are_left_to_others),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
