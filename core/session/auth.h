/*
 * auth.h: what the files of authentication share. Reactor thread.
 *
 *   auth_input.c     packets and the library's messages become requests in a queue
 *   auth.c           one request at a time: may it be asked about, and of whom
 *   auth_key.c       what the core itself asks of public keys
 *   auth_event.c     what plugins are shown of a request
 *   auth_verdict.c   what follows from a plugin's answer: the only place that lets anybody in
 *   auth_answer.c    what the client is sent, and when
 *   factors.c        which factors have been passed, and which are wanted
 *   grant.c          what several factors grant together
 */
#ifndef SALLYPORT_SESSION_AUTH_H
#define SALLYPORT_SESSION_AUTH_H

#include "session/auth_methods.h"
#include "session/auth_packet.h"
#include "session/internal.h"

enum { AUTH_NOBODY = -1 /* in the place of an instance's place in the chain */ };

struct auth_request {
    struct list link; /* while it waits, in session->auth.requests */
    struct session *session;
    struct chain_run *run;
    ssh_message message; /* NULL: only to be refused */
    struct auth_packet *packet;
    uint64_t taken_up_ms; /* since when it is its turn */
    int asker;            /* of the question that it answers, or AUTH_NOBODY */
    bool is_first;        /* of the connection */
};

/* A key that is shown without proof, to hear whether it would do. */
static inline bool auth_is_offer(const struct auth_request *request)
{
    return request->packet->method == SP_METHOD_PUBLICKEY && !request->packet->has_signature;
}

/* --- auth.c */
/* Answer the first request if nothing is under way. */
void auth_answer_next(struct session *session);
/* The current request is answered: the next one's turn. */
void auth_finish(struct auth_request *request);
/* No try is left: the session has been ended. */
bool auth_has_tries_left(struct session *session);
/* Drop what waits: after success it is ignored (RFC 4252, 5.1). */
void auth_free_waiting(struct auth *auth);
void auth_request_free(struct auth_request *request);

/* --- auth_event.c */
/* The event points into the request's packet: keep a reference as long as plugins have it. */
struct sp_auth_event auth_event(const struct auth_request *request);
/* Tell every instance that offers the operation. key_state as in the event, or 0 for the
 * request's own. */
void auth_tell(const struct auth_request *request, enum plugin_operation operation,
               uint32_t key_state);

/* --- auth_verdict.c */
void auth_on_verdict(void *request, int32_t verdict, const struct sp_reply *reply,
                     const struct plugin_instance *by);

/* --- auth_answer.c: each of the first three answers session->auth.current, whose place no other
 * request can take until it is finished: what is sent may bring more requests in at once. */
/* Refuse, log it, count it, and answer not before its time. by: an instance's name, or "". */
void auth_deny(struct auth_request *request, struct sp_str reason, const char *by);
void auth_answer_partial(struct auth_request *request);
/* Put the plugin's question, which belongs to the instance at place asker. NULL, or why it cannot
 * be put: the request is then not answered. */
const char *auth_ask(struct auth_request *request, const struct sp_auth_reply *reply, int asker);
void auth_send_banner(struct session *session, struct sp_str text);

/* --- auth_key.c: each text says for the log why not; NULL: all is well. */
/* The names of the signatures that go with the algorithms in a list, comma-separated; malloc()ed,
 * NULL: out of memory. */
char *auth_key_signatures(const char *list);
/* By names alone, before anything parses the key. */
const char *auth_key_fault(const struct session *session, struct auth_packet *packet);
/* The key or certificate; fills in what packet says of it. */
const char *auth_key_check(const struct session *session, struct auth_packet *packet);
bool auth_key_digest(const struct auth_packet *packet, uint8_t ret_digest[FACTORS_KEY_SIZE]);
bool auth_key_is_of(const struct auth_packet *packet, ssh_message message);
/* The flags of a hardware key's signature. key_options: as in a plugin's reply. */
const char *auth_key_lacks(const struct auth_packet *packet, uint32_t key_options);

#endif
