/*
 * switchboard: does with channels whatever there is to do with them, each for a subsystem or a
 * channel type of its own, and says in the log what it was told.
 *
 * frames, echo@test: sends back each event as length, frame_end, stream, data. "!record SIZE",
 *     "!line SIZE HEX" and "!none" change the framing from within data(), a signal from elsewhere.
 * flood: sends 8 MB as fast as they are taken. endless: the same, without end.
 * slow: takes one event a second.
 * agent: asks the client's agent for its keys. open:TYPE: opens such a channel toward the client.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

enum { LINES_MAX = 256, FLOOD = 8 * 1000 * 1000 };

struct line {
    sp_id id; /* 0: free */
    sp_id peer;
    char kind[96];
    uint64_t sent;
    sp_token held;
    int waits; /* how often a send did not fit */
};

struct board {
    const struct sp_host *host;
    struct line lines[LINES_MAX];
    sp_token later; /* an open that is answered with the next tick */
};

static struct line *find(struct board *self, sp_id id)
{
    for (size_t i = 0; i < LINES_MAX; i++)
        if (self->lines[i].id == id)
            return &self->lines[i];
    return NULL;
}

static struct line *add(struct board *self, sp_id id, const char *kind)
{
    struct line *line = find(self, 0);
    if (!line)
        abort(); /* a channel was not closed */
    *line = (struct line){.id = id};
    snprintf(line->kind, sizeof line->kind, "%s", kind);
    return line;
}

static void say(struct board *self, const char *what, const struct sp_channel_event *event,
                const char *more)
{
    char text[512];
    snprintf(text, sizeof text, "%s channel=%llu type=%s name=%s value=%s parameters=%s %s", what,
             (unsigned long long)event->channel, event->type.len ? event->type.data : "",
             event->name.len ? event->name.data : "", event->value.len ? event->value.data : "",
             event->parameters.len ? event->parameters.data : "", more);
    self->host->log(self->host, SP_LOG_INFO, sp_str_of(text));
}

static void send_text(struct board *self, sp_id channel, const char *text)
{
    self->host->channel_send(self->host, channel, SP_STREAM_DATA, text, strlen(text));
}

static void finish(struct board *self, sp_id channel)
{
    self->host->channel_exit_status(self->host, channel, 0);
    self->host->channel_close(self->host, channel);
}

static int32_t open_asked(void *arg, const struct sp_channel_event *event)
{
    struct board *self = arg;
    if (strcmp(event->type.data, "session") == 0)
        return SP_NEXT;
    say(self, "open", event, "");
    if (strcmp(event->type.data, "refuse@test") == 0) {
        struct sp_channel_reply reply = {.head = {sizeof reply, SP_DENY},
                                         .text = event->parameters,
                                         .reason = SP_OPEN_RESOURCE_SHORTAGE};
        self->host->complete(self->host, event->head.token, &reply.head);
        return SP_PENDING;
    }
    if (strcmp(event->type.data, "later@test") == 0) {
        self->later = event->head.token;
        return SP_PENDING;
    }
    if (strcmp(event->type.data, "echo@test") == 0 || strcmp(event->type.data, "direct-tcpip") == 0)
        return SP_TAKE;
    return strcmp(event->type.data, "allow@test") == 0 ? SP_ALLOW : SP_NEXT;
}

static int32_t request(void *arg, const struct sp_channel_event *event)
{
    struct board *self = arg;
    char more[128] = "";
    if (event->x11)
        snprintf(more, sizeof more, "x11=%u,%u,%s,%s", event->x11->single_connection,
                 event->x11->screen, event->x11->protocol.data, event->x11->cookie.data);
    say(self, "request", event, more);
    switch (event->request) {
    case SP_REQUEST_SUBSYSTEM:
        add(self, event->channel, event->name.data);
        return SP_TAKE;
    case SP_REQUEST_X11:
    case SP_REQUEST_AGENT:
        return SP_ALLOW;
    case SP_REQUEST_OTHER:
        return strcmp(event->name.data, "yes@test") == 0 ? SP_ALLOW : SP_NEXT;
    default:
        return SP_NEXT;
    }
}

