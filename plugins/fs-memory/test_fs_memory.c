/* test_fs_memory.c: fs-memory in the test host. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs_memory.h"
#include "provider_check.h"
#include "storage.h"

#define CAPACITY 262144

static uint32_t write_bytes(uint64_t handle, uint64_t offset, const void *data, uint64_t length)
{
    struct sp_fs_io event = {.view = view,
                             .handle = handle,
                             .offset = offset,
                             .length = length,
                             .buffer = (void *)(uintptr_t)data};
    return TEST_FS(host, write, &event)->status;
}

static uint32_t write_at(uint64_t handle, uint64_t offset, const char *text)
{
    return write_bytes(handle, offset, text, strlen(text));
}

static void put_file(const char *path, const char *text)
{
    uint64_t handle = open_file(path, NEW);
    assert_int_equal(write_at(handle, 0, text), SP_FS_OK);
    close_file(handle);
}

static void assert_content(const char *path, const char *expected)
{
    char buffer[256];
    uint64_t handle = open_file(path, SP_OPEN_READ);
    const struct test_answer *answer = read_at(handle, 0, buffer, sizeof buffer);
    assert_int_equal(answer->fs.count, strlen(expected));
    assert_int_equal(answer->fs.eof, 1);
    assert_memory_equal(buffer, expected, strlen(expected));
    close_file(handle);
}

static const struct test_answer *stat_of(const char *path, uint32_t flags)
{
    struct sp_fs_path event = {.view = view, .path = sp_str_of(path), .flags = flags};
    return TEST_FS(host, stat, &event);
}

static uint32_t make_directory(const char *path)
{
    struct sp_fs_create event = {.view = view, .path = sp_str_of(path), .attributes = &none};
    return TEST_FS(host, mkdir, &event)->status;
}

static uint32_t set(const char *path, const struct sp_fs_attributes *attributes, uint32_t flags)
{
    struct sp_fs_create event = {
        .view = view, .path = sp_str_of(path), .flags = flags, .attributes = attributes};
    return TEST_FS(host, setstat, &event)->status;
}

#define DO_PATH(slot, name)                                                                        \
    __extension__({                                                                                \
        struct sp_fs_path event_ = {.view = view, .path = sp_str_of(name)};                        \
        TEST_FS(host, slot, &event_);                                                              \
    })
#define DO_PAIR(slot, from, to, how)                                                               \
    __extension__({                                                                                \
        struct sp_fs_pair event_ = {                                                               \
            .view = view, .path = sp_str_of(from), .target = sp_str_of(to), .flags = how};         \
        TEST_FS(host, slot, &event_)->status;                                                      \
    })

static void behave_as_every_provider(void **state)
{
    (void)state;
    test_host_free(host);
    host = test_host_new(&sallyport_plugin_v1, "{\"max_bytes\":1048576,\"max_files\":100}");
    struct provider_check check = {.host = host, .root = "checked"};
    assert_int_equal(provider_check(&check), 0);
}

static void share_a_tree_by_root(void **state)
{
    (void)state;
    uint64_t other = attach("other");
    assert_int_equal(attach(""), view);
    assert_int_equal(attach("other"), other);
    put_file("/mine", "x");
    view = other;
    assert_int_equal(stat_of("/mine", 0)->status, SP_FS_NO_SUCH_FILE);
}

static void keep_a_view_of_a_home_in_it(void **state)
{
    (void)state;
    uint64_t all = view;
    put_file("/secret", "secret");
    assert_int_equal(make_directory("/home"), SP_FS_OK);
    assert_int_equal(make_directory("/home/ann"), SP_FS_OK);
    put_file("/home/ann/own", "own");
    assert_int_equal(DO_PAIR(symlink, "/home/ann/up", "../../secret", 0), SP_FS_OK);
    assert_int_equal(DO_PAIR(symlink, "/home/ann/top", "/secret", 0), SP_FS_OK);
    assert_int_equal(DO_PAIR(symlink, "/home/ann/in", "/../own", 0), SP_FS_OK);
    assert_content("/home/ann/up", "secret");

    struct sp_fs_attach event = {.root = sp_str_of(""), .top = sp_str_of("/home/ann")};
    view = TEST_FS(host, attach_top, &event)->fs.handle;
    assert_content("/own", "own");
    assert_content("/in", "own");
    assert_int_equal(stat_of("/up", 0)->status, SP_FS_NO_SUCH_FILE);
    assert_int_equal(stat_of("/top", 0)->status, SP_FS_NO_SUCH_FILE);
    assert_string_equal(DO_PATH(realpath, "/in")->fs.path.data, "/own");
    assert_int_equal(DO_PATH(rmdir, "/")->status, SP_FS_CANNOT_DELETE);
    uint64_t home = view;

    /* A home that is removed stays until nobody looks at it, and takes nothing more. */
    view = all;
    static const char *const names[] = {"/home/ann/own", "/home/ann/up", "/home/ann/top",
                                        "/home/ann/in"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(DO_PATH(remove, names[i])->status, SP_FS_OK);
    assert_int_equal(DO_PATH(rmdir, "/home/ann")->status, SP_FS_OK);
    view = home;
    assert_int_equal(make_directory("/new"), SP_FS_NO_SUCH_FILE);
    assert_int_equal(DO_PATH(detach, "")->status, SP_FS_OK);
    view = all;
    assert_int_equal(TEST_FS(host, attach_top, &event)->status, SP_FS_NO_SUCH_FILE);
    event.top = sp_str_of("/secret");
    assert_int_equal(TEST_FS(host, attach_top, &event)->status, SP_FS_NOT_A_DIRECTORY);
}

