/* test_admission.c: the bounds on connections, and the waits between failures. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/admission.h"
#include "supervisor/backoff.h"

#define NO_CHANCE 99u /* the early drop refuses only what it refuses always */

static const struct config_limits roomy = {
    .connections = 1000, .startups_begin = 1000, .startups_rate = 100, .startups_full = 1000};

static uint64_t key4(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return admission_source_key((const struct sockaddr *)(const void *)&address);
}

static uint64_t key6(const char *text)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    assert_int_equal(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    return admission_source_key((const struct sockaddr *)(const void *)&address);
}

static void an_ipv4_address_is_a_source_of_its_own(void **state)
{
    (void)state;
    assert_true(key4("192.0.2.1") == key4("192.0.2.1"));
    assert_true(key4("192.0.2.1") != key4("192.0.2.2"));
}

static void ipv6_addresses_of_one_network_are_one_source(void **state)
{
    (void)state;
    assert_true(key6("2001:db8:1:2::1") == key6("2001:db8:1:2:ffff::9"));
    assert_true(key6("2001:db8:1:2::1") != key6("2001:db8:1:3::1"));
    assert_true(key6("::ffff:192.0.2.1") == key4("192.0.2.1"));
}

static void ids_rise_and_are_never_used_again(void **state)
{
    struct admission admission = {0};
    (void)state;
    struct admitted *first = admission_add(&admission, 1);
    uint64_t id = first->id;
    assert_true(id > 0);
    assert_ptr_equal(admission_find(&admission, id), first);
    admission_remove(&admission, first);
    assert_null(admission_find(&admission, id));
    assert_true(admission_add(&admission, 1)->id > id);
    admission_free(&admission);
}

static void connections_are_bounded(void **state)
{
    struct admission admission = {0};
    struct config_limits limits = roomy;
    (void)state;
    limits.connections = 2;
    struct admitted *first = admission_add(&admission, 1);
    admission_add(&admission, 2);
    assert_int_equal(admission_ask(&admission, &limits, 3, NO_CHANCE), ADMISSION_CONNECTIONS);
    assert_string_equal(admission_bound(ADMISSION_CONNECTIONS), "limits.connections");
    assert_int_equal(admission.refused[ADMISSION_CONNECTIONS], 1);
    admission_remove(&admission, first);
    assert_int_equal(admission_ask(&admission, &limits, 3, NO_CHANCE), ADMISSION_GRANTED);
    admission_free(&admission);
}

static void connections_of_one_source_are_bounded(void **state)
{
    struct admission admission = {0};
    struct config_limits limits = roomy;
    (void)state;
    limits.connections_per_source = 1;
    struct admitted *first = admission_add(&admission, 7);
    assert_int_equal(admission_ask(&admission, &limits, 7, NO_CHANCE), ADMISSION_SOURCE);
    assert_int_equal(admission_ask(&admission, &limits, 8, NO_CHANCE), ADMISSION_GRANTED);
    limits.connections_per_source = 0;
    assert_int_equal(admission_ask(&admission, &limits, 7, NO_CHANCE), ADMISSION_GRANTED);
    limits.connections_per_source = 1;
    admission_remove(&admission, first);
    assert_int_equal(admission_ask(&admission, &limits, 7, NO_CHANCE), ADMISSION_GRANTED);
    assert_int_equal(admission.sources.count, 0);
    admission_free(&admission);
}

/* How many of 100 equally likely chances are refused. */
static unsigned refusals(struct admission *admission, const struct config_limits *limits)
{
    unsigned count = 0;
    for (uint32_t chance = 0; chance < 100; chance++)
        count += admission_ask(admission, limits, 1, chance) == ADMISSION_STARTUPS;
    return count;
}

static void startups_are_dropped_the_likelier_the_more_there_are(void **state)
{
    struct admission admission = {0};
    struct config_limits limits = roomy;
    struct admitted *last = NULL;
    (void)state;
    limits.startups_begin = 2;
    limits.startups_rate = 30;
    limits.startups_full = 4;
    admission_add(&admission, 1);
    assert_int_equal(refusals(&admission, &limits), 0);
    admission_add(&admission, 1);
    assert_int_equal(refusals(&admission, &limits), 30);
    admission_add(&admission, 1);
    assert_int_equal(refusals(&admission, &limits), 65);
    last = admission_add(&admission, 1);
    assert_int_equal(refusals(&admission, &limits), 100);

    admission_authenticated(&admission, last);
    admission_authenticated(&admission, last);
    assert_int_equal(admission.unauthenticated, 3);
    assert_int_equal(refusals(&admission, &limits), 65);
    admission_remove(&admission, last);
    assert_int_equal(admission.unauthenticated, 3);
    admission_free(&admission);
}

static void waits_double_up_to_a_limit_and_are_forgotten_in_health(void **state)
{
    struct backoff backoff = {0};
    uint64_t now = 5, delay = 0;
    (void)state;
    assert_int_equal(backoff_failed(&backoff, now), 100);
    assert_true(backoff_is_waiting(&backoff, now + 99));
    assert_false(backoff_is_waiting(&backoff, now + 100));
    assert_int_equal(backoff_failed(&backoff, now += 100), 200);
    assert_int_equal(backoff_failed(&backoff, now += 200), 400);
    for (int i = 0; i < 60; i++)
        delay = backoff_failed(&backoff, now += delay);
    assert_int_equal(delay, BACKOFF_LAST_MS);
    assert_int_equal(backoff_failed(&backoff, now + BACKOFF_HEALTH_MS - 1), BACKOFF_LAST_MS);
    assert_int_equal(backoff_failed(&backoff, now + 2 * BACKOFF_HEALTH_MS), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_address_is_a_source_of_its_own),
        cmocka_unit_test(ipv6_addresses_of_one_network_are_one_source),
        cmocka_unit_test(ids_rise_and_are_never_used_again),
        cmocka_unit_test(connections_are_bounded),
        cmocka_unit_test(connections_of_one_source_are_bounded),
        cmocka_unit_test(startups_are_dropped_the_likelier_the_more_there_are),
        cmocka_unit_test(waits_double_up_to_a_limit_and_are_forgotten_in_health),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
