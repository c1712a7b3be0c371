/* Which provider a path leads to, what mounts make visible, and homes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"
#include "sftp/tree.h"

static void the_longest_mount_serves_a_path(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *other = mock_mount(mock, "/data/deep", "other");
    store_file(&other->store, "/f", "other");
    client_start(mock);
    struct handle file = open_file(mock, "/data/deep/f", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, 10), "other");
    expect_status(mock, send_path(mock, SFTP_STAT, "/data/deeper"), SP_FS_NO_SUCH_FILE);
    expect_name(mock, send_path(mock, SFTP_REALPATH, "/data/deep/f"), "/data/deep/f");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "/data/deep/new"), "/data/deep/new");
    assert_string_equal(other->store.root, "configured");
    mock_free(mock);
}

static void the_granted_root_is_that_of_the_root_mount(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *other = mock_mount(mock, "/other", "other");
    mock->session.grant.root = (struct sp_str){"granted", 7};
    client_start(mock);
    expect_reply(mock, send_path(mock, SFTP_STAT, "/"), SFTP_ATTRS);
    expect_reply(mock, send_path(mock, SFTP_STAT, "/other"), SFTP_ATTRS);
    assert_string_equal(mock_store(mock)->root, "granted");
    assert_string_equal(other->store.root, "configured");
    mock_free(mock);
}

static void mounts_show_in_listings_once(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_mount(mock, "/data/deep", "other");
    mock_mount(mock, "/data/wide", "other");
    mock_mount(mock, "/home", "third");
    client_start(mock);
    char names[256];
    list_names(mock, "/", names, sizeof names);
    assert_string_equal(names, ". .. data home");
    list_names(mock, "/data", names, sizeof names); /* the provider of "/" has no such directory */
    assert_string_equal(names, ". .. deep wide");
    expect_reply(mock, send_path(mock, SFTP_STAT, "/data"), SFTP_ATTRS);
    expect_name(mock, send_path(mock, SFTP_REALPATH, "/data"), "/data");
    mock_free(mock);
}

static void a_mount_is_listed_as_its_provider_says_unless_it_is_silent(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *other = mock_mount(mock, "/other", "other");
    mock_mount(mock, "/silent", "silent");
    client_start(mock);
    char names[256];
    list_names(mock, "/", names, sizeof names);
    assert_string_equal(names, ". .. other silent home");
    assert_int_equal(mock->started[PLUGIN_FS_attach], 3);
    other->store.fail[PLUGIN_FS_stat] = SP_FS_CONNECTION_LOST;
    mock->calls = MOCK_LATER;
    uint32_t stat = send_path(mock, SFTP_STAT, "/silent/f");
    mock_time_out(mock);
    expect_status(mock, stat, SP_FS_FAILURE);
    mock_release(mock);
    mock->calls = MOCK_AT_ONCE;
    int before = mock->started[PLUGIN_FS_stat];
    list_names(mock, "/", names, sizeof names);
    assert_string_equal(names, ". .. other silent home");
    assert_int_equal(mock->started[PLUGIN_FS_stat] - before, 3); /* "." and ".." and one mount */
    mock_free(mock);
}

