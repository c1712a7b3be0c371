/* test_listeners.c: opening listening sockets, and changing them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "supervisor/listeners.h"

struct fixture {
    struct reactor *reactor;
    struct listeners listeners;
    struct report report;
    unsigned ready;
};

static void on_ready(void *arg, struct listener *listener, int fd)
{
    struct fixture *fixture = arg;
    (void)listener;
    fixture->ready++;
    close(accept(fd, NULL, NULL));
}

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.reactor = reactor_new();
    listeners_init(&fixture.listeners, fixture.reactor, on_ready, &fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    listeners_close(&fixture->listeners);
    report_free(&fixture->report);
    reactor_free(fixture->reactor);
    return 0;
}

static int change(struct fixture *fixture, struct config_listener *wanted, size_t count)
{
    const struct config config = {.listeners = wanted, .listeners_count = count};
    int rc = listeners_prepare(&fixture->listeners, &config, &fixture->report);
    if (rc == 0)
        listeners_commit(&fixture->listeners, &config);
    return rc;
}

static struct listener *nth(struct fixture *fixture, unsigned n)
{
    list_for_each (node, &fixture->listeners.all) {
        if (n-- == 0)
            return container_of(node, struct listener, link);
    }
    return NULL;
}

/* A connected socket, or -1. */
static int connect_to(int family, uint16_t port)
{
    struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
    int fd = socket(family, SOCK_STREAM, 0);
    int rc = family == AF_INET
                 ? connect(fd, (const struct sockaddr *)(const void *)&four, sizeof(four))
                 : connect(fd, (const struct sockaddr *)(const void *)&six, sizeof(six));
    if (rc == 0)
        return fd;
    close(fd);
    return -1;
}

static bool is_listening(int family, uint16_t port)
{
    int fd = connect_to(family, port);
    close(fd);
    return fd >= 0;
}

static bool is_ipv6_here(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    int rc = bind(probe, (const struct sockaddr *)(const void *)&loopback, sizeof(loopback));
    if (probe >= 0)
        close(probe);
    return rc == 0;
}

static struct config_listener local(char *name)
{
    return (struct config_listener){.name = name, .address = "127.0.0.1", .backlog = 8};
}

static void port_0_tells_the_port_it_got(void **state)
{
    struct fixture *fixture = *state;
    struct config_listener wanted[] = {local("a")};
    assert_int_equal(change(fixture, wanted, 1), 0);
    assert_true(nth(fixture, 0)->port > 0);
    assert_true(is_listening(AF_INET, nth(fixture, 0)->port));
}

static void an_address_may_name_its_interface(void **state)
{
    struct fixture *fixture = *state;
    struct config_listener wanted[] = {local("a")};
    if (!is_ipv6_here())
        skip();
    wanted[0].address = "::1%lo";
    assert_int_equal(change(fixture, wanted, 1), 0);
    assert_true(is_listening(AF_INET6, nth(fixture, 0)->port));
    wanted[0].address = "::1%not-there";
    assert_int_equal(change(fixture, wanted, 1), SP_ERR_SYSTEM);
}

static void connections_wait_while_paused(void **state)
{
    struct fixture *fixture = *state;
    struct config_listener wanted[] = {local("a")};
    assert_int_equal(change(fixture, wanted, 1), 0);
    assert_true(is_listening(AF_INET, nth(fixture, 0)->port));
    reactor_turn(fixture->reactor, 0);
    assert_int_equal(fixture->ready, 0);
    listeners_resume(&fixture->listeners);
    reactor_turn(fixture->reactor, 1000);
    assert_int_equal(fixture->ready, 1);
}

static void a_change_keeps_what_is_wanted_still(void **state)
{
    struct fixture *fixture = *state;
    struct config_listener before[] = {local("a"), local("b")};
    before[1].address = "127.0.0.2";
    assert_int_equal(change(fixture, before, 2), 0);
    uint16_t kept = nth(fixture, 0)->port;
    int kept_fd = nth(fixture, 0)->sockets[0].source.fd;
    uint16_t unwanted = nth(fixture, 1)->port;

    struct config_listener after[] = {local("c"), local("renamed")};
    after[0].address = "127.0.0.3";
    assert_int_equal(change(fixture, after, 2), 0);
    assert_int_equal(nth(fixture, 0)->port, kept);
    assert_int_equal(nth(fixture, 0)->sockets[0].source.fd, kept_fd);
    assert_int_equal(nth(fixture, 0)->index, 1);
    assert_string_equal(nth(fixture, 0)->name, "renamed");
    assert_int_equal(nth(fixture, 1)->index, 0);
    assert_null(nth(fixture, 2));
    assert_true(is_listening(AF_INET, kept));
    assert_false(is_listening(AF_INET, unwanted));
}

static void a_failed_change_leaves_all_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct config_listener before[] = {local("a")};
    assert_int_equal(change(fixture, before, 1), 0);
    uint16_t port = nth(fixture, 0)->port;

    /* 192.0.2.1 is nobody's address. */
    struct config_listener after[] = {local("b"), local("c")};
    after[0].address = "127.0.0.2";
    after[1].address = "192.0.2.1";
    assert_int_equal(change(fixture, after, 2), SP_ERR_SYSTEM);
    assert_string_equal(fixture->report.complaints[0].key, "/listeners/1");
    assert_non_null(strstr(fixture->report.complaints[0].text, "192.0.2.1"));
    assert_true(list_is_empty(&fixture->listeners.opened));
    assert_string_equal(nth(fixture, 0)->name, "a");
    assert_null(nth(fixture, 1));
    assert_true(is_listening(AF_INET, port));
}

static void a_port_in_use_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct config_listener before[] = {local("a")};
    assert_int_equal(change(fixture, before, 1), 0);
    struct config_listener after[] = {local("a"), local("b")};
    after[1].port = nth(fixture, 0)->port;
    assert_int_equal(change(fixture, after, 2), SP_ERR_SYSTEM);
    assert_non_null(strstr(fixture->report.complaints[0].text, strerror(EADDRINUSE)));
}

static void a_star_is_both_families_on_one_port(void **state)
{
    struct fixture *fixture = *state;
    struct config_listener wanted[] = {{.name = "all", .address = "*", .backlog = 8}};
    assert_int_equal(change(fixture, wanted, 1), 0);
    assert_true(is_listening(AF_INET, nth(fixture, 0)->port));
    if (is_ipv6_here())
        assert_true(is_listening(AF_INET6, nth(fixture, 0)->port));
    else
        assert_int_equal(nth(fixture, 0)->sockets_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(port_0_tells_the_port_it_got, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_may_name_its_interface, set_up, tear_down),
        cmocka_unit_test_setup_teardown(connections_wait_while_paused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_keeps_what_is_wanted_still, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_change_leaves_all_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_star_is_both_families_on_one_port, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
