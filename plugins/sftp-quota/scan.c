/* scan.c: counts what a directory holds. See scan.h. */
#include "sftp-quota/scan.h"

#include <errno.h>
#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/name.h"

#define PATH_ROOM 4096u

/* The template with the user's name in it. */
static bool expand(const char *path, struct sp_str user, char out[PATH_ROOM])
{
    size_t length = 0;
    for (const char *at = path; *at; at++) {
        bool is_user = at[0] == '%' && at[1] == 'u';
        struct sp_str part = is_user ? user : (struct sp_str){at, 1};
        if (is_user && !name_is_component(user, 255))
            return false;
        if (part.len >= PATH_ROOM - length)
            return false;
        memcpy(out + length, part.data, (size_t)part.len);
        length += (size_t)part.len;
        at += is_user;
    }
    out[length] = '\0';
    return true;
}

/* A file counts by 1/n of its bytes for each of its n names,
 * rounded so that all of them together are at least the whole. */
static uint64_t share(const struct stat *st)
{
    return st->st_nlink > 1 ? ((uint64_t)st->st_size + st->st_nlink - 1) / st->st_nlink
                            : (uint64_t)st->st_size;
}

int scan_directory(const char *path, struct sp_str user, struct scan_sum *ret_sum,
                   const char **ret_why)
{
    char root[PATH_ROOM];
    char *const roots[] = {root, NULL};
    *ret_sum = (struct scan_sum){0};
    if (!expand(path, user, root)) {
        *ret_why = "the user's name cannot be a part of the path to scan";
        return -1;
    }
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (!walk) {
        *ret_why = strerror(errno);
        return -1;
    }
    int rc = 0;
    FTSENT *entry;
    while (rc == 0 && (errno = 0, entry = fts_read(walk))) {
        bool is_root = entry->fts_level == FTS_ROOTLEVEL;
        switch (entry->fts_info) {
        case FTS_F:
            ret_sum->bytes += share(entry->fts_statp);
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            if (entry->fts_errno == ENOENT)
                continue; /* it has just gone, or never was */
            *ret_why = strerror(entry->fts_errno);
            rc = -1;
            break;
        case FTS_DP:
            continue;
        default:
            break;
        }
        ret_sum->files += !is_root;
    }
    fts_close(walk);
    return rc;
}
