/* Hooks before and after each request: what they see, what they can change, and what becomes of the
 * request if they fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

static void expect_refusal(struct mock *mock, uint32_t id, uint32_t status, const char *text)
{
    struct reply reply = expect_reply(mock, id, SFTP_STATUS);
    struct sp_str told = reply.text;
    assert_int_equal(reply.status, status);
    assert_int_equal(told.len, strlen(text));
    assert_memory_equal(told.data, text, strlen(text));
}

static void a_hook_sees_each_operation_before_and_after(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    struct handle file = open_file(mock, "a", FXF_READ | FXF_WRITE | FXF_CREAT);
    expect_seen("<open /home/demo/a\n>open /home/demo/a 0 provider\n");
    uint64_t number = records[0].last.file;
    assert_int_not_equal(number, 0);
    assert_int_equal(records[0].last.flags, SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_CREATE);
    expect_status(mock, send_write(mock, file, 3, "hello"), SP_FS_OK);
    expect_seen("<write /home/demo/a\n>write /home/demo/a 0 provider\n");
    assert_int_equal(records[0].last.file, number);
    assert_int_equal(records[0].last.offset, 3);
    assert_int_equal(records[0].last.length, 5);
    assert_int_equal(records[0].last.count, 5);
    assert_string_equal(records[0].mount, "/");
    expect_data(mock, send_read(mock, file, 4, 100), "ello");
    expect_seen("<read /home/demo/a\n>read /home/demo/a 0 provider\n");
    assert_int_equal(records[0].last.count, 4);
    close_handle(mock, file);
    expect_seen("<close /home/demo/a\n>close /home/demo/a 0 provider\n");
    assert_int_equal(records[0].last.file, number);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "a", "/b"), SP_FS_OK);
    expect_seen("<rename /home/demo/a to /b\n>rename /home/demo/a to /b 0 provider\n");
    assert_string_equal(records[0].data, ""); /* it did not ask for data */
    mock_free(mock);
}

static void the_chain_is_asked_down_and_up_again(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(2);
    strcpy(records[0].name, "a");
    strcpy(records[1].name, "b");
    records[1].into = &records[0];
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_OK);
    expect_seen("a<mkdir /d\nb<mkdir /d\nb>mkdir /d 0 provider\na>mkdir /d 0 provider\n");
    struct sp_sftp_reply *reply = answers(0, "rmdir", false, SP_DENY);
    reply->text = str("Not today");
    expect_refusal(mock, send_path(mock, SFTP_RMDIR, "/d"), SP_FS_PERMISSION_DENIED, "Not today");
    expect_seen("a<rmdir /d\nb>rmdir /d 3 hook\na>rmdir /d 3 hook\n");
    assert_int_equal(mock->started[PLUGIN_FS_rmdir], 0);
    mock_free(mock);
}

static void a_refusal_has_the_status_of_the_hook(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    answers(0, "remove", false, SP_DENY)->status = SP_FS_QUOTA_EXCEEDED;
    expect_status(mock, send_path(mock, SFTP_REMOVE, "/x"), SP_FS_FAILURE); /* as 3 knows it */
    expect_seen("<remove /x\n>remove /x 15 hook\n");
    records[0].reply.status = 4711;
    expect_status(mock, send_path(mock, SFTP_REMOVE, "/x"), SP_FS_FAILURE);
    mock_free(mock);
}

static void what_the_core_refuses_is_shown_after_only(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    mock->session.mounts[0].access = CONFIG_READ_ONLY;
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_PERMISSION_DENIED);
    expect_seen(">mkdir /d 12 core\n");
    struct handle none = {{1, 2, 3}};
    uint32_t id = send_handle(mock, SFTP_FSTAT, none);
    struct reply reply = expect_reply(mock, id, SFTP_STATUS);
    assert_int_not_equal(reply.status, SP_FS_OK);
    expect_seen(">fstat  9 core\n");
    mock_free(mock);
}

