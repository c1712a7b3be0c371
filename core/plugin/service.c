/*
 * service.c: struct sp_host, what plugins may ask of the core. Asked on any thread; done on the
 * reactor thread, in the order in which it was asked.
 *
 * What comes from the reactor thread is done at once while nothing is queued before it, which
 * spares a copy of what is sent. Closing a channel and ending a connection are always put off: they
 * may end the very thing whose operation is on the stack.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "plugin/private.h"

#define TEXT_MAX (64u * 1024)
#define TYPE_MAX 64u          /* of a name in the protocol, RFC 4250, 4.6.1 */
#define OPEN_MAX (32u * 1024) /* payload of a wish to open: more is no packet */
#define QUEUE_MAX 65536u      /* requests; bytes are bounded by the gates */

enum service_kind {
    SERVICE_SEND,
    SERVICE_EOF,
    SERVICE_EXIT_STATUS,
    SERVICE_EXIT_SIGNAL,
    SERVICE_CLOSE,
    SERVICE_ATTACH,
    SERVICE_REFRAMED,
    SERVICE_OPEN,
    SERVICE_DISCONNECT,
    SERVICE_REKEY,
};

/* One request. While it is done at once, text and more point to the plugin's memory. */
struct service_item {
    enum service_kind kind;
    uint32_t number; /* stream, status, core_dumped */
    sp_id id;
    struct sp_str text; /* data; signal's name; type; why */
    struct sp_str more; /* signal's text; payload */
    struct sp_channel_streams streams;
    struct plugin_instance *by; /* open: who asks … */
    struct plugin_gate *gate;   /* … and of the channel to be; id is the connection */
    struct list link;
    char bytes[]; /* of text and more, once queued */
};

/* A child whose channel was gone before its streams could be attached. */
struct orphan {
    struct reactor_source source;
    struct plugin_host *host;
    struct list link;
};

static struct plugin_instance *instance_of(const struct sp_host *services)
{
    return container_of(services, struct plugin_instance, services);
}

static void orphan_free(struct orphan *orphan)
{
    reactor_unwatch(orphan->host->reactor, &orphan->source);
    close(orphan->source.fd);
    list_remove(&orphan->link);
    free(orphan);
}

static void on_orphan(struct reactor_source *source, uint32_t events)
{
    (void)events;
    siginfo_t info;
    waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG);
    orphan_free(container_of(source, struct orphan, source));
}

/* End and reap a process that nobody else will. */
static void adopt(struct plugin_host *host, int process_fd)
{
    struct orphan *orphan = calloc(1, sizeof *orphan);
    syscall(SYS_pidfd_send_signal, process_fd, SIGKILL, NULL, 0);
    if (!orphan) {
        close(process_fd);
        return;
    }
    orphan->host = host;
    orphan->source = (struct reactor_source){.fd = process_fd, .on_ready = on_orphan};
    list_append(&host->queue.orphans, &orphan->link);
    if (reactor_watch(host->reactor, &orphan->source, REACTOR_READ) < 0)
        orphan_free(orphan);
}

/* The plugin was told that the descriptors are the core's. */
static void close_streams(struct plugin_host *host, const struct sp_channel_streams *streams)
{
    if (streams->input_fd >= 0)
        close(streams->input_fd);
    if (streams->output_fd >= 0 && streams->output_fd != streams->input_fd)
        close(streams->output_fd);
    if (streams->error_fd >= 0)
        close(streams->error_fd);
    if (streams->process_fd >= 0)
        adopt(host, streams->process_fd);
}

static int64_t perform(struct plugin_host *host, const struct service_item *item)
{
    const struct plugin_services *s = &host->services;
    switch (item->kind) {
    case SERVICE_SEND:
        return s->channel_send(s->arg, item->id, item->number, item->text.data, item->text.len);
    case SERVICE_EOF:
        return s->channel_eof(s->arg, item->id);
    case SERVICE_EXIT_STATUS:
        return s->channel_exit_status(s->arg, item->id, item->number);
    case SERVICE_EXIT_SIGNAL:
        return s->channel_exit_signal(s->arg, item->id, item->text, item->number, item->more);
    case SERVICE_CLOSE:
        return s->channel_close(s->arg, item->id);
    case SERVICE_ATTACH:
        return s->channel_attach(s->arg, item->id, &item->streams);
    case SERVICE_REFRAMED:
        return s->channel_reframed(s->arg, item->id);
    case SERVICE_OPEN: {
        struct sp_channel_open open = {sizeof open, 0, item->text, item->more};
        s->channel_open(s->arg, item->by, item->gate, item->id, &open);
        return 0;
    }
    case SERVICE_DISCONNECT:
        return s->disconnect(s->arg, item->id, item->text);
    case SERVICE_REKEY:
        return s->rekey(s->arg, item->id);
    }
    return SP_E_UNSUPPORTED;
}

