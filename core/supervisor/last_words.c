/* last_words.c: keeps what dying processes say. Called by worker_life.c and hosts.c. Supervisor's
 * thread. */
#include "supervisor/last_words.h"

#include <string.h>
#include <sys/wait.h>

static void copy_text(char *to, size_t size, const char *from, size_t from_size)
{
    size_t length = strnlen(from, from_size);
    if (length >= size)
        length = size - 1;
    memcpy(to, from, length);
    to[length] = 0;
}

void last_words_hear(struct last_words *words, const struct link_message *message)
{
    if (message->kind == LINK_FAILED) {
        copy_text(words->failure, sizeof(words->failure), message->u.text, sizeof(message->u.text));
        return;
    }
    words->has_crashed = true;
    words->signal = message->number;
    copy_text(words->instance, sizeof(words->instance), message->u.crash.instance,
              sizeof(message->u.crash.instance));
    copy_text(words->operation, sizeof(words->operation), message->u.crash.operation,
              sizeof(message->u.crash.operation));
}

uint64_t last_words_signal(const struct last_words *words, int status)
{
    if (words->has_crashed)
        return words->signal;
    return WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0;
}