static void mounts_are_for_some_users_and_groups(void **state)
{
    (void)state;
    static const struct {
        const char *user, *group;
        bool has_it;
    } cases[] = {{NULL, NULL, true},           {"demo", NULL, true},  {"d?m*", NULL, true},
                 {"ann", NULL, false},         {NULL, "staff", true}, {NULL, "guests", false},
                 {"ann", "st*", true},         {"demo", "x", true},   {"ann", "x", false},
                 {"demonstrator", NULL, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mock *mock = mock_new();
        struct sp_str groups[] = {{"users", 5}, {"staff", 5}};
        char *user = (char *)(uintptr_t)cases[i].user, *group = (char *)(uintptr_t)cases[i].group;
        struct plugin_instance *other = mock_mount(mock, "/other", "other");
        struct plugin_instance *third = mock_mount(mock, "/other", "third"); /* for the rest */
        mock->session.mounts[1].users = (struct config_patterns){&user, user != NULL};
        mock->session.mounts[1].groups = (struct config_patterns){&group, group != NULL};
        mock->session.grant.groups = groups;
        mock->session.grant.groups_count = 2;
        store_file(&other->store, "/mine", "x");
        store_file(&third->store, "/rest", "x");
        client_start(mock);
        char names[64];
        list_names(mock, "/other", names, sizeof names);
        assert_string_equal(names, cases[i].has_it ? ". .. mine" : ". .. rest");
        mock_free(mock);
    }
}

static void names_in_a_root_stand_for_one_directory(void **state)
{
    (void)state;
    static const struct {
        const char *user, *root, *expected;
    } cases[] = {{"demo", "/srv/%u", "/srv/demo"},
                 {"demo", "%u/%u-%%u%%%h", "demo/demo-%u%/home/demo"},
                 {"..x", "/%u", "/..x"},
                 {".x", "/%u", "/.x"},
                 {"..", "/%u", NULL},
                 {".", "/%u", NULL},
                 {"", "/%u", NULL},
                 {"a/b", "/%u", NULL},
                 {"../b", "/%u", NULL},
                 {"a\\b", "/%u", NULL},
                 {"a\nb", "/%u", NULL},
                 {"a/b", "/%%u", "/%u"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mock *mock = mock_new();
        struct plugin_instance *other = mock_mount(mock, "/other", "other");
        mock->session.mounts[1].root = (char *)(uintptr_t)cases[i].root;
        mock->session.connection.user = (struct sp_str){cases[i].user, strlen(cases[i].user)};
        store_file(mock_store(mock), "/other", "what lies below the mount");
        client_start(mock);
        uint32_t id = send_path(mock, SFTP_STAT, "/other");
        if (cases[i].expected) {
            expect_reply(mock, id, SFTP_ATTRS);
            assert_string_equal(other->store.root, cases[i].expected);
        } else {
            expect_status(mock, id, SP_FS_OP_UNSUPPORTED);
            assert_int_equal(other->store.views, 0);
        }
        mock_free(mock);
    }
}

/* What stands there would be the directory that holds everybody's home. */
static void a_user_without_a_home_has_no_root_made_of_it(void **state)
{
    (void)state;
    static const char *const homes[] = {"", "/", "/.."};
    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++) {
        struct mock *mock = mock_new();
        struct plugin_instance *other = mock_mount(mock, "/other", "other");
        mock->session.mounts[1].root = (char *)(uintptr_t) "/homes%h";
        mock->session.grant.home = (struct sp_str){homes[i], strlen(homes[i])};
        client_start(mock);
        expect_status(mock, send_path(mock, SFTP_STAT, "/other"), SP_FS_OP_UNSUPPORTED);
        assert_int_equal(other->store.views, 0);
        mock_free(mock);
    }
}

/* What is found by halves is what a look at every mount finds. */
static void many_mounts_are_found(void **state)
{
    (void)state;
    enum { COUNT = 1024 };
    static char paths[COUNT][32];
    struct mock *mock = mock_new();
    struct config_mount *mounts = calloc(COUNT, sizeof *mounts);
    unsigned seed = 7;
    for (int i = 0; i < COUNT; i++) {
        size_t length = 0;
        for (int depth = i == 0 ? 0 : 1 + i % 4; depth > 0; depth--) {
            seed = seed * 1103515245u + 12345u;
            length += (size_t)sprintf(paths[i] + length, "/%c%s", "a-.b"[seed >> 16 & 3],
                                      seed >> 20 & 1 ? "" : "x");
        }
        mounts[i] = mock->session.mounts[0];
        mounts[i].path = i == 0 ? (char *)(uintptr_t) "/" : paths[i];
    }
    mock->session.config.mounts = mounts;
    mock->session.config.mounts_count = COUNT;
    struct sftp_tree *tree = sftp_tree_new(&mock->channel);
    assert_non_null(tree);
    for (int i = 0; i < COUNT; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s%s", mounts[i].path,
                 (const char *const[]){"", "x", "/a", "/q/r"}[i / 4 % 4]);
        char canonical[VPATH_MAX];
        assert_true(vpath_resolve(canonical, "/", (struct sp_str){path, strlen(path)}) > 0);
        const char *longest = "";
        bool is_above = strcmp(canonical, "/") == 0;
        for (int k = 0; k < COUNT; k++) {
            if (vpath_is_within(canonical, mounts[k].path) &&
                strlen(mounts[k].path) > strlen(longest))
                longest = mounts[k].path;
            is_above |= strcmp(canonical, mounts[k].path) != 0 &&
                        vpath_is_within(mounts[k].path, canonical);
        }
        struct sftp_place place;
        sftp_tree_locate(tree, canonical, &place);
        assert_string_equal(place.mount->path, longest);
        assert_int_equal(place.is_above_mount, is_above);
        assert_int_equal(place.is_mount_point, strcmp(longest, canonical) == 0);
        /* Every name below is listed once. */
        size_t cursor = 0;
        struct sp_str name, last = {"", 0};
        int count = 0;
        while (sftp_tree_next_mount(tree, canonical, &cursor, &name)) {
            assert_false(name.len == last.len && memcmp(name.data, last.data, name.len) == 0);
            assert_true(sftp_tree_has_mount(tree, canonical, name));
            last = name;
            count++;
        }
        assert_int_equal(count > 0, is_above && COUNT > 1);
        assert_false(sftp_tree_has_mount(tree, canonical, (struct sp_str){"zz", 2}));
    }
    sftp_tree_unref(tree);
    free(mounts);
    mock->session.config.mounts = mock->session.mounts;
    mock->session.config.mounts_count = 1;
    mock_free(mock);
}

