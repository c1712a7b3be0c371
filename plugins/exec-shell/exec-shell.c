/*
 * exec-shell.c: the plugin: serves shell and exec requests of session channels with processes of
 * this system. The table of the channel interface, and the list of children.
 *
 * "threading" is "connection": calls for one connection never overlap, those for others and tick()
 * do. So a child that was found stays while its connection's call lasts: tick() frees only orphans,
 * which no call will ask for any more, and jobs that nobody has begun to start.
 */
#include "exec_shell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define STATUS_CANNOT_RUN 126u
/* A client that leaves while its request is answered leaves a job that nobody starts or closes. */
#define START_WITHIN_MS 120000

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void add(struct exec_shell *self, struct child *child)
{
    pthread_mutex_lock(&self->lock);
    child->next = self->children;
    self->children = child;
    pthread_mutex_unlock(&self->lock);
}

static struct child *find(struct exec_shell *self, sp_id channel)
{
    pthread_mutex_lock(&self->lock);
    struct child *child = self->children;
    while (child && (child->channel != channel || child->is_orphan))
        child = child->next;
    pthread_mutex_unlock(&self->lock);
    return child;
}

static struct child *find_to_start(struct exec_shell *self, sp_id channel)
{
    pthread_mutex_lock(&self->lock);
    struct child *child = self->children;
    while (child && (child->channel != channel || !child->job))
        child = child->next;
    if (child)
        child->asked_ms = INT64_MAX;
    pthread_mutex_unlock(&self->lock);
    return child;
}

static void unlink_child(struct exec_shell *self, struct child *child)
{
    pthread_mutex_lock(&self->lock);
    struct child **link = &self->children;
    while (*link != child)
        link = &(*link)->next;
    *link = child->next;
    pthread_mutex_unlock(&self->lock);
}

static int32_t request(void *arg, const struct sp_channel_event *event)
{
    struct exec_shell *self = arg;
    bool is_ours = (event->request == SP_REQUEST_SHELL && self->config.serves_shell) ||
                   (event->request == SP_REQUEST_EXEC && self->config.serves_exec);
    if (!is_ours)
        return SP_NEXT;
    const char *why = "out of memory";
    struct child *child = calloc(1, sizeof *child);
    struct job *job = child ? job_new(&self->config, event, &why) : NULL;
    if (!job) {
        free(child);
        self->host->log(self->host, SP_LOG_WARNING, sp_str_of(why));
        return SP_DENY;
    }
    child->channel = event->channel;
    child->job = job;
    child->asked_ms = now_ms();
    child->pidfd = -1;
    child->terminal = -1;
    add(self, child);
    return SP_TAKE;
}

/* The client was told that its request succeeded, so the failure is told like a shell's own. */
static void tell_failure(struct exec_shell *self, sp_id channel, const char *what, int error)
{
    const struct sp_host *host = self->host;
    char text[256];
    snprintf(text, sizeof text, "%s: %s", what, strerrordesc_np(error));
    host->log(host, SP_LOG_ERROR, sp_str_of(text));
    host->channel_send(host, channel, SP_STREAM_STDERR, text, strlen(text));
    host->channel_send(host, channel, SP_STREAM_STDERR, "\r\n", 2);
    host->channel_eof(host, channel);
    host->channel_exit_status(host, channel, STATUS_CANNOT_RUN);
    host->channel_close(host, channel);
}

static int32_t started(void *arg, const struct sp_channel_event *event)
{
    struct exec_shell *self = arg;
    struct child *child = find_to_start(self, event->channel);
    if (!child)
        return SP_E_STALE;
    const char *what = "";
    int rc = child_start(child, self->host, &what);
    if (rc < 0)
        tell_failure(self, event->channel, what, -rc);
    return SP_OK;
}

static int32_t control(void *arg, const struct sp_channel_event *event)
{
    struct exec_shell *self = arg;
    struct child *child = find(self, event->channel);
    if (!child)
        return SP_E_STALE;
    if (event->request == SP_REQUEST_WINDOW_CHANGE && child->terminal >= 0 && event->terminal) {
        struct winsize size = terminal_size(event->terminal);
        ioctl(child->terminal, TIOCSWINSZ, &size);
    } else if (event->request == SP_REQUEST_SIGNAL) {
        int number = signal_number(event->name);
        if (!number)
            return SP_DENY;
        child_signal(child, number);
    } else if (event->request == SP_REQUEST_BREAK && child->terminal >= 0) {
        tcsendbreak(child->terminal, 0);
    }
    return SP_OK;
}

static int32_t child_exited(void *arg, const struct sp_channel_event *event)
{
    struct exec_shell *self = arg;
    struct child *child = find(self, event->channel);
    /* Reaped: from now on its number may be anybody's. */
    if (child && child->pidfd >= 0) {
        close(child->pidfd);
        child->pidfd = -1;
    }
    return SP_NEXT; /* the core sends the status */
}

static int32_t closed(void *arg, const struct sp_channel_event *event)
{
    struct exec_shell *self = arg;
    struct child *child = find(self, event->channel);
    if (!child)
        return SP_OK;
    if (child->pidfd < 0) {
        unlink_child(self, child);
        child_free(child);
        return SP_OK;
    }
    pthread_mutex_lock(&self->lock);
    child_abandon(child, now_ms() + (int64_t)self->config.kill_after_ms);
    pthread_mutex_unlock(&self->lock);
    return SP_OK;
}

static void tick(void *arg)
{
    struct exec_shell *self = arg;
    int64_t now = now_ms();
    pthread_mutex_lock(&self->lock);
    for (struct child **link = &self->children; *link;) {
        struct child *child = *link;
        bool is_forgotten = child->asked_ms < now - START_WITHIN_MS && child->job;
        if (is_forgotten || (child->is_orphan && child_is_done(child, now))) {
            *link = child->next;
            child_free(child);
        } else {
            link = &child->next;
        }
    }
    pthread_mutex_unlock(&self->lock);
}

static void destroy(void *arg)
{
    struct exec_shell *self = arg;
    while (self->children) {
        struct child *child = self->children;
        self->children = child->next;
        child_free(child);
    }
    pthread_mutex_destroy(&self->lock);
    config_clear(&self->config);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct exec_shell *self = calloc(1, sizeof *self);
    if (!self || config_parse(config_json, &self->config) < 0) {
        free(self);
        return SP_E_NOMEM;
    }
    self->host = host;
    pthread_mutex_init(&self->lock, NULL);
    if (access(self->config.shell, X_OK) < 0) {
        char text[256];
        snprintf(text, sizeof text, "the shell %s: %s", self->config.shell, strerrordesc_np(errno));
        host->log(host, SP_LOG_ERROR, sp_str_of(text));
        destroy(self);
        return SP_E_INVALID;
    }
    *ret_self = self;
    return 0;
}

static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel,
    .request = request,
    .started = started,
    .control = control,
    .child_exited = child_exited,
    .closed = closed,
};

static const struct sp_interface interfaces[] = {{SP_CHANNEL_INTERFACE, &channel}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "exec-shell",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
    .tick = tick,
};
