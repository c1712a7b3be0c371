/*
 * core/plugin: hosting plugins. A manifest says what a plugin is (manifest.h), the loader turns its
 * .so into a descriptor (loader.h), an instance is one configured use of it (instance.h), and a
 * call is one question put to an instance (call.h). The host holds all instances of a worker.
 *
 * host.h: the instances, and what the core does for plugins. Reactor thread, unless it says
 * otherwise.
 */
#ifndef SALLYPORT_PLUGIN_HOST_H
#define SALLYPORT_PLUGIN_HOST_H

#include <stddef.h>

#include <sallyport/plugin.h>

#include "base/report.h"
#include "config/config.h"
#include "plugin/operation.h"
#include "worker/pool.h"
#include "worker/reactor.h"

struct plugin_gate;
struct plugin_host;
struct plugin_instance;
struct counters;

/* Where instances with "isolation": "process" get their processes from: each is reached by a socket
 * (SOCK_STREAM), which becomes the host's. index is the instance's place in config->plugins. */
struct plugin_launcher {
    void *arg;
    /* While the worker comes up: wait for the socket. 0, or negative with the reason in text. */
    int (*obtain)(void *arg, size_t index, int *ret_fd, char *text, size_t size);
    /* Later: the socket, or the reason why there is none, comes with plugin_host_attach_peer(). */
    void (*want)(void *arg, size_t index);
    /* Plugins hold up so many threads of the pool that they are not replaced any more: the worker
     * itself should be. */
    void (*on_overload)(void *arg, uint32_t threads);
};

/* How the process behind a struct sp_channel_streams.process_fd ended that is a pipe: so it is
 * where the plugin's process, and not the worker, is the parent. Without it, nobody knows. */
struct plugin_process_end {
    int32_t status; /* as sp_channel_event.exit_status */
    uint32_t signal;
};

/* Services that the session layer supplies. Called on the reactor thread only: what plugins ask
 * from other threads is posted by the host, in order. */
struct plugin_services {
    void *arg;
    /* See struct sp_host. channel_send takes all of the data or, with an error, nothing: how much
     * there is room for is the channel's gate's business. */
    int32_t (*channel_eof)(void *arg, sp_id channel);
    int32_t (*channel_exit_status)(void *arg, sp_id channel, uint32_t status);
    int32_t (*channel_exit_signal)(void *arg, sp_id channel, struct sp_str name,
                                   uint32_t core_dumped, struct sp_str text);
    int32_t (*channel_close)(void *arg, sp_id channel);
    int32_t (*channel_attach)(void *arg, sp_id channel, const struct sp_channel_streams *streams);
    int32_t (*channel_send)(void *arg, sp_id channel, uint32_t stream, const void *data,
                            uint64_t len);
    /* The framing in the channel's gate has changed: look anew at what waits. */
    int32_t (*channel_reframed)(void *arg, sp_id channel);
    /* An id for a channel that channel_open is going to open; 0: out of memory. Any thread. */
    sp_id (*channel_reserve)(void *arg);
    /* It will not be opened after all. Any thread. */
    void (*channel_release)(void *arg, sp_id channel);
    /* Open the channel that the gate is for and that by will serve. The gate becomes the session
     * layer's. by is told the outcome (opened), whatever it is. */
    void (*channel_open)(void *arg, struct plugin_instance *by, struct plugin_gate *gate,
                         sp_id connection, const struct sp_channel_open *open);
    int32_t (*disconnect)(void *arg, sp_id connection, struct sp_str text);
    int32_t (*rekey)(void *arg, sp_id connection);
    const struct plugin_launcher *launcher; /* NULL: no instance can have a process of its own */
    const struct counters *counters; /* NULL: nothing is counted, and no instance is disabled */
};

/* Load, configure and start every instance of config->plugins. On failure report says all that is
 * wrong and *ret_host is NULL. services may be NULL where no session will be (check). */