static void mount_points_cannot_be_made_moved_or_removed(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_mount(mock, "/data/deep", "other");
    store_directory(mock_store(mock), "/data");
    client_start(mock);
    static const char *const paths[] = {"/", "/data", "/data/deep"};
    for (int i = 0; i < 3; i++) {
        expect_status(mock, send_path(mock, SFTP_RMDIR, paths[i]), SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_path(mock, SFTP_REMOVE, paths[i]), SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_path(mock, SFTP_MKDIR, paths[i]), SP_FS_FAILURE);
        expect_status(mock, send_two_paths(mock, SFTP_RENAME, paths[i], "/x"),
                      SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/home", paths[i]),
                      SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "/home", paths[i]),
                      SP_FS_PERMISSION_DENIED);
    }
    mock_free(mock);
}

static void no_file_is_made_where_mounts_make_a_directory(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_mount(mock, "/data/deep", "other");
    client_start(mock);
    expect_status(mock, send_open(mock, "/data", FXF_WRITE | FXF_CREAT), SP_FS_FAILURE);
    expect_status(mock, send_open(mock, "/data/deep", FXF_WRITE | FXF_CREAT), SP_FS_FAILURE);
    assert_int_equal(mock->started[PLUGIN_FS_open], 0);
    expect_reply(mock, send_path(mock, SFTP_OPENDIR, "/data"), SFTP_HANDLE);
    mock_free(mock);
}

static struct mock *two_mounts(struct plugin_instance **ret_other)
{
    struct mock *mock = mock_new();
    *ret_other = mock_mount(mock, "/other", "other");
    store_file(mock_store(mock), "/f", "some text")->mode = 0640;
    client_start(mock);
    return mock;
}

static void a_file_moves_between_mounts(void **state)
{
    (void)state;
    struct plugin_instance *other;
    struct mock *mock = two_mounts(&other);
    uint32_t id = send_two_paths(mock, SFTP_RENAME, "/f", "/other/g");
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    assert_null(store_find(mock_store(mock), "/f"));
    assert_true(store_has(&other->store, "/g", "some text"));
    assert_int_equal(store_find(&other->store, "/g")->mode, 0640);
    assert_int_equal(store_open_handles(mock_store(mock)), 0);
    mock_free(mock);
}

