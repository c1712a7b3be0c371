/*
 * control.c: clients of the control socket: who they are, their lines in, their answers out. The
 * socket itself is control_socket.c's. Supervisor's thread.
 */
#include "supervisor/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/err.h"
#include "base/idmap.h"
#include "base/list.h"
#include "base/log.h"

#define REST_MS 1000u

struct control {
    struct reactor *reactor;
    control_on_request *on_request;
    void *arg;
    struct reactor_source listening;
    struct reactor_timer rest; /* after running out of descriptors or memory */
    char *path;
    struct idmap ids;
    struct list clients;
    uint32_t clients_count;
};

struct client {
    struct list link;
    struct control *control;
    uint64_t id;
    struct reactor_source source;
    struct reactor_timer deadline;
    struct buffer in;
    struct buffer out;
    bool is_waiting; /* for its answer: nothing is read meanwhile */
};

static void client_free(struct client *client)
{
    struct control *control = client->control;
    idmap_remove(&control->ids, client->id);
    reactor_timer_cancel(control->reactor, &client->deadline);
    reactor_unwatch(control->reactor, &client->source);
    close(client->source.fd);
    buffer_release(&client->in);
    buffer_release(&client->out);
    list_remove(&client->link);
    control->clients_count--;
    free(client);
}

static void on_deadline(struct reactor_timer *timer)
{
    client_free(container_of(timer, struct client, deadline));
}

json_t *control_error(const char *text)
{
    return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

static void dispatch(struct client *client, const char *line, size_t length)
{
    struct control *control = client->control;
    json_error_t error;
    json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    client->is_waiting = true;
    reactor_timer_cancel(control->reactor, &client->deadline); /* the command has its own */
    reactor_change(control->reactor, &client->source, 0);
    if (json_is_object(request))
        control->on_request(control->arg, client->id, request);
    else
        control_answer(control, client->id, control_error("a request is one JSON object a line"));
    json_decref(request);
}

/* Take the next line out of what has been read. The client may be gone afterwards. */
static void serve_line(struct client *client)
{
    size_t length = buffer_length(&client->in);
    const char *data = length ? (const char *)buffer_data(&client->in) : NULL;
    const char *end = length ? memchr(data, '\n', length) : NULL;
    if (!end && length >= CONTROL_LINE_MAX) {
        log_warning("control.line_too_long", LOG_U64("limit", CONTROL_LINE_MAX));
        client_free(client);
        return;
    }
    if (!end)
        return;
    size_t line_length = (size_t)(end - data);
    char *line = malloc(line_length + 1);
    if (!line) {
        client_free(client);
        return;
    }
    memcpy(line, data, line_length);
    buffer_consume(&client->in, line_length + 1);
    dispatch(client, line, line_length);
    free(line);
}

static void serve_read(struct client *client)
{
    uint8_t *room = buffer_reserve(&client->in, 4096);
    ssize_t n = room ? read(client->source.fd, room, 4096) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_free(client);
        return;
    }
    buffer_commit(&client->in, (size_t)n);
    serve_line(client);
}

/* The client may be gone afterwards. */
static void serve_write(struct client *client)
{
    struct control *control = client->control;
    while (buffer_length(&client->out) > 0) {
        ssize_t n = send(client->source.fd, buffer_data(&client->out), buffer_length(&client->out),
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            reactor_change(control->reactor, &client->source, REACTOR_WRITE);
            return;
        }
        if (n < 0) {
            client_free(client);
            return;
        }
        buffer_consume(&client->out, (size_t)n);
    }
    buffer_trim(&client->out, 4096);
    reactor_change(control->reactor, &client->source, REACTOR_READ);
    serve_line(client); /* one that came together with the last */
}

static void on_client_ready(struct reactor_source *source, uint32_t events)
{
    struct client *client = container_of(source, struct client, source);
    if (client->is_waiting) {
        if (events & REACTOR_HANGUP)
            client_free(client);
    } else if (buffer_length(&client->out) > 0) {
        serve_write(client);
    } else {
        serve_read(client);
    }
}

