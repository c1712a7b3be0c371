/* test_generations.c: starting and reloading: a new configuration in whole or not at all. */
#include "daemon.h"

#define ONE_WORKER LISTENERS ", \"workers\": 1, \"banner\": "

static const char reload[] = "{\"command\":\"reload\"}";

static bool is_gone(long pid)
{
    return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static void a_reload_is_for_new_connections_only(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, ONE_WORKER "\"1\"");
    daemon_start(daemon);
    uint16_t port = listener_port(daemon, 0);
    struct client before = client_open(daemon);
    configure(daemon, ONE_WORKER "\"2\"");
    assert_true(command(daemon, reload, NULL));
    struct client after = client_open(daemon);
    assert_int_equal(before.generation, 1);
    assert_int_equal(after.generation, 2);
    assert_int_equal(listener_port(daemon, 0), port);
    assert_int_equal(status_number(daemon, "generation"), 2);
    assert_int_equal(status_number(daemon, "workers"), 2);
    assert_true(client_lives(&before));
    close(before.fd);
    WAIT_FOR(is_gone(before.pid));
    assert_true(client_lives(&after));
    close(after.fd);
}

static void an_old_worker_that_hangs_without_connections_is_killed(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, ONE_WORKER "\"1\"");
    daemon_start(daemon);
    struct client hanging = client_open(daemon);
    client_say(&hanging, 'h');
    WAIT_FOR(status_number(daemon, "connections") == 0);
    assert_true(command(daemon, reload, NULL));
    WAIT_FOR(is_gone(hanging.pid));
    assert_true(log_has(daemon, "worker.killed"));
    WAIT_FOR(status_number(daemon, "workers") == 1);
    close(hanging.fd);
}

static void sighup_reloads(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, ONE_WORKER "\"1\"");
    daemon_start(daemon);
    configure(daemon, ONE_WORKER "\"2\"");
    kill(daemon->pid, SIGHUP);
    WAIT_FOR(log_has(daemon, "reload.done"));
    struct client after = client_open(daemon);
    assert_int_equal(after.generation, 2);
    close(after.fd);
}

/* A reload that fails with text leaves worker and generation as they were. */
static void expect_unchanged(struct daemon *daemon, const char *text)
{
    char error[1024];
    struct client before = client_open(daemon);
    long generation = status_number(daemon, "generation");
    uint16_t port = listener_port(daemon, 0);
    assert_false(command(daemon, reload, error));
    if (!strstr(error, text))
        fail_msg("\"%s\" does not tell of \"%s\"", error, text);
    assert_true(log_has(daemon, "reload.failed"));
    assert_int_equal(status_number(daemon, "generation"), generation);
    assert_int_equal(status_number(daemon, "listeners"), 1);
    assert_int_equal(listener_port(daemon, 0), port);
    struct client after = client_open(daemon);
    assert_int_equal(after.pid, before.pid);
    assert_true(client_lives(&before));
    close(before.fd);
    close(after.fd);
    WAIT_FOR(status_number(daemon, "workers") == 1);
}

static void a_bad_reload_changes_nothing(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, ONE_WORKER "\"1\"");
    daemon_start(daemon);

    configure(daemon, ONE_WORKER "1");
    expect_unchanged(daemon, "/banner");
    configure(daemon, ONE_WORKER "\"fail\"");
    expect_unchanged(daemon, "no such luck");
    configure(daemon, ONE_WORKER "\"die\"");
    expect_unchanged(daemon, "ended with status 4 before it was ready");
    configure(daemon, "\"listeners\": [{\"address\": \"127.0.0.2\", \"port\": 0},"
                      "{\"address\": \"192.0.2.1\", \"port\": 0}]");
    expect_unchanged(daemon, "192.0.2.1");
    configure(daemon, ONE_WORKER "\"2\", \"log\": {\"file\": \"/nonexistent/log\"}");
    expect_unchanged(daemon, "/nonexistent/log");
    configure(daemon, ONE_WORKER "\"2\", \"control_socket\": \"/nonexistent/socket\"");
    expect_unchanged(daemon, "/nonexistent/socket");
    unlink(daemon->config);
    expect_unchanged(daemon, "cannot be read");

    configure(daemon, ONE_WORKER "\"3\"");
    assert_true(command(daemon, reload, NULL));
    struct client after = client_open(daemon);
    assert_int_equal(after.generation, 3);
    close(after.fd);
}

