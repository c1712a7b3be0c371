/* permit_open.c: see permit_open.h. A row that cannot be understood permits nothing. */
#include "session/permit_open.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static bool is_same_host(struct sp_str pattern, struct sp_str host)
{
    if (pattern.len > 2 && pattern.data[0] == '[' && pattern.data[pattern.len - 1] == ']')
        pattern = (struct sp_str){pattern.data + 1, pattern.len - 2};
    return str_is(pattern, "*") || (pattern.len == host.len && pattern.len > 0 &&
                                    strncasecmp(pattern.data, host.data, (size_t)host.len) == 0);
}

static bool matches(struct sp_str row, struct sp_str host, uint32_t port)
{
    const char *colon = row.len ? memrchr(row.data, ':', (size_t)row.len) : NULL;
    struct sp_str row_host, row_port;
    char number[12];

    if (!colon)
        return false;
    row_host = (struct sp_str){row.data, (uint64_t)(colon - row.data)};
    row_port = (struct sp_str){colon + 1, row.len - row_host.len - 1};
    snprintf(number, sizeof number, "%u", (unsigned)port);
    return (str_is(row_port, "*") || str_is(row_port, number)) && is_same_host(row_host, host);
}

bool permit_open_allows(const struct sp_grant *grant, struct sp_str host, uint32_t port)
{
    for (uint64_t i = 0; i < grant->permit_open_count; i++)
        if (matches(grant->permit_open[i], host, port))
            return true;
    return grant->permit_open_count == 0;
}

bool permit_open_allows_path(const struct sp_grant *grant, struct sp_str path)
{
    for (uint64_t i = 0; i < grant->permit_open_count; i++)
        if (path.len && grant->permit_open[i].len == path.len &&
            memcmp(grant->permit_open[i].data, path.data, (size_t)path.len) == 0)
            return true;
    return grant->permit_open_count == 0;
}