static void a_move_replaces_only_when_told(void **state)
{
    (void)state;
    struct plugin_instance *other;
    struct mock *mock = two_mounts(&other);
    store_file(&other->store, "/g", "old");
    store_directory(&other->store, "/d");
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/f", "/other/g"), SP_FS_FAILURE);
    assert_true(store_has(&other->store, "/g", "old"));
    expect_status(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/f", "/other/d"),
                  SP_FS_FAILURE);
    uint32_t id = send_extended_paths(mock, "posix-rename@openssh.com", "/f", "/other/g");
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    assert_true(store_has(&other->store, "/g", "some text"));
    assert_null(store_find(mock_store(mock), "/f"));
    char names[64];
    list_names(mock, "/other", names, sizeof names);
    assert_string_equal(names, ". .. d g");
    mock_free(mock);
}

static void only_files_move_between_mounts(void **state)
{
    (void)state;
    struct plugin_instance *other;
    struct mock *mock = two_mounts(&other);
    store_link(mock_store(mock), "/l", "/f");
    store_directory(mock_store(mock), "/d");
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/l", "/other/l"), SP_FS_FAILURE);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/d", "/other/d"), SP_FS_FAILURE);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/none", "/other/n"), SP_FS_NO_SUCH_FILE);
    expect_status(mock, send_extended_paths(mock, "hardlink@openssh.com", "/f", "/other/f"),
                  SP_FS_FAILURE);
    assert_null(store_find(&other->store, "/l"));
    assert_null(store_find(&other->store, "/f"));
    assert_int_equal(mock->started[PLUGIN_FS_open], 0);
    mock_free(mock);
}

static void a_file_that_two_mounts_show_is_not_lost(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_mount(mock, "/again", "disk");
    store_file(mock_store(mock), "/f", "some text");
    store_file(mock_store(mock), "/g", "old");
    client_start(mock);
    uint32_t id = send_extended_paths(mock, "posix-rename@openssh.com", "/f", "/again/f");
    mock_settle(mock);
    expect_status(mock, id, SP_FS_FAILURE);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/again/f", "/f"), SP_FS_FAILURE);
    assert_true(store_has(mock_store(mock), "/f", "some text"));
    id = send_two_paths(mock, SFTP_RENAME, "/f", "/again/h");
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/h", "some text"));
    assert_null(store_find(mock_store(mock), "/f"));
    char names[64];
    list_names(mock, "/", names, sizeof names);
    assert_string_equal(names, ". .. again home g h");
    mock_free(mock);
}

static char told[1024];

static int32_t tell(struct plugin_instance *instance, const struct sp_sftp_event *event,
                    bool is_after, struct sp_sftp_reply *reply)
{
    size_t length = strlen(told);
    (void)instance, (void)reply;
    snprintf(told + length, sizeof told - length, "%s %s %s %s %u\n", is_after ? "after" : "before",
             event->name.data, event->path.data, event->target.len ? event->target.data : "-",
             is_after ? event->status : 0);
    return SP_NEXT;
}

/* To hooks it is one operation, whatever it takes. */
static void hooks_see_a_rename_to_another_mount(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *other = mock_mount(mock, "/other", "other");
    store_file(mock_store(mock), "/f", "some text");
    mock_hook(mock, tell);
    client_start(mock);
    told[0] = '\0';
    uint32_t id = send_two_paths(mock, SFTP_RENAME, "/f", "/other/g");
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    assert_string_equal(told, "before rename /f /other/g 0\nafter rename /f /other/g 0\n");
    assert_true(store_has(&other->store, "/g", "some text"));
    told[0] = '\0';
    id = send_two_paths(mock, SFTP_RENAME, "/none", "/other/g");
    mock_settle(mock);
    expect_status(mock, id, SP_FS_NO_SUCH_FILE);
    assert_string_equal(told, "before rename /none /other/g 0\nafter rename /none /other/g 2\n");
    /* The client leaves while it goes on. */
    mock->calls = MOCK_LATER;
    send_two_paths(mock, SFTP_RENAME, "/other/g", "/back");
    for (int i = 0; i < 5; i++)
        mock_step(mock);
    mock_free(mock);
}

