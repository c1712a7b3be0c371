/*
 * tree.c: paths of users, and the mounts they lead to. See tree.h.
 *
 * A user who is restricted to a home never names anything above it: the home is put before every
 * path and taken off every answer. Links inside the home are the reason for the rules at SYMLINK
 * in the executors.
 */
#include "sftp/tree.h"

#include <stdlib.h>
#include <string.h>

#include "sftp/storage.h"

static char *home_of(const struct sp_grant *grant)
{
    char path[VPATH_MAX] = "/";
    if (grant && grant->home.len > 0 && vpath_resolve(path, "/", grant->home) < 0)
        return NULL;
    return strdup(path);
}

struct sftp_tree *sftp_tree_new(struct channel *channel)
{
    struct session *session = channel_session(channel);
    const struct config *config = session_config(session);
    size_t count = config->mounts_count;
    struct sftp_tree *tree = calloc(1, sizeof *tree + count * sizeof tree->mounts[0]);
    if (!tree)
        return NULL;
    const struct sp_connection *connection = session_connection(session);
    const struct sp_grant *grant = connection->grant;
    tree->home = home_of(grant);
    if (!tree->home) {
        free(tree);
        return NULL;
    }
    tree->references = 1;
    tree->is_read_only = grant && grant->read_only;
    tree->is_restricted = grant && grant->restrict_to_home;
    tree->session = session;
    tree->config = config;
    tree->reactor = session_reactor(session);
    tree->connection = session_connection_ref(connection);
    tree->strands = plugin_strands_ref(session_strands(session));
    sftp_hooks_init(&tree->hooks, session);
    tree->channel = channel_id(channel);
    tree->mounts_count = count;
    for (size_t i = 0; i < count; i++) {
        struct sftp_mount *mount = &tree->mounts[i];
        mount->config = &config->mounts[i];
        mount->instance =
            plugin_host_find(session_plugin_host(session), mount->config->provider, PLUGIN_FS);
        list_init(&mount->waiting);
    }
    return tree;
}

void sftp_tree_ref(struct sftp_tree *tree)
{
    tree->references++;
}

void sftp_tree_unref(struct sftp_tree *tree)
{
    if (--tree->references > 0)
        return;
    for (size_t i = 0; i < tree->mounts_count; i++)
        sftp_mount_detach(tree, &tree->mounts[i]);
    plugin_strands_free(tree->strands);
    session_connection_unref(tree->connection);
    free(tree->home);
    free(tree);
}

uint32_t sftp_tree_resolve(const struct sftp_tree *tree, struct sp_str name, char out[VPATH_MAX])
{
    if (!tree->is_restricted || strcmp(tree->home, "/") == 0) {
        if (vpath_resolve(out, tree->home, name) < 0)
            return SP_FS_INVALID_FILENAME;
        return SP_FS_OK;
    }
    char seen[VPATH_MAX];
    int length = vpath_resolve(seen, "/", name);
    size_t home_length = strlen(tree->home);
    if (length < 0 || home_length + (size_t)length >= VPATH_MAX)
        return SP_FS_INVALID_FILENAME;
    memcpy(out, tree->home, home_length + 1);
    if (length > 1)
        memcpy(out + home_length, seen, (size_t)length + 1);
    return SP_FS_OK;
}

const char *sftp_tree_shown(const struct sftp_tree *tree, const char *path)
{
    if (!tree->is_restricted)
        return path;
    return vpath_is_within(path, tree->home) ? vpath_below(path, tree->home) : NULL;
}

