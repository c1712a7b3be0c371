/* vpath.c: virtual paths in their one written form. Used wherever a client names a file; any
 * thread. */
#include "base/vpath.h"

#include <string.h>

#include "base/err.h"

/* The path being built is out[0..*length), with "/" standing as nothing: each component brings its
 * own slash. */
static int push(char out[VPATH_MAX], size_t *length, const char *component, size_t len)
{
    if (len == 0 || (len == 1 && component[0] == '.'))
        return 0;
    if (len == 2 && component[0] == '.' && component[1] == '.') {
        while (*length > 0 && out[--*length] != '/')
            ;
        return 0;
    }
    if (*length + len > VPATH_MAX - 2) /* the slash and the NUL */
        return SP_ERR_LIMIT;
    out[(*length)++] = '/';
    memcpy(out + *length, component, len);
    *length += len;
    return 0;
}

int vpath_resolve(char out[VPATH_MAX], const char *base, struct sp_str name)
{
    const char *next = name.data;
    const char *end = name.len > 0 ? name.data + name.len : name.data;
    size_t length = 0;

    if (name.len > 0 && memchr(name.data, '\0', name.len))
        return SP_ERR_FORMAT;
    if (name.len == 0 || name.data[0] != '/') {
        length = strlen(base);
        if (length >= VPATH_MAX)
            return SP_ERR_LIMIT;
        memmove(out, base, length);
        if (length == 1) /* "/" */
            length = 0;
    }
    while (next < end) {
        const char *slash = memchr(next, '/', (size_t)(end - next));
        const char *stop = slash ? slash : end;
        int rc = push(out, &length, next, (size_t)(stop - next));
        if (rc < 0)
            return rc;
        next = slash ? slash + 1 : end;
    }
    if (length == 0)
        out[length++] = '/';
    out[length] = '\0';
    return (int)length;
}

bool vpath_is_within(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strcmp(prefix, "/") == 0)
        return true;
    return strncmp(path, prefix, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

const char *vpath_below(const char *path, const char *prefix)
{
    const char *rest = strcmp(prefix, "/") == 0 ? path : path + strlen(prefix);

    /* A literal's "/" would not point into path, but the end of path alone is not a path. */
    return *rest ? rest : "/";
}

const char *vpath_last(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}
