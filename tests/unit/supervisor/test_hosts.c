/* test_hosts.c: a whole supervisor and what plugins do to its processes: processes of their own,
 * crashes that count, loops that stand still, threads that are stuck. */
#include "daemon.h"

#include <sys/resource.h>

#define PLUGIN(more)                                                                               \
    "\"banner\": \"1\", \"workers\": 1, \"plugins\": [{\"name\": \"users\"" more "}], " LISTENERS
#define DISABLED_AFTER(crashes)                                                                    \
    ", \"on_crash\": {\"action\": \"disable\", \"crashes\": " #crashes "}"

/* The fake worker's answer to one letter. */
static char said(const struct client *client, char what)
{
    char answer = 0;
    client_say(client, what);
    assert_int_equal(recv(client->fd, &answer, 1, 0), 1);
    return answer;
}

/* What is told of the first instance; json_decref(). */
static json_t *plugin(const struct daemon *daemon)
{
    json_t *answer = ask(daemon, "{\"command\":\"plugins\",\"instance\":\"users\"}");
    json_t *first = json_incref(json_array_get(json_object_get(answer, "plugins"), 0));
    assert_non_null(first);
    json_decref(answer);
    return first;
}

static long plugin_number(const struct daemon *daemon, const char *key)
{
    json_t *first = plugin(daemon);
    const json_t *value = json_object_get(first, key);
    assert_non_null(value);
    long number =
        json_is_array(value) ? (long)json_array_size(value) : (long)json_integer_value(value);
    json_decref(first);
    return number;
}

static bool plugin_is(const struct daemon *daemon, const char *key, const char *text)
{
    json_t *first = plugin(daemon);
    bool is = strcmp(json_string_value(json_object_get(first, key)), text) == 0;
    json_decref(first);
    return is;
}

static void a_process_is_there_for_the_worker_that_asks_and_ends_with_it(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(plugin_number(daemon, "processes"), 0);
    assert_int_equal(said(&client, 'w'), 'h');
    WAIT_FOR(plugin_is(daemon, "state", "running"));
    assert_int_equal(plugin_number(daemon, "processes"), 1);
    client_say(&client, 'x');
    WAIT_FOR(log_has(daemon, "worker.crashed"));
    WAIT_FOR(plugin_number(daemon, "processes") == 0);
    assert_false(log_has(daemon, "plugin.process_crashed"));
    assert_false(log_has(daemon, "plugin.process_killed"));
    close(client.fd);
}

static void a_process_that_crashes_is_explained_counted_and_replaced(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(said(&client, 'w'), 'h');
    WAIT_FOR(plugin_is(daemon, "state", "running"));
    client_say(&client, 'C');
    WAIT_FOR(log_has(daemon, "error plugin.process_crashed"));
    assert_true(log_has(daemon, " signal=11 "));
    assert_true(log_has(daemon, " operation=auth.password"));
    assert_true(plugin_is(daemon, "state", "restarting"));
    assert_int_equal(said(&client, 'w'), 'h');
    WAIT_FOR(plugin_is(daemon, "state", "running"));
    /* What leaves without having been told to has crashed, too. */
    client_say(&client, 'X');
    WAIT_FOR(log_has(daemon, "signal=0 status=0 operation=\"\""));
    assert_int_equal(said(&client, 'w'), 'h');
    assert_int_equal(plugin_number(daemon, "crashes"), 2);
    assert_int_equal(plugin_number(daemon, "restarts"), 2);
    assert_int_equal(status_number(daemon, "plugin_process_crashes"), 2);
    assert_true(client_lives(&client));
    close(client.fd);
}

static void one_that_crashes_too_often_is_disabled_until_a_reload(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, PLUGIN(DISABLED_AFTER(2)));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(said(&client, 'd'), '0');
        assert_int_equal(said(&client, 'w'), 'h');
        client_say(&client, 'C');
        WAIT_FOR(plugin_number(daemon, "crashes") == i + 1);
    }
    assert_true(log_has(daemon, "error plugin.disabled"));
    assert_true(log_has(daemon, "instance=users crashes=2 within_ms=60000"));
    assert_true(plugin_is(daemon, "state", "disabled"));
    assert_int_equal(status_number(daemon, "disabled_plugins"), 1);
    assert_int_equal(said(&client, 'd'), '1');
    assert_int_equal(said(&client, 'w'), 'n');

    assert_true(command(daemon, "{\"command\":\"reload\"}", NULL));
    struct client later = client_open(daemon);
    assert_int_equal(said(&later, 'd'), '0');
    assert_int_equal(said(&later, 'w'), 'h');
    assert_int_equal(status_number(daemon, "disabled_plugins"), 0);
    assert_int_equal(plugin_number(daemon, "crashes"), 2);
    close(later.fd);
    close(client.fd);
}

