/*
 * handshake.c: from the first byte to the first keys. What the client says in the clear is looked
 * at before it is answered; configuration and plugins decide whether it is. Called by session.c and
 * session_pump.c; reactor thread.
 *
 * There are two ways to see it. Where a plugin wants to be asked, or where there is no tap, what
 * has come is looked at in the socket, and nothing is taken out of it before all is decided: a
 * plugin may take its time. Else the tap shows the proposal just before the library takes it up.
 * The library has sent ours by then, which answers nothing and saves the client a round trip.
 */
#include "session/session_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/log.h"
#include "session/binds.h"
#include "session/proposal.h"

/* More than any client sends before it has heard anything from us. */
enum { UNASKED_BYTES = 32 * 1024 };

/* --- what is decided ------------------------------------------------------------------------- */

static bool is_like_one_of(const struct config_patterns *patterns, struct sp_str text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (glob_matches(patterns->items[i], text))
            return true;
    return false;
}

/* False: the session has been ended. */
static bool version_is_served(struct session *session)
{
    const struct config_client_versions *lists = &session->service->config->client_versions;
    struct sp_str version = session->snapshot->client_version;

    if (!is_like_one_of(&lists->deny, version) &&
        (lists->allow.count == 0 || is_like_one_of(&lists->allow, version)))
        return true;
    session_end(session, DISCONNECT_VERSION_NOT_SUPPORTED, "connection.version_refused",
                "SSH clients of version %.80s are not served here", version.data);
    return false;
}

/* Likewise. */
static bool strictness_is_kept(struct session *session)
{
    const struct session_service *service = session->service;
    const struct config_algorithms *ours = &service->config->algorithms;
    const struct sp_proposal *theirs = session->snapshot->proposal;
    struct sp_str weak = {"", 0};

    if (theirs->strict_kex || ours->strict_kex < CONFIG_STRICT_KEX_SAFE)
        return true;
    if (ours->strict_kex == CONFIG_STRICT_KEX_REQUIRED) {
        session_end(session, DISCONNECT_KEY_EXCHANGE_FAILED, "connection.not_strict",
                    "strict key exchange is required; update your SSH client");
        return false;
    }
    weak = proposal_weak(theirs->ciphers_in, theirs->macs_in, binds_ciphers(service->binds),
                         ours->macs);
    if (weak.len == 0)
        weak = proposal_weak(theirs->ciphers_out, theirs->macs_out, binds_ciphers(service->binds),
                             ours->macs);
    if (weak.len == 0)
        return true;
    session_end(session, DISCONNECT_KEY_EXCHANGE_FAILED, "connection.not_strict",
                "%.*s is not safe without strict key exchange; update your SSH client",
                (int)weak.len, weak.data);
    return false;
}

/* Keep what the client has said, and hold it against the configuration. False: the session is over.
 */
static bool take_proposal(struct session *session, struct sp_str version,
                          struct wire_reader *payload)
{
    struct sp_connection connection = *session->snapshot;
    struct proposal proposal;
    int rc = proposal_read(payload, &proposal);

    connection.client_version = version;
    connection.strict_kex = proposal.lists.strict_kex;
    connection.proposal = &proposal.lists;
    if (rc == 0)
        rc = session_set_snapshot(session, &connection);
    proposal_release(&proposal);
    if (rc == SP_ERR_NOMEM) {
        session_break(session, "connection.failed", "out of memory");
        return false;
    }
    if (rc < 0) {
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "connection.malformed_proposal",
                    rc == SP_ERR_LIMIT ? "the key exchange proposal is too long"
                                       : "the key exchange proposal is malformed");
        return false;
    }
    session_status(session, "version");
    return version_is_served(session) && strictness_is_kept(session);
}

/* --- through the tap ------------------------------------------------------------------------- */

bool handshake_on_kexinit(struct session *session, struct wire_reader *payload)
{
    if (session->stage != SESSION_HANDSHAKE || !session->is_plain)
        return false;
    if (!session->snapshot->proposal) {
        struct sp_str version = session_text(ssh_get_clientbanner(session->ssh));
        if (!proposal_is_version(version))
            session_end(session, DISCONNECT_PROTOCOL_ERROR, "connection.malformed_proposal",
                        "the version string has characters that may not be in it");
        else if (take_proposal(session, version, payload))
            session_status(session, "kex");
    }
    session->is_plain = false;
    return session_is_over(session);
}

