/*
 * transaction.c: one use of PAM for one user: authenticate, account, new password, session. Called
 * by auth-pam.c on the host's threads and by dialogue.c on its own; one thread at a time.
 */
#include "auth_pam.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ENVIRONMENT_MOST 64u

struct transaction {
    const struct sp_host *host;
    const struct options *options;
    pam_handle_t *pam;
    char *user; /* as the client said it */
    int status; /* of the last call, for pam_end() */
    bool has_session;
};

/* The host holds back its answers itself; a module's wait would only hold a thread. */
static void no_delay(int status, unsigned usec, void *arg)
{
    (void)status;
    (void)usec;
    (void)arg;
}

/* Once somebody is in, there is nobody to talk to. */
static int no_talk(int count, const struct pam_message **messages, struct pam_response **ret,
                   void *arg)
{
    (void)count;
    (void)messages;
    (void)ret;
    (void)arg;
    return PAM_CONV_ERR;
}

static bool set_items(struct transaction *t, const struct sp_connection *connection)
{
    union {
        void (*function)(int status, unsigned usec, void *arg);
        const void *item;
    } delay = {.function = no_delay};
    const char *from =
        connection && connection->remote_address.len ? connection->remote_address.data : "unknown";
    return (t->status = pam_set_item(t->pam, PAM_RHOST, from)) == PAM_SUCCESS &&
           (t->status = pam_set_item(t->pam, PAM_TTY, t->options->tty)) == PAM_SUCCESS &&
           (t->status = pam_set_item(t->pam, PAM_FAIL_DELAY, delay.item)) == PAM_SUCCESS;
}

static void log_trouble(const struct transaction *t, const char *step)
{
    log_line(t->host, SP_LOG_ERROR,
             "service %s: %s fails: %s; check the service's file (%s) and its modules",
             t->options->service, step, pam_strerror(t->pam, t->status),
             t->options->directory ? t->options->directory : "/etc/pam.d");
}

struct transaction *transaction_new(const struct sp_host *host, const struct options *options,
                                    struct sp_str user, const struct sp_connection *connection,
                                    const struct pam_conv *talk)
{
    struct transaction *t = calloc(1, sizeof *t);
    if (!t) {
        log_line(host, SP_LOG_ERROR, "out of memory");
        return NULL;
    }
    t->host = host;
    t->options = options;
    t->user = strndup(user.data ? user.data : "", (size_t)user.len);
    t->status =
        t->user ? pam_start_confdir(options->service, t->user, talk, options->directory, &t->pam)
                : PAM_BUF_ERR;
    if (t->status != PAM_SUCCESS)
        t->pam = NULL;
    if (t->pam && set_items(t, connection))
        return t;
    log_trouble(t, "pam_start");
    transaction_free(t);
    return NULL;
}

void transaction_free(struct transaction *t)
{
    if (!t)
        return;
    if (t->has_session) {
        t->status = pam_close_session(t->pam, PAM_SILENT);
        if (t->status != PAM_SUCCESS)
            log_trouble(t, "pam_close_session");
        t->status = pam_setcred(t->pam, PAM_DELETE_CRED | PAM_SILENT);
    }
    if (t->pam)
        pam_end(t->pam, t->status);
    free(t->user);
    free(t);
}

static const char *name_in_pam(const struct transaction *t)
{
    const void *name = NULL;
    return pam_get_item(t->pam, PAM_USER, &name) == PAM_SUCCESS && name ? name : "";
}

/* A module may have put another name in place of the client's: what it has judged is then somebody
 * else than whom the host would let in. */
static bool is_same_user(const struct transaction *t)
{
    if (t->options->may_change_user || strcmp(name_in_pam(t), t->user) == 0)
        return true;
    log_line(t->host, SP_LOG_ERROR,
             "service %s: a module has changed the user's name, so the user is refused; see "
             "allow_user_change",
             t->options->service);
    return false;
}

/* Answers about the user are a no; all others are about PAM. */
static enum outcome outcome_of(const struct transaction *t, const char *step)
{
    static const int denials[] = {PAM_AUTH_ERR,     PAM_USER_UNKNOWN,    PAM_MAXTRIES,
                                  PAM_PERM_DENIED,  PAM_ACCT_EXPIRED,    PAM_CRED_INSUFFICIENT,
                                  PAM_CRED_EXPIRED, PAM_CONV_ERR,        PAM_AUTHTOK_ERR,
                                  PAM_TRY_AGAIN,    PAM_AUTHTOK_EXPIRED, PAM_AUTHTOK_RECOVERY_ERR};
    if (t->status == PAM_SUCCESS)
        return OUTCOME_ALLOWED;
    for (size_t i = 0; i < sizeof denials / sizeof *denials; i++)
        if (t->status == denials[i])
            return OUTCOME_DENIED;
    log_trouble(t, step);
    return OUTCOME_FAILED;
}

