/*
 * fuzz_tree.c: any name of a client's, in any tree of mounts, with any home. The input is a byte of
 * switches, then lines: the user, the home, up to seven mounts' paths, and the rest is the name.
 * What the tree makes of it is compared with a look at every mount, and never leads out of the
 * home.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sftp/tree.h"
#include "unit/sftp/mock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOUNTS_MAX 7

struct input {
    const char *next;
    const char *end;
};

static struct sp_str take_line(struct input *input)
{
    size_t left = (size_t)(input->end - input->next);
    const char *newline = left > 0 ? memchr(input->next, '\n', left) : NULL;
    struct sp_str line = {input->next, newline ? (uint64_t)(newline - input->next) : left};
    input->next = newline ? newline + 1 : input->end;
    return line;
}

/* A mount as the configuration has it; what it would not take is left out. */
static void add_mount(struct mock *mock, char path[VPATH_MAX], struct sp_str line)
{
    static const char *const roots[] = {"plain", "at/%u", "%h", "%%%u"};
    static char *staff = (char *)(uintptr_t) "st*";
    struct config *config = &mock->session.config;
    if (vpath_resolve(path, "/", line) < 0)
        return;
    struct config_mount *mount = &mock->session.mounts[config->mounts_count];
    *mount = mock->session.mounts[0];
    mount->path = path;
    mount->root = (char *)(uintptr_t)roots[config->mounts_count % 4];
    if (line.len % 5 == 4)
        mount->groups = (struct config_patterns){&staff, 1};
    config->mounts_count++;
}

static void check_place(struct sftp_tree *tree, const char *path)
{
    struct sftp_place place;
    const struct sftp_mount *longest = NULL;
    bool is_above = strcmp(path, "/") == 0;
    for (size_t i = 0; i < tree->mounts_count; i++) {
        const struct sftp_mount *mount = tree->mounts[i];
        if (vpath_is_within(path, mount->path)) {
            if (!longest || strlen(mount->path) > strlen(longest->path))
                longest = mount;
        } else if (vpath_is_within(mount->path, path)) {
            is_above = true;
        }
    }
    sftp_tree_locate(tree, path, &place);
    MOCK_CHECK(place.mount == longest);
    MOCK_CHECK(place.is_above_mount == is_above);
    MOCK_CHECK(place.is_mount_point == (longest && strcmp(longest->path, path) == 0));
    if (!longest)
        return;
    char whole[2 * VPATH_MAX];
    MOCK_CHECK(place.below[0] == '/');
    snprintf(whole, sizeof whole, "%s%s", strcmp(longest->path, "/") == 0 ? "" : longest->path,
             strcmp(place.below, "/") == 0 && strcmp(longest->path, "/") != 0 ? "" : place.below);
    MOCK_CHECK(strcmp(whole, path) == 0);
}

static void check_listing(const struct sftp_tree *tree, const char *path)
{
    size_t cursor = 0, count = 0;
    struct sp_str name, last = {"", 0};
    while (sftp_tree_next_mount(tree, path, &cursor, &name)) {
        MOCK_CHECK(name.len > 0 && !memchr(name.data, '/', (size_t)name.len));
        MOCK_CHECK(name.len != last.len || memcmp(name.data, last.data, (size_t)name.len) != 0);
        MOCK_CHECK(sftp_tree_has_mount(tree, path, name));
        last = name;
        MOCK_CHECK(++count <= tree->mounts_count);
    }
}

/* Of a restricted user's mounts all lie in the home, or nothing but names keeps her there. */
static void check_mounts(const struct sftp_tree *tree)
{
    for (size_t i = 0; i < tree->mounts_count; i++) {
        const struct sftp_mount *mount = tree->mounts[i];
        MOCK_CHECK(!tree->is_restricted || mount->is_kept_by_names ||
                   vpath_is_within(mount->path, tree->home));
        if (!mount->instance || strncmp(mount->config->root, "at/", 3) != 0 || !mount->made_root)
            continue;
        const char *made = mount->made_root + 3;
        MOCK_CHECK(*made && !strchr(made, '/') && strcmp(made, ".") != 0 &&
                   strcmp(made, "..") != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char paths[MOUNTS_MAX][VPATH_MAX];
    struct input input = {(const char *)data + (size > 0), (const char *)data + size};
    uint8_t setup = size > 0 ? data[0] : 0;
    log_open(-1, LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    struct mock *mock = mock_new();
    struct sp_grant *grant = &mock->session.grant;
    struct sp_str groups[] = {{"staff", 5}};
    grant->restrict_to_home = setup & 1;
    mock->session.host.instances[0].lacks[PLUGIN_FS_attach_top] = setup & 2;
    grant->groups = groups;
    grant->groups_count = setup >> 2 & 1;
    mock->session.connection.user = take_line(&input);
    grant->home = take_line(&input);
    for (int i = 0; i < (setup >> 3 & 7) && i < MOUNTS_MAX; i++)
        add_mount(mock, paths[i], take_line(&input));
    if (setup & 64) /* no mount for "/" */
        mock->session.mounts[0].path = (char *)(uintptr_t) "/only";

    struct sftp_tree *tree = sftp_tree_new(&mock->channel);
    struct sp_str name = {input.next, (uint64_t)(input.end - input.next)};
    char path[VPATH_MAX], expanded[VPATH_MAX];
    if (tree) {
        check_mounts(tree);
        if (setup & 128 && sftp_tree_expand(tree, name, expanded) == SP_FS_OK)
            name = (struct sp_str){expanded, strlen(expanded)};
        if (sftp_tree_resolve(tree, name, path) == SP_FS_OK) {
            MOCK_CHECK(!tree->is_restricted || vpath_is_within(path, tree->home));
            MOCK_CHECK(sftp_tree_shown(tree, path));
            check_place(tree, path);
            check_listing(tree, path);
        }
        sftp_tree_unref(tree);
    }
    mock_free(mock);
    return 0;
}
