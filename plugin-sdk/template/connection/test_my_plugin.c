/* test_my_plugin.c: asks the plugin, as the daemon would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_host.h"

static struct test_host *host;

static const struct test_answer *ask(const char *address)
{
    struct sp_connection_event event = {.suggestion = SP_ALLOW};
    test_host_connection(host)->remote_address = sp_str_of(address);
    return TEST_CONNECTION(host, request, &event);
}

static void unwanted_addresses_are_refused_with_a_reason(void **state)
{
    (void)state;
    assert_int_equal(ask("10.1.2.3")->verdict, SP_DENY);
    assert_string_equal(ask("10.1.0.0")->connection.text.data, "its address is not wanted");
}

static void others_are_left_to_the_next_plugin(void **state)
{
    (void)state;
    assert_int_equal(ask("10.2.1.1")->verdict, SP_NEXT);
    assert_int_equal(ask("110.1.1.1")->verdict, SP_NEXT);
}

static void who_leaves_is_logged(void **state)
{
    (void)state;
    struct sp_connection_event event = {.status = 0};
    TEST_CONNECTION(host, disconnected, &event);
    assert_true(test_host_logged(host, "a client has left"));
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new(&sallyport_plugin_v1, "{\"refuse\":[\"10.1.\"]}");
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
        cmocka_unit_test(unwanted_addresses_are_refused_with_a_reason),
        cmocka_unit_test(others_are_left_to_the_next_plugin),
        cmocka_unit_test(who_leaves_is_logged),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
