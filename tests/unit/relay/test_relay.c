/* test_relay.c: bytes between a channel and descriptors, both ways. The reactor and the descriptors
 * (pipes, sockets, terminals, processes) are real; the channel is played here: it keeps what it is
 * given and is full when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "session/relay.h"

enum { PATIENCE_MS = 10000 };

struct channel {
    struct buffer out, err;
    size_t room; /* then it is full */
    int resumed;
};

static struct reactor *reactor;
static struct channel channel;
static struct relay *relay;

static struct {
    int count;
    bool has_process;
    int status, signal_number;
} done;

/* --- the channel ---------------------------------------------------------------------------- */

bool channel_is_full(struct channel *c)
{
    return buffer_length(&c->out) + buffer_length(&c->err) >= c->room;
}

void channel_send_chunk(struct channel *c, struct channel_chunk *chunk)
{
    assert_true(chunk->length > 0);
    assert_false(channel_is_full(c));
    assert_int_equal(done.count, 0);
    buffer_append(chunk->stream == SP_STREAM_STDERR ? &c->err : &c->out, chunk->data,
                  chunk->length);
    chunk->on_sent(chunk);
}

void channel_resume(struct channel *c)
{
    c->resumed++;
}

/* --- the stage ------------------------------------------------------------------------------ */

static int open_stage(void **state)
{
    (void)state;
    memset(&channel, 0, sizeof channel);
    memset(&done, 0, sizeof done);
    channel.room = SIZE_MAX;
    reactor = reactor_new();
    return reactor == NULL;
}

static int close_stage(void **state)
{
    (void)state;
    relay_free(relay);
    relay = NULL;
    buffer_release(&channel.out);
    buffer_release(&channel.err);
    reactor_free(reactor);
    return 0;
}

static void on_done(void *arg, bool has_process, int status, int signal_number)
{
    assert_ptr_equal(arg, &channel);
    done.count++;
    done.has_process = has_process;
    done.status = status;
    done.signal_number = signal_number;
}

static void start(int input, int output, int error, int process)
{
    const struct sp_channel_streams streams = {.struct_size = sizeof streams,
                                               .input_fd = input,
                                               .output_fd = output,
                                               .error_fd = error,
                                               .process_fd = process};
    relay = relay_new(reactor, &channel, &streams, on_done, &channel);
    assert_non_null(relay);
}

