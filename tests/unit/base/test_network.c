/* Addresses, networks, and which is in which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/network.h"

static bool contains(const char *network_text, const char *address_text)
{
    struct network network;
    struct network_address address;

    assert_true(network_parse(network_text, &network));
    assert_true(network_address_parse(address_text, &address));
    return network_contains(&network, &address);
}

static void an_address_is_in_its_networks_only(void **state)
{
    (void)state;
    assert_true(contains("192.0.2.0/25", "192.0.2.127"));
    assert_false(contains("192.0.2.0/25", "192.0.2.128"));
    assert_true(contains("192.0.2.7", "192.0.2.7"));
    assert_false(contains("192.0.2.7", "192.0.2.6"));
    assert_true(contains("::/0", "2001:db8::1"));
    assert_false(contains("::/0", "192.0.2.1"));
    assert_false(contains("0.0.0.0/0", "::1"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::"));
    assert_true(contains("fe80::/10", "fe80::1%eth0"));
}

static void a_mapped_address_is_an_ipv4_address(void **state)
{
    (void)state;
    assert_true(contains("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert_true(contains("::ffff:192.0.2.0/120", "192.0.2.9"));
    assert_false(contains("::ffff:192.0.2.0/120", "192.0.3.9"));
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "example.com",
        "192.0.2.0/33",
        "192.0.2.1/24",
        "192.0.2.0/",
        "192.0.2.0/x",
        "192.0.2.0/-1",
        "::/129",
        "2001:db8::1/32",
        "1.2.3",
        "192.0.2.0/24/8",
        "::ffff:0.0.0.0/95",
        "192.0.2.0/0024",
    };
    struct network network;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (network_parse(bad[i], &network))
            fail_msg("%s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_in_its_networks_only),
        cmocka_unit_test(a_mapped_address_is_an_ipv4_address),
        cmocka_unit_test(what_is_no_network_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