static void a_path_is_diverted(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(2);
    records[1].into = &records[0];
    struct sp_sftp_reply *reply = answers(0, "open", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_PATH;
    reply->path = str("/elsewhere/../b");
    struct handle file = open_file(mock, "/a", FXF_WRITE | FXF_CREAT);
    expect_seen("<open /a\n<open /b\n>open /b 0 provider\n>open /b 0 provider\n");
    close_handle(mock, file);
    assert_true(store_has(mock_store(mock), "/b", ""));
    assert_null(store_find(mock_store(mock), "/a"));
    mock_free(mock);
}

static void both_names_of_a_rename_are_diverted(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    store_file(mock_store(mock), "/a", "a");
    store_file(mock_store(mock), "/b", "b");
    struct sp_sftp_reply *reply = answers(0, "rename", false, SP_ALLOW);
    reply->changes = SP_SFTP_CHANGE_TARGET;
    reply->target = str("/c");
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/a", "/x"), SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/c", "a"));
    reply->changes = SP_SFTP_CHANGE_PATH;
    reply->path = str("/b");
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/a", "/x"), SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/x", "b"));
    mock_free(mock);
}

static void a_diverted_path_is_checked_as_if_the_client_had_sent_it(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    mock_hook(mock, recorder_hook)->arg = &records[0];
    mock_mount(mock, "/archive", "archive");
    mock->session.mounts[1].access = CONFIG_READ_ONLY;
    mock->session.grant.restrict_to_home = 1;
    client_start(mock);
    struct sp_sftp_reply *reply = answers(0, "mkdir", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_PATH;
    reply->path = str("/home/demo/fine");
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_OK);
    expect_seen("<mkdir /home/demo/d\n>mkdir /home/demo/fine 0 provider\n");
    reply->path = str("/home/other");
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_PERMISSION_DENIED);
    reply = answers(0, "open", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_FINAL;
    reply->final_path = str("/home/other");
    uint32_t id = send_open(mock, "/f", FXF_WRITE | FXF_CREAT);
    expect_status(mock, id, SP_FS_PERMISSION_DENIED);
    reply = answers(0, "mkdir", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_PATH;
    mock->session.grant.restrict_to_home = 0;
    reply->path = str("relative");
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_FAILURE);
    mock_close(mock);
    mock_free(mock);

    mock = mock_new();
    memset(records, 0, sizeof records);
    mock_hook(mock, recorder_hook)->arg = &records[0];
    mock_mount(mock, "/archive", "archive");
    mock->session.mounts[1].access = CONFIG_READ_ONLY;
    client_start(mock);
    reply = answers(0, "mkdir", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_PATH;
    reply->path = str("/archive/d");
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_PERMISSION_DENIED);
    expect_seen("<mkdir /d\n>mkdir /archive/d 12 core\n");
    mock_free(mock);
}