static void open_peer(struct board *self, struct line *line, const char *type)
{
    static const char ask_for_keys[] = {0, 0, 0, 1, 11};
    struct sp_channel_open open = {.struct_size = sizeof open, .type = sp_str_of(type)};
    sp_id peer;
    char text[32];
    if (strcmp(line->kind, "agent") != 0)
        open.payload = sp_str_of("payload");
    int32_t rc =
        self->host->channel_open(self->host, line->sent /* the connection */, &open, &peer);
    if (rc < 0) {
        snprintf(text, sizeof text, "failed %d\n", rc);
        send_text(self, line->id, text);
        finish(self, line->id);
        return;
    }
    line->peer = peer;
    add(self, peer, "peer")->peer = line->id;
    /* Before the client has answered. */
    if (strcmp(line->kind, "agent") == 0)
        self->host->channel_send(self->host, peer, SP_STREAM_DATA, ask_for_keys, 5);
}

static bool floods(const struct line *line)
{
    return strcmp(line->kind, "flood") == 0 || strcmp(line->kind, "endless") == 0;
}

static void flood(struct board *self, struct line *line)
{
    const uint64_t whole = strcmp(line->kind, "flood") == 0 ? FLOOD : UINT64_MAX;
    static unsigned char pattern[100 * 1000 + 251];
    for (size_t i = 0; i < sizeof pattern && !pattern[sizeof pattern - 2]; i++)
        pattern[i] = (unsigned char)(i % 251);
    for (;;) {
        uint64_t wanted = whole - line->sent < 100 * 1000 ? whole - line->sent : 100 * 1000;
        int64_t taken = wanted ? self->host->channel_send(self->host, line->id, SP_STREAM_DATA,
                                                          pattern + line->sent % 251, wanted)
                               : 0;
        line->sent += taken > 0 ? (uint64_t)taken : 0;
        if (taken < (int64_t)wanted) {
            line->waits += taken >= 0;
            return;
        }
        if (line->sent < whole)
            continue;
        char text[32];
        struct sp_channel_event none = {.channel = line->id};
        snprintf(text, sizeof text, "waits=%d", line->waits);
        say(self, "flooded", &none, text);
        finish(self, line->id);
        return;
    }
}

static int32_t started(void *arg, const struct sp_channel_event *event)
{
    struct board *self = arg;
    struct line *line = find(self, event->channel);
    if (floods(line))
        flood(self, line);
    else
        line->sent = event->head.connection->id;
    if (strcmp(line->kind, "agent") == 0)
        open_peer(self, line, "auth-agent@openssh.com");
    if (strncmp(line->kind, "open:", 5) == 0)
        open_peer(self, line, line->kind + 5);
    return SP_OK;
}

static int32_t opened(void *arg, const struct sp_channel_event *event)
{
    struct board *self = arg;
    struct line *line = find(self, event->channel);
    char text[64];
    snprintf(text, sizeof text, "opened %u\n", event->reason);
    say(self, "opened", event, text);
    if (line) /* one that we opened */
        send_text(self, line->peer, text);
    else if (strcmp(event->type.data, "echo@test") == 0 ||
             strcmp(event->type.data, "later@test") == 0 ||
             strcmp(event->type.data, "direct-tcpip") == 0)
        add(self, event->channel, event->type.data);
    return SP_OK;
}

static void frame(struct board *self, sp_id channel, const char *command)
{
    struct sp_framing framing = {.struct_size = sizeof framing};
    unsigned long size = 0;
    char kind[16] = "", hex[132] = "", terminator[66];
    sscanf(command, "!%15s %lu %131s", kind, &size, hex);
    framing.kind = strcmp(kind, "record") == 0 ? SP_FRAMING_RECORD
                   : strcmp(kind, "line") == 0 ? SP_FRAMING_LINE
                                               : SP_FRAMING_NONE;
    framing.size = size;
    framing.terminator.data = terminator;
    for (; framing.terminator.len < strlen(hex) / 2; framing.terminator.len++) {
        unsigned byte = 0;
        sscanf(hex + 2 * framing.terminator.len, "%2x", &byte);
        terminator[framing.terminator.len] = (char)byte;
    }
    if (self->host->channel_framing(self->host, channel, &framing) < 0)
        send_text(self, channel, "refused");
}

