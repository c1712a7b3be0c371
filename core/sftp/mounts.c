/*
 * mounts.c: the mounts of one user. See mounts.h.
 *
 * Of several mounts with one path the first that is the user's counts. For a user who is restricted
 * to a home, mounts outside of it are not there, and the one that holds it begins at the home: the
 * provider is given the home as the top of its view, so that no link leads out of it either.
 */
#include "sftp/mounts.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/glob.h"
#include "base/log.h"
#include "sftp/support.h"

#define NAME_MAX_BYTES 255u /* of a user's name that becomes part of a root */

int sftp_mounts_compare(const char *a, const char *b)
{
    a += a[1] == '\0'; /* "/" is what comes before every slash */
    b += b[1] == '\0';
    while (*a && *a == *b) {
        a++;
        b++;
    }
    int left = *a == '/' ? 1 : *a ? (unsigned char)*a + 1 : 0;
    int right = *b == '/' ? 1 : *b ? (unsigned char)*b + 1 : 0;
    return left - right;
}

static bool is_like_one(const struct config_patterns *patterns, struct sp_str text)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (glob_matches(patterns->items[i], text))
            return true;
    return false;
}

static bool is_users(const struct config_mount *mount, const struct sp_connection *connection)
{
    const struct sp_grant *grant = connection->grant;
    if (mount->users.count == 0 && mount->groups.count == 0)
        return true;
    if (is_like_one(&mount->users, connection->user))
        return true;
    for (uint64_t i = 0; grant && i < grant->groups_count; i++)
        if (is_like_one(&mount->groups, grant->groups[i]))
            return true;
    return false;
}

/* --- roots --------------------------------------------------------------------------------- */

/* A name that stands for one directory wherever it is put. */
static bool is_one_component(struct sp_str name)
{
    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return false;
    for (uint64_t i = 0; i < name.len; i++)
        if (name.data[i] == '/' || name.data[i] == '\\' || (unsigned char)name.data[i] < ' ' ||
            name.data[i] == 0x7f)
            return false;
    return name.data[0] != '.' || (name.len > 1 && (name.data[1] != '.' || name.len > 2));
}

/* root with what "%" stands for, in out. NULL, or why that cannot be. */
static const char *substitute(const struct sftp_tree *tree, const char *root, char out[VPATH_MAX])
{
    size_t length = 0;
    for (const char *at = root; *at; at++) {
        char what = *at == '%' ? *++at : '\0';
        struct sp_str part = {at, 1};
        if (what == 'u')
            part = tree->connection->user;
        else if (what == 'h')
            part = (struct sp_str){tree->home, strlen(tree->home)};
        if (what == 'u' && !is_one_component(part))
            return "the user's name cannot be that of a directory";
        if (what == 'h' && strcmp(tree->home, "/") == 0)
            return "the user has no home"; /* and would be given what holds all homes */
        if (part.len >= VPATH_MAX - length)
            return "the root is too long";
        memcpy(out + length, part.data, (size_t)part.len);
        length += (size_t)part.len;
    }
    out[length] = '\0';
    return NULL;
}

/* The root that a user was granted stands for the root of "/"; other mounts are as configured.
 * NULL, or why it cannot be. */
static const char *choose_root(const struct sftp_tree *tree, struct sftp_mount *mount)
{
    const struct sp_grant *grant = tree->connection->grant;
    const char *root = mount->config->root ? mount->config->root : "";
    char made[VPATH_MAX];
    if (grant && grant->root.len > 0 && strcmp(mount->config->path, "/") == 0) {
        mount->root = grant->root;
        return NULL;
    }
    mount->root = (struct sp_str){root, strlen(root)};
    if (!strchr(root, '%'))
        return NULL;
    const char *why = substitute(tree, root, made);
    if (!why && !(mount->made_root = strdup(made)))
        why = "out of memory";
    if (!why)
        mount->root = (struct sp_str){mount->made_root, strlen(mount->made_root)};
    return why;
}

/* --- which, and where ---------------------------------------------------------------------- */

/* The user's mount with the longest path that holds the home. NULL: there is none. */
static const struct config_mount *holder_of_home(const struct sftp_tree *tree)
{
    const struct config *config = tree->config;
    const struct config_mount *holder = NULL;
    for (size_t i = 0; i < config->mounts_count; i++) {
        const struct config_mount *mount = &config->mounts[i];
        if (vpath_is_within(tree->home, mount->path) &&
            (!holder || strlen(mount->path) > strlen(holder->path)) &&
            is_users(mount, tree->connection))
            holder = mount;
    }
    return holder;
}

