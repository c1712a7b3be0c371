/* test_access.c: who is let in by the lists of addresses. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "supervisor/access.h"

enum { LIST_MAX = 8 };

static struct config_address items[2][LIST_MAX];
static char texts[2][LIST_MAX][64];

static void fill(int which, struct config_addresses *list, const char *entries)
{
    list->items = items[which];
    list->count = 0;
    while (*entries) {
        struct config_address *item = &items[which][list->count];
        size_t length = strcspn(entries, " ");
        memcpy(texts[which][list->count], entries, length);
        texts[which][list->count][length] = '\0';
        item->text = texts[which][list->count++];
        item->is_pattern = strchr(item->text, '*') != NULL;
        if (!item->is_pattern)
            assert_int_equal(cidr_parse(item->text, &item->network), 0);
        entries += length + (entries[length] == ' ');
    }
}

static bool allows(const char *allow, const char *deny, const char *address)
{
    struct config_access access;
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    const struct sockaddr *any = (const struct sockaddr *)(const void *)&four;

    if (inet_pton(AF_INET, address, &four.sin_addr) != 1) {
        assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
        any = (const struct sockaddr *)(const void *)&six;
    }
    fill(0, &access.allow, allow);
    fill(1, &access.deny, deny);
    return access_allows(&access, any);
}

static void without_lists_everybody_is_let_in(void **state)
{
    (void)state;
    assert_true(allows("", "", "192.0.2.1"));
    assert_true(allows("", "", "2001:db8::1"));
}

static void who_is_not_allowed_is_refused_if_anybody_is(void **state)
{
    (void)state;
    assert_true(allows("192.0.2.0/24", "", "192.0.2.1"));
    assert_false(allows("192.0.2.0/24", "", "198.51.100.1"));
    assert_false(allows("192.0.2.0/24", "", "2001:db8::1"));
    assert_true(allows("192.0.2.0/24 2001:db8::/32", "", "2001:db8::1"));
}

static void deny_has_the_last_word(void **state)
{
    (void)state;
    assert_false(allows("192.0.2.0/24", "192.0.2.13", "192.0.2.13"));
    assert_true(allows("192.0.2.0/24", "192.0.2.13", "192.0.2.14"));
    assert_false(allows("192.0.2.13", "192.0.2.0/24", "192.0.2.13"));
    assert_false(allows("*", "0.0.0.0/0", "192.0.2.1"));
    assert_true(allows("*", "0.0.0.0/0", "::1"));
    assert_true(allows("", "192.0.2.0/24", "198.51.100.1"));
}

static void patterns_are_held_against_the_text(void **state)
{
    (void)state;
    assert_true(allows("192.0.2.*", "", "192.0.2.200"));
    assert_false(allows("192.0.2.*", "", "192.0.20.1"));
    assert_true(allows("*.1", "", "192.0.2.1"));
    assert_true(allows("2001:DB8:*", "", "2001:db8::1"));
    assert_false(allows("2001:db8:*", "", "2001:db80::1"));
}

static void ipv4_within_ipv6_is_ipv4(void **state)
{
    (void)state;
    assert_true(allows("192.0.2.0/24", "", "::ffff:192.0.2.1"));
    assert_true(allows("192.0.2.*", "", "::ffff:192.0.2.1"));
    assert_false(allows("", "192.0.2.1", "::ffff:192.0.2.1"));
    assert_true(allows("", "::/0", "::ffff:192.0.2.1"));
}

static void what_is_no_address_is_refused_by_any_list(void **state)
{
    const struct sockaddr other = {.sa_family = AF_UNIX};
    struct config_access access = {0};

    (void)state;
    assert_true(access_allows(&access, &other));
    fill(0, &access.allow, "*");
    assert_false(access_allows(&access, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_lists_everybody_is_let_in),
        cmocka_unit_test(who_is_not_allowed_is_refused_if_anybody_is),
        cmocka_unit_test(deny_has_the_last_word),
        cmocka_unit_test(patterns_are_held_against_the_text),
        cmocka_unit_test(ipv4_within_ipv6_is_ipv4),
        cmocka_unit_test(what_is_no_address_is_refused_by_any_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
