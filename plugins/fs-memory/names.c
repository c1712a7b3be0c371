/* names.c: the slots that take paths. */
#include "provider.h"

#include <string.h>

/* Where the path leads, which must exist. */
static uint32_t find(uint64_t view, struct sp_str path, bool follow, struct place *ret_place)
{
    uint32_t status = walk(view_of(view), path, follow, ret_place);
    return status == SP_FS_OK && !ret_place->node ? SP_FS_NO_SUCH_FILE : status;
}

/* Where the path leads, which must not exist. */
static uint32_t find_free(uint64_t view, struct sp_str path, struct place *ret_place)
{
    uint32_t status = walk(view_of(view), path, false, ret_place);
    return status == SP_FS_OK && ret_place->node ? SP_FS_FILE_ALREADY_EXISTS : status;
}

int32_t fs_stat(void *self, const struct sp_fs_path *event)
{
    struct place place;
    uint32_t status = find(event->view, event->path, !(event->flags & SP_FS_NOFOLLOW), &place);
    return status == SP_FS_OK ? reply_attributes(self, &event->head, place.node)
                              : reply_status(self, &event->head, status);
}

int32_t fs_setstat(void *self, const struct sp_fs_create *event)
{
    struct fs_memory *fs = self;
    struct place place;
    uint32_t status = find(event->view, event->path, !(event->flags & SP_FS_NOFOLLOW), &place);
    if (status == SP_FS_OK && event->attributes->valid & SP_ATTR_SIZE)
        status = access_check(place.node, NULL, SP_LOCK_WRITE, event->attributes->size, 0);
    if (status == SP_FS_OK)
        status = attributes_set(&fs->limits, place.node, event->attributes);
    return reply_status(fs, &event->head, status);
}

/* Give a new node its name. target is a link's text, else empty. */
static uint32_t make(struct fs_memory *fs, const struct place *place, uint32_t type, uint32_t mode,
                     struct sp_str target)
{
    struct node *node = node_new(type, mode);
    if (node && target.len) {
        node->target = strndup(target.data, target.len);
        node->size = target.len;
    }
    if (!node || (target.len && !node->target)) {
        if (node)
            node_release(&fs->limits, node);
        return SP_FS_FAILURE;
    }
    uint32_t status = directory_add(&fs->limits, place->directory, place->name, node);
    if (status != SP_FS_OK)
        node_release(&fs->limits, node);
    return status;
}

int32_t fs_mkdir(void *self, const struct sp_fs_create *event)
{
    const struct sp_fs_attributes *attributes = event->attributes;
    uint32_t mode = attributes->valid & SP_ATTR_PERMISSIONS ? attributes->mode & 01777u : 0755;
    struct place place;
    uint32_t status = find_free(event->view, event->path, &place);
    if (status == SP_FS_OK)
        status = make(self, &place, SP_FILE_DIRECTORY, mode, (struct sp_str){NULL, 0});
    return reply_status(self, &event->head, status);
}

int32_t fs_symlink(void *self, const struct sp_fs_pair *event)
{
    struct place place;
    uint32_t status = SP_FS_INVALID_PARAMETER;
    if (event->target.len > 0 && event->target.len <= TARGET_MOST &&
        !memchr(event->target.data, '\0', event->target.len))
        status = find_free(event->view, event->path, &place);
    if (status == SP_FS_OK)
        status = make(self, &place, SP_FILE_SYMLINK, 0777, event->target);
    return reply_status(self, &event->head, status);
}

int32_t fs_rmdir(void *self, const struct sp_fs_path *event)
{
    struct fs_memory *fs = self;
    struct place place;
    uint32_t status = find(event->view, event->path, false, &place);
    if (status == SP_FS_OK && place.node->type != SP_FILE_DIRECTORY)
        status = SP_FS_NOT_A_DIRECTORY;
    else if (status == SP_FS_OK && !place.directory)
        status = SP_FS_CANNOT_DELETE; /* the root */
    else if (status == SP_FS_OK && place.node->first)
        status = SP_FS_DIR_NOT_EMPTY;
    if (status == SP_FS_OK)
        directory_remove(&fs->limits, place.node->own);
    return reply_status(fs, &event->head, status);
}

int32_t fs_remove(void *self, const struct sp_fs_path *event)
{
    struct fs_memory *fs = self;
    struct place place;
    uint32_t status = find(event->view, event->path, false, &place);
    if (status == SP_FS_OK && place.node->type == SP_FILE_DIRECTORY)
        status = SP_FS_FILE_IS_A_DIRECTORY;
    if (status == SP_FS_OK)
        status = access_check(place.node, NULL, SP_LOCK_DELETE, 0, 0);
    if (status == SP_FS_OK) /* what is open lives on until it is closed */
        directory_remove(&fs->limits, directory_find(place.directory, place.name));
    return reply_status(fs, &event->head, status);
}

