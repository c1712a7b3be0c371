/*
 * last_words.h: what a worker, or a plugin's own process, has said of why it ends. Supervisor's
 * thread.
 */
#ifndef SALLYPORT_SUPERVISOR_LAST_WORDS_H
#define SALLYPORT_SUPERVISOR_LAST_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "worker/link.h"

struct last_words {
    char failure[1024]; /* its LINK_FAILED, or why we ended it; "" if neither */
    bool has_crashed;   /* its fault handler wrote */
    uint64_t signal;
    char instance[64];
    char operation[64];
};

/* LINK_FAILED or LINK_CRASHED has come. */
void last_words_hear(struct last_words *words, const struct link_message *message);
/* The signal that it died of, as far as is known from that and from its status; 0: none. */
uint64_t last_words_signal(const struct last_words *words, int status);

#endif
