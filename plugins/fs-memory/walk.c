/*
 * walk.c: from paths to nodes. Symbolic links are followed here, inside the view: "/" in a target
 * is the view's root, and ".." of that root is the root, so that no link can lead out.
 */
#include "fs_memory.h"

#include <string.h>

#define LINKS_MOST 40

struct walker {
    struct node *root;
    int links;
};

/* A walk goes down from its root and nothing moves meanwhile, so that it cannot miss it here. */
static struct node *parent_of(const struct walker *walker, struct node *directory)
{
    return directory == walker->root ? directory : directory->own->directory;
}

/* The next component of *path, which is moved past it; empty at the end. */
static struct sp_str next_component(struct sp_str *path)
{
    while (path->len && *path->data == '/') {
        path->data++;
        path->len--;
    }
    const char *slash = path->len ? memchr(path->data, '/', path->len) : NULL;
    struct sp_str name = {path->data, slash ? (uint64_t)(slash - path->data) : path->len};
    path->data += name.len;
    path->len -= name.len;
    return name;
}

static bool is(struct sp_str name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.data, text, name.len) == 0;
}

static bool is_last(struct sp_str rest)
{
    return next_component(&rest).len == 0;
}

static uint32_t walk_from(struct walker *walker, struct node *directory, struct sp_str path,
                          bool follow, struct place *place);

/* One step from place->node, a directory. */
static uint32_t step(struct walker *walker, struct sp_str name, bool last, bool follow,
                     struct place *place)
{
    struct node *directory = place->node;
    if (directory->type != SP_FILE_DIRECTORY)
        return SP_FS_NOT_A_DIRECTORY;
    if (is(name, ".") || is(name, "..")) {
        struct node *node = is(name, "..") ? parent_of(walker, directory) : directory;
        *place = (struct place){.node = node};
        if (node != walker->root)
            *place =
                (struct place){node->own->directory, {node->own->name, node->own->length}, node};
        return SP_FS_OK;
    }
    if (name.len > NAME_MOST)
        return SP_FS_INVALID_FILENAME;
    struct child *entry = directory_find(directory, name);
    *place = (struct place){directory, name, entry ? entry->node : NULL};
    if (!entry)
        return last ? SP_FS_OK : SP_FS_NO_SUCH_FILE;
    if (entry->node->type != SP_FILE_SYMLINK || (last && !follow))
        return SP_FS_OK;
    if (++walker->links > LINKS_MOST)
        return SP_FS_LINK_LOOP;
    uint32_t status = walk_from(walker, directory, sp_str_of(entry->node->target), true, place);
    return status == SP_FS_OK && !place->node && !last ? SP_FS_NO_SUCH_FILE : status;
}

/* Nests only as deep as links lead to links: LINKS_MOST. */
static uint32_t walk_from(struct walker *walker, struct node *directory, struct sp_str path,
                          bool follow, struct place *place)
{
    *place = (struct place){.node = path.data[0] == '/' ? walker->root : directory};
    uint32_t status = SP_FS_OK;
    for (struct sp_str name; status == SP_FS_OK && (name = next_component(&path)).len;)
        status = step(walker, name, is_last(path), follow, place);
    return status;
}

uint32_t walk(struct node *root, struct sp_str path, bool follow, struct place *ret_place)
{
    struct walker walker = {.root = root};
    if (path.len == 0 || path.len > TARGET_MOST)
        return SP_FS_INVALID_FILENAME;
    if (root->names == 0) /* a home that was removed: nothing can be in it */
        return SP_FS_NO_SUCH_FILE;
    return walk_from(&walker, root, path, follow, ret_place);
}

uint64_t walk_back(const struct node *root, const struct node *directory, char *buffer,
                   uint64_t size)
{
    uint64_t start = size;
    for (; directory != root; directory = directory->own->directory) {
        const struct child *e = directory->own;
        if (e->length + 1 > start)
            return 0;
        start -= e->length + 1;
        buffer[start] = '/';
        memcpy(buffer + start + 1, e->name, e->length);
    }
    if (start == size)
        buffer[--start] = '/';
    memmove(buffer, buffer + start, size - start);
    return size - start;
}

bool is_below(const struct node *directory, const struct node *other)
{
    for (;;) {
        if (directory == other)
            return true;
        if (!directory->own)
            return false;
        directory = directory->own->directory;
    }
}
