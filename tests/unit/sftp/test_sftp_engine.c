/* What each request does, for a client that behaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"

static void a_file_is_written_and_read(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "a.txt", FXF_READ | FXF_WRITE | FXF_CREAT);
    expect_status(mock, send_write(mock, file, 0, "hello "), SP_FS_OK);
    expect_status(mock, send_write(mock, file, 6, "world"), SP_FS_OK);
    expect_data(mock, send_read(mock, file, 0, 100), "hello world");
    expect_data(mock, send_read(mock, file, 6, 3), "wor");
    expect_data(mock, send_read(mock, file, 0, 0), "");
    expect_status(mock, send_read(mock, file, 11, 100), SP_FS_EOF);
    struct reply reply = expect_reply(mock, send_handle(mock, SFTP_FSTAT, file), SFTP_ATTRS);
    assert_int_equal(wire_get_u32(&reply.body), 0x0f);
    assert_int_equal(wire_get_u64(&reply.body), 11);
    close_handle(mock, file);
    assert_true(store_has(mock_store(mock), "/home/demo/a.txt", "hello world"));
    mock_free(mock);
}

static void a_large_read_goes_out_from_where_it_was_read(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char *text = malloc(200001);
    memset(text, 'x', 200000);
    text[200000] = '\0';
    store_file(mock_store(mock), "/big", text);
    struct handle file = open_file(mock, "/big", FXF_READ);
    expect_data(mock, send_read(mock, file, 0, UINT32_MAX), text);
    mock->releases_late = true; /* the provider lets go later than the client has it */
    expect_data(mock, send_read(mock, file, 0, UINT32_MAX), text);
    mock_release(mock);
    close_handle(mock, file);
    free(text);
    mock_free(mock);
}

static void short_writes_are_completed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock_store(mock)->max_io = 3;
    struct handle file = open_file(mock, "a", FXF_WRITE | FXF_CREAT);
    expect_status(mock, send_write(mock, file, 0, "0123456789"), SP_FS_OK);
    assert_int_equal(mock->started[PLUGIN_FS_write], 4);
    close_handle(mock, file);
    assert_true(store_has(mock_store(mock), "/home/demo/a", "0123456789"));
    mock_free(mock);
}

static void names_are_made_moved_and_removed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct store *store = mock_store(mock);
    expect_status(mock, send_mode(mock, SFTP_MKDIR, "d", 0700), SP_FS_OK);
    assert_int_equal(store_find(store, "/home/demo/d")->mode, 0700);
    expect_status(mock, send_path(mock, SFTP_MKDIR, "d"), SP_FS_FAILURE);
    store_file(store, "/home/demo/f", "f");
    store_file(store, "/home/demo/g", "g");
    expect_status(mock, send_path(mock, SFTP_REMOVE, "d"), SP_FS_FAILURE);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "f", "g"), SP_FS_FAILURE);
    assert_true(store_has(store, "/home/demo/g", "g"));
    expect_status(mock, send_extended_paths(mock, "posix-rename@openssh.com", "f", "g"), SP_FS_OK);
    assert_true(store_has(store, "/home/demo/g", "f"));
    expect_status(mock, send_extended_paths(mock, "hardlink@openssh.com", "g", "d/h"), SP_FS_OK);
    expect_status(mock, send_path(mock, SFTP_RMDIR, "d"), SP_FS_FAILURE);
    expect_status(mock, send_path(mock, SFTP_REMOVE, "d/h"), SP_FS_OK);
    expect_status(mock, send_path(mock, SFTP_RMDIR, "d"), SP_FS_OK);
    expect_status(mock, send_path(mock, SFTP_STAT, "d"), SP_FS_NO_SUCH_FILE);
    mock_free(mock);
}

