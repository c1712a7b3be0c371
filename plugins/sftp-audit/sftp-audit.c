/*
 * sftp-audit.c: the plugin: has a line written for each operation on files, or for each file that
 * has come or gone.
 *
 * Called on the event loop ("threading": "reactor"): a line is made here and written elsewhere, by
 * queue.c's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/family.h"
#include "common/log.h"
#include "sftp-audit/queue.h"
#include "sftp-audit/record.h"

struct sftp_audit {
    const struct sp_host *host;
    json_t *config;    /* what the texts are in */
    uint32_t families; /* whose operations get a line */
    bool tells_transfers;
    bool is_strict; /* what could not be recorded is not begun */
    struct sink sink;
    struct queue *queue;
};

static size_t write_operation(char *room, size_t size, int64_t now_ms, const void *event)
{
    return record_operation(room, size, now_ms, event);
}

static size_t write_transfer(char *room, size_t size, int64_t now_ms, const void *event)
{
    return record_transfer(room, size, now_ms, event);
}

static bool is_named(const struct sp_sftp_event *event, const char *name)
{
    return event->name.len == strlen(name) &&
           memcmp(event->name.data, name, (size_t)event->name.len) == 0;
}

/* A listing is one line, when the directory is opened, however many parts it comes in. */
static bool gets_line(const struct sftp_audit *self, const struct sp_sftp_event *event)
{
    return event->family & self->families &&
           !(is_named(event, "readdir") &&
             (event->status == SP_FS_OK || event->status == SP_FS_EOF));
}

static int32_t before(void *arg, const struct sp_sftp_event *event)
{
    struct sftp_audit *self = arg;
    bool is_recorded = gets_line(self, event) ||
                       (self->tells_transfers && event->family & (SP_SFTP_OPEN | SP_SFTP_WRITE));
    if (!self->is_strict || !is_recorded ||
        queue_takes(self->queue, record_size(event->path, event->target)))
        return SP_NEXT;
    return queue_refuse(self->host, event->head.token);
}

static int32_t after(void *arg, const struct sp_sftp_event *event)
{
    struct sftp_audit *self = arg;
    if (!gets_line(self, event))
        return SP_NEXT;
    int32_t verdict = queue_put(self->queue, write_operation, event, event->head.token);
    return verdict == SP_DENY ? queue_refuse(self->host, event->head.token) : verdict;
}

static int32_t transfer(void *arg, const struct sp_sftp_transfer *event)
{
    struct sftp_audit *self = arg;
    if (self->tells_transfers)
        queue_put(self->queue, write_transfer, event, 0);
    return SP_OK;
}

/* --- the instance -------------------------------------------------------------------------- */

static enum queue_policy policy_of(const char *word)
{
    if (word && strcmp(word, "wait") == 0)
        return QUEUE_WAITS;
    return word && strcmp(word, "fail") == 0 ? QUEUE_FAILS : QUEUE_DROPS;
}

static void destroy(void *arg)
{
    struct sftp_audit *self = arg;
    queue_free(self->queue);
    sink_close(&self->sink);
    json_decref(self->config);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct sftp_audit *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    const char *what = json_string_value(json_object_get(self->config, "what"));
    enum queue_policy policy =
        policy_of(json_string_value(json_object_get(self->config, "when_full")));
    bool is_transfers = what && strcmp(what, "transfers") == 0;
    self->families = is_transfers ? 0 : families_take(json_object_get(self->config, "families"));
    self->tells_transfers = is_transfers || (what && strcmp(what, "both") == 0);
    self->is_strict = policy == QUEUE_FAILS;
    if (!sink_take(&self->sink, self->config)) {
        log_line(host, SP_LOG_ERROR, "the sink \"file\" needs a \"file\"");
        destroy(self);
        return SP_E_INVALID;
    }
    self->queue = queue_new(
        host, &self->sink, (size_t)json_integer_value(json_object_get(self->config, "queue_bytes")),
        policy, (uint64_t)json_integer_value(json_object_get(self->config, "wait_ms")));
    if (!self->queue) {
        destroy(self);
        return SP_E_NOMEM;
    }
    *ret_self = self;
    return 0;
}

static int32_t start(void *arg)
{
    struct sftp_audit *self = arg;
    /* ENXIO: a FIFO that nobody reads yet. */
    if (sink_open(&self->sink) < 0 && errno != ENXIO) {
        log_line(self->host, SP_LOG_ERROR, "cannot open %s: %s", self->sink.path, strerror(errno));
        return SP_E_FAILED;
    }
    return queue_start(self->queue);
}

static void stop(void *arg)
{
    struct sftp_audit *self = arg;
    queue_stop(self->queue);
}

static const struct sp_sftp_v1 sftp = {
    .struct_size = sizeof sftp,
    .before = before,
    .after = after,
    .transfer = transfer,
};

static const struct sp_interface interfaces[] = {{SP_SFTP_INTERFACE, &sftp}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "sftp-audit",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
};