/* Random writes, cuts and reads against a plain array. */
static void behave_like_an_array(void **state)
{
    (void)state;
    enum { SIZE = 3 * BLOCK_SIZE };
    char *model = calloc(1, SIZE);
    char *buffer = malloc(SIZE);
    assert_non_null(model);
    assert_non_null(buffer);
    uint64_t size = 0;
    uint64_t handle = open_file("/f", NEW);
    srand(1);
    for (int i = 0; i < 3000; i++) {
        uint64_t offset = (uint64_t)rand() % SIZE;
        uint64_t length = (uint64_t)rand() % (i % 10 ? 300 : SIZE);
        length = length < SIZE - offset ? length : SIZE - offset;
        if (rand() % 4 == 0) {
            struct sp_fs_attributes cut = {
                .struct_size = sizeof cut, .valid = SP_ATTR_SIZE, .size = offset};
            assert_int_equal(set("/f", &cut, 0), SP_FS_OK);
            if (offset < size)
                memset(model + offset, 0, size - offset);
            size = offset;
        } else {
            memset(buffer, 'a' + i % 26, length);
            memset(model + offset, 'a' + i % 26, length);
            assert_int_equal(write_bytes(handle, offset, buffer, length), SP_FS_OK);
            size = length && offset + length > size ? offset + length : size;
        }
        offset = (uint64_t)rand() % SIZE;
        const struct test_answer *answer = read_at(handle, offset, buffer, SIZE);
        uint64_t expected = offset < size ? size - offset : 0;
        assert_int_equal(answer->fs.count, expected);
        assert_memory_equal(buffer, model + offset, expected);
        test_host_forget(host);
    }
    close_file(handle);
    free(buffer);
    free(model);
}

