/* test_supervisor.c: serving: hand over, bounds, crashes, listing, stopping. */
#include <dirent.h>
#include <sys/resource.h>

#include "daemon.h"

static void the_worker_with_the_fewest_connections_is_chosen(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 2, \"banner\": \"1\"");
    daemon_start(daemon);
    struct client a = client_open(daemon), b = client_open(daemon);
    assert_int_not_equal(a.pid, b.pid);
    close(a.fd);
    WAIT_FOR(status_number(daemon, "connections") == 1);
    struct client c = client_open(daemon), d = client_open(daemon);
    assert_int_equal(c.pid, a.pid);
    assert_int_not_equal(d.pid, 0);
    assert_int_equal(status_number(daemon, "connections"), 3);
    close(b.fd);
    close(c.fd);
    close(d.fd);
    WAIT_FOR(status_number(daemon, "connections") == 0);
    assert_int_equal(status_number(daemon, "workers"), 2);
}

static void authenticated_connections_are_no_startups(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\","
                                "\"limits\": {\"startups\": \"1:100:1\"}");
    daemon_start(daemon);
    struct client first = client_open(daemon);
    struct client second = {.fd = dial(listener_port(daemon, 0))};
    assert_false(greeted(&second));
    close(second.fd);
    assert_true(log_has(daemon, "connection.refused"));
    assert_true(log_has(daemon, "bound=limits.startups"));
    client_say(&first, 'a');
    WAIT_FOR(status_number(daemon, "unauthenticated") == 0);
    second = client_open(daemon);
    close(first.fd);
    close(second.fd);
}

static void the_bound_on_connections_holds_for_all_workers_together(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 2, \"banner\": \"1\","
                                "\"limits\": {\"connections\": 2, \"startups\": \"9:30:9\"}");
    daemon_start(daemon);
    struct client a = client_open(daemon), b = client_open(daemon);
    struct client c = {.fd = dial(listener_port(daemon, 0))};
    assert_false(greeted(&c));
    assert_true(log_has(daemon, "bound=limits.connections "));
    close(c.fd);
    close(a.fd);
    WAIT_FOR(status_number(daemon, "connections") == 1);
    c = client_open(daemon);
    close(b.fd);
    close(c.fd);
}

static void with_one_connection_per_worker_none_is_used_again(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\","
                                "\"limits\": {\"connections_per_worker\": 1}");
    daemon_start(daemon);
    struct client clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = client_open(daemon);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(clients[i].pid, clients[j].pid);
    }
    client_say(&clients[1], 'c');
    WAIT_FOR(log_has(daemon, "worker.crashed"));
    assert_false(client_lives(&clients[1]));
    for (int i = 0; i < 4; i++) {
        assert_true(i == 1 || client_lives(&clients[i]));
        close(clients[i].fd);
    }
    WAIT_FOR(status_number(daemon, "workers") == 1 && ready_workers(daemon) == 1);
    struct client after = client_open(daemon);
    for (int i = 0; i < 4; i++)
        assert_int_not_equal(after.pid, clients[i].pid);
    close(after.fd);
}

static void full_workers_get_others_beside_them_for_the_time_of_need(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\","
                                "\"limits\": {\"connections_per_worker\": 2}");
    daemon_start(daemon);
    struct client clients[5];
    for (int i = 0; i < 5; i++)
        clients[i] = client_open(daemon);
    assert_int_equal(clients[0].pid, clients[1].pid);
    assert_int_equal(clients[2].pid, clients[3].pid);
    assert_int_not_equal(clients[1].pid, clients[2].pid);
    assert_int_not_equal(clients[3].pid, clients[4].pid);
    for (int i = 0; i < 5; i++)
        close(clients[i].fd);
    WAIT_FOR(status_number(daemon, "connections") == 0 && status_number(daemon, "workers") == 1);
}

static void a_crash_is_explained_and_the_worker_replaced(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 2, \"banner\": \"1\"");
    daemon_start(daemon);
    struct client a = client_open(daemon), b = client_open(daemon), c = client_open(daemon);
    struct client *with_a = c.pid == a.pid ? &c : NULL;
    client_say(&a, 'c');
    WAIT_FOR(log_has(daemon, "worker.crashed"));
    assert_true(log_has(daemon, "instance=users operation=auth.password"));
    assert_true(log_has(daemon, "signal=11"));
    assert_true(log_has(daemon, with_a ? "connections=2" : "connections=1"));
    assert_true(client_lives(&b));
    assert_int_equal(status_number(daemon, "crashes"), 1);
    WAIT_FOR(ready_workers(daemon) == 2);
    assert_int_equal(status_number(daemon, "connections"), with_a ? 1 : 2);
    close(a.fd);
    close(b.fd);
    close(c.fd);
}

