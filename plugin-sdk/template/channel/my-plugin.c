/*
 * my-plugin.c: a command that counts the bytes it is sent.
 *
 * manifest.json says "threading": "serial": the functions are called one at a time, on a thread
 * where they may wait. So there are no locks here.
 */
#include <sallyport/helpers.h>

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What we remember of a channel while it is ours. */
struct job {
    struct job *next;
    sp_id channel;
    uint64_t bytes;
};

/* An instance: one use of the plugin in the daemon's configuration. */
struct instance {
    const struct sp_host *host; /* what the daemon does for us */
    json_t *config;
    struct job *jobs;
};

static struct job **find(struct instance *self, sp_id channel)
{
    struct job **link = &self->jobs;
    while (*link && (*link)->channel != channel)
        link = &(*link)->next;
    return link;
}

/* SP_TAKE makes the channel ours; SP_NEXT leaves the request to the next plugin. */
static int32_t request(void *arg, const struct sp_channel_event *event)
{
    struct instance *self = arg;
    const char *command = json_string_value(json_object_get(self->config, "command"));
    if (event->request != SP_REQUEST_EXEC || !sp_str_is(event->name, command))
        return SP_NEXT;
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return SP_E_NOMEM;
    job->channel = event->channel;
    job->next = self->jobs;
    self->jobs = job;
    return SP_TAKE;
}

/* The client has sent something; more comes when this has returned. */
static int32_t data(void *arg, const struct sp_channel_event *event)
{
    struct job *job = *find(arg, event->channel);
    job->bytes += event->data.len;
    return SP_OK;
}

/* The client sends no more: answer, and end the channel. */
static int32_t eof(void *arg, const struct sp_channel_event *event)
{
    struct instance *self = arg;
    char text[64];
    snprintf(text, sizeof text, "%" PRIu64 " bytes\n", (*find(self, event->channel))->bytes);
    sp_send(self->host, event->channel, text);
    sp_finish(self->host, event->channel, 0);
    return SP_OK;
}

/* The channel is gone, for whatever reason: exactly once for each that was taken. */
static int32_t closed(void *arg, const struct sp_channel_event *event)
{
    struct job **link = find(arg, event->channel);
    struct job *job = *link;
    *link = job->next;
    free(job);
    return SP_OK;
}

static void destroy(void *arg)
{
    struct instance *self = arg;
    json_decref(self->config);
    free(self);
}

/* config_json is the instance's configuration: checked against the manifest, defaults filled in. */
static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct instance *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    *ret_self = self;
    return self->config ? 0 : (destroy(self), SP_E_NOMEM);
}

/* A slot that is left out has no opinion. */
static const struct sp_channel_v1 channel = {
    .struct_size = sizeof channel,
    .request = request,
    .data = data,
    .eof = eof,
    .closed = closed,
};
static const struct sp_interface interfaces[] = {{SP_CHANNEL_INTERFACE, &channel}, {NULL, NULL}};

/* The one symbol that the daemon looks for. It must agree with the manifest. */
SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "my-plugin",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
