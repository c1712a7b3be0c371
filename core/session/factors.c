/* factors.c: see factors.h. Called by auth*.c. */
#include "session/factors.h"

#include <string.h>

#include <sallyport/auth.h>

/* The methods are the low bits of a word. */
#define METHODS_ALL                                                                                \
    (SP_METHOD_PASSWORD | SP_METHOD_PUBLICKEY | SP_METHOD_KEYBOARD_INTERACTIVE | SP_METHOD_GSSAPI)

/* --- the rules ----------------------------------------------------------------------------- */

/* Whether the list names the instance for that method, in an element of its own. */
static bool is_reserved(const struct factor_list *list, uint32_t method, int instance)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->elements[i].instance == instance &&
            (list->elements[i].method == 0 || list->elements[i].method == method))
            return true;
    return false;
}

/* An element without an instance leaves those that the list names to their own elements: else a
 * one-time code could pass as the password and again as the code. */
static bool admits(const struct factor_list *list, size_t index, uint32_t method, int instance)
{
    const struct factor_element *element = &list->elements[index];

    if (element->method != 0 && element->method != method)
        return false;
    return element->instance == FACTORS_ANY ? !is_reserved(list, method, instance)
                                            : element->instance == instance;
}

static int place_in_chain(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->auth_chain.count; i++)
        if (strcmp(config->auth_chain.instances[i], name) == 0)
            return (int)i;
    return FACTORS_ANY;
}

static bool can_pass(const struct factor_rules *rules, const struct factor_list *list, size_t index)
{
    for (int i = 0; i < rules->instances_count; i++)
        for (uint32_t method = 1; method <= METHODS_ALL; method <<= 1)
            if ((rules->offers[i] & rules->methods & method) && admits(list, index, method, i))
                return true;
    return false;
}

bool factor_rules_set(struct factor_rules *rules, const struct config *config, size_t *ret_list,
                      size_t *ret_element)
{
    rules->lists_count = (uint8_t)config->auth_require_count;
    for (size_t i = 0; i < rules->lists_count; i++) {
        const struct config_factors *from = &config->auth_require[i];
        struct factor_list *list = &rules->lists[i];
        list->count = (uint8_t)from->count;
        for (size_t k = 0; k < list->count; k++)
            list->elements[k] = (struct factor_element){
                .method = from->items[k].method,
                .instance = from->items[k].instance
                                ? place_in_chain(config, from->items[k].instance)
                                : FACTORS_ANY,
            };
        for (size_t k = 0; k < list->count; k++) {
            *ret_list = i;
            *ret_element = k;
            if (!can_pass(rules, list, k))
                return false;
        }
    }
    return true;
}

/* --- a user's way -------------------------------------------------------------------------- */

void factors_init(struct factors *factors, const struct factor_rules *rules)
{
    *factors = (struct factors){.rules = rules};
}

/* A list that is through: what comes now was asked for by a plugin. Without lists it is so from the
 * start. */
static bool is_through(const struct factors *factors, size_t list)
{
    return factors->progress[list] >= factors->rules->lists[list].count;
}

static bool any_through(const struct factors *factors)
{
    for (size_t i = 0; i < factors->rules->lists_count; i++)
        if (is_through(factors, i))
            return true;
    return factors->rules->lists_count == 0;
}

static bool is_wanted(const struct factors *factors, uint32_t method, int instance)
{
    if (any_through(factors))
        return true;
    for (size_t i = 0; i < factors->rules->lists_count; i++)
        if (admits(&factors->rules->lists[i], factors->progress[i], method, instance))
            return true;
    return false;
}

static bool is_done(const struct factors *factors, uint32_t method, int instance)
{
    for (size_t i = 0; i < factors->done_count; i++)
        if (factors->done[i].method == method && factors->done[i].instance == instance)
            return true;
    return false;
}

bool factors_has_key(const struct factors *factors, const uint8_t key[FACTORS_KEY_SIZE])
{
    for (size_t i = 0; i < factors->done_count; i++)
        if (factors->done[i].method == SP_METHOD_PUBLICKEY &&
            memcmp(factors->done[i].key, key, FACTORS_KEY_SIZE) == 0)
            return true;
    return false;
}

uint64_t factors_instances(const struct factors *factors, uint32_t method)
{
    uint64_t mask = 0;

    /* Who has passed anything has more than nothing to show. */
    if (method == SP_METHOD_NONE)
        return factors->done_count == 0 ? UINT64_MAX : 0;
    for (int i = 0; i < factors->rules->instances_count; i++)
        if (is_wanted(factors, method, i) &&
            (method == SP_METHOD_PUBLICKEY || !is_done(factors, method, i)))
            mask |= UINT64_C(1) << i;
    return mask;
}

/* Whether any instance that answers the method would be asked. */
static bool can_go_on(const struct factors *factors, uint32_t method)
{
    uint64_t mask = factors_instances(factors, method);

    for (size_t i = 0; i < factors->rules->instances_count; i++)
        if ((mask >> i & 1) && (factors->rules->offers[i] & method))
            return true;
    return false;
}

uint32_t factors_methods(const struct factors *factors)
{
    uint32_t methods = 0;

    for (uint32_t method = 1; method <= METHODS_ALL; method <<= 1)
        if ((factors->rules->methods & METHODS_ALL & method) && can_go_on(factors, method))
            methods |= method;
    /* After a plugin's SP_PARTIAL something else is wanted, unless it says that more of the same
     * is. */
    if (factors->wanted_methods)
        methods &= factors->wanted_methods;
    else if (any_through(factors))
        methods &= ~factors->methods_done;
    return factors->plugin_methods ? methods & factors->plugin_methods : methods;
}

void factors_restrict(struct factors *factors, uint32_t methods)
{
    if (methods)
        factors->plugin_methods = methods;
}

enum factor_outcome factors_pass(struct factors *factors, const struct factor *factor,
                                 bool wants_more, uint32_t methods)
{
    const struct factor_rules *rules = factors->rules;
    bool counts = any_through(factors);

    if (factors->done_count >= FACTORS_DONE_MAX ||
        (factor->method == SP_METHOD_PUBLICKEY
             ? factors_has_key(factors, factor->key)
             : is_done(factors, factor->method, factor->instance)))
        return FACTOR_REFUSED;
    for (size_t i = 0; i < rules->lists_count; i++) {
        if (is_through(factors, i) ||
            !admits(&rules->lists[i], factors->progress[i], factor->method, factor->instance))
            continue;
        factors->progress[i]++;
        counts = true;
    }
    if (!counts)
        return FACTOR_REFUSED;
    factors->done[factors->done_count++] = *factor;
    factors->methods_done |= factor->method;
    factors->wanted_methods = wants_more ? methods : 0;
    factors->plugin_methods = 0;
    return !wants_more && any_through(factors) ? FACTOR_COMPLETE : FACTOR_PARTIAL;
}
