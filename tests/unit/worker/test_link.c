/* test_link.c: messages between the processes, well-formed and not. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "worker/link.h"

static int ends[2]; /* a fresh link for each test */

static int open_link(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static int close_link(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Send bytes that link_send() would not, with descriptors. */
static void send_raw(const void *data, size_t len, int fd, int fd_count)
{
    struct iovec part = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } control = {.bytes = {0}};

    if (fd_count > 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE((size_t)fd_count * sizeof(int));
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN((size_t)fd_count * sizeof(int));
        for (int i = 0; i < fd_count; i++)
            memcpy(CMSG_DATA(&control.align) + (size_t)i * sizeof(int), &fd, sizeof(int));
    }
    assert_int_equal(sendmsg(ends[0], &header, 0), (ssize_t)len);
}

static void each_kind_arrives_as_it_was_sent(void **state)
{
    static const uint32_t kinds[] = {
        LINK_CONNECTION,    LINK_DRAIN,         LINK_STOP,      LINK_LIST,          LINK_DISCONNECT,
        LINK_READY,         LINK_FAILED,        LINK_ENDED,     LINK_AUTHENTICATED, LINK_FACTS,
        LINK_CHANNEL_FACTS, LINK_CLOSE_CHANNEL, LINK_FACTS_END, LINK_CRASHED,       LINK_HOST,
        LINK_HOST_WANTED,   LINK_STUCK};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct link_message sent = {.kind = kinds[i], .number = i + 100}, got;
        int fd = 0;
        assert_int_equal(link_send(ends[0], &sent, -1), 0);
        assert_int_equal(link_receive(ends[1], &got, &fd), 0);
        assert_memory_equal(&sent, &got, sizeof(sent));
        assert_int_equal(fd, -1);
    }
}

static void what_a_kind_carries_arrives(void **state)
{
    struct link_message sent = {.kind = LINK_FACTS}, got;
    int fd;

    (void)state;
    sent.u.facts.origin.id = 77;
    strcpy(sent.u.facts.origin.remote_address, "2001:db8::1");
    strcpy(sent.u.facts.client_version, "SSH-2.0-x");
    assert_int_equal(link_send(ends[0], &sent, -1), 0);
    assert_int_equal(link_receive(ends[1], &got, &fd), 0);
    assert_memory_equal(&sent, &got, sizeof(sent));

    sent = (struct link_message){.kind = LINK_FAILED};
    memset(sent.u.text, 'x', sizeof(sent.u.text) - 1);
    assert_int_equal(link_send(ends[0], &sent, -1), 0);
    assert_int_equal(link_receive(ends[1], &got, &fd), 0);
    assert_string_equal(got.u.text, sent.u.text);
}

static void expect_descriptor(uint32_t kind)
{
    struct link_message message = {.kind = kind};
    int pipe_ends[2], fd;
    char byte = 0;

    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(link_send(ends[0], &message, pipe_ends[1]), 0);
    close(pipe_ends[1]);
    assert_int_equal(link_receive(ends[1], &message, &fd), 0);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(write(fd, "!", 1), 1);
    assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    assert_int_equal(byte, '!');
    close(fd);
    close(pipe_ends[0]);
}

static void a_connection_and_a_host_bring_their_descriptor(void **state)
{
    (void)state;
    expect_descriptor(LINK_CONNECTION);
    expect_descriptor(LINK_HOST);
}

static void descriptors_that_do_not_belong_are_closed(void **state)
{
    struct link_message message = {.kind = LINK_READY}, got;
    size_t head = offsetof(struct link_message, u);
    int before = count_descriptors();
    int fd;

    (void)state;
    send_raw(&message, head, STDIN_FILENO, 1);
    assert_int_equal(link_receive(ends[1], &got, &fd), SP_ERR_FORMAT);
    assert_int_equal(fd, -1);
    message.kind = LINK_CONNECTION;
    for (int count = 2; count <= 16; count++) {
        send_raw(&message, head + sizeof(message.u.origin), STDIN_FILENO, count);
        assert_int_equal(link_receive(ends[1], &got, &fd), SP_ERR_FORMAT);
        assert_int_equal(fd, -1);
    }
    assert_int_equal(count_descriptors(), before);
}

static void a_wrong_size_or_kind_is_refused(void **state)
{
    struct link_message message = {.kind = LINK_READY}, got;
    char large[2 * sizeof(message)] = {0};
    size_t head = offsetof(struct link_message, u);
    int fd;

    (void)state;
    for (size_t len = 1; len < head + 3; len++) {
        send_raw(&message, len, -1, 0);
        assert_int_equal(link_receive(ends[1], &got, &fd), len == head ? 0 : SP_ERR_FORMAT);
    }
    memcpy(large, &message, sizeof(message));
    send_raw(large, sizeof(large), -1, 0);
    assert_int_equal(link_receive(ends[1], &got, &fd), SP_ERR_FORMAT);
    message.kind = LINK_FAILED;
    memcpy(large, &message, sizeof(message));
    send_raw(large, sizeof(message) + 1, -1, 0); /* whose beginning would be well-formed */
    assert_int_equal(link_receive(ends[1], &got, &fd), SP_ERR_FORMAT);
    for (uint32_t kind = 0; kind < 5; kind++) {
        message.kind = kind < 4 ? LINK_STUCK + 1 + kind : 0;
        send_raw(&message, head, -1, 0);
        assert_int_equal(link_receive(ends[1], &got, &fd), SP_ERR_FORMAT);
    }
}

