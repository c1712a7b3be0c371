/* test_exec_shell.c: exec-shell in the test host, with real processes. The test plays the core: it
 * reads the streams, reaps, and tells the plugin. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec_shell.h"
#include "test_host.h"

#define CONFIG(rest) "{\"shell\":\"/bin/sh\",\"path\":\"/usr/bin:/bin\"," rest "}"
#define REQUESTS "\"requests\":[\"shell\",\"exec\"]"
#define ACCEPT "\"environment_accept\":[\"LANG\",\"LC_*\"]"
#define DEFAULTS REQUESTS "," ACCEPT ",\"directory\":\"/\",\"kill_after_ms\":0"
#define DEADLINE_MS 10000

static struct test_host *host;
static sp_id channel;
static struct sp_grant grant;
static struct sp_connection connection;
static struct sp_terminal terminal;

static void host_is(const char *config)
{
    test_host_free(host);
    host = test_host_new(&sallyport_plugin_v1, config);
    assert_non_null(host);
}

/* What the next request comes with. */
static struct sp_channel_event event_of(uint32_t request, const char *name)
{
    return (struct sp_channel_event){
        .head.connection = &connection,
        .channel = channel,
        .request = request,
        .name = sp_str_of(name),
        .terminal = terminal.struct_size ? &terminal : NULL,
    };
}

/* Ask for it, and start it. */
static struct test_channel *begin_event(struct sp_channel_event event)
{
    channel++;
    event.channel = channel;
    assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_TAKE);
    struct sp_channel_event start = {.head.connection = &connection, .channel = channel};
    assert_int_equal(TEST_CHANNEL(host, started, &start)->verdict, SP_OK);
    return test_host_channel(host, channel);
}

static struct test_channel *begin(uint32_t request, const char *name)
{
    struct test_channel *c = begin_event(event_of(request, name));
    assert_non_null(c);
    assert_true(c->attached);
    return c;
}

static void wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
}

/* Until text holds expected, or the end if expected is NULL. */
static void read_more(int fd, char *text, size_t size, const char *expected)
{
    size_t length = strlen(text);
    while (!expected || !strstr(text, expected)) {
        wait_readable(fd);
        ssize_t n = read(fd, text + length, size - length - 1);
        if (n == 0 || (n < 0 && errno == EIO)) /* EIO: the end of a terminal */
            break;
        assert_true(n > 0);
        length += (size_t)n;
        text[length] = '\0';
    }
    if (expected && !strstr(text, expected))
        fail_msg("no \"%s\" in \"%s\"", expected, text);
}

