/* suggest.h: "did you mean …?": the name nearest to a word that is not one. */
#ifndef SALLYPORT_CONFIG_SUGGEST_H
#define SALLYPORT_CONFIG_SUGGEST_H

#include <stddef.h>

struct suggestion {
    const char *word;
    const char *best; /* the nearest name so far that is near enough, or NULL */
    size_t distance;
};

/* The strings stay the caller's and are only pointed to. */
void suggest_start(struct suggestion *suggestion, const char *word);
void suggest_offer(struct suggestion *suggestion, const char *name);

#endif
