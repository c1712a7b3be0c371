/* test_factors.c: which factors count toward "auth_require", and which requests are worth asking.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sallyport/auth.h>

#include "session/factors.h"

#define PASSWORD SP_METHOD_PASSWORD
#define KEY SP_METHOD_PUBLICKEY
#define ASKED SP_METHOD_KEYBOARD_INTERACTIVE
#define ALL (PASSWORD | KEY | ASKED)

enum { USERS, TOTP }; /* the chain */

static struct factor_rules rules;
static struct factors factors;
static size_t bad_list, bad_element;

/* Lists as "auth_require" has them, parsed as it is; the chain is users (all methods), totp
 * (password and keyboard-interactive). */
static bool require(const char *json)
{
    static char text[1024];
    struct config *config;
    struct report report = {0};
    snprintf(text, sizeof text,
             "{\"listeners\": [{\"address\": \"*\"}], \"plugins\": [{\"name\": \"users\"}, "
             "{\"name\": \"totp\"}], \"chains\": {\"auth\": [\"users\", \"totp\"]}, "
             "\"auth_require\": %s}",
             json);
    assert_int_equal(config_parse(text, strlen(text), "test", &config, &report), 0);
    memset(&rules, 0, sizeof rules);
    rules.instances_count = 2;
    rules.methods = ALL | SP_METHOD_NONE;
    rules.offers[USERS] = ALL | SP_METHOD_NONE;
    rules.offers[TOTP] = PASSWORD | ASKED;
    bool is_possible = factor_rules_set(&rules, config, &bad_list, &bad_element);
    config_free(config);
    report_free(&report);
    factors_init(&factors, &rules);
    return is_possible;
}

static enum factor_outcome pass(uint32_t method, int instance)
{
    struct factor factor = {.method = method, .instance = instance, .key = {1}};
    return factors_pass(&factors, &factor, false, 0);
}

static enum factor_outcome pass_key(uint8_t key)
{
    struct factor factor = {.method = KEY, .instance = USERS, .key = {key}};
    return factors_pass(&factors, &factor, false, 0);
}

static enum factor_outcome pass_wanting(uint32_t method, int instance, uint32_t methods)
{
    struct factor factor = {.method = method, .instance = instance, .key = {1}};
    return factors_pass(&factors, &factor, true, methods);
}

static void one_factor_is_enough_without_lists(void **state)
{
    (void)state;
    assert_true(require("[]"));
    assert_int_equal(factors_methods(&factors), ALL);
    assert_int_equal(factors_instances(&factors, PASSWORD), 3);
    assert_int_equal(pass(PASSWORD, TOTP), FACTOR_COMPLETE);
}

static void all_elements_of_a_list_are_wanted_in_order(void **state)
{
    (void)state;
    assert_true(require("[[\"publickey\", \"keyboard-interactive\"]]"));
    assert_int_equal(factors_methods(&factors), KEY);
    assert_int_equal(factors_instances(&factors, ASKED), 0);
    assert_int_equal(pass(ASKED, USERS), FACTOR_REFUSED);
    assert_int_equal(pass(KEY, USERS), FACTOR_PARTIAL);
    assert_int_equal(factors_methods(&factors), ASKED);
    assert_int_equal(pass(KEY, USERS), FACTOR_REFUSED);
    assert_int_equal(pass(PASSWORD, USERS), FACTOR_REFUSED);
    assert_int_equal(pass(ASKED, TOTP), FACTOR_COMPLETE);
}

static void each_list_goes_forward_by_itself(void **state)
{
    (void)state;
    assert_true(require("[[\"publickey\", \"keyboard-interactive\"], [\"password\", \"totp\"]]"));
    assert_int_equal(factors_methods(&factors), KEY | PASSWORD);
    assert_int_equal(pass(KEY, USERS), FACTOR_PARTIAL);
    assert_int_equal(factors_methods(&factors), ASKED | PASSWORD);
    assert_int_equal(pass(PASSWORD, USERS), FACTOR_PARTIAL);
    assert_int_equal(factors_methods(&factors), ASKED | PASSWORD);
    assert_int_equal(pass(ASKED, USERS), FACTOR_COMPLETE);
}