/* Wherever it fails, the source is there, and of the target nothing but what was there before. */
static void a_move_that_fails_leaves_the_source_and_no_target(void **state)
{
    (void)state;
    static const enum plugin_operation target_steps[] = {
        PLUGIN_FS_open, PLUGIN_FS_write, PLUGIN_FS_close, PLUGIN_FS_rename, PLUGIN_FS_stat};
    static const enum plugin_operation source_steps[] = {PLUGIN_FS_stat, PLUGIN_FS_open,
                                                         PLUGIN_FS_read};
    for (size_t i = 0; i < 8; i++) {
        struct plugin_instance *other;
        struct mock *mock = two_mounts(&other);
        store_file(&other->store, "/g", "old");
        if (i < 5)
            other->store.fail[target_steps[i]] = SP_FS_QUOTA_EXCEEDED;
        else
            mock_store(mock)->fail[source_steps[i - 5]] = SP_FS_PERMISSION_DENIED;
        uint32_t id = send_extended_paths(mock, "posix-rename@openssh.com", "/f", "/other/g");
        mock_settle(mock);
        expect_status(mock, id, i < 5 ? SP_FS_FAILURE : SP_FS_PERMISSION_DENIED);
        memset(other->store.fail, 0, sizeof other->store.fail);
        memset(mock_store(mock)->fail, 0, sizeof mock_store(mock)->fail);
        assert_true(store_has(mock_store(mock), "/f", "some text"));
        assert_true(store_has(&other->store, "/g", "old"));
        char names[64];
        list_names(mock, "/other", names, sizeof names);
        assert_string_equal(names, ". .. g");
        mock_free(mock);
    }
}

/* A store that shows files once they are closed has refused this one: another has the name. */
static void a_move_that_fails_leaves_what_another_has_left_there(void **state)
{
    (void)state;
    for (int is_cut_off = 0; is_cut_off < 2; is_cut_off++) {
        struct plugin_instance *other;
        struct mock *mock = two_mounts(&other);
        other->store.fail[PLUGIN_FS_stat] = SP_FS_NO_SUCH_FILE; /* not while it is open */
        if (is_cut_off)
            other->store.fail[PLUGIN_FS_write] = SP_FS_QUOTA_EXCEEDED;
        else
            other->store.fail[PLUGIN_FS_close] = SP_FS_FILE_ALREADY_EXISTS;
        uint32_t id = send_two_paths(mock, SFTP_RENAME, "/f", "/other/g");
        mock_settle(mock);
        expect_status(mock, id, SP_FS_FAILURE);
        assert_int_equal(mock->started[PLUGIN_FS_remove], 0);
        assert_true(store_has(mock_store(mock), "/f", "some text"));
        assert_non_null(store_find(&other->store, "/g"));
        mock_free(mock);
    }
}

/* A source that is not removed: the copy goes again where that is certain, and else both stay. */
static void a_source_that_stays_is_a_failure(void **state)
{
    (void)state;
    static const uint32_t statuses[] = {SP_FS_PERMISSION_DENIED, SP_FS_FAILURE, SP_FS_NO_SUCH_FILE};
    for (size_t i = 0; i < 3; i++) {
        struct plugin_instance *other;
        struct mock *mock = two_mounts(&other);
        mock_store(mock)->fail[PLUGIN_FS_remove] = statuses[i];
        uint32_t id = send_two_paths(mock, SFTP_RENAME, "/f", "/other/g");
        mock_settle(mock);
        expect_status(mock, id, statuses[i]);
        assert_true(store_has(mock_store(mock), "/f", "some text"));
        assert_int_equal(store_find(&other->store, "/g") != NULL, i > 0);
        mock_free(mock);
    }
}

