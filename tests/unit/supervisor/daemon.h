/*
 * daemon.h: a whole supervisor in a process of its own, whose workers are this very test again,
 * playing worker (fake_worker.h). Included by the tests of the supervisor's life.
 */
#ifndef TEST_SUPERVISOR_DAEMON_H
#define TEST_SUPERVISOR_DAEMON_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_worker.h"
#include "supervisor/supervisor.h"

#define DEADLINE_MS 30000u

struct daemon {
    char directory[64];
    char config[96];
    char log[96];
    char socket[96];
    pid_t pid; /* 0: none runs */
};

/* Wait for a condition, which is an event in another process. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        uint64_t wait_end = clock_now_ms() + DEADLINE_MS;                                          \
        while (!(condition)) {                                                                     \
            if (clock_now_ms() > wait_end)                                                         \
                fail_msg("waited in vain for %s", #condition);                                     \
            usleep(5000);                                                                          \
        }                                                                                          \
    } while (0)

/* --- files --- */

static inline char *read_file(const char *path)
{
    static char text[1 << 18];
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    text[n < 0 ? 0 : n] = 0;
    if (fd >= 0)
        close(fd);
    return text;
}

static inline bool log_has(const struct daemon *daemon, const char *text)
{
    return strstr(read_file(daemon->log), text) != NULL;
}

/* A configuration of these members beside what every test has. */
__attribute__((format(printf, 2, 3))) static inline void configure(const struct daemon *daemon,
                                                                   const char *format, ...)
{
    FILE *file = fopen(daemon->config, "w");
    va_list arguments;
    assert_non_null(file);
    fprintf(file, "{ \"state_directory\": \"%s/state\",\n%s", daemon->directory,
            geteuid() == 0 ? "\"user\": \"root\",\n" : "");
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fputs(" }\n", file);
    fclose(file);
}

#define LISTENERS "\"listeners\": [{\"name\": \"main\", \"address\": \"127.0.0.1\", \"port\": 0}]"

/* --- its life --- */

static inline int daemon_set_up(void **state)
{
    static struct daemon daemon;
    memset(&daemon, 0, sizeof(daemon));
    strcpy(daemon.directory, "/tmp/sallyport-supervisor.XXXXXX");
    if (!mkdtemp(daemon.directory))
        return -1;
    snprintf(daemon.config, sizeof(daemon.config), "%s/config.json", daemon.directory);
    snprintf(daemon.log, sizeof(daemon.log), "%s/log", daemon.directory);
    snprintf(daemon.socket, sizeof(daemon.socket), "%s/state/control.sock", daemon.directory);
    *state = &daemon;
    return 0;
}

static inline void daemon_spawn(struct daemon *daemon)
{
    daemon->pid = fork();
    assert_true(daemon->pid >= 0);
    if (daemon->pid == 0) {
        int log = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, STDERR_FILENO);
        dup2(log, STDOUT_FILENO);
        execl("/proc/self/exe", "test", "--daemon", daemon->config, NULL);
        _exit(127);
    }
}

/* Its exit status, 1000 + the signal that killed it; -1 while it runs. */
static inline int daemon_poll(struct daemon *daemon)
{
    int status = 0;
    if (waitpid(daemon->pid, &status, WNOHANG) != daemon->pid)
        return -1;
    daemon->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline int daemon_wait(struct daemon *daemon)
{
    int code;
    WAIT_FOR((code = daemon_poll(daemon)) >= 0);
    return code;
}

static inline void daemon_start(struct daemon *daemon)
{
    daemon_spawn(daemon);
    WAIT_FOR(log_has(daemon, "daemon.ready") || waitpid(daemon->pid, NULL, WNOHANG) != 0);
    assert_int_equal(kill(daemon->pid, 0), 0);
}

static inline int daemon_tear_down(void **state)
{
    struct daemon *daemon = *state;
    char command[128];
    int code = 0;
    /* More than once, because two that come at the same time are one; and connections that a failed
     * test has left open are not waited for. */
    if (daemon->pid)
        WAIT_FOR(kill(daemon->pid, SIGTERM) == 0 && (code = daemon_poll(daemon)) >= 0);
    if (code != 0 || getenv("SHOW_LOG"))
        fputs(read_file(daemon->log), stderr);
    snprintf(command, sizeof(command), "rm -rf %s", daemon->directory);
    return system(command) != 0 || code != 0;
}

/* --- the control socket --- */

static inline int control_connect(const struct daemon *daemon)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval deadline = {.tv_sec = DEADLINE_MS / 1000};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)),
                     0);
    return fd;
}

