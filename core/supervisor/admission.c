/*
 * admission.c: the table of connections and the three bounds on it. Called by intake.c when a
 * connection comes and by workers.c when it has authenticated or ended. Supervisor's thread.
 */
#include "supervisor/admission.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct admission_source {
    uint64_t key;
    uint32_t count;
};

/* IPv4 lives in ::/32 of the key space, which no IPv6 network is ever routed from. */
#define SOURCE_IPV4 0x0000ffff00000000u

static void free_value(uint64_t key, void *value, void *arg)
{
    (void)key;
    (void)arg;
    free(value);
}

void admission_free(struct admission *admission)
{
    hashmap_for_each(&admission->connections, free_value, NULL);
    hashmap_for_each(&admission->sources, free_value, NULL);
    hashmap_free(&admission->connections);
    hashmap_free(&admission->sources);
}

uint64_t admission_source_key(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
        const uint8_t *bytes = six->sin6_addr.s6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
            uint32_t four;
            memcpy(&four, bytes + 12, sizeof(four));
            return SOURCE_IPV4 | ntohl(four);
        }
        uint64_t key = 0;
        for (size_t i = 0; i < 8; i++)
            key = key << 8 | bytes[i];
        return key;
    }
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
        return SOURCE_IPV4 | ntohl(four->sin_addr.s_addr);
    }
    return SOURCE_IPV4;
}

/* Random early drop: from startups_begin on, startups_rate percent are refused, and the more the
 * nearer the count is to startups_full, so that a flood thins out before it shuts everybody out. */
static bool startups_refuse(const struct admission *admission, const struct config_limits *limits,
                            uint32_t chance)
{
    uint32_t now = admission->unauthenticated;
    if (now < limits->startups_begin)
        return false;
    if (now >= limits->startups_full)
        return true;
    uint64_t over = now - limits->startups_begin;
    uint64_t range = limits->startups_full - limits->startups_begin;
    uint64_t percent = limits->startups_rate + (100u - limits->startups_rate) * over / range;
    return chance % 100 < percent;
}

enum admission_verdict admission_ask(struct admission *admission,
                                     const struct config_limits *limits, uint64_t source,
                                     uint32_t chance)
{
    enum admission_verdict verdict = ADMISSION_GRANTED;
    const struct admission_source *known = hashmap_get(&admission->sources, source);

    if (admission_count(admission) >= limits->connections)
        verdict = ADMISSION_CONNECTIONS;
    else if (limits->connections_per_source && known &&
             known->count >= limits->connections_per_source)
        verdict = ADMISSION_SOURCE;
    else if (startups_refuse(admission, limits, chance))
        verdict = ADMISSION_STARTUPS;
    admission->refused[verdict] += verdict != ADMISSION_GRANTED;
    return verdict;
}

void admission_refuse(struct admission *admission)
{
    admission->refused[ADMISSION_ACCESS]++;
}

static struct admission_source *source_take(struct admission *admission, uint64_t key)
{
    struct admission_source *source = hashmap_get(&admission->sources, key);
    if (!source) {
        source = calloc(1, sizeof(*source));
        if (!source)
            return NULL;
        source->key = key;
        if (hashmap_add(&admission->sources, key, source) < 0) {
            free(source);
            return NULL;
        }
    }
    source->count++;
    return source;
}

static void source_release(struct admission *admission, struct admission_source *source)
{
    if (--source->count == 0) {
        hashmap_remove(&admission->sources, source->key);
        free(source);
    }
}

struct admitted *admission_add(struct admission *admission, uint64_t source)
{
    struct admitted *admitted = calloc(1, sizeof(*admitted));
    if (!admitted)
        return NULL;
    admitted->source = source_take(admission, source);
    if (!admitted->source) {
        free(admitted);
        return NULL;
    }
    admitted->id = admission->last_id + 1;
    list_init(&admitted->link);
    if (hashmap_add(&admission->connections, admitted->id, admitted) < 0) {
        source_release(admission, admitted->source);
        free(admitted);
        return NULL;
    }
    admission->last_id++;
    admission->unauthenticated++;
    return admitted;
}

struct admitted *admission_find(const struct admission *admission, uint64_t id)
{
    return hashmap_get(&admission->connections, id);
}

void admission_authenticated(struct admission *admission, struct admitted *admitted)
{
    if (!admitted->is_authenticated) {
        admitted->is_authenticated = true;
        admission->unauthenticated--;
    }
}

void admission_remove(struct admission *admission, struct admitted *admitted)
{
    if (!admitted->is_authenticated)
        admission->unauthenticated--;
    source_release(admission, admitted->source);
    hashmap_remove(&admission->connections, admitted->id);
    list_remove(&admitted->link);
    free(admitted);
}

const char *admission_bound(enum admission_verdict verdict)
{
    static const char *const names[ADMISSION_VERDICT_COUNT] = {
        [ADMISSION_GRANTED] = "",
        [ADMISSION_CONNECTIONS] = "limits.connections",
        [ADMISSION_SOURCE] = "limits.connections_per_source",
        [ADMISSION_STARTUPS] = "limits.startups",
        [ADMISSION_ACCESS] = "access",
    };
    return names[verdict];
}