/* --- in the socket --------------------------------------------------------------------------- */

static void go_on(struct session *session)
{
    session_wait_for(session, 1);
    session->stage = SESSION_HANDSHAKE;
    session_status(session, "kex");
    session_pump(session);
}

static void on_judged(void *owner, int32_t verdict, const struct sp_reply *reply,
                      const struct plugin_instance *by)
{
    struct session *session = owner;
    const struct sp_connection_reply *answer = (const struct sp_connection_reply *)reply;
    bool has_text = answer && answer->text.len > 0;

    if (session_is_over(session))
        return;
    if (verdict == SP_ALLOW || verdict == SP_NEXT) {
        go_on(session);
        return;
    }
    log_info("connection.refused", LOG_U64("conn", session->origin.id),
             LOG_TEXT("remote", session->origin.remote_address),
             LOG_TEXT("plugin", by ? plugin_instance_name(by) : ""),
             LOG_STR("client", session->snapshot->client_version));
    session_end(session, DISCONNECT_BY_APPLICATION, "connection.proposal_refused", "%s",
                has_text ? answer->text.data : "refused");
}

static void ask_plugins(struct session *session, size_t held)
{
    struct sp_connection_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .text = sp_str_of(""),
        .name = sp_str_of(""),
    };

    /* Meanwhile readable means: the client has gone, or does not wait for an answer. */
    session_wait_for(session, held + UNASKED_BYTES);
    chain_start(&session->asking, &session->service->connection_chain, PLUGIN_CONNECTION_proposal,
                &event.head, session->strands, on_judged, session, free, NULL);
}

/* What never becomes a proposal. */
static void give_up(struct session *session, const struct proposal_hello *hello, int rc)
{
    if (rc == SP_ERR_CLOSED)
        session_break(session, "connection.handshake_failed", "the client takes its leave");
    else if (hello->version.len == 0) /* it speaks something else */
        session_break(session, "connection.handshake_failed", "no SSH version string");
    else
        session_end(session, DISCONNECT_PROTOCOL_ERROR, "connection.malformed_proposal",
                    rc == SP_ERR_LIMIT ? "the key exchange proposal is too long"
                                       : "the key exchange does not begin with a proposal");
}

static void look(struct session *session, bool is_woken)
{
    char *bytes = session->service->hello;
    struct proposal_hello hello;
    struct wire_reader payload;
    ssize_t got = recv(session->source.fd, bytes, PROPOSAL_BYTES_MAX, MSG_PEEK | MSG_DONTWAIT);
    size_t length = got > 0 ? (size_t)got : 0;
    int rc;

    /* Readable with nothing new: what was waited for will not come. */
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR) ||
        (got > 0 && is_woken && length <= session->looked_at)) {
        session_break(session, "connection.handshake_failed", "the client has gone");
        return;
    }
    session->looked_at = length;
    rc = proposal_find(bytes, length, &hello);
    if (rc == SP_ERR_AGAIN) {
        session_wait_for(session, hello.needed);
        return;
    }
    wire_reader_init(&payload, hello.payload.data, (size_t)hello.payload.len);
    if (rc < 0)
        give_up(session, &hello, rc);
    else if (take_proposal(session, hello.version, &payload))
        ask_plugins(session, length);
}

void handshake_on_ready(struct session *session)
{
    if (session->asking)
        session_break(session, "connection.handshake_failed",
                      "the client has gone, or does not wait for an answer");
    else
        look(session, true);
}

/* --- begin and end --------------------------------------------------------------------------- */

static bool set_up(struct session *session)
{
    struct session_service *service = session->service;
    int fd = session->source.fd;
    uint64_t rekey_bytes = service->config->rekey.bytes;
    uint32_t rekey_seconds = (uint32_t)(service->config->rekey.after_ms / 1000);

    session->ssh = ssh_new();
    if (!session->ssh) {
        session_break(session, "connection.failed", "out of memory");
        return false;
    }
    ssh_set_blocking(session->ssh, 0);
    if (rekey_bytes)
        ssh_options_set(session->ssh, SSH_OPTIONS_REKEY_DATA, &rekey_bytes);
    if (rekey_seconds)
        ssh_options_set(session->ssh, SSH_OPTIONS_REKEY_TIME, &rekey_seconds);
    ssh_options_set(session->ssh, SSH_OPTIONS_COMPRESSION, service->config->algorithms.compression);
    if (ssh_bind_accept_fd(session->bind, session->ssh, fd) != SSH_OK) {
        const char *error = ssh_get_error(session->bind);
        /* After some failures the descriptor is the library's, after others still ours. */
        if (ssh_get_fd(session->ssh) != fd) {
            ssh_free(session->ssh);
            session->ssh = NULL;
        }
        session_break(session, "connection.failed", error);
        return false;
    }
    ssh_set_counters(session->ssh, &session->socket_counter, NULL);
    ssh_set_auth_methods(session->ssh, SSH_AUTH_METHOD_PASSWORD);
    tap_attach(session, &session->tap, session->ssh);
    return true;
}

