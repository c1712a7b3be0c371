/* mock.c: the channel, session, reactor and plugin calls of the tests. See mock.h. */
#include "mock.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define HIGH_WATER (256u * 1024u)
#define LOW_WATER (64u * 1024u)

/* One test at a time; the functions that take no session find it here. */
static struct mock *current;

struct reactor {
    struct reactor_task *tasks[64];
    size_t task_count;
    struct reactor_timer *timers[64];
    size_t timer_count;
};

struct plugin_strands {
    int references;
};

static struct plugin_strands strands;

/* A call under way. */
struct pending {
    struct list link;
    struct plugin_call *call;
    bool is_answered; /* or cancelled: only to be released */
    bool is_held;     /* until mock_release() */
    bool is_late;     /* given up: what it was asked to do it does before it is released */
};

static struct list pendings;

/* --- reactor ------------------------------------------------------------------------------- */

void reactor_post(struct reactor *reactor, struct reactor_task *task)
{
    if (task->is_posted)
        return;
    task->is_posted = true;
    MOCK_CHECK(reactor->task_count < 64);
    reactor->tasks[reactor->task_count++] = task;
}

void reactor_defer(struct reactor *reactor, struct reactor_task *task)
{
    reactor_post(reactor, task);
}

void reactor_task_cancel(struct reactor *reactor, struct reactor_task *task)
{
    task->is_posted = false;
    for (size_t i = 0; i < reactor->task_count; i++)
        if (reactor->tasks[i] == task)
            reactor->tasks[i] = NULL;
}

bool mock_run_tasks(struct mock *mock)
{
    struct reactor *reactor = mock->reactor;
    size_t count = reactor->task_count;
    struct reactor_task *tasks[64];
    memcpy(tasks, reactor->tasks, sizeof tasks);
    reactor->task_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!tasks[i])
            continue;
        tasks[i]->is_posted = false;
        tasks[i]->run(tasks[i]);
    }
    return count > 0;
}

int reactor_timer_set(struct reactor *reactor, struct reactor_timer *timer, uint64_t delay_ms)
{
    (void)delay_ms;
    if (timer->index == 0) {
        MOCK_CHECK(reactor->timer_count < 64);
        reactor->timers[reactor->timer_count++] = timer;
        timer->index = 1;
    }
    return 0;
}

void reactor_timer_cancel(struct reactor *reactor, struct reactor_timer *timer)
{
    timer->index = 0;
    for (size_t i = 0; i < reactor->timer_count; i++)
        if (reactor->timers[i] == timer)
            reactor->timers[i--] = reactor->timers[--reactor->timer_count];
}

void mock_run_timers(struct mock *mock)
{
    struct reactor *reactor = mock->reactor;
    struct reactor_timer *timers[64];
    size_t count = reactor->timer_count;
    memcpy(timers, reactor->timers, sizeof timers);
    reactor->timer_count = 0;
    for (size_t i = 0; i < count; i++) {
        timers[i]->index = 0;
        timers[i]->on_time(timers[i]);
    }
}

uint64_t reactor_now_ms(const struct reactor *reactor)
{
    (void)reactor;
    return 1;
}

/* --- plugins ------------------------------------------------------------------------------- */

struct plugin_instance *plugin_host_find(struct plugin_host *host, const char *name,
                                         enum plugin_interface interface)
{
    MOCK_CHECK(interface == PLUGIN_FS);
    for (size_t i = 0; i < host->count; i++)
        if (strcmp(host->instances[i].name, name) == 0)
            return &host->instances[i];
    return NULL;
}

const char *plugin_instance_name(const struct plugin_instance *instance)
{
    return instance->name;
}

bool plugin_instance_offers(const struct plugin_instance *instance, enum plugin_operation operation)
{
    return !instance->lacks[operation];
}

uint32_t plugin_instance_epoch(const struct plugin_instance *instance)
{
    return 1 + instance->deaths;
}

