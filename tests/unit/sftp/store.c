/* store.c: the in-memory provider. See store.h. */
#include "store.h"

#include <stdlib.h>
#include <string.h>

static struct store_node *node_new(struct store *store, const char *path, uint32_t type)
{
    for (size_t i = 0; i < STORE_NODES; i++) {
        struct store_node *node = &store->nodes[i];
        if (node->path)
            continue;
        memset(node, 0, sizeof *node);
        node->path = strdup(path);
        node->type = type;
        node->mode = type == SP_FILE_DIRECTORY ? 0755 : 0644;
        node->modified = 1000000000;
        return node;
    }
    return NULL;
}

static void node_clear(struct store_node *node)
{
    free(node->path);
    free(node->target);
    buffer_release(&node->data);
    memset(node, 0, sizeof *node);
}

void store_free(struct store *store)
{
    for (size_t i = 0; i < STORE_NODES; i++)
        if (store->nodes[i].path)
            node_clear(&store->nodes[i]);
}

struct store_node *store_find(struct store *store, const char *path)
{
    for (size_t i = 0; i < STORE_NODES; i++)
        if (store->nodes[i].path && strcmp(store->nodes[i].path, path) == 0)
            return &store->nodes[i];
    return NULL;
}

void store_directory(struct store *store, const char *path)
{
    node_new(store, path, SP_FILE_DIRECTORY);
}

struct store_node *store_file(struct store *store, const char *path, const char *text)
{
    struct store_node *node = node_new(store, path, SP_FILE_REGULAR);
    buffer_append(&node->data, text, strlen(text));
    return node;
}

void store_link(struct store *store, const char *path, const char *target)
{
    node_new(store, path, SP_FILE_SYMLINK)->target = strdup(target);
}

bool store_has(struct store *store, const char *path, const char *text)
{
    struct store_node *node = store_find(store, path);
    return node && buffer_length(&node->data) == strlen(text) &&
           (*text == 0 || memcmp(buffer_data(&node->data), text, strlen(text)) == 0);
}

int store_open_handles(const struct store *store)
{
    int count = 0;
    for (size_t i = 0; i < STORE_HANDLES; i++)
        count += store->handles[i].is_open;
    return count;
}

static bool is_in_use(const struct store *store, const struct store_node *node)
{
    for (size_t i = 0; i < STORE_HANDLES; i++)
        if (store->handles[i].is_open && store->handles[i].node == node)
            return true;
    return false;
}

/* What is open stays until it is closed, without a name. */
static void node_remove(struct store *store, struct store_node *node)
{
    if (!is_in_use(store, node))
        node_clear(node);
    else
        node->path[0] = '\0';
}

static int32_t fail(struct sp_fs_reply *reply, uint32_t status)
{
    reply->status = status;
    return SP_E_FAILED;
}

static int32_t fail_or_ok(struct sp_fs_reply *reply, uint32_t status)
{
    return status == SP_FS_OK ? SP_OK : fail(reply, status);
}

/* Events promise this of every path. */
static void check_path(struct sp_str path)
{
    MOCK_CHECK(path.data && path.data[0] == '/' && path.data[path.len] == '\0');
    MOCK_CHECK(strlen(path.data) == path.len && !strstr(path.data, "//"));
    MOCK_CHECK(path.len == 1 || path.data[path.len - 1] != '/');
    MOCK_CHECK(!strstr(path.data, "/../") && !strstr(path.data, "/./"));
}

static bool parent_exists(struct store *store, const char *path)
{
    char parent[8192];
    strcpy(parent, path);
    char *slash = strrchr(parent, '/');
    slash[slash == parent] = '\0';
    struct store_node *node = store_find(store, parent);
    return node && node->type == SP_FILE_DIRECTORY;
}

/* Links with absolute text, as deep as one. */
static struct store_node *follow(struct store *store, struct store_node *node)
{
    if (node && node->type == SP_FILE_SYMLINK && node->target[0] == '/')
        return store_find(store, node->target);
    return node;
}