/* The client leaves at each step: what is open is closed, and one of the two is there. */
static void a_move_ends_with_its_channel(void **state)
{
    (void)state;
    for (int steps = 0; steps < 15; steps++) {
        struct plugin_instance *other;
        struct mock *mock = two_mounts(&other);
        mock_store(mock)->max_io = 4; /* so that there are several pieces */
        mock->calls = MOCK_LATER;
        send_two_paths(mock, SFTP_RENAME, "/f", "/other/g");
        for (int i = 0; i < steps; i++)
            if (!mock_step(mock))
                mock_run_tasks(mock);
        mock_close(mock);
        mock_settle(mock);
        bool is_there = store_has(mock_store(mock), "/f", "some text");
        assert_true(is_there || store_has(&other->store, "/g", "some text"));
        assert_int_equal(store_open_handles(mock_store(mock)), 0);
        assert_int_equal(store_open_handles(&other->store), 0);
        if (steps < 9) /* before the copy is complete */
            assert_true(is_there && !store_find(&other->store, "/g"));
        mock_free(mock);
    }
}

static void a_move_answers_in_time(void **state)
{
    (void)state;
    struct plugin_instance *other;
    struct mock *mock = two_mounts(&other);
    mock->calls = MOCK_LATER;
    uint32_t id = send_two_paths(mock, SFTP_RENAME, "/f", "/other/g");
    while (mock->started[PLUGIN_FS_read] == 0)
        mock_step(mock);
    mock_time_out(mock);
    expect_status(mock, id, SP_FS_FAILURE);
    mock_release(mock);
    mock_settle(mock);
    assert_true(store_has(mock_store(mock), "/f", "some text"));
    assert_null(store_find(&other->store, "/g"));
    mock_free(mock);
}

static void data_is_copied_between_mounts(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *other = mock_mount(mock, "/other", "other");
    store_file(mock_store(mock), "/f", "some text");
    mock->session.mounts[0].access = CONFIG_READ_ONLY; /* which does not matter for a source */
    client_start(mock);
    struct handle from = open_file(mock, "/f", FXF_READ);
    struct handle to = open_file(mock, "/other/f", FXF_WRITE | FXF_CREAT);
    uint32_t id = send_copy(mock, from, 0, 0, to, 0);
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    assert_true(store_has(&other->store, "/f", "some text"));
    mock_free(mock);
}

static void read_only_users_and_mounts_change_nothing(void **state)
{
    (void)state;
    for (int is_user = 0; is_user < 2; is_user++) {
        struct mock *mock = mock_new();
        store_file(mock_store(mock), "/f", "f");
        mock->session.grant.read_only = (uint32_t)is_user;
        mock->session.mounts[0].access = is_user ? CONFIG_READ_WRITE : CONFIG_READ_ONLY;
        client_start(mock);
        struct handle file = open_file(mock, "/f", FXF_READ);
        expect_data(mock, send_read(mock, file, 0, 10), "f");
        expect_status(mock, send_open(mock, "/f", FXF_WRITE), SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_open(mock, "/g", FXF_READ | FXF_CREAT), SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_path(mock, SFTP_REMOVE, "/f"), SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_mode(mock, SFTP_SETSTAT, "/f", 0), SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_mode(mock, SFTP_MKDIR, "/d", 0), SP_FS_PERMISSION_DENIED);
        assert_true(store_has(mock_store(mock), "/f", "f"));
        mock_free(mock);
    }
}

