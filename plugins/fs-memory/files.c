/* files.c: the slots about open files and directories. */
#include "provider.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MOST 1000u
#define COPY_MOST (1u << 20) /* bytes in one go: others wait for the loop */

static void handle_free(struct fs_memory *fs, struct handle *handle)
{
    struct node *node = handle->node;
    if (node->type == SP_FILE_DIRECTORY)
        cursor_end(&handle->cursor, node);
    else
        access_end(handle);
    if (handle->directory) {
        handle->directory->opens--;
        node_release(&fs->limits, handle->directory);
    }
    node->opens--;
    node_release(&fs->limits, node);
    free((char *)handle->name.data);
    free(handle);
}

/* Remember by which name the file is to be deleted. false: memory is out. */
static bool remember(struct handle *handle, const struct place *place)
{
    char *name = malloc(place->name.len + 1);
    if (!name)
        return false;
    memcpy(name, place->name.data, place->name.len);
    handle->name = (struct sp_str){name, place->name.len};
    handle->directory = place->directory;
    handle->directory->opens++;
    return true;
}

/* Answer with a handle on what is at place. If nobody waits for it any more, it is not kept. */
static int32_t open_node(struct fs_memory *fs, const struct sp_event *event,
                         const struct place *place, uint32_t flags)
{
    struct node *node = place->node;
    struct handle *handle = calloc(1, sizeof *handle);
    if (!handle)
        return reply_status(fs, event, SP_FS_FAILURE);
    handle->node = node;
    handle->flags = flags;
    node->opens++;
    if (node->type == SP_FILE_DIRECTORY)
        cursor_begin(&handle->cursor, node);
    else
        access_begin(handle);
    if (flags & SP_OPEN_DELETE_ON_CLOSE && !remember(handle, place)) {
        handle_free(fs, handle);
        return reply_status(fs, event, SP_FS_FAILURE);
    }
    if (reply_handle(fs, event, handle) < 0)
        handle_free(fs, handle);
    return SP_PENDING;
}

int32_t fs_close(void *self, const struct sp_fs_handle *event)
{
    struct fs_memory *fs = self;
    struct handle *handle = handle_of(event->handle);
    struct child *entry = NULL;
    if (handle->directory)
        entry = directory_find(handle->directory, handle->name);
    /* If the name stands for another file by now, that one is none of ours. */
    if (entry && entry->node == handle->node)
        directory_remove(&fs->limits, entry);
    handle_free(fs, handle);
    return SP_OK;
}

/* The file at place, made if it is not there; its status goes to *ret_status. */
static struct node *open_or_create(struct fs_memory *fs, const struct sp_fs_create *event,
                                   const struct place *place, uint32_t *ret_status)
{
    const struct sp_fs_attributes *attributes = event->attributes;
    *ret_status = SP_FS_OK;
    if (place->node) {
        if (event->flags & SP_OPEN_CREATE && event->flags & SP_OPEN_EXCLUSIVE)
            *ret_status = SP_FS_FILE_ALREADY_EXISTS;
        else if (place->node->type == SP_FILE_DIRECTORY)
            *ret_status = SP_FS_FILE_IS_A_DIRECTORY;
        else if (place->node->type == SP_FILE_SYMLINK)
            *ret_status = SP_FS_LINK_LOOP; /* with SP_OPEN_NOFOLLOW */
        return place->node;
    }
    if (!(event->flags & SP_OPEN_CREATE)) {
        *ret_status = SP_FS_NO_SUCH_FILE;
        return NULL;
    }
    uint32_t mode = attributes->valid & SP_ATTR_PERMISSIONS ? attributes->mode & 0777u : 0644;
    struct node *node = node_new(SP_FILE_REGULAR, mode);
    if (!node) {
        *ret_status = SP_FS_FAILURE;
        return NULL;
    }
    *ret_status = directory_add(&fs->limits, place->directory, place->name, node);
    if (*ret_status != SP_FS_OK)
        node_release(&fs->limits, node);
    return node;
}