void mock_kill(struct plugin_instance *instance)
{
    instance->deaths++;
    instance->store.views = 0;
    memset(instance->store.handles, 0, sizeof instance->store.handles);
}

struct plugin_strands *plugin_strands_ref(struct plugin_strands *owned)
{
    owned->references++;
    return owned;
}

void plugin_strands_free(struct plugin_strands *owned)
{
    owned->references--;
}

struct plugin_sftp_wants plugin_instance_sftp_wants(const struct plugin_instance *instance)
{
    return instance->wants;
}

bool plugin_instance_on_error_next(const struct plugin_instance *instance)
{
    return instance->on_error_next;
}

static void count_handles(struct plugin_call *call, int by)
{
    if (call->instance->hook)
        return;
    struct store *store = &call->instance->store;
    struct store_handle *handles[2];
    int count = store_handles_of(store, call->operation, call->event, handles);
    for (int i = 0; i < count; i++) {
        handles[i]->under_way += by;
        if (handles[i]->under_way > 1)
            current->overlaps++;
    }
}

static void answer_as_hook(struct plugin_call *call)
{
    struct sp_sftp_reply reply = {.head = {.struct_size = sizeof reply}};
    const struct sp_sftp_event *event = (const struct sp_sftp_event *)(const void *)call->event;
    if (call->operation == PLUGIN_SFTP_transfer) {
        if (call->instance->told)
            call->instance->told(call->instance,
                                 (const struct sp_sftp_transfer *)(const void *)call->event);
        call->on_done(call, SP_NEXT, NULL);
        return;
    }
    MOCK_CHECK(event->head.struct_size == sizeof *event);
    reply.head.verdict =
        call->instance->hook(call->instance, event, call->operation == PLUGIN_SFTP_after, &reply);
    call->on_done(call, reply.head.verdict, &reply.head);
}

static void answer(struct plugin_call *call)
{
    if (call->instance->hook) {
        answer_as_hook(call);
        return;
    }
    struct sp_fs_reply reply = {.head = {.struct_size = sizeof reply}};
    count_handles(call, -1);
    int32_t verdict = store_perform(&call->instance->store, call->operation, call->event, &reply);
    reply.head.verdict = verdict;
    call->on_done(call, verdict, &reply.head);
}

static struct pending *pending_new(struct plugin_call *call)
{
    struct pending *pending = calloc(1, sizeof *pending);
    pending->call = call;
    list_append(&pendings, &pending->link);
    return pending;
}

void plugin_call_start(struct plugin_call *call)
{
    struct mock *mock = current;
    MOCK_CHECK(!call->instance->lacks[call->operation]);
    MOCK_CHECK(call->strands == &strands && strands.references > 0);
    if (call->epoch && call->epoch != plugin_instance_epoch(call->instance)) {
        call->on_done(call, SP_E_STALE, NULL);
        call->on_release(call);
        return;
    }
    mock->started[call->operation]++;
    count_handles(call, 1);
    if (call->operation == PLUGIN_SFTP_transfer && call->instance->is_slow) {
        struct pending *pending = pending_new(call);
        answer(call);
        pending->is_answered = pending->is_held = true;
        return;
    }
    if (mock->calls == MOCK_LATER) {
        pending_new(call);
        return;
    }
    answer(call);
    if (mock->releases_late)
        pending_new(call)->is_answered = true;
    else
        call->on_release(call);
}

void plugin_call_cancel(struct plugin_call *call)
{
    list_for_each (node, &pendings) {
        struct pending *pending = container_of(node, struct pending, link);
        if (pending->call == call && !pending->is_answered) {
            pending->is_answered = pending->is_late = true;
            current->cancelled++;
            count_handles(call, -1);
        }
    }
}

