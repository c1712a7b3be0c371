/* test_control.c: the control socket: its file, its lines, its clients. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "supervisor/complaints.h"
#include "supervisor/control.h"

#define DEADLINE_MS 20000

struct fixture {
    struct reactor *reactor;
    struct control *control;
    struct report report;
    char directory[64];
    char path[80];
    uint64_t held; /* the client of a request "hold" */
    unsigned requests;
};

/* Answers with the request itself; "hold" is not answered. */
static void on_request(void *arg, uint64_t client, const json_t *request)
{
    struct fixture *fixture = arg;
    fixture->requests++;
    if (json_object_get(request, "hold"))
        fixture->held = client;
    else
        control_answer(fixture->control, client, json_deep_copy(request));
}

static int set_up(void **state)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    strcpy(fixture.directory, "/tmp/sallyport-control.XXXXXX");
    if (!mkdtemp(fixture.directory))
        return -1;
    snprintf(fixture.path, sizeof(fixture.path), "%s/socket", fixture.directory);
    fixture.reactor = reactor_new();
    fixture.control = control_new(fixture.reactor, on_request, &fixture);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    control_free(fixture->control);
    reactor_free(fixture->reactor);
    report_free(&fixture->report);
    unlink(fixture->path);
    return rmdir(fixture->directory);
}

static void serve(struct fixture *fixture)
{
    int fd = control_bind(fixture->path, &fixture->report);
    assert_true(fd >= 0);
    assert_int_equal(control_use(fixture->control, fd, fixture->path), 0);
}

static int connect_to(const struct fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)),
                     0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Run the loop until lines of them have come, or the end. Returns how many bytes have. */
static size_t hear(struct fixture *fixture, int fd, unsigned lines, char *text, size_t size)
{
    uint64_t end = clock_now_ms() + DEADLINE_MS;
    size_t length = 0;
    while (lines > 0) {
        assert_true(clock_now_ms() < end);
        reactor_turn(fixture->reactor, 10);
        ssize_t n = recv(fd, text + length, size - 1 - length, 0);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            break;
        for (ssize_t i = 0; i < n; i++)
            lines -= text[length + (size_t)i] == '\n';
        length += n > 0 ? (size_t)n : 0;
    }
    text[length] = 0;
    return length;
}

static void a_line_is_a_request_and_gets_a_line(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    serve(fixture);
    int fd = connect_to(fixture);
    say(fd, "{\"n\":1}");
    reactor_turn(fixture->reactor, 10);
    reactor_turn(fixture->reactor, 10);
    assert_int_equal(fixture->requests, 0);
    say(fd, "\n{\"n\":2}\n{\"n\":3}\n");
    hear(fixture, fd, 3, text, sizeof(text));
    assert_string_equal(text, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    close(fd);
}

static void what_is_no_object_is_refused_and_the_next_one_served(void **state)
{
    static const char *const wrong[] = {"hello\n", "[1]\n", "\n", "{\"a\":1,\"a\":2}\n"};
    struct fixture *fixture = *state;
    char text[256];
    serve(fixture);
    int fd = connect_to(fixture);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        say(fd, wrong[i]);
        hear(fixture, fd, 1, text, sizeof(text));
        assert_non_null(strstr(text, "\"ok\":false"));
    }
    say(fd, "{\"n\":1}\n");
    hear(fixture, fd, 1, text, sizeof(text));
    assert_string_equal(text, "{\"n\":1}\n");
    close(fd);
}

static void a_line_too_long_ends_the_connection(void **state)
{
    struct fixture *fixture = *state;
    char text[256], chunk[4097];
    serve(fixture);
    int fd = connect_to(fixture);
    memset(chunk, 'x', 4096);
    chunk[4096] = 0;
    for (size_t sent = 0; sent < CONTROL_LINE_MAX; sent += 4096)
        say(fd, chunk);
    assert_int_equal(hear(fixture, fd, 1, text, sizeof(text)), 0);
    assert_int_equal(fixture->requests, 0);
    close(fd);
}

static void clients_are_bounded_and_their_places_used_again(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    int clients[CONTROL_CLIENTS_MAX];
    serve(fixture);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        clients[i] = connect_to(fixture);
        say(clients[i], "{}\n");
        assert_int_equal(hear(fixture, clients[i], 1, text, sizeof(text)), 3);
    }
    int extra = connect_to(fixture);
    assert_int_equal(hear(fixture, extra, 1, text, sizeof(text)), 0);
    close(extra);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close(clients[i]);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        reactor_turn(fixture->reactor, 10);
    extra = connect_to(fixture);
    say(extra, "{}\n");
    assert_int_equal(hear(fixture, extra, 1, text, sizeof(text)), 3);
    close(extra);
}

