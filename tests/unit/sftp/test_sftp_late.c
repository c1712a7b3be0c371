/* The requests that version 6 brought, and what the core does where a provider does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"
#include "sftp/sftp.h"

#define ACCESS_READ 1u
#define ACCESS_WRITE 2u
#define OPEN_OR_CREATE 3u
#define OPEN_DELETE_ON_CLOSE 0x800u
#define BLOCK_READ 0x40u
#define BLOCK_WRITE 0x80u
#define BLOCK_DELETE 0x100u
#define BLOCK_ADVISORY 0x200u

static struct mock *client_new_6(struct mock *mock)
{
    static const uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 6};
    mock->session.config.sftp_version_max = 6;
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    mock_receive(mock, init, sizeof init);
    mock_settle(mock);
    struct reply reply;
    assert_true(next_reply(mock, &reply));
    assert_int_equal(reply.type, SFTP_VERSION);
    assert_int_equal(reply.id, 6);
    return mock;
}

static struct handle open_6(struct mock *mock, const char *path, uint32_t access, uint32_t flags)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_OPEN, &id);
    request_string(request, path);
    wire_put_u32(request, access);
    wire_put_u32(request, flags);
    wire_put_u32(request, 0); /* attributes: none, of a regular file */
    wire_put_u8(request, 1);
    request_send(mock, request);
    mock_settle(mock);
    return expect_handle(mock, id);
}

/* --- links ---------------------------------------------------------------------------------- */

static uint32_t send_link(struct mock *mock, const char *link, const char *existing, bool symbolic)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_LINK, &id);
    request_string(request, link);
    request_string(request, existing);
    wire_put_u8(request, symbolic);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

static void a_link_is_hard_or_symbolic(void **state)
{
    (void)state;
    struct mock *mock = client_new_6(mock_new());
    store_file(mock_store(mock), "/f", "text");
    expect_status(mock, send_link(mock, "/hard", "/f", false), SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/hard", "text"));
    expect_status(mock, send_link(mock, "/soft", "../where/ever", true), SP_FS_OK);
    assert_string_equal(store_find(mock_store(mock), "/soft")->target, "../where/ever");
    expect_status(mock, send_link(mock, "/hard", "/f", false), SP_FS_FILE_ALREADY_EXISTS);
    expect_status(mock, send_link(mock, "/other", "/none", false), SP_FS_NO_SUCH_FILE);
    mock->session.grant.read_only = true;
    mock_free(mock);

    mock = mock_new();
    mock->session.grant.read_only = true;
    client_new_6(mock);
    store_file(mock_store(mock), "/f", "text");
    expect_status(mock, send_link(mock, "/hard", "/f", false), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_link(mock, "/soft", "/f", true), SP_FS_PERMISSION_DENIED);
    mock_free(mock);
}

static void requests_of_version_6_are_unknown_to_version_3(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "text");
    expect_status(mock, send_link(mock, "/hard", "/f", false), SP_FS_OP_UNSUPPORTED);
    mock_free(mock);
}

/* --- locks ---------------------------------------------------------------------------------- */

static uint32_t send_block(struct mock *mock, struct handle handle, uint64_t offset,
                           uint64_t length, uint32_t flags)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_BLOCK, &id);
    request_handle(request, handle);
    wire_put_u64(request, offset);
    wire_put_u64(request, length);
    wire_put_u32(request, flags);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

static uint32_t send_unblock(struct mock *mock, struct handle handle, uint64_t offset,
                             uint64_t length)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_UNBLOCK, &id);
    request_handle(request, handle);
    wire_put_u64(request, offset);
    wire_put_u64(request, length);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

static void can_lock(struct mock *mock, uint32_t flags)
{
    mock_store(mock)->support =
        (struct sp_fs_support){.struct_size = sizeof(struct sp_fs_support),
                               .open_flags = SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_CREATE,
                               .lock_flags = flags};
}

