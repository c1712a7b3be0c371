/*
 * judge: no misbehaviour of its own: an auth backend that says what its configuration tells it to,
 * and writes down what it was asked. For factors, grants, changes of password and hardware keys.
 *
 *   secret        the right password, and the right answer to its one prompt
 *   old_secret    a password that is right but must be changed
 *   keys          true: any key will do
 *   none          true: users need no proof
 *   verdict       "partial": what is right is answered with SP_PARTIAL
 *   methods       of its replies
 *   key_options   of its replies
 *   permit, command, attribute   what it grants, if permit is there
 *   prompts, prompt_bytes        of its question; 1 and few
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

struct judge {
    const struct sp_host *host;
    json_t *config;
};

static bool is_set(const struct judge *self, const char *key)
{
    return json_is_true(json_object_get(self->config, key));
}

static uint32_t number(const struct judge *self, const char *key)
{
    return (uint32_t)json_integer_value(json_object_get(self->config, key));
}

static const char *text(const struct judge *self, const char *key)
{
    return json_string_value(json_object_get(self->config, key));
}

static bool is_right(const struct judge *self, const char *key, struct sp_str given)
{
    const char *expected = text(self, key);
    return expected && given.len == strlen(expected) &&
           memcmp(given.data, expected, given.len) == 0;
}

static void note(const struct judge *self, const char *operation, const struct sp_auth_event *event)
{
    char line[512];
    snprintf(line, sizeof line,
             "asked %s user=%s service=%s attempt=%u done=%u state=%u flags=%u type=%s "
             "algorithm=%s fingerprint=%s certificate=%s trusted=%u round=%u submethods=%s "
             "responses=%llu",
             operation, event->user.data, event->service.data, event->attempt, event->methods_done,
             event->key_state, event->key_flags, event->key_type.len ? event->key_type.data : "-",
             event->signature_algorithm.len ? event->signature_algorithm.data : "-",
             event->key_fingerprint.len ? event->key_fingerprint.data : "-",
             event->certificate ? event->certificate->key_id.data : "-",
             event->certificate ? event->certificate->trusted : 0, event->round,
             event->submethods.len ? event->submethods.data : "-",
             (unsigned long long)event->responses_count);
    self->host->log(self->host, SP_LOG_INFO, sp_str_of(line));
}

static int32_t answer(const struct judge *self, const struct sp_auth_event *event, int32_t verdict,
                      struct sp_auth_reply *reply)
{
    reply->head = (struct sp_reply){sizeof *reply, verdict};
    reply->methods = number(self, "methods");
    reply->key_options = number(self, "key_options");
    self->host->complete(self->host, event->head.token, &reply->head);
    return SP_PENDING;
}

static int32_t yes(const struct judge *self, const struct sp_auth_event *event)
{
    const char *verdict = text(self, "verdict");
    struct sp_pair attribute = {sp_str_of("from"), sp_str_of(text(self, "attribute"))};
    struct sp_grant grant = {.struct_size = sizeof grant, .permit = number(self, "permit")};
    struct sp_auth_reply reply = {.reason = sp_str_of("as told")};
    grant.forced_command = sp_str_of(text(self, "command"));
    grant.attributes = &attribute;
    grant.attributes_count = text(self, "attribute") ? 1 : 0;
    if (json_object_get(self->config, "permit"))
        reply.grant = &grant;
    return answer(self, event, verdict && strcmp(verdict, "partial") == 0 ? SP_PARTIAL : SP_ALLOW,
                  &reply);
}

static int32_t no(const struct judge *self, const struct sp_auth_event *event)
{
    struct sp_auth_reply reply = {.reason = sp_str_of("wrong")};
    return answer(self, event, SP_DENY, &reply);
}

static int32_t none(void *arg, const struct sp_auth_event *event)
{
    note(arg, "none", event);
    return is_set(arg, "none") ? yes(arg, event) : SP_NEXT;
}

static int32_t password(void *arg, const struct sp_auth_event *event)
{
    struct sp_auth_reply ask = {.instruction = sp_str_of("Your password is too old.")};
    note(arg, event->new_password.len ? "password change" : "password", event);
    if (!text(arg, "secret") && !text(arg, "old_secret"))
        return SP_NEXT;
    if (is_right(arg, "secret", event->password))
        return yes(arg, event);
    if (!is_right(arg, "old_secret", event->password))
        return no(arg, event);
    if (event->new_password.len >= 8)
        return yes(arg, event);
    if (event->new_password.len)
        ask.instruction = sp_str_of("Too short.");
    return answer(arg, event, SP_ASK, &ask);
}

static int32_t publickey(void *arg, const struct sp_auth_event *event)
{
    note(arg, "publickey", event);
    return is_set(arg, "keys") ? yes(arg, event) : SP_NEXT;
}

static int32_t key_checked(void *arg, const struct sp_auth_event *event)
{
    note(arg, "key_checked", event);
    return SP_ALLOW; /* which lets nobody in */
}

static int32_t ask(const struct judge *self, const struct sp_auth_event *event)
{
    static char filler[60000];
    struct sp_prompt prompts[16] = {{.text = sp_str_of("code: ")}};
    struct sp_auth_reply reply = {.prompts = prompts, .prompts_count = 1};
    uint32_t bytes = number(self, "prompt_bytes");
    if (json_object_get(self->config, "prompts"))
        reply.prompts_count = number(self, "prompts");
    if (bytes >= sizeof filler)
        bytes = sizeof filler - 1;
    memset(filler, 'x', bytes);
    filler[bytes] = '\0';
    reply.instruction = (struct sp_str){filler, bytes};
    return answer(self, event, SP_ASK, &reply);
}

static int32_t keyboard_interactive(void *arg, const struct sp_auth_event *event)
{
    const struct judge *self = arg;
    note(self, "keyboard-interactive", event);
    if (!text(self, "secret"))
        return SP_NEXT;
    if (event->round == 0)
        return ask(self, event);
    if (json_object_get(self->config, "prompts") && number(self, "prompts") == 0)
        return event->responses_count == 0 ? yes(self, event) : no(self, event);
    return event->responses_count == 1 && is_right(self, "secret", event->responses[0])
               ? yes(self, event)
               : no(self, event);
}

static int32_t authenticated(void *arg, const struct sp_auth_event *event)
{
    note(arg, "authenticated", event);
    return SP_ALLOW;
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct judge *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    *ret_self = self;
    return 0;
}

static void destroy(void *arg)
{
    struct judge *self = arg;
    json_decref(self->config);
    free(self);
}

static const struct sp_auth_v1 auth = {
    .struct_size = sizeof auth,
    .none = none,
    .password = password,
    .publickey = publickey,
    .keyboard_interactive = keyboard_interactive,
    .authenticated = authenticated,
    .key_checked = key_checked,
};
static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = FAULT_ID,
    .version = "1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