/* As a directory of mode 1733 with files that nobody may read. */
static void a_drop_box_takes_new_files_and_shows_nothing(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *box = mock_mount(mock, "/box", "box");
    mock->session.mounts[1].access = CONFIG_WRITE_ONLY;
    store_file(&box->store, "/theirs", "theirs");
    store_directory(&box->store, "/dir");
    store_file(mock_store(mock), "/f", "some text");
    client_start(mock);
    expect_status(mock, send_path(mock, SFTP_OPENDIR, "/box"), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_open(mock, "/box/theirs", FXF_READ), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_open(mock, "/box/new", FXF_READ | FXF_WRITE | FXF_CREAT),
                  SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_open(mock, "/box/theirs", FXF_WRITE), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_open(mock, "/box/theirs", FXF_WRITE | FXF_CREAT | FXF_TRUNC),
                  SP_FS_FAILURE);
    expect_status(mock, send_path(mock, SFTP_REMOVE, "/box/theirs"), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_path(mock, SFTP_RMDIR, "/box/dir"), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_mode(mock, SFTP_SETSTAT, "/box/theirs", 0), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/box/theirs", "/box/x"),
                  SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/box/theirs", "/x"),
                  SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "theirs", "/box/l"),
                  SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_path(mock, SFTP_READLINK, "/box/theirs"), SP_FS_PERMISSION_DENIED);
    expect_reply(mock, send_path(mock, SFTP_STAT, "/box/theirs"), SFTP_ATTRS);
    assert_true(store_has(&box->store, "/theirs", "theirs"));

    struct handle file = open_file(mock, "/box/x.part", FXF_WRITE | FXF_CREAT | FXF_TRUNC);
    expect_status(mock, send_write(mock, file, 0, "text"), SP_FS_OK);
    expect_status(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_OK);
    /* What a client does with a file of its own. */
    expect_status(mock, send_mode(mock, SFTP_SETSTAT, "/box/x.part", 0600), SP_FS_OK);
    expect_status(
        mock, send_extended_paths(mock, "posix-rename@openssh.com", "/box/x.part", "/box/theirs"),
        SP_FS_FAILURE);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/box/x.part", "/box/x"), SP_FS_OK);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/box/x", "/stolen"),
                  SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_path(mock, SFTP_REMOVE, "/box/x"), SP_FS_OK);
    expect_status(mock, send_mode(mock, SFTP_MKDIR, "/box/d", 0700), SP_FS_OK);
    expect_status(mock, send_path(mock, SFTP_RMDIR, "/box/d"), SP_FS_OK);
    uint32_t id = send_extended_paths(mock, "posix-rename@openssh.com", "/f", "/box/theirs");
    mock_settle(mock);
    expect_status(mock, id, SP_FS_FAILURE);
    id = send_two_paths(mock, SFTP_RENAME, "/f", "/box/f");
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    assert_true(store_has(&box->store, "/theirs", "theirs"));
    assert_true(store_has(&box->store, "/f", "some text"));
    mock_free(mock);
}

static void without_mounts_there_is_an_empty_root(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.config.mounts_count = 0;
    client_start(mock);
    char names[64];
    list_names(mock, "/", names, sizeof names);
    assert_string_equal(names, ". ..");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "."), "/home/demo");
    expect_status(mock, send_path(mock, SFTP_STAT, "."), SP_FS_NO_SUCH_FILE);
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_open(mock, "/f", FXF_WRITE | FXF_CREAT), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_open(mock, "/f", FXF_READ), SP_FS_NO_SUCH_FILE);
    expect_status(mock, send_extended_paths(mock, "statvfs@openssh.com", "/", NULL),
                  SP_FS_OP_UNSUPPORTED);
    mock_free(mock);
}

/* What the store has is what lies in the home then. */
static struct mock *restricted(void)
{
    struct mock *mock = mock_new();
    mock->session.grant.restrict_to_home = 1;
    client_start(mock);
    return mock;
}

static void a_restricted_user_sees_the_home_as_root(void **state)
{
    (void)state;
    struct mock *mock = restricted();
    expect_name(mock, send_path(mock, SFTP_REALPATH, "."), "/");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "../../x"), "/x");
    expect_name(mock, send_extended_paths(mock, "home-directory", "demo", NULL), "/");
    expect_name(mock, send_extended_paths(mock, "expand-path@openssh.com", "~/x", NULL), "/x");
    assert_string_equal(mock_store(mock)->root, "configured");
    assert_string_equal(mock_store(mock)->top, "/home/demo");
    open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    assert_non_null(store_find(mock_store(mock), "/f"));
    char names[64];
    list_names(mock, "/..", names, sizeof names);
    assert_string_equal(names, ". .. home f");
    expect_status(mock, send_path(mock, SFTP_RMDIR, "/"), SP_FS_PERMISSION_DENIED);
    mock_free(mock);
}