static void an_instance_is_satisfied_by_whichever_method(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(require("[[\"password\", \"totp\"]]"));
        assert_int_equal(pass(PASSWORD, USERS), FACTOR_PARTIAL);
        assert_int_equal(factors_methods(&factors), PASSWORD | ASKED);
        assert_int_equal(factors_instances(&factors, PASSWORD), 1 << TOTP);
        assert_int_equal(factors_instances(&factors, ASKED), 1 << TOTP);
        assert_int_equal(pass(PASSWORD, USERS), FACTOR_REFUSED);
        assert_int_equal(pass(ASKED, USERS), FACTOR_REFUSED);
        assert_int_equal(pass(i ? PASSWORD : ASKED, TOTP), FACTOR_COMPLETE);
    }
}

static void an_instance_named_for_itself_serves_no_other_element(void **state)
{
    (void)state;
    assert_true(require("[[\"password\", \"totp\"]]"));
    assert_int_equal(factors_instances(&factors, PASSWORD), 1 << USERS);
    assert_int_equal(pass(PASSWORD, TOTP), FACTOR_REFUSED);
    assert_true(require("[[\"publickey\", \"password:users\"]]"));
    assert_int_equal(factors_instances(&factors, KEY), 3);
    assert_true(require("[[\"password\", \"password:totp\"]]"));
    assert_int_equal(factors_instances(&factors, PASSWORD), 1 << USERS);
}

static void only_named_instances_are_asked(void **state)
{
    (void)state;
    assert_true(require("[[\"keyboard-interactive:totp\", \"password\"]]"));
    assert_int_equal(factors_instances(&factors, ASKED), 1 << TOTP);
    assert_true(require("[[\"keyboard-interactive:totp\"], [\"keyboard-interactive\"]]"));
    assert_int_equal(factors_instances(&factors, ASKED), 3);
}

static void a_key_counts_once_and_two_keys_can_be_asked_for(void **state)
{
    (void)state;
    assert_true(require("[[\"publickey\", \"publickey\"]]"));
    assert_int_equal(pass_key(1), FACTOR_PARTIAL);
    assert_true(factors_has_key(&factors, (uint8_t[FACTORS_KEY_SIZE]){1}));
    assert_int_equal(factors_methods(&factors), KEY);
    assert_int_equal(pass_key(1), FACTOR_REFUSED);
    assert_int_equal(pass_key(2), FACTOR_COMPLETE);
}

static void a_plugin_that_wants_more_never_completes(void **state)
{
    (void)state;
    assert_true(require("[]"));
    assert_int_equal(pass_wanting(PASSWORD, USERS, 0), FACTOR_PARTIAL);
    assert_int_equal(factors_methods(&factors), KEY | ASKED);
    assert_int_equal(pass(PASSWORD, USERS), FACTOR_REFUSED);
    assert_int_equal(pass_wanting(KEY, USERS, ASKED), FACTOR_PARTIAL);
    assert_int_equal(factors_methods(&factors), ASKED);
    assert_int_equal(pass(ASKED, USERS), FACTOR_COMPLETE);

    assert_true(require("[[\"publickey\"]]"));
    assert_int_equal(pass_wanting(KEY, USERS, 0), FACTOR_PARTIAL);
    assert_int_equal(factors_methods(&factors), PASSWORD | ASKED);
    assert_int_equal(pass(PASSWORD, TOTP), FACTOR_COMPLETE);

    assert_true(require("[[\"publickey\", \"password\"]]"));
    assert_int_equal(pass_wanting(KEY, USERS, ASKED | PASSWORD), FACTOR_PARTIAL);
    assert_int_equal(factors_methods(&factors), PASSWORD);
    assert_int_equal(pass(PASSWORD, USERS), FACTOR_COMPLETE);
}