static void symlinks_are_made_in_openssh_order_and_read(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    expect_status(mock, send_two_paths(mock, SFTP_SYMLINK, "../any text", "link"), SP_FS_OK);
    assert_string_equal(store_find(mock_store(mock), "/home/demo/link")->target, "../any text");
    expect_name(mock, send_path(mock, SFTP_READLINK, "link"), "../any text");
    expect_reply(mock, send_path(mock, SFTP_LSTAT, "link"), SFTP_ATTRS);
    mock_free(mock);
}

static void attributes_are_set_by_path_and_by_handle(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct store_node *node = store_file(mock_store(mock), "/f", "f");
    store_link(mock_store(mock), "/l", "/f");
    expect_status(mock, send_mode(mock, SFTP_SETSTAT, "/l", 06755), SP_FS_OK);
    assert_int_equal(node->mode, 0755);
    uint32_t id;
    struct buffer *request = extended_begin("lsetstat@openssh.com", &id);
    request_string(request, "/l");
    wire_put_u32(request, 4);
    wire_put_u32(request, 0600);
    request_send(mock, request);
    expect_status(mock, id, SP_FS_OK);
    assert_int_equal(node->mode, 0755);
    assert_int_equal(store_find(mock_store(mock), "/l")->mode, 0600);
    struct handle file = open_file(mock, "/f", FXF_WRITE);
    request = request_begin(SFTP_FSETSTAT, &id);
    request_handle(request, file);
    wire_put_u32(request, 1);
    wire_put_u64(request, 0);
    request_send(mock, request);
    expect_status(mock, id, SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/f", ""));
    close_handle(mock, file);
    mock_free(mock);
}

static void handles_stand_for_paths_where_a_provider_knows_only_those(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *disk = &mock->session.host.instances[0];
    disk->lacks[PLUGIN_FS_fstat] = disk->lacks[PLUGIN_FS_fsetstat] = true;
    disk->lacks[PLUGIN_FS_fstatvfs] = true;
    client_start(mock);
    struct handle file = open_file(mock, "f", FXF_WRITE | FXF_CREAT);
    expect_reply(mock, send_handle(mock, SFTP_FSTAT, file), SFTP_ATTRS);
    uint32_t id;
    struct buffer *request = request_begin(SFTP_FSETSTAT, &id);
    request_handle(request, file);
    wire_put_u32(request, 4);
    wire_put_u32(request, 0600);
    request_send(mock, request);
    expect_status(mock, id, SP_FS_OK);
    assert_int_equal(store_find(mock_store(mock), "/home/demo/f")->mode, 0600);
    expect_reply(mock, send_extended_handle(mock, "fstatvfs@openssh.com", file),
                 SFTP_EXTENDED_REPLY);
    close_handle(mock, file);
    mock_free(mock);
}

static void directories_list_dots_first_and_everything_once(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char names[8192], path[64];
    for (int i = 0; i < 250; i++) {
        snprintf(path, sizeof path, "/home/demo/%d", i);
        store_file(mock_store(mock), path, "");
    }
    list_names(mock, ".", names, sizeof names);
    assert_int_equal(strncmp(names, ". .. 0 1 2 ", 11), 0);
    size_t words = 1;
    for (const char *at = names; *at; at++)
        words += *at == ' ';
    assert_int_equal(words, 252);
    mock_free(mock);
}

static void an_empty_directory_ends_after_its_dots(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char names[64];
    list_names(mock, ".", names, sizeof names);
    assert_string_equal(names, ". ..");
    mock_free(mock);
}

static void names_that_no_listing_may_hold_are_left_out(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char names[256], path[1200] = "/home/demo/";
    memset(path + 11, 'n', 1100);
    store_file(mock_store(mock), path, "");
    store_file(mock_store(mock), "/home/demo/.", "");
    store_file(mock_store(mock), "/home/demo/..", "");
    store_file(mock_store(mock), "/home/demo/good", "");
    list_names(mock, ".", names, sizeof names);
    assert_string_equal(names, ". .. good");
    mock_free(mock);
}

static void realpath_spells_out_names_and_follows_links(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_directory(mock_store(mock), "/data");
    store_link(mock_store(mock), "/home/demo/l", "/data");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "."), "/home/demo");
    expect_name(mock, send_path(mock, SFTP_REALPATH, ""), "/home/demo");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "../../data/./"), "/data");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "/../.."), "/");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "l"), "/data");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "new"), "/home/demo/new");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "/new"), "/new");
    expect_name(mock, send_path(mock, SFTP_REALPATH, "l/new"), "/data/new");
    expect_status(mock, send_path(mock, SFTP_REALPATH, "no/new"), SP_FS_NO_SUCH_FILE);
    mock_free(mock);
}