uint32_t sftp_tree_expand(const struct sftp_tree *tree, struct sp_str name, char out[VPATH_MAX])
{
    struct sp_str rest = name;
    const char *start = "";
    if (name.len > 0 && name.data[0] == '~') {
        const char *slash = memchr(name.data, '/', (size_t)name.len);
        uint64_t user_length = slash ? (uint64_t)(slash - name.data) - 1 : name.len - 1;
        const struct sp_str *user = &tree->connection->user;
        if (user_length > 0 && (user_length != user->len ||
                                memcmp(name.data + 1, user->data, (size_t)user_length) != 0))
            return SP_FS_NO_SUCH_FILE;
        rest.data += 1 + user_length;
        rest.len -= 1 + user_length;
        start = tree->is_restricted ? "/" : tree->home;
    }
    size_t start_length = strlen(start);
    if (start_length + rest.len >= VPATH_MAX || (rest.len > 0 && memchr(rest.data, 0, rest.len)))
        return SP_FS_INVALID_FILENAME;
    memcpy(out, start, start_length);
    if (rest.len > 0)
        memcpy(out + start_length, rest.data, (size_t)rest.len);
    out[start_length + rest.len] = '\0';
    return SP_FS_OK;
}

void sftp_tree_locate(struct sftp_tree *tree, const char *path, struct sftp_place *ret_place)
{
    struct sftp_place place = {.path = path};
    size_t longest = 0;
    for (size_t i = 0; i < tree->mounts_count; i++) {
        struct sftp_mount *mount = &tree->mounts[i];
        const char *at = mount->config->path;
        size_t length = strlen(at);
        if (vpath_is_within(path, at)) {
            if (length < longest)
                continue;
            longest = length;
            place.mount = mount;
        } else if (vpath_is_within(at, path)) {
            place.is_above_mount = true;
        }
    }
    if (place.mount) {
        place.below = vpath_below(path, place.mount->config->path);
        place.is_mount_point = strcmp(path, place.mount->config->path) == 0;
    }
    /* The root is always there: a user who has no files has an empty directory. */
    if (strcmp(path, "/") == 0)
        place.is_above_mount = true;
    *ret_place = place;
}

/* The name that mount makes appear in directory; length 0: none. */
static struct sp_str name_in(const struct sftp_mount *mount, const char *directory)
{
    const char *at = mount->config->path;
    if (!vpath_is_within(at, directory) || strcmp(at, directory) == 0)
        return (struct sp_str){"", 0};
    const char *name = vpath_below(at, directory) + 1;
    return (struct sp_str){name, strcspn(name, "/")};
}

static bool same(struct sp_str a, struct sp_str b)
{
    return a.len == b.len && memcmp(a.data, b.data, (size_t)a.len) == 0;
}

static bool is_made_before(const struct sftp_tree *tree, const char *directory, struct sp_str name,
                           size_t end)
{
    for (size_t i = 0; i < end; i++)
        if (same(name_in(&tree->mounts[i], directory), name))
            return true;
    return false;
}

bool sftp_tree_next_mount(const struct sftp_tree *tree, const char *directory, size_t *cursor,
                          struct sp_str *ret_name)
{
    while (*cursor < tree->mounts_count) {
        size_t i = (*cursor)++;
        struct sp_str name = name_in(&tree->mounts[i], directory);
        if (name.len > 0 && !is_made_before(tree, directory, name, i)) {
            *ret_name = name;
            return true;
        }
    }
    return false;
}

bool sftp_tree_has_mount(const struct sftp_tree *tree, const char *directory, struct sp_str name)
{
    return name.len > 0 && is_made_before(tree, directory, name, tree->mounts_count);
}

bool sftp_tree_offers(const struct sftp_tree *tree, enum plugin_operation operation)
{
    for (size_t i = 0; i < tree->mounts_count; i++)
        if (tree->mounts[i].instance && plugin_instance_offers(tree->mounts[i].instance, operation))
            return true;
    return false;
}

void sftp_tree_synthetic_attributes(struct sp_fs_attributes *ret_attributes)
{
    *ret_attributes = (struct sp_fs_attributes){
        .struct_size = sizeof *ret_attributes,
        .valid = SP_ATTR_TYPE | SP_ATTR_PERMISSIONS | SP_ATTR_SIZE | SP_ATTR_OWNER_IDS |
                 SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME,
        .type = SP_FILE_DIRECTORY,
        .mode = 0755,
    };
}
