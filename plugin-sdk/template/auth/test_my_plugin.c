/* test_my_plugin.c: asks the plugin, as the daemon would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_host.h"

static struct test_host *host;

static const struct test_answer *ask(const char *user, const char *password)
{
    struct sp_auth_event event = {
        .user = sp_str_of(user), .method = SP_METHOD_PASSWORD, .password = sp_str_of(password)};
    return TEST_AUTH(host, password, &event);
}

static void right_password_lets_the_user_in(void **state)
{
    (void)state;
    const struct test_answer *answer = ask("ann", "secret");
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_true(answer->auth.grant->permit & SP_PERMIT_SFTP);
}

static void wrong_password_is_refused_with_a_reason_for_the_log(void **state)
{
    (void)state;
    assert_int_equal(ask("ann", "")->verdict, SP_DENY);
    assert_string_equal(ask("ann", "secrets")->auth.reason.data, "wrong password");
}

static void others_are_left_to_the_next_plugin(void **state)
{
    (void)state;
    assert_int_equal(ask("bob", "secret")->verdict, SP_NEXT);
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new(&sallyport_plugin_v1, "{\"user\":\"ann\",\"password\":\"secret\"}");
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
        cmocka_unit_test(right_password_lets_the_user_in),
        cmocka_unit_test(wrong_password_is_refused_with_a_reason_for_the_log),
        cmocka_unit_test(others_are_left_to_the_next_plugin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
