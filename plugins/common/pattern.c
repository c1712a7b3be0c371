/* pattern.c: matches patterns for names and paths. Any thread.
 *
 * On a mismatch only the last "*" (of a name) or "**" (of a path) is tried anew, one further: what
 * those before it took need never change. */
#include "common/pattern.h"

#include <string.h>

static char folded(char c, bool ignores_case)
{
    return ignores_case && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool pattern_matches(struct sp_str pattern, struct sp_str name, bool ignores_case)
{
    uint64_t p = 0, n = 0, retry_p = 0, retry_n = 0;
    bool has_star = false;
    while (n < name.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            has_star = true;
            retry_p = ++p;
            retry_n = n;
        } else if (p < pattern.len &&
                   (pattern.data[p] == '?' ||
                    folded(pattern.data[p], ignores_case) == folded(name.data[n], ignores_case))) {
            p++;
            n++;
        } else if (has_star) {
            p = retry_p;
            n = ++retry_n;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

/* The component at *ret_at, which then is behind it; false: there is none left. */
static bool next_component(struct sp_str path, uint64_t *ret_at, struct sp_str *ret_component)
{
    uint64_t at = *ret_at;
    while (at < path.len && path.data[at] == '/')
        at++;
    if (at == path.len)
        return false;
    const char *slash = memchr(path.data + at, '/', (size_t)(path.len - at));
    uint64_t end = slash ? (uint64_t)(slash - path.data) : path.len;
    *ret_component = (struct sp_str){path.data + at, end - at};
    *ret_at = end;
    return true;
}

static bool is_any_depth(struct sp_str component)
{
    return component.len == 2 && component.data[0] == '*' && component.data[1] == '*';
}

enum outcome { COVERS, ENDS_ABOVE, DIFFERS };

/* ENDS_ABOVE: path is at its end, and what is left of pattern would be below it. */
static enum outcome compare(struct sp_str pattern, struct sp_str path, bool ignores_case)
{
    uint64_t p = 0, t = 0, retry_p = 0, retry_t = 0;
    bool has_retry = false;
    struct sp_str wanted, there, skipped;
    for (;;) {
        uint64_t p_next = p, t_next = t;
        if (!next_component(pattern, &p_next, &wanted))
            return COVERS;
        if (is_any_depth(wanted)) {
            has_retry = true;
            retry_p = p = p_next;
            retry_t = t;
            continue;
        }
        if (!next_component(path, &t_next, &there))
            return ENDS_ABOVE;
        if (pattern_matches(wanted, there, ignores_case)) {
            p = p_next;
            t = t_next;
        } else if (has_retry && next_component(path, &retry_t, &skipped)) {
            p = retry_p;
            t = retry_t;
        } else {
            return DIFFERS;
        }
    }
}

bool pattern_covers(struct sp_str pattern, struct sp_str path, bool ignores_case)
{
    return compare(pattern, path, ignores_case) == COVERS;
}

bool pattern_may_lie_below(struct sp_str pattern, struct sp_str path, bool ignores_case)
{
    return compare(pattern, path, ignores_case) == ENDS_ABOVE;
}

struct sp_str path_name(struct sp_str path)
{
    uint64_t at = path.len;
    while (at > 0 && path.data[at - 1] != '/')
        at--;
    return (struct sp_str){path.data + at, path.len - at};
}
