/*
 * access.c: read-only and write-only mounts. See access.h.
 */
#include "sftp/access.h"

#include <stdlib.h>
#include <string.h>

#define MADE_MAX 256u /* names that a channel is known to have made: the latest */

struct made {
    struct list link;
    char path[];
};

/* What may be done on a write-only mount. An operation that is not named here may not. */
enum drop { DROP_NOT, DROP_OWN, DROP_ANY };

static const enum drop drops[SFTP_OP_COUNT] = {
    [SFTP_OP_OPEN] = DROP_OWN,
    [SFTP_OP_CLOSE] = DROP_ANY,
    [SFTP_OP_WRITE] = DROP_ANY,
    [SFTP_OP_LSTAT] = DROP_ANY,
    [SFTP_OP_FSTAT] = DROP_ANY,
    [SFTP_OP_SETSTAT] = DROP_OWN,
    [SFTP_OP_FSETSTAT] = DROP_ANY,
    [SFTP_OP_REMOVE] = DROP_OWN,
    [SFTP_OP_MKDIR] = DROP_ANY,
    [SFTP_OP_RMDIR] = DROP_OWN,
    [SFTP_OP_REALPATH] = DROP_ANY,
    [SFTP_OP_STAT] = DROP_ANY,
    [SFTP_OP_RENAME] = DROP_OWN,
    [SFTP_OP_BLOCK] = DROP_ANY,
    [SFTP_OP_UNBLOCK] = DROP_ANY,
    [SFTP_OP_POSIX_RENAME] = DROP_OWN,
    [SFTP_OP_FSYNC] = DROP_ANY,
    [SFTP_OP_STATVFS] = DROP_ANY,
    [SFTP_OP_FSTATVFS] = DROP_ANY,
    [SFTP_OP_LSETSTAT] = DROP_OWN,
    [SFTP_OP_EXPAND_PATH] = DROP_ANY,
    [SFTP_OP_COPY_DATA] = DROP_ANY, /* as the target: a source is open for reading */
    [SFTP_OP_SPACE_AVAILABLE] = DROP_ANY,
};

static enum drop drop_of(const struct sftp_operation *operation)
{
    return drops[operation - sftp_operation((enum sftp_operation_id)0)];
}

static bool is_drop_box(const struct sftp_mount *mount)
{
    return mount && mount->config->access == CONFIG_WRITE_ONLY;
}

static uint32_t refuse(const char **ret_text)
{
    *ret_text = "Files can be left here, but not read, listed or changed";
    return SP_FS_PERMISSION_DENIED;
}

uint32_t sftp_access_check(const struct sftp_mount *mount, const struct sftp_operation *operation,
                           uint32_t flags, const char **ret_text)
{
    switch (mount->config->access) {
    case CONFIG_READ_WRITE:
        return SP_FS_OK;
    case CONFIG_READ_ONLY:
        if (!sftp_operation_changes(operation, flags))
            return SP_FS_OK;
        *ret_text = "These files are read-only";
        return SP_FS_WRITE_PROTECT;
    case CONFIG_WRITE_ONLY:
        break;
    }
    bool is_open = operation == sftp_operation(SFTP_OP_OPEN);
    bool is_to_write = flags & (SP_OPEN_WRITE | SP_OPEN_APPEND);
    if (drop_of(operation) == DROP_NOT || (is_open && (flags & SP_OPEN_READ || !is_to_write)))
        return refuse(ret_text);
    return SP_FS_OK;
}

static bool is_own(const struct sftp_tree *tree, const char *path)
{
    list_for_each (node, &tree->made)
        if (strcmp(container_of(node, struct made, link)->path, path) == 0)
            return true;
    return false;
}

uint32_t sftp_access_check_names(const struct sftp_tree *tree, const struct sftp_place *place,
                                 const struct sftp_place *target,
                                 const struct sftp_operation *operation, uint32_t *flags,
                                 const char **ret_text)
{
    if (target && is_drop_box(target->mount))
        *flags &= ~(SP_RENAME_OVERWRITE | SP_RENAME_NATIVE);
    if (!is_drop_box(place->mount) || drop_of(operation) != DROP_OWN)
        return SP_FS_OK;
    if (target && target->mount && target->mount != place->mount)
        return refuse(ret_text); /* to be moved away it would have to be read */
    if (is_own(tree, place->path))
        return SP_FS_OK;
    if (operation != sftp_operation(SFTP_OP_OPEN) || !(*flags & SP_OPEN_CREATE))
        return refuse(ret_text);
    *flags |= SP_OPEN_EXCLUSIVE;
    return SP_FS_OK;
}

void sftp_access_note(struct sftp_tree *tree, const struct sftp_place *place)
{
    if (!is_drop_box(place->mount) || is_own(tree, place->path))
        return;
    size_t size = strlen(place->path) + 1;
    struct made *made = malloc(sizeof *made + size);
    if (!made)
        return; /* then it is as others' */
    memcpy(made->path, place->path, size);
    list_append(&tree->made, &made->link);
    if (tree->made_count < MADE_MAX)
        tree->made_count++;
    else
        free(container_of(list_take_first(&tree->made), struct made, link));
}

void sftp_access_note_gone(struct sftp_tree *tree, const struct sftp_place *place)
{
    struct list kept;
    struct list *node;
    list_init(&kept);
    while ((node = list_take_first(&tree->made))) {
        struct made *made = container_of(node, struct made, link);
        if (!vpath_is_within(made->path, place->path)) {
            list_append(&kept, node);
            continue;
        }
        tree->made_count--;
        free(made);
    }
    while ((node = list_take_first(&kept)))
        list_append(&tree->made, node);
}

void sftp_access_forget(struct sftp_tree *tree)
{
    struct list *node;
    while ((node = list_take_first(&tree->made)))
        free(container_of(node, struct made, link));
}
