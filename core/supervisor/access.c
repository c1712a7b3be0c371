/* access.c: holds an address against the lists. Called by intake.c for each new connection. */
#include "supervisor/access.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/glob.h"

/* Patterns may be written in upper case, addresses are not. */
static bool is_like(const char *pattern, const char *text)
{
    char lower[256];
    size_t length = strlen(pattern);

    if (length >= sizeof lower)
        return false;
    for (size_t i = 0; i <= length; i++)
        lower[i] = (char)tolower((unsigned char)pattern[i]);
    return glob_matches(lower, (struct sp_str){text, strlen(text)});
}

static bool has(const struct config_addresses *list, const struct cidr *address, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct config_address *item = &list->items[i];
        if (item->is_pattern ? is_like(item->text, text) : cidr_contains(&item->network, address))
            return true;
    }
    return false;
}

bool access_allows(const struct config_access *access, const struct sockaddr *address)
{
    struct cidr single;
    char text[INET6_ADDRSTRLEN];

    if (access->allow.count == 0 && access->deny.count == 0)
        return true;
    if (!cidr_of_address(address, &single) ||
        !inet_ntop(single.family, single.bytes, text, sizeof text))
        return false;
    return !has(&access->deny, &single, text) &&
           (access->allow.count == 0 || has(&access->allow, &single, text));
}