static void paths_with_a_tilde_are_expanded(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    const char *name = "expand-path@openssh.com";
    expect_name(mock, send_extended_paths(mock, name, "~", NULL), "/home/demo");
    expect_name(mock, send_extended_paths(mock, name, "~/x", NULL), "/home/demo/x");
    expect_name(mock, send_extended_paths(mock, name, "~demo/x", NULL), "/home/demo/x");
    expect_name(mock, send_extended_paths(mock, name, "x", NULL), "/home/demo/x");
    expect_status(mock, send_extended_paths(mock, name, "~root", NULL), SP_FS_NO_SUCH_FILE);
    expect_name(mock, send_extended_paths(mock, "home-directory", "demo", NULL), "/home/demo");
    expect_name(mock, send_extended_paths(mock, "home-directory", "", NULL), "/home/demo");
    expect_status(mock, send_extended_paths(mock, "home-directory", "root", NULL),
                  SP_FS_NO_SUCH_FILE);
    mock_free(mock);
}

static void limits_space_and_names_are_told(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    uint32_t id;
    request_send(mock, extended_begin("limits@openssh.com", &id));
    struct reply reply = expect_reply(mock, id, SFTP_EXTENDED_REPLY);
    assert_int_equal(wire_get_u64(&reply.body), 262144);
    assert_int_equal(wire_get_u64(&reply.body), 261120);
    assert_int_equal(wire_get_u64(&reply.body), 261120);
    assert_int_equal(wire_get_u64(&reply.body), 16);
    assert_true(wire_at_end(&reply.body));

    id = send_extended_paths(mock, "statvfs@openssh.com", "/", NULL);
    reply = expect_reply(mock, id, SFTP_EXTENDED_REPLY);
    assert_int_equal(wire_left(&reply.body), 88);
    assert_int_equal(wire_get_u64(&reply.body), 4096);

    struct buffer *request = extended_begin("users-groups-by-id@openssh.com", &id);
    wire_put_string(request, "\0\0\0\1\0\0\0\2", 8);
    wire_put_string(request, "\0\0\0\3", 4);
    request_send(mock, request);
    reply = expect_reply(mock, id, SFTP_EXTENDED_REPLY);
    struct sp_str names = wire_get_string(&reply.body);
    assert_int_equal(names.len, 11);
    assert_memory_equal(names.data, "\0\0\0\1s\0\0\0\2so", 11);
    names = wire_get_string(&reply.body);
    assert_int_equal(names.len, 7);
    assert_memory_equal(names.data, "\0\0\0\3som", 7);
    assert_true(wire_at_end(&reply.body));
    mock_free(mock);
}

