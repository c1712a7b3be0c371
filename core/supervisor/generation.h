/* generation.h: one configuration and what its workers are started with. Supervisor's thread. */
#ifndef SALLYPORT_SUPERVISOR_GENERATION_H
#define SALLYPORT_SUPERVISOR_GENERATION_H

#include <stdint.h>

#include "supervisor/instances.h"
#include "supervisor/supervisor.h"

struct generation {
    uint32_t number;
    uint32_t users; /* whoever keeps it */
    struct config *config;
    struct instances instances;
    int text_fd; /* the file's text as it was checked, sealed: every worker reads just this */
};

/* Read, check and prepare the configuration of options. 0 or negative, and report tells. */
int generation_load(const struct supervisor_options *options, uint32_t number,
                    struct generation **ret_generation, struct report *report);
/* One more keeps it; each calls generation_free() once. */
struct generation *generation_ref(struct generation *generation);
void generation_free(struct generation *generation); /* fine with NULL */

/* A descriptor's whole content (a regular file or memfd), NUL-terminated, freed by the caller.
 * NULL: errno tells; EFBIG if it has more than 16 MiB. */
char *generation_read(int fd, size_t *ret_length);

#endif
