/*
 * talk.c: PAM's messages, and the conversation with somebody who has sent a password and no more.
 * Called by PAM from transaction.c, and by dialogue.c.
 */
#include "auth_pam.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define PASSWORD_PROMPTS_MOST                                                                      \
    6u /* in a change: the current one, the new one, each perhaps again                            \
        */

static void add_info(struct info *info, const char *text)
{
    size_t used = strlen(info->text);
    size_t room = sizeof info->text - used;
    size_t length = strlen(text);
    if (length + 2 > room) /* a text that does not fit whole is not shown */
        return;
    memcpy(info->text + used, text, length);
    memcpy(info->text + used + length, "\n", 2);
}

bool talk_sort(int count, const struct pam_message **messages, struct info *info,
               unsigned *ret_questions)
{
    *ret_questions = 0;
    if (count <= 0 || count > PAM_MAX_NUM_MSG)
        return false;
    for (int i = 0; i < count; i++) {
        const struct pam_message *message = messages[i];
        if (talk_asks(message))
            ++*ret_questions;
        else if (message->msg_style != PAM_TEXT_INFO && message->msg_style != PAM_ERROR_MSG)
            return false;
        else if (message->msg)
            add_info(info, message->msg);
    }
    return *ret_questions <= PROMPTS_MOST;
}

void talk_free_responses(struct pam_response *responses, int count)
{
    for (int i = 0; responses && i < count; i++) {
        if (responses[i].resp)
            OPENSSL_cleanse(responses[i].resp, strlen(responses[i].resp));
        free(responses[i].resp);
    }
    free(responses);
}

/* PAM has no way to say which password a module means but the words of its prompt. A wrong guess
 * makes the change fail. */
static bool means_current(const char *prompt)
{
    return prompt && (strcasestr(prompt, "current") || strcasestr(prompt, "old"));
}

/* The answer to a question, malloc()ed; NULL if there is none: the one that logs in has sent one
 * password, and a second question is about something else. */
static char *answer_to(struct password_talk *talk, const struct pam_message *question)
{
    unsigned most = talk->is_changing ? PASSWORD_PROMPTS_MOST : 1;
    bool is_new = talk->is_changing && !means_current(question->msg);
    struct sp_str answer = is_new ? talk->new_password : talk->password;
    if (question->msg_style != PAM_PROMPT_ECHO_OFF || talk->answered >= most)
        return NULL;
    talk->answered++;
    return strndup(answer.data ? answer.data : "", (size_t)answer.len);
}

static int answer_all(struct password_talk *talk, int count, const struct pam_message **messages,
                      struct pam_response **ret)
{
    unsigned questions;
    if (!talk_sort(count, messages, &talk->info, &questions))
        return PAM_CONV_ERR;
    struct pam_response *responses = calloc((size_t)count, sizeof *responses);
    if (!responses)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        if (!talk_asks(messages[i]))
            continue;
        responses[i].resp = answer_to(talk, messages[i]);
        if (!responses[i].resp) {
            talk_free_responses(responses, count);
            return PAM_CONV_ERR;
        }
    }
    *ret = responses;
    return PAM_SUCCESS;
}

int password_talk(int count, const struct pam_message **messages, struct pam_response **ret,
                  void *arg)
{
    struct password_talk *talk = arg;
    int rc = answer_all(talk, count, messages, ret);
    talk->has_failed |= rc != PAM_SUCCESS;
    return rc;
}
