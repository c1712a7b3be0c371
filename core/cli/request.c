/*
 * request.c: the client's side of core/supervisor/control.h. Blocks, with a deadline. Called by
 * the commands that ask the daemon.
 */
#include "cli/request.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/report.h"
#include "cli/cli.h"
#include "config/config.h"

/* Longer than any command takes: a reload waits for workers, ten seconds at most. */
#define DEADLINE_S 60

static int socket_from_config(const char *file, char **ret_socket)
{
    struct config *config;
    struct report report = {0};
    *ret_socket = NULL;
    if (config_load(file, &config, &report) < 0) {
        report_print(&report, STDERR_FILENO);
        fprintf(stderr, "sallyport: which socket to ask is not known; give --socket PATH\n");
    } else {
        *ret_socket = strdup(config->control_socket);
        config_free(config);
    }
    report_free(&report);
    return *ret_socket ? 0 : CLI_FAILED;
}

int request_options_parse(int argc, char **argv, int least, int most, bool takes_now,
                          struct request_options *ret_options, int *ret_first)
{
    enum { OPTION_JSON, OPTION_SOCKET, OPTION_CONFIG, OPTION_NOW };
    static const struct option options[] = {
        {"json", no_argument, NULL, OPTION_JSON},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"now", no_argument, NULL, OPTION_NOW},
        {NULL, 0, NULL, 0},
    };
    const char *socket = NULL, *config = CLI_CONFIG_FILE;
    *ret_options = (struct request_options){0};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == OPTION_JSON)
            ret_options->is_json = true;
        else if (option == OPTION_SOCKET)
            socket = optarg;
        else if (option == OPTION_CONFIG)
            config = optarg;
        else if (option == OPTION_NOW && takes_now)
            ret_options->is_now = true;
        else
            return cli_usage(argv[0]);
    }
    if (argc - optind < least || argc - optind > most)
        return cli_usage(argv[0]);
    *ret_first = optind;
    if (!socket)
        return socket_from_config(config, &ret_options->socket);
    ret_options->socket = strdup(socket);
    return ret_options->socket ? 0 : CLI_FAILED;
}

void request_options_free(struct request_options *options)
{
    free(options->socket);
}

/* A connected socket, or -1 and errno. */
static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval deadline = {.tv_sec = DEADLINE_S};
    size_t length = strlen(path);
    if (length >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, length + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
    if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int send_line(int fd, const char *text)
{
    struct buffer line = {0};
    int rc = -1;
    if (buffer_append(&line, text, strlen(text)) < 0 || buffer_append(&line, "\n", 1) < 0)
        goto out;
    while (buffer_length(&line) > 0) {
        ssize_t n = send(fd, buffer_data(&line), buffer_length(&line), MSG_NOSIGNAL);
        if (n < 0)
            goto out;
        buffer_consume(&line, (size_t)n);
    }
    rc = 0;
out:
    buffer_release(&line);
    return rc;
}

/* The answer's line, parsed; NULL: errno tells, 0 if the daemon closed the connection. */
static json_t *receive_line(int fd)
{
    struct buffer line = {0};
    json_t *answer = NULL;
    for (;;) {
        uint8_t *room = buffer_reserve(&line, 65536);
        ssize_t n = room ? recv(fd, room, 65536, 0) : -1;
        if (n < 0)
            break;
        if (n == 0 || memchr(room, '\n', (size_t)n)) {
            buffer_commit(&line, (size_t)n);
            errno = 0;
            if (n > 0)
                answer =
                    json_loadb((const char *)buffer_data(&line), buffer_length(&line), 0, NULL);
            break;
        }
        buffer_commit(&line, (size_t)n);
    }
    buffer_release(&line);
    return answer;
}

static json_t *ask(const char *path, const json_t *request, bool is_quiet)
{
    json_t *answer = NULL;
    char *text = json_dumps(request, JSON_COMPACT);
    int fd = text ? open_socket(path) : -1;
    if (fd < 0 && is_quiet)
        answer = NULL;
    else if (fd < 0)
        fprintf(stderr, "sallyport: no daemon answers on %s: %s\n", path, strerror(errno));
    else if (send_line(fd, text) < 0 || !(answer = receive_line(fd)))
        fprintf(stderr, "sallyport: no answer on %s: %s\n", path,
                errno ? strerror(errno) : "the daemon closed the connection");
    if (fd >= 0)
        close(fd);
    free(text);
    return answer;
}

json_t *request_send(const struct request_options *options, json_t *request)
{
    json_t *answer = ask(options->socket, request, false);
    json_decref(request);
    if (!answer)
        return NULL;
    if (options->is_json) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    if (json_is_true(json_object_get(answer, "ok")))
        return answer;
    const char *error = json_string_value(json_object_get(answer, "error"));
    fprintf(stderr, "sallyport: %s\n", error ? error : "the daemon says no more than that");
    json_decref(answer);
    return NULL;
}

json_t *request_try(const char *socket, json_t *request)
{
    json_t *answer = ask(socket, request, true);
    json_decref(request);
    if (json_is_true(json_object_get(answer, "ok")))
        return answer;
    json_decref(answer);
    return NULL;
}

const char *answer_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

uint64_t answer_number(const json_t *object, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(object, key));
}