static void a_plugin_that_calls_exit_counts_as_a_crash(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\"");
    daemon_start(daemon);
    struct client a = client_open(daemon);
    client_say(&a, 'x');
    WAIT_FOR(log_has(daemon, "worker.crashed"));
    assert_true(log_has(daemon, "signal=0 status=0"));
    WAIT_FOR(ready_workers(daemon) == 1);
    close(a.fd);
}

static void workers_have_nothing_open_but_what_is_meant_for_them(void **state)
{
    struct daemon *daemon = *state;
    int count = 0, highest = 0;
    char path[64];
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\"");
    int inherited = fcntl(STDERR_FILENO, F_DUPFD, 20); /* above those that workers get */
    assert_true(inherited >= 20);
    daemon_start(daemon);
    struct client a = client_open(daemon);
    close(a.fd);
    WAIT_FOR(status_number(daemon, "connections") == 0);
    snprintf(path, sizeof(path), "/proc/%ld/fd", a.pid);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        int fd = atoi(entry->d_name);
        highest = fd > highest ? fd : highest;
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    assert_int_equal(highest, WORKER_FD_COUNTERS);
    assert_int_equal(count, WORKER_FD_COUNTERS + 1);
    close(inherited);
}

/* A log line, or what a plugin prints, would else be written to whatever has the number. */
static void what_the_starter_had_closed_is_no_socket(void **state)
{
    struct daemon *daemon = *state;
    char path[64], target[64] = "";
    struct rlimit limit, own;
    configure(daemon, LISTENERS ", \"workers\": 1");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &own), 0);
    daemon->pid = fork();
    assert_true(daemon->pid >= 0);
    if (daemon->pid == 0) {
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, own.rlim_max});
        close_range(0, ~0u, 0);
        execl("/proc/self/exe", "test", "--daemon", daemon->config, NULL);
        _exit(127);
    }
    WAIT_FOR(access(daemon->socket, F_OK) == 0 && ready_workers(daemon) == 1);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)daemon->pid, fd);
        memset(target, 0, sizeof(target));
        assert_true(readlink(path, target, sizeof(target) - 1) > 0);
        assert_string_equal(target, "/dev/null");
    }
    assert_int_equal(prlimit(daemon->pid, RLIMIT_NOFILE, NULL, &limit), 0);
    assert_int_equal(limit.rlim_cur, own.rlim_max);
}

static void connections_wait_for_a_worker_that_can_take_them(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\"");
    daemon_start(daemon);
    struct client a = client_open(daemon);
    kill((pid_t)a.pid, SIGKILL);
    WAIT_FOR(log_has(daemon, "worker.crashed")); /* its successor starts a little later */
    struct client b = client_open(daemon);
    assert_int_not_equal(b.pid, a.pid);
    assert_true(log_has(daemon, "signal=9"));
    close(a.fd);
    close(b.fd);
}

/* More than fit into the link of a worker that does not look. */
#define MANY 450

static bool is_accepting(const struct daemon *daemon)
{
    json_t *status = ask(daemon, "{\"command\":\"status\"}");
    bool is = json_is_true(json_object_get(status, "accepting"));
    json_decref(status);
    return is;
}

static void none_is_lost_when_a_link_is_full(void **state)
{
    struct daemon *daemon = *state;
    static struct client clients[MANY];
    configure(daemon,
              "\"listeners\": [{\"address\": \"127.0.0.1\", \"port\": 0, \"backlog\": 1000}],"
              "\"limits\": {\"startups\": \"1000:100:1000\"}, \"workers\": 1, \"banner\": \"1\"");
    daemon_start(daemon);
    uint16_t port = listener_port(daemon, 0);
    struct client first = client_open(daemon);
    kill((pid_t)first.pid, SIGSTOP);
    for (int i = 0; i < MANY; i++) {
        clients[i].fd = dial(port);
        assert_true(clients[i].fd >= 0);
    }
    WAIT_FOR(!is_accepting(daemon));
    assert_true(status_number(daemon, "connections") < MANY);
    kill((pid_t)first.pid, SIGCONT);
    for (int i = 0; i < MANY; i++) {
        assert_true(greeted(&clients[i]));
        close(clients[i].fd);
    }
    close(first.fd);
    WAIT_FOR(status_number(daemon, "connections") == 0);
    assert_true(is_accepting(daemon));
}

