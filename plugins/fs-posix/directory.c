/*
 * directory.c: listings. Slots on the reactor, the rest on the pool.
 *
 * The core asks for so many entries at a time; "." and ".." are not among them.
 */
#include "fs_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT_DEFAULT 100u
#define COUNT_MOST 1000u

static int32_t opendir_now(struct fs_posix *fs, const struct view *view,
                           const struct sp_fs_path *event)
{
    int fd = jail_open(view, event->path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);
    if (fd < 0)
        return reply_error(fs, &event->head, -fd);
    DIR *stream = fdopendir(fd);
    struct handle *handle = stream ? handle_new(fd, stream) : NULL;
    if (!handle) {
        if (stream)
            closedir(stream);
        else
            close(fd);
        return reply_error(fs, &event->head, ENOMEM);
    }
    if (reply_handle(fs, &event->head, handle) < 0)
        handle_free(handle);
    return SP_PENDING;
}
ON_POOL(fs_opendir, sp_fs_path, view, opendir_now)

static bool is_dot(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* The next entry; 1, or 0 at the end, or -errno. */
static int next_entry(const struct fs_posix *fs, struct handle *handle, uint32_t wanted,
                      struct sp_fs_entry *ret_entry)
{
    for (;;) {
        errno = 0;
        const struct dirent *found = readdir(handle->stream);
        if (!found)
            return -errno;
        if (is_dot(found->d_name))
            continue;
        int rc = attributes_get(fs, handle->fd, found->d_name, wanted, &ret_entry->attributes);
        if (rc == -ENOENT)
            continue; /* removed since */
        if (rc < 0)   /* there, but its attributes are not for us */
            ret_entry->attributes = (struct sp_fs_attributes){
                .struct_size = sizeof ret_entry->attributes,
                .valid = SP_ATTR_TYPE,
                .type = SP_FILE_UNKNOWN,
            };
        char *name = strdup(found->d_name);
        if (!name) {
            attributes_clear(&ret_entry->attributes);
            return -ENOMEM;
        }
        ret_entry->name = sp_str_of(name);
        return 1;
    }
}

static int32_t readdir_now(struct fs_posix *fs, struct handle *handle,
                           const struct sp_fs_handle *event)
{
    uint64_t wanted = event->count ? event->count : COUNT_DEFAULT;
    wanted = wanted < COUNT_MOST ? wanted : COUNT_MOST;
    struct sp_fs_entry *entries = calloc(wanted, sizeof *entries);
    if (!entries || !handle->stream) {
        free(entries);
        return reply_error(fs, &event->head, entries ? ENOTDIR : ENOMEM);
    }
    uint64_t count = 0;
    int rc = 1;
    while (count < wanted && (rc = next_entry(fs, handle, event->wanted, &entries[count])) == 1)
        count++;
    int32_t verdict = SP_PENDING;
    if (rc < 0 && count == 0) {
        verdict = reply_error(fs, &event->head, -rc);
    } else {
        struct sp_fs_reply reply = {
            .head = {.struct_size = sizeof reply, .verdict = SP_OK},
            .eof = rc == 0,
            .entries = entries,
            .entries_count = count,
        };
        fs->host->complete(fs->host, event->head.token, &reply.head);
    }
    for (uint64_t i = 0; i < count; i++) {
        free((char *)entries[i].name.data);
        attributes_clear(&entries[i].attributes);
    }
    free(entries);
    return verdict;
}
ON_POOL(fs_readdir, sp_fs_handle, handle, readdir_now)
