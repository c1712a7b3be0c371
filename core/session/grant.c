/* grant.c: see grant.h. Called by auth*.c. The result is put together from pieces of both, then
 * copied into one block by the table of the struct's fields. */
#include "session/grant.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "plugin/layout_copy.h"

static bool str_equal(struct sp_str a, struct sp_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}

static struct sp_str first_of(struct sp_str a, struct sp_str b)
{
    return a.len ? a : b;
}

static uint64_t least_set(uint64_t a, uint64_t b)
{
    return a && (a < b || !b) ? a : b;
}

/* --- lists: each result is in memory of its own, with room for all of both ------------------ */

static bool has_text(const struct sp_str *list, uint64_t count, struct sp_str text)
{
    for (uint64_t i = 0; i < count; i++)
        if (str_equal(list[i], text))
            return true;
    return false;
}

static bool has_name(const struct sp_pair *list, uint64_t count, struct sp_str name)
{
    for (uint64_t i = 0; i < count; i++)
        if (str_equal(list[i].name, name))
            return true;
    return false;
}

static int union_of_texts(const struct sp_str **list, uint64_t *count, const struct sp_str *more,
                          uint64_t more_count)
{
    struct sp_str *all = calloc((size_t)(*count + more_count) + 1, sizeof *all);
    uint64_t used = *count;

    if (!all)
        return SP_ERR_NOMEM;
    if (used)
        memcpy(all, *list, (size_t)used * sizeof *all);
    for (uint64_t i = 0; i < more_count; i++)
        if (!has_text(all, used, more[i]))
            all[used++] = more[i];
    *list = all;
    *count = used;
    return 0;
}

static int union_of_pairs(const struct sp_pair **list, uint64_t *count, const struct sp_pair *more,
                          uint64_t more_count)
{
    struct sp_pair *all = calloc((size_t)(*count + more_count) + 1, sizeof *all);
    uint64_t first_count = *count, used = first_count;

    if (!all)
        return SP_ERR_NOMEM;
    if (used)
        memcpy(all, *list, (size_t)used * sizeof *all);
    /* One grant may have a name several times (groups of attributes): it is compared with the
     * other's only. */
    for (uint64_t i = 0; i < more_count; i++)
        if (!has_name(all, first_count, more[i].name))
            all[used++] = more[i];
    *list = all;
    *count = used;
    return 0;
}

/* An empty list means any place. Where two lists have nothing in common nothing is left to permit,
 * which no list can say: the right itself goes. */
static int common_texts(const struct sp_str **list, uint64_t *count, const struct sp_str *more,
                        uint64_t more_count, uint32_t right, uint32_t *permit)
{
    struct sp_str *common = calloc((size_t)(*count + more_count) + 1, sizeof *common);
    uint64_t used = 0;

    if (!common)
        return SP_ERR_NOMEM;
    if (*count == 0 || more_count == 0) {
        used = *count + more_count;
        if (used)
            memcpy(common, *count ? *list : more, (size_t)used * sizeof *common);
    } else {
        for (uint64_t i = 0; i < *count; i++)
            if (has_text(more, more_count, (*list)[i]))
                common[used++] = (*list)[i];
        if (used == 0)
            *permit &= ~right;
    }
    *list = common;
    *count = used;
    return 0;
}

/* --- the whole ------------------------------------------------------------------------------ */

static int copy_grant(const struct sp_grant *grant, struct sp_grant **ret_copy)
{
    const char *fault;
    size_t size = layout_measure(&layout_sp_grant, grant, &fault);
    void *block;

    if (size == 0)
        return SP_ERR_INVALID;
    block = malloc(size);
    if (!block)
        return SP_ERR_NOMEM;
    if (!layout_fill(&layout_sp_grant, grant, "", block, size, &fault)) {
        free(block);
        return SP_ERR_INVALID;
    }
    *ret_copy = block;
    return 0;
}

static int join_lists(struct sp_grant *all, const struct sp_grant *more)
{
    int rc = union_of_texts(&all->groups, &all->groups_count, more->groups, more->groups_count);

    /* Each goes on even after a failure, so that all pointers are to memory of their own. */
    if (rc < 0)
        all->groups = NULL;
    if (union_of_pairs(&all->environment, &all->environment_count, more->environment,
                       more->environment_count) < 0)
        rc = SP_ERR_NOMEM, all->environment = NULL;
    if (union_of_pairs(&all->attributes, &all->attributes_count, more->attributes,
                       more->attributes_count) < 0)
        rc = SP_ERR_NOMEM, all->attributes = NULL;
    if (common_texts(&all->permit_open, &all->permit_open_count, more->permit_open,
                     more->permit_open_count, SP_PERMIT_TUNNEL_FORWARD, &all->permit) < 0)
        rc = SP_ERR_NOMEM, all->permit_open = NULL;
    if (common_texts(&all->permit_listen, &all->permit_listen_count, more->permit_listen,
                     more->permit_listen_count, SP_PERMIT_TUNNEL_REVERSE, &all->permit) < 0)
        rc = SP_ERR_NOMEM, all->permit_listen = NULL;
    return rc;
}

static void free_lists(const struct sp_grant *all)
{
    free((void *)(uintptr_t)all->groups);
    free((void *)(uintptr_t)all->environment);
    free((void *)(uintptr_t)all->attributes);
    free((void *)(uintptr_t)all->permit_open);
    free((void *)(uintptr_t)all->permit_listen);
}

/* more is complete to its last field. */
static int join_two(const struct sp_grant *first, const struct sp_grant *more,
                    struct sp_grant **ret_joined)
{
    struct sp_grant all = *first;
    int rc;

    if (first->forced_command.len && more->forced_command.len &&
        !str_equal(first->forced_command, more->forced_command))
        return SP_ERR_DENIED;
    all.permit &= more->permit;
    all.read_only = first->read_only || more->read_only;
    all.restrict_to_home = first->restrict_to_home || more->restrict_to_home;
    all.root = first_of(first->root, more->root);
    all.home = first_of(first->home, more->home);
    all.forced_command = first_of(first->forced_command, more->forced_command);
    all.system_user = first_of(first->system_user, more->system_user);
    all.idle_timeout_ms = least_set(first->idle_timeout_ms, more->idle_timeout_ms);
    all.channels_max = (uint32_t)least_set(first->channels_max, more->channels_max);
    all.handles_max = (uint32_t)least_set(first->handles_max, more->handles_max);
    rc = join_lists(&all, more);
    if (rc == 0)
        rc = copy_grant(&all, ret_joined);
    free_lists(&all);
    return rc;
}

int grant_join(struct sp_grant **joined, const struct sp_grant *more)
{
    struct sp_grant *whole, *result;
    int rc = copy_grant(more, &whole); /* complete, whatever its sender knew */

    if (rc < 0)
        return rc;
    if (!*joined) {
        *joined = whole;
        return 0;
    }
    rc = join_two(*joined, whole, &result);
    grant_free(whole);
    if (rc < 0)
        return rc;
    grant_free(*joined);
    *joined = result;
    return 0;
}

void grant_free(struct sp_grant *grant)
{
    free(grant);
}