static void tell(const struct store_node *node, struct sp_fs_attributes *a)
{
    *a = (struct sp_fs_attributes){
        .struct_size = sizeof *a,
        .valid = SP_ATTR_SIZE | SP_ATTR_TYPE | SP_ATTR_PERMISSIONS | SP_ATTR_OWNER_IDS |
                 SP_ATTR_MODIFY_TIME | SP_ATTR_ACCESS_TIME,
        .size = buffer_length(&node->data),
        .type = node->type,
        .mode = node->mode,
        .uid = 1000,
        .gid = 1000,
        .modify_time.seconds = node->modified,
        .access_time.seconds = node->modified,
    };
}

#define SIZE_MAX_HERE (64u << 20)

/* 0, or a status. */
static uint32_t resize(struct store_node *node, uint64_t size)
{
    if (size > SIZE_MAX_HERE)
        return SP_FS_NO_SPACE_ON_FILESYSTEM;
    size_t length = buffer_length(&node->data);
    if (size < length) {
        node->data.end -= length - (size_t)size;
    } else if (size > length) {
        memset(buffer_reserve(&node->data, (size_t)size - length), 0, (size_t)size - length);
        buffer_commit(&node->data, (size_t)size - length);
    }
    return SP_FS_OK;
}

static uint32_t change(struct store_node *node, const struct sp_fs_attributes *a)
{
    uint32_t status = a->valid & SP_ATTR_SIZE ? resize(node, a->size) : SP_FS_OK;
    if (a->valid & SP_ATTR_PERMISSIONS)
        node->mode = a->mode;
    if (a->valid & SP_ATTR_MODIFY_TIME)
        node->modified = a->modify_time.seconds;
    return status;
}

static struct store_handle *handle_of(struct store *store, uint64_t number)
{
    if (number == 0 || number > STORE_HANDLES || !store->handles[number - 1].is_open)
        return NULL;
    return &store->handles[number - 1];
}

static int32_t give_handle(struct store *store, struct store_node *node, uint32_t flags,
                           struct sp_fs_reply *reply)
{
    for (uint64_t i = 0; i < STORE_HANDLES; i++) {
        struct store_handle *handle = &store->handles[i];
        if (handle->is_open)
            continue;
        memset(handle, 0, sizeof *handle);
        handle->is_open = true;
        handle->is_directory = node->type == SP_FILE_DIRECTORY;
        handle->flags = flags;
        handle->node = node;
        reply->handle = i + 1;
        return SP_OK;
    }
    return fail(reply, SP_FS_FAILURE);
}

static int32_t open_file(struct store *store, const struct sp_fs_create *event,
                         struct sp_fs_reply *reply)
{
    check_path(event->path);
    struct store_node *node = follow(store, store_find(store, event->path.data));
    if (node && node->type == SP_FILE_DIRECTORY)
        return fail(reply, SP_FS_FILE_IS_A_DIRECTORY);
    if (node && (event->flags & SP_OPEN_EXCLUSIVE))
        return fail(reply, SP_FS_FILE_ALREADY_EXISTS);
    if (!node) {
        if (!(event->flags & SP_OPEN_CREATE) || !parent_exists(store, event->path.data))
            return fail(reply, SP_FS_NO_SUCH_FILE);
        node = node_new(store, event->path.data, SP_FILE_REGULAR);
        change(node, event->attributes);
    }
    if (event->flags & SP_OPEN_TRUNCATE)
        resize(node, 0);
    return give_handle(store, node, event->flags, reply);
}

static int32_t read_file(struct store *store, const struct sp_fs_io *event,
                         struct sp_fs_reply *reply)
{
    struct store_handle *handle = handle_of(store, event->handle);
    if (!handle || !(handle->flags & SP_OPEN_READ))
        return fail(reply, SP_FS_PERMISSION_DENIED);
    uint64_t size = buffer_length(&handle->node->data);
    uint64_t count = event->offset < size ? size - event->offset : 0;
    count = count < event->length ? count : event->length;
    if (store->max_io && count > store->max_io)
        count = store->max_io;
    if (count > 0)
        memcpy(event->buffer, buffer_data(&handle->node->data) + event->offset, (size_t)count);
    reply->count = count + store->lie;
    reply->eof = event->offset + count >= size;
    return count == 0 && store->lie == 0 ? fail(reply, SP_FS_EOF) : SP_OK;
}

