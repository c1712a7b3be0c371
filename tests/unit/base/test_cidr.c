/* Networks: their text, their edges, and IPv4 in IPv6's clothes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "base/cidr.h"
#include "base/err.h"

static bool contains(const char *network, const char *address)
{
    struct cidr parsed, single;
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    const struct sockaddr *socket_address = (const struct sockaddr *)(const void *)&four;

    assert_int_equal(cidr_parse(network, &parsed), 0);
    if (inet_pton(AF_INET, address, &four.sin_addr) != 1) {
        assert_int_equal(inet_pton(AF_INET6, address, &six.sin6_addr), 1);
        socket_address = (const struct sockaddr *)(const void *)&six;
    }
    assert_true(cidr_of_address(socket_address, &single));
    return cidr_contains(&parsed, &single);
}

static void a_network_has_its_first_and_last_address(void **state)
{
    (void)state;
    assert_true(contains("192.0.2.0/24", "192.0.2.0"));
    assert_true(contains("192.0.2.0/24", "192.0.2.255"));
    assert_false(contains("192.0.2.0/24", "192.0.3.0"));
    assert_false(contains("192.0.2.0/24", "192.0.1.255"));
    assert_true(contains("2001:db8::/32", "2001:db8:ffff::1"));
    assert_false(contains("2001:db8::/32", "2001:db9::"));
}

static void bits_within_a_byte_count(void **state)
{
    (void)state;
    assert_true(contains("10.128.0.0/9", "10.255.0.1"));
    assert_false(contains("10.128.0.0/9", "10.127.255.255"));
    assert_true(contains("192.0.2.4/31", "192.0.2.5"));
    assert_false(contains("192.0.2.4/31", "192.0.2.6"));
    assert_true(contains("2001:db8::8/125", "2001:db8::f"));
    assert_false(contains("2001:db8::8/125", "2001:db8::10"));
}

static void no_bits_are_all_addresses_of_the_family(void **state)
{
    (void)state;
    assert_true(contains("0.0.0.0/0", "255.255.255.255"));
    assert_false(contains("0.0.0.0/0", "::1"));
    assert_true(contains("::/0", "2001:db8::1"));
    assert_false(contains("::/0", "192.0.2.1"));
}

static void all_bits_are_one_address(void **state)
{
    (void)state;
    assert_true(contains("192.0.2.1/32", "192.0.2.1"));
    assert_false(contains("192.0.2.1/32", "192.0.2.0"));
    assert_true(contains("2001:db8::1/128", "2001:db8::1"));
    assert_false(contains("2001:db8::1/128", "2001:db8::"));
    assert_true(contains("192.0.2.1", "192.0.2.1"));
    assert_false(contains("::1", "::2"));
}

static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    assert_true(contains("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert_true(contains("::ffff:192.0.2.0/120", "192.0.2.9"));
    assert_false(contains("::ffff:192.0.2.0/120", "192.0.3.9"));
    assert_true(contains("::ffff:0:0/96", "192.0.2.9"));
    assert_false(contains("::/0", "::ffff:192.0.2.9"));
}

static void mistakes_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "/",
        "/24",
        "192.0.2",
        "192.0.2.0/",
        "192.0.2.0/33",
        "::/129",
        "192.0.2.0/-1",
        "192.0.2.0/+8",
        "192.0.2.0/8x",
        "192.0.2.0/ 8",
        "host",
        "::1%lo",
        "192.0.2.0/0x8",
        "192.0.2.0/9999999999",
        "1.2.3.4.5",
        "2001:db8::1::",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/1",
    };
    struct cidr parsed;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (cidr_parse(wrong[i], &parsed) != SP_ERR_FORMAT)
            fail_msg("\"%s\" was taken", wrong[i]);
}

static void bits_past_the_network_are_told_apart(void **state)
{
    struct cidr parsed;

    (void)state;
    assert_int_equal(cidr_parse("192.0.2.1/24", &parsed), SP_ERR_INVALID);
    assert_int_equal(parsed.bytes[3], 0);
    assert_int_equal(cidr_parse("2001:db8::1/64", &parsed), SP_ERR_INVALID);
    assert_int_equal(cidr_parse("192.0.2.2/31", &parsed), 0);
}

static void other_families_are_no_addresses(void **state)
{
    struct cidr single;
    const struct sockaddr unix_address = {.sa_family = AF_UNIX};

    (void)state;
    assert_false(cidr_of_address(&unix_address, &single));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_has_its_first_and_last_address),
        cmocka_unit_test(bits_within_a_byte_count),
        cmocka_unit_test(no_bits_are_all_addresses_of_the_family),
        cmocka_unit_test(all_bits_are_one_address),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(bits_past_the_network_are_told_apart),
        cmocka_unit_test(other_families_are_no_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