static void connections_of_all_workers_are_listed(void **state)
{
    struct daemon *daemon = *state;
    char error[1024], request[128];
    configure(daemon, LISTENERS ", \"workers\": 2, \"banner\": \"1\"");
    daemon_start(daemon);
    json_t *empty = ask(daemon, "{\"command\":\"connections\"}");
    assert_int_equal(json_array_size(json_object_get(empty, "connections")), 0);
    json_decref(empty);

    struct client a = client_open(daemon), b = client_open(daemon);
    json_t *answer = ask(daemon, "{\"command\":\"connections\"}");
    assert_true(json_is_true(json_object_get(answer, "complete")));
    const json_t *list = json_object_get(answer, "connections");
    assert_int_equal(json_array_size(list), 2);
    const json_t *first = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(first, "user")), "us?r");
    assert_string_equal(json_string_value(json_object_get(first, "remote_address")), "127.0.0.1");
    long long id = json_integer_value(json_object_get(first, "id"));
    long worker = (long)json_integer_value(json_object_get(first, "worker"));
    json_decref(answer);

    snprintf(request, sizeof(request),
             "{\"command\":\"disconnect\",\"id\":%lld,\"reason\":\"lunch\"}", id);
    assert_true(command(daemon, request, error));
    struct client *ended = a.pid == worker ? &a : &b;
    char text[16] = "";
    assert_int_equal(recv(ended->fd, text, sizeof(text) - 1, 0), 5);
    assert_string_equal(text, "lunch");
    WAIT_FOR(status_number(daemon, "connections") == 1);
    assert_false(command(daemon, request, error));
    assert_string_equal(error, "there is no such connection");
    close(a.fd);
    close(b.fd);
}

static void channels_are_listed_of_one_connection_or_of_all(void **state)
{
    struct daemon *daemon = *state;
    char error[1024], request[128];
    configure(daemon, LISTENERS ", \"workers\": 2, \"banner\": \"1\"");
    daemon_start(daemon);
    struct client a = client_open(daemon), b = client_open(daemon);
    json_t *answer = ask(daemon, "{\"command\":\"channels\"}");
    assert_true(json_is_true(json_object_get(answer, "complete")));
    const json_t *list = json_object_get(answer, "channels");
    assert_int_equal(json_array_size(list), 2);
    const json_t *first = json_array_get(list, 0);
    assert_int_equal(json_integer_value(json_object_get(first, "id")), 7);
    assert_string_equal(json_string_value(json_object_get(first, "program")), "ca?t");
    assert_string_equal(json_string_value(json_object_get(first, "request")), "exec");
    assert_string_equal(json_string_value(json_object_get(first, "framing")), "none");
    long long id = json_integer_value(json_object_get(first, "connection"));
    json_decref(answer);

    snprintf(request, sizeof(request), "{\"command\":\"channels\",\"connection\":%lld}", id);
    answer = ask(daemon, request);
    list = json_object_get(answer, "channels");
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "connection")),
                     id);
    json_decref(answer);

    snprintf(request, sizeof(request), "{\"command\":\"close\",\"connection\":%lld,\"channel\":7}",
             id);
    assert_true(command(daemon, request, error));
    snprintf(request, sizeof(request), "{\"command\":\"close\",\"connection\":%lld}", id);
    assert_false(command(daemon, request, error));
    assert_false(command(daemon, "{\"command\":\"channels\",\"connection\":\"x\"}", error));
    assert_false(command(daemon, "{\"command\":\"close\",\"connection\":99,\"channel\":7}", error));
    assert_string_equal(error, "there is no such connection");
    close(a.fd);
    close(b.fd);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    struct daemon *daemon = *state;
    char error[1024];
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\"");
    daemon_start(daemon);
    assert_false(command(daemon, "{\"command\":\"dance\"}", error));
    assert_string_equal(error, "there is no such command");
    assert_false(command(daemon, "{}", error));
    assert_false(command(daemon, "{\"command\":\"disconnect\",\"id\":\"1\"}", error));
    assert_false(command(daemon, "{\"command\":\"disconnect\",\"id\":-1}", error));
}