int32_t fs_open(void *self, const struct sp_fs_create *event)
{
    struct fs_memory *fs = self;
    struct place place;
    bool writes = event->flags & SP_OPEN_WRITE;
    if (event->flags & ~support.open_flags)
        return reply_status(fs, &event->head, SP_FS_OP_UNSUPPORTED);
    if (!(event->flags & (SP_OPEN_READ | SP_OPEN_WRITE)) ||
        (!writes && event->flags & (SP_OPEN_APPEND | SP_OPEN_TRUNCATE)))
        return reply_status(fs, &event->head, SP_FS_INVALID_PARAMETER);
    /* What must not exist is not looked for behind a link. */
    bool is_exclusive = event->flags & SP_OPEN_CREATE && event->flags & SP_OPEN_EXCLUSIVE;
    bool follow = !(event->flags & SP_OPEN_NOFOLLOW) && !is_exclusive;
    uint32_t status = walk(view_of(event->view), event->path, follow, &place);
    if (status == SP_FS_OK)
        place.node = open_or_create(fs, event, &place, &status);
    if (status == SP_FS_OK)
        status = access_open(place.node, event->flags);
    if (status == SP_FS_OK && event->flags & SP_OPEN_TRUNCATE)
        status = access_check(place.node, NULL, SP_LOCK_WRITE, 0, 0);
    if (status != SP_FS_OK)
        return reply_status(fs, &event->head, status);
    if (event->flags & SP_OPEN_TRUNCATE) {
        data_truncate(&fs->limits, place.node, 0);
        node_touch(place.node);
    }
    return open_node(fs, &event->head, &place, event->flags);
}

int32_t fs_read(void *self, const struct sp_fs_io *event)
{
    struct fs_memory *fs = self;
    const struct handle *handle = handle_of(event->handle);
    if (!(handle->flags & SP_OPEN_READ))
        return reply_status(fs, &event->head, SP_FS_PERMISSION_DENIED);
    uint32_t status =
        access_check(handle->node, handle, SP_LOCK_READ, event->offset, event->length);
    if (status != SP_FS_OK)
        return reply_status(fs, &event->head, status);
    /* Into the core's own buffer: this is all the copying there is. */
    uint64_t count = data_read(handle->node, event->offset, event->buffer, event->length);
    return reply_count(fs, &event->head, count, count < event->length);
}

int32_t fs_write(void *self, const struct sp_fs_io *event)
{
    struct fs_memory *fs = self;
    const struct handle *handle = handle_of(event->handle);
    if (!(handle->flags & SP_OPEN_WRITE))
        return reply_status(fs, &event->head, SP_FS_PERMISSION_DENIED);
    uint64_t offset = handle->flags & SP_OPEN_APPEND ? handle->node->size : event->offset;
    uint32_t status = access_check(handle->node, handle, SP_LOCK_WRITE, offset, event->length);
    if (status == SP_FS_OK)
        status = data_write(&fs->limits, handle->node, offset, event->buffer, event->length);
    return status == SP_FS_OK ? reply_count(fs, &event->head, event->length, false)
                              : reply_status(fs, &event->head, status);
}

int32_t fs_fstat(void *self, const struct sp_fs_handle *event)
{
    return reply_attributes(self, &event->head, handle_of(event->handle)->node);
}

int32_t fs_fsetstat(void *self, const struct sp_fs_handle *event)
{
    struct fs_memory *fs = self;
    const struct handle *handle = handle_of(event->handle);
    bool cuts = event->attributes->valid & SP_ATTR_SIZE;
    uint32_t status = SP_FS_OK;
    if (cuts && !(handle->flags & SP_OPEN_WRITE))
        status = SP_FS_PERMISSION_DENIED;
    else if (cuts)
        status = access_check(handle->node, handle, SP_LOCK_WRITE, event->attributes->size, 0);
    if (status == SP_FS_OK)
        status = attributes_set(&fs->limits, handle->node, event->attributes);
    return reply_status(fs, &event->head, status);
}

int32_t fs_fsync(void *self, const struct sp_fs_handle *event)
{
    (void)self;
    (void)event;
    return SP_OK; /* memory is as safe as it will ever be */
}