static void a_grant_lowers_the_number_of_handles_and_never_raises_it(void **state)
{
    (void)state;
    static const struct {
        uint32_t granted, expected;
    } cases[] = {{0, 16}, {2, 2}, {99, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mock *mock = client_new();
        uint32_t id;
        mock->session.grant.handles_max = cases[i].granted;
        request_send(mock, extended_begin("limits@openssh.com", &id));
        struct reply reply = expect_reply(mock, id, SFTP_EXTENDED_REPLY);
        for (int k = 0; k < 3; k++)
            wire_get_u64(&reply.body);
        assert_int_equal(wire_get_u64(&reply.body), cases[i].expected);
        for (uint32_t k = 0; k < cases[i].expected; k++)
            expect_reply(mock, send_path(mock, SFTP_OPENDIR, "/home"), SFTP_HANDLE);
        expect_status(mock, send_path(mock, SFTP_OPENDIR, "/home"), SP_FS_FAILURE);
        mock_free(mock);
    }
}

static void data_is_copied_on_the_server(void **state)
{
    (void)state;
    for (int is_alone = 0; is_alone < 2; is_alone++) {
        struct mock *mock = mock_new();
        mock->session.host.instances[0].lacks[PLUGIN_FS_copy] = is_alone;
        client_start(mock);
        char *text = malloc(600001);
        for (int i = 0; i < 600000; i++)
            text[i] = (char)('a' + i % 25);
        text[600000] = '\0';
        store_file(mock_store(mock), "/from", text);
        struct handle from = open_file(mock, "/from", FXF_READ);
        struct handle to = open_file(mock, "/to", FXF_WRITE | FXF_CREAT);
        uint32_t id = send_copy(mock, from, 0, 0, to, 0);
        mock_settle(mock);
        expect_status(mock, id, SP_FS_OK);
        assert_true(store_has(mock_store(mock), "/to", text));
        id = send_copy(mock, from, 10, 5, to, 0);
        mock_settle(mock);
        expect_status(mock, id, SP_FS_OK);
        assert_memory_equal(buffer_data(&store_find(mock_store(mock), "/to")->data), text + 10, 5);
        id = send_copy(mock, from, 599998, 5, to, 0); /* only two of them are there */
        mock_settle(mock);
        expect_status(mock, id, SP_FS_EOF);
        assert_memory_equal(buffer_data(&store_find(mock_store(mock), "/to")->data), text + 599998,
                            2);
        close_handle(mock, from);
        close_handle(mock, to);
        free(text);
        mock_free(mock);
    }
}

static void a_provider_may_copy_in_parts(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/from", "0123456789");
    struct handle from = open_file(mock, "/from", FXF_READ);
    mock_store(mock)->max_io = 3;
    static const struct {
        const char *name;
        uint64_t length;
        uint32_t status;
        const char *text;
    } copies[] = {{"/a", 7, SP_FS_OK, "..1234567"},
                  {"/b", 0, SP_FS_OK, "..123456789"},
                  {"/c", 20, SP_FS_EOF, "..123456789"}};
    for (int i = 0; i < 3; i++) {
        store_file(mock_store(mock), copies[i].name, "..");
        struct handle to = open_file(mock, copies[i].name, FXF_WRITE);
        uint32_t id = send_copy(mock, from, 1, copies[i].length, to, 2);
        mock_settle(mock);
        expect_status(mock, id, copies[i].status);
        assert_true(store_has(mock_store(mock), copies[i].name, copies[i].text));
    }
    mock_free(mock);
}

static void copying_needs_both_rights_and_two_files(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/a", "a");
    struct handle reads = open_file(mock, "/a", FXF_READ);
    struct handle writes = open_file(mock, "/b", FXF_WRITE | FXF_CREAT);
    struct handle same = open_file(mock, "/a", FXF_READ | FXF_WRITE);
    expect_status(mock, send_copy(mock, writes, 0, 0, writes, 0), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_copy(mock, reads, 0, 0, reads, 0), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_copy(mock, same, 0, 1, same, 5), SP_FS_FAILURE);
    expect_status(mock, send_copy(mock, reads, 0, 1, same, 5), SP_FS_FAILURE);
    expect_status(mock, send_copy(mock, reads, UINT64_MAX, 1, writes, 0), SP_FS_FAILURE);
    expect_status(mock, send_copy(mock, reads, 1, UINT64_MAX, writes, 0), SP_FS_FAILURE);
    mock_free(mock);
}

static void only_what_someone_can_do_is_advertised(void **state)
{
    (void)state;
    for (int lacks = 0; lacks < 2; lacks++) {
        struct mock *mock = mock_new();
        struct plugin_instance *disk = &mock->session.host.instances[0];
        disk->lacks[PLUGIN_FS_link] = disk->lacks[PLUGIN_FS_statvfs] = lacks;
        static const uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 6};
        extern const struct session_builtin sftp_builtins[];
        assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
        mock_receive(mock, init, sizeof init);
        struct reply reply;
        assert_true(next_reply(mock, &reply));
        bool has_link = false, has_space = false, has_limits = false;
        while (!wire_at_end(&reply.body)) {
            struct sp_str name = wire_get_string(&reply.body);
            wire_get_string(&reply.body);
            assert_true(wire_ok(&reply.body));
            has_link |= strncmp(name.data, "hardlink@openssh.com", name.len) == 0;
            has_space |= strncmp(name.data, "statvfs@openssh.com", name.len) == 0;
            has_limits |= strncmp(name.data, "limits@openssh.com", name.len) == 0;
        }
        assert_int_equal(has_link, !lacks);
        assert_int_equal(has_space, !lacks);
        assert_true(has_limits);
        expect_status(mock, send_extended_paths(mock, "hardlink@openssh.com", "/x", "/y"),
                      lacks ? SP_FS_OP_UNSUPPORTED : SP_FS_NO_SUCH_FILE);
        mock_free(mock);
    }
}

