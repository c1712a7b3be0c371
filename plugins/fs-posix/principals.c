/*
 * principals.c: the names of many users and groups at once. Slot on the reactor, the rest on the
 * pool. A directory service may be slow and the numbers many: after a while the rest are not known.
 */
#include "fs_posix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENOUGH_MS 2000

static int32_t principals_now(struct fs_posix *fs, const struct view *view,
                              const struct sp_fs_principals *event)
{
    (void)view;
    uint64_t count = event->principals_count;
    struct sp_fs_principal *principals = calloc(count ? count : 1, sizeof *principals);
    if (!principals)
        return reply_error(fs, &event->head, ENOMEM);
    int64_t until_ms = fs->host->time_ms(fs->host) + ENOUGH_MS;
    bool is_whole = true;
    for (uint64_t i = 0; i < count && is_whole; i++) {
        const struct sp_fs_principal *asked = &event->principals[i];
        enum name_kind kind = asked->kind == SP_PRINCIPAL_USER ? NAME_USER : NAME_GROUP;
        bool is_late = fs->host->time_ms(fs->host) > until_ms;
        char *name = is_late ? strdup("") : names_of(fs->names, kind, asked->id);
        principals[i] = *asked;
        principals[i].name = sp_str_of(name);
        is_whole = name != NULL;
    }
    struct sp_fs_reply reply = {
        .head = {.struct_size = sizeof reply, .verdict = SP_OK},
        .principals = principals,
        .principals_count = count,
    };
    int32_t verdict = SP_PENDING;
    if (is_whole)
        fs->host->complete(fs->host, event->head.token, &reply.head);
    else
        verdict = reply_error(fs, &event->head, ENOMEM);
    for (uint64_t i = 0; i < count; i++)
        free((char *)principals[i].name.data);
    free(principals);
    return verdict;
}
ON_POOL(fs_principals, sp_fs_principals, view, principals_now)