/* False: it lies outside of what the user may see. */
static bool place(const struct sftp_tree *tree, struct sftp_mount *mount,
                  const struct config_mount *holder)
{
    mount->path = mount->config->path;
    if (!tree->is_restricted || vpath_is_within(mount->path, tree->home))
        return true;
    if (mount->config != holder)
        return false;
    if (mount->instance && plugin_instance_offers(mount->instance, PLUGIN_FS_attach_top)) {
        mount->top = vpath_below(tree->home, mount->path);
        mount->path = tree->home;
    } else {
        mount->is_kept_by_names = true;
    }
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct sftp_mount *left = *(struct sftp_mount *const *)a;
    const struct sftp_mount *right = *(struct sftp_mount *const *)b;
    int order = sftp_mounts_compare(left->path, right->path);
    if (order != 0)
        return order;
    return (left->config > right->config) - (left->config < right->config);
}

static void mount_free(struct sftp_mount *mount)
{
    free(mount->made_root);
    free(mount);
}

/* One for each path, each with what it lies in. They are in order. */
static void settle(struct sftp_tree *tree)
{
    size_t count = 0;
    for (size_t i = 0; i < tree->mounts_count; i++) {
        struct sftp_mount *mount = tree->mounts[i];
        size_t within = count > 0 ? count - 1 : SFTP_NO_MOUNT;
        if (count > 0 && strcmp(tree->mounts[within]->path, mount->path) == 0) {
            mount_free(mount);
            continue;
        }
        while (within != SFTP_NO_MOUNT && !vpath_is_within(mount->path, tree->mounts[within]->path))
            within = tree->mounts[within]->within;
        mount->within = within;
        tree->mounts[count++] = mount;
    }
    tree->mounts_count = count;
}

/* A mount that the user has. One that cannot have its root stays, without a provider: what lies
 * above it is not what is meant here. */
static int add(struct sftp_tree *tree, const struct config_mount *config, struct plugin_host *host,
               const struct config_mount *holder)
{
    struct sftp_mount *mount = calloc(1, sizeof *mount);
    if (!mount)
        return SP_ERR_NOMEM;
    mount->config = config;
    mount->instance = plugin_host_find(host, config->provider, PLUGIN_FS);
    sftp_support_init(&mount->support, NULL);
    list_init(&mount->waiting);
    list_init(&mount->link);
    if (!place(tree, mount, holder)) {
        mount_free(mount);
        return 0;
    }
    tree->mounts[tree->mounts_count++] = mount;
    const char *why = choose_root(tree, mount);
    if (!why)
        return 0;
    mount->instance = NULL;
    log_warning("sftp.mount_refused", LOG_U64("conn", tree->connection->id),
                LOG_STR("user", tree->connection->user), LOG_TEXT("mount", config->path),
                LOG_TEXT("reason", why));
    return 0;
}

int sftp_mounts_choose(struct sftp_tree *tree, struct plugin_host *host)
{
    const struct config *config = tree->config;
    const struct config_mount *holder = tree->is_restricted ? holder_of_home(tree) : NULL;
    int rc = 0;
    tree->mounts = calloc(config->mounts_count + 1, sizeof *tree->mounts);
    if (!tree->mounts)
        return SP_ERR_NOMEM;
    for (size_t i = 0; i < config->mounts_count && rc == 0; i++)
        if (is_users(&config->mounts[i], tree->connection))
            rc = add(tree, &config->mounts[i], host, holder);
    if (rc < 0)
        return rc;
    qsort(tree->mounts, tree->mounts_count, sizeof *tree->mounts, by_path);
    settle(tree);
    return 0;
}

struct sftp_mount *sftp_mounts_renew(struct sftp_tree *tree, size_t at)
{
    struct sftp_mount *former = tree->mounts[at];
    struct sftp_mount *mount = malloc(sizeof *mount);
    if (!mount)
        return former;
    *mount = *former;
    mount->state = SFTP_VIEW_NONE;
    list_init(&mount->waiting);
    list_init(&mount->link);
    former->made_root = NULL; /* the new one's */
    list_append(&tree->former, &former->link);
    tree->mounts[at] = mount;
    return mount;
}

void sftp_mounts_free(struct sftp_tree *tree)
{
    struct list *node;
    for (size_t i = 0; i < tree->mounts_count; i++)
        mount_free(tree->mounts[i]);
    while ((node = list_take_first(&tree->former)))
        mount_free(container_of(node, struct sftp_mount, link));
    free(tree->mounts);
}