#define wait_until(condition)                                                                      \
    do {                                                                                           \
        uint64_t until_ = clock_now_ms() + PATIENCE_MS;                                            \
        while (!(condition)) {                                                                     \
            if (clock_now_ms() > until_)                                                           \
                fail_msg("waited in vain for %s", #condition);                                     \
            assert_int_equal(reactor_turn(reactor, 50), 0);                                        \
        }                                                                                          \
    } while (0)

/* Serve until nothing is ready. */
static void settle(void)
{
    for (int i = 0; i < 20; i++)
        assert_int_equal(reactor_turn(reactor, 0), 0);
}

static bool has_come(const struct buffer *buffer, const char *text)
{
    return buffer_length(buffer) == strlen(text) &&
           memcmp(buffer_data(buffer), text, strlen(text)) == 0;
}

static void make_pipe(int ends[2])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* What is there to read now; "" at the end of file. */
static const char *get(int fd)
{
    static char text[256];
    ssize_t n = read(fd, text, sizeof text - 1);
    assert_true(n >= 0);
    text[n] = 0;
    return text;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static size_t take(const char *text)
{
    return relay_take(relay, (const uint8_t *)text, strlen(text));
}

/* A process that runs body; its pidfd. */
static pid_t child;
static int run(void (*body)(void))
{
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    assert_true(fd >= 0);
    return fd;
}

static void say_three(void)
{
    _exit(3);
}

static void kill_itself(void)
{
    kill(getpid(), SIGKILL);
}

static void wait_for_ever(void)
{
    for (;;)
        pause();
}

/* --- pipes ---------------------------------------------------------------------------------- */

static void output_goes_to_the_stream_it_came_on(void **state)
{
    (void)state;
    int out[2], err[2];
    make_pipe(out);
    make_pipe(err);
    start(-1, out[0], err[0], -1);
    put(out[1], "one ");
    put(err[1], "oops");
    wait_until(has_come(&channel.out, "one ") && has_come(&channel.err, "oops"));
    put(out[1], "two");
    wait_until(has_come(&channel.out, "one two"));
    close(out[1]);
    settle();
    assert_int_equal(done.count, 0); /* the other is open */
    close(err[1]);
    wait_until(done.count);
    assert_false(done.has_process);
    settle();
    assert_int_equal(done.count, 1);
    assert_false(is_open(out[0]));
    assert_false(is_open(err[0]));
}

static void everything_comes_before_the_end(void **state)
{
    (void)state;
    int out[2];
    char block[1000];
    make_pipe(out);
    assert_true(fcntl(out[1], F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
    start(-1, out[0], -1, -1);
    for (int i = 0; i < 900; i++) {
        memset(block, 'a' + i % 26, sizeof block);
        assert_int_equal(write(out[1], block, sizeof block), sizeof block);
    }
    close(out[1]);
    wait_until(done.count);
    assert_int_equal(buffer_length(&channel.out), 900 * sizeof block);
    for (size_t i = 0; i < 900 * sizeof block; i++)
        if (buffer_data(&channel.out)[i] != 'a' + i / sizeof block % 26)
            fail_msg("byte %zu is wrong", i);
}

static void input_goes_to_its_descriptor_and_ends(void **state)
{
    (void)state;
    int in[2], out[2];
    make_pipe(in);
    make_pipe(out);
    start(in[1], out[0], -1, -1);
    assert_int_equal(take("hello"), 5);
    assert_string_equal(get(in[0]), "hello");
    relay_end_input(relay);
    assert_string_equal(get(in[0]), "");
    assert_false(is_open(in[1]));
    relay_end_input(relay); /* once is enough */
    /* The other way is still open. */
    put(out[1], "late");
    wait_until(has_come(&channel.out, "late"));
    assert_int_equal(done.count, 0);
    close(out[1]);
    wait_until(done.count);
    close(in[0]);
}

static void output_may_end_before_input(void **state)
{
    (void)state;
    int in[2], out[2];
    make_pipe(in);
    make_pipe(out);
    start(in[1], out[0], -1, -1);
    close(out[1]);
    wait_until(done.count);
    assert_int_equal(take("after"), 5);
    assert_string_equal(get(in[0]), "after");
    close(in[0]);
}

static void input_that_nobody_reads_is_thrown_away(void **state)
{
    (void)state;
    int in[2], out[2];
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGPIPE, &ignore, &before);
    make_pipe(in);
    make_pipe(out);
    start(in[1], out[0], -1, -1);
    close(in[0]);
    assert_int_equal(take("lost"), 4);
    assert_int_equal(take("lost, too"), 9);
    settle();
    assert_false(is_open(in[1]));
    put(out[1], "still");
    wait_until(has_come(&channel.out, "still"));
    close(out[1]);
    wait_until(done.count);
    sigaction(SIGPIPE, &before, NULL);
}

/* --- backpressure --------------------------------------------------------------------------- */

static void full_channel_stops_the_reading(void **state)
{
    (void)state;
    int out[2];
    char block[4096] = {0};
    make_pipe(out);
    start(-1, out[0], -1, -1);
    channel.room = 5;
    put(out[1], "12345");
    wait_until(buffer_length(&channel.out) == 5);
    assert_int_equal(write(out[1], block, sizeof block), sizeof block);
    close(out[1]);
    settle();
    assert_int_equal(buffer_length(&channel.out), 5);
    assert_int_equal(done.count, 0);
    /* It hangs up as well, which is reported without end: no reason to be busy. */
    uint64_t begin = clock_now_ms();
    assert_int_equal(reactor_turn(reactor, 100), 0);
    assert_true(clock_now_ms() - begin >= 50);

    channel.room = SIZE_MAX;
    relay_resume_output(relay);
    wait_until(done.count);
    assert_int_equal(buffer_length(&channel.out), 5 + sizeof block);
}

static void full_descriptor_takes_less_and_asks_again(void **state)
{
    (void)state;
    int in[2], out[2];
    static uint8_t data[300000];
    size_t taken, got = 0;
    make_pipe(in);
    make_pipe(out);
    start(in[1], out[0], -1, -1);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    taken = relay_take(relay, data, sizeof data);
    assert_true(taken > 0 && taken < sizeof data);
    settle();
    assert_int_equal(channel.resumed, 0);
    while (got < sizeof data) {
        uint8_t block[65536];
        ssize_t n = read(in[0], block, sizeof block);
        assert_true(n > 0);
        assert_memory_equal(block, data + got, n);
        got += (size_t)n;
        if (taken == sizeof data)
            continue;
        channel.resumed = 0;
        wait_until(channel.resumed);
        taken += relay_take(relay, data + taken, sizeof data - taken);
    }
    assert_int_equal(taken, sizeof data);
    channel.resumed = 0;
    settle();
    assert_int_equal(channel.resumed, 0); /* nothing waits */
    close(out[1]);
    close(in[0]);
}

/* --- one descriptor both ways ---------------------------------------------------------------- */

static void socket_is_closed_one_way_at_a_time(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    start(ends[0], ends[0], -1, -1);
    assert_int_equal(take("ping"), 4);
    assert_string_equal(get(ends[1]), "ping");
    put(ends[1], "pong");
    wait_until(has_come(&channel.out, "pong"));
    relay_end_input(relay);
    assert_string_equal(get(ends[1]), "");
    put(ends[1], "!");
    wait_until(has_come(&channel.out, "pong!"));
    assert_int_equal(done.count, 0);
    close(ends[1]);
    wait_until(done.count);
    assert_false(is_open(ends[0]));
}

static void socket_may_end_its_output_first(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    start(ends[0], ends[0], -1, -1);
    shutdown(ends[1], SHUT_WR);
    wait_until(done.count);
    assert_int_equal(take("after"), 5);
    assert_string_equal(get(ends[1]), "after");
    relay_end_input(relay);
    assert_string_equal(get(ends[1]), "");
    assert_false(is_open(ends[0]));
    close(ends[1]);
}

static void full_socket_takes_less_and_asks_again(void **state)
{
    (void)state;
    int ends[2];
    static uint8_t data[2000000];
    size_t taken, got = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    start(ends[0], ends[0], -1, -1);
    taken = relay_take(relay, data, sizeof data);
    assert_true(taken > 0 && taken < sizeof data);
    put(ends[1], "meanwhile");
    wait_until(has_come(&channel.out, "meanwhile"));
    while (got < sizeof data) {
        static uint8_t block[262144];
        ssize_t n = recv(ends[1], block, sizeof block, MSG_DONTWAIT);
        if (n > 0)
            got += (size_t)n;
        if (taken == sizeof data)
            continue;
        channel.resumed = 0;
        if (n < 0)
            wait_until(channel.resumed);
        taken += relay_take(relay, data + taken, sizeof data - taken);
    }
    close(ends[1]);
}

/* --- processes ------------------------------------------------------------------------------ */

static void exit_status_is_told_and_the_process_reaped(void **state)
{
    (void)state;
    start(-1, -1, -1, run(say_three));
    wait_until(done.count);
    assert_true(done.has_process);
    assert_int_equal(done.status, 3);
    assert_int_equal(done.signal_number, 0);
    assert_int_equal(waitpid(child, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void signal_that_ended_it_is_told(void **state)
{
    (void)state;
    start(-1, -1, -1, run(kill_itself));
    wait_until(done.count);
    assert_true(done.has_process);
    assert_int_equal(done.status, -1);
    assert_int_equal(done.signal_number, SIGKILL);
}

static void end_of_output_waits_for_the_process(void **state)
{
    (void)state;
    int out[2];
    make_pipe(out);
    int process = run(wait_for_ever);
    start(-1, out[0], -1, process);
    close(out[1]);
    settle();
    assert_int_equal(done.count, 0);
    kill(child, SIGTERM);
    wait_until(done.count);
    assert_int_equal(done.signal_number, SIGTERM);
}

static void end_of_the_process_waits_for_output(void **state)
{
    (void)state;
    int out[2];
    make_pipe(out);
    start(-1, out[0], -1, run(say_three));
    put(out[1], "before ");
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    settle();
    assert_int_equal(done.count, 0); /* another process holds the pipe, such as the test */
    put(out[1], "and after");
    wait_until(has_come(&channel.out, "before and after"));
    close(out[1]);
    wait_until(done.count);
    assert_int_equal(done.status, 3);
}

static void relay_that_is_freed_tells_nobody_and_closes_all(void **state)
{
    (void)state;
    int in[2], out[2], err[2], process = run(wait_for_ever);
    make_pipe(in);
    make_pipe(out);
    make_pipe(err);
    start(in[1], out[0], err[0], process);
    relay_free(relay);
    relay = NULL;
    assert_false(is_open(in[1]) || is_open(out[0]) || is_open(err[0]) || is_open(process));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    settle();
    assert_int_equal(done.count, 0);
    close(in[0]);
    close(out[1]);
    close(err[1]);
}

/* --- terminals ------------------------------------------------------------------------------ */

static void open_terminal(int *ret_master, int *ret_slave)
{
    struct termios modes;
    assert_int_equal(openpty(ret_master, ret_slave, NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(*ret_slave, &modes), 0);
    cfmakeraw(&modes);
    assert_int_equal(tcsetattr(*ret_slave, TCSANOW, &modes), 0);
}

static void terminal_ends_with_an_error_that_is_none(void **state)
{
    (void)state;
    int master, slave;
    open_terminal(&master, &slave);
    start(master, master, -1, -1);
    assert_int_equal(take("typed"), 5);
    assert_string_equal(get(slave), "typed");
    relay_end_input(relay); /* which closes no terminal: its user ends it with a character */
    assert_int_equal(take("more"), 4);
    assert_string_equal(get(slave), "more");
    put(slave, "shown");
    wait_until(has_come(&channel.out, "shown"));
    put(slave, ", too");
    close(slave); /* reading says EIO now */
    wait_until(done.count);
    assert_true(has_come(&channel.out, "shown, too"));
}

static void background_process_does_not_hold_a_terminal(void **state)
{
    (void)state;
    int master, slave;
    open_terminal(&master, &slave);
    int process = run(say_three);
    put(slave, "last words");
    struct pollfd readable = {.fd = master, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    start(master, master, -1, process);
    wait_until(done.count);
    assert_true(has_come(&channel.out, "last words"));
    assert_int_equal(done.status, 3);
    close(slave); /* as some process in the background would still have it */
}

/* --- descriptors that others have, too ---------------------------------------------------------
 */

/* As a plugin's own process can that kept what it sent. Waiting, the test is ended by the alarm. */
static void make_blocking_again(int fd)
{
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
    alarm(PATIENCE_MS / 1000);
}

static void output_that_was_made_to_block_does_not(void **state)
{
    (void)state;
    static const uint8_t chunk[32 * 1024]; /* as much as is read at once: then there may be more */
    int out[2];
    make_pipe(out);
    start(-1, out[0], -1, -1);
    make_blocking_again(out[0]);
    assert_int_equal(write(out[1], chunk, sizeof chunk), sizeof chunk);
    wait_until(buffer_length(&channel.out) == sizeof chunk);
    settle();
    close(out[1]);
    wait_until(done.count);
    alarm(0);
}

static void input_that_was_made_to_block_does_not(void **state)
{
    (void)state;
    static const uint8_t data[4 * 1024 * 1024];
    int in[2];
    make_pipe(in);
    start(in[1], -1, -1, -1);
    make_blocking_again(in[1]);
    assert_true(relay_take(relay, data, sizeof data) < sizeof data);
    alarm(0);
    close(in[0]);
}

static void socket_that_was_made_to_block_does_not(void **state)
{
    (void)state;
    static const uint8_t data[4 * 1024 * 1024];
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    start(ends[0], ends[0], -1, -1);
    make_blocking_again(ends[0]);
    assert_true(relay_take(relay, data, sizeof data) < sizeof data);
    assert_int_equal(write(ends[1], data, 32 * 1024), 32 * 1024);
    wait_until(buffer_length(&channel.out) == 32 * 1024);
    settle();
    alarm(0);
    close(ends[1]);
}

#define RELAY_TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RELAY_TEST(output_goes_to_the_stream_it_came_on),
        RELAY_TEST(everything_comes_before_the_end),
        RELAY_TEST(input_goes_to_its_descriptor_and_ends),
        RELAY_TEST(output_may_end_before_input),
        RELAY_TEST(input_that_nobody_reads_is_thrown_away),
        RELAY_TEST(full_channel_stops_the_reading),
        RELAY_TEST(full_descriptor_takes_less_and_asks_again),
        RELAY_TEST(socket_is_closed_one_way_at_a_time),
        RELAY_TEST(socket_may_end_its_output_first),
        RELAY_TEST(full_socket_takes_less_and_asks_again),
        RELAY_TEST(exit_status_is_told_and_the_process_reaped),
        RELAY_TEST(signal_that_ended_it_is_told),
        RELAY_TEST(end_of_output_waits_for_the_process),
        RELAY_TEST(end_of_the_process_waits_for_output),
        RELAY_TEST(relay_that_is_freed_tells_nobody_and_closes_all),
        RELAY_TEST(terminal_ends_with_an_error_that_is_none),
        RELAY_TEST(background_process_does_not_hold_a_terminal),
        RELAY_TEST(output_that_was_made_to_block_does_not),
        RELAY_TEST(input_that_was_made_to_block_does_not),
        RELAY_TEST(socket_that_was_made_to_block_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
