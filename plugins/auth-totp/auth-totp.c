/*
 * auth-totp.c: the plugin: asks for a one-time code by keyboard-interactive, and judges it.
 *
 * Called on the host's pool ("threading": "connection"): files are read and locked here.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include <sallyport/plugin.h>

#include "auth-totp/totp.h"
#include "common/log.h"

struct auth_totp {
    const struct sp_host *host;
    json_t *config; /* what the texts are in */
    const char *directory;
    const char *prompt;
    struct totp_rules rules;
    int32_t not_enrolled; /* verdict for users without a secret */
};

static int32_t ask(struct auth_totp *self, const struct sp_auth_event *event)
{
    struct sp_prompt prompt = {.text = sp_str_of(self->prompt), .echo = 0};
    struct sp_auth_reply reply = {
        .head = {.struct_size = sizeof reply, .verdict = SP_ASK},
        .prompts_count = 1,
        .prompts = &prompt,
    };
    self->host->complete(self->host, event->head.token, &reply.head);
    return SP_PENDING;
}

static int32_t deny(struct auth_totp *self, const struct sp_auth_event *event, const char *reason)
{
    struct sp_auth_reply reply = {.head = {.struct_size = sizeof reply, .verdict = SP_DENY},
                                  .reason = sp_str_of(reason)};
    self->host->complete(self->host, event->head.token, &reply.head);
    return SP_PENDING;
}

/* What people type: digits, perhaps with a blank between them. */
static struct sp_str tidy(struct sp_str typed, char *room, size_t size)
{
    struct sp_str code = {room, 0};
    for (uint64_t i = 0; i < typed.len && code.len < size; i++)
        if (typed.data[i] != ' ' && typed.data[i] != '-')
            room[code.len++] = typed.data[i];
    return code;
}

static int32_t judge(struct auth_totp *self, const struct sp_auth_event *event,
                     const struct totp *totp)
{
    static const char *const reasons[] = {
        [TOTP_WRONG] = "a wrong code",
        [TOTP_REPLAYED] = "a code that was used before",
        [TOTP_LOCKED] = "too many wrong codes lately",
    };
    char typed[TOTP_DIGITS_MAX + 2]; /* one more, so that longer ones are wrong */
    struct sp_str code = tidy(event->responses[0], typed, sizeof typed);
    const char *why;
    enum totp_outcome outcome = totp_use(self->directory, event->user, totp, code,
                                         self->host->time_ms(self->host), &self->rules, &why);
    OPENSSL_cleanse(typed, sizeof typed);
    if (outcome == TOTP_RIGHT)
        return SP_ALLOW;
    if (outcome != TOTP_FAILED)
        return deny(self, event, reasons[outcome]);
    log_line(self->host, SP_LOG_ERROR, "%s/%.*s.used: %s", self->directory, (int)event->user.len,
             event->user.data, why);
    return SP_E_FAILED;
}

static int32_t keyboard_interactive(void *arg, const struct sp_auth_event *event)
{
    struct auth_totp *self = arg;
    struct totp totp = {0};
    const char *why;

    if (!totp_name_is_sound(event->user))
        return SP_DENY;
    int found = totp_load(self->directory, event->user, &totp, &why);
    int32_t verdict;
    if (found < 0) {
        log_line(self->host, SP_LOG_ERROR, "%s/%.*s.json: %s", self->directory,
                 (int)event->user.len, event->user.data, why);
        verdict = SP_E_FAILED;
    } else if (found == 0 && self->not_enrolled == SP_NEXT) {
        verdict = SP_NEXT;
    } else if (event->round == 0) {
        /* Whoever has no secret is asked too: the question must not tell who has one. */
        verdict = ask(self, event);
    } else if (event->responses_count != 1 || found == 0) {
        verdict = deny(self, event, found ? "not one answer" : "the user is not enrolled");
    } else {
        verdict = judge(self, event, &totp);
    }
    OPENSSL_cleanse(&totp, sizeof totp);
    return verdict;
}

static void destroy(void *arg)
{
    struct auth_totp *self = arg;
    json_decref(self->config);
    free(self);
}

static uint64_t number(const json_t *config, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(config, key));
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct auth_totp *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    self->directory = json_string_value(json_object_get(self->config, "directory"));
    self->prompt = json_string_value(json_object_get(self->config, "prompt"));
    self->rules = (struct totp_rules){
        .window = (uint32_t)number(self->config, "window"),
        .failures_max = (uint32_t)number(self->config, "failures"),
        .failures_span_ms = number(self->config, "failures_span_s") * 1000,
    };
    const char *verdict = json_string_value(json_object_get(self->config, "not_enrolled"));
    self->not_enrolled = verdict && strcmp(verdict, "next") == 0 ? SP_NEXT : SP_DENY;
    if (!self->directory || !self->prompt) {
        destroy(self);
        return SP_E_INVALID;
    }
    *ret_self = self;
    return 0;
}

static const struct sp_auth_v1 auth = {
    .struct_size = sizeof auth,
    .keyboard_interactive = keyboard_interactive,
};

static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "auth-totp",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