static void keep_to_the_limits(void **state)
{
    (void)state;
    static char block[BLOCK_SIZE];
    uint64_t handle = open_file("/big", NEW);
    uint64_t written = 0;
    while (write_bytes(handle, written, block, sizeof block) == SP_FS_OK)
        written += sizeof block;
    assert_in_range(written, CAPACITY - 2 * BLOCK_SIZE, CAPACITY);
    assert_int_equal(write_bytes(handle, written, block, sizeof block),
                     SP_FS_NO_SPACE_ON_FILESYSTEM);
    struct sp_fs_handle event = {.view = view, .handle = handle};
    assert_int_equal(TEST_FS(host, fstat, &event)->fs.attributes->size, written);
    const struct sp_fs_space *space = TEST_FS(host, fstatvfs, &event)->fs.space;
    assert_int_equal(space->blocks, CAPACITY / 512);
    assert_true(space->blocks_free * 512 < BLOCK_SIZE);
    close_file(handle);
    assert_int_equal(DO_PATH(remove, "/big")->status, SP_FS_OK);
    assert_int_equal(DO_PATH(statvfs, "/")->fs.space->blocks_free, CAPACITY / 512);

    /* A byte far out must not cost more than there is; a hole costs nothing. */
    handle = open_file("/far", NEW);
    assert_int_equal(write_at(handle, 1ull << 40, "x"), SP_FS_NO_SPACE_ON_FILESYSTEM);
    assert_int_equal(write_at(handle, INT64_MAX - 1, "xy"), SP_FS_INVALID_PARAMETER);
    assert_int_equal(write_at(handle, UINT64_MAX, "x"), SP_FS_INVALID_PARAMETER);
    struct sp_fs_attributes large = {
        .struct_size = sizeof large, .valid = SP_ATTR_SIZE, .size = INT64_MAX};
    assert_int_equal(set("/far", &large, 0), SP_FS_OK);
    char byte = 'x';
    assert_int_equal(read_at(handle, INT64_MAX - 1, &byte, 1)->fs.count, 1);
    assert_int_equal(byte, 0);
    close_file(handle);

    /* 20 names in all, hard links included. */
    char name[16];
    uint32_t status = SP_FS_OK;
    int count = 0;
    for (; status == SP_FS_OK && count < 30; count++) {
        snprintf(name, sizeof name, "/%d", count);
        status = DO_PAIR(link, "/far", name, 0);
    }
    assert_int_equal(status, SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(count, 20);
    assert_int_equal(make_directory("/d"), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(try_open("/new", NEW)->status, SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(DO_PAIR(rename, "/0", "/renamed", 0), SP_FS_OK);
    assert_int_equal(DO_PATH(remove, "/1")->status, SP_FS_OK);
    assert_int_equal(make_directory("/d"), SP_FS_OK);
}

static void keep_what_is_open(void **state)
{
    (void)state;
    put_file("/f", "text");
    uint64_t handle = open_file("/f", RW);
    assert_int_equal(DO_PATH(remove, "/f")->status, SP_FS_OK);
    assert_int_equal(stat_of("/f", 0)->status, SP_FS_NO_SUCH_FILE);
    char buffer[8];
    assert_int_equal(read_at(handle, 0, buffer, sizeof buffer)->fs.count, 4);
    assert_int_equal(write_at(handle, 4, "more"), SP_FS_OK);
    close_file(handle);
    assert_int_equal(DO_PATH(statvfs, "/")->fs.space->blocks_free, CAPACITY / 512);

    assert_int_equal(make_directory("/d"), SP_FS_OK);
    handle = DO_PATH(opendir, "/d")->fs.handle;
    assert_int_equal(DO_PATH(rmdir, "/d")->status, SP_FS_OK);
    struct sp_fs_handle event = {.view = view, .handle = handle};
    const struct test_answer *answer = TEST_FS(host, readdir, &event);
    assert_int_equal(answer->fs.entries_count, 0);
    assert_int_equal(answer->fs.eof, 1);
    assert_int_equal(TEST_FS(host, closedir, &event)->status, SP_FS_OK);
}

static void open_by_the_flags(void **state)
{
    (void)state;
    put_file("/f", "text");
    uint32_t exclusive = NEW | SP_OPEN_EXCLUSIVE;
    assert_int_equal(try_open("/absent", RW)->status, SP_FS_NO_SUCH_FILE);
    assert_int_equal(try_open("/f", exclusive)->status, SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(try_open("/f", 0)->status, SP_FS_INVALID_PARAMETER);
    assert_int_equal(try_open("/f", SP_OPEN_READ | SP_OPEN_TRUNCATE)->status,
                     SP_FS_INVALID_PARAMETER);
    assert_int_equal(try_open("/f", RW | SP_OPEN_TEXT)->status, SP_FS_OP_UNSUPPORTED);
    assert_int_equal(try_open("/", RW)->status, SP_FS_FILE_IS_A_DIRECTORY);
    assert_int_equal(try_open("/f/g", NEW)->status, SP_FS_NOT_A_DIRECTORY);
    assert_int_equal(try_open("/no/g", NEW)->status, SP_FS_NO_SUCH_FILE);
    assert_int_equal(DO_PAIR(symlink, "/dangling", "made", 0), SP_FS_OK);
    assert_int_equal(try_open("/dangling", exclusive)->status, SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(try_open("/dangling", RW | SP_OPEN_NOFOLLOW)->status, SP_FS_LINK_LOOP);
    put_file("/dangling", "through");
    assert_content("/made", "through");

    uint64_t handle = open_file("/f", SP_OPEN_READ);
    assert_int_equal(write_at(handle, 0, "x"), SP_FS_PERMISSION_DENIED);
    close_file(handle);
    handle = open_file("/f", SP_OPEN_WRITE | SP_OPEN_APPEND);
    assert_int_equal(write_at(handle, 0, " and more"), SP_FS_OK);
    char byte;
    assert_int_equal(read_at(handle, 0, &byte, 1)->status, SP_FS_PERMISSION_DENIED);
    close_file(handle);
    assert_content("/f", "text and more");
}

static void follow_links_inside_only(void **state)
{
    (void)state;
    assert_int_equal(make_directory("/a"), SP_FS_OK);
    assert_int_equal(make_directory("/a/b"), SP_FS_OK);
    put_file("/a/b/f", "found");
    static const char *const links[][2] = {
        {"/abs", "/a/b"},  {"/rel", "a/./b"},       {"/a/b/up", "../../abs"},
        {"/chain", "rel"}, {"/high", "../../../a"}, {"/slash", "a/b/"},
        {"/loop", "loop"}, {"/ring1", "ring2/x"},   {"/ring2", "ring1"},
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        assert_int_equal(DO_PAIR(symlink, links[i][0], links[i][1], 0), SP_FS_OK);
    static const char *const found[] = {"/abs/f",   "/rel/f",    "/a/b/up/f",
                                        "/chain/f", "/high/b/f", "/slash/f"};
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        assert_content(found[i], "found");
        const struct test_answer *answer = DO_PATH(realpath, found[i]);
        assert_string_equal(answer->fs.path.data, "/a/b/f");
    }
    assert_int_equal(stat_of("/loop", 0)->status, SP_FS_LINK_LOOP);
    assert_int_equal(stat_of("/ring1", 0)->status, SP_FS_LINK_LOOP);
    assert_int_equal(stat_of("/loop", SP_FS_NOFOLLOW)->fs.attributes->type, SP_FILE_SYMLINK);
    assert_string_equal(DO_PATH(readlink, "/rel")->fs.path.data, "a/./b");
    assert_int_equal(DO_PATH(readlink, "/a")->status, SP_FS_INVALID_PARAMETER);
    assert_string_equal(DO_PATH(realpath, "/")->fs.path.data, "/");
    assert_string_equal(DO_PATH(realpath, "/new")->fs.path.data, "/new");
    assert_string_equal(DO_PATH(realpath, "/abs/new")->fs.path.data, "/a/b/new");
    assert_int_equal(DO_PATH(realpath, "/no/new")->status, SP_FS_NO_SUCH_FILE);
}

static void count_hard_links(void **state)
{
    (void)state;
    put_file("/one", "same");
    assert_int_equal(DO_PAIR(link, "/one", "/two", 0), SP_FS_OK);
    assert_int_equal(stat_of("/one", 0)->fs.attributes->link_count, 2);
    assert_int_equal(DO_PAIR(link, "/one", "/two", 0), SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(DO_PAIR(link, "/", "/root", 0), SP_FS_FILE_IS_A_DIRECTORY);
    assert_int_equal(DO_PAIR(rename, "/one", "/two", SP_RENAME_OVERWRITE), SP_FS_OK);
    assert_int_equal(DO_PATH(remove, "/one")->status, SP_FS_OK);
    assert_content("/two", "same");
    assert_int_equal(stat_of("/two", 0)->fs.attributes->link_count, 1);
}

static void rename_as_posix_has_it(void **state)
{
    (void)state;
    put_file("/f", "f");
    put_file("/g", "g");
    assert_int_equal(make_directory("/d"), SP_FS_OK);
    assert_int_equal(make_directory("/d/e"), SP_FS_OK);
    assert_int_equal(make_directory("/empty"), SP_FS_OK);
    uint32_t over = SP_RENAME_OVERWRITE;
    assert_int_equal(DO_PAIR(rename, "/f", "/g", 0), SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(DO_PAIR(rename, "/f", "/d", over), SP_FS_FILE_IS_A_DIRECTORY);
    assert_int_equal(DO_PAIR(rename, "/d", "/f", over), SP_FS_NOT_A_DIRECTORY);
    assert_int_equal(DO_PAIR(rename, "/empty", "/d", over), SP_FS_DIR_NOT_EMPTY);
    assert_int_equal(DO_PAIR(rename, "/d", "/d/e/x", 0), SP_FS_INVALID_PARAMETER);
    assert_int_equal(DO_PAIR(rename, "/d", "/d", over), SP_FS_OK);
    assert_int_equal(DO_PAIR(rename, "/", "/x", 0), SP_FS_INVALID_PARAMETER);
    assert_int_equal(DO_PAIR(rename, "/f", "/g", over), SP_FS_OK);
    assert_content("/g", "f");
    assert_int_equal(DO_PAIR(rename, "/d", "/empty", over), SP_FS_OK);
    assert_int_equal(stat_of("/empty/e", 0)->status, SP_FS_OK);
    assert_int_equal(DO_PAIR(rename, "/empty", "/moved", 0), SP_FS_OK);
    assert_string_equal(DO_PATH(realpath, "/moved/e")->fs.path.data, "/moved/e");
    put_file("/moved/e/h", "h");
    assert_int_equal(DO_PAIR(rename, "/moved/e/h", "/h", 0), SP_FS_OK);
    assert_int_equal(DO_PATH(rmdir, "/moved/e")->status, SP_FS_OK);
    assert_int_equal(DO_PATH(rmdir, "/moved")->status, SP_FS_OK);
    assert_int_equal(DO_PATH(rmdir, "/")->status, SP_FS_CANNOT_DELETE);
    assert_int_equal(DO_PATH(rmdir, "/g")->status, SP_FS_NOT_A_DIRECTORY);
}

static void list_on_while_names_come_and_go(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "/%d", i);
        put_file(name, "");
    }
    struct sp_fs_handle event = {
        .view = view, .handle = DO_PATH(opendir, "/")->fs.handle, .count = 3};
    const struct test_answer *answer = TEST_FS(host, readdir, &event);
    assert_int_equal(answer->fs.entries_count, 3);
    assert_int_equal(answer->fs.eof, 0);
    assert_string_equal(answer->fs.entries[2].name.data, "2");
    assert_int_equal(DO_PATH(remove, "/1")->status, SP_FS_OK); /* was listed */
    assert_int_equal(DO_PATH(remove, "/3")->status, SP_FS_OK); /* is the next */
    assert_int_equal(DO_PATH(remove, "/4")->status, SP_FS_OK);
    put_file("/new", "");
    event.count = 100;
    answer = TEST_FS(host, readdir, &event);
    assert_int_equal(answer->fs.entries_count, 6);
    assert_string_equal(answer->fs.entries[0].name.data, "5");
    assert_string_equal(answer->fs.entries[5].name.data, "new");
    assert_int_equal(answer->fs.eof, 1);
    assert_int_equal(TEST_FS(host, closedir, &event)->status, SP_FS_OK);
}

static void set_attributes(void **state)
{
    (void)state;
    put_file("/f", "text");
    struct sp_fs_attributes wanted = {
        .struct_size = sizeof wanted,
        .valid = SP_ATTR_PERMISSIONS | SP_ATTR_MODIFY_TIME | SP_ATTR_OWNER_IDS,
        .mode = 0640,
        .uid = 5,
        .gid = 6,
        .modify_time = {.seconds = -1, .nanoseconds = 999999999},
    };
    assert_int_equal(set("/f", &wanted, 0), SP_FS_OK);
    const struct sp_fs_attributes *a = stat_of("/f", 0)->fs.attributes;
    assert_int_equal(a->mode, 0640);
    assert_int_equal(a->uid, 5);
    assert_int_equal(a->gid, 6);
    assert_true(a->modify_time.seconds == -1);
    assert_int_equal(a->modify_time.nanoseconds, 999999999);
    assert_int_equal(a->size, 4);
    wanted.modify_time.nanoseconds = 1000000000;
    assert_int_equal(set("/f", &wanted, 0), SP_FS_INVALID_PARAMETER);
    wanted.valid = SP_ATTR_SIZE;
    assert_int_equal(set("/", &wanted, 0), SP_FS_FILE_IS_A_DIRECTORY);
    uint64_t handle = open_file("/f", SP_OPEN_READ);
    struct sp_fs_handle event = {.view = view, .handle = handle, .attributes = &wanted};
    assert_int_equal(TEST_FS(host, fsetstat, &event)->status, SP_FS_PERMISSION_DENIED);
    close_file(handle);
}

static void *free_host(void *arg)
{
    test_host_free(arg);
    return NULL;
}

static void end_a_tree_of_any_depth(void **state)
{
    (void)state;
    test_host_free(host);
    host = test_host_new(&sallyport_plugin_v1, "{\"max_bytes\":0,\"max_files\":20000}");
    view = attach("");
    /* Each time round all that is there is moved below another chain of directories. */
    for (int round = 0; round < 99; round++) {
        char path[512] = "/b";
        for (int i = 0; i < 200; i++) {
            assert_int_equal(make_directory(path), SP_FS_OK);
            strcat(path, "/d");
        }
        if (round > 0)
            assert_int_equal(DO_PAIR(rename, "/a", path, 0), SP_FS_OK);
        assert_int_equal(DO_PAIR(rename, "/b", "/a", 0), SP_FS_OK);
    }
    pthread_attr_t small;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&small), 0);
    assert_int_equal(pthread_attr_setstacksize(&small, 256u << 10), 0);
    assert_int_equal(pthread_create(&thread, &small, free_host, host), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&small);
    host = test_host_new(&sallyport_plugin_v1, "{\"max_bytes\":0,\"max_files\":1}");
}

static void copy_between_files(void **state)
{
    (void)state;
    put_file("/s", "0123456789");
    uint64_t source = open_file("/s", RW);
    uint64_t target = open_file("/t", NEW);
    struct sp_fs_copy event = {
        .view = view, .source = source, .source_offset = 2, .length = 4, .target = target};
    assert_int_equal(TEST_FS(host, copy, &event)->fs.count, 4);
    assert_content("/t", "2345");
    event.length = 0;
    event.target_offset = 1;
    assert_int_equal(TEST_FS(host, copy, &event)->fs.count, 8);
    event.length = 9; /* there are eight */
    assert_int_equal(TEST_FS(host, copy, &event)->fs.eof, 1);
    event.length = 0;
    assert_content("/t", "223456789");
    event.target = source;
    assert_int_equal(TEST_FS(host, copy, &event)->status, SP_FS_INVALID_PARAMETER);
    event.length = 2;
    event.target_offset = 8;
    assert_int_equal(TEST_FS(host, copy, &event)->fs.count, 2);
    assert_content("/s", "0123456723");
    event.target_offset = UINT64_MAX - 1;
    assert_int_equal(TEST_FS(host, copy, &event)->status, SP_FS_INVALID_PARAMETER);
    event.target = open_file("/s", RW | SP_OPEN_APPEND);
    event.target_offset = 100; /* which does not count */
    assert_int_equal(TEST_FS(host, copy, &event)->status, SP_FS_INVALID_PARAMETER);
    close_file(event.target);
    close_file(source);
    close_file(target);
}

static void answer_a_long_copy_after_each_share(void **state)
{
    (void)state;
    test_host_free(host);
    host = test_host_new(&sallyport_plugin_v1, "{\"max_bytes\":8388608,\"max_files\":20}");
    view = attach("");
    put_file("/long", "x");
    struct sp_fs_attributes attributes = {
        .struct_size = sizeof attributes, .valid = SP_ATTR_SIZE, .size = 3u << 20};
    uint64_t source = open_file("/long", RW);
    uint64_t target = open_file("/copy", NEW);
    struct sp_fs_handle size = {.view = view, .handle = source, .attributes = &attributes};
    assert_int_equal(TEST_FS(host, fsetstat, &size)->status, SP_FS_OK);
    struct sp_fs_copy event = {.view = view, .source = source, .target = target};
    uint64_t done = 0;
    int shares = 0;
    for (bool is_end = false; !is_end; shares++) {
        event.source_offset = event.target_offset = done;
        const struct test_answer *answer = TEST_FS(host, copy, &event);
        assert_int_equal(answer->status, SP_FS_OK);
        assert_true(answer->fs.count > 0 && answer->fs.count <= (1u << 20));
        done += answer->fs.count;
        is_end = answer->fs.eof;
    }
    assert_int_equal(done, 3u << 20);
    assert_true(shares > 1);
    close_file(source);
    close_file(target);
}

static void refuse_names_that_are_too_long(void **state)
{
    (void)state;
    static char path[TARGET_MOST + 2];
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    assert_int_equal(stat_of(path, 0)->status, SP_FS_INVALID_FILENAME);
    path[NAME_MOST + 2] = '\0';
    assert_int_equal(make_directory(path), SP_FS_INVALID_FILENAME);
    path[NAME_MOST + 1] = '\0';
    assert_int_equal(make_directory(path), SP_FS_OK);
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new(&sallyport_plugin_v1, "{\"max_bytes\":262144,\"max_files\":20}");
    if (!host)
        return -1;
    view = attach("");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(behave_as_every_provider),
        TEST(share_a_tree_by_root),
        TEST(keep_a_view_of_a_home_in_it),
        TEST(behave_like_an_array),
        TEST(keep_to_the_limits),
        TEST(keep_what_is_open),
        TEST(open_by_the_flags),
        TEST(follow_links_inside_only),
        TEST(count_hard_links),
        TEST(rename_as_posix_has_it),
        TEST(list_on_while_names_come_and_go),
        TEST(set_attributes),
        TEST(end_a_tree_of_any_depth),
        TEST(copy_between_files),
        TEST(answer_a_long_copy_after_each_share),
        TEST(refuse_names_that_are_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
