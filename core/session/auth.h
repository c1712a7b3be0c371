/* auth.h: what the files of authentication share. Reactor thread. */
#ifndef SALLYPORT_SESSION_AUTH_H
#define SALLYPORT_SESSION_AUTH_H

#include "session/internal.h"

enum { AUTH_RESPONSES_MAX = 32 /* of keyboard-interactive, a round */ };

struct auth_request {
    struct list link; /* while it waits, in session->auth.requests */
    struct session *session;
    struct chain_run *run;
    ssh_message message; /* NULL: only to be refused */
    struct auth_seen seen;
    uint32_t method;
    bool is_response; /* to prompts of keyboard-interactive */
};

/* The methods the core speaks, with their names and the library's numbers. Ends with a NULL name.
 */
struct auth_method {
    const char *name;
    uint32_t method;
    int library;
};
extern const struct auth_method auth_methods[];

/* Answer the first request if nothing is under way. */
void auth_answer_next(struct session *session);

/* What an event points to; auth_memory_free() wipes the secrets. */
struct auth_memory;
void auth_memory_free(void *memory);
/* Fill event and its memory from the request, whose user is session->auth.user. NULL: it cannot be
 * read, or memory is out. */
struct auth_memory *auth_event_fill(struct session *session, const struct auth_request *request,
                                    struct sp_auth_event *event);

#endif