static void a_range_is_locked_until_it_is_given_back(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    can_lock(mock, SP_LOCK_READ | SP_LOCK_WRITE);
    client_new_6(mock);
    store_file(mock_store(mock), "/f", "text");
    struct handle one = open_6(mock, "/f", ACCESS_READ | ACCESS_WRITE, 2);
    struct handle two = open_6(mock, "/f", ACCESS_READ, 2);
    const struct sp_fs_lock *lock = &mock_store(mock)->lock;
    expect_status(mock, send_block(mock, one, 10, 20, BLOCK_WRITE | BLOCK_ADVISORY), SP_FS_OK);
    assert_int_equal(lock->offset, 10);
    assert_int_equal(lock->length, 20);
    assert_int_equal(lock->flags, SP_LOCK_WRITE); /* the provider's bind all: that is enough */
    expect_status(mock, send_block(mock, two, 0, 0, BLOCK_READ), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    expect_status(mock, send_unblock(mock, two, 10, 20), SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
    expect_status(mock, send_unblock(mock, one, 10, 21), SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
    expect_status(mock, send_unblock(mock, one, 10, 20), SP_FS_OK);
    expect_status(mock, send_block(mock, two, 0, 0, BLOCK_READ), SP_FS_OK);
    close_handle(mock, two);
    assert_int_equal(lock->flags, 0);
    mock_free(mock);
}

static void locks_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    can_lock(mock, SP_LOCK_WRITE);
    client_new_6(mock);
    store_file(mock_store(mock), "/f", "text");
    struct handle handle = open_6(mock, "/f", ACCESS_READ, 2);
    expect_status(mock, send_block(mock, handle, 0, 1, 0), SP_FS_INVALID_PARAMETER);
    expect_status(mock, send_block(mock, handle, 0, 1, BLOCK_ADVISORY), SP_FS_INVALID_PARAMETER);
    expect_status(mock, send_block(mock, handle, 0, 1, 0x80000000), SP_FS_INVALID_PARAMETER);
    expect_status(mock, send_block(mock, handle, UINT64_MAX, 1, BLOCK_WRITE),
                  SP_FS_INVALID_PARAMETER);
    expect_status(mock, send_block(mock, handle, 0, 1, BLOCK_DELETE | BLOCK_WRITE),
                  SP_FS_BYTE_RANGE_LOCK_REFUSED);
    assert_int_equal(mock->started[PLUGIN_FS_lock], 0);
    mock->session.host.instances[0].lacks[PLUGIN_FS_lock] = true;
    expect_status(mock, send_block(mock, handle, 0, 1, BLOCK_WRITE), SP_FS_OP_UNSUPPORTED);
    mock_free(mock);
}

/* --- realpath ------------------------------------------------------------------------------- */

static uint32_t send_realpath(struct mock *mock, const char *path, uint8_t check,
                              const char *compose, const char *compose_more)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_REALPATH, &id);
    request_string(request, path);
    if (check)
        wire_put_u8(request, check);
    if (compose)
        request_string(request, compose);
    if (compose_more)
        request_string(request, compose_more);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

/* type: of the file that is there; 5 is unknown. */
static void expect_path(struct mock *mock, uint32_t id, const char *path, uint8_t type)
{
    struct reply reply = expect_reply(mock, id, SFTP_NAME);
    assert_int_equal(wire_get_u32(&reply.body), 1);
    struct sp_str name = wire_get_string(&reply.body);
    assert_int_equal(name.len, strlen(path));
    assert_memory_equal(name.data, path, name.len);
    wire_get_u32(&reply.body);
    assert_int_equal(wire_get_u8(&reply.body), type);
    assert_true(wire_ok(&reply.body));
}

static void realpath_looks_as_closely_as_it_is_told(void **state)
{
    (void)state;
    struct mock *mock = client_new_6(mock_new());
    store_file(mock_store(mock), "/f", "text");
    store_link(mock_store(mock), "/l", "/f");
    expect_path(mock, send_realpath(mock, "/l", 0, NULL, NULL), "/l", 5);
    expect_path(mock, send_realpath(mock, "/l", 1, NULL, NULL), "/l", 5);
    expect_path(mock, send_realpath(mock, "/none/at/all", 1, NULL, NULL), "/none/at/all", 5);
    expect_path(mock, send_realpath(mock, "/l", 2, NULL, NULL), "/f", 1);
    expect_path(mock, send_realpath(mock, "/none", 2, NULL, NULL), "/none", 5);
    expect_path(mock, send_realpath(mock, "/l", 3, NULL, NULL), "/f", 1);
    expect_path(mock, send_realpath(mock, "/", 3, NULL, NULL), "/", 2);
    expect_path(mock, send_realpath(mock, ".", 3, NULL, NULL), "/home/demo", 2);
    expect_status(mock, send_realpath(mock, "/none", 3, NULL, NULL), SP_FS_NO_SUCH_FILE);
    expect_status(mock, send_realpath(mock, "/f", 4, NULL, NULL), SP_FS_INVALID_PARAMETER);
    mock_free(mock);
}

static void realpath_puts_paths_together(void **state)
{
    (void)state;
    struct mock *mock = client_new_6(mock_new());
    expect_path(mock, send_realpath(mock, "/a/b", 1, "../c", NULL), "/a/c", 5);
    expect_path(mock, send_realpath(mock, "a", 1, "b", "c"), "/home/demo/a/b/c", 5);
    expect_path(mock, send_realpath(mock, "/a", 1, "/b", "c"), "/b/c", 5);
    expect_path(mock, send_realpath(mock, "", 1, "b", NULL), "/home/demo/b", 5);
    expect_path(mock, send_realpath(mock, "/a", 1, "", ""), "/a", 5);
    expect_path(mock, send_realpath(mock, "/a", 1, "../../..", "x"), "/x", 5);
    char name[3000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    expect_status(mock, send_realpath(mock, "/", 1, name, name), SP_FS_INVALID_FILENAME);
    mock_free(mock);
}

/* --- renaming and deleting ------------------------------------------------------------------ */

static uint32_t send_rename(struct mock *mock, const char *from, const char *to, uint32_t flags)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_RENAME, &id);
    request_string(request, from);
    request_string(request, to);
    wire_put_u32(request, flags);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

static void rename_does_what_its_flags_say_or_nothing(void **state)
{
    (void)state;
    struct mock *mock = client_new_6(mock_new());
    store_file(mock_store(mock), "/a", "a");
    store_file(mock_store(mock), "/b", "b");
    store_file(mock_store(mock), "/c", "c");
    expect_status(mock, send_rename(mock, "/a", "/b", 0), SP_FS_FILE_ALREADY_EXISTS);
    expect_status(mock, send_rename(mock, "/a", "/b", SP_RENAME_OVERWRITE | SP_RENAME_NATIVE),
                  SP_FS_OK);
    expect_status(mock, send_rename(mock, "/b", "/c", SP_RENAME_ATOMIC), SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/c", "a"));
    mock_free(mock);

    mock = mock_new(); /* one that copies and deletes, and says so */
    can_lock(mock, 0);
    mock_store(mock)->support.rename_flags = SP_RENAME_OVERWRITE;
    client_new_6(mock);
    store_file(mock_store(mock), "/a", "a");
    store_file(mock_store(mock), "/b", "b");
    expect_status(mock, send_rename(mock, "/a", "/b", SP_RENAME_ATOMIC), SP_FS_OP_UNSUPPORTED);
    assert_int_equal(mock->started[PLUGIN_FS_rename], 0);
    expect_status(mock, send_rename(mock, "/a", "/b", SP_RENAME_OVERWRITE), SP_FS_OK);
    mock_free(mock);
}

static void a_file_is_deleted_when_it_is_closed(void **state)
{
    (void)state;
    struct mock *mock = client_new_6(mock_new());
    struct handle handle =
        open_6(mock, "/f", ACCESS_READ | ACCESS_WRITE, OPEN_OR_CREATE | OPEN_DELETE_ON_CLOSE);
    assert_non_null(store_find(mock_store(mock), "/f"));
    close_handle(mock, handle);
    assert_null(store_find(mock_store(mock), "/f"));
    /* The client goes without closing it. */
    open_6(mock, "/f", ACCESS_READ | ACCESS_WRITE, OPEN_OR_CREATE | OPEN_DELETE_ON_CLOSE);
    assert_non_null(store_find(mock_store(mock), "/f"));
    mock_close(mock);
    mock_settle(mock);
    assert_null(store_find(mock_store(mock), "/f"));
    assert_int_equal(mock->started[PLUGIN_FS_remove], 2);
    mock_free(mock);

    mock = mock_new(); /* a provider that sees to it itself */
    can_lock(mock, 0);
    mock_store(mock)->support.open_flags |= SP_OPEN_DELETE_ON_CLOSE;
    client_new_6(mock);
    handle = open_6(mock, "/f", ACCESS_WRITE, OPEN_OR_CREATE | OPEN_DELETE_ON_CLOSE);
    close_handle(mock, handle);
    assert_int_equal(mock->started[PLUGIN_FS_remove], 0);
    mock_free(mock);

    mock = client_new_6(mock_new()); /* deleted before, and a provider that fails */
    handle = open_6(mock, "/f", ACCESS_WRITE, OPEN_OR_CREATE | OPEN_DELETE_ON_CLOSE);
    expect_status(mock, send_path(mock, SFTP_REMOVE, "/f"), SP_FS_OK);
    close_handle(mock, handle);
    handle = open_6(mock, "/f", ACCESS_WRITE, OPEN_OR_CREATE | OPEN_DELETE_ON_CLOSE);
    mock_store(mock)->fail[PLUGIN_FS_remove] = SP_FS_CANNOT_DELETE;
    uint32_t id = send_handle(mock, SFTP_CLOSE, handle);
    expect_status(mock, id, SP_FS_CANNOT_DELETE);
    mock_free(mock);
}

/* A box that renames as the system below does. */
static struct plugin_instance *box_6(struct mock *mock)
{
    struct plugin_instance *box = mock_mount(mock, "/box", "box");
    mock->session.mounts[1].access = CONFIG_WRITE_ONLY;
    can_lock(mock, 0);
    box->store.support = mock_store(mock)->support;
    box->store.support.open_flags |= SP_OPEN_EXCLUSIVE;
    box->store.support.rename_flags = SP_RENAME_OVERWRITE | SP_RENAME_ATOMIC | SP_RENAME_NATIVE;
    client_new_6(mock);
    return box;
}

static void make_directory_6(struct mock *mock, const char *path)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_MKDIR, &id);
    request_string(request, path);
    wire_put_u32(request, 0);
    wire_put_u8(request, 2);
    request_send(mock, request);
    expect_status(mock, id, SP_FS_OK);
}