static void sigterm_lets_connections_end(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 2, \"banner\": \"1\"");
    daemon_start(daemon);
    uint16_t port = listener_port(daemon, 0);
    struct client a = client_open(daemon);
    kill(daemon->pid, SIGTERM);
    WAIT_FOR(log_has(daemon, "daemon.draining"));
    int refused = dial(port);
    assert_int_equal(refused, -1);
    assert_true(client_lives(&a));
    assert_int_equal(status_number(daemon, "connections"), 1);
    close(a.fd);
    assert_int_equal(daemon_wait(daemon), 0);
    assert_int_equal(access(daemon->socket, F_OK), -1);
}

static void connections_in_the_backlog_are_served_before_listening_ends(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\"");
    daemon_start(daemon);
    uint16_t port = listener_port(daemon, 0);
    kill(daemon->pid, SIGSTOP);
    struct client a = {.fd = dial(port)};
    assert_true(a.fd >= 0);
    kill(daemon->pid, SIGTERM);
    kill(daemon->pid, SIGCONT);
    assert_true(greeted(&a));
    WAIT_FOR(log_has(daemon, "daemon.draining"));
    assert_true(client_lives(&a));
    close(a.fd);
    assert_int_equal(daemon_wait(daemon), 0);
}

static void a_second_sigterm_does_not_wait(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\"");
    daemon_start(daemon);
    struct client a = client_open(daemon);
    kill(daemon->pid, SIGTERM);
    WAIT_FOR(log_has(daemon, "daemon.draining"));
    kill(daemon->pid, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    assert_false(client_lives(&a));
    close(a.fd);
}

static void draining_has_a_deadline(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\","
                                "\"timeouts\": {\"drain_ms\": 50}");
    daemon_start(daemon);
    struct client a = client_open(daemon);
    assert_true(command(daemon, "{\"command\":\"stop\"}", NULL));
    assert_int_equal(daemon_wait(daemon), 0);
    close(a.fd);
}

static void stop_now_does_not_wait(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\"");
    daemon_start(daemon);
    struct client a = client_open(daemon);
    assert_true(command(daemon, "{\"command\":\"stop\",\"now\":true}", NULL));
    assert_int_equal(daemon_wait(daemon), 0);
    close(a.fd);
}

static void workers_end_when_the_supervisor_is_killed(void **state)
{
    struct daemon *daemon = *state;
    configure(daemon, LISTENERS ", \"workers\": 1, \"banner\": \"1\"");
    daemon_start(daemon);
    struct client a = client_open(daemon);
    kill(daemon->pid, SIGKILL);
    assert_int_equal(daemon_wait(daemon), 1000 + SIGKILL);
    char byte;
    assert_int_equal(recv(a.fd, &byte, 1, 0), 0);
    close(a.fd);
    /* What it left behind does not keep the next one from starting. */
    assert_int_equal(access(daemon->socket, F_OK), 0);
    unlink(daemon->log);
    daemon_start(daemon);
}

int main(int argc, char **argv)
{
    int code = play_other_part(argc, argv);
    if (code >= 0)
        return code;
#define TEST(name) cmocka_unit_test_setup_teardown(name, daemon_set_up, daemon_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_worker_with_the_fewest_connections_is_chosen),
        TEST(authenticated_connections_are_no_startups),
        TEST(the_bound_on_connections_holds_for_all_workers_together),
        TEST(with_one_connection_per_worker_none_is_used_again),
        TEST(full_workers_get_others_beside_them_for_the_time_of_need),
        TEST(a_crash_is_explained_and_the_worker_replaced),
        TEST(a_plugin_that_calls_exit_counts_as_a_crash),
        TEST(workers_have_nothing_open_but_what_is_meant_for_them),
        TEST(what_the_starter_had_closed_is_no_socket),
        TEST(connections_wait_for_a_worker_that_can_take_them),
        TEST(none_is_lost_when_a_link_is_full),
        TEST(connections_of_all_workers_are_listed),
        TEST(channels_are_listed_of_one_connection_or_of_all),
        TEST(requests_that_make_no_sense_are_refused),
        TEST(sigterm_lets_connections_end),
        TEST(connections_in_the_backlog_are_served_before_listening_ends),
        TEST(a_second_sigterm_does_not_wait),
        TEST(draining_has_a_deadline),
        TEST(stop_now_does_not_wait),
        TEST(workers_end_when_the_supervisor_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
