/* last_words.c: keeps what dying processes say. Called by worker_life.c and hosts.c. Supervisor's
 * thread. */
#include "supervisor/last_words.h"

#include <string.h>
#include <sys/wait.h>

/* The link has seen to it that each text ends within its field. */
void last_words_hear(struct last_words *words, const struct link_message *message)
{
    _Static_assert(sizeof(words->instance) == sizeof(message->u.crash.instance) &&
                       sizeof(words->operation) == sizeof(message->u.crash.operation),
                   "what is sent has its place");
    if (message->kind == LINK_FAILED) {
        memcpy(words->failure, message->u.text, sizeof(words->failure));
        words->failure[sizeof(words->failure) - 1] = 0;
        return;
    }
    words->has_crashed = true;
    words->signal = message->number;
    memcpy(words->instance, message->u.crash.instance, sizeof(words->instance));
    memcpy(words->operation, message->u.crash.operation, sizeof(words->operation));
}

uint64_t last_words_signal(const struct last_words *words, int status)
{
    if (words->has_crashed)
        return words->signal;
    return WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0;
}