static void texts_without_an_end_get_one(void **state)
{
    struct link_message message, got;
    size_t head = offsetof(struct link_message, u);
    int fd;

    (void)state;
    memset(&message, 'x', sizeof(message));
    message.kind = LINK_FAILED;
    send_raw(&message, sizeof(message), -1, 0);
    assert_int_equal(link_receive(ends[1], &got, &fd), 0);
    assert_int_equal(strnlen(got.u.text, sizeof(got.u.text)), sizeof(got.u.text) - 1);
    message.kind = LINK_FACTS;
    send_raw(&message, head + sizeof(message.u.facts), -1, 0);
    assert_int_equal(link_receive(ends[1], &got, &fd), 0);
    assert_int_equal(got.u.facts.user[sizeof(got.u.facts.user) - 1], 0);
    assert_int_equal(got.u.facts.client_version[sizeof(got.u.facts.client_version) - 1], 0);
    assert_int_equal(got.u.facts.origin.remote_address[CONNECTION_ADDRESS_MAX - 1], 0);
    assert_int_equal(got.u.facts.origin.local_address[CONNECTION_ADDRESS_MAX - 1], 0);
    message.kind = LINK_CRASHED;
    send_raw(&message, head + sizeof(message.u.crash), -1, 0);
    assert_int_equal(link_receive(ends[1], &got, &fd), 0);
    assert_int_equal(got.u.crash.instance[sizeof(got.u.crash.instance) - 1], 0);
    assert_int_equal(got.u.crash.operation[sizeof(got.u.crash.operation) - 1], 0);
}

static void an_empty_link_says_again(void **state)
{
    struct link_message message;
    int fd;

    (void)state;
    assert_int_equal(link_receive(ends[1], &message, &fd), SP_ERR_AGAIN);
}

static void a_full_link_says_again_and_recovers(void **state)
{
    struct link_message message = {.kind = LINK_FAILED};
    int sent = 0, fd, rc;

    (void)state;
    while ((rc = link_send(ends[0], &message, -1)) == 0 && sent < 100000)
        sent++;
    assert_int_equal(rc, SP_ERR_AGAIN);
    assert_true(sent > 0);
    for (int i = 0; i < sent; i++)
        assert_int_equal(link_receive(ends[1], &message, &fd), 0);
    assert_int_equal(link_send(ends[0], &message, -1), 0);
}

static void a_gone_peer_is_told(void **state)
{
    struct link_message message = {.kind = LINK_READY};
    int fd;

    (void)state;
    assert_int_equal(link_send(ends[0], &message, -1), 0);
    close(ends[0]);
    assert_int_equal(link_receive(ends[1], &message, &fd), 0); /* what was sent still comes */
    assert_int_equal(link_receive(ends[1], &message, &fd), SP_ERR_CLOSED);
    message.kind = LINK_READY;
    assert_int_equal(link_send(ends[1], &message, -1), SP_ERR_CLOSED);
    ends[0] = -1;
}

static void a_kind_that_does_not_exist_is_not_sent(void **state)
{
    struct link_message message = {.kind = 0};
    int fd;

    (void)state;
    assert_int_equal(link_send(ends[0], &message, -1), SP_ERR_INVALID);
    assert_int_equal(link_receive(ends[1], &message, &fd), SP_ERR_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_kind_arrives_as_it_was_sent, open_link, close_link),
        cmocka_unit_test_setup_teardown(what_a_kind_carries_arrives, open_link, close_link),
        cmocka_unit_test_setup_teardown(a_connection_and_a_host_bring_their_descriptor, open_link,
                                        close_link),
        cmocka_unit_test_setup_teardown(descriptors_that_do_not_belong_are_closed, open_link,
                                        close_link),
        cmocka_unit_test_setup_teardown(a_wrong_size_or_kind_is_refused, open_link, close_link),
        cmocka_unit_test_setup_teardown(texts_without_an_end_get_one, open_link, close_link),
        cmocka_unit_test_setup_teardown(an_empty_link_says_again, open_link, close_link),
        cmocka_unit_test_setup_teardown(a_full_link_says_again_and_recovers, open_link, close_link),
        cmocka_unit_test_setup_teardown(a_gone_peer_is_told, open_link, close_link),
        cmocka_unit_test_setup_teardown(a_kind_that_does_not_exist_is_not_sent, open_link,
                                        close_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