static int32_t write_file(struct store *store, const struct sp_fs_io *event,
                          struct sp_fs_reply *reply)
{
    struct store_handle *handle = handle_of(store, event->handle);
    if (!handle || !(handle->flags & SP_OPEN_WRITE))
        return fail(reply, SP_FS_PERMISSION_DENIED);
    uint64_t count = store->max_io && event->length > store->max_io ? store->max_io : event->length;
    uint64_t offset = event->offset;
    if (handle->flags & SP_OPEN_APPEND)
        offset = buffer_length(&handle->node->data);
    if (offset > SIZE_MAX_HERE || offset + count > SIZE_MAX_HERE)
        return fail(reply, SP_FS_NO_SPACE_ON_FILESYSTEM);
    if (offset + count > buffer_length(&handle->node->data))
        resize(handle->node, offset + count);
    if (count > 0)
        memcpy(buffer_data(&handle->node->data) + offset, event->buffer, (size_t)count);
    reply->count = count + store->lie;
    return SP_OK;
}

static bool is_child(const char *path, const char *directory, const char **ret_name)
{
    size_t length = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    if (strncmp(path, directory, length) != 0 || path[length] != '/' || path[length + 1] == '\0' ||
        strchr(path + length + 1, '/'))
        return false;
    *ret_name = path + length + 1;
    return true;
}

static int32_t list(struct store *store, const struct sp_fs_handle *event,
                    struct sp_fs_reply *reply)
{
    struct store_handle *handle = handle_of(store, event->handle);
    if (!handle || !handle->is_directory)
        return fail(reply, SP_FS_INVALID_HANDLE);
    if (handle->node->path[0] == '\0') /* removed meanwhile */
        return fail(reply, SP_FS_EOF);
    uint64_t count = 0;
    while (handle->cursor < STORE_NODES && count < event->count) {
        struct store_node *node = &store->nodes[handle->cursor++];
        const char *name;
        if (!node->path || !is_child(node->path, handle->node->path, &name))
            continue;
        store->entries[count].name = (struct sp_str){name, strlen(name)};
        tell(node, &store->entries[count].attributes);
        count++;
    }
    reply->entries = store->entries;
    reply->entries_count = count;
    reply->eof = handle->cursor == STORE_NODES;
    return SP_OK;
}

static bool is_empty(struct store *store, const char *path)
{
    const char *name;
    for (size_t i = 0; i < STORE_NODES; i++)
        if (store->nodes[i].path && is_child(store->nodes[i].path, path, &name))
            return false;
    return true;
}

static int32_t remove_entry(struct store *store, const struct sp_fs_path *event,
                            bool wants_directory, struct sp_fs_reply *reply)
{
    check_path(event->path);
    struct store_node *node = store_find(store, event->path.data);
    if (!node)
        return fail(reply, SP_FS_NO_SUCH_FILE);
    if ((node->type == SP_FILE_DIRECTORY) != wants_directory)
        return fail(reply, wants_directory ? SP_FS_NOT_A_DIRECTORY : SP_FS_FILE_IS_A_DIRECTORY);
    if (wants_directory && !is_empty(store, node->path))
        return fail(reply, SP_FS_DIR_NOT_EMPTY);
    node_remove(store, node);
    return SP_OK;
}

/* What lies in a directory is called something else with it. */
static void rename_below(struct store *store, const char *from, const char *to)
{
    size_t length = strlen(from);
    for (size_t i = 0; i < STORE_NODES; i++) {
        struct store_node *node = &store->nodes[i];
        char *path = NULL;
        if (!node->path || strncmp(node->path, from, length) != 0 || node->path[length] != '/')
            continue;
        MOCK_CHECK(asprintf(&path, "%s%s", to, node->path + length) > 0);
        free(node->path);
        node->path = path;
    }
}