static void no_flags_of_a_rename_replace_a_file_in_a_drop_box(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *box = box_6(mock);
    store_file(&box->store, "/theirs", "theirs");
    close_handle(mock, open_6(mock, "/box/mine", ACCESS_WRITE, OPEN_OR_CREATE));
    for (uint32_t flags = 0; flags < 8; flags++) {
        expect_status(mock, send_rename(mock, "/box/mine", "/box/theirs", flags),
                      SP_FS_FILE_ALREADY_EXISTS);
        assert_true(store_has(&box->store, "/theirs", "theirs"));
    }
    mock_free(mock);
}

/* Others may take a name that has become free. */
static void in_a_drop_box_a_name_given_up_is_nobodys(void **state)
{
    (void)state;
    static const char *const ways[] = {"remove", "rename", "rename above", "delete on close"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct mock *mock = mock_new();
        struct plugin_instance *box = box_6(mock);
        make_directory_6(mock, "/box/d");
        bool is_on_close = strcmp(ways[i], "delete on close") == 0;
        struct handle handle = open_6(mock, "/box/d/f", ACCESS_WRITE,
                                      OPEN_OR_CREATE | (is_on_close ? OPEN_DELETE_ON_CLOSE : 0));
        if (strcmp(ways[i], "remove") == 0)
            expect_status(mock, send_path(mock, SFTP_REMOVE, "/box/d/f"), SP_FS_OK);
        else if (strcmp(ways[i], "rename above") == 0)
            expect_status(mock, send_rename(mock, "/box/d", "/box/e", 0), SP_FS_OK);
        else
            expect_status(mock, send_rename(mock, "/box/d/f", "/box/g", 0), SP_FS_OK);
        if (strcmp(ways[i], "rename above") == 0)
            store_directory(&box->store, "/d");
        store_file(&box->store, "/d/f", "theirs");
        close_handle(mock, handle);
        assert_true(store_has(&box->store, "/d/f", "theirs"));
        expect_status(mock, send_path(mock, SFTP_REMOVE, "/box/d/f"), SP_FS_PERMISSION_DENIED);
        expect_status(mock, send_rename(mock, "/box/d/f", "/box/h", 0), SP_FS_PERMISSION_DENIED);
        assert_true(store_has(&box->store, "/d/f", "theirs"));
        mock_free(mock);
    }
}