/* What was accepted from another thread must not get lost quietly. */
static void perform_queued(struct plugin_host *host, const struct service_item *item)
{
    int64_t rc = perform(host, item);
    if (rc >= 0)
        return;
    if (item->kind == SERVICE_ATTACH)
        close_streams(host, &item->streams);
    if (item->kind == SERVICE_SEND && rc != SP_E_STALE) {
        log_error("plugin.send_lost", LOG_U64("channel", item->id), LOG_I64("error", rc));
        host->services.channel_close(host->services.arg, item->id);
    }
}

/* As many as there were to begin with: what is added meanwhile waits for the next turn. An item
 * stays in the queue until it is done, so that everything else queues up behind it. */
static void on_queue(struct reactor_task *task)
{
    struct service_queue *queue = container_of(task, struct service_queue, task);
    struct plugin_host *host = container_of(queue, struct plugin_host, queue);

    pthread_mutex_lock(&queue->lock);
    uint32_t left = queue->count;
    while (left-- > 0) {
        struct service_item *item =
            container_of(list_first(&queue->items), struct service_item, link);
        pthread_mutex_unlock(&queue->lock);
        perform_queued(host, item);
        pthread_mutex_lock(&queue->lock);
        list_remove(&item->link);
        queue->count--;
        free(item);
    }
    bool is_empty = queue->count == 0;
    pthread_mutex_unlock(&queue->lock);
    if (!is_empty)
        reactor_defer(host->reactor, &queue->task);
}

static struct service_item *copy_item(const struct service_item *item)
{
    size_t bytes = item->text.len + 1 + item->more.len + 1;
    struct service_item *copy = malloc(sizeof *copy + bytes);
    if (!copy)
        return NULL;
    *copy = *item;
    copy->text.data = memcpy(copy->bytes, item->text.len ? item->text.data : "", item->text.len);
    copy->bytes[item->text.len] = 0;
    char *more = copy->bytes + item->text.len + 1;
    copy->more.data = memcpy(more, item->more.len ? item->more.data : "", item->more.len);
    more[item->more.len] = 0;
    return copy;
}

static int32_t enqueue(struct plugin_host *host, const struct service_item *item)
{
    struct service_queue *queue = &host->queue;
    struct service_item *copy = copy_item(item);
    if (!copy)
        return SP_E_NOMEM;

    pthread_mutex_lock(&queue->lock);
    bool is_full = queue->count >= QUEUE_MAX;
    if (!is_full) {
        list_append(&queue->items, &copy->link);
        if (queue->count++ == 0)
            reactor_post(host->reactor, &queue->task);
    }
    pthread_mutex_unlock(&queue->lock);
    if (!is_full)
        return 0;
    free(copy);
    return SP_E_BUSY;
}

/* Closing ends what an operation may be about, new keys are none of an operation's that the library
 * is in the middle of, framing delivers what it may be about, and nobody is
 * told of a channel whose id it was not yet given. */
static bool is_put_off(enum service_kind kind)
{
    return kind == SERVICE_CLOSE || kind == SERVICE_DISCONNECT || kind == SERVICE_REKEY ||
           kind == SERVICE_REFRAMED || kind == SERVICE_OPEN;
}

static bool is_of_connection(enum service_kind kind)
{
    return kind == SERVICE_DISCONNECT || kind == SERVICE_REKEY || kind == SERVICE_OPEN;
}

static bool is_direct(struct plugin_host *host, enum service_kind kind)
{
    if (is_put_off(kind) || !pthread_equal(pthread_self(), host->reactor_thread))
        return false;
    pthread_mutex_lock(&host->queue.lock);
    bool is_empty = host->queue.count == 0;
    pthread_mutex_unlock(&host->queue.lock);
    return is_empty;
}

/* 0 or more, or an error; then what the item would hand over remains the plugin's. */
static int64_t ask(const struct sp_host *services, const struct service_item *item)
{
    const struct plugin_instance *instance = instance_of(services);
    struct plugin_host *host = instance->host;
    if (!host->services.channel_send)
        return SP_E_UNSUPPORTED;
    if (item->text.len > (item->kind == SERVICE_SEND ? INT64_MAX : TEXT_MAX) ||
        item->more.len > TEXT_MAX || (item->text.len && !item->text.data) ||
        (item->more.len && !item->more.data))
        return SP_E_INVALID;
    if (!is_of_connection(item->kind) && !gate_is_of(instance, item->id))
        return SP_E_STALE;
    if (is_direct(host, item->kind))
        return perform(host, item);
    return enqueue(host, item);
}

