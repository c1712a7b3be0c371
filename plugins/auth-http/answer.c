/*
 * answer.c: the service's answer, from JSON to a reply. Called by auth-http.c, any thread.
 *
 * Strict: a key that is not known, a value of another type or an answer that does not fit the
 * question is a failure. A misspelt "grant" must not leave a user with more than was meant.
 */
#include "auth_http.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static int bad(char *ret_why, const char *key, const char *what)
{
    snprintf(ret_why, WHY_SIZE, "the answer's \"%.40s\" %s", key, what);
    return SP_E_FAILED;
}

static int take_result(struct answer *answer, const json_t *value, char *ret_why)
{
    static const struct {
        const char *word;
        int32_t verdict;
    } results[] = {{"allow", SP_ALLOW},
                   {"deny", SP_DENY},
                   {"next", SP_NEXT},
                   {"partial", SP_PARTIAL},
                   {"ask", SP_ASK}};
    const char *word = json_string_value(value);
    for (size_t i = 0; word && i < sizeof results / sizeof *results; i++) {
        if (strcmp(results[i].word, word) == 0) {
            answer->reply.head.verdict = results[i].verdict;
            return 0;
        }
    }
    return bad(ret_why, "result", "must be allow, deny, next, partial or ask");
}

static int take_grant(struct answer *answer, const json_t *value, char *ret_why)
{
    char text[GRANT_TEXT_SIZE];
    int rc = grant_parse(value, &answer->grant, text);
    if (rc < 0) {
        snprintf(ret_why, WHY_SIZE, "the answer's \"grant\": %s", text);
        return rc;
    }
    answer->reply.grant = &answer->grant;
    return 0;
}

static int take_methods(struct answer *answer, const json_t *value, char *ret_why)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_array_get(value, i));
        uint32_t method = name ? method_by_name(name) : 0;
        if (!method)
            return bad(ret_why, "methods", "may hold password, publickey and keyboard-interactive");
        answer->reply.methods |= method;
    }
    if (json_is_array(value) && answer->reply.methods)
        return 0;
    return bad(ret_why, "methods", "must be a list of at least one method");
}

static int take_prompts(struct answer *answer, const json_t *value, char *ret_why)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value) || count > PROMPTS_MOST)
        return bad(ret_why, "prompts", "must be a list of at most 16");
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        const json_t *text = json_object_get(item, "text");
        const json_t *echo = json_object_get(item, "echo");
        if (!json_is_string(text) || (echo && !json_is_boolean(echo)) ||
            json_object_size(item) != (echo ? 2 : 1))
            return bad(ret_why, "prompts", "must be like {\"text\": \"Code: \", \"echo\": false}");
        answer->prompts[i].text =
            (struct sp_str){json_string_value(text), json_string_length(text)};
        answer->prompts[i].echo = json_is_true(echo);
    }
    answer->reply.prompts = answer->prompts;
    answer->reply.prompts_count = (uint32_t)count;
    return 0;
}

static int take_key_options(struct answer *answer, const json_t *value, char *ret_why)
{
    if (!json_is_array(value))
        return bad(ret_why, "key_options", "must be a list");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *word = json_string_value(json_array_get(value, i));
        if (word && strcmp(word, "touch-not-required") == 0)
            answer->reply.key_options |= SP_KEY_TOUCH_NOT_REQUIRED;
        else if (word && strcmp(word, "verify-required") == 0)
            answer->reply.key_options |= SP_KEY_VERIFY_REQUIRED;
        else
            return bad(ret_why, "key_options", "may hold touch-not-required and verify-required");
    }
    return 0;
}

static int take_member(struct answer *answer, const char *key, const json_t *value, char *ret_why)
{
    static const struct {
        const char *key;
        int (*take)(struct answer *answer, const json_t *value, char *ret_why);
    } members[] = {{"result", take_result},
                   {"grant", take_grant},
                   {"methods", take_methods},
                   {"prompts", take_prompts},
                   {"key_options", take_key_options}};
    struct sp_auth_reply *reply = &answer->reply;
    const struct {
        const char *key;
        struct sp_str *field;
    } texts[] = {{"banner", &reply->banner},
                 {"reason", &reply->reason},
                 {"name", &reply->name},
                 {"instruction", &reply->instruction}};

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].key, key) == 0)
            return members[i].take(answer, value, ret_why);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(texts[i].key, key) != 0)
            continue;
        if (!json_is_string(value))
            return bad(ret_why, key, "must be text");
        *texts[i].field = (struct sp_str){json_string_value(value), json_string_length(value)};
        return 0;
    }
    return bad(ret_why, key, "is not known; is it misspelt?");
}

/* Whether the answer is one to the question. */
static int check_fit(const struct answer *answer, const struct sp_auth_event *event, char *ret_why)
{
    int32_t verdict = answer->reply.head.verdict;
    bool is_dialogue = event->method == SP_METHOD_KEYBOARD_INTERACTIVE;
    if (!json_object_get(answer->json, "result"))
        return bad(ret_why, "result", "is missing");
    if (verdict == SP_ASK && !is_dialogue && event->method != SP_METHOD_PASSWORD)
        return bad(ret_why, "result", "is \"ask\", which this method cannot do");
    if (verdict == SP_ASK && is_dialogue && !answer->reply.prompts)
        return bad(ret_why, "prompts", "is missing");
    return 0;
}

int answer_read(const struct text *text, const struct sp_auth_event *event,
                struct answer *ret_answer, char *ret_why)
{
    json_error_t error;
    const char *key;
    json_t *value;

    *ret_answer = (struct answer){.reply.head = {sizeof ret_answer->reply, SP_DENY}};
    ret_answer->json =
        json_loadb(text->data ? text->data : "", text->length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(ret_answer->json)) {
        snprintf(ret_why, WHY_SIZE, "the answer is not a JSON object%s%s",
                 ret_answer->json ? "" : ": ", ret_answer->json ? "" : error.text);
        return SP_E_FAILED;
    }
    json_object_foreach(ret_answer->json, key, value)
    {
        int rc = take_member(ret_answer, key, value, ret_why);
        if (rc < 0)
            return rc;
    }
    return check_fit(ret_answer, event, ret_why);
}

void answer_clear(struct answer *answer)
{
    grant_clear(&answer->grant);
    json_decref(answer->json);
}