/* Each turn of the loop would find the client still waiting. */
static void out_of_descriptors_the_loop_rests(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, tight;
    char text[64];
    serve(fixture);
    int fd = connect_to(fixture);
    say(fd, "{}\n");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(fd);
    close(next);
    tight = (struct rlimit){(rlim_t)next, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    reactor_turn(fixture->reactor, 1000);
    uint64_t start = clock_now_ms();
    reactor_turn(fixture->reactor, 200);
    uint64_t rested = clock_now_ms() - start;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(rested >= 150);
    assert_int_equal(hear(fixture, fd, 1, text, sizeof(text)), 3);
    close(fd);
}

static void an_answer_to_a_client_that_has_left_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    serve(fixture);
    int fd = connect_to(fixture);
    say(fd, "{\"hold\":1}\n");
    while (fixture->held == 0)
        reactor_turn(fixture->reactor, DEADLINE_MS);
    close(fd);
    reactor_turn(fixture->reactor, 1000);
    int other = connect_to(fixture);
    say(other, "{\"n\":1}\n");
    hear(fixture, other, 1, text, sizeof(text));
    control_answer(fixture->control, fixture->held, control_error("too late"));
    say(other, "{\"n\":2}\n");
    hear(fixture, other, 1, text, sizeof(text));
    assert_string_equal(text, "{\"n\":2}\n");
    close(other);
}

static void only_the_owner_can_reach_the_socket(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    serve(fixture);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void a_socket_that_nobody_answers_on_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    int dead = control_bind(fixture->path, &fixture->report);
    assert_true(dead >= 0);
    close(dead);
    serve(fixture);
    close(connect_to(fixture));
}

static void a_socket_that_is_in_use_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    serve(fixture);
    assert_int_equal(control_bind(fixture->path, &fixture->report), SP_ERR_INVALID);
    complaints_join(&fixture->report, text, sizeof(text));
    assert_non_null(strstr(text, "another daemon answers"));
    close(connect_to(fixture));
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(control_bind(fixture->path, &fixture->report), SP_ERR_INVALID);
    assert_int_equal(access(fixture->path, F_OK), 0);
}

static void moving_the_socket_keeps_clients_and_removes_the_old_file(void **state)
{
    struct fixture *fixture = *state;
    char text[256], old[80];
    serve(fixture);
    int fd = connect_to(fixture);
    reactor_turn(fixture->reactor, 1000);
    strcpy(old, fixture->path);
    strcat(fixture->path, "2");
    serve(fixture);
    assert_int_equal(access(old, F_OK), -1);
    say(fd, "{\"n\":1}\n");
    hear(fixture, fd, 1, text, sizeof(text));
    assert_string_equal(text, "{\"n\":1}\n");
    close(fd);
}

static void complaints_are_cut_where_room_ends(void **state)
{
    struct fixture *fixture = *state;
    char text[32];
    report_error(&fixture->report, "f", 3, "/a", "first");
    report_warning(&fixture->report, "f", 4, "/b", "not of interest");
    complaints_join(&fixture->report, text, sizeof(text));
    assert_string_equal(text, "f:3: /a: first");
    report_error(&fixture->report, NULL, 0, NULL, "a second one that is longer");
    complaints_join(&fixture->report, text, sizeof(text));
    assert_string_equal(text, "f:3: /a: first\na second one …");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_a_request_and_gets_a_line),
        TEST(what_is_no_object_is_refused_and_the_next_one_served),
        TEST(a_line_too_long_ends_the_connection),
        TEST(clients_are_bounded_and_their_places_used_again),
        TEST(out_of_descriptors_the_loop_rests),
        TEST(an_answer_to_a_client_that_has_left_is_dropped),
        TEST(only_the_owner_can_reach_the_socket),
        TEST(a_socket_that_nobody_answers_on_is_replaced),
        TEST(a_socket_that_is_in_use_is_left_alone),
        TEST(a_file_that_is_no_socket_is_left_alone),
        TEST(moving_the_socket_keeps_clients_and_removes_the_old_file),
        TEST(complaints_are_cut_where_room_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
