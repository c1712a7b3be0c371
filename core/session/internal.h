/* internal.h: what the files of core/session share. Reactor thread throughout. */
#ifndef SALLYPORT_SESSION_INTERNAL_H
#define SALLYPORT_SESSION_INTERNAL_H

#include <pthread.h>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "base/buffer.h"
#include "base/hashmap.h"
#include "base/idmap.h"
#include "base/list.h"
#include "base/wire.h"
#include "plugin/call.h"
#include "session/chain.h"
#include "session/channel.h"
#include "session/channel_window.h"
#include "session/factors.h"
#include "session/grant.h"
#include "session/session.h"
#include "session/snapshot.h"
#include "session/tap.h"

/* Disconnect reasons, RFC 4253, 11.1. */
enum {
    DISCONNECT_PROTOCOL_ERROR = 2,
    DISCONNECT_KEY_EXCHANGE_FAILED = 3,
    DISCONNECT_SERVICE_NOT_AVAILABLE = 7,
    DISCONNECT_VERSION_NOT_SUPPORTED = 8,
    DISCONNECT_CONNECTION_LOST = 10,
    DISCONNECT_BY_APPLICATION = 11,
    DISCONNECT_NO_MORE_AUTH_METHODS = 14,
};

struct session_service {
    const struct config *config;
    struct reactor *reactor;
    const struct session_builtin *builtins;
    struct session_observer observer;
    struct worker_counters *counters;
    struct plugin_services plugin_services;
    struct plugin_host *host;
    struct binds *binds;
    char *server_version;    /* "SSH-2.0-…" */
    char *hello;             /* room for what clients send first, PROPOSAL_BYTES_MAX */
    bool holds_proposals;    /* they are looked at in the socket, not by the tap */
    struct hashmap sessions; /* by connection id */
    pthread_mutex_t ids_lock;
    struct idmap channels; /* by sp_id; any thread, with ids_lock: see channel_id.c */
    struct chain connection_chain;
    struct chain auth_chain;
    struct chain channel_chain;
    struct chain log_chain;
    struct chain sftp_chain;
    struct channel_windows windows;
    struct log_feed *log_feed; /* NULL: the chain is empty */
    struct factor_rules factor_rules;
    struct key_policy *key_policy;  /* of users' keys; NULL: none is taken */
    struct chain *subsystem_chains; /* one for each of config->subsystems; empty: the core's own */
};

enum session_stage {
    SESSION_ASKING,    /* plugins decide on the connection; no SSH byte has been exchanged */
    SESSION_PROPOSAL,  /* our version string is out; the client's proposal is awaited or judged, and
                          nothing is read */
    SESSION_HANDSHAKE, /* version strings, key exchange */
    SESSION_AUTHENTICATING,
    SESSION_OPEN,   /* authenticated */
    SESSION_ENDING, /* a DISCONNECT is on its way out */
};

struct auth_request;
struct key_policy;

/* What the client was asked; answers are for the instance that asked, and nobody else. */
struct auth_question {
    enum { AUTH_ASKED_NOTHING, AUTH_ASKED_PROMPTS, AUTH_ASKED_NEW_PASSWORD } kind;
    uint32_t prompts;
    uint32_t round; /* of keyboard-interactive: how often prompts were sent in this dialogue */
    int instance;   /* its place in the chain */
};

struct auth {
    struct auth_request *current; /* being answered; the others wait for it */
    struct auth_request
        *arriving;        /* seen by the tap, until the library's message for it is there */
    struct list requests; /* struct auth_request, in order of arrival */
    uint32_t requests_count;
    struct reactor_timer delay; /* of the current request's failure */
    char *user;                 /* of the first request: it may not change */
    uint32_t key_offers;        /* that were refused */
    uint32_t failures;          /* tries */
    struct factors factors;
    struct sp_grant *grant;       /* what the plugins whose factors count grant, or NULL */
    struct sp_grant *restriction; /* what certificates leave of it, or NULL */
    struct auth_question question;
    bool has_begun; /* a request has been taken up */
    bool service_is_accepted;
};

