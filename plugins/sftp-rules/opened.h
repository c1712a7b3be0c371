/*
 * opened.h: which rule a file was opened under. A hook may have it written under another name, and
 * its own name may change: what holds for it is what held when it was opened. Any thread.
 */
#ifndef SFTP_RULES_OPENED_H
#define SFTP_RULES_OPENED_H

#include <pthread.h>

#include "sftp-rules/rules.h"

#define OPENED_BUCKETS 256u

struct opened;
/* Zero-initialised but for the lock. */
struct openings {
    pthread_mutex_t lock;
    struct opened *buckets[OPENED_BUCKETS];
};

/* An open that is let through. False: memory is out. */
bool opened_begin(struct openings *openings, const struct sp_sftp_event *event,
                  const struct rule *rule);
/* after() of an open, or of a close. */
void opened_end(struct openings *openings, const struct sp_sftp_event *event);
/* NULL: not known. */
const struct rule *opened_rule(struct openings *openings, sp_id channel, uint64_t file);
void opened_clear(struct openings *openings);

#endif