static void send_back(struct board *self, const struct sp_channel_event *event)
{
    unsigned char head[6] = {
        0, 0, 0, 0, (unsigned char)event->frame_end, (unsigned char)event->stream};
    for (int i = 0; i < 4; i++)
        head[i] = (unsigned char)(event->data.len >> (24 - 8 * i));
    self->host->channel_send(self->host, event->channel, SP_STREAM_DATA, head, sizeof head);
    self->host->channel_send(self->host, event->channel, SP_STREAM_DATA, event->data.data,
                             event->data.len);
}

static int32_t data(void *arg, const struct sp_channel_event *event)
{
    struct board *self = arg;
    struct line *line = find(self, event->channel);
    if (!line)
        return SP_E_FAILED;
    if (strcmp(line->kind, "slow") == 0) {
        line->held = event->head.token;
        return SP_PENDING;
    }
    if (strcmp(line->kind, "peer") == 0) {
        char text[256];
        size_t used = 0;
        for (uint64_t i = 0; i < event->data.len && used < 200; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%02x",
                                     (unsigned char)event->data.data[i]);
        snprintf(text + used, sizeof text - used, "\n");
        send_text(self, line->peer, text);
        self->host->channel_close(self->host, line->id);
        return SP_OK;
    }
    send_back(self, event);
    if (event->data.len && event->data.data[0] == '!')
        frame(self, event->channel, event->data.data);
    return SP_OK;
}

static int32_t eof(void *arg, const struct sp_channel_event *event)
{
    struct board *self = arg;
    struct line *line = find(self, event->channel);
    struct sp_channel_info info = {.struct_size = sizeof info};
    char text[96];
    self->host->channel_info(self->host, event->channel, &info);
    snprintf(text, sizeof text, "framing=%u in=%llu out=%llu room=%llu", info.framing,
             (unsigned long long)info.bytes_in, (unsigned long long)info.bytes_out,
             (unsigned long long)info.room);
    say(self, "eof", event, text);
    if (line && !floods(line) && !line->peer)
        finish(self, event->channel);
    return SP_OK;
}

static int32_t ready_to_send(void *arg, const struct sp_channel_event *event)
{
    struct board *self = arg;
    struct line *line = find(self, event->channel);
    if (line && floods(line))
        flood(self, line);
    return SP_OK;
}

static int32_t control(void *arg, const struct sp_channel_event *event)
{
    char text[32];
    if (event->request == SP_REQUEST_SIGNAL)
        frame(arg, event->channel, "!none");
    snprintf(text, sizeof text, "request=%u number=%u", event->request, event->number);
    say(arg, "control", event, text);
    return SP_OK;
}

static int32_t closed(void *arg, const struct sp_channel_event *event)
{
    struct board *self = arg;
    struct line *line = find(self, event->channel);
    say(self, "closed", event, "");
    if (!line)
        return SP_OK;
    if (line->held) {
        struct sp_reply reply = {sizeof reply, SP_OK};
        self->host->complete(self->host, line->held, &reply);
    }
    if (strcmp(line->kind, "peer") == 0) {
        send_text(self, line->peer, "closed\n");
        finish(self, line->peer);
    }
    line->id = 0;
    return SP_OK;
}

static void tick(void *arg)
{
    struct board *self = arg;
    struct sp_reply reply = {sizeof reply, SP_OK};
    for (size_t i = 0; i < LINES_MAX; i++) {
        sp_token token = self->lines[i].held;
        self->lines[i].held = 0;
        if (self->lines[i].id && token)
            self->host->complete(self->host, token, &reply);
    }
    reply.verdict = SP_TAKE;
    if (self->later)
        self->host->complete(self->host, self->later, &reply);
    self->later = 0;
}

static int32_t create(const struct sp_host *host, const char *config, void **ret_self)
{
    struct board *self = calloc(1, sizeof *self);
    (void)config;
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    *ret_self = self;
    return 0;
}

static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel,
    .open = open_asked,
    .request = request,
    .started = started,
    .data = data,
    .eof = eof,
    .ready_to_send = ready_to_send,
    .control = control,
    .closed = closed,
    .opened = opened,
};
static const struct sp_interface interfaces[] = {{SP_CHANNEL_INTERFACE, &channel}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = FAULT_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = free,
    .tick = tick,
};