struct keepalive {
    uint64_t next_ms;
    uint32_t unanswered;
    uint32_t replies_due; /* of requests sent through the tap */
};

struct session {
    struct session_service *service;
    ssh_session ssh;
    ssh_bind bind; /* keys and algorithms; the service's */
    ssh_event event;
    struct reactor_source source;
    struct reactor_task pump_task;
    struct reactor_task reap_task;
    struct reactor_timer timer;
    struct reactor_timer trim_timer;
    ssh_buffer output; /* the library's queue for the socket; see tap_trim() */
    struct connection_origin origin;
    const struct sp_connection *snapshot;
    struct plugin_strands *strands;
    struct ssh_packet_callbacks_struct tap;
    struct ssh_counter_struct socket_counter;
    uint64_t counted_in, counted_out; /* already added to the worker's counters */
    uint64_t started_ms;
    uint64_t active_ms; /* last time anything moved */
    uint64_t heard_ms;  /* last time anything came in */
    uint64_t ending_ms;
    uint64_t rekey_ms;   /* since when keys are being exchanged anew; 0: they are not */
    uint64_t owed_bytes; /* packets of ours since … */
    uint64_t owed_since; /* … that many bytes had gone out */
    enum session_stage stage;
    uint32_t watched; /* REACTOR_* of source */
    uint32_t open_channels;
    size_t looked_at; /* stage SESSION_PROPOSAL: bytes that had come at the last look */
    bool is_plain;    /* nothing but what is sent in the clear has been sent */
    bool is_lingering;
    bool is_pumping;
    bool has_written;  /* channel data, since the last pump */
    bool has_more;     /* something to do before the pump may rest */
    bool messages_due; /* the library may hold messages for us */
    bool is_dead;      /* nothing more may be done with ssh */
    bool is_connected; /* "connected" was told to the plugins */
    bool wants_no_more_sessions;
    struct chain_run *asking;    /* about the connection, the proposal or the service */
    ssh_message service_message; /* the service that is being asked about, or NULL */
    struct auth auth;
    struct keepalive keepalive;
    struct list channels;    /* struct channel */
    struct list closing;     /* struct closing_channel */
    struct list opens;       /* struct channel_open, waiting for an answer */
    struct told_count *told; /* what plugins were told; NULL: nothing yet */
    char end_text[160];      /* why it ended, for the log and the plugins */
    int32_t end_status;
};

/* session.c */
void session_kick(struct session *session); /* pump soon */
/* End in order: the client is told why. text is for the client and the log. */
__attribute__((format(printf, 4, 5))) void session_end(struct session *session, uint32_t reason,
                                                       const char *event, const char *format, ...);
/* End at once, for a fault that the log names. */
void session_break(struct session *session, const char *event, const char *text);
/* End at once: the client is gone, or everything has been said. */
void session_gone(struct session *session, const char *text);
/* Tell the plugins that want to know of a fault that does not end the connection, unless they are
 * far behind; the log has it. */
void session_tell_error(struct session *session, const char *event, const char *text);
/* The same, and log it. */
__attribute__((format(printf, 3, 4))) void session_fault(struct session *session, const char *event,
                                                         const char *format, ...);
/* A step is reached, by its name in struct sp_connection_v1. */
void session_status(struct session *session, const char *step);
/* Something moved on a channel: what counts against idleness. */
void session_note_activity(struct session *session);
void session_note_write(struct session *session); /* channel data went out */
/* The connection is over or about to be: nothing new begins on it. */
static inline bool session_is_over(const struct session *session)
{
    return session->is_dead || session->stage == SESSION_ENDING;
}
/* Queue one packet. What a client that does not read, or does not finish an exchange of keys, makes
 * us queue is bounded. 0 or negative. */