static void a_copy_that_feeds_on_itself_ends(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "text");
    store_link(mock_store(mock), "/other", "/f");
    mock->session.host.instances[0].lacks[PLUGIN_FS_copy] = true;
    mock_store(mock)->max_io = 1;
    struct handle from = open_file(mock, "/f", FXF_READ);
    struct handle to = open_file(mock, "/other", FXF_WRITE);
    uint32_t id = send_copy(mock, from, 0, 0, to, 4);
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/f", "texttext"));
    id = send_copy(mock, from, 100, 0, to, 4); /* nothing is there to copy */
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
    assert_true(store_has(mock_store(mock), "/f", "texttext"));
    mock_free(mock);
}

static void what_a_provider_cannot_open_is_not_asked_of_it(void **state)
{
    (void)state;
    struct mock *mock = client_new_6(mock_new());
    store_file(mock_store(mock), "/f", "text");
    uint32_t id;
    struct buffer *request = request_begin(SFTP_OPEN, &id);
    request_string(request, "/f");
    wire_put_u32(request, ACCESS_READ);
    wire_put_u32(request, 2 | BLOCK_WRITE);
    wire_put_u32(request, 0);
    wire_put_u8(request, 1);
    request_send(mock, request);
    expect_status(mock, id, SP_FS_OP_UNSUPPORTED);
    assert_int_equal(mock->started[PLUGIN_FS_open], 0);
    mock_free(mock);
}

