/* Which provider a path leads to, what mounts make visible, and homes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

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

static void nothing_moves_between_mounts(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_mount(mock, "/other", "other");
    store_file(mock_store(mock), "/f", "f");
    client_start(mock);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/f", "/other/f"), SP_FS_FAILURE);
    expect_status(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/f", "/other/f"),
                  SP_FS_FAILURE);
    expect_status(mock, send_extended_paths(mock, "hardlink@openssh.com", "/f", "/other/f"),
                  SP_FS_FAILURE);
    assert_true(store_has(mock_store(mock), "/f", "f"));
    mock_free(mock);
}

static void data_is_copied_between_mounts(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *other = mock_mount(mock, "/other", "other");
    store_file(mock_store(mock), "/f", "some text");
    mock->session.mounts[0].read_only = true; /* which does not matter for a source */
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
        mock->session.mounts[0].read_only = !is_user;
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

static struct mock *restricted(void)
{
    struct mock *mock = mock_new();
    mock->session.grant.restrict_to_home = 1;
    store_file(mock_store(mock), "/secret", "secret");
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
    expect_status(mock, send_path(mock, SFTP_STAT, "/../../secret"), SP_FS_NO_SUCH_FILE);
    expect_status(mock, send_open(mock, "/secret", FXF_READ), SP_FS_NO_SUCH_FILE);
    open_file(mock, "/f", FXF_WRITE | FXF_CREAT);
    assert_non_null(store_find(mock_store(mock), "/home/demo/f"));
    char names[64];
    list_names(mock, "/..", names, sizeof names);
    assert_string_equal(names, ". .. f");
    mock_free(mock);
}

static void a_restricted_user_cannot_link_out_of_the_home(void **state)
{
    (void)state;
    struct mock *mock = restricted();
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "../../secret", "/l"),
                  SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "a/..", "/l"), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "/../../secret", "/l"), SP_FS_OK);
    assert_string_equal(store_find(mock_store(mock), "/home/demo/l")->target, "/home/demo/secret");
    expect_name(mock, send_path(mock, SFTP_READLINK, "/l"), "/secret");
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "..a/b", "/m"), SP_FS_OK);
    store_link(mock_store(mock), "/home/demo/out", "/secret");
    expect_status(mock, send_path(mock, SFTP_REALPATH, "/out"), SP_FS_NO_SUCH_FILE);
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_mount_serves_a_path),
        cmocka_unit_test(the_granted_root_is_that_of_the_root_mount),
        cmocka_unit_test(mounts_show_in_listings_once),
        cmocka_unit_test(mount_points_cannot_be_made_moved_or_removed),
        cmocka_unit_test(no_file_is_made_where_mounts_make_a_directory),
        cmocka_unit_test(nothing_moves_between_mounts),
        cmocka_unit_test(data_is_copied_between_mounts),
        cmocka_unit_test(read_only_users_and_mounts_change_nothing),
        cmocka_unit_test(without_mounts_there_is_an_empty_root),
        cmocka_unit_test(a_restricted_user_sees_the_home_as_root),
        cmocka_unit_test(a_restricted_user_cannot_link_out_of_the_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