static int32_t rename_entry(struct store *store, const struct sp_fs_pair *event,
                            struct sp_fs_reply *reply)
{
    check_path(event->path);
    check_path(event->target);
    struct store_node *node = store_find(store, event->path.data);
    struct store_node *old = store_find(store, event->target.data);
    if (!node)
        return fail(reply, SP_FS_NO_SUCH_FILE);
    if (old && !(event->flags & (SP_RENAME_OVERWRITE | SP_RENAME_NATIVE)))
        return fail(reply, SP_FS_FILE_ALREADY_EXISTS);
    if (old && old != node)
        node_remove(store, old);
    rename_below(store, event->path.data, event->target.data);
    free(node->path);
    node->path = strdup(event->target.data);
    return SP_OK;
}

static int32_t make_link(struct store *store, const struct sp_fs_pair *event,
                         struct sp_fs_reply *reply)
{
    struct store_node *node = store_find(store, event->path.data);
    if (!node || store_find(store, event->target.data))
        return fail(reply, node ? SP_FS_FILE_ALREADY_EXISTS : SP_FS_NO_SUCH_FILE);
    struct store_node *copy = node_new(store, event->target.data, SP_FILE_REGULAR);
    buffer_append(&copy->data, buffer_data(&node->data), buffer_length(&node->data));
    return SP_OK;
}

static int32_t copy_range(struct store *store, const struct sp_fs_copy *event,
                          struct sp_fs_reply *reply)
{
    struct store_handle *from = handle_of(store, event->source);
    struct store_handle *to = handle_of(store, event->target);
    if (!from || !to)
        return fail(reply, SP_FS_INVALID_HANDLE);
    uint64_t size = buffer_length(&from->node->data);
    uint64_t count = event->source_offset < size ? size - event->source_offset : 0;
    if (event->length > 0 && count > event->length)
        count = event->length;
    if (store->max_io > 0 && count > store->max_io)
        count = store->max_io;
    if (event->target_offset > SIZE_MAX_HERE ||
        resize(to->node, event->target_offset + count) != SP_FS_OK)
        return fail(reply, SP_FS_NO_SPACE_ON_FILESYSTEM);
    if (count > 0)
        memcpy(buffer_data(&to->node->data) + event->target_offset,
               buffer_data(&from->node->data) + event->source_offset, (size_t)count);
    reply->count = count;
    return SP_OK;
}