static void more_of_the_same_is_asked_of_another_instance(void **state)
{
    (void)state;
    assert_true(require("[]"));
    assert_int_equal(pass_wanting(PASSWORD, USERS, PASSWORD), FACTOR_PARTIAL);
    assert_int_equal(factors_methods(&factors), PASSWORD);
    assert_int_equal(factors_instances(&factors, PASSWORD), 1 << TOTP);
    assert_int_equal(pass(PASSWORD, USERS), FACTOR_REFUSED);
    assert_int_equal(pass(PASSWORD, TOTP), FACTOR_COMPLETE);
}

static void a_user_can_be_restricted_to_methods(void **state)
{
    (void)state;
    assert_true(require("[[\"password\", \"totp\"], [\"publickey\"]]"));
    factors_restrict(&factors, KEY);
    assert_int_equal(factors_methods(&factors), KEY);
    factors_restrict(&factors, 0);
    assert_int_equal(factors_methods(&factors), KEY);
    factors_restrict(&factors, ASKED);
    assert_int_equal(factors_methods(&factors), 0);
}

static void a_denial_does_not_undo_what_is_still_wanted(void **state)
{
    (void)state;
    assert_true(require("[]"));
    assert_int_equal(pass_wanting(KEY, USERS, ASKED), FACTOR_PARTIAL);
    factors_restrict(&factors, PASSWORD);
    assert_int_equal(factors_methods(&factors), 0);
    factors_restrict(&factors, PASSWORD | ASKED);
    assert_int_equal(factors_methods(&factors), ASKED);

    assert_true(require("[]"));
    assert_int_equal(pass_wanting(KEY, USERS, 0), FACTOR_PARTIAL);
    factors_restrict(&factors, KEY | PASSWORD);
    assert_int_equal(factors_methods(&factors), PASSWORD);
}

static void none_is_for_those_who_have_shown_nothing(void **state)
{
    (void)state;
    assert_true(require("[]"));
    assert_int_equal(factors_instances(&factors, SP_METHOD_NONE), UINT64_MAX);
    assert_int_equal(pass_wanting(KEY, USERS, 0), FACTOR_PARTIAL);
    assert_int_equal(factors_instances(&factors, SP_METHOD_NONE), 0);
    assert_true(require("[[\"password\"]]"));
    assert_int_equal(pass(SP_METHOD_NONE, USERS), FACTOR_REFUSED);
}

static void what_nobody_can_pass_is_found(void **state)
{
    (void)state;
    assert_false(require("[[\"password\"], [\"password\", \"publickey:totp\"]]"));
    assert_int_equal(bad_list, 1);
    assert_int_equal(bad_element, 1);
    assert_false(require("[[\"publickey\", \"users\"]]"));
    assert_int_equal(bad_element, 0);
}

static void factors_are_bounded(void **state)
{
    (void)state;
    assert_true(require("[]"));
    for (uint8_t i = 0; i < FACTORS_DONE_MAX; i++) {
        struct factor factor = {.method = KEY, .instance = USERS, .key = {i}};
        assert_int_equal(factors_pass(&factors, &factor, true, KEY), FACTOR_PARTIAL);
    }
    assert_int_equal(pass(PASSWORD, USERS), FACTOR_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_factor_is_enough_without_lists),
        cmocka_unit_test(all_elements_of_a_list_are_wanted_in_order),
        cmocka_unit_test(each_list_goes_forward_by_itself),
        cmocka_unit_test(an_instance_is_satisfied_by_whichever_method),
        cmocka_unit_test(an_instance_named_for_itself_serves_no_other_element),
        cmocka_unit_test(only_named_instances_are_asked),
        cmocka_unit_test(a_key_counts_once_and_two_keys_can_be_asked_for),
        cmocka_unit_test(a_plugin_that_wants_more_never_completes),
        cmocka_unit_test(more_of_the_same_is_asked_of_another_instance),
        cmocka_unit_test(a_user_can_be_restricted_to_methods),
        cmocka_unit_test(a_denial_does_not_undo_what_is_still_wanted),
        cmocka_unit_test(none_is_for_those_who_have_shown_nothing),
        cmocka_unit_test(what_nobody_can_pass_is_found),
        cmocka_unit_test(factors_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