static inline json_t *control_read(int fd)
{
    static char text[1 << 16];
    size_t length = 0;
    while (length == 0 || text[length - 1] != '\n') {
        ssize_t n = recv(fd, text + length, sizeof(text) - length, 0);
        assert_true(n > 0);
        length += (size_t)n;
    }
    json_t *answer = json_loadb(text, length, 0, NULL);
    assert_non_null(answer);
    return answer;
}

/* The answer to one request, to be given back with json_decref(). */
static inline json_t *ask(const struct daemon *daemon, const char *request)
{
    int fd = control_connect(daemon);
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    assert_int_equal(send(fd, "\n", 1, 0), 1);
    json_t *answer = control_read(fd);
    close(fd);
    return answer;
}

/* Ask; true if the answer is ok. The error's text is in error, if that is not NULL. */
static inline bool command(const struct daemon *daemon, const char *request, char error[1024])
{
    json_t *answer = ask(daemon, request);
    bool ok = json_is_true(json_object_get(answer, "ok"));
    if (error)
        snprintf(error, 1024, "%s", ok ? "" : json_string_value(json_object_get(answer, "error")));
    json_decref(answer);
    return ok;
}

/* A number in the status, by key; for arrays their length. */
static inline long status_number(const struct daemon *daemon, const char *key)
{
    json_t *status = ask(daemon, "{\"command\":\"status\"}");
    const json_t *value = json_object_get(status, key);
    assert_non_null(value);
    long number =
        json_is_array(value) ? (long)json_array_size(value) : (long)json_integer_value(value);
    json_decref(status);
    return number;
}

static inline uint16_t listener_port(const struct daemon *daemon, size_t index)
{
    json_t *status = ask(daemon, "{\"command\":\"status\"}");
    const json_t *listener = json_array_get(json_object_get(status, "listeners"), index);
    assert_non_null(listener);
    uint16_t port = (uint16_t)json_integer_value(json_object_get(listener, "port"));
    json_decref(status);
    return port;
}

static inline size_t ready_workers(const struct daemon *daemon)
{
    json_t *status = ask(daemon, "{\"command\":\"status\"}");
    size_t i, count = 0;
    json_t *worker;
    json_array_foreach(json_object_get(status, "workers"), i, worker) count +=
        strcmp(json_string_value(json_object_get(worker, "state")), "ready") == 0;
    json_decref(status);
    return count;
}

/* --- clients of the fake workers --- */

struct client {
    int fd;
    long pid;        /* of its worker */
    long generation; /* what the worker's configuration has as its banner */
};

/* A connected socket; the worker's greeting is not waited for. -1: refused by the system. */
static inline int dial(uint16_t port)
{
    const struct timeval deadline = {.tv_sec = DEADLINE_MS / 1000};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* False if the connection was closed instead. */
static inline bool greeted(struct client *client)
{
    char text[64] = "";
    ssize_t n = recv(client->fd, text, sizeof(text) - 1, 0);
    assert_true(n >= 0 || errno == ECONNRESET);
    return n > 0 && sscanf(text, "%ld %ld", &client->pid, &client->generation) == 2;
}

static inline struct client client_open(const struct daemon *daemon)
{
    struct client client = {.fd = dial(listener_port(daemon, 0))};
    assert_true(client.fd >= 0);
    assert_true(greeted(&client));
    return client;
}

/* Tell the fake worker something, which it echoes if it lives on. */
static inline void client_say(const struct client *client, char what)
{
    assert_int_equal(send(client->fd, &what, 1, MSG_NOSIGNAL), 1);
}

static inline bool client_lives(const struct client *client)
{
    char echo = 0;
    if (send(client->fd, "e", 1, MSG_NOSIGNAL) != 1)
        return false;
    return recv(client->fd, &echo, 1, 0) == 1 && echo == 'e';
}

/* --- entry --- */

static inline int daemon_main(const char *config)
{
    const struct supervisor_options options = {.config_file = config,
                                               .worker_path = "/proc/self/exe",
                                               .version = "test",
                                               .operations_count = FAKE_OPERATIONS,
                                               .operation_name = fake_operation_name};
    return supervisor_run(&options);
}

/* For main(): -1 if this process is the test itself. */
static inline int play_other_part(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--daemon") == 0)
        return daemon_main(argv[2]);
    if (argc > 1 && strcmp(argv[1], "--worker") == 0)
        return fake_worker_main();
    if (argc > 5 && strcmp(argv[1], "--plugin-host") == 0)
        return fake_host_main(argv[5]);
    return -1;
}

#endif
