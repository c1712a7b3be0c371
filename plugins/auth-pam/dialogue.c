/*
 * dialogue.c: keyboard-interactive: PAM on a thread of its own, for it asks from within a call and
 * wants the answers before it returns.
 *
 * The host's thread starts a dialogue, or hands it the user's answers, and waits until PAM asks
 * again or is done. While the user types, only the dialogue's thread waits. The table holds one
 * dialogue for each connection; a thread that PAM does not give back keeps its place in the count
 * after its dialogue was given up.
 */
#include "auth_pam.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum state {
    STATE_RUNNING, /* PAM works */
    STATE_ASKING,  /* the prompts are for the user */
    STATE_DONE,    /* outcome is set */
};

struct dialogues {
    const struct sp_host *host;
    const struct options *options;
    pthread_mutex_t lock;   /* over all below, and over every dialogue */
    pthread_cond_t changed; /* of any dialogue: there are few */
    struct dialogue *first;
    unsigned threads;
};

struct dialogue {
    struct dialogues *table;
    struct dialogue *next;
    sp_id connection;
    struct transaction *transaction;
    enum state state;
    enum outcome outcome;
    bool is_aborted;
    bool has_failed;     /* PAM got no answer once: a careless module's yes is no yes */
    unsigned references; /* the table's, the thread's, and that of a host's thread that waits */
    unsigned rounds;
    struct info info;
    const struct pam_message **messages; /* while asking: PAM's own */
    int messages_count;
    unsigned questions;
    struct pam_response *responses; /* of messages_count; set once answered */
};

static struct timespec after_ms(int64_t ms)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += ms % 1000 * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

struct dialogues *dialogues_new(const struct sp_host *host, const struct options *options)
{
    struct dialogues *table = calloc(1, sizeof *table);
    pthread_condattr_t attr;
    if (!table)
        return NULL;
    table->host = host;
    table->options = options;
    pthread_mutex_init(&table->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&table->changed, &attr);
    pthread_condattr_destroy(&attr);
    return table;
}

/* The lock is held; given back when a transaction is ended, for modules take their time. */
static void unref(struct dialogue *dialogue)
{
    if (--dialogue->references > 0)
        return;
    pthread_mutex_unlock(&dialogue->table->lock);
    transaction_free(dialogue->transaction);
    pthread_mutex_lock(&dialogue->table->lock);
    free(dialogue);
}

/* The lock is held. Out of the table, whatever its thread still does. */
static void drop(struct dialogue *dialogue)
{
    struct dialogue **link = &dialogue->table->first;
    while (*link && *link != dialogue)
        link = &(*link)->next;
    if (!*link)
        return;
    *link = dialogue->next;
    dialogue->is_aborted = true;
    pthread_cond_broadcast(&dialogue->table->changed);
    unref(dialogue);
}

static struct dialogue *find(struct dialogues *table, sp_id connection)
{
    struct dialogue *dialogue = table->first;
    while (dialogue && dialogue->connection != connection)
        dialogue = dialogue->next;
    return dialogue;
}

void dialogues_abort(struct dialogues *table, sp_id connection)
{
    pthread_mutex_lock(&table->lock);
    struct dialogue *dialogue = find(table, connection);
    if (dialogue)
        drop(dialogue);
    pthread_mutex_unlock(&table->lock);
}