/* What the answer hands out is for on_late; else the answer is dropped. */
static void perform_late(struct plugin_call *call)
{
    struct sp_fs_reply reply = {.head = {.struct_size = sizeof reply}};
    if (call->instance->hook)
        return;
    reply.head.verdict =
        store_perform(&call->instance->store, call->operation, call->event, &reply);
    if (call->on_late)
        call->on_late(call, &reply.head);
}

static void release(struct pending *pending)
{
    struct plugin_call *call = pending->call;
    bool is_late = pending->is_late;
    list_remove(&pending->link);
    free(pending);
    if (is_late)
        perform_late(call);
    call->on_release(call);
}

bool mock_step(struct mock *mock)
{
    list_for_each (node, &pendings) {
        struct pending *pending = container_of(node, struct pending, link);
        if (pending->is_answered) {
            if (mock->releases_late || pending->is_held)
                continue;
            release(pending);
            return true;
        }
        pending->is_answered = true;
        answer(pending->call);
        if (!mock->releases_late)
            release(pending);
        return true;
    }
    return false;
}

bool mock_time_out(struct mock *mock)
{
    mock->releases_late = true;
    list_for_each (node, &pendings) {
        struct pending *pending = container_of(node, struct pending, link);
        if (pending->is_answered)
            continue;
        pending->is_answered = pending->is_late = true;
        count_handles(pending->call, -1);
        pending->call->on_done(pending->call, SP_E_TIMEOUT, NULL);
        return true;
    }
    return false;
}

void mock_release(struct mock *mock)
{
    mock->releases_late = false;
    for (;;) {
        struct pending *found = NULL;
        list_for_each (node, &pendings) {
            struct pending *pending = container_of(node, struct pending, link);
            if (pending->is_answered && !found)
                found = pending;
        }
        if (!found)
            return;
        release(found);
    }
}

size_t mock_calls_waiting(const struct mock *mock)
{
    (void)mock;
    size_t count = 0;
    list_for_each (node, &pendings)
        count += !container_of(node, struct pending, link)->is_answered;
    return count;
}

void mock_settle(struct mock *mock)
{
    while (mock_step(mock) || mock_run_tasks(mock))
        ;
}

/* --- session ------------------------------------------------------------------------------- */

const struct sp_connection *session_connection(const struct session *session)
{
    return &session->connection;
}

const struct sp_connection *session_connection_ref(const struct sp_connection *connection)
{
    current->session.connection_references++;
    return connection;
}

void session_connection_unref(const struct sp_connection *connection)
{
    MOCK_CHECK(connection == &current->session.connection);
    current->session.connection_references--;
}

struct plugin_strands *session_strands(struct session *session)
{
    (void)session;
    return &strands;
}

const struct config *session_config(const struct session *session)
{
    return &session->config;
}

struct plugin_host *session_plugin_host(const struct session *session)
{
    return (struct plugin_host *)(uintptr_t)&session->host;
}

const struct chain *session_sftp_chain(const struct session *session)
{
    return &session->chain;
}

struct plugin_instance *mock_hook(struct mock *mock,
                                  int32_t (*hook)(struct plugin_instance *instance,
                                                  const struct sp_sftp_event *event, bool is_after,
                                                  struct sp_sftp_reply *reply))
{
    struct session *session = &mock->session;
    MOCK_CHECK(session->chain.count < MOCK_HOOKS);
    struct plugin_instance *instance = &session->hooks[session->chain.count];
    instance->name = "hook";
    instance->hook = hook;
    instance->wants.before = instance->wants.after = UINT32_MAX;
    session->hook_list[session->chain.count++] = instance;
    session->chain.instances = session->hook_list;
    return instance;
}

struct reactor *session_reactor(const struct session *session)
{
    (void)session;
    return current->reactor;
}

struct worker_counters *session_counters(const struct session *session)
{
    return (struct worker_counters *)(uintptr_t)&session->counters;
}

bool session_permits(const struct session *session, uint32_t permit)
{
    return (session->permit & permit) == permit;
}