int session_send_packet(struct session *session, const struct buffer *packet);
/* As tap_open(). */
ssh_channel session_open_channel(struct session *session, const char *type, struct sp_str payload,
                                 struct tap_confirmation *ret_confirmation);
/* Begin to exchange keys anew, unless that is under way. */
void session_exchange_keys(struct session *session);
/* Replace the snapshot; connection is the new content. 0 or SP_ERR_NOMEM. */
int session_set_snapshot(struct session *session, const struct sp_connection *connection);
void session_arm_timer(struct session *session);

/* algorithms.c */
/* Those of a list of signature algorithms for which there is one of keys, which end with NULL.
 * malloc()ed; NULL: out of memory. */
char *session_host_key_algorithms(const ssh_key *keys, const char *list);

/* service_request.c */
void service_on_message(struct session *session, ssh_message message);
void service_forget(struct session *session);

/* auth.c */
void auth_init(struct session *session);
void auth_free(struct session *session);
bool auth_on_request_packet(struct session *session, struct wire_reader *payload);
bool auth_on_response_packet(struct session *session, struct wire_reader *payload);
bool auth_on_service_packet(struct session *session, struct wire_reader *payload);
void auth_on_message(struct session *session, ssh_message message);
/* Answer what has come, once the service is accepted. */
void auth_begin(struct session *session);
/* After every message has been taken: a request that was seen but gave no message was swallowed. */
void auth_after_messages(struct session *session);

/* open_toward.c: a plugin's wish for a channel toward the client. */
void open_toward_client(struct session_service *service, struct plugin_instance *by,
                        struct plugin_gate *gate, sp_id connection,
                        const struct sp_channel_open *wish);

/* open.c */
/* How many channels may be open at a time. */
uint32_t open_channels_max(const struct session *session);
bool open_on_packet(struct session *session, struct wire_reader *payload);
void open_on_message(struct session *session, ssh_message message);
void open_cancel_all(struct session *session);

/* channel.c */
struct channel *channel_from_link(struct list *link);
enum {
    CHANNEL_TYPE_MAX = 64, /* bytes of a name in the protocol, RFC 4250, 4.6.1 */
    /* The library's write loop needs room for more than a few bytes a packet, and no client of this
     * world offers less. Every implementation must take 32768 (RFC 4253, 6.1). */
    CHANNEL_PACKET_MIN = 1024,
};
/* reserved: the id of a channel that we open and the client has not confirmed; 0: a new one. */
struct channel *channel_create(struct session *session, ssh_channel ssh, struct sp_str type,
                               const struct tap_confirmation *confirmation, sp_id reserved);
struct channel *channel_by_local(struct session *session, uint32_t local);
struct channel *channel_by_ssh(struct session *session, ssh_channel ssh);
/* Send what can be sent. True if anything went out. */
bool channel_flush(struct channel *channel);
/* Deliver what waits in the library, end what is over. True if anything was done; the channel may
 * be gone then. */
bool channel_settle(struct channel *channel);
/* The connection is gone: tell the handler and free. */
void channel_drop(struct channel *channel);
bool channel_on_data_packet(struct session *session, bool is_extended, struct wire_reader *payload);
/* The client's CLOSE: counts a channel that we had closed first as gone. */
void channel_on_close_packet(struct session *session, struct wire_reader *payload);
void channel_forget_closing(struct session *session);
bool channel_on_window_packet(struct session *session, struct wire_reader *payload);
bool channel_has_handler(const struct channel *channel);
bool channel_is_closing(const struct channel *channel);
bool channel_is_opening(const struct channel *channel);
void channel_notify_signal(struct channel *channel, struct sp_str name);
void channel_notify_break(struct channel *channel, uint32_t milliseconds);
void channel_notify_window_change(struct channel *channel);
const char *channel_type(const struct channel *channel);
/* What runs on it, for listings. */
void channel_set_program(struct channel *channel, uint32_t request, struct sp_str text);
/* The client's answers to channels that we open. */
bool channel_on_confirmation_packet(struct session *session, struct wire_reader *payload);
bool channel_on_refusal_packet(struct session *session, struct wire_reader *payload);
size_t channel_count_opening(const struct session *session);