static int32_t service_complete(const struct sp_host *services, sp_token token,
                                const struct sp_reply *reply)
{
    return call_complete(instance_of(services), token, reply);
}

static int32_t service_run_blocking(const struct sp_host *services, sp_token token,
                                    int32_t (*run)(void *self, const struct sp_event *event))
{
    return call_run_blocking(instance_of(services), token, run);
}

static void service_log(const struct sp_host *services, uint32_t level, struct sp_str text)
{
    static const enum log_level levels[] = {
        [SP_LOG_ERROR] = LOG_LEVEL_ERROR,
        [SP_LOG_WARNING] = LOG_LEVEL_WARNING,
        [SP_LOG_INFO] = LOG_LEVEL_INFO,
        [SP_LOG_DEBUG] = LOG_LEVEL_DEBUG,
    };
    if (level > SP_LOG_DEBUG)
        level = SP_LOG_DEBUG;
    if (!text.data)
        text.len = 0;
    log_at(levels[level], "plugin.log", LOG_TEXT("instance", instance_of(services)->name),
           LOG_STR("text", text));
}

static int64_t service_send(const struct sp_host *services, sp_id channel, uint32_t stream,
                            const void *data, uint64_t len)
{
    const struct plugin_instance *instance = instance_of(services);
    if (stream > SP_STREAM_STDERR)
        return SP_E_INVALID;
    int64_t taken = gate_take(instance, channel, len);
    if (taken <= 0)
        return taken;
    struct service_item item = {
        .kind = SERVICE_SEND, .id = channel, .number = stream, .text = {data, (uint64_t)taken}};
    int64_t rc = ask(services, &item);
    if (rc >= 0)
        return taken;
    gate_give_back(instance, channel, (uint64_t)taken);
    return rc;
}

static int32_t service_eof(const struct sp_host *services, sp_id channel)
{
    return (int32_t)ask(services, &(struct service_item){.kind = SERVICE_EOF, .id = channel});
}

static int32_t service_exit_status(const struct sp_host *services, sp_id channel, uint32_t status)
{
    return (int32_t)ask(
        services,
        &(struct service_item){.kind = SERVICE_EXIT_STATUS, .id = channel, .number = status});
}

static int32_t service_exit_signal(const struct sp_host *services, sp_id channel,
                                   struct sp_str name, uint32_t core_dumped, struct sp_str text)
{
    return (int32_t)ask(services, &(struct service_item){.kind = SERVICE_EXIT_SIGNAL,
                                                         .id = channel,
                                                         .number = core_dumped,
                                                         .text = name,
                                                         .more = text});
}

static int32_t service_close(const struct sp_host *services, sp_id channel)
{
    return (int32_t)ask(services, &(struct service_item){.kind = SERVICE_CLOSE, .id = channel});
}

static int32_t service_attach(const struct sp_host *services, sp_id channel,
                              const struct sp_channel_streams *streams)
{
    if (!streams || !SP_HAS(streams, process_fd))
        return SP_E_INVALID;
    struct service_item item = {.kind = SERVICE_ATTACH, .id = channel};
    item.streams = (struct sp_channel_streams){
        .struct_size = sizeof item.streams,
        .input_fd = streams->input_fd,
        .output_fd = streams->output_fd,
        .error_fd = streams->error_fd,
        .process_fd = streams->process_fd,
    };
    return (int32_t)ask(services, &item);
}

/* 0 or SP_E_INVALID. A line must have room for its terminator, which is never cut in two. */
static int32_t take_framing(const struct sp_framing *framing, struct plugin_framing *ret_framing)
{
    const struct sp_str *end = &framing->terminator;
    if (!SP_HAS(framing, kind) || framing->kind > SP_FRAMING_LINE)
        return SP_E_INVALID;
    *ret_framing = (struct plugin_framing){.kind = framing->kind};
    if (framing->kind == SP_FRAMING_NONE)
        return 0;
    if (!SP_HAS(framing, size) || framing->size == 0 || framing->size > PLUGIN_FRAME_MAX)
        return SP_E_INVALID;
    ret_framing->size = (size_t)framing->size;
    if (framing->kind == SP_FRAMING_RECORD)
        return 0;
    if (!SP_HAS(framing, terminator) || !end->data || end->len == 0 ||
        end->len > PLUGIN_TERMINATOR_MAX || end->len > framing->size)
        return SP_E_INVALID;
    ret_framing->terminator_length = (size_t)end->len;
    memcpy(ret_framing->terminator, end->data, (size_t)end->len);
    return 0;
}

