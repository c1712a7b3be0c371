/*
 * node.c: nodes, and directories of them. A directory is a search tree by name, and a list in the
 * order of creation in which listings keep their place while names come and go.
 */
#include "fs_memory.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct node *node_new(uint32_t type, uint32_t mode)
{
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->type = type;
    node->mode = mode;
    clock_gettime(CLOCK_REALTIME, &node->create_time);
    node->access_time = node->modify_time = node->change_time = node->create_time;
    return node;
}

void node_release(struct limits *limits, struct node *node)
{
    if (node->names > 0 || node->opens > 0)
        return;
    data_truncate(limits, node, 0);
    texts_free(limits, node);
    free(node->target);
    free(node);
}

void node_touch(struct node *node)
{
    clock_gettime(CLOCK_REALTIME, &node->modify_time);
    node->change_time = node->modify_time;
}

static int compare(const void *a, const void *b)
{
    const struct child *x = a;
    const struct child *y = b;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return memcmp(x->name, y->name, x->length);
}

static struct child *entry_new(struct sp_str name)
{
    struct child *entry = calloc(1, sizeof *entry + name.len + 1);
    if (entry) {
        entry->length = name.len;
        memcpy(entry->name, name.data, name.len);
    }
    return entry;
}

struct child *directory_find(const struct node *directory, struct sp_str name)
{
    /* The tree compares entries, so the name is dressed as one. */
    union {
        struct child entry;
        char space[sizeof(struct child) + NAME_MOST + 1];
    } key;
    if (name.len > NAME_MOST)
        return NULL;
    key.entry.length = name.len;
    memcpy(key.space + offsetof(struct child, name), name.data, name.len);
    void *found = tfind(&key.entry, &directory->by_name, compare);
    return found ? *(struct child **)found : NULL;
}

static bool insert(struct node *directory, struct child *entry)
{
    if (!tsearch(entry, &directory->by_name, compare))
        return false;
    entry->directory = directory;
    entry->previous = directory->last;
    entry->next = NULL;
    if (directory->last)
        directory->last->next = entry;
    else
        directory->first = entry;
    directory->last = entry;
    node_touch(directory);
    return true;
}

static void take_out(struct child *entry)
{
    struct node *directory = entry->directory;
    tdelete(entry, &directory->by_name, compare);
    for (struct cursor *c = directory->cursors; c; c = c->next)
        if (c->entry == entry)
            c->entry = entry->next;
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        directory->first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    else
        directory->last = entry->previous;
    node_touch(directory);
}

uint32_t directory_add(struct limits *limits, struct node *directory, struct sp_str name,
                       struct node *node)
{
    if (name.len > NAME_MOST)
        return SP_FS_INVALID_FILENAME;
    if (limits->files >= limits->files_most)
        return SP_FS_QUOTA_EXCEEDED;
    struct child *entry = entry_new(name);
    if (!entry || !insert(directory, entry)) {
        free(entry);
        return SP_FS_FAILURE;
    }
    entry->node = node;
    node->names++;
    if (node->type == SP_FILE_DIRECTORY)
        node->own = entry;
    limits->files++;
    return SP_FS_OK;
}

void directory_remove(struct limits *limits, struct child *entry)
{
    struct node *node = entry->node;
    take_out(entry);
    if (node->own == entry)
        node->own = NULL;
    free(entry);
    limits->files--;
    node->names--;
    clock_gettime(CLOCK_REALTIME, &node->change_time);
    node_release(limits, node);
}

uint32_t directory_move(struct limits *limits, struct child *entry, struct node *directory,
                        struct sp_str name)
{
    struct node *node = entry->node;
    limits->files--; /* the new name takes the old one's place */
    uint32_t status = directory_add(limits, directory, name, node);
    limits->files++;
    if (status != SP_FS_OK)
        return status;
    directory_remove(limits, entry);
    return SP_FS_OK;
}

void directory_replace(struct limits *limits, struct child *entry, struct child *target)
{
    struct node *replaced = target->node;
    target->node = entry->node;
    target->node->names++;
    if (target->node->own)
        target->node->own = target;
    node_touch(target->directory);
    directory_remove(limits, entry);
    replaced->own = NULL;
    replaced->names--;
    node_release(limits, replaced);
}

static void forget(void *entry)
{
    (void)entry; /* the list frees it */
}

/* Its names are gone from then on but for the list of children. */
static void forget_names(struct node *directory)
{
    tdestroy(directory->by_name, forget);
    directory->by_name = NULL;
}

/* Always the first leaf, and no recursion: by renaming, a client nests directories as deep as there
 * may be names. */
void directory_destroy(struct limits *limits, struct node *root)
{
    struct node *directory = root;
    forget_names(root);
    while (directory->first || directory != root) {
        struct child *entry = directory->first;
        if (entry && entry->node->type == SP_FILE_DIRECTORY) {
            directory = entry->node;
            forget_names(directory);
            continue;
        }
        struct node *node = entry ? entry->node : directory;
        if (!entry) { /* an empty directory: its own name goes */
            entry = directory->own;
            directory = entry->directory;
        }
        directory->first = entry->next;
        free(entry);
        node->names--;
        if (node->type == SP_FILE_DIRECTORY) {
            texts_free(limits, node);
            free(node);
        } else {
            node_release(limits, node);
        }
    }
    texts_free(limits, root);
    free(root);
}

void cursor_begin(struct cursor *cursor, struct node *directory)
{
    cursor->entry = directory->first;
    cursor->next = directory->cursors;
    directory->cursors = cursor;
}

void cursor_end(struct cursor *cursor, struct node *directory)
{
    struct cursor **link = &directory->cursors;
    while (*link != cursor)
        link = &(*link)->next;
    *link = cursor->next;
}