int plugin_host_new(const struct config *config, struct reactor *reactor, struct pool *pool,
                    const struct plugin_services *services, struct plugin_host **ret_host,
                    struct report *report);
/* All that can be known of config->plugins without running any of their code: manifests, libraries'
 * files, instances' configurations. 0 or SP_ERR_INVALID. */
int plugin_host_check(const struct config *config, struct report *report);
/* What launcher->want() asked for: the socket, or -1 and why there will be none. */
void plugin_host_attach_peer(struct plugin_host *host, size_t index, int fd, const char *text);
/* stop and destroy every instance, after what is queued for them has run (a few seconds at most).
 * Calls that are still without an answer then get SP_E_STALE and are released. */
void plugin_host_free(struct plugin_host *host);

/* Whether somebody still waits for an answer. */
bool plugin_host_is_busy(const struct plugin_host *host);

/* NULL if there is none of that name or it does not offer the interface. */
struct plugin_instance *plugin_host_find(struct plugin_host *host, const char *name,
                                         enum plugin_interface interface);
size_t plugin_host_count(const struct plugin_host *host); /* of instances */

const char *plugin_instance_name(const struct plugin_instance *instance);
bool plugin_instance_offers(const struct plugin_instance *instance,
                            enum plugin_operation operation);
/* The life of the plugin that gives handles and takes channels now; see struct plugin_call. */
uint32_t plugin_instance_epoch(const struct plugin_instance *instance);
/* What a hook's manifest asks for: see sftp.h of the SDK. */
struct plugin_sftp_wants {
    uint32_t before, after, existing; /* SP_SFTP_* */
    bool data, listings;
};
struct plugin_sftp_wants plugin_instance_sftp_wants(const struct plugin_instance *instance);
/* A failure of this instance counts as SP_NEXT ("on_error": "next"). */
bool plugin_instance_on_error_next(const struct plugin_instance *instance);

/*
 * What plugins do to a channel from any thread, without waiting for the session: each channel that
 * a plugin has taken has a gate. The session drains what channel_send() fills, and frames what it
 * delivers as channel_framing() says.
 */
enum {
    PLUGIN_GATE_ROOM = 256 * 1024, /* what a plugin may have queued toward the client */
    PLUGIN_FRAME_MAX = 64 * 1024,
    PLUGIN_TERMINATOR_MAX = 64,
};
struct plugin_framing {
    uint32_t kind;    /* SP_FRAMING_* */
    uint32_t version; /* another one after each change */
    size_t size;
    size_t terminator_length;
    char terminator[PLUGIN_TERMINATOR_MAX];
};
/* A gate of room bytes for a channel that instance has taken. connection is NULL for one that the
 * plugin is opening, which may be on any thread. NULL: out of memory. */
struct plugin_gate *plugin_gate_open(struct plugin_instance *instance,
                                     const struct sp_connection *connection, sp_id channel,
                                     uint64_t room);
/* len bytes that channel_send had taken have gone out. Returns true if a sender was told "less"
 * before and there is room again: call ready_to_send. */
bool plugin_gate_drained(struct plugin_gate *gate, uint64_t len);
sp_id plugin_gate_channel(const struct plugin_gate *gate);
/* len bytes from the client are the plugin's. */
void plugin_gate_received(struct plugin_gate *gate, uint64_t len);
/* The framing that holds now, if it is another than *framing. True if it was. */
bool plugin_gate_reframe(struct plugin_gate *gate, struct plugin_framing *framing);
void plugin_gate_info(const struct plugin_gate *gate, struct sp_channel_info *ret_info);
void plugin_gate_close(struct plugin_gate *gate);

/* What is in the fault handler's report: the operation on this thread's stack, or NULL.
 * Signal-safe. */
struct plugin_position {
    const char *instance;
    const char *operation;
};
const struct plugin_position *plugin_position(void);

#endif