int32_t fs_opendir(void *self, const struct sp_fs_path *event)
{
    struct fs_memory *fs = self;
    struct place place;
    uint32_t status = walk(view_of(event->view), event->path, true, &place);
    if (status == SP_FS_OK && !place.node)
        status = SP_FS_NO_SUCH_FILE;
    if (status == SP_FS_OK && place.node->type != SP_FILE_DIRECTORY)
        status = SP_FS_NOT_A_DIRECTORY;
    return status == SP_FS_OK ? open_node(fs, &event->head, &place, SP_OPEN_READ)
                              : reply_status(fs, &event->head, status);
}

int32_t fs_closedir(void *self, const struct sp_fs_handle *event)
{
    return fs_close(self, event);
}

int32_t fs_readdir(void *self, const struct sp_fs_handle *event)
{
    struct fs_memory *fs = self;
    struct cursor *cursor = &handle_of(event->handle)->cursor;
    uint64_t most = event->count && event->count < ENTRIES_MOST ? event->count : ENTRIES_MOST;
    struct sp_fs_entry *entries = calloc(most, sizeof *entries);
    if (!entries)
        return reply_status(fs, &event->head, SP_FS_FAILURE);
    uint64_t count = 0;
    for (; cursor->entry && count < most; cursor->entry = cursor->entry->next) {
        entries[count].name = (struct sp_str){cursor->entry->name, cursor->entry->length};
        entries[count].attributes = attributes_of(cursor->entry->node);
        count++;
    }
    struct sp_fs_reply reply = {
        .head = {.struct_size = sizeof reply, .verdict = SP_OK},
        .eof = !cursor->entry,
        .entries = entries,
        .entries_count = count,
    };
    /* The reply is copied before this returns, with all that it points to. */
    fs->host->complete(fs->host, event->head.token, &reply.head);
    free(entries);
    return SP_PENDING;
}

/* Ranges of one file that overlap would feed a copy with its own output, and so would a copy to
 * the end of a file that grows with it. */
static bool overlaps(const struct sp_fs_copy *event)
{
    const struct handle *target = handle_of(event->target);
    uint64_t a = event->source_offset;
    uint64_t b = event->target_offset;
    return handle_of(event->source)->node == target->node &&
           (event->length == 0 || target->flags & SP_OPEN_APPEND ||
            (a < b ? b - a : a - b) < event->length);
}

int32_t fs_copy(void *self, const struct sp_fs_copy *event)
{
    struct fs_memory *fs = self;
    struct handle *source = handle_of(event->source);
    struct handle *target = handle_of(event->target);
    if (!(source->flags & SP_OPEN_READ) || !(target->flags & SP_OPEN_WRITE))
        return reply_status(fs, &event->head, SP_FS_PERMISSION_DENIED);
    uint64_t size = source->node->size;
    uint64_t left = event->source_offset < size ? size - event->source_offset : 0;
    bool meets_end = event->length == 0 || event->length > left;
    left = meets_end ? left : event->length;
    meets_end = meets_end && left <= COPY_MOST;
    left = left <= COPY_MOST ? left : COPY_MOST;
    char *buffer = malloc(BLOCK_SIZE);
    uint32_t status = buffer ? SP_FS_OK : SP_FS_FAILURE;
    if (overlaps(event))
        status = SP_FS_INVALID_PARAMETER;
    if (status == SP_FS_OK && left)
        status = access_check(source->node, source, SP_LOCK_READ, event->source_offset, left);
    if (status == SP_FS_OK && left)
        status = access_check(
            target->node, target, SP_LOCK_WRITE,
            target->flags & SP_OPEN_APPEND ? target->node->size : event->target_offset, left);
    uint64_t done = 0;
    while (status == SP_FS_OK && done < left) {
        uint64_t piece = left - done < BLOCK_SIZE ? left - done : BLOCK_SIZE;
        uint64_t to =
            target->flags & SP_OPEN_APPEND ? target->node->size : event->target_offset + done;
        data_read(source->node, event->source_offset + done, buffer, piece);
        status = data_write(&fs->limits, target->node, to, buffer, piece);
        done += piece;
    }
    free(buffer);
    return status == SP_FS_OK ? reply_count(fs, &event->head, done, meets_end)
                              : reply_status(fs, &event->head, status);
}