/* --- channel ------------------------------------------------------------------------------- */

void channel_set_handler(struct channel *channel, const struct channel_handler *handler, void *arg)
{
    channel->handler = handler;
    channel->arg = arg;
}

sp_id channel_id(const struct channel *channel)
{
    (void)channel;
    return 1;
}

struct session *channel_session(const struct channel *channel)
{
    return channel->session;
}

int channel_send(struct channel *channel, uint32_t stream, const void *data, size_t length)
{
    MOCK_CHECK(!channel->is_closed);
    if (channel->is_shut)
        return SP_ERR_CLOSED;
    if (stream == SP_STREAM_DATA)
        buffer_append(&channel->output, data, length);
    if (channel->hold_output)
        channel->queued += length;
    return 0;
}

void channel_send_chunk(struct channel *channel, struct channel_chunk *chunk)
{
    MOCK_CHECK(!channel->is_closed);
    if (channel->is_shut) {
        chunk->on_sent(chunk);
        return;
    }
    buffer_append(&channel->output, chunk->data, chunk->length);
    if (channel->hold_output) {
        channel->queued += chunk->length;
        list_append(&channel->chunks, &chunk->link);
    } else {
        chunk->on_sent(chunk);
    }
}

void channel_set_version(struct channel *channel, uint32_t version)
{
    (void)channel, (void)version;
}

size_t channel_queued(const struct channel *channel)
{
    return channel->queued;
}

bool channel_is_full(struct channel *channel)
{
    if (channel->queued >= HIGH_WATER)
        ((struct channel *)(uintptr_t)channel)->was_full = true;
    return channel->queued >= HIGH_WATER;
}

static void offer(struct mock *mock)
{
    struct channel *channel = &mock->channel;
    while (!channel->is_closed && !channel->is_paused && buffer_length(&channel->refused) > 0) {
        /* A copy: the handler may shut or close, and sees memory that ends where its data does. */
        size_t length = buffer_length(&channel->refused);
        uint8_t *copy = malloc(length);
        memcpy(copy, buffer_data(&channel->refused), length);
        size_t taken = channel->handler->on_data(channel->arg, SP_STREAM_DATA, copy, length);
        free(copy);
        MOCK_CHECK(taken <= length);
        buffer_consume(&channel->refused, taken);
        if (taken < length)
            channel->is_paused = true;
    }
}

static void offer_again(struct reactor_task *task)
{
    (void)task;
    offer(current);
}

void channel_resume(struct channel *channel)
{
    MOCK_CHECK(!channel->is_closed);
    channel->resumed++;
    channel->is_paused = false;
    if (!channel->offers.run)
        channel->offers.run = offer_again;
    reactor_post(current->reactor, &channel->offers);
}

void channel_end_output(struct channel *channel)
{
    MOCK_CHECK(!channel->is_closed);
}

void channel_send_exit_status(struct channel *channel, uint32_t status)
{
    MOCK_CHECK(!channel->is_closed);
    if (channel->has_exit_status)
        return;
    channel->has_exit_status = true;
    channel->exit_status = status;
}

void channel_shut(struct channel *channel)
{
    MOCK_CHECK(!channel->is_closed);
    channel->is_shut = true;
}

void mock_receive(struct mock *mock, const void *data, size_t length)
{
    buffer_append(&mock->channel.refused, data, length);
    offer(mock);
}

size_t mock_refused(const struct mock *mock)
{
    return buffer_length(&mock->channel.refused);
}

void mock_receive_eof(struct mock *mock)
{
    MOCK_CHECK(mock_refused(mock) == 0);
    mock->channel.handler->on_eof(mock->channel.arg);
}

void mock_drain(struct mock *mock)
{
    struct channel *channel = &mock->channel;
    struct list *node;
    while ((node = list_take_first(&channel->chunks))) {
        struct channel_chunk *chunk = container_of(node, struct channel_chunk, link);
        chunk->on_sent(chunk);
    }
    channel->queued = 0;
    if (channel->was_full && !channel->is_closed) {
        channel->was_full = false;
        channel->handler->on_writable(channel->arg);
    }
    offer(mock);
}