/* Forget what is queued toward the client, and close. */
void channel_cut(struct channel *channel);

/* channel_id.c: an id that stands for nothing yet, or 0; both on any thread. */
sp_id channel_id_reserve(struct session_service *service);
void channel_id_release(struct session_service *service, sp_id id);
/* 0, or negative for an id that was not reserved. */
int channel_id_bind(struct session_service *service, sp_id id, struct channel *channel);
struct channel *channel_by_id(struct session_service *service, sp_id id);

/* told.c: a plugin is told something, NULL: out of memory; it is through with it. */
struct told_count *told_begin(struct session *session);
void told_end(struct told_count *count);
/* So much waits for plugins that are slow that the client should not cause more. */
bool told_is_behind(const struct session *session);
void told_forget(struct session *session); /* at its end */

/* channel_told.c: plugins that want to know of every channel, and the one that serves it. */
void channel_tell_opened(struct channel *channel, struct sp_str parameters);
/* Those that were told, but for the one that serves it. */
void channel_tell_closed(struct channel *channel);
uint32_t channel_remote(const struct channel *channel);

/* request.c: requests on a channel, answered in order. */
struct channel_requests {
    struct list pending; /* struct channel_request */
    uint32_t count;
    struct chain_run *run;
    bool has_program; /* shell, exec or subsystem was granted or is being asked for */
    struct sp_terminal terminal;
    bool has_terminal;
    struct sp_pair *environment;
    size_t environment_count;
    size_t environment_bytes;
};
void requests_init(struct channel_requests *requests);
void requests_free(struct channel_requests *requests);
struct channel_requests *channel_requests(struct channel *channel);
bool request_on_packet(struct session *session, struct wire_reader *payload);
void request_on_message(struct session *session, ssh_message message);

/* global.c */
bool global_on_packet(struct session *session, struct wire_reader *payload);
bool global_on_reply(struct session *session);
void global_on_message(struct session *session, ssh_message message);
void keepalive_send(struct session *session);

/* plugin_channel.c: a channel that a plugin has taken. */
/* Make instance the channel's handler. 0 or SP_ERR_NOMEM. */
int plugin_channel_start(struct channel *channel, struct plugin_instance *instance);
/* As above, with a gate that is there already and becomes the channel's, even on failure. */
int plugin_channel_adopt(struct channel *channel, struct plugin_instance *instance,
                         struct plugin_gate *gate);
/* A channel that instance wanted to open is refused before it is one: tell. session is NULL if
 * there is no such connection. The gate is closed. */
void plugin_channel_refuse(struct session_service *service, struct session *session,
                           struct plugin_instance *instance, struct plugin_gate *gate,
                           uint32_t reason);
/* Tell the plugin that has taken the channel with its opening; nothing if none has. */
void plugin_channel_opened(struct channel *channel, struct sp_str parameters);
/* The instance that serves the channel, or NULL. ret_info (may be NULL): as channel_info(). */
const struct plugin_instance *plugin_channel_instance(const struct channel *channel,
                                                      struct sp_channel_info *ret_info);
/* The client has been told: the plugin may begin. */
void plugin_channel_started(struct channel *channel);
int32_t plugin_channel_attach(struct channel *channel, const struct sp_channel_streams *streams);
/* Every byte counts against the gate until it is sent. */
int32_t plugin_channel_send(struct channel *channel, uint32_t stream, const void *data,
                            uint64_t length);
void *channel_handler_arg(const struct channel *channel, const struct channel_handler *handler);
/* In service.c */
void session_service_forget(struct session_service *service, struct session *session);

#endif
