/*
 * core/session: one SSH connection: handshake, authentication, channels, global requests,
 * keep-alive, re-key. libssh is used here and in core/keys, and nowhere else.
 *
 * session.h: what the rest of the core sees of it. Reactor thread.
 */
#ifndef SALLYPORT_SESSION_SESSION_H
#define SALLYPORT_SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "config/config.h"
#include "plugin/call.h"
#include "session/channel.h"
#include "worker/connection.h"
#include "worker/counters.h"
#include "worker/reactor.h"

struct chain;
struct session;
struct session_service;

/* What the core itself serves on a session channel (sftp, scp): the session layer knows of it only
 * this. start takes the channel (channel_set_handler) or returns a negative sp_err. */
struct session_builtin {
    const char *subsystem; /* a subsystem's name, or NULL */
    /* For commands: true if this builtin serves the command. May be NULL. */
    bool (*takes_command)(const struct config *config, struct sp_str command);
    bool after_plugins; /* only if no plugin takes the command, or none may be asked */
    int (*start)(struct channel *channel, struct sp_str command);
};

/* The life of a session, for whoever keeps the counts. */
struct session_observer {
    void *arg;
    void (*on_authenticated)(void *arg, uint64_t id);
    void (*on_ended)(void *arg, uint64_t id);
};

/* Everything sessions share in one worker. builtins end with a zeroed one. */
int session_service_new(const struct config *config, struct reactor *reactor,
                        const struct session_builtin *builtins,
                        const struct session_observer *observer, struct worker_counters *counters,
                        struct session_service **ret_service, struct report *report);
/* Host keys are read here, so that privileges can be dropped after it. */
int session_service_load_keys(struct session_service *service, struct report *report);
/* The services that plugins reach, and the host once it is up. */
const struct plugin_services *session_service_plugin_services(struct session_service *service);
int session_service_set_host(struct session_service *service, struct plugin_host *host,
                             struct report *report);
/* End every session at once; they are gone after the next turn of the reactor. */
void session_service_end_all(struct session_service *service);
/* No session may be left. */
void session_service_free(struct session_service *service);

/* Serve the connection on fd, which becomes the session's in any case. 0 or negative. */
int session_accept(struct session_service *service, int fd, const struct connection_origin *origin);
/* No such connection: SP_ERR_NOT_FOUND. */
int session_disconnect(struct session_service *service, uint64_t id, const char *text);
/* Exchange keys anew with a client that is authenticated; others: SP_ERR_NOT_FOUND. */
int session_rekey(struct session_service *service, uint64_t id);
uint32_t session_count(const struct session_service *service);

/* For listings. */
void session_for_each(struct session_service *service,
                      void (*each)(const struct connection_facts *facts, void *arg), void *arg);

void session_for_each_channel(struct session_service *service,
                              void (*each)(const struct channel_facts *facts, void *arg),
                              void *arg);
/* Close a channel, whatever is queued on it. No such channel: SP_ERR_NOT_FOUND. */
int session_close_channel(struct session_service *service, uint64_t connection, uint64_t channel);

/* For handlers of channels. */
const struct sp_connection *session_connection(const struct session *session);
/* Keep the snapshot beyond the current call (events do). */
const struct sp_connection *session_connection_ref(const struct sp_connection *connection);
void session_connection_unref(const struct sp_connection *connection);
struct plugin_strands *session_strands(struct session *session);
const struct config *session_config(const struct session *session);
struct plugin_host *session_plugin_host(const struct session *session);
/* A string as the texts of events and replies, whose data is never NULL: "" for NULL. */
static inline struct sp_str session_text(const char *text)
{
    return sp_str_of(text ? text : "");
}
/* The hooks on operations on files: chains.sftp. */
const struct chain *session_sftp_chain(const struct session *session);
struct reactor *session_reactor(const struct session *session);
struct worker_counters *session_counters(const struct session *session);
/* SP_PERMIT_* that the user has, in one place for every kind of channel and operation. */
bool session_permits(const struct session *session, uint32_t permit);

#endif