void handshake_start(struct session *session)
{
    struct session_service *service = session->service;
    bool holds = service->holds_proposals;

    session->stage = SESSION_HANDSHAKE;
    if (!set_up(session))
        return;
    /* The first call sends the version string and makes what the event needs. It reads as well if
     * there is anything to read, which may be all of the client's proposal. */
    session->is_plain = true;
    if (holds)
        session_wait_for(session, UNASKED_BYTES);
    if (ssh_handle_key_exchange(session->ssh) == SSH_ERROR) {
        session_note_broken(session);
        return;
    }
    if (session->is_dead)
        return;
    if (holds && session->socket_counter.in_bytes > 0) {
        session_break(session, "connection.handshake_failed", "too much data at once");
        return;
    }
    session->event = ssh_event_new();
    if (!session->event || ssh_event_add_session(session->event, session->ssh) != SSH_OK) {
        session_break(session, "connection.failed", "out of memory");
        return;
    }
    session->watched = REACTOR_READ;
    if (reactor_watch(service->reactor, &session->source, session->watched) < 0) {
        session_break(session, "connection.failed", strerror(errno));
        return;
    }
    if (holds) {
        session->stage = SESSION_PROPOSAL;
        look(session, false);
    } else {
        session_pump(session);
    }
}

/* "" for a cipher that authenticates by itself: the library names that in place of a MAC. */
static struct sp_str mac_text(const char *name)
{
    return session_text(name && strncmp(name, "aead-", 5) != 0 ? name : "");
}

/* The names of what was agreed on. The library tells some; others follow from the two proposals by
 * the same rule that it keeps to (RFC 4253, 7.1). */
static void set_agreed(const struct session *session, struct sp_connection *connection)
{
    const struct session_service *service = session->service;
    const struct sp_proposal *theirs = connection->proposal;
    const char *compression = service->config->algorithms.compression;

    connection->kex = session_text(ssh_get_kex_algo(session->ssh));
    connection->cipher_in = session_text(ssh_get_cipher_in(session->ssh));
    connection->cipher_out = session_text(ssh_get_cipher_out(session->ssh));
    connection->mac_in = mac_text(ssh_get_hmac_in(session->ssh));
    connection->mac_out = mac_text(ssh_get_hmac_out(session->ssh));
    connection->compression_in = proposal_agree(theirs->compression_in, compression);
    connection->compression_out = proposal_agree(theirs->compression_out, compression);
    connection->host_key_algorithm =
        proposal_agree(theirs->host_keys, binds_signers(service->binds, session->bind));
}

void handshake_done(struct session *session)
{
    struct sp_connection connection = *session->snapshot;
    const struct sp_connection *agreed;

    if (!connection.proposal) { /* whatever the library does, nobody comes in unjudged */
        session_break(session, "connection.failed", "keys without a proposal that was looked at");
        return;
    }
    set_agreed(session, &connection);
    if (session_set_snapshot(session, &connection) < 0) {
        session_break(session, "connection.failed", "out of memory");
        return;
    }
    agreed = session->snapshot;
    session->stage = SESSION_AUTHENTICATING;
    session->messages_due = true;
    session->is_connected = true;
    counter_add(&session->service->counters->handshakes, 1);
    log_info("connection.established", LOG_U64("conn", session->origin.id),
             LOG_STR("client", agreed->client_version), LOG_STR("kex", agreed->kex),
             LOG_STR("cipher_in", agreed->cipher_in), LOG_STR("cipher_out", agreed->cipher_out),
             LOG_U64("strict", agreed->strict_kex), LOG_STR("hassh", agreed->proposal->hassh));
    session_status(session, "kex-done");
    session_tell(session, PLUGIN_CONNECTION_connected, 0, "", "");
    session_arm_timer(session);
}