static int32_t service_framing(const struct sp_host *services, sp_id channel,
                               const struct sp_framing *framing)
{
    struct plugin_framing wanted;
    int32_t rc = framing ? take_framing(framing, &wanted) : SP_E_INVALID;
    /* It holds at once, for an operation that is about to return; the session need only look. */
    if (rc == 0)
        rc = gate_set_framing(instance_of(services), channel, &wanted);
    if (rc < 0)
        return rc;
    return (int32_t)ask(services, &(struct service_item){.kind = SERVICE_REFRAMED, .id = channel});
}

bool service_open_is_sound(const struct sp_channel_open *open)
{
    return open && SP_HAS(open, payload) && open->type.data && open->type.len > 0 &&
           open->type.len <= TYPE_MAX && !memchr(open->type.data, 0, (size_t)open->type.len) &&
           open->payload.len <= OPEN_MAX;
}

static int32_t service_open(const struct sp_host *services, sp_id connection,
                            const struct sp_channel_open *open, sp_id *ret_channel)
{
    struct plugin_instance *by = instance_of(services);
    const struct plugin_services *session = &by->host->services;
    struct service_item item = {.kind = SERVICE_OPEN, .id = connection, .by = by};
    int32_t rc = SP_E_NOMEM;
    if (!service_open_is_sound(open) || !ret_channel)
        return SP_E_INVALID;
    if (!session->channel_reserve)
        return SP_E_UNSUPPORTED;
    item.text = open->type;
    item.more = open->payload;
    *ret_channel = session->channel_reserve(session->arg);
    if (!*ret_channel)
        return SP_E_NOMEM;
    item.gate = plugin_gate_open(by, NULL, *ret_channel, PLUGIN_GATE_ROOM);
    if (item.gate)
        rc = (int32_t)ask(services, &item);
    if (rc < 0) {
        plugin_gate_close(item.gate);
        session->channel_release(session->arg, *ret_channel);
        *ret_channel = 0;
    }
    return rc;
}

static int32_t service_info(const struct sp_host *services, sp_id channel,
                            struct sp_channel_info *ret_info)
{
    struct sp_channel_info info;
    if (!ret_info || ret_info->struct_size < sizeof ret_info->struct_size)
        return SP_E_INVALID;
    int32_t rc = gate_info(instance_of(services), channel, &info);
    if (rc < 0)
        return rc;
    /* As much as the plugin has room for. */
    if (info.struct_size > ret_info->struct_size)
        info.struct_size = ret_info->struct_size;
    memcpy(ret_info, &info, info.struct_size);
    return 0;
}

static int32_t service_disconnect(const struct sp_host *services, sp_id connection,
                                  struct sp_str text)
{
    return (int32_t)ask(services, &(struct service_item){
                                      .kind = SERVICE_DISCONNECT, .id = connection, .text = text});
}

static int32_t service_rekey(const struct sp_host *services, sp_id connection)
{
    return (int32_t)ask(services, &(struct service_item){.kind = SERVICE_REKEY, .id = connection});
}

static int64_t service_time(const struct sp_host *services)
{
    struct timespec now;
    (void)services;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void service_table(struct sp_host *services)
{
    *services = (struct sp_host){
        .struct_size = sizeof *services,
        .abi_major = SP_ABI_MAJOR,
        .abi_minor = SP_ABI_MINOR,
        .complete = service_complete,
        .run_blocking = service_run_blocking,
        .log = service_log,
        .channel_send = service_send,
        .channel_eof = service_eof,
        .channel_exit_status = service_exit_status,
        .channel_exit_signal = service_exit_signal,
        .channel_close = service_close,
        .channel_attach = service_attach,
        .disconnect = service_disconnect,
        .rekey = service_rekey,
        .time_ms = service_time,
        .channel_framing = service_framing,
        .channel_open = service_open,
        .channel_info = service_info,
    };
}

void service_init(struct plugin_host *host)
{
    pthread_mutex_init(&host->queue.lock, NULL);
    list_init(&host->queue.items);
    list_init(&host->queue.orphans);
    host->queue.task.run = on_queue;
}

void service_drop_queued(struct plugin_host *host)
{
    struct service_queue *queue = &host->queue;
    struct list *node;
    reactor_task_cancel(host->reactor, &queue->task);
    for (;;) {
        pthread_mutex_lock(&queue->lock);
        node = list_take_first(&queue->items);
        pthread_mutex_unlock(&queue->lock);
        if (!node)
            break;
        struct service_item *item = container_of(node, struct service_item, link);
        if (item->kind == SERVICE_ATTACH)
            close_streams(host, &item->streams);
        plugin_gate_close(item->gate);
        free(item);
    }
    while ((node = list_first(&queue->orphans)))
        orphan_free(container_of(node, struct orphan, link));
}
