/* test_link_end.c: messages that wait for room on the link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "supervisor/link_end.h"

struct fixture {
    struct reactor *reactor;
    struct link_end end;
    int other; /* the raw other end */
    unsigned writable, closed;
    uint64_t received; /* messages */
};

static void on_message(struct link_end *end, const struct link_message *message, int fd)
{
    struct fixture *fixture = container_of(end, struct fixture, end);
    fixture->received++;
    assert_int_equal(message->number, fixture->received);
    assert_int_equal(fd, -1);
}

static void on_writable(struct link_end *end)
{
    container_of(end, struct fixture, end)->writable++;
}

static void on_closed(struct link_end *end)
{
    assert_false(end->is_open);
    container_of(end, struct fixture, end)->closed++;
}

static const struct link_events events = {
    .on_message = on_message, .on_writable = on_writable, .on_closed = on_closed};

static int set_up(void **state)
{
    static struct fixture fixture;
    int pair[2];
    memset(&fixture, 0, sizeof(fixture));
    fixture.reactor = reactor_new();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    fixture.other = pair[1];
    *state = &fixture;
    return link_end_open(&fixture.end, fixture.reactor, pair[0], &events);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    link_end_close(&fixture->end);
    if (fixture->other >= 0)
        close(fixture->other);
    reactor_free(fixture->reactor);
    return 0;
}

static struct link_message numbered(uint64_t number)
{
    return (struct link_message){.kind = LINK_ENDED, .number = number};
}

/* Send until the socket takes no more, and then some. Returns the last number sent. */
static uint64_t fill(struct fixture *fixture)
{
    uint64_t number = 0;
    while (list_is_empty(&fixture->end.queue)) {
        struct link_message message = numbered(++number);
        assert_int_equal(link_end_send(&fixture->end, &message), 0);
    }
    for (int i = 0; i < 10; i++) {
        struct link_message message = numbered(++number);
        assert_int_equal(link_end_send(&fixture->end, &message), 0);
    }
    return number;
}

static void what_does_not_fit_is_sent_later_in_order(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = fill(fixture), expected = 1;
    assert_int_equal(fixture->writable, 0);
    while (expected <= last) {
        struct link_message message;
        int fd;
        int rc = link_receive(fixture->other, &message, &fd);
        if (rc == SP_ERR_AGAIN) {
            reactor_turn(fixture->reactor, 1000);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(message.number, expected++);
    }
    reactor_turn(fixture->reactor, 0);
    assert_int_equal(fixture->writable, 1);
    assert_true(list_is_empty(&fixture->end.queue));
}

static void a_descriptor_does_not_overtake_what_waits(void **state)
{
    struct fixture *fixture = *state;
    struct link_message connection = {.kind = LINK_CONNECTION};
    fill(fixture);
    assert_int_equal(link_end_send_fd(&fixture->end, &connection, fixture->other), SP_ERR_AGAIN);
}

static void messages_are_delivered_before_the_end_is_told(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t i = 1; i <= 3; i++) {
        struct link_message message = numbered(i);
        assert_int_equal(link_send(fixture->other, &message, -1), 0);
    }
    close(fixture->other);
    fixture->other = -1;
    link_end_drain(&fixture->end);
    assert_int_equal(fixture->received, 3);
    assert_int_equal(fixture->closed, 1);
    struct link_message message = numbered(1);
    assert_int_equal(link_end_send(&fixture->end, &message), SP_ERR_CLOSED);
}

/* A worker's last words, while we had more to tell it than it took. */
static void messages_are_delivered_though_ours_cannot_be_sent(void **state)
{
    struct fixture *fixture = *state;
    uint32_t sent = 0;
    fill(fixture);
    for (struct link_message message; message = numbered(sent + 1), sent < 100; sent++)
        assert_int_equal(link_send(fixture->other, &message, -1), 0);
    close(fixture->other);
    fixture->other = -1;
    while (!fixture->closed)
        assert_int_equal(reactor_turn(fixture->reactor, 1000), 0);
    assert_int_equal(fixture->received, sent);
}

static void nonsense_ends_the_link(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(send(fixture->other, "nonsense", 8, 0), 8);
    reactor_turn(fixture->reactor, 1000);
    assert_int_equal(fixture->closed, 1);
    assert_int_equal(fixture->received, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_sent_later_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_descriptor_does_not_overtake_what_waits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(messages_are_delivered_before_the_end_is_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(messages_are_delivered_though_ours_cannot_be_sent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nonsense_ends_the_link, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
