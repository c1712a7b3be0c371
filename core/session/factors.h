/*
 * factors.h: which factors a user has passed, and what is still wanted: the lists of
 * "auth_require", and what plugins ask for with SP_PARTIAL. No library and no I/O: a request is
 * named by its method and by the place in the auth chain of the instance that accepted it.
 * Reactor thread.
 *
 * Every list goes forward by its own next element when a request passes it; whoever is through one
 * list is in. A factor counts once: a key is known by its digest, anything else by its method
 * and instance.
 */
#ifndef SALLYPORT_SESSION_FACTORS_H
#define SALLYPORT_SESSION_FACTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

enum {
    FACTORS_INSTANCES_MAX = 64, /* of the auth chain: the schema's bound, and a mask's */
    FACTORS_DONE_MAX = 16,
    FACTORS_KEY_SIZE = 32,
    FACTORS_ANY = -1,
};

/* What is required of everybody; constant once made. */
struct factor_rules {
    struct factor_list {
        struct factor_element {
            uint32_t method; /* 0: any */
            int instance;    /* FACTORS_ANY, or its place in the chain */
        } elements[CONFIG_FACTORS_MAX];
        uint8_t count;
    } lists[CONFIG_REQUIRE_MAX];
    uint8_t lists_count;                    /* 0: any one factor is enough */
    uint8_t instances_count;                /* of the auth chain */
    uint32_t methods;                       /* SP_METHOD_* that are offered at all */
    uint32_t offers[FACTORS_INSTANCES_MAX]; /* SP_METHOD_* that each instance answers */
};

/* From the configuration. The caller has set methods, offers and instances_count. False, with the
 * place in *ret_list and *ret_element, if nobody can ever pass that element. */
bool factor_rules_set(struct factor_rules *rules, const struct config *config, size_t *ret_list,
                      size_t *ret_element);

struct factor {
    uint32_t method;
    int instance;
    uint8_t key[FACTORS_KEY_SIZE]; /* publickey: digest of the key that signed */
};

/* How far one user is. */
struct factors {
    const struct factor_rules *rules;
    uint8_t progress[CONFIG_REQUIRE_MAX];
    struct factor done[FACTORS_DONE_MAX];
    uint8_t done_count;
    uint32_t methods_done;
    uint32_t wanted_methods; /* what SP_PARTIAL said must go on; 0: it did not say */
    uint32_t plugin_methods; /* what SP_DENY has said since may go on; 0: it did not say */
};

void factors_init(struct factors *factors, const struct factor_rules *rules);

/* SP_METHOD_* that may be tried now. */
uint32_t factors_methods(const struct factors *factors);
/* Bit i: the instance at place i of the chain may be asked about a request of this method. */
uint64_t factors_instances(const struct factors *factors, uint32_t method);
/* Whether this key has passed before. */
bool factors_has_key(const struct factors *factors, const uint8_t key[FACTORS_KEY_SIZE]);
/* methods that a plugin names with its no; 0 leaves all as it is. It takes away only: what another
 * wants after its SP_PARTIAL is still wanted. */
void factors_restrict(struct factors *factors, uint32_t methods);

enum factor_outcome {
    FACTOR_REFUSED, /* it counts for nothing: it has counted before, or nothing wants it */
    FACTOR_PARTIAL, /* right, but more is wanted */
    FACTOR_COMPLETE,
};
/* An instance accepted a request. wants_more: with SP_PARTIAL, which is never complete; methods
 * are those of its reply. */
enum factor_outcome factors_pass(struct factors *factors, const struct factor *factor,
                                 bool wants_more, uint32_t methods);

#endif