static void flags_and_attributes_are_diverted(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    struct sp_fs_attributes attributes = {
        .struct_size = sizeof attributes, .valid = SP_ATTR_PERMISSIONS, .mode = 0700};
    struct sp_sftp_reply *reply = answers(0, "mkdir", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_ATTRIBUTES;
    reply->attributes = &attributes;
    expect_status(mock, send_mode(mock, SFTP_MKDIR, "/d", 0777), SP_FS_OK);
    assert_int_equal(store_find(mock_store(mock), "/d")->mode, 0700);
    reply = answers(0, "open", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_FLAGS;
    reply->flags = SP_OPEN_READ;
    uint32_t id = send_open(mock, "/new", FXF_WRITE | FXF_CREAT);
    expect_status(mock, id, SP_FS_NO_SUCH_FILE);
    assert_null(store_find(mock_store(mock), "/new"));
    mock_free(mock);
}

/* Its packet is gone by the time that the hook answers. */
static void a_late_change_of_flags_leaves_the_path_alone(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    struct sp_sftp_reply *reply = answers(0, "open", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_FLAGS;
    reply->flags = SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_EXCLUSIVE;
    mock->calls = MOCK_LATER;
    uint32_t id = send_open(mock, "/a-name-of-some-length", FXF_WRITE | FXF_CREAT);
    mock_settle(mock);
    mock->calls = MOCK_AT_ONCE;
    struct handle file = expect_handle(mock, id);
    close_handle(mock, file);
    assert_true(store_has(mock_store(mock), "/a-name-of-some-length", ""));
    mock_free(mock);
}

static void ranges_are_diverted_and_never_longer(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE);
    struct sp_sftp_reply *reply = answers(0, "read", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_RANGE;
    reply->offset = 5;
    reply->length = 2;
    expect_data(mock, send_read(mock, file, 0, 4), "56");
    reply->length = 5;
    expect_status(mock, send_read(mock, file, 0, 4), SP_FS_FAILURE);
    reply = answers(0, "write", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_RANGE;
    reply->offset = 8;
    reply->length = 1;
    expect_status(mock, send_write(mock, file, 0, "xy"), SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/f", "01234567x9"));
    close_handle(mock, file);
    mock_free(mock);
}

static void a_file_is_diverted_to_another_that_is_open(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    struct handle first = open_file(mock, "/a", FXF_WRITE | FXF_CREAT);
    struct handle second = open_file(mock, "/b", FXF_WRITE | FXF_CREAT);
    uint64_t second_number = records[0].last.file;
    struct handle reader = open_file(mock, "/b", FXF_READ);
    uint64_t reader_number = records[0].last.file;
    struct handle directory = open_directory(mock, "/");
    uint64_t directory_number = records[0].last.file;
    records[0].seen[0] = '\0';
    struct sp_sftp_reply *reply = answers(0, "write", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_FILE;
    reply->file = second_number;
    expect_status(mock, send_write(mock, first, 0, "x"), SP_FS_OK);
    expect_seen("<write /a\n>write /b 0 provider\n");
    reply->file = reader_number;
    expect_status(mock, send_write(mock, first, 0, "y"), SP_FS_PERMISSION_DENIED);
    const uint64_t others[] = {directory_number, 4711, 0};
    for (size_t i = 0; i < 3; i++) {
        reply->file = others[i];
        expect_status(mock, send_write(mock, first, 0, "y"), SP_FS_FAILURE);
    }
    close_handle(mock, second);
    reply->file = second_number; /* no longer */
    expect_status(mock, send_write(mock, first, 0, "y"), SP_FS_FAILURE);
    close_handle(mock, first);
    close_handle(mock, reader);
    close_handle(mock, directory);
    assert_true(store_has(mock_store(mock), "/a", ""));
    assert_true(store_has(mock_store(mock), "/b", "x"));
    mock_free(mock);
}

/* The file that it is diverted to is closed while a second hook is asked. */
static void a_request_is_not_diverted_to_a_file_that_is_closed_by_then(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(2);
    struct handle first = open_file(mock, "/a", FXF_WRITE | FXF_CREAT);
    struct handle second = open_file(mock, "/b", FXF_WRITE | FXF_CREAT);
    uint64_t second_number = records[0].last.file;
    struct sp_sftp_reply *reply = answers(0, "write", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_FILE;
    reply->file = second_number;
    mock->calls = MOCK_LATER;
    uint32_t write = send_write(mock, first, 0, "x");
    assert_true(mock_step(mock)); /* the first hook has named the file … */
    uint32_t close = send_handle(mock, SFTP_CLOSE, second);
    mock_settle(mock);
    mock->calls = MOCK_AT_ONCE;
    struct reply got;
    for (int i = 0; i < 2; i++) {
        assert_true(next_reply(mock, &got));
        assert_true(got.id == write || got.id == close);
        assert_int_equal(got.status, got.id == close ? SP_FS_OK : SP_FS_FAILURE);
    }
    close_handle(mock, first);
    mock_free(mock);
}

/* What is diverted waits for what was asked of the other file before, and nobody for ever. */
static void diverted_requests_wait_for_their_turn(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    struct handle first = open_file(mock, "/a", FXF_WRITE | FXF_CREAT);
    uint64_t first_number = records[0].last.file;
    struct handle second = open_file(mock, "/b", FXF_WRITE | FXF_CREAT);
    uint64_t second_number = records[0].last.file;
    struct sp_sftp_reply *reply = answers(0, "write", false, SP_NEXT);
    mock->calls = MOCK_LATER;
    uint32_t one = send_write(mock, first, 0, "1");
    uint32_t two = send_write(mock, second, 0, "2");
    reply->changes = SP_SFTP_CHANGE_FILE;
    reply->file = second_number;
    assert_true(mock_step(mock)); /* the first goes to the second file … */
    reply->file = first_number;
    mock_settle(mock); /* … and the second to the first */
    mock->calls = MOCK_AT_ONCE;
    struct reply got;
    assert_true(next_reply(mock, &got));
    assert_true(got.id == one || got.id == two);
    assert_true(next_reply(mock, &got));
    assert_int_equal(mock->overlaps, 0);
    close_handle(mock, first);
    close_handle(mock, second);
    assert_true(store_has(mock_store(mock), "/a", "2"));
    assert_true(store_has(mock_store(mock), "/b", "1"));
    mock_free(mock);
}

static void a_change_that_makes_no_sense_fails_the_operation(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    store_file(mock_store(mock), "/f", "f");
    struct handle file = open_file(mock, "/f", FXF_READ);
    struct sp_sftp_reply *reply = answers(0, "read", false, SP_NEXT);
    reply->path = reply->target = str("/g");
    const uint32_t wrong[] = {SP_SFTP_CHANGE_PATH,  SP_SFTP_CHANGE_TARGET,
                              SP_SFTP_CHANGE_FLAGS, SP_SFTP_CHANGE_ATTRIBUTES,
                              SP_SFTP_CHANGE_FINAL, 1u << 31};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        reply->changes = wrong[i];
        expect_status(mock, send_read(mock, file, 0, 1), SP_FS_FAILURE);
    }
    reply = answers(0, "close", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_FILE;
    expect_status(mock, send_handle(mock, SFTP_CLOSE, file), SP_FS_FAILURE);
    assert_int_equal(store_open_handles(mock_store(mock)), 0); /* closed all the same */
    mock_free(mock);
}

/* --- answers of the hook's own ------------------------------------------------------------- */

static void a_hook_supplies_data(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    store_file(mock_store(mock), "/f", "0123456789");
    struct handle file = open_file(mock, "/f", FXF_READ);
    records[0].seen[0] = '\0';
    struct sp_sftp_reply *reply = answers(0, "read", false, SP_TAKE);
    reply->data = str("mine");
    expect_data(mock, send_read(mock, file, 0, 100), "mine");
    expect_seen("<read /f\n>read /f 0 hook\n");
    assert_int_equal(records[0].last.count, 4);
    expect_status(mock, send_read(mock, file, 0, 3), SP_FS_FAILURE); /* more than was asked for */
    reply->data = str("");
    expect_status(mock, send_read(mock, file, 0, 3), SP_FS_EOF);
    reply->status = SP_FS_LOCK_CONFLICT;
    expect_status(mock, send_read(mock, file, 0, 3), SP_FS_FAILURE);
    assert_int_equal(mock->started[PLUGIN_FS_read], 0);
    close_handle(mock, file);
    mock_free(mock);
}

static void a_hook_replaces_data(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    struct plugin_instance *instance = mock_hook(mock, recorder_hook);
    instance->arg = &records[0];
    instance->wants.data = true;
    client_start(mock);
    store_file(mock_store(mock), "/f", "secret");
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE);
    struct sp_sftp_reply *reply = answers(0, "read", true, SP_TAKE);
    reply->changes = SP_SFTP_CHANGE_DATA;
    reply->data = str("xxxxxx");
    expect_data(mock, send_read(mock, file, 0, 100), "xxxxxx");
    assert_string_equal(records[0].data, "secret");
    reply->changes = SP_SFTP_CHANGE_ATTRIBUTES;
    expect_status(mock, send_read(mock, file, 0, 100), SP_FS_FAILURE);
    expect_status(mock, send_write(mock, file, 0, "public"), SP_FS_OK);
    assert_string_equal(records[0].data, "public");
    close_handle(mock, file);
    mock_free(mock);
}

static void a_hook_supplies_and_replaces_attributes(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    store_file(mock_store(mock), "/f", "0123456789");
    struct sp_fs_attributes attributes = {
        .struct_size = sizeof attributes, .valid = SP_ATTR_SIZE, .size = 4711};
    for (int after = 0; after < 2; after++) {
        struct sp_sftp_reply *reply = answers(0, "stat", after, SP_TAKE);
        reply->changes = SP_SFTP_CHANGE_ATTRIBUTES;
        reply->attributes = &attributes;
        struct reply got = expect_reply(mock, send_path(mock, SFTP_STAT, "/f"), SFTP_ATTRS);
        assert_int_equal(wire_get_u32(&got.body), 1);
        assert_int_equal(wire_get_u64(&got.body), 4711);
        reply->attributes = NULL;
        expect_status(mock, send_path(mock, SFTP_STAT, "/f"), SP_FS_FAILURE);
    }
    mock_free(mock);
}

static void a_hook_supplies_and_replaces_paths(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    for (int after = 0; after < 2; after++) {
        struct sp_sftp_reply *reply = answers(0, "realpath", after, SP_TAKE);
        reply->changes = SP_SFTP_CHANGE_PATH;
        reply->path = str("/there");
        expect_name(mock, send_path(mock, SFTP_REALPATH, "/here"), "/there");
    }
    mock_free(mock);
}

static struct mock *with_listing_hook(void)
{
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    struct plugin_instance *instance = mock_hook(mock, recorder_hook);
    instance->arg = &records[0];
    instance->wants.listings = true;
    client_start(mock);
    store_directory(mock_store(mock), "/d");
    store_file(mock_store(mock), "/d/a", "a");
    store_file(mock_store(mock), "/d/b", "b");
    return mock;
}

static void a_hook_supplies_a_listing(void **state)
{
    (void)state;
    struct mock *mock = with_listing_hook();
    struct sp_fs_entry entries[2] = {
        {.name = str("one"), .attributes = {.struct_size = sizeof entries[0].attributes}},
        {.name = str("two"), .attributes = {.struct_size = sizeof entries[0].attributes}}};
    struct handle directory = open_directory(mock, "/d");
    struct sp_sftp_reply *reply = answers(0, "readdir", false, SP_TAKE);
    reply->entries = entries;
    reply->entries_count = 2;
    struct reply got = expect_reply(mock, send_handle(mock, SFTP_READDIR, directory), SFTP_NAME);
    assert_int_equal(wire_get_u32(&got.body), 2);
    struct sp_str name = wire_get_string(&got.body);
    assert_memory_equal(name.data, "one", 3);
    reply->entries_count = 0;
    expect_status(mock, send_handle(mock, SFTP_READDIR, directory), SP_FS_EOF);
    static const char *const bad[] = {"", "a/b", "/"};
    reply->entries_count = 1;
    for (size_t i = 0; i < 3; i++) {
        entries[0].name = str(bad[i]);
        expect_status(mock, send_handle(mock, SFTP_READDIR, directory), SP_FS_FAILURE);
    }
    close_handle(mock, directory);
    mock_free(mock);
}

static void a_hook_hides_entries(void **state)
{
    (void)state;
    char names[64];
    struct mock *mock = with_listing_hook();
    struct sp_fs_entry entries[1] = {
        {.name = str("b"),
         .attributes = {.struct_size = sizeof entries[0].attributes,
                        .valid = SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS |
                                 SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME,
                        .type = SP_FILE_REGULAR}}};
    struct sp_sftp_reply *reply = answers(0, "readdir", true, SP_TAKE);
    reply->changes = SP_SFTP_CHANGE_ENTRIES;
    reply->entries = entries;
    reply->entries_count = 1;
    list_names(mock, "/d", names, sizeof names);
    assert_string_equal(names, "b");
    assert_int_equal(records[0].last.entries_count, 0); /* the end */
    reply->entries_count = 0; /* a client is never told of a part without names, but of the end */
    struct handle directory = open_directory(mock, "/d");
    uint32_t id = send_handle(mock, SFTP_READDIR, directory);
    mock_settle(mock);
    expect_status(mock, id, SP_FS_EOF);
    close_handle(mock, directory);
    mock_free(mock);
}

static void a_hook_sees_entries(void **state)
{
    (void)state;
    struct mock *mock = with_listing_hook();
    struct handle directory = open_directory(mock, "/d");
    struct reply got = expect_reply(mock, send_handle(mock, SFTP_READDIR, directory), SFTP_NAME);
    assert_int_equal(wire_get_u32(&got.body), 4);
    assert_int_equal(records[0].last.entries_count, 4); /* "." and ".." are some */
    close_handle(mock, directory);
    mock_free(mock);
}

static void a_file_may_be_the_hooks_own(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(2);
    struct sp_sftp_reply *open = answers(0, "open", false, SP_TAKE);
    (void)open;
    struct handle file = open_file(mock, "/nowhere", FXF_READ);
    assert_int_equal(mock->started[PLUGIN_FS_open], 0);
    struct sp_sftp_reply *reply = answers(0, "read", false, SP_TAKE);
    reply->data = str("made up");
    expect_data(mock, send_read(mock, file, 0, 100), "made up");
    expect_status(mock, send_handle(mock, SFTP_FSTAT, file), SP_FS_OP_UNSUPPORTED);
    close_handle(mock, file);
    mock_free(mock);
}

static void a_hook_takes_the_writes_of_its_own_file(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    answers(0, "open", false, SP_TAKE);
    struct handle file = open_file(mock, "/nowhere", FXF_WRITE | FXF_CREAT);
    expect_status(mock, send_write(mock, file, 0, "lost"), SP_FS_OP_UNSUPPORTED);
    answers(0, "write", false, SP_TAKE)->count = 4;
    expect_status(mock, send_write(mock, file, 0, "kept"), SP_FS_OK);
    assert_int_equal(records[0].last.count, 4);
    close_handle(mock, file);
    mock_settle(mock);
    assert_null(store_find(mock_store(mock), "/nowhere"));
    mock_free(mock);
}

/* Who judges by flags must not be led round by a client that leaves some out. */
static void what_flags_mean_is_spelt_out(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    store_file(mock_store(mock), "/f", "f");
    answers(0, "open", false, SP_DENY);
    expect_status(mock, send_open(mock, "/f", FXF_APPEND), SP_FS_PERMISSION_DENIED);
    assert_int_equal(records[0].last.flags, SP_OPEN_APPEND | SP_OPEN_WRITE);
    expect_status(mock, send_open(mock, "/f", 0), SP_FS_PERMISSION_DENIED);
    assert_int_equal(records[0].last.flags, SP_OPEN_READ);
    mock_free(mock);
}

static void what_only_the_core_can_answer_is_not_taken(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    uint32_t id;
    answers(0, "limits", false, SP_TAKE);
    request_send(mock, extended_begin("limits@openssh.com", &id));
    expect_status(mock, id, SP_FS_FAILURE);
    mock_free(mock);
}

/* --- what is there before ------------------------------------------------------------------ */

static void expect_existing(int64_t size, int64_t target_size)
{
    assert_int_equal(records[0].existing, size);
    assert_int_equal(records[0].existing_target, target_size);
    records[0].existing = records[0].existing_target = -2;
}

static void a_hook_is_told_what_is_there(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    for (int i = 0; i < 2; i++) {
        struct plugin_instance *instance = mock_hook(mock, recorder_hook);
        instance->arg = &records[i];
        instance->wants.existing = i == 0 ? UINT32_MAX : 0;
    }
    client_start(mock);
    store_file(mock_store(mock), "/a", "1");
    store_file(mock_store(mock), "/b", "22");
    close_handle(mock, open_file(mock, "/a", FXF_READ));
    expect_existing(-1, -1);
    struct handle a = open_file(mock, "/a", FXF_READ | FXF_WRITE | FXF_TRUNC);
    expect_existing(1, -1);
    assert_int_equal(records[1].existing, -1); /* it did not ask */
    expect_status(mock, send_write(mock, a, 0, "333"), SP_FS_OK);
    struct handle b = open_file(mock, "/b", FXF_WRITE);
    expect_existing(2, -1);
    uint32_t id = send_copy(mock, a, 0, 0, b, 0);
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    expect_existing(3, 2);
    close_handle(mock, b);
    expect_existing(3, -1);
    close_handle(mock, a);
    expect_status(mock, send_extended_paths(mock, "posix-rename@openssh.com", "/a", "/b"),
                  SP_FS_OK);
    expect_existing(3, 3);
    expect_status(mock, send_two_paths(mock, SFTP_RENAME, "/b", "/c"), SP_FS_OK);
    expect_existing(3, -1);
    expect_status(mock, send_path(mock, SFTP_REMOVE, "/nothing"), SP_FS_NO_SUCH_FILE);
    expect_existing(-1, -1);
    expect_status(mock, send_path(mock, SFTP_REMOVE, "/c"), SP_FS_OK);
    expect_existing(3, -1);
    mock_free(mock);
}

static void a_hook_is_told_what_is_there_where_another_has_led(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    mock_hook(mock, recorder_hook)->arg = &records[1];
    struct plugin_instance *instance = mock_hook(mock, recorder_hook);
    instance->arg = &records[0];
    instance->wants.existing = SP_SFTP_REMOVE;
    client_start(mock);
    store_file(mock_store(mock), "/a", "1");
    store_file(mock_store(mock), "/b", "22");
    struct sp_sftp_reply *reply = answers(1, "remove", false, SP_NEXT);
    reply->changes = SP_SFTP_CHANGE_PATH;
    reply->path = str("/b");
    expect_status(mock, send_path(mock, SFTP_REMOVE, "/a"), SP_FS_OK);
    expect_existing(2, -1);
    mock_free(mock);
}

/* --- after --------------------------------------------------------------------------------- */

static void a_file_whose_opening_is_refused_after_is_closed(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(1);
    struct sp_sftp_reply *reply = answers(0, "open", true, SP_DENY);
    reply->text = str("No");
    expect_refusal(mock, send_open(mock, "/a", FXF_WRITE | FXF_CREAT), SP_FS_PERMISSION_DENIED,
                   "No");
    mock_settle(mock);
    assert_int_equal(store_open_handles(mock_store(mock)), 0);
    expect_seen("<open /a\n>open /a 0 provider\n>close /a 7 core\n");
    mock_free(mock);
}

static void a_failing_hook_fails_the_operation(void **state)
{
    (void)state;
    struct mock *mock = with_hooks(2);
    records[1].into = &records[0];
    answers(0, "mkdir", false, SP_E_FAILED);
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_FAILURE);
    assert_null(store_find(mock_store(mock), "/d"));
    expect_seen("<mkdir /d\n>mkdir /d 4 hook\n>mkdir /d 4 hook\n");
    answers(0, "mkdir", true, SP_E_FAILED);
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_FAILURE);
    assert_non_null(store_find(mock_store(mock), "/d")); /* it is done, but the user cannot know */
    mock->session.hooks[0].on_error_next = true;
    expect_status(mock, send_path(mock, SFTP_RMDIR, "/d"), SP_FS_OK);
    answers(0, "mkdir", false, SP_E_FAILED);
    expect_status(mock, send_path(mock, SFTP_MKDIR, "/d"), SP_FS_OK);
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hook_sees_each_operation_before_and_after),
        cmocka_unit_test(the_chain_is_asked_down_and_up_again),
        cmocka_unit_test(a_refusal_has_the_status_of_the_hook),
        cmocka_unit_test(what_the_core_refuses_is_shown_after_only),
        cmocka_unit_test(a_path_is_diverted),
        cmocka_unit_test(both_names_of_a_rename_are_diverted),
        cmocka_unit_test(a_diverted_path_is_checked_as_if_the_client_had_sent_it),
        cmocka_unit_test(flags_and_attributes_are_diverted),
        cmocka_unit_test(a_late_change_of_flags_leaves_the_path_alone),
        cmocka_unit_test(ranges_are_diverted_and_never_longer),
        cmocka_unit_test(a_file_is_diverted_to_another_that_is_open),
        cmocka_unit_test(a_request_is_not_diverted_to_a_file_that_is_closed_by_then),
        cmocka_unit_test(diverted_requests_wait_for_their_turn),
        cmocka_unit_test(a_change_that_makes_no_sense_fails_the_operation),
        cmocka_unit_test(a_hook_supplies_data),
        cmocka_unit_test(a_hook_replaces_data),
        cmocka_unit_test(a_hook_supplies_and_replaces_attributes),
        cmocka_unit_test(a_hook_supplies_and_replaces_paths),
        cmocka_unit_test(a_hook_supplies_a_listing),
        cmocka_unit_test(a_hook_hides_entries),
        cmocka_unit_test(a_hook_sees_entries),
        cmocka_unit_test(a_file_may_be_the_hooks_own),
        cmocka_unit_test(a_hook_takes_the_writes_of_its_own_file),
        cmocka_unit_test(what_flags_mean_is_spelt_out),
        cmocka_unit_test(what_only_the_core_can_answer_is_not_taken),
        cmocka_unit_test(a_hook_is_told_what_is_there),
        cmocka_unit_test(a_hook_is_told_what_is_there_where_another_has_led),
        cmocka_unit_test(a_file_whose_opening_is_refused_after_is_closed),
        cmocka_unit_test(a_failing_hook_fails_the_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