static void a_restricted_users_links_are_the_providers(void **state)
{
    (void)state;
    struct mock *mock = restricted();
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "../../secret", "/l"), SP_FS_OK);
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "/f", "/m"), SP_FS_OK);
    assert_string_equal(store_find(mock_store(mock), "/m")->target, "/f");
    expect_name(mock, send_path(mock, SFTP_READLINK, "/l"), "../../secret");
    expect_name(mock, send_path(mock, SFTP_READLINK, "/m"), "/f");
    mock_free(mock);
}

static void a_provider_without_attach_top_keeps_users_in_by_names(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.host.instances[0].lacks[PLUGIN_FS_attach_top] = true;
    mock->session.grant.restrict_to_home = 1;
    store_file(mock_store(mock), "/secret", "secret");
    client_start(mock);
    expect_status(mock, send_path(mock, SFTP_STAT, "/../../secret"), SP_FS_NO_SUCH_FILE);
    expect_status(mock, send_open(mock, "/secret", FXF_READ), SP_FS_NO_SUCH_FILE);
    open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    assert_non_null(store_find(mock_store(mock), "/home/demo/f"));
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "f", "/l"), SP_FS_PERMISSION_DENIED);
    store_link(mock_store(mock), "/home/demo/out", "/secret");
    expect_status(mock, send_path(mock, SFTP_REALPATH, "/out"), SP_FS_NO_SUCH_FILE);
    assert_string_equal(mock_store(mock)->top, "");
    mock_free(mock);
}

static void a_restricted_user_has_the_mounts_in_the_home(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_mount(mock, "/other", "other");
    struct plugin_instance *inner = mock_mount(mock, "/home/demo/in", "inner");
    store_file(&inner->store, "/f", "inner");
    mock->session.grant.restrict_to_home = 1;
    client_start(mock);
    char names[64];
    list_names(mock, "/", names, sizeof names);
    assert_string_equal(names, ". .. in home");
    expect_status(mock, send_path(mock, SFTP_STAT, "/other"), SP_FS_NO_SUCH_FILE);
    expect_data(mock, send_read(mock, open_file(mock, "/in/f", FXF_READ), 0, 10), "inner");
    assert_string_equal(inner->store.top, "");
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_mount_serves_a_path),
        cmocka_unit_test(the_granted_root_is_that_of_the_root_mount),
        cmocka_unit_test(mounts_show_in_listings_once),
        cmocka_unit_test(a_mount_is_listed_as_its_provider_says_unless_it_is_silent),
        cmocka_unit_test(mounts_are_for_some_users_and_groups),
        cmocka_unit_test(names_in_a_root_stand_for_one_directory),
        cmocka_unit_test(a_user_without_a_home_has_no_root_made_of_it),
        cmocka_unit_test(many_mounts_are_found),
        cmocka_unit_test(mount_points_cannot_be_made_moved_or_removed),
        cmocka_unit_test(no_file_is_made_where_mounts_make_a_directory),
        cmocka_unit_test(a_file_moves_between_mounts),
        cmocka_unit_test(a_move_replaces_only_when_told),
        cmocka_unit_test(only_files_move_between_mounts),
        cmocka_unit_test(hooks_see_a_rename_to_another_mount),
        cmocka_unit_test(a_file_that_two_mounts_show_is_not_lost),
        cmocka_unit_test(a_move_that_fails_leaves_the_source_and_no_target),
        cmocka_unit_test(a_move_that_fails_leaves_what_another_has_left_there),
        cmocka_unit_test(a_source_that_stays_is_a_failure),
        cmocka_unit_test(a_move_ends_with_its_channel),
        cmocka_unit_test(a_move_answers_in_time),
        cmocka_unit_test(data_is_copied_between_mounts),
        cmocka_unit_test(read_only_users_and_mounts_change_nothing),
        cmocka_unit_test(a_drop_box_takes_new_files_and_shows_nothing),
        cmocka_unit_test(without_mounts_there_is_an_empty_root),
        cmocka_unit_test(a_restricted_user_sees_the_home_as_root),
        cmocka_unit_test(a_restricted_users_links_are_the_providers),
        cmocka_unit_test(a_provider_without_attach_top_keeps_users_in_by_names),
        cmocka_unit_test(a_restricted_user_has_the_mounts_in_the_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
