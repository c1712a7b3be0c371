/*
 * auth-pam.c: the plugin: asks PAM about passwords and holds PAM's dialogues, and opens sessions.
 *
 * Called on the host's pool ("threading": "connection"): calls for one connection never overlap.
 * Only PAM_SUCCESS from authentication and from the account lets anybody in.
 */
#include "auth_pam.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct auth_pam {
    const struct sp_host *host;
    struct options options;
    struct dialogues *dialogues;
    struct logins *logins;
};

static sp_id connection_of(const struct sp_event *head)
{
    return head->connection ? head->connection->id : 0;
}

/* PAM has said yes. Takes the transaction over. */
static int32_t let_in(struct auth_pam *self, const struct sp_auth_event *event,
                      struct transaction *transaction, const struct info *info)
{
    sp_id connection = connection_of(&event->head);
    if (self->options.has_session && !logins_put(self->logins, connection, transaction)) {
        log_line(
            self->host, SP_LOG_ERROR,
            "no room for another session, so the user is refused; raise sessions_max, and name "
            "this plugin in chains.connection, or sessions do not end");
        transaction_free(transaction);
        return SP_E_BUSY;
    }
    int32_t verdict = transaction_allow(transaction, event, info->text);
    if (!self->options.has_session)
        transaction_free(transaction);
    else if (verdict != SP_PENDING)
        transaction_free(logins_take(self->logins, connection));
    return verdict;
}

/* --- password -------------------------------------------------------------------------------- */

static bool is_usable(struct sp_str password)
{
    return password.len < PAM_MAX_RESP_SIZE &&
           (password.len == 0 || !memchr(password.data, '\0', (size_t)password.len));
}

static int32_t ask_for_change(struct auth_pam *self, const struct sp_auth_event *event,
                              const struct info *info)
{
    const char *why = info->text[0] ? info->text : "Your password must be changed.";
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ASK}, .instruction = sp_str_of(why)};
    self->host->complete(self->host, event->head.token, &reply.head);
    return SP_PENDING;
}

static int32_t judge_password(struct auth_pam *self, const struct sp_auth_event *event,
                              struct password_talk *talk, struct transaction **transaction)
{
    enum outcome outcome = transaction_judge(*transaction);
    bool wants_change = event->new_password.len > 0;
    if (outcome == OUTCOME_EXPIRED && !wants_change)
        return ask_for_change(self, event, &talk->info);
    if (outcome == OUTCOME_EXPIRED) {
        talk->is_changing = true;
        talk->answered = 0;
        outcome = transaction_change_password(*transaction);
    } else if (wants_change) {
        outcome = OUTCOME_DENIED; /* nobody has asked for a change */
    }
    if (outcome == OUTCOME_FAILED)
        return SP_E_FAILED;
    if (outcome != OUTCOME_ALLOWED || talk->has_failed)
        return SP_DENY;
    struct transaction *allowed = *transaction;
    *transaction = NULL;
    return let_in(self, event, allowed, &talk->info);
}

static int32_t password(void *arg, const struct sp_auth_event *event)
{
    struct auth_pam *self = arg;
    dialogues_abort(self->dialogues, connection_of(&event->head));
    if (event->password.len == 0 && !self->options.nullok)
        return SP_DENY;
    if (!is_usable(event->password) || !is_usable(event->new_password))
        return SP_DENY;
    struct password_talk talk = {.password = event->password, .new_password = event->new_password};
    const struct pam_conv conversation = {password_talk, &talk};
    struct transaction *transaction = transaction_new(self->host, &self->options, event->user,
                                                      event->head.connection, &conversation);
    if (!transaction)
        return SP_E_FAILED;
    int32_t verdict = judge_password(self, event, &talk, &transaction);
    transaction_free(transaction);
    return verdict;
}

/* --- keyboard-interactive -------------------------------------------------------------------- */

static int32_t keyboard_interactive(void *arg, const struct sp_auth_event *event)
{
    struct auth_pam *self = arg;
    struct transaction *transaction = NULL;
    struct info info = {{0}};
    struct dialogue *dialogue;
    if (event->round == 0) {
        dialogues_abort(self->dialogues, connection_of(&event->head));
        dialogue = dialogue_start(self->dialogues, event);
        if (!dialogue)
            return SP_E_FAILED;
    } else {
        dialogue = dialogue_resume(self->dialogues, event);
        if (!dialogue)
            return SP_DENY;
    }
    int32_t verdict = dialogue_continue(self->dialogues, dialogue, event, &transaction, &info);
    return transaction ? let_in(self, event, transaction, &info) : verdict;
}

/* --- sessions -------------------------------------------------------------------------------- */