enum outcome transaction_judge(struct transaction *t)
{
    int flags = t->options->nullok ? 0 : PAM_DISALLOW_NULL_AUTHTOK;
    t->status = pam_authenticate(t->pam, flags);
    enum outcome outcome = outcome_of(t, "pam_authenticate");
    if (outcome != OUTCOME_ALLOWED)
        return outcome;
    if (!is_same_user(t))
        return OUTCOME_DENIED;
    t->status = pam_acct_mgmt(t->pam, flags);
    if (t->status == PAM_NEW_AUTHTOK_REQD)
        outcome = t->options->may_change_password ? OUTCOME_EXPIRED : OUTCOME_DENIED;
    else
        outcome = outcome_of(t, "pam_acct_mgmt");
    return outcome == OUTCOME_DENIED || is_same_user(t) ? outcome : OUTCOME_DENIED;
}

enum outcome transaction_change_password(struct transaction *t)
{
    t->status = pam_chauthtok(t->pam, PAM_CHANGE_EXPIRED_AUTHTOK);
    enum outcome outcome = outcome_of(t, "pam_chauthtok");
    return outcome != OUTCOME_ALLOWED || is_same_user(t) ? outcome : OUTCOME_DENIED;
}

bool transaction_open_session(struct transaction *t)
{
    const struct pam_conv silence = {.conv = no_talk};
    t->status = pam_set_item(t->pam, PAM_CONV, &silence);
    if (t->status == PAM_SUCCESS)
        t->status = pam_setcred(t->pam, PAM_ESTABLISH_CRED | PAM_SILENT);
    if (t->status == PAM_SUCCESS)
        t->status = pam_open_session(t->pam, PAM_SILENT);
    if (t->status == PAM_SUCCESS)
        t->has_session = true;
    else
        log_trouble(t, "pam_open_session");
    return t->has_session;
}

static void add_environment(struct sp_grant *grant, char **variables, struct sp_pair *pairs)
{
    uint64_t count = 0;
    for (; count < grant->environment_count; count++)
        pairs[count] = grant->environment[count];
    for (char **v = variables; v && *v && count < ENVIRONMENT_MOST; v++) {
        char *equals = strchr(*v, '=');
        if (!equals)
            continue;
        pairs[count].name = (struct sp_str){*v, (uint64_t)(equals - *v)};
        pairs[count++].value = sp_str_of(equals + 1);
        *equals = '\0';
    }
    grant->environment = pairs;
    grant->environment_count = count;
}

/* Tell the host: the grant as configured, and what PAM adds to it. */
static int32_t allow(struct transaction *t, const struct sp_auth_event *event, const char *banner,
                     struct sp_grant *grant)
{
    struct sp_grant given = *grant;
    struct sp_auth_reply reply = {
        .head = {sizeof reply, SP_ALLOW}, .grant = &given, .banner = sp_str_of(banner)};
    char **variables = t->options->grants_environment ? pam_getenvlist(t->pam) : NULL;
    struct sp_pair *pairs = calloc(grant->environment_count + ENVIRONMENT_MOST, sizeof *pairs);
    char *name = strdup(name_in_pam(t));
    int32_t verdict = SP_E_NOMEM;
    if (pairs && name) {
        add_environment(&given, variables, pairs);
        if (t->options->grants_system_user)
            given.system_user = sp_str_of(name);
        t->host->complete(t->host, event->head.token, &reply.head);
        verdict = SP_PENDING;
    }
    for (char **v = variables; v && *v; v++)
        free(*v);
    free(variables);
    free(pairs);
    free(name);
    return verdict;
}

int32_t transaction_allow(struct transaction *t, const struct sp_auth_event *event,
                          const char *banner)
{
    char why[GRANT_TEXT_SIZE] = "this user's name cannot be part of a path, or memory is out";
    json_t *json = grant_for_user(t->options->grant, event->user);
    struct sp_grant grant = {0};
    int32_t verdict = json ? grant_parse(json, &grant, why) : SP_E_FAILED;
    if (verdict < 0)
        log_line(t->host, SP_LOG_ERROR, "grant: %s; the user is refused", why);
    else
        verdict = allow(t, event, banner, &grant);
    grant_clear(&grant);
    json_decref(json);
    return verdict;
}
