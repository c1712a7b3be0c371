/*
 * admission.h: which connections the daemon knows, and whether there is room for one more. Counts
 * all of them, those of one source, and those not yet authenticated. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_ADMISSION_H
#define SALLYPORT_SUPERVISOR_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/hashmap.h"
#include "base/list.h"
#include "config/config.h"

enum admission_verdict {
    ADMISSION_GRANTED,
    ADMISSION_CONNECTIONS, /* the bound that was hit */
    ADMISSION_SOURCE,
    ADMISSION_STARTUPS,
    ADMISSION_ACCESS, /* no bound: the access lists */
    ADMISSION_VERDICT_COUNT,
};

struct admission_source;
struct worker;

/* A connection that was let in. */
struct admitted {
    uint64_t id;
    struct admission_source *source;
    bool is_authenticated;
    struct list link;      /* in its worker's list, for whoever hands it over */
    struct worker *worker; /* likewise */
};

/* Zero-initialised is empty. */
struct admission {
    struct hashmap connections; /* id -> struct admitted */
    struct hashmap sources;     /* key -> struct admission_source */
    uint32_t unauthenticated;
    uint64_t last_id;
    uint64_t refused[ADMISSION_VERDICT_COUNT];
};

void admission_free(struct admission *admission);
/* How an address counts toward its source's bound: an IPv4 address is a source of its own, an IPv6
 * address counts for its /64, which is what one customer is given at least. */
uint64_t admission_source_key(const struct sockaddr *address);
/* Whether one more from source may come in. chance is a fresh random number: between
 * startups_begin and startups_full it decides. A refusal is counted. */
enum admission_verdict admission_ask(struct admission *admission,
                                     const struct config_limits *limits, uint64_t source,
                                     uint32_t chance);
/* Count one that the access lists refuse. */
void admission_refuse(struct admission *admission);
/* Take one in under a new id. NULL: out of memory. The struct is the table's. */
struct admitted *admission_add(struct admission *admission, uint64_t source);
struct admitted *admission_find(const struct admission *admission, uint64_t id); /* or NULL */
void admission_authenticated(struct admission *admission, struct admitted *admitted);
/* The connection is over; admitted is freed, and gone from its worker's list. */
void admission_remove(struct admission *admission, struct admitted *admitted);
static inline uint32_t admission_count(const struct admission *admission)
{
    return (uint32_t)admission->connections.count;
}
/* The configuration key of the bound ("limits.connections" …). */
const char *admission_bound(enum admission_verdict verdict);

#endif