void dialogues_free(struct dialogues *table)
{
    if (!table)
        return;
    pthread_mutex_lock(&table->lock);
    while (table->first)
        drop(table->first);
    while (table->threads > 0)
        pthread_cond_wait(&table->changed, &table->lock);
    pthread_mutex_unlock(&table->lock);
    pthread_cond_destroy(&table->changed);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

/* --- the dialogue's thread ------------------------------------------------------------------- */

/* The lock is held. Let the user be asked, and wait for the answers. */
static int ask_user(struct dialogue *dialogue, int count, const struct pam_message **messages,
                    unsigned questions)
{
    struct dialogues *table = dialogue->table;
    struct timespec deadline = after_ms(table->options->dialogue_timeout_ms);
    int rc = 0;
    if (++dialogue->rounds > ROUNDS_MOST || dialogue->is_aborted)
        return PAM_CONV_ERR;
    dialogue->messages = messages;
    dialogue->messages_count = count;
    dialogue->questions = questions;
    dialogue->state = STATE_ASKING;
    pthread_cond_broadcast(&table->changed);
    while (dialogue->state == STATE_ASKING && !dialogue->is_aborted && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&table->changed, &table->lock, &deadline);
    dialogue->messages = NULL;
    if (dialogue->state == STATE_RUNNING && !dialogue->is_aborted)
        return PAM_SUCCESS;
    dialogue->state = STATE_RUNNING;
    return PAM_CONV_ERR;
}

static int user_talk(int count, const struct pam_message **messages, struct pam_response **ret,
                     void *arg)
{
    struct dialogue *dialogue = arg;
    unsigned questions;
    int rc = PAM_SUCCESS;
    pthread_mutex_lock(&dialogue->table->lock);
    if (!talk_sort(count, messages, &dialogue->info, &questions))
        rc = PAM_CONV_ERR;
    else if (questions)
        rc = ask_user(dialogue, count, messages, questions);
    else if (!(dialogue->responses = calloc((size_t)count, sizeof **ret)))
        rc = PAM_BUF_ERR;
    if (rc == PAM_SUCCESS)
        *ret = dialogue->responses;
    else
        talk_free_responses(dialogue->responses, count);
    dialogue->has_failed |= rc != PAM_SUCCESS;
    dialogue->responses = NULL;
    pthread_mutex_unlock(&dialogue->table->lock);
    return rc;
}

static void *run(void *arg)
{
    struct dialogue *dialogue = arg;
    struct dialogues *table = dialogue->table;
    enum outcome outcome = transaction_judge(dialogue->transaction);
    if (outcome == OUTCOME_EXPIRED)
        outcome = transaction_change_password(dialogue->transaction);
    pthread_mutex_lock(&table->lock);
    dialogue->outcome =
        dialogue->has_failed && outcome == OUTCOME_ALLOWED ? OUTCOME_DENIED : outcome;
    dialogue->state = STATE_DONE;
    if (dialogue->references == 2)
        drop(dialogue); /* nobody waits for the outcome: the user was silent for too long */
    unref(dialogue);
    table->threads--;
    pthread_cond_broadcast(&table->changed);
    pthread_mutex_unlock(&table->lock);
    return NULL;
}

/* --- the host's threads ---------------------------------------------------------------------- */

static bool start_thread(struct dialogue *dialogue)
{
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    bool ok = pthread_create(&thread, &attr, run, dialogue) == 0;
    pthread_attr_destroy(&attr);
    return ok;
}

/* A place for one more thread; false if all are taken. */
static bool reserve(struct dialogues *table)
{
    pthread_mutex_lock(&table->lock);
    bool has_room = table->threads < table->options->dialogues_most;
    table->threads += has_room;
    pthread_mutex_unlock(&table->lock);
    if (!has_room)
        log_line(table->host, SP_LOG_ERROR,
                 "%u dialogues are open, and no more are allowed; raise dialogues_max, or look for "
                 "a module that hangs",
                 table->options->dialogues_most);
    return has_room;
}

struct dialogue *dialogue_start(struct dialogues *table, const struct sp_auth_event *event)
{
    struct dialogue *dialogue = NULL;
    if (!reserve(table))
        return NULL;
    dialogue = calloc(1, sizeof *dialogue);
    if (dialogue) {
        const struct pam_conv talk = {user_talk, dialogue};
        dialogue->table = table;
        dialogue->references = 3;
        dialogue->connection = event->head.connection ? event->head.connection->id : 0;
        dialogue->transaction = transaction_new(table->host, table->options, event->user,
                                                event->head.connection, &talk);
    }
    pthread_mutex_lock(&table->lock);
    if (dialogue && dialogue->transaction && start_thread(dialogue)) {
        dialogue->next = table->first;
        table->first = dialogue;
        pthread_mutex_unlock(&table->lock);
        return dialogue;
    }
    table->threads--;
    pthread_mutex_unlock(&table->lock);
    if (dialogue)
        transaction_free(dialogue->transaction);
    free(dialogue);
    return NULL;
}

/* The lock is held. The user's answers in the places of the questions; false if memory is out or an
 * answer is no text. */
static bool take_responses(struct dialogue *dialogue, const struct sp_auth_event *event)
{
    struct pam_response *responses = calloc((size_t)dialogue->messages_count, sizeof *responses);
    const struct sp_str *next = event->responses;
    for (int i = 0; responses && i < dialogue->messages_count; i++) {
        if (!talk_asks(dialogue->messages[i]))
            continue;
        bool is_text = next->len < PAM_MAX_RESP_SIZE &&
                       (next->len == 0 || !memchr(next->data, '\0', (size_t)next->len));
        if (is_text)
            responses[i].resp = strndup(next->data ? next->data : "", (size_t)next->len);
        next++;
        if (!responses[i].resp) {
            talk_free_responses(responses, dialogue->messages_count);
            return false;
        }
    }
    dialogue->responses = responses;
    return responses != NULL;
}

struct dialogue *dialogue_resume(struct dialogues *table, const struct sp_auth_event *event)
{
    sp_id connection = event->head.connection ? event->head.connection->id : 0;
    pthread_mutex_lock(&table->lock);
    struct dialogue *dialogue = find(table, connection);
    if (dialogue &&
        (dialogue->state != STATE_ASKING || event->responses_count != dialogue->questions ||
         !take_responses(dialogue, event))) {
        drop(dialogue);
        dialogue = NULL;
    }
    if (dialogue) {
        dialogue->references++;
        dialogue->state = STATE_RUNNING;
        pthread_cond_broadcast(&table->changed);
    }
    pthread_mutex_unlock(&table->lock);
    return dialogue;
}

/* The lock is held, so PAM's messages stay. */
static int32_t tell_prompts(struct dialogue *dialogue, const struct sp_auth_event *event)
{
    struct sp_prompt prompts[PROMPTS_MOST] = {0};
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ASK},
                                  .prompts = prompts,
                                  .instruction = sp_str_of(dialogue->info.text)};
    for (int i = 0; i < dialogue->messages_count; i++) {
        const struct pam_message *message = dialogue->messages[i];
        if (!talk_asks(message))
            continue;
        prompts[reply.prompts_count++] =
            (struct sp_prompt){.text = sp_str_of(message->msg ? message->msg : ""),
                               .echo = message->msg_style == PAM_PROMPT_ECHO_ON};
    }
    dialogue->table->host->complete(dialogue->table->host, event->head.token, &reply.head);
    dialogue->info.text[0] = '\0';
    return SP_PENDING;
}