static int32_t authenticated(void *arg, const struct sp_auth_event *event)
{
    struct auth_pam *self = arg;
    sp_id connection = connection_of(&event->head);
    struct transaction *transaction = logins_take(self->logins, connection);
    if (!transaction)
        return SP_OK; /* another plugin has let the user in */
    if (transaction_open_session(transaction) && logins_put(self->logins, connection, transaction))
        return SP_OK;
    transaction_free(transaction);
    self->host->disconnect(self->host, connection, sp_str_of("the session could not be opened"));
    return SP_OK;
}

static int32_t disconnected(void *arg, const struct sp_connection_event *event)
{
    struct auth_pam *self = arg;
    sp_id connection = connection_of(&event->head);
    dialogues_abort(self->dialogues, connection);
    transaction_free(logins_take(self->logins, connection));
    return SP_OK;
}

/* --- the instance ---------------------------------------------------------------------------- */

static void destroy(void *arg)
{
    struct auth_pam *self = arg;
    dialogues_free(self->dialogues);
    logins_free(self->logins);
    json_decref(self->options.json);
    free(self);
}

static bool flag(const json_t *json, const char *key)
{
    return json_is_true(json_object_get(json, key));
}

static int64_t number(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

/* Without a file of its own a service is judged by "other", which nobody means to be for it. */
static int check_service(const struct sp_host *host, const struct options *options)
{
    static const char *const system[] = {"/etc/pam.d", "/usr/lib/pam.d"};
    const char *const *directories = options->directory ? &options->directory : system;
    size_t count = options->directory ? 1 : sizeof system / sizeof *system;
    for (size_t i = 0; i < count; i++) {
        char *path = NULL;
        bool is_there = asprintf(&path, "%s/%s", directories[i], options->service) >= 0 &&
                        access(path, R_OK) == 0;
        free(path);
        if (is_there)
            return 0;
    }
    log_line(host, SP_LOG_ERROR, "there is no file %s/%s that can be read; write one",
             directories[0], options->service);
    return SP_E_FAILED;
}

/* As it will be for some user, so that a mistake is told at the start. */
static int check_grant(const json_t *object, char *ret_why)
{
    json_t *json = grant_for_user(object, sp_str_of("somebody"));
    struct sp_grant grant = {0};
    snprintf(ret_why, GRANT_TEXT_SIZE, "root and home may hold %%u and %%%%");
    int rc = json ? grant_parse(json, &grant, ret_why) : SP_E_INVALID;
    grant_clear(&grant);
    json_decref(json);
    return rc;
}

static int read_options(const struct sp_host *host, const char *config_json,
                        struct options *options)
{
    json_t *json = json_loads(config_json, 0, NULL);
    const char *directory = json_string_value(json_object_get(json, "config_directory"));
    char why[GRANT_TEXT_SIZE];
    *options = (struct options){
        .json = json,
        .service = json_string_value(json_object_get(json, "service")),
        .tty = json_string_value(json_object_get(json, "tty")),
        .directory = directory && *directory ? directory : NULL,
        .nullok = flag(json, "nullok"),
        .may_change_user = flag(json, "allow_user_change"),
        .may_change_password = flag(json, "change_password"),
        .has_session = flag(json, "session"),
        .grants_system_user = flag(json, "grant_system_user"),
        .grants_environment = flag(json, "grant_environment"),
        .grant = json_object_get(json, "grant"),
        .dialogues_most = (unsigned)number(json, "dialogues_max"),
        .logins_most = (unsigned)number(json, "sessions_max"),
        .timeout_ms = number(json, "timeout_ms"),
        .dialogue_timeout_ms = number(json, "dialogue_timeout_ms"),
    };
    if (!options->service || !options->tty || strchr(options->service, '/')) {
        log_line(host, SP_LOG_ERROR, "service must be the name of a file in /etc/pam.d");
        return SP_E_INVALID;
    }
    int rc = check_grant(options->grant, why);
    if (rc < 0)
        log_line(host, SP_LOG_ERROR, "grant: %s", why);
    return rc < 0 ? rc : check_service(host, options);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct auth_pam *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    int rc = read_options(host, config_json, &self->options);
    if (rc == 0) {
        self->dialogues = dialogues_new(host, &self->options);
        self->logins = logins_new(self->options.logins_most);
        rc = self->dialogues && self->logins ? 0 : SP_E_NOMEM;
    }
    if (rc < 0) {
        destroy(self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

static const struct sp_auth_v1 auth = {
    .struct_size = sizeof auth,
    .password = password,
    .keyboard_interactive = keyboard_interactive,
    .authenticated = authenticated,
};

static const struct sp_connection_v1 connection = {
    .struct_size = sizeof connection,
    .disconnected = disconnected,
};

static const struct sp_interface interfaces[] = {
    {SP_AUTH_INTERFACE, &auth}, {SP_CONNECTION_INTERFACE, &connection}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "auth-pam",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