static void a_crash_in_a_worker_counts_and_the_next_worker_knows(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, PLUGIN(DISABLED_AFTER(1)));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(said(&client, 'd'), '0');
    client_say(&client, 'c');
    WAIT_FOR(log_has(daemon, "plugin.disabled"));
    WAIT_FOR(ready_workers(daemon) == 1);
    struct client next = client_open(daemon);
    assert_int_equal(said(&next, 'd'), '1');
    close(next.fd);
    close(client.fd);
}

static void one_that_sends_what_it_has_no_business_with_is_killed(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(said(&client, 'w'), 'h');
    WAIT_FOR(plugin_is(daemon, "state", "running"));
    client_say(&client, 'M');
    WAIT_FOR(log_has(daemon, "plugin.process_crashed"));
    assert_true(log_has(daemon, "error plugin.process_message"));
    assert_true(log_has(daemon, "signal=9 "));
    assert_true(client_lives(&client)); /* "ended" was about this one */
    close(client.fd);
}

static void one_that_cannot_serve_says_why(void **state)
{
    struct daemon *daemon = *state;
    configure(
        daemon,
        "\"banner\": \"1\", \"workers\": 1, \"plugins\": [{\"name\": \"fails\"}], " LISTENERS);
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(said(&client, 'w'), 'h');
    WAIT_FOR(log_has(daemon, "plugin.process_failed"));
    assert_true(log_has(daemon, "error=\"no such sandbox\""));
    assert_false(log_has(daemon, "plugin.process_crashed"));
    assert_true(client_lives(&client));
    close(client.fd);
}