void control_answer(struct control *control, uint64_t id, json_t *response)
{
    struct client *client = idmap_get(&control->ids, id);
    char *text = response ? json_dumps(response, JSON_COMPACT) : NULL;
    json_decref(response);
    if (client) {
        client->is_waiting = false;
        const char *line = text ? text : "{\"ok\":false,\"error\":\"out of memory\"}";
        if (buffer_append(&client->out, line, strlen(line)) < 0 ||
            buffer_append(&client->out, "\n", 1) < 0 ||
            reactor_timer_set(control->reactor, &client->deadline, CONTROL_DEADLINE_MS) < 0 ||
            reactor_change(control->reactor, &client->source, REACTOR_WRITE) < 0)
            client_free(client);
    }
    free(text);
}

/* --- new clients --- */

static bool is_permitted(int fd)
{
    struct ucred peer;
    socklen_t length = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return false;
    if (peer.uid == geteuid() || peer.uid == 0)
        return true;
    log_warning("control.denied", LOG_U64("uid", peer.uid), LOG_I64("pid", peer.pid));
    return false;
}

static int client_add(struct control *control, int fd)
{
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return SP_ERR_NOMEM;
    client->control = control;
    client->source = (struct reactor_source){.on_ready = on_client_ready, .fd = fd};
    client->deadline.on_time = on_deadline;
    client->id = idmap_add(&control->ids, client, CONTROL_CLIENTS_MAX);
    if (!client->id || reactor_watch(control->reactor, &client->source, REACTOR_READ) < 0) {
        idmap_remove(&control->ids, client->id);
        free(client);
        return SP_ERR_SYSTEM;
    }
    list_append(&control->clients, &client->link);
    control->clients_count++;
    if (reactor_timer_set(control->reactor, &client->deadline, CONTROL_DEADLINE_MS) < 0)
        client_free(client);
    return 0;
}

static void on_rest_over(struct reactor_timer *timer)
{
    struct control *control = container_of(timer, struct control, rest);
    reactor_change(control->reactor, &control->listening, REACTOR_READ);
}

/* Who waits stays in the backlog, and would have the loop turn without end. */
static void rest(struct control *control)
{
    log_error("control.accept", LOG_TEXT("error", strerror(errno)), LOG_U64("pause_ms", REST_MS));
    if (reactor_timer_set(control->reactor, &control->rest, REST_MS) == 0)
        reactor_change(control->reactor, &control->listening, 0);
}

static void on_listening_ready(struct reactor_source *source, uint32_t events)
{
    (void)events;
    struct control *control = container_of(source, struct control, listening);
    int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            rest(control);
        return;
    }
    if (control->clients_count >= CONTROL_CLIENTS_MAX)
        log_warning("control.refused", LOG_U64("limit", CONTROL_CLIENTS_MAX));
    else if (is_permitted(fd) && client_add(control, fd) == 0)
        return;
    close(fd);
}

struct control *control_new(struct reactor *reactor, control_on_request *on_request, void *arg)
{
    struct control *control = calloc(1, sizeof(*control));
    if (!control)
        return NULL;
    control->reactor = reactor;
    control->on_request = on_request;
    control->arg = arg;
    control->listening = (struct reactor_source){.on_ready = on_listening_ready, .fd = -1};
    control->rest.on_time = on_rest_over;
    list_init(&control->clients);
    return control;
}

static void stop_listening(struct control *control)
{
    if (control->listening.fd < 0)
        return;
    reactor_timer_cancel(control->reactor, &control->rest);
    reactor_unwatch(control->reactor, &control->listening);
    control_unbind(control->listening.fd, control->path);
    control->listening.fd = -1;
    free(control->path);
    control->path = NULL;
}

int control_use(struct control *control, int fd, const char *path)
{
    char *copy = strdup(path);
    if (!copy) {
        control_unbind(fd, path);
        return SP_ERR_NOMEM;
    }
    stop_listening(control);
    control->listening.fd = fd;
    control->path = copy;
    int rc = reactor_watch(control->reactor, &control->listening, REACTOR_READ);
    if (rc < 0)
        stop_listening(control);
    return rc;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    list_for_each (node, &control->clients) {
        struct client *client = container_of(node, struct client, link);
        if (buffer_length(&client->out) > 0)
            send(client->source.fd, buffer_data(&client->out), buffer_length(&client->out),
                 MSG_NOSIGNAL);
        client_free(client);
    }
    stop_listening(control);
    idmap_free(&control->ids);
    free(control);
}