/* One range is locked at a time. */
static int32_t lock_range(struct store *store, enum plugin_operation operation,
                          const struct sp_fs_lock *event, struct sp_fs_reply *reply)
{
    struct sp_fs_lock *held = &store->lock;
    if (!handle_of(store, event->handle))
        return fail(reply, SP_FS_INVALID_HANDLE);
    bool is_same = held->flags && held->handle == event->handle && held->offset == event->offset &&
                   held->length == event->length;
    if (operation == PLUGIN_FS_unlock) {
        if (!is_same)
            return fail(reply, SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
        memset(held, 0, sizeof *held);
        return SP_OK;
    }
    if (held->flags)
        return fail(reply, SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    *held = *event;
    return SP_OK;
}

static int32_t hash_range(struct store *store, const struct sp_fs_hash *event,
                          struct sp_fs_reply *reply)
{
    MOCK_CHECK(handle_of(store, event->handle));
    if (!store->digest)
        return fail(reply, SP_FS_OP_UNSUPPORTED);
    reply->data = (struct sp_str){store->digest, strlen(store->digest)};
    return SP_OK;
}

static int32_t name_principals(struct store *store, const struct sp_fs_principals *event,
                               struct sp_fs_reply *reply)
{
    static const char text[] = "somebody";
    MOCK_CHECK(event->principals_count <= STORE_PRINCIPALS);
    for (uint64_t i = 0; i < event->principals_count; i++) {
        store->principals[i] = event->principals[i];
        MOCK_CHECK(event->principals[i].name.len == 0);
        if (event->principals[i].id < sizeof text)
            store->principals[i].name = (struct sp_str){text, event->principals[i].id};
    }
    reply->principals = store->principals;
    reply->principals_count = event->principals_count + store->lie;
    return SP_OK;
}

static int32_t on_node(struct store *store, enum plugin_operation operation,
                       struct store_node *node, struct sp_fs_reply *reply)
{
    if (!node)
        return fail(reply, SP_FS_NO_SUCH_FILE);
    if (operation == PLUGIN_FS_stat || operation == PLUGIN_FS_fstat) {
        tell(node, &store->attributes);
        reply->attributes = &store->attributes;
    } else {
        store->space = (struct sp_fs_space){.block_size = 4096,
                                            .fragment_size = 1024,
                                            .blocks = 77,
                                            .blocks_free = 50,
                                            .blocks_available = 40,
                                            .name_max = 255};
        reply->space = &store->space;
    }
    return SP_OK;
}

static int32_t on_path(struct store *store, enum plugin_operation operation,
                       const struct sp_fs_path *event, struct sp_fs_reply *reply)
{
    check_path(event->path);
    struct store_node *node = store_find(store, event->path.data);
    struct store_node *led_to = event->flags & SP_FS_NOFOLLOW ? node : follow(store, node);
    switch (operation) {
    case PLUGIN_FS_stat:
    case PLUGIN_FS_statvfs:
        return on_node(store, operation, led_to, reply);
    case PLUGIN_FS_opendir:
        if (!led_to || led_to->type != SP_FILE_DIRECTORY)
            return fail(reply, led_to ? SP_FS_NOT_A_DIRECTORY : SP_FS_NO_SUCH_FILE);
        return give_handle(store, led_to, 0, reply);
    case PLUGIN_FS_readlink:
        if (!node || node->type != SP_FILE_SYMLINK)
            return fail(reply, SP_FS_NO_SUCH_FILE);
        reply->path = (struct sp_str){node->target, strlen(node->target)};
        return SP_OK;
    case PLUGIN_FS_realpath:
        if (!led_to)
            return fail(reply, SP_FS_NO_SUCH_FILE);
        reply->path = (struct sp_str){led_to->path, strlen(led_to->path)};
        return SP_OK;
    default:
        abort();
    }
}

static int32_t on_create(struct store *store, enum plugin_operation operation,
                         const struct sp_fs_create *event, struct sp_fs_reply *reply)
{
    check_path(event->path);
    struct store_node *node = store_find(store, event->path.data);
    MOCK_CHECK(event->attributes);
    if (operation == PLUGIN_FS_setstat) {
        node = event->flags & SP_FS_NOFOLLOW ? node : follow(store, node);
        if (!node)
            return fail(reply, SP_FS_NO_SUCH_FILE);
        return fail_or_ok(reply, change(node, event->attributes));
    }
    if (node || !parent_exists(store, event->path.data))
        return fail(reply, node ? SP_FS_FILE_ALREADY_EXISTS : SP_FS_NO_SUCH_FILE);
    change(node_new(store, event->path.data, SP_FILE_DIRECTORY), event->attributes);
    return SP_OK;
}

static int32_t on_handle(struct store *store, enum plugin_operation operation,
                         const struct sp_fs_handle *event, struct sp_fs_reply *reply)
{
    struct store_handle *handle = handle_of(store, event->handle);
    if (!handle)
        return fail(reply, SP_FS_INVALID_HANDLE);
    switch (operation) {
    case PLUGIN_FS_close:
    case PLUGIN_FS_closedir:
        if (store->lock.handle == event->handle)
            memset(&store->lock, 0, sizeof store->lock);
        MOCK_CHECK(handle->is_directory == (operation == PLUGIN_FS_closedir));
        handle->is_open = false;
        if (handle->node->path[0] == '\0')
            node_remove(store, handle->node);
        return SP_OK;
    case PLUGIN_FS_fsync:
        return SP_OK;
    case PLUGIN_FS_fsetstat:
        return fail_or_ok(reply, change(handle->node, event->attributes));
    default:
        return on_node(store, operation, handle->node, reply);
    }
}

static int32_t attach(struct store *store, const struct sp_fs_attach *event,
                      struct sp_fs_reply *reply)
{
    store->views++;
    MOCK_CHECK(event->root.len < sizeof store->root);
    memcpy(store->root, event->root.data, (size_t)event->root.len);
    store->root[event->root.len] = '\0';
    MOCK_CHECK(event->top.len < sizeof store->top);
    memcpy(store->top, event->top.data, (size_t)event->top.len);
    store->top[event->top.len] = '\0';
    reply->handle = 42;
    if (store->support.struct_size > 0)
        reply->support = &store->support;
    return SP_OK;
}

int32_t store_perform(struct store *store, enum plugin_operation operation,
                      const struct sp_event *event, struct sp_fs_reply *reply)
{
    const void *e = event;
    MOCK_CHECK(event->connection);
    if (store->fail[operation] && operation == PLUGIN_FS_close) /* it is closed all the same */
        on_handle(store, operation, e, reply);
    if (store->fail[operation])
        return fail(reply, store->fail[operation]);
    switch (operation) {
    case PLUGIN_FS_attach:
    case PLUGIN_FS_attach_top:
        return attach(store, e, reply);
    case PLUGIN_FS_detach:
        MOCK_CHECK(((const struct sp_fs_path *)e)->view == 42);
        store->views--;
        return SP_OK;
    case PLUGIN_FS_open:
        MOCK_CHECK(((const struct sp_fs_create *)e)->view == 42);
        return open_file(store, e, reply);
    case PLUGIN_FS_read:
        return read_file(store, e, reply);
    case PLUGIN_FS_write:
        return write_file(store, e, reply);
    case PLUGIN_FS_readdir:
        return list(store, e, reply);
    case PLUGIN_FS_remove:
    case PLUGIN_FS_rmdir:
        return remove_entry(store, e, operation == PLUGIN_FS_rmdir, reply);
    case PLUGIN_FS_rename:
        return rename_entry(store, e, reply);
    case PLUGIN_FS_link:
        return make_link(store, e, reply);
    case PLUGIN_FS_symlink: {
        const struct sp_fs_pair *pair = e;
        if (store_find(store, pair->path.data))
            return fail(reply, SP_FS_FILE_ALREADY_EXISTS);
        store_link(store, pair->path.data, pair->target.data);
        return SP_OK;
    }
    case PLUGIN_FS_copy:
        return copy_range(store, e, reply);
    case PLUGIN_FS_lock:
    case PLUGIN_FS_unlock:
        return lock_range(store, operation, e, reply);
    case PLUGIN_FS_hash:
        return hash_range(store, e, reply);
    case PLUGIN_FS_principals:
        return name_principals(store, e, reply);
    case PLUGIN_FS_mkdir:
    case PLUGIN_FS_setstat:
        return on_create(store, operation, e, reply);
    case PLUGIN_FS_close:
    case PLUGIN_FS_closedir:
    case PLUGIN_FS_fsync:
    case PLUGIN_FS_fstat:
    case PLUGIN_FS_fsetstat:
    case PLUGIN_FS_fstatvfs:
        return on_handle(store, operation, e, reply);
    default:
        return on_path(store, operation, e, reply);
    }
}

int store_handles_of(struct store *store, enum plugin_operation operation,
                     const struct sp_event *event, struct store_handle *ret_handles[2])
{
    const void *e = event;
    switch (operation) {
    case PLUGIN_FS_read:
    case PLUGIN_FS_write:
        ret_handles[0] = handle_of(store, ((const struct sp_fs_io *)e)->handle);
        return ret_handles[0] != NULL;
    case PLUGIN_FS_lock:
    case PLUGIN_FS_unlock:
        ret_handles[0] = handle_of(store, ((const struct sp_fs_lock *)e)->handle);
        return ret_handles[0] != NULL;
    case PLUGIN_FS_hash:
        ret_handles[0] = handle_of(store, ((const struct sp_fs_hash *)e)->handle);
        return ret_handles[0] != NULL;
    case PLUGIN_FS_copy:
        ret_handles[0] = handle_of(store, ((const struct sp_fs_copy *)e)->source);
        ret_handles[1] = handle_of(store, ((const struct sp_fs_copy *)e)->target);
        return ret_handles[0] && ret_handles[1] ? 2 : 0;
    case PLUGIN_FS_close:
    case PLUGIN_FS_closedir:
    case PLUGIN_FS_readdir:
    case PLUGIN_FS_fsync:
    case PLUGIN_FS_fstat:
    case PLUGIN_FS_fsetstat:
    case PLUGIN_FS_fstatvfs:
        ret_handles[0] = handle_of(store, ((const struct sp_fs_handle *)e)->handle);
        return ret_handles[0] != NULL;
    default:
        return 0;
    }
}
