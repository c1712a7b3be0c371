/*
 * observer: logs every event of a connection, and answers as its configuration says: "request",
 * "proposal" and "service_request" are "deny", "allow" or "next"; "text" goes with a denial,
 * "host_keys" with a request that is allowed; where there is a "gate", the proposal is answered and
 * a record of the log taken once that file exists; "rekey" asks for new keys of the latest
 * connection once a second. Records of the log are written to the file "records".
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

enum { TEXT_MAX = 256 };

struct observer {
    const struct sp_host *host;
    int32_t request, proposal, service_request;
    char text[TEXT_MAX];
    char host_keys[TEXT_MAX];
    char gate[TEXT_MAX];
    char records[TEXT_MAX];
    int rekeys;
    _Atomic sp_id latest;
};

/* The value of a key whose text is unlike any other in the JSON: the core has checked the rest. */
static void get_text(const char *json, const char *key, char ret_text[TEXT_MAX])
{
    char name[64];
    const char *at;
    size_t length = 0;

    ret_text[0] = '\0';
    snprintf(name, sizeof name, "\"%s\":", key);
    at = strstr(json, name);
    if (!at || !(at = strchr(at + strlen(name), '"')))
        return;
    for (at++; at[length] && at[length] != '"' && length < TEXT_MAX - 1; length++)
        ret_text[length] = at[length];
    ret_text[length] = '\0';
}

static int32_t get_verdict(const char *json, const char *key)
{
    char text[TEXT_MAX];

    get_text(json, key, text);
    return strcmp(text, "deny") == 0 ? SP_DENY : strcmp(text, "allow") == 0 ? SP_ALLOW : SP_NEXT;
}

static int32_t create(const struct sp_host *host, const char *json, void **ret_self)
{
    struct observer *observer = calloc(1, sizeof *observer);

    if (!observer)
        return SP_E_NOMEM;
    observer->host = host;
    observer->request = get_verdict(json, "request");
    observer->proposal = get_verdict(json, "proposal");
    observer->service_request = get_verdict(json, "service_request");
    get_text(json, "text", observer->text);
    get_text(json, "host_keys", observer->host_keys);
    get_text(json, "gate", observer->gate);
    get_text(json, "records", observer->records);
    observer->rekeys = strstr(json, "\"rekey\":true") || strstr(json, "\"rekey\": true");
    *ret_self = observer;
    return 0;
}

static void destroy(void *self)
{
    free(self);
}

__attribute__((format(printf, 2, 3))) static void say(const struct observer *observer,
                                                      const char *format, ...)
{
    char line[2048];
    va_list ap;

    va_start(ap, format);
    vsnprintf(line, sizeof line, format, ap);
    va_end(ap);
    observer->host->log(observer->host, SP_LOG_INFO, sp_str_of(line));
}

static int32_t answer(const struct observer *observer, const struct sp_connection_event *event,
                      int32_t verdict)
{
    struct sp_connection_reply reply = {.head = {sizeof reply, verdict},
                                        .text = sp_str_of(observer->text)};

    if (verdict == SP_ALLOW)
        reply.host_keys = sp_str_of(observer->host_keys);
    else if (verdict != SP_DENY)
        return verdict;
    observer->host->complete(observer->host, event->head.token, &reply.head);
    return SP_PENDING;
}

static int32_t on_request(void *self, const struct sp_connection_event *event)
{
    const struct observer *observer = self;

    say(observer, "saw=request suggestion=%u remote=%s", event->suggestion,
        event->head.connection->remote_address.data);
    return answer(observer, event, observer->request);
}

static int32_t on_proposal(void *self, const struct sp_connection_event *event)
{
    const struct observer *observer = self;
    const struct sp_connection *connection = event->head.connection;
    const struct sp_proposal *proposal = connection->proposal;

    say(observer, "saw=proposal client=%s strict=%u hassh=%s kex=%s ciphers=%s",
        connection->client_version.data, proposal->strict_kex, proposal->hassh.data,
        proposal->kex.data, proposal->ciphers_in.data);
    while (observer->gate[0] && access(observer->gate, F_OK) != 0)
        usleep(10000); /* the test opens it */
    return answer(observer, event, observer->proposal);
}

static int32_t on_service_request(void *self, const struct sp_connection_event *event)
{
    const struct observer *observer = self;

    say(observer, "saw=service_request name=%s", event->name.data);
    return answer(observer, event, observer->service_request);
}

static int32_t on_connected(void *self, const struct sp_connection_event *event)
{
    const struct sp_connection *connection = event->head.connection;
    struct observer *observer = self;

    observer->latest = connection->id;
    say(self,
        "saw=connected status=%d server=%s kex=%s host_key=%s cipher=%s mac=%s compression=%s "
        "strict=%u",
        event->status, connection->server_version.data, connection->kex.data,
        connection->host_key_algorithm.data, connection->cipher_in.data, connection->mac_in.data,
        connection->compression_in.data, connection->strict_kex);
    return SP_OK;
}

static int32_t on_disconnected(void *self, const struct sp_connection_event *event)
{
    say(self, "saw=disconnected status=%d conn=%" PRIu64, event->status,
        event->head.connection->id);
    return SP_OK;
}

static int32_t on_status(void *self, const struct sp_connection_event *event)
{
    say(self, "saw=status name=%s", event->name.data);
    return SP_OK;
}

static int32_t on_error(void *self, const struct sp_connection_event *event)
{
    say(self, "saw=error name=%s", event->name.data);
    return SP_OK;
}

static int32_t on_record(void *self, const struct sp_log_event *event)
{
    const struct observer *observer = self;
    FILE *file;

    while (observer->gate[0] && access(observer->gate, F_OK) != 0)
        usleep(10000); /* the test opens it */
    file = observer->records[0] ? fopen(observer->records, "a") : NULL;
    say(observer, "saw=record"); /* which must not come back as one */
    if (file) {
        fprintf(file, "%u %" PRIu64 " %s %s\n", event->level, event->dropped, event->name.data,
                event->text.data);
        fclose(file);
    }
    return SP_OK;
}

static void tick(void *self)
{
    struct observer *observer = self;

    if (observer->rekeys && observer->latest)
        observer->host->rekey(observer->host, observer->latest);
}

static const struct sp_connection_v1 connection = {
    .struct_size = sizeof connection,
    .request = on_request,
    .connected = on_connected,
    .disconnected = on_disconnected,
    .proposal = on_proposal,
    .service_request = on_service_request,
    .status = on_status,
    .error = on_error,
};
static const struct sp_log_v1 log_table = {.struct_size = sizeof log_table, .record = on_record};
static const struct sp_interface interfaces[] = {
    {SP_CONNECTION_INTERFACE, &connection}, {SP_LOG_INTERFACE, &log_table}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = FAULT_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
    .tick = tick,
};
