/*
 * echo.c: a subsystem that sends back what it gets. Read this before you write a plugin.
 *
 * A plugin is this file, compiled to echo.so, beside a manifest.json that says what it is. The
 * manifest says "threading": "serial": the functions below are called one at a time, on a thread
 * where they may wait. So there are no locks here.
 */
#include <sallyport/helpers.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* An instance: one use of this plugin in the configuration. All state hangs off it, none is static,
 * since one daemon may have several instances of the same plugin. */
struct echo {
    const struct sp_host *host; /* what the daemon does for us; lives as long as the instance */
    char *greeting;
    int by_line;
    struct rest *rests;
};

/* Data that is not all sent back yet, since its client reads slowly. */
struct rest {
    struct rest *next;
    const struct sp_channel_event *event;
    uint64_t sent;
    int is_last; /* the client sends no more */
};

static struct rest **find(struct echo *self, sp_id channel)
{
    struct rest **link = &self->rests;
    while (*link && (*link)->event->channel != channel)
        link = &(*link)->next;
    return link;
}

/* A client asks for something on a channel. SP_TAKE makes the channel ours; SP_NEXT leaves the
 * request to the next plugin, which is what to do with all that one does not know. */
static int32_t request(void *self, const struct sp_channel_event *event)
{
    (void)self;
    return event->request == SP_REQUEST_SUBSYSTEM ? SP_TAKE : SP_NEXT;
}

/* The client has been told that its request is granted: from here on we may send. If asked to, the
 * daemon gathers what comes into lines; an event is then a line, however the client cut it. */
static int32_t started(void *arg, const struct sp_channel_event *event)
{
    static const struct sp_framing lines = {
        .struct_size = sizeof lines,
        .kind = SP_FRAMING_LINE,
        .size = 4096, /* a longer line comes in pieces, frame_end being 0 until the last */
        .terminator = {"\n", 1},
    };
    struct echo *self = arg;
    if (self->by_line)
        self->host->channel_framing(self->host, event->channel, &lines);
    sp_send(self->host, event->channel, self->greeting);
    return SP_OK;
}

/* The client has sent something. A slow client takes less back than it is given; then the rest
 * waits, and the question with it: SP_PENDING. What event points to stays where it is until it is
 * answered, and the client must wait so long: nothing is copied, nothing piles up. */
static int32_t data(void *arg, const struct sp_channel_event *event)
{
    struct echo *self = arg;
    int64_t taken = self->host->channel_send(self->host, event->channel, SP_STREAM_DATA,
                                             event->data.data, event->data.len);
    if (taken < 0 || (uint64_t)taken == event->data.len)
        return taken < 0 ? (int32_t)taken : SP_OK; /* below 0: the channel is gone */
    struct rest *rest = calloc(1, sizeof *rest);
    if (!rest)
        return SP_E_NOMEM;
    *rest = (struct rest){.next = self->rests, .event = event, .sent = (uint64_t)taken};
    self->rests = rest;
    return SP_PENDING;
}

/* A pending question is answered once, with the token of its event. */
static void answer(struct echo *self, struct rest **link, int32_t verdict)
{
    struct rest *rest = *link;
    *link = rest->next;
    sp_answer_later(self->host, rest->event->head.token, verdict);
    free(rest); /* its event is gone by now */
}

/* There is room again, after channel_send() had taken less than it was given. */
static int32_t ready_to_send(void *arg, const struct sp_channel_event *event)
{
    struct echo *self = arg;
    struct rest **link = find(self, event->channel);
    struct rest *rest = *link;
    if (!rest)
        return SP_OK;
    struct sp_str text = rest->event->data;
    int64_t taken = self->host->channel_send(self->host, event->channel, SP_STREAM_DATA,
                                             text.data + rest->sent, text.len - rest->sent);
    rest->sent += taken > 0 ? (uint64_t)taken : 0;
    if (taken >= 0 && rest->sent < text.len)
        return SP_OK; /* ready_to_send() comes again */
    int is_last = rest->is_last;
    answer(self, link, taken < 0 ? (int32_t)taken : SP_OK);
    if (is_last)
        sp_finish(self->host, event->channel, 0);
    return SP_OK;
}

/* The client sends no more; it still wants to read the rest. */
static int32_t eof(void *arg, const struct sp_channel_event *event)
{
    struct echo *self = arg;
    struct rest *rest = *find(self, event->channel);
    if (rest)
        rest->is_last = 1;
    else
        sp_finish(self->host, event->channel, 0); /* takes effect after what was sent */
    return SP_OK;
}

/* The channel is gone, for whatever reason: exactly once for each that was taken. */
static int32_t closed(void *arg, const struct sp_channel_event *event)
{
    struct rest **link = find(arg, event->channel);
    if (*link)
        answer(arg, link, SP_E_STALE); /* nobody waits for it, but every question is answered */
    return SP_OK;
}

static void destroy(void *arg)
{
    struct echo *self = arg;
    free(self->greeting);
    free(self);
}

/* config_json has been checked against the manifest, and the defaults are filled in. */
static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct echo *self = calloc(1, sizeof *self);
    json_t *config = json_loads(config_json, 0, NULL);
    const char *greeting = json_string_value(json_object_get(config, "greeting"));
    const char *framing = json_string_value(json_object_get(config, "framing"));
    if (self && greeting && framing)
        *self = (struct echo){
            .host = host, .greeting = strdup(greeting), .by_line = strcmp(framing, "line") == 0};
    json_decref(config);
    if (!self || !self->greeting) {
        free(self);
        return SP_E_NOMEM;
    }
    *ret_self = self;
    return 0;
}

/* What we answer of "sallyport.channel/1"; a slot that is left out abstains. */
static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel,
    .request = request,
    .started = started,
    .data = data,
    .eof = eof,
    .ready_to_send = ready_to_send,
    .closed = closed,
};
static const struct sp_interface interfaces[] = {{SP_CHANNEL_INTERFACE, &channel}, {NULL, NULL}};

/* The one symbol that the daemon looks for. It must agree with the manifest. */
SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "echo",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
