/* authorized_grant.c: what a key's line leaves of what the administrator grants. Any thread. */
#include "common/authorized_keys.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(struct sp_str a, struct sp_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}

static bool has_item(const struct sp_str *items, uint64_t count, struct sp_str item)
{
    for (uint64_t i = 0; i < count; i++)
        if (is_same(items[i], item))
            return true;
    return false;
}

/* What both lists permit; a list that is not given permits all. With nothing left, the permission
 * itself goes: an empty list would mean all. */
static int narrow(const struct sp_str **field, uint64_t *count, uint32_t *permit, uint32_t bit,
                  const struct authorized_list *list, struct sp_str **ret_memory)
{
    struct sp_str *items;

    if (list->count == 0)
        return 0;
    items = calloc(list->count, sizeof *items);
    if (!items)
        return SP_E_NOMEM;
    *ret_memory = items;
    uint64_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (*count == 0 || has_item(*field, *count, list->items[i]))
            items[kept++] = list->items[i];
    *field = items;
    *count = kept;
    if (kept == 0)
        *permit &= ~bit;
    return 0;
}

/* The administrator's variables go before those of the key's owner. */
static int add_environment(struct sp_grant *grant, const struct authorized_list *list,
                           struct sp_pair **ret_memory)
{
    uint64_t count = grant->environment_count;
    struct sp_pair *pairs = calloc((size_t)count + list->count + 1, sizeof *pairs);

    if (!pairs)
        return SP_E_NOMEM;
    *ret_memory = pairs;
    if (count)
        memcpy(pairs, grant->environment, (size_t)count * sizeof *pairs);
    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->items[i].data;
        size_t length = strcspn(text, "=");
        struct sp_pair pair = {{text, length}, sp_str_of(text + length + 1)};
        bool is_set = false;
        for (uint64_t k = 0; k < grant->environment_count; k++)
            is_set = is_set || is_same(pairs[k].name, pair.name);
        if (!is_set)
            pairs[count++] = pair;
    }
    grant->environment = pairs;
    grant->environment_count = count;
    return 0;
}

int authorized_grant_make(const struct sp_grant *base, const struct authorized_options *options,
                          bool with_environment, struct authorized_grant *ret_grant)
{
    struct sp_grant *grant = &ret_grant->grant;
    int rc;

    *ret_grant = (struct authorized_grant){.grant = *base};
    grant->permit &= options->permit;
    /* The administrator's command goes before that of the key's owner. */
    if (options->command.len && grant->forced_command.len == 0)
        grant->forced_command = options->command;
    rc = narrow(&grant->permit_open, &grant->permit_open_count, &grant->permit,
                SP_PERMIT_TUNNEL_FORWARD, &options->permit_open, &ret_grant->permit_open);
    if (rc == 0)
        rc = narrow(&grant->permit_listen, &grant->permit_listen_count, &grant->permit,
                    SP_PERMIT_TUNNEL_REVERSE, &options->permit_listen, &ret_grant->permit_listen);
    if (rc == 0 && with_environment && options->environment.count)
        rc = add_environment(grant, &options->environment, &ret_grant->environment);
    return rc;
}

void authorized_grant_clear(struct authorized_grant *grant)
{
    free(grant->environment);
    free(grant->permit_open);
    free(grant->permit_listen);
    *grant = (struct authorized_grant){.grant.struct_size = sizeof grant->grant};
}
