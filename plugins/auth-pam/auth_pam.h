/*
 * auth_pam.h: what the files of this plugin share.
 *
 * A transaction is one use of PAM for one user. For a password it runs where the host calls. For
 * keyboard-interactive it runs on a thread of its own, a dialogue, since PAM wants the user's
 * answers while it is still being called. A login is a transaction that has said yes, kept for the
 * session.
 */
#ifndef AUTH_PAM_H
#define AUTH_PAM_H

#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "common/grant.h"
#include "common/log.h"

struct json_t;

#define PROMPTS_MOST 16u /* at a time; the host shows no more */
#define ROUNDS_MOST 16u
#define INFO_SIZE 2048u

struct options {
    struct json_t *json; /* of all text below */
    const char *service;
    const char *directory; /* NULL: the system's */
    const char *tty;
    bool nullok;
    bool may_change_user;
    bool may_change_password;
    bool has_session;
    bool grants_system_user;
    bool grants_environment;
    unsigned dialogues_most;
    unsigned logins_most;
    int64_t timeout_ms;
    int64_t dialogue_timeout_ms;
    const struct json_t *grant;
};

/* --- transaction.c: one thread at a time ----------------------------------------------------- */

enum outcome {
    OUTCOME_DENIED,
    OUTCOME_ALLOWED,
    OUTCOME_EXPIRED, /* the password is right, and must be changed */
    OUTCOME_FAILED,  /* of PAM or its modules; the log says why */
};

struct transaction;
/* NULL after a line in the log. talk answers PAM's questions. */
struct transaction *transaction_new(const struct sp_host *host, const struct options *options,
                                    struct sp_str user, const struct sp_connection *connection,
                                    const struct pam_conv *talk);
/* Ends the session, if one was opened. NULL is fine. */
void transaction_free(struct transaction *transaction);
/* Authentication, then the account. */
enum outcome transaction_judge(struct transaction *transaction);
/* A new password, after OUTCOME_EXPIRED. */
enum outcome transaction_change_password(struct transaction *transaction);
bool transaction_open_session(struct transaction *transaction);
/* Let the user in, as host->complete() does, with what the configuration and PAM grant. */
int32_t transaction_allow(struct transaction *transaction, const struct sp_auth_event *event,
                          const char *banner);

/* --- talk.c: what PAM says and asks ---------------------------------------------------------- */

/* Texts without a question, until somebody shows them. Zero-initialised is empty. */
struct info {
    char text[INFO_SIZE];
};
/* Whether PAM's messages are of kinds that can be shown; adds those that ask nothing to info and
 * gives how many ask. */
bool talk_sort(int count, const struct pam_message **messages, struct info *info,
               unsigned *ret_questions);
static inline bool talk_asks(const struct pam_message *message)
{
    return message->msg_style == PAM_PROMPT_ECHO_OFF || message->msg_style == PAM_PROMPT_ECHO_ON;
}
void talk_free_responses(struct pam_response *responses, int count);

/* A conversation with somebody who has sent a password, and perhaps a new one, and says no more. */
struct password_talk {
    struct sp_str password;
    struct sp_str new_password;
    bool is_changing;
    unsigned answered;
    bool has_failed; /* PAM got no answer once: a careless module's yes is no yes */
    struct info info;
};
int password_talk(int count, const struct pam_message **messages, struct pam_response **ret,
                  void *arg);

/* --- dialogue.c: any thread ------------------------------------------------------------------ */

struct dialogue;
struct dialogues;
struct dialogues *dialogues_new(const struct sp_host *host, const struct options *options);
/* Ends all dialogues and waits until their threads are gone. */
void dialogues_free(struct dialogues *dialogues);
/* Begin one for the event's connection. NULL after a line in the log. What this or the next gives
 * must go to dialogue_continue(). */
struct dialogue *dialogue_start(struct dialogues *dialogues, const struct sp_auth_event *event);
/* The one that waits for the event's responses, which it takes. NULL: there is none. */
struct dialogue *dialogue_resume(struct dialogues *dialogues, const struct sp_auth_event *event);
/* Wait for it to ask, or to end, and tell the host. On OUTCOME_ALLOWED *ret_transaction is the
 * caller's, and the host has not been told. */
int32_t dialogue_continue(struct dialogues *dialogues, struct dialogue *dialogue,
                          const struct sp_auth_event *event, struct transaction **ret_transaction,
                          struct info *ret_info);
/* The connection wants no dialogue any more, or is gone. */
void dialogues_abort(struct dialogues *dialogues, sp_id connection);

/* --- login.c: any thread --------------------------------------------------------------------- */

struct logins;
struct logins *logins_new(unsigned most);
void logins_free(struct logins *logins);
/* Takes the transaction over; false if there are too many. One that the connection had is ended. */
bool logins_put(struct logins *logins, sp_id connection, struct transaction *transaction);
/* Takes it out: NULL if there is none. */
struct transaction *logins_take(struct logins *logins, sp_id connection);

#endif
