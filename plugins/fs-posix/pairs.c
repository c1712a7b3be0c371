/* pairs.c: see pairs.h. A descriptor opened with O_PATH takes none of these calls, but the link in
 * /proc leads to the very file. */
#include "pairs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#define PREFIX "user."
#define PREFIX_LENGTH (sizeof PREFIX - 1)
#define NAME_SIZE 256u /* the kernel's bound, and a NUL */
#define PAIRS_MOST 64u
#define BYTES_MOST 65536u /* of all names, and of all values */

struct collection {
    char names[BYTES_MOST];
    char values[BYTES_MOST];
    struct sp_pair pairs[PAIRS_MOST];
    uint64_t count;
    size_t names_length;
    size_t values_length;
};

/* All of them, as far as there is room. 0 or -errno. */
static int collect(const char *path, bool follow, struct collection *all)
{
    ssize_t length = follow ? listxattr(path, all->names, sizeof all->names)
                            : llistxattr(path, all->names, sizeof all->names);
    if (length < 0) /* a file system without any has none */
        return errno == EOPNOTSUPP || errno == EPERM ? 0 : -errno;
    const char *end = all->names + length;
    for (const char *name = all->names; name < end; name += strlen(name) + 1) {
        char *value = all->values + all->values_length;
        size_t room = sizeof all->values - all->values_length;
        if (strncmp(name, PREFIX, PREFIX_LENGTH) != 0 || all->count == PAIRS_MOST)
            continue;
        ssize_t got =
            follow ? getxattr(path, name, value, room) : lgetxattr(path, name, value, room);
        if (got < 0) /* gone since, or too much */
            continue;
        all->pairs[all->count++] = (struct sp_pair){sp_str_of(name + PREFIX_LENGTH),
                                                    (struct sp_str){value, (uint64_t)got}};
        all->names_length += strlen(name) - PREFIX_LENGTH;
        all->values_length += (size_t)got;
    }
    return 0;
}

static char *put(char *at, struct sp_str *text)
{
    memcpy(at, text->data, text->len);
    text->data = at;
    return at + text->len;
}

int pairs_get(int fd, const char *name, struct sp_pair **ret_pairs, uint64_t *ret_count)
{
    char path[512];
    *ret_pairs = NULL;
    *ret_count = 0;
    if (snprintf(path, sizeof path, "/proc/self/fd/%d%s%s", fd, *name ? "/" : "", name) >=
        (int)sizeof path)
        return -ENAMETOOLONG;
    struct collection *all = calloc(1, sizeof *all);
    int rc = all ? collect(path, !*name, all) : -ENOMEM;
    if (rc == 0 && all->count > 0) {
        size_t array = all->count * sizeof *all->pairs;
        *ret_pairs = malloc(array + all->names_length + all->values_length);
        rc = *ret_pairs ? 0 : -ENOMEM;
    }
    if (rc == 0 && all->count > 0) {
        char *text = (char *)(*ret_pairs + all->count);
        memcpy(*ret_pairs, all->pairs, all->count * sizeof *all->pairs);
        for (uint64_t i = 0; i < all->count; i++)
            text = put(put(text, &(*ret_pairs)[i].name), &(*ret_pairs)[i].value);
        *ret_count = all->count;
    }
    free(all);
    return rc;
}

int pairs_set(int fd, const struct sp_pair *pairs, uint64_t count)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (uint64_t i = 0; i < count; i++) {
        char name[NAME_SIZE];
        const struct sp_pair *pair = &pairs[i];
        if (pair->name.len == 0 || memchr(pair->name.data, '\0', pair->name.len) ||
            PREFIX_LENGTH + pair->name.len >= sizeof name)
            return -EINVAL;
        snprintf(name, sizeof name, PREFIX "%.*s", (int)pair->name.len, pair->name.data);
        if (setxattr(path, name, pair->value.data ? pair->value.data : "", pair->value.len, 0) < 0)
            return errno == EPERM ? -EOPNOTSUPP : -errno; /* a link, or what is no file */
    }
    return 0;
}
