/*
 * tree.c: paths of users, and the mounts they lead to. See tree.h.
 *
 * A user who is restricted to a home never names anything above it: the home is put before every
 * path and taken off every answer. That no link leads out is for mounts.c and the provider.
 *
 * Mounts are in an order in which all that lie below a path follow it, so whatever is asked of a
 * path is found by one search in halves.
 */
#include "sftp/tree.h"

#include <stdlib.h>
#include <string.h>

#include "sftp/access.h"
#include "sftp/mounts.h"
#include "sftp/storage.h"
#include "sftp/support.h"

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
    struct sftp_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return NULL;
    const struct sp_connection *connection = session_connection(session);
    const struct sp_grant *grant = connection->grant;
    tree->references = 1;
    list_init(&tree->former);
    list_init(&tree->made);
    tree->is_read_only = grant && grant->read_only;
    tree->is_restricted = grant && grant->restrict_to_home;
    tree->session = session;
    tree->config = config;
    tree->reactor = session_reactor(session);
    tree->connection = session_connection_ref(connection);
    tree->strands = plugin_strands_ref(session_strands(session));
    sftp_hooks_init(&tree->hooks, session);
    tree->channel = channel_id(channel);
    tree->home = home_of(grant);
    if (!tree->home || sftp_mounts_choose(tree, session_plugin_host(session)) < 0) {
        sftp_tree_unref(tree);
        return NULL;
    }
    if (tree->is_restricted && strcmp(tree->home, "/") == 0 && grant->root.len == 0)
        log_warning("sftp.no_home", LOG_U64("conn", connection->id),
                    LOG_STR("user", connection->user));
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
        sftp_mount_detach(tree, tree->mounts[i]);
    sftp_mounts_free(tree);
    sftp_access_forget(tree);
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

/* Where in the order path stands or would stand. */
static size_t find(const struct sftp_tree *tree, const char *path)
{
    size_t low = 0, high = tree->mounts_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sftp_mounts_compare(tree->mounts[middle]->path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first mount below directory, which is itself none of them, or some other mount. */
static size_t find_below(const struct sftp_tree *tree, const char *directory)
{
    size_t at = find(tree, directory);
    return at + (at < tree->mounts_count && strcmp(tree->mounts[at]->path, directory) == 0);
}

/* The mount at this place, in the present life of its provider. */
static struct sftp_mount *mount_at(struct sftp_tree *tree, size_t at)
{
    struct sftp_mount *mount = tree->mounts[at];
    if (mount->state == SFTP_VIEW_ATTACHED &&
        mount->epoch != plugin_instance_epoch(mount->instance))
        mount = sftp_mounts_renew(tree, at);
    return mount;
}

void sftp_tree_locate(struct sftp_tree *tree, const char *path, struct sftp_place *ret_place)
{
    size_t at = find(tree, path), above = at;
    struct sftp_place place = {.path = path};
    place.is_mount_point = at < tree->mounts_count && strcmp(tree->mounts[at]->path, path) == 0;
    if (place.is_mount_point)
        at++;
    else
        above = at > 0 ? at - 1 : SFTP_NO_MOUNT;
    while (above != SFTP_NO_MOUNT && !vpath_is_within(path, tree->mounts[above]->path))
        above = tree->mounts[above]->within;
    if (above != SFTP_NO_MOUNT) {
        place.mount = mount_at(tree, above);
        place.below = vpath_below(path, place.mount->path);
    }
    /* The root is always there: a user who has no files has an empty directory. */
    place.is_above_mount =
        strcmp(path, "/") == 0 ||
        (at < tree->mounts_count && vpath_is_within(tree->mounts[at]->path, path));
    *ret_place = place;
}

/* The name that mount makes appear in directory; length 0: none. */
static struct sp_str name_in(const struct sftp_mount *mount, const char *directory)
{
    if (!vpath_is_within(mount->path, directory) || strcmp(mount->path, directory) == 0)
        return (struct sp_str){"", 0};
    const char *name = vpath_below(mount->path, directory) + 1;
    return (struct sp_str){name, strcspn(name, "/")};
}

static bool same(struct sp_str a, struct sp_str b)
{
    return a.len == b.len && memcmp(a.data, b.data, (size_t)a.len) == 0;
}

bool sftp_tree_next_mount(const struct sftp_tree *tree, const char *directory, size_t *cursor,
                          struct sp_str *ret_name)
{
    struct sp_str last = {"", 0};
    size_t at = *cursor > 0 ? *cursor : find_below(tree, directory);
    if (*cursor > 0)
        last = name_in(tree->mounts[at - 1], directory);
    for (; at < tree->mounts_count; at++) {
        struct sp_str name = name_in(tree->mounts[at], directory);
        if (name.len == 0)
            return false;
        if (same(name, last))
            continue;
        *cursor = at + 1;
        *ret_name = name;
        return true;
    }
    return false;
}

bool sftp_tree_has_mount(const struct sftp_tree *tree, const char *directory, struct sp_str name)
{
    size_t length = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    char path[VPATH_MAX];
    if (name.len == 0 || tree->mounts_count == 0 || length + 1 + name.len >= sizeof path)
        return false;
    memcpy(path, directory, length);
    path[length] = '/';
    memcpy(path + length + 1, name.data, (size_t)name.len);
    path[length + 1 + name.len] = '\0';
    size_t at = find(tree, path);
    return at < tree->mounts_count && vpath_is_within(tree->mounts[at]->path, path);
}

void sftp_tree_support(const struct sftp_tree *tree, struct sp_fs_support *ret_support)
{
    *ret_support = (struct sp_fs_support){.struct_size = sizeof *ret_support};
    for (size_t i = 0; i < tree->mounts_count; i++)
        if (tree->mounts[i]->instance)
            sftp_support_add(ret_support, &tree->mounts[i]->support);
}

bool sftp_tree_offers(const struct sftp_tree *tree, enum plugin_operation operation)
{
    for (size_t i = 0; i < tree->mounts_count; i++)
        if (tree->mounts[i]->instance &&
            plugin_instance_offers(tree->mounts[i]->instance, operation))
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