/* The worker would believe that there will never be one. */
static void one_that_cannot_be_started_now_is_started_later(void **state)
{
    struct daemon *daemon = *state;
    struct rlimit before, none;
    configure(daemon, PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(prlimit(daemon->pid, RLIMIT_NOFILE, NULL, &before), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(prlimit(daemon->pid, RLIMIT_NOFILE, &none, NULL), 0);
    client_say(&client, 'w');
    WAIT_FOR(log_has(daemon, "plugin.process_failed"));
    assert_int_equal(prlimit(daemon->pid, RLIMIT_NOFILE, &before, NULL), 0);
    char answer = 0;
    assert_int_equal(recv(client.fd, &answer, 1, 0), 1);
    assert_int_equal(answer, 'h');
    close(client.fd);
}

static void what_is_told_of_an_instance(void **state)
{
    struct daemon *daemon = *state;
    char error[1024];
    configure(daemon, PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(said(&client, 'n'), 'n');
    assert_true(plugin_is(daemon, "threading", "serial"));
    assert_true(plugin_is(daemon, "isolation", "ppppppppppppppp")); /* cut to its field */
    assert_int_equal(plugin_number(daemon, "calls"), 3);
    json_t *first = plugin(daemon);
    const json_t *row = json_array_get(json_object_get(first, "operations"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "operation")), "auth.password");
    assert_int_equal(json_integer_value(json_object_get(row, "deadline_ms")), 1234);
    assert_int_equal(json_integer_value(json_object_get(row, "nanoseconds")), 900);
    json_decref(first);
    assert_false(command(daemon, "{\"command\":\"plugins\",\"instance\":\"nobody\"}", error));
    assert_string_equal(error, "there is no such plugin instance");
    close(client.fd);
}

static void counts_outlive_the_worker_and_its_configuration(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(said(&client, 'n'), 'n');
    client_say(&client, 'x');
    WAIT_FOR(log_has(daemon, "worker.crashed"));
    WAIT_FOR(ready_workers(daemon) == 1);
    assert_int_equal(plugin_number(daemon, "calls"), 3);
    struct client next = client_open(daemon);
    assert_int_equal(said(&next, 'n'), 'n');
    assert_int_equal(plugin_number(daemon, "calls"), 6);
    assert_true(command(daemon, "{\"command\":\"reload\"}", NULL));
    assert_int_equal(plugin_number(daemon, "calls"), 6);
    close(next.fd); /* the last of the old worker's */
    WAIT_FOR(status_number(daemon, "workers") == 1);
    assert_int_equal(plugin_number(daemon, "calls"), 6);
    close(client.fd);
}

static void a_worker_whose_loop_stands_still_is_killed_and_says_where_it_was(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, "\"banner\": \"1\", \"workers\": 2, \"timeouts\": {\"stuck_ms\": 200},"
                      " \"plugins\": [{\"name\": \"users\"}], " LISTENERS);
    daemon_start(daemon);
    struct client waiting = client_open(daemon);
    struct client stuck = client_open(daemon);
    assert_int_not_equal(waiting.pid, stuck.pid);
    client_say(&stuck, 't');
    WAIT_FOR(log_has(daemon, "error worker.stuck"));
    WAIT_FOR(log_has(daemon, "signal=6 status=-1 instance=users operation=auth.password"));
    assert_int_equal(plugin_number(daemon, "crashes"), 1);
    assert_true(client_lives(&waiting)); /* which has not turned for as long */
    WAIT_FOR(ready_workers(daemon) == 2);
    close(stuck.fd);
    close(waiting.fd);
}

static void a_worker_that_somebody_has_stopped_is_left_alone(void **state)
{
    struct daemon *daemon = *state;
    char line[64];
    configure(daemon, "\"banner\": \"1\", \"workers\": 2, \"timeouts\": {\"stuck_ms\": 200},"
                      " \"plugins\": [{\"name\": \"users\"}], " LISTENERS);
    daemon_start(daemon);
    struct client stopped = client_open(daemon);
    struct client stuck = client_open(daemon);
    client_say(&stopped, 'T');
    WAIT_FOR(waitpid((pid_t)stopped.pid, NULL, WNOHANG) < 0); /* not ours; it has had its turn */
    client_say(&stuck, 't');
    WAIT_FOR(log_has(daemon, "error worker.stuck"));
    snprintf(line, sizeof(line), "worker.stuck pid=%ld worker=%ld ", (long)daemon->pid,
             stopped.pid);
    assert_false(log_has(daemon, line));
    kill((pid_t)stopped.pid, SIGCONT);
    WAIT_FOR(log_has(daemon, line));
    close(stuck.fd);
    close(stopped.fd);
}

static void a_process_whose_loop_stands_still_is_killed_and_says_where_it_was(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, "\"timeouts\": {\"stuck_ms\": 200}, " PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(said(&client, 'w'), 'h');
    WAIT_FOR(plugin_is(daemon, "state", "running"));
    client_say(&client, 'S');
    WAIT_FOR(log_has(daemon, "error plugin.process_stuck"));
    WAIT_FOR(log_has(daemon, "signal=6 status=-1 operation=auth.password"));
    assert_int_equal(plugin_number(daemon, "crashes"), 1);
    assert_int_equal(said(&client, 'w'), 'h');
    assert_false(log_has(daemon, "worker.stuck"));
    close(client.fd);
}

/* Else it would be started again at once, and again, and never be disabled. */
static void one_that_stands_still_and_cannot_be_aborted_has_crashed(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, "\"timeouts\": {\"stuck_ms\": 200}, " PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    assert_int_equal(said(&client, 'w'), 'h');
    WAIT_FOR(plugin_is(daemon, "state", "running"));
    client_say(&client, 'I');
    WAIT_FOR(log_has(daemon, "error plugin.process_stuck"));
    WAIT_FOR(log_has(daemon, "plugin.process_killed"));
    WAIT_FOR(plugin_number(daemon, "crashes") == 1);
    assert_true(log_has(daemon, "signal=9"));
    close(client.fd);
}

static void a_worker_with_too_many_stuck_threads_is_replaced_and_keeps_its_connections(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, PLUGIN(""));
    daemon_start(daemon);
    struct client client = client_open(daemon);
    client_say(&client, 'o');
    WAIT_FOR(log_has(daemon, "threads=9 replaced=1"));
    WAIT_FOR(ready_workers(daemon) == 1);
    struct client next = client_open(daemon);
    assert_int_not_equal(next.pid, client.pid);
    assert_true(client_lives(&client));
    close(next.fd);
    close(client.fd);
}

int main(int argc, char **argv)
{
    int code = play_other_part(argc, argv);
    if (code >= 0)
        return code;
#define TEST(name) cmocka_unit_test_setup_teardown(name, daemon_set_up, daemon_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_process_is_there_for_the_worker_that_asks_and_ends_with_it),
        TEST(a_process_that_crashes_is_explained_counted_and_replaced),
        TEST(one_that_crashes_too_often_is_disabled_until_a_reload),
        TEST(a_crash_in_a_worker_counts_and_the_next_worker_knows),
        TEST(one_that_sends_what_it_has_no_business_with_is_killed),
        TEST(one_that_cannot_serve_says_why),
        TEST(one_that_cannot_be_started_now_is_started_later),
        TEST(what_is_told_of_an_instance),
        TEST(counts_outlive_the_worker_and_its_configuration),
        TEST(a_worker_whose_loop_stands_still_is_killed_and_says_where_it_was),
        TEST(a_worker_that_somebody_has_stopped_is_left_alone),
        TEST(a_process_whose_loop_stands_still_is_killed_and_says_where_it_was),
        TEST(one_that_stands_still_and_cannot_be_aborted_has_crashed),
        TEST(a_worker_with_too_many_stuck_threads_is_replaced_and_keeps_its_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