static void the_end_of_input_ends_the_channel_in_order(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    mock->calls = MOCK_LATER;
    uint32_t id = send_path(mock, SFTP_STAT, "/");
    mock_receive_eof(mock);
    assert_false(mock->channel.is_shut);
    mock_settle(mock);
    expect_reply(mock, id, SFTP_ATTRS);
    assert_true(mock->channel.is_shut);
    assert_int_equal(mock->channel.exit_status, 0);
    mock_free(mock);
}

static void an_idle_channel_gives_memory_back(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle file = open_file(mock, "a", FXF_READ | FXF_WRITE | FXF_CREAT);
    expect_status(mock, send_write(mock, file, 0, "x"), SP_FS_OK);
    mock_run_timers(mock); /* was active */
    mock_run_timers(mock);
    expect_data(mock, send_read(mock, file, 0, 10), "x");
    close_handle(mock, file);
    mock_run_timers(mock);
    mock_run_timers(mock);
    expect_status(mock, send_read(mock, file, 0, 10), SP_FS_FAILURE);
    struct handle again = open_file(mock, "a", FXF_READ);
    assert_memory_not_equal(again.bytes, file.bytes, sizeof file.bytes);
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_written_and_read),
        cmocka_unit_test(a_large_read_goes_out_from_where_it_was_read),
        cmocka_unit_test(short_writes_are_completed),
        cmocka_unit_test(names_are_made_moved_and_removed),
        cmocka_unit_test(symlinks_are_made_in_openssh_order_and_read),
        cmocka_unit_test(attributes_are_set_by_path_and_by_handle),
        cmocka_unit_test(handles_stand_for_paths_where_a_provider_knows_only_those),
        cmocka_unit_test(directories_list_dots_first_and_everything_once),
        cmocka_unit_test(an_empty_directory_ends_after_its_dots),
        cmocka_unit_test(names_that_no_listing_may_hold_are_left_out),
        cmocka_unit_test(realpath_spells_out_names_and_follows_links),
        cmocka_unit_test(paths_with_a_tilde_are_expanded),
        cmocka_unit_test(limits_space_and_names_are_told),
        cmocka_unit_test(a_grant_lowers_the_number_of_handles_and_never_raises_it),
        cmocka_unit_test(data_is_copied_on_the_server),
        cmocka_unit_test(a_provider_may_copy_in_parts),
        cmocka_unit_test(copying_needs_both_rights_and_two_files),
        cmocka_unit_test(only_what_someone_can_do_is_advertised),
        cmocka_unit_test(the_end_of_input_ends_the_channel_in_order),
        cmocka_unit_test(an_idle_channel_gives_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
