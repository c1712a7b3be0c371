/*
 * fuzz_vpath.c: any name, in any directory. The input's first line is resolved to the base, the
 * rest against it. What comes out is always in the one written form, so that no name leads above
 * the root, and is a fixed point.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

static void check_form(const char *path, int length)
{
    check(length >= 1 && length < VPATH_MAX);
    check(strlen(path) == (size_t)length);
    check(path[0] == '/');
    check(length == 1 || path[length - 1] != '/');
    for (const char *at = path; length > 1 && at; at = strchr(at + 1, '/')) {
        size_t len = strcspn(at + 1, "/");
        check(len > 0);
        check(!(len == 1 && at[1] == '.'));
        check(!(len == 2 && at[1] == '.' && at[2] == '.'));
    }
}

/* Resolve name and check what must hold of every result. False: it was refused. */
static bool resolve(char out[VPATH_MAX], const char *base, const char *name, size_t len)
{
    static char again[VPATH_MAX];
    int length = vpath_resolve(out, base, (struct sp_str){.data = name, .len = len});

    check((length == SP_ERR_FORMAT) == (len > 0 && memchr(name, '\0', len) != NULL));
    if (length < 0) {
        check(length == SP_ERR_FORMAT || length == SP_ERR_LIMIT);
        return false;
    }
    check_form(out, length);
    check(vpath_resolve(again, "/elsewhere",
                        (struct sp_str){.data = out, .len = (uint64_t)length}) == length);
    check(strcmp(again, out) == 0);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char base[VPATH_MAX], path[VPATH_MAX];
    const char *text = (const char *)data;
    const char *line_end = size ? memchr(data, '\n', size) : NULL;
    size_t first = line_end ? (size_t)(line_end - text) : 0;
    size_t rest = line_end ? first + 1 : 0;

    if (!resolve(base, "/", text, first) || !resolve(path, base, text + rest, size - rest))
        return 0;
    check(vpath_is_within(path, "/") && vpath_is_within(path, path));
    check(strcmp(vpath_below(path, path), "/") == 0);
    check(strchr(vpath_last(path), '/') == NULL);
    if (vpath_is_within(path, base)) {
        const char *below = vpath_below(path, base);
        check_form(below, (int)strlen(below));
        /* From the base, the part below it leads back. */
        check(vpath_resolve(base, base,
                            (struct sp_str){.data = below + 1, .len = strlen(below + 1)}) > 0);
        check(strcmp(base, path) == 0);
    }
    return 0;
}