void mock_close(struct mock *mock)
{
    struct channel *channel = &mock->channel;
    if (channel->is_closed || !channel->handler)
        return;
    struct list *node;
    while ((node = list_take_first(&channel->chunks))) {
        struct channel_chunk *chunk = container_of(node, struct channel_chunk, link);
        chunk->on_sent(chunk);
    }
    channel->is_closed = true;
    channel->handler->on_closed(channel->arg);
}

/* --- the world ----------------------------------------------------------------------------- */

struct plugin_instance *mock_mount(struct mock *mock, const char *path, const char *provider)
{
    struct session *session = &mock->session;
    struct plugin_instance *instance = plugin_host_find(&session->host, provider, PLUGIN_FS);
    if (!instance) {
        MOCK_CHECK(session->host.count < MOCK_INSTANCES);
        instance = &session->host.instances[session->host.count++];
        instance->name = provider;
        store_directory(&instance->store, "/");
    }
    session->mounts[session->config.mounts_count++] =
        (struct config_mount){.path = (char *)(uintptr_t)path,
                              .provider = (char *)(uintptr_t)provider,
                              .root = (char *)(uintptr_t) "configured"};
    return instance;
}

struct mock *mock_new(void)
{
    struct mock *mock = calloc(1, sizeof *mock);
    current = mock;
    list_init(&pendings);
    strands.references = 1;
    mock->reactor = calloc(1, sizeof *mock->reactor);
    struct session *session = &mock->session;
    session->permit = SP_PERMIT_ALL;
    session->config.mounts = session->mounts;
    session->config.limits.handles_per_connection = 16;
    session->config.limits.requests_per_channel = 32;
    session->config.sftp_entries_per_answer = 100;
    session->config.sftp_version_max = 3;
    session->config.server_version = (char *)(uintptr_t) "sallyport_test";
    session->grant = (struct sp_grant){
        .struct_size = sizeof session->grant, .permit = SP_PERMIT_ALL, .home = {"/home/demo", 10}};
    session->connection = (struct sp_connection){.struct_size = sizeof session->connection,
                                                 .authenticated = 1,
                                                 .id = 7,
                                                 .user = {"demo", 4},
                                                 .client_version = {"SSH-2.0-OpenSSH_9.2", 19},
                                                 .grant = &session->grant};
    mock->channel.session = session;
    list_init(&mock->channel.chunks);
    mock_mount(mock, "/", "disk");
    store_directory(mock_store(mock), "/home");
    store_directory(mock_store(mock), "/home/demo");
    return mock;
}

struct store *mock_store(struct mock *mock)
{
    return &mock->session.host.instances[0].store;
}

int mock_start(struct mock *mock, const struct session_builtin *builtin, const char *command)
{
    return builtin->start(&mock->channel, (struct sp_str){command, strlen(command)});
}

void mock_free(struct mock *mock)
{
    mock_close(mock);
    mock_release(mock);
    mock_settle(mock);
    mock_release(mock);
    MOCK_CHECK(mock->overlaps == 0);
    MOCK_CHECK(list_is_empty(&pendings));
    MOCK_CHECK(mock->session.connection_references == 0);
    MOCK_CHECK(strands.references == 1);
    MOCK_CHECK(mock->reactor->timer_count == 0);
    for (size_t i = 0; i < mock->session.host.count; i++) {
        struct store *store = &mock->session.host.instances[i].store;
        MOCK_CHECK(store_open_handles(store) == 0);
        MOCK_CHECK(store->views == 0);
        store_free(store);
    }
    buffer_release(&mock->channel.output);
    buffer_release(&mock->channel.refused);
    free(mock->reactor);
    free(mock);
    current = NULL;
}