/* Whether node may take the place of what is at target. */
static uint32_t may_replace(const struct node *node, const struct node *target, bool overwrite)
{
    bool is_directory = node->type == SP_FILE_DIRECTORY;
    if (!overwrite)
        return SP_FS_FILE_ALREADY_EXISTS;
    if (target->type != SP_FILE_DIRECTORY)
        return is_directory ? SP_FS_NOT_A_DIRECTORY : SP_FS_OK;
    if (!is_directory)
        return SP_FS_FILE_IS_A_DIRECTORY;
    return target->first ? SP_FS_DIR_NOT_EMPTY : SP_FS_OK;
}

static uint32_t move(struct fs_memory *fs, const struct place *from, const struct place *to,
                     bool overwrite)
{
    if (!from->directory || !to->directory)
        return SP_FS_INVALID_PARAMETER; /* the root */
    if (to->node == from->node) /* two names of one file, or the same name: POSIX does nothing */
        return overwrite ? SP_FS_OK : SP_FS_FILE_ALREADY_EXISTS;
    if (from->node->type == SP_FILE_DIRECTORY && is_below(to->directory, from->node))
        return SP_FS_INVALID_PARAMETER;
    uint32_t status = to->node ? may_replace(from->node, to->node, overwrite) : SP_FS_OK;
    if (status == SP_FS_OK) /* taking a name away is deleting */
        status = access_check(from->node, NULL, SP_LOCK_DELETE, 0, 0);
    if (status == SP_FS_OK && to->node)
        status = access_check(to->node, NULL, SP_LOCK_DELETE, 0, 0);
    if (status != SP_FS_OK)
        return status;
    struct child *entry = directory_find(from->directory, from->name);
    if (!to->node)
        return directory_move(&fs->limits, entry, to->directory, to->name);
    directory_replace(&fs->limits, entry, directory_find(to->directory, to->name));
    return SP_FS_OK;
}

int32_t fs_rename(void *self, const struct sp_fs_pair *event)
{
    struct place from;
    struct place to;
    uint32_t status = find(event->view, event->path, false, &from);
    if (status == SP_FS_OK)
        status = walk(view_of(event->view), event->target, false, &to);
    if (status == SP_FS_OK)
        status = move(self, &from, &to, event->flags & (SP_RENAME_OVERWRITE | SP_RENAME_NATIVE));
    return reply_status(self, &event->head, status);
}

int32_t fs_link(void *self, const struct sp_fs_pair *event)
{
    struct fs_memory *fs = self;
    struct place from;
    struct place to;
    uint32_t status = find(event->view, event->path, false, &from);
    if (status == SP_FS_OK && from.node->type == SP_FILE_DIRECTORY)
        status = SP_FS_FILE_IS_A_DIRECTORY;
    if (status == SP_FS_OK)
        status = find_free(event->view, event->target, &to);
    if (status == SP_FS_OK)
        status = directory_add(&fs->limits, to.directory, to.name, from.node);
    return reply_status(fs, &event->head, status);
}

int32_t fs_readlink(void *self, const struct sp_fs_path *event)
{
    struct place place;
    uint32_t status = find(event->view, event->path, false, &place);
    if (status == SP_FS_OK && place.node->type != SP_FILE_SYMLINK)
        status = SP_FS_INVALID_PARAMETER;
    return status == SP_FS_OK ? reply_path(self, &event->head,
                                           (struct sp_str){place.node->target, place.node->size})
                              : reply_status(self, &event->head, status);
}

int32_t fs_realpath(void *self, const struct sp_fs_path *event)
{
    char path[TARGET_MOST + NAME_MOST + 2];
    struct place place;
    uint32_t status = walk(view_of(event->view), event->path, true, &place);
    if (status != SP_FS_OK)
        return reply_status(self, &event->head, status);
    bool is_directory = place.node && place.node->type == SP_FILE_DIRECTORY;
    uint64_t length = walk_back(view_of(event->view), is_directory ? place.node : place.directory,
                                path, TARGET_MOST);
    if (length == 0)
        return reply_status(self, &event->head, SP_FS_INVALID_FILENAME);
    if (!is_directory) {
        length -= length == 1; /* "/" */
        path[length] = '/';
        memcpy(path + length + 1, place.name.data, place.name.len);
        length += 1 + place.name.len;
    }
    path[length] = '\0';
    return reply_path(self, &event->head, (struct sp_str){path, length});
}