static void a_reload_moves_listeners_log_and_control_socket(void **state)
{
    struct daemon *daemon = *state;
    char log[128];
    configure(daemon, ONE_WORKER "\"1\"");
    daemon_start(daemon);
    uint16_t port = listener_port(daemon, 0);
    configure(daemon,
              "\"listeners\": [{\"address\": \"127.0.0.1\", \"port\": 0, \"reuse_port\": true}],"
              "\"workers\": 1, \"banner\": \"2\", \"log\": {\"file\": \"%s/log2\"},"
              "\"control_socket\": \"%s/socket2\"",
              daemon->directory, daemon->directory);
    assert_true(command(daemon, reload, NULL));
    assert_int_equal(access(daemon->socket, F_OK), -1);
    snprintf(daemon->socket, sizeof(daemon->socket), "%s/socket2", daemon->directory);
    assert_int_not_equal(listener_port(daemon, 0), port);
    int refused = dial(port);
    assert_int_equal(refused, -1);
    struct client after = client_open(daemon);
    assert_int_equal(after.generation, 2);
    close(after.fd);
    snprintf(log, sizeof(log), "%s/log2", daemon->directory);
    assert_non_null(strstr(read_file(log), "reload.done"));
}

static void stopping_ends_a_reload(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, ONE_WORKER "\"1\"");
    daemon_start(daemon);
    int fd = control_connect(daemon);
    kill(daemon->pid, SIGSTOP);
    assert_int_equal(send(fd, reload, strlen(reload), 0), strlen(reload));
    assert_int_equal(send(fd, "\n", 1, 0), 1);
    kill(daemon->pid, SIGTERM);
    kill(daemon->pid, SIGCONT);
    assert_int_equal(daemon_wait(daemon), 0);
    close(fd);
}

/* The daemon does not start; what it says has text. */
static void expect_no_start(struct daemon *daemon, const char *text)
{
    unlink(daemon->log);
    daemon_spawn(daemon);
    assert_int_equal(daemon_wait(daemon), 1);
    if (!log_has(daemon, text))
        fail_msg("\"%s\" does not tell of \"%s\"", read_file(daemon->log), text);
    assert_int_equal(access(daemon->socket, F_OK), -1);
}

static void a_daemon_that_cannot_serve_does_not_start(void **state)
{
    struct daemon *daemon = *state;
    expect_no_start(daemon, "cannot be read");
    configure(daemon, ONE_WORKER "1");
    expect_no_start(daemon, "/banner");
    configure(daemon, ONE_WORKER "\"fail\"");
    expect_no_start(daemon, "no such luck");
    configure(daemon, ONE_WORKER "\"die\"");
    expect_no_start(daemon, "ended with status 4 before it was ready");
    configure(daemon, "\"listeners\": [{\"address\": \"192.0.2.1\", \"port\": 0}]");
    expect_no_start(daemon, "192.0.2.1");
    if (geteuid() == 0) { /* others need no user, and have none in this configuration */
        configure(daemon, ONE_WORKER "\"1\", \"group\": \"no-such-group\"");
        expect_no_start(daemon, "no-such-group");
    }
}

static void an_open_state_directory_is_refused(void **state)
{
    struct daemon *daemon = *state;
    char path[128];
    configure(daemon, ONE_WORKER "\"1\"");
    snprintf(path, sizeof(path), "%s/state", daemon->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0777), 0);
    expect_no_start(daemon, "others may write to");
}

static void two_daemons_cannot_share_a_control_socket(void **state)
{
    struct daemon *daemon = *state;
    struct daemon other = *daemon;
    configure(daemon, ONE_WORKER "\"1\"");
    daemon_start(daemon);
    snprintf(other.log, sizeof(other.log), "%s/log2", daemon->directory);
    daemon_spawn(&other);
    assert_int_equal(daemon_wait(&other), 1);
    assert_true(log_has(&other, "another daemon answers"));
    assert_int_equal(status_number(daemon, "generation"), 1);
}

int main(int argc, char **argv)
{
    int code = play_other_part(argc, argv);
    if (code >= 0)
        return code;
#define TEST(name) cmocka_unit_test_setup_teardown(name, daemon_set_up, daemon_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_reload_is_for_new_connections_only),
        TEST(an_old_worker_that_hangs_without_connections_is_killed),
        TEST(sighup_reloads),
        TEST(a_bad_reload_changes_nothing),
        TEST(a_reload_moves_listeners_log_and_control_socket),
        TEST(stopping_ends_a_reload),
        TEST(a_daemon_that_cannot_serve_does_not_start),
        TEST(an_open_state_directory_is_refused),
        TEST(two_daemons_cannot_share_a_control_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