static void put(const struct test_channel *c, const char *text)
{
    assert_int_equal(write(c->streams.input_fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void end_input(struct test_channel *c)
{
    close(c->streams.input_fd);
    c->streams.input_fd = -1;
}

/* Its exit status, or minus its signal. */
static int reap_by_core(const struct test_channel *c)
{
    siginfo_t info = {0};
    wait_readable(c->streams.process_fd);
    assert_int_equal(waitid(P_PIDFD, (id_t)c->streams.process_fd, &info, WEXITED), 0);
    struct sp_channel_event event = {.head.connection = &connection, .channel = c->id};
    assert_int_equal(TEST_CHANNEL(host, child_exited, &event)->verdict, SP_NEXT);
    return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static void close_streams(struct test_channel *c)
{
    if (c->streams.input_fd >= 0 && c->streams.input_fd != c->streams.output_fd)
        close(c->streams.input_fd);
    close(c->streams.output_fd);
    if (c->streams.error_fd >= 0)
        close(c->streams.error_fd);
    close(c->streams.process_fd);
}

static void tell_closed(const struct test_channel *c)
{
    struct sp_channel_event event = {.head.connection = &connection, .channel = c->id};
    assert_int_equal(TEST_CHANNEL(host, closed, &event)->verdict, SP_OK);
}

/* All that the command says, on both streams; its status. */
static int run_event(struct sp_channel_event event, char *out, size_t out_size, char *err,
                     size_t err_size)
{
    struct test_channel *c = begin_event(event);
    assert_true(c && c->attached);
    if (c->streams.input_fd != c->streams.output_fd)
        end_input(c);
    out[0] = '\0';
    read_more(c->streams.output_fd, out, out_size, NULL);
    if (err) {
        err[0] = '\0';
        read_more(c->streams.error_fd, err, err_size, NULL);
    }
    int status = reap_by_core(c);
    close_streams(c);
    tell_closed(c);
    return status;
}

static int run(const char *command, char *out, size_t size)
{
    return run_event(event_of(SP_REQUEST_EXEC, command), out, size, NULL, 0);
}

static void run_a_command_with_three_streams(void **state)
{
    (void)state;
    char out[256];
    char err[256];
    int status = run_event(event_of(SP_REQUEST_EXEC, "echo out; echo err >&2; exit 7"), out,
                           sizeof out, err, sizeof err);
    assert_int_equal(status, 7);
    assert_string_equal(out, "out\n");
    assert_string_equal(err, "err\n");

    struct test_channel *c = begin(SP_REQUEST_EXEC, "cat");
    put(c, "through the pipe");
    end_input(c);
    out[0] = '\0';
    read_more(c->streams.output_fd, out, sizeof out, NULL);
    assert_string_equal(out, "through the pipe");
    assert_int_equal(reap_by_core(c), 0);
    close_streams(c);
    tell_closed(c);
}

static void start_a_login_shell(void **state)
{
    (void)state;
    char out[256] = "";
    struct test_channel *c = begin(SP_REQUEST_SHELL, "");
    put(c, "echo \"$0\"; exit 4\n");
    read_more(c->streams.output_fd, out, sizeof out, NULL);
    assert_string_equal(out, "-sh\n");
    assert_int_equal(reap_by_core(c), 4);
    close_streams(c);
    tell_closed(c);
}

static void leave_other_requests_to_others(void **state)
{
    (void)state;
    struct sp_channel_event event = event_of(SP_REQUEST_SUBSYSTEM, "sftp");
    assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_NEXT);
    host_is(CONFIG("\"requests\":[\"exec\"]," ACCEPT ",\"directory\":\"/\",\"kill_after_ms\":0"));
    event = event_of(SP_REQUEST_SHELL, "");
    assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_NEXT);
    host_is(CONFIG("\"requests\":[\"shell\"]," ACCEPT ",\"directory\":\"/\",\"kill_after_ms\":0"));
    event = event_of(SP_REQUEST_EXEC, "id");
    assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_NEXT);
}

static bool has_line(const char *text, const char *line)
{
    size_t length = strlen(line);
    for (const char *p = text; (p = strstr(p, line)); p++)
        if ((p == text || p[-1] == '\n') && p[length] == '\n')
            return true;
    return false;
}

static void make_the_environment_anew(void **state)
{
    (void)state;
    setenv("SALLYPORT_TEST_SECRET", "of the daemon's", 1);
    const struct sp_pair granted[] = {{sp_str_of("ROLE"), sp_str_of("tester")},
                                      {sp_str_of("LANG"), sp_str_of("C")}};
    grant.environment = granted;
    grant.environment_count = 2;
    char out[4096];
    assert_int_equal(run("env", out, sizeof out), 0);
    assert_true(has_line(out, "USER=ann"));
    assert_true(has_line(out, "LOGNAME=ann"));
    assert_true(has_line(out, "SHELL=/bin/sh"));
    assert_true(has_line(out, "PATH=/usr/bin:/bin"));
    assert_true(has_line(out, "HOME=/"));
    assert_true(has_line(out, "SSH_CONNECTION=192.0.2.7 4711 192.0.2.1 22"));
    assert_true(has_line(out, "SSH_CLIENT=192.0.2.7 4711 22"));
    assert_true(has_line(out, "ROLE=tester"));
    assert_true(has_line(out, "LANG=C"));
    assert_null(strstr(out, "SALLYPORT_TEST_SECRET"));
    assert_null(strstr(out, "SSH_ORIGINAL_COMMAND"));
    assert_null(strstr(out, "SSH_TTY"));
}

static void take_only_listed_variables(void **state)
{
    (void)state;
    const struct sp_pair sent[] = {
        {sp_str_of("LANG"), sp_str_of("de_DE.UTF-8")},
        {sp_str_of("LC_ALL"), sp_str_of("C.UTF-8")},
        {sp_str_of("LC_A\nLD_PRELOAD"), sp_str_of("x")},
        {sp_str_of("LC_A=B"), sp_str_of("x")},
        {sp_str_of("LD_PRELOAD"), sp_str_of("/tmp/evil.so")},
        {sp_str_of("BASH_ENV"), sp_str_of("/tmp/evil")},
        {sp_str_of("--split-string"), sp_str_of("x")},
        {{"LC_X", 4}, {"a\0b", 3}},
    };
    struct sp_channel_event event = event_of(SP_REQUEST_EXEC, "env");
    event.environment = sent;
    event.environment_count = sizeof sent / sizeof *sent;
    char out[4096];
    assert_int_equal(run_event(event, out, sizeof out, NULL, 0), 0);
    assert_true(has_line(out, "LANG=de_DE.UTF-8"));
    assert_true(has_line(out, "LC_ALL=C.UTF-8"));
    assert_null(strstr(out, "LC_A="));
    assert_null(strstr(out, "LC_A\n"));
    assert_null(strstr(out, "LC_X"));
    assert_null(strstr(out, "LD_PRELOAD"));
    assert_null(strstr(out, "BASH_ENV"));
    assert_null(strstr(out, "split"));

    /* However generous the list. */
    host_is(CONFIG(REQUESTS ",\"environment_accept\":[\"*\"],\"directory\":\"/\","
                            "\"kill_after_ms\":0"));
    const struct sp_pair wanted[] = {{sp_str_of("LD_PRELOAD"), sp_str_of("/tmp/evil.so")},
                                     {sp_str_of("HOME"), sp_str_of("/elsewhere")},
                                     {sp_str_of("ANY"), sp_str_of("thing")},
                                     {sp_str_of("BASH_ENV"), sp_str_of("$(echo evil)")},
                                     {sp_str_of("ENV"), sp_str_of("$(echo evil)")},
                                     {sp_str_of("SSH_ORIGINAL_COMMAND"), sp_str_of("evil")}};
    event = event_of(SP_REQUEST_EXEC, "env");
    event.environment = wanted;
    event.environment_count = sizeof wanted / sizeof *wanted;
    assert_int_equal(run_event(event, out, sizeof out, NULL, 0), 0);
    assert_true(has_line(out, "ANY=thing"));
    assert_true(has_line(out, "HOME=/"));
    assert_null(strstr(out, "evil"));
}

static void start_in_the_users_home(void **state)
{
    (void)state;
    char base[] = "/tmp/test_exec_shell.XXXXXX";
    char home[64];
    char expected[160];
    char out[256];
    assert_non_null(mkdtemp(base));
    snprintf(home, sizeof home, "%s/ann", base);
    assert_int_equal(mkdir(home, 0700), 0);
    grant.root = sp_str_of(base);
    grant.home = sp_str_of("/ann");
    assert_int_equal(run("pwd; echo $HOME", out, sizeof out), 0);
    snprintf(expected, sizeof expected, "%s\n%s\n", home, home);
    assert_string_equal(out, expected);
    rmdir(home);
    assert_int_equal(run("pwd", out, sizeof out), 0);
    assert_string_equal(out, "/\n");
    rmdir(base);
}

static void put_a_forced_command_in_place(void **state)
{
    (void)state;
    char out[256];
    grant.forced_command = sp_str_of("echo \"forced; $SSH_ORIGINAL_COMMAND\"");
    /* As the core asks: the forced command is the name, the client's words are the value. */
    struct sp_channel_event event = event_of(SP_REQUEST_EXEC, "");
    event.name = grant.forced_command;
    event.value = sp_str_of("rm -rf '$HOME'");
    assert_int_equal(run_event(event, out, sizeof out, NULL, 0), 0);
    assert_string_equal(out, "forced; rm -rf '$HOME'\n");
    event.value = sp_str_of("");
    assert_int_equal(run_event(event, out, sizeof out, NULL, 0), 0);
    assert_string_equal(out, "forced; \n");
}

static void serve_a_terminal(void **state)
{
    (void)state;
    /* ECHO off, INTR is ^X, an unknown opcode, the end, and one that is not to be read. */
    static const char modes[] = "\x35\0\0\0\0"
                                "\x01\0\0\0\x18"
                                "\x7f\0\0\0\1"
                                "\0"
                                "\x35\0\0\0\1";
    terminal = (struct sp_terminal){.struct_size = sizeof terminal,
                                    .columns = 91,
                                    .rows = 33,
                                    .term = sp_str_of("xterm-test"),
                                    .modes = {modes, sizeof modes - 1}};
    char out[8192] = "";
    struct test_channel *c = begin(
        SP_REQUEST_EXEC, "stty size; echo $TERM; echo $SSH_TTY; tty; stty -a; echo ready; read x;"
                         " stty size; echo \"<$x>\"; echo err >&2");
    assert_int_equal(c->streams.error_fd, -1);
    assert_int_equal(c->streams.input_fd, c->streams.output_fd);
    read_more(c->streams.output_fd, out, sizeof out, "ready");
    assert_non_null(strstr(out, "33 91"));
    assert_non_null(strstr(out, "xterm-test"));
    assert_non_null(strstr(out, "/dev/pts/"));
    assert_non_null(strstr(out, " -echo "));
    assert_non_null(strstr(out, "intr = ^X"));

    struct sp_terminal larger = {.struct_size = sizeof larger, .columns = 120, .rows = 44};
    struct sp_channel_event change = {.head.connection = &connection,
                                      .channel = c->id,
                                      .request = SP_REQUEST_WINDOW_CHANGE,
                                      .terminal = &larger};
    assert_int_equal(TEST_CHANNEL(host, control, &change)->verdict, SP_OK);
    put(c, "typed\n");
    out[0] = '\0';
    read_more(c->streams.output_fd, out, sizeof out, NULL);
    assert_non_null(strstr(out, "44 120"));
    assert_non_null(strstr(out, "<typed>"));
    assert_non_null(strstr(out, "err"));
    assert_int_equal(reap_by_core(c), 0);
    close_streams(c);
    tell_closed(c);
}

static void survive_malformed_terminal_modes(void **state)
{
    (void)state;
    int master;
    int slave;
    char name[64];
    char modes[300];
    assert_int_equal(terminal_open(&master, &slave, name, sizeof name), 0);
    for (size_t length = 0; length < sizeof modes; length++) {
        for (size_t i = 0; i < length; i++)
            modes[i] = (char)(rand() % 256);
        char *copy = malloc(length + 1); /* so that reading past it shows */
        assert_non_null(copy);
        memcpy(copy, modes, length);
        terminal_set_modes(slave, copy, length);
        free(copy);
    }
    struct winsize size;
    assert_int_equal(ioctl(slave, TIOCGWINSZ, &size), 0); /* still one */
    close(slave);
    close(master);
}

static void deliver_signals_by_name(void **state)
{
    (void)state;
    char out[256] = "";
    struct test_channel *c = begin(
        SP_REQUEST_EXEC, "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    read_more(c->streams.output_fd, out, sizeof out, "ready");
    struct sp_channel_event event = event_of(SP_REQUEST_SIGNAL, "STOP");
    event.channel = c->id;
    assert_int_equal(TEST_CHANNEL(host, control, &event)->verdict, SP_DENY);
    event.name = sp_str_of("TERM");
    assert_int_equal(TEST_CHANNEL(host, control, &event)->verdict, SP_OK);
    read_more(c->streams.output_fd, out, sizeof out, "got");
    assert_int_equal(reap_by_core(c), 3);
    assert_int_equal(TEST_CHANNEL(host, control, &event)->verdict, SP_OK); /* and nothing happens */
    close_streams(c);
    tell_closed(c);
    assert_int_equal(signal_number(sp_str_of("")), 0);
    assert_int_equal(signal_number(sp_str_of("TERMX")), 0);
}

/* The numbers that the command printed, as pidfds: their ends can be waited for. */
static void watch(const struct test_channel *c, int *ret_pidfds, int count)
{
    char out[256] = "";
    read_more(c->streams.output_fd, out, sizeof out, "ready");
    char *p = out;
    for (int i = 0; i < count; i++) {
        ret_pidfds[i] = pidfd_open((pid_t)strtol(p, &p, 10), 0);
        assert_true(ret_pidfds[i] >= 0);
    }
}

static bool has_ended(int pidfd, int timeout_ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

static void end_the_group_when_the_channel_goes(void **state)
{
    (void)state;
    int pidfds[2];
    struct test_channel *c = begin(SP_REQUEST_EXEC, "sleep 1000 & echo $$ $!; echo ready; wait");
    watch(c, pidfds, 2);
    close_streams(c);
    tell_closed(c);
    assert_true(has_ended(pidfds[0], DEADLINE_MS));
    assert_true(has_ended(pidfds[1], DEADLINE_MS));
    test_host_tick(host); /* reaps */
    close(pidfds[0]);
    close(pidfds[1]);
}

static void kill_a_group_that_will_not_hear(void **state)
{
    (void)state;
    int pidfds[2];
    struct test_channel *c =
        begin(SP_REQUEST_EXEC,
              "trap '' HUP; sleep 1000 & echo $$ $!; echo ready; while :; do sleep 1000; done");
    watch(c, pidfds, 2);
    close_streams(c);
    tell_closed(c);
    assert_false(has_ended(pidfds[0], 100));
    test_host_tick(host);
    assert_true(has_ended(pidfds[0], DEADLINE_MS));
    assert_true(has_ended(pidfds[1], DEADLINE_MS));
    close(pidfds[0]);
    close(pidfds[1]);
}

static void give_the_group_its_time(void **state)
{
    (void)state;
    host_is(CONFIG(REQUESTS "," ACCEPT ",\"directory\":\"/\",\"kill_after_ms\":600000"));
    int pidfd;
    struct test_channel *c =
        begin(SP_REQUEST_EXEC, "trap '' HUP; echo $$; echo ready; while :; do sleep 1000; done");
    watch(c, &pidfd, 1);
    close_streams(c);
    tell_closed(c);
    test_host_tick(host);
    assert_false(has_ended(pidfd, 100));
    test_host_free(host); /* but nothing outlives the plugin */
    host = NULL;
    assert_true(has_ended(pidfd, 0));
    close(pidfd);
}

static void leave_what_a_finished_command_left(void **state)
{
    (void)state;
    int pidfd;
    struct test_channel *c =
        begin(SP_REQUEST_EXEC, "sleep 1000 >/dev/null 2>&1 & echo $!; echo ready");
    watch(c, &pidfd, 1);
    assert_int_equal(reap_by_core(c), 0);
    close_streams(c);
    tell_closed(c);
    test_host_tick(host);
    assert_false(has_ended(pidfd, 100));
    pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    close(pidfd);
}

static void hand_over_nothing_of_the_daemons(void **state)
{
    (void)state;
    char out[4096];
    int inheritable = open("/dev/null", O_RDONLY); /* as a careless library would */
    assert_true(inheritable >= 0);
    signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    assert_int_equal(
        run("ls /proc/self/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status", out, sizeof out), 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    close(inheritable);
    assert_memory_equal(out, "0\n1\n2\n3\nSig", 11); /* 3 is the directory being listed */
    assert_non_null(strstr(out, "SigBlk:\t0000000000000000"));
    assert_non_null(strstr(out, "SigIgn:\t0000000000000000"));
}

static void tell_why_nothing_runs(void **state)
{
    (void)state;
    host_is(CONFIG(REQUESTS "," ACCEPT ",\"directory\":\"/no/such\",\"kill_after_ms\":0"));
    struct test_channel *c = begin_event(event_of(SP_REQUEST_EXEC, "true"));
    assert_non_null(c);
    assert_false(c->attached);
    assert_int_equal(c->exit_status, 126);
    assert_true(c->closed);
    assert_string_equal(c->sent[SP_STREAM_STDERR],
                        "the shell cannot be started: No such file or directory\r\n");
    tell_closed(c);
    grant.system_user = sp_str_of("no such account");
    struct sp_channel_event event = event_of(SP_REQUEST_EXEC, "id");
    assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_DENY);
    assert_null(
        test_host_new(&sallyport_plugin_v1, "{\"shell\":\"/no/such\",\"path\":\"\"," DEFAULTS "}"));
}

static void forget_requests_that_nobody_starts(void **state)
{
    (void)state;
    struct exec_shell *self = test_host_self(host);
    struct sp_channel_event event = event_of(SP_REQUEST_EXEC, "true");
    event.channel = 7;
    assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_TAKE);
    test_host_tick(host);
    assert_non_null(self->children);
    self->children->asked_ms -= 1000000; /* as if it had been long ago */
    test_host_tick(host);
    assert_null(self->children);
    struct sp_channel_event start = {.head.connection = &connection, .channel = 7};
    assert_int_equal(TEST_CHANNEL(host, started, &start)->verdict, SP_E_STALE);
}

static void become_the_system_user(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can become another user\n");
        skip();
    }
    char out[256];
    grant.system_user = sp_str_of("nobody");
    assert_int_equal(run("id -un; id -gn; id -G | wc -w", out, sizeof out), 0);
    assert_string_equal(out, "nobody\nnogroup\n1\n");
    assert_int_equal(geteuid(), 0);
    assert_int_equal(getuid(), 0);
    terminal = (struct sp_terminal){.struct_size = sizeof terminal, .term = sp_str_of("x")};
    assert_int_equal(run("id -un; echo ok > $(tty)", out, sizeof out), 0);
    assert_string_equal(out, "nobody\r\nok\r\n");
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void keep_no_descriptors(void **state)
{
    (void)state;
    char out[64];
    run("true", out, sizeof out);
    int before = open_descriptors();
    for (int i = 0; i < 20; i++) {
        assert_int_equal(run("true", out, sizeof out), 0);
        struct test_channel *c = begin(SP_REQUEST_EXEC, "sleep 1000");
        close_streams(c);
        tell_closed(c);
    }
    terminal = (struct sp_terminal){.struct_size = sizeof terminal, .term = sp_str_of("x")};
    for (int i = 0; i < 20; i++)
        assert_int_equal(run("true", out, sizeof out), 0);
    for (int64_t tries = 0; open_descriptors() > before && tries < DEADLINE_MS / 10; tries++) {
        test_host_tick(host);
        usleep(10000);
    }
    assert_int_equal(open_descriptors(), before);
}

static void *run_many(void *arg)
{
    struct sp_connection mine = connection;
    for (sp_id id = (sp_id)(uintptr_t)arg; id % 100 < 25; id++) {
        struct sp_channel_event event = {.head.connection = &mine,
                                         .channel = id,
                                         .request = SP_REQUEST_EXEC,
                                         .name = sp_str_of("exit 5")};
        assert_int_equal(TEST_CHANNEL(host, request, &event)->verdict, SP_TAKE);
        assert_int_equal(TEST_CHANNEL(host, started, &event)->verdict, SP_OK);
        struct test_channel *c = test_host_channel(host, id);
        assert_int_equal(reap_by_core(c), 5);
        close_streams(c);
        tell_closed(c);
        test_host_tick(host);
    }
    return NULL;
}

static void start_from_several_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, (void *)((i + 1) * 1000)), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static int set_up(void **state)
{
    (void)state;
    grant = (struct sp_grant){.struct_size = sizeof grant, .permit = SP_PERMIT_ALL};
    connection = (struct sp_connection){
        .struct_size = sizeof connection,
        .authenticated = 1,
        .id = 1,
        .remote_address = sp_str_of("192.0.2.7"),
        .local_address = sp_str_of("192.0.2.1"),
        .remote_port = 4711,
        .local_port = 22,
        .user = sp_str_of("ann"),
        .grant = &grant,
    };
    terminal = (struct sp_terminal){0};
    channel = 0;
    host = test_host_new(&sallyport_plugin_v1, CONFIG(DEFAULTS));
    return host ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    host = NULL;
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(run_a_command_with_three_streams),
        TEST(start_a_login_shell),
        TEST(leave_other_requests_to_others),
        TEST(make_the_environment_anew),
        TEST(take_only_listed_variables),
        TEST(start_in_the_users_home),
        TEST(put_a_forced_command_in_place),
        TEST(serve_a_terminal),
        TEST(survive_malformed_terminal_modes),
        TEST(deliver_signals_by_name),
        TEST(end_the_group_when_the_channel_goes),
        TEST(kill_a_group_that_will_not_hear),
        TEST(give_the_group_its_time),
        TEST(leave_what_a_finished_command_left),
        TEST(hand_over_nothing_of_the_daemons),
        TEST(tell_why_nothing_runs),
        TEST(forget_requests_that_nobody_starts),
        TEST(become_the_system_user),
        TEST(keep_no_descriptors),
        TEST(start_from_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