static uint32_t send_size_and_create_time(struct mock *mock, const char *path, bool has_size)
{
    enum { SIZE = 0x1, CREATE_TIME = 0x10, REGULAR = 1 };
    uint32_t id;
    struct buffer *request = request_begin(SFTP_SETSTAT, &id);
    request_string(request, path);
    wire_put_u32(request, has_size ? SIZE | CREATE_TIME : CREATE_TIME);
    wire_put_u8(request, REGULAR);
    if (has_size)
        wire_put_u64(request, 0);
    wire_put_u64(request, 1000000000);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

static void attributes_that_cannot_be_set_are_not_said_to_be(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    can_lock(mock, 0);
    mock_store(mock)->support.attributes_set = SP_ATTR_SIZE;
    client_new_6(mock);
    store_file(mock_store(mock), "/f", "a");
    expect_status(mock, send_size_and_create_time(mock, "/f", false), SP_FS_OP_UNSUPPORTED);
    assert_int_equal(mock->started[PLUGIN_FS_setstat], 0);
    expect_status(mock, send_size_and_create_time(mock, "/f", true), SP_FS_OK);
    /* One that says nothing of it is asked. */
    mock_free(mock);
    mock = mock_new();
    can_lock(mock, 0);
    client_new_6(mock);
    store_file(mock_store(mock), "/f", "a");
    expect_status(mock, send_size_and_create_time(mock, "/f", false), SP_FS_OK);
    assert_int_equal(mock->started[PLUGIN_FS_setstat], 1);
    mock_free(mock);
}

/* REALPATH is not a way round a hook that keeps attributes back. */
static void attributes_of_realpath_are_for_hooks_on_attributes(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    memset(records, 0, sizeof records);
    struct plugin_instance *instance = mock_hook(mock, recorder_hook);
    instance->arg = &records[0];
    instance->wants.before = SP_SFTP_ATTRIBUTES_GET;
    instance->wants.after = 0;
    client_new_6(mock);
    store_file(mock_store(mock), "/f", "text");
    answers(0, "realpath", false, SP_DENY);
    expect_path(mock, send_realpath(mock, "/f", 1, NULL, NULL), "/f", 5);
    expect_status(mock, send_realpath(mock, "/f", 2, NULL, NULL), SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_realpath(mock, "/f", 3, NULL, NULL), SP_FS_PERMISSION_DENIED);
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_hard_or_symbolic),
        cmocka_unit_test(requests_of_version_6_are_unknown_to_version_3),
        cmocka_unit_test(a_range_is_locked_until_it_is_given_back),
        cmocka_unit_test(locks_that_make_no_sense_are_refused),
        cmocka_unit_test(realpath_looks_as_closely_as_it_is_told),
        cmocka_unit_test(realpath_puts_paths_together),
        cmocka_unit_test(rename_does_what_its_flags_say_or_nothing),
        cmocka_unit_test(a_file_is_deleted_when_it_is_closed),
        cmocka_unit_test(no_flags_of_a_rename_replace_a_file_in_a_drop_box),
        cmocka_unit_test(in_a_drop_box_a_name_given_up_is_nobodys),
        cmocka_unit_test(a_copy_that_feeds_on_itself_ends),
        cmocka_unit_test(what_a_provider_cannot_open_is_not_asked_of_it),
        cmocka_unit_test(attributes_that_cannot_be_set_are_not_said_to_be),
        cmocka_unit_test(attributes_of_realpath_are_for_hooks_on_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