int32_t dialogue_continue(struct dialogues *table, struct dialogue *dialogue,
                          const struct sp_auth_event *event, struct transaction **ret_transaction,
                          struct info *ret_info)
{
    struct timespec deadline = after_ms(table->options->timeout_ms);
    int32_t verdict = SP_DENY;
    int rc = 0;
    *ret_transaction = NULL;
    pthread_mutex_lock(&table->lock);
    while (dialogue->state == STATE_RUNNING && !dialogue->is_aborted && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&table->changed, &table->lock, &deadline);
    if (dialogue->state == STATE_ASKING && !dialogue->is_aborted) {
        verdict = tell_prompts(dialogue, event);
    } else {
        if (dialogue->state == STATE_RUNNING)
            verdict = SP_E_TIMEOUT;
        else if (dialogue->outcome == OUTCOME_FAILED)
            verdict = SP_E_FAILED;
        else if (dialogue->outcome == OUTCOME_ALLOWED && !dialogue->is_aborted) {
            *ret_transaction = dialogue->transaction;
            *ret_info = dialogue->info;
            dialogue->transaction = NULL;
        }
        drop(dialogue);
    }
    unref(dialogue);
    pthread_mutex_unlock(&table->lock);
    if (verdict == SP_E_TIMEOUT)
        log_line(table->host, SP_LOG_ERROR,
                 "service %s: no answer from PAM in time, so the user is refused; look for the "
                 "module that is slow, or raise timeout_ms",
                 table->options->service);
    return verdict;
}
