/* test_echo.c: echo in the test host: how a plugin is tested without a daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_host.h"

static struct test_host *host;

static struct sp_channel_event on_channel(sp_id channel)
{
    return (struct sp_channel_event){.channel = channel};
}

static void begin(sp_id channel)
{
    struct sp_channel_event event = on_channel(channel);
    event.request = SP_REQUEST_SUBSYSTEM;
    event.name = sp_str_of("echo");
    assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_TAKE);
    struct sp_channel_event start = on_channel(channel);
    assert_int_equal(TEST_CHANNEL(host, started, &start)->verdict, SP_OK);
}

static int32_t send_text(sp_id channel, const char *text)
{
    struct sp_channel_event event = on_channel(channel);
    event.data = sp_str_of(text);
    return TEST_CHANNEL(host, data, &event)->verdict;
}

static void end(sp_id channel)
{
    struct sp_channel_event event = on_channel(channel);
    assert_int_equal(TEST_CHANNEL(host, eof, &event)->verdict, SP_OK);
}

static void tell_closed(sp_id channel)
{
    struct sp_channel_event event = on_channel(channel);
    assert_int_equal(TEST_CHANNEL(host, closed, &event)->verdict, SP_OK);
}

static void send_back_what_comes(void **state)
{
    (void)state;
    begin(1);
    begin(2);
    assert_int_equal(send_text(1, "one "), SP_OK);
    assert_int_equal(send_text(2, "other"), SP_OK);
    assert_int_equal(send_text(1, "more"), SP_OK);
    assert_string_equal(test_host_channel(host, 1)->sent[SP_STREAM_DATA], "hello one more");
    assert_string_equal(test_host_channel(host, 2)->sent[SP_STREAM_DATA], "hello other");
    end(1);
    assert_int_equal(test_host_channel(host, 1)->exit_status, 0);
    assert_true(test_host_channel(host, 1)->closed);
    assert_false(test_host_channel(host, 2)->closed);
    tell_closed(1);
    tell_closed(2);
}

static void leave_other_requests_to_others(void **state)
{
    (void)state;
    struct sp_channel_event event = on_channel(1);
    event.request = SP_REQUEST_SHELL;
    assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_NEXT);
}

static void make_a_slow_client_wait(void **state)
{
    (void)state;
    begin(1);
    test_host_set_room(host, 1, 4);
    struct sp_channel_event event = on_channel(1);
    event.data = sp_str_of("0123456789");
    struct test_answer *asked = test_host_ask(
        host, TEST_KIND_CHANNEL, TEST_HOST_SLOT(sp_channel_v1, data), &event.head, sizeof event);
    const struct sp_channel_v1 *table = test_host_table(host, SP_CHANNEL_INTERFACE);
    int32_t verdict = table->data(test_host_self(host), &event);
    assert_int_equal(verdict, SP_PENDING);
    end(1); /* must not cut off what is still to be sent */
    assert_false(test_host_channel(host, 1)->closed);

    struct sp_channel_event ready = on_channel(1);
    test_host_set_room(host, 1, 3);
    assert_int_equal(TEST_CHANNEL(host, ready_to_send, &ready)->verdict, SP_OK);
    assert_string_equal(test_host_channel(host, 1)->sent[SP_STREAM_DATA], "hello 0123456");
    test_host_set_room(host, 1, 100);
    assert_int_equal(TEST_CHANNEL(host, ready_to_send, &ready)->verdict, SP_OK);
    assert_int_equal(test_host_answer(host, asked, verdict)->verdict, SP_OK);
    assert_string_equal(test_host_channel(host, 1)->sent[SP_STREAM_DATA], "hello 0123456789");
    assert_true(test_host_channel(host, 1)->closed);
    tell_closed(1);
}

static void answer_what_waits_when_the_client_leaves(void **state)
{
    (void)state;
    begin(1);
    test_host_set_room(host, 1, 4);
    struct sp_channel_event event = on_channel(1);
    event.data = sp_str_of("0123456789");
    struct test_answer *asked = test_host_ask(
        host, TEST_KIND_CHANNEL, TEST_HOST_SLOT(sp_channel_v1, data), &event.head, sizeof event);
    const struct sp_channel_v1 *table = test_host_table(host, SP_CHANNEL_INTERFACE);
    int32_t verdict = table->data(test_host_self(host), &event);
    tell_closed(1);
    assert_int_equal(test_host_answer(host, asked, verdict)->verdict, SP_E_STALE);
}

static void lines_are_asked_for_when_configured(void **state)
{
    (void)state;
    begin(1);
    assert_int_equal(test_host_channel(host, 1)->framing, SP_FRAMING_NONE);
    test_host_free(host);
    host = test_host_new(&sallyport_plugin_v1, "{\"greeting\":\"\",\"framing\":\"line\"}");
    assert_non_null(host);
    begin(1);
    assert_int_equal(test_host_channel(host, 1)->framing, SP_FRAMING_LINE);
    assert_int_equal(test_host_channel(host, 1)->framing_size, 4096);
    assert_memory_equal(test_host_channel(host, 1)->framing_terminator, "\n", 1);
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new(&sallyport_plugin_v1, "{\"greeting\":\"hello \",\"framing\":\"none\"}");
    return host ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(send_back_what_comes),
        TEST(leave_other_requests_to_others),
        TEST(make_a_slow_client_wait),
        TEST(answer_what_waits_when_the_client_leaves),
        TEST(lines_are_asked_for_when_configured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
