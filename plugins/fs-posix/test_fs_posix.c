/* test_fs_posix.c: fs-posix in the test host, on real directories. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "fs_posix.h"
#include "provider_check.h"
#include "storage.h"

/* base/root is served; base/root-evil and base/outside must never be reached. */
static char base[] = "/tmp/test_fs_posix.XXXXXX";

static const char *at(const char *name)
{
    static char paths[4][PATH_MAX];
    static int next;
    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", base, name);
    return paths[next];
}

static void put_file(const char *name, const char *text)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static uint32_t write_at(uint64_t handle, uint64_t offset, const char *text)
{
    struct sp_fs_io event = {.view = view,
                             .handle = handle,
                             .offset = offset,
                             .length = strlen(text),
                             .buffer = (void *)(uintptr_t)text};
    const struct test_answer *answer = TEST_FS(host, write, &event);
    if (answer->status == SP_FS_OK)
        assert_int_equal(answer->fs.count, strlen(text));
    return answer->status;
}

static void assert_content(uint64_t handle, const char *expected)
{
    char buffer[256];
    const struct test_answer *answer = read_at(handle, 0, buffer, sizeof buffer);
    assert_int_equal(answer->status, SP_FS_OK);
    assert_int_equal(answer->fs.eof, 1);
    assert_int_equal(answer->fs.count, strlen(expected));
    assert_memory_equal(buffer, expected, strlen(expected));
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
    assert_int_equal(mkdir(at("root/checked"), 0700), 0);
    struct provider_check check = {.host = host, .root = at("root/checked")};
    assert_int_equal(provider_check(&check), 0);
}

static void write_and_read_back(void **state)
{
    (void)state;
    uint64_t handle = open_file("/file", NEW);
    assert_int_equal(write_at(handle, 0, "hello"), SP_FS_OK);
    assert_int_equal(write_at(handle, 3, "ped"), SP_FS_OK);
    assert_content(handle, "helped");
    char buffer[4];
    const struct test_answer *answer = read_at(handle, 0, buffer, 4);
    assert_int_equal(answer->fs.count, 4);
    assert_int_equal(answer->fs.eof, 0);
    answer = read_at(handle, 6, buffer, 4);
    assert_int_equal(answer->fs.count, 0);
    assert_int_equal(answer->fs.eof, 1);
    close_file(handle);
}

static void append_wherever_the_client_says(void **state)
{
    (void)state;
    uint64_t handle = open_file("/log", NEW);
    assert_int_equal(write_at(handle, 0, "one"), SP_FS_OK);
    close_file(handle);
    handle = open_file("/log", RW | SP_OPEN_APPEND);
    assert_int_equal(write_at(handle, 0, "two"), SP_FS_OK);
    assert_content(handle, "onetwo");
    close_file(handle);
}

static void keep_holes_and_large_offsets(void **state)
{
    (void)state;
    uint64_t handle = open_file("/sparse", NEW);
    uint64_t far = 5ull << 30;
    assert_int_equal(write_at(handle, far, "end"), SP_FS_OK);
    struct sp_fs_handle event = {.view = view, .handle = handle};
    const struct sp_fs_attributes *attributes = TEST_FS(host, fstat, &event)->fs.attributes;
    assert_int_equal(attributes->size, far + 3);
    assert_true(attributes->allocation_size < 1u << 20);
    char buffer[8];
    const struct test_answer *answer = read_at(handle, far - 4, buffer, 8);
    assert_int_equal(answer->fs.count, 7);
    assert_memory_equal(buffer, "\0\0\0\0end", 7);
    assert_int_equal(read_at(handle, UINT64_MAX, buffer, 1)->status, SP_FS_INVALID_PARAMETER);
    assert_int_equal(read_at(handle, INT64_MAX, buffer, 2)->status, SP_FS_INVALID_PARAMETER);
    assert_int_equal(write_at(handle, INT64_MAX, "xy"), SP_FS_INVALID_PARAMETER);
    close_file(handle);
}

static void open_by_the_flags(void **state)
{
    (void)state;
    put_file("root/there", "text");
    assert_int_equal(try_open("/absent", RW)->status, SP_FS_NO_SUCH_FILE);
    assert_int_equal(try_open("/absent", RW | SP_OPEN_TRUNCATE)->status, SP_FS_NO_SUCH_FILE);
    uint32_t exclusive = NEW | SP_OPEN_EXCLUSIVE;
    assert_int_equal(try_open("/there", exclusive)->status, SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(symlink("nowhere", at("root/dangling")), 0);
    assert_int_equal(try_open("/dangling", exclusive)->status, SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(symlink("there", at("root/link")), 0);
    assert_int_equal(try_open("/link", SP_OPEN_READ | SP_OPEN_NOFOLLOW)->status, SP_FS_LINK_LOOP);
    close_file(open_file("/link", SP_OPEN_READ));
    assert_int_equal(try_open("/there", 0)->status, SP_FS_INVALID_PARAMETER);
    assert_int_equal(try_open("/there", SP_OPEN_READ | SP_OPEN_TRUNCATE)->status,
                     SP_FS_INVALID_PARAMETER);
    assert_int_equal(try_open("/there", RW | SP_OPEN_DELETE_ON_CLOSE)->status,
                     SP_FS_OP_UNSUPPORTED);
    uint64_t handle = open_file("/there", SP_OPEN_READ);
    assert_int_equal(write_at(handle, 0, "x"), SP_FS_PERMISSION_DENIED);
    assert_content(handle, "text");
    close_file(handle);
    handle = open_file("/there", SP_OPEN_WRITE | SP_OPEN_TRUNCATE);
    close_file(handle);
    assert_int_equal(stat_of("/there", 0)->fs.attributes->size, 0);
}

static void refuse_what_is_no_file_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(at("root/fifo"), 0600), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.80s", at("root/socket"));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    static const uint32_t flags[] = {SP_OPEN_READ, SP_OPEN_WRITE, RW, NEW};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        assert_int_equal(try_open("/fifo", flags[i])->status, SP_FS_FAILURE);
        assert_int_equal(try_open("/socket", flags[i])->status, SP_FS_FAILURE);
        assert_int_equal(try_open("/", flags[i])->status, SP_FS_FILE_IS_A_DIRECTORY);
    }
    close(fd);
    struct sp_fs_attributes size = {.struct_size = sizeof size, .valid = SP_ATTR_SIZE};
    struct sp_fs_create event = {.view = view, .path = sp_str_of("/fifo"), .attributes = &size};
    assert_int_equal(TEST_FS(host, setstat, &event)->status, SP_FS_FAILURE);
    assert_int_equal(stat_of("/fifo", 0)->fs.attributes->type, SP_FILE_FIFO);
    assert_int_equal(stat_of("/socket", 0)->fs.attributes->type, SP_FILE_SOCKET);
}

static void tell_and_set_attributes(void **state)
{
    (void)state;
    put_file("root/a", "12345");
    struct sp_fs_attributes wanted = {
        .struct_size = sizeof wanted,
        .valid = SP_ATTR_SIZE | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME,
        .size = 3,
        .mode = 06751,
        .access_time = {.seconds = 1000000000, .nanoseconds = 123456789},
        .modify_time = {.seconds = -5, .nanoseconds = 1},
    };
    struct sp_fs_create event = {.view = view, .path = sp_str_of("/a"), .attributes = &wanted};
    assert_int_equal(TEST_FS(host, setstat, &event)->status, SP_FS_OK);
    const struct sp_fs_attributes *a = stat_of("/a", 0)->fs.attributes;
    assert_int_equal(a->size, 3);
    assert_int_equal(a->type, SP_FILE_REGULAR);
    assert_int_equal(a->mode, 0751); /* set-id bits are not for clients */
    assert_int_equal(a->access_time.seconds, 1000000000);
    assert_int_equal(a->access_time.nanoseconds, 123456789);
    assert_true(a->modify_time.seconds == -5);
    assert_int_equal(a->modify_time.nanoseconds, 1);
    assert_int_equal(a->link_count, 1);
    assert_int_equal(a->uid, geteuid());

    /* Only what is valid changes; the kernel's special values are not for clients. */
    wanted.valid = SP_ATTR_MODIFY_TIME;
    wanted.modify_time = (struct sp_time){.seconds = 7};
    assert_int_equal(TEST_FS(host, setstat, &event)->status, SP_FS_OK);
    a = stat_of("/a", 0)->fs.attributes;
    assert_int_equal(a->access_time.seconds, 1000000000);
    assert_int_equal(a->modify_time.seconds, 7);
    wanted.modify_time.nanoseconds = UTIME_NOW;
    assert_int_equal(TEST_FS(host, setstat, &event)->status, SP_FS_INVALID_PARAMETER);
}

static void set_attributes_of_a_handle(void **state)
{
    (void)state;
    put_file("root/b", "12345");
    uint64_t handle = open_file("/b", RW);
    struct sp_fs_attributes wanted = {.struct_size = sizeof wanted,
                                      .valid = SP_ATTR_SIZE | SP_ATTR_PERMISSIONS,
                                      .size = 10,
                                      .mode = 04600};
    struct sp_fs_handle event = {.view = view, .handle = handle, .attributes = &wanted};
    assert_int_equal(TEST_FS(host, fsetstat, &event)->status, SP_FS_OK);
    const struct sp_fs_attributes *a = stat_of("/b", 0)->fs.attributes;
    assert_int_equal(a->size, 10);
    assert_int_equal(a->mode, 0600);
    event.attributes = NULL;
    assert_int_equal(TEST_FS(host, fsync, &event)->status, SP_FS_OK);
    close_file(handle);
    handle = open_file("/b", SP_OPEN_READ);
    struct sp_fs_handle again = {.view = view, .handle = handle, .attributes = &wanted};
    assert_int_equal(TEST_FS(host, fsetstat, &again)->status, SP_FS_PERMISSION_DENIED);
    close_file(handle);
}

static void leave_what_a_link_points_to(void **state)
{
    (void)state;
    put_file("root/target", "text");
    assert_int_equal(DO_PAIR(symlink, "/sym", "target", 0), SP_FS_OK);
    assert_int_equal(stat_of("/sym", SP_FS_NOFOLLOW)->fs.attributes->type, SP_FILE_SYMLINK);
    assert_int_equal(stat_of("/sym", 0)->fs.attributes->type, SP_FILE_REGULAR);
    struct sp_fs_attributes wanted = {
        .struct_size = sizeof wanted, .valid = SP_ATTR_MODIFY_TIME, .modify_time = {.seconds = 9}};
    struct sp_fs_create event = {
        .view = view, .path = sp_str_of("/sym"), .flags = SP_FS_NOFOLLOW, .attributes = &wanted};
    assert_int_equal(TEST_FS(host, setstat, &event)->status, SP_FS_OK);
    assert_int_equal(stat_of("/sym", SP_FS_NOFOLLOW)->fs.attributes->modify_time.seconds, 9);
    assert_true(stat_of("/target", 0)->fs.attributes->modify_time.seconds > 9);
    wanted.valid = SP_ATTR_PERMISSIONS;
    assert_int_equal(TEST_FS(host, setstat, &event)->status, SP_FS_OP_UNSUPPORTED);
    wanted.valid = SP_ATTR_SIZE;
    assert_int_equal(TEST_FS(host, setstat, &event)->status, SP_FS_LINK_LOOP);

    assert_int_equal(DO_PAIR(link, "/sym", "/hard", 0), SP_FS_OK);
    assert_int_equal(stat_of("/hard", SP_FS_NOFOLLOW)->fs.attributes->type, SP_FILE_SYMLINK);
    const struct test_answer *answer = DO_PATH(readlink, "/hard");
    assert_int_equal(answer->fs.path.len, 6);
    assert_memory_equal(answer->fs.path.data, "target", 6);
    assert_int_equal(DO_PATH(readlink, "/target")->status, SP_FS_INVALID_PARAMETER);
    assert_int_equal(DO_PATH(remove, "/sym")->status, SP_FS_OK);
    assert_int_equal(stat_of("/target", 0)->status, SP_FS_OK);
    assert_int_equal(DO_PAIR(symlink, "/text", "../../any thing", 0), SP_FS_OK);
    answer = DO_PATH(readlink, "/text");
    assert_memory_equal(answer->fs.path.data, "../../any thing", 15);
}

static void make_and_remove_names(void **state)
{
    (void)state;
    assert_int_equal(make_directory("/d"), SP_FS_OK);
    assert_int_equal(make_directory("/d"), SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(make_directory("/"), SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(make_directory("/x/y"), SP_FS_NO_SUCH_FILE);
    put_file("root/d/f", "");
    assert_int_equal(DO_PATH(rmdir, "/d")->status, SP_FS_DIR_NOT_EMPTY);
    assert_int_equal(DO_PATH(remove, "/d")->status, SP_FS_FILE_IS_A_DIRECTORY);
    assert_int_equal(DO_PATH(rmdir, "/d/f")->status, SP_FS_NOT_A_DIRECTORY);
    assert_int_equal(DO_PATH(remove, "/d/f")->status, SP_FS_OK);
    assert_int_equal(DO_PATH(rmdir, "/d")->status, SP_FS_OK);
    assert_int_equal(DO_PATH(rmdir, "/")->status, SP_FS_FAILURE);
    assert_int_equal(DO_PATH(remove, "/f")->status, SP_FS_NO_SUCH_FILE);
}

static void rename_over_a_target_only_when_told(void **state)
{
    (void)state;
    put_file("root/from", "from");
    put_file("root/to", "to");
    assert_int_equal(DO_PAIR(rename, "/from", "/to", 0), SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(stat_of("/from", 0)->status, SP_FS_OK);
    assert_int_equal(DO_PAIR(rename, "/from", "/to", SP_RENAME_OVERWRITE), SP_FS_OK);
    uint64_t handle = open_file("/to", SP_OPEN_READ);
    assert_content(handle, "from");
    close_file(handle);
    assert_int_equal(DO_PAIR(rename, "/to", "/third", 0), SP_FS_OK);
    assert_int_equal(DO_PAIR(rename, "/to", "/fourth", 0), SP_FS_NO_SUCH_FILE);
    assert_int_equal(make_directory("/dir"), SP_FS_OK);
    assert_int_equal(make_directory("/full"), SP_FS_OK);
    assert_int_equal(make_directory("/full/sub"), SP_FS_OK);
    assert_int_equal(DO_PAIR(rename, "/dir", "/full", 0), SP_FS_FILE_ALREADY_EXISTS);
    assert_int_equal(DO_PAIR(rename, "/dir", "/full", SP_RENAME_OVERWRITE), SP_FS_DIR_NOT_EMPTY);
    assert_int_equal(DO_PAIR(rename, "/full", "/full/sub/x", 0), SP_FS_INVALID_PARAMETER);
    assert_int_equal(DO_PAIR(rename, "/dir", "/moved", 0), SP_FS_OK);
    assert_int_equal(DO_PAIR(rename, "/", "/y", 0), SP_FS_FAILURE);
}

static void list_each_entry_once(void **state)
{
    (void)state;
    assert_int_equal(make_directory("/list"), SP_FS_OK);
    char name[64];
    for (int i = 0; i < 250; i++) {
        snprintf(name, sizeof name, "root/list/%d", i);
        put_file(name, "x");
    }
    const struct test_answer *answer = DO_PATH(opendir, "/list");
    assert_int_equal(answer->status, SP_FS_OK);
    struct sp_fs_handle event = {.view = view, .handle = answer->fs.handle, .count = 100};
    bool seen[250] = {false};
    int count = 0;
    for (bool eof = false; !eof;) {
        answer = TEST_FS(host, readdir, &event);
        assert_int_equal(answer->status, SP_FS_OK);
        assert_true(answer->fs.entries_count <= 100);
        for (uint64_t i = 0; i < answer->fs.entries_count; i++, count++) {
            int n = atoi(answer->fs.entries[i].name.data);
            assert_in_range(n, 0, 249);
            assert_false(seen[n]);
            seen[n] = true;
            assert_int_equal(answer->fs.entries[i].attributes.size, 1);
        }
        eof = answer->fs.eof;
    }
    assert_int_equal(count, 250);
    assert_int_equal(TEST_FS(host, closedir, &event)->status, SP_FS_OK);
    assert_int_equal(DO_PATH(opendir, "/list/1")->status, SP_FS_NOT_A_DIRECTORY);
}

static void stay_inside_the_root(void **state)
{
    (void)state;
    put_file("outside/secret", "secret");
    assert_int_equal(symlink("../outside/secret", at("root/up")), 0);
    assert_int_equal(symlink(at("outside/secret"), at("root/absolute")), 0);
    assert_int_equal(symlink(at("outside"), at("root/dir")), 0);
    assert_int_equal(symlink("../root-evil", at("root/sibling")), 0);
    assert_int_equal(symlink("/proc/self/root", at("root/magic")), 0);
    assert_int_equal(symlink("loop", at("root/loop")), 0);
    static const char *const paths[] = {"/up", "/absolute", "/dir/secret", "/sibling/secret",
                                        "/magic/etc/passwd"};
    bool walk = ((struct view *)(uintptr_t)view)->walk;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        uint32_t status = try_open(paths[i], SP_OPEN_READ)->status;
        /* What is outside cannot be told from what is nowhere; a walk stops at any link. */
        if (!walk)
            assert_int_equal(status, SP_FS_NO_SUCH_FILE);
        assert_int_not_equal(status, SP_FS_OK);
        assert_int_equal(stat_of(paths[i], 0)->status, status);
        assert_int_not_equal(DO_PATH(opendir, paths[i])->status, SP_FS_OK);
    }
    assert_int_equal(try_open("/loop", SP_OPEN_READ)->status, SP_FS_LINK_LOOP);
    assert_int_not_equal(make_directory("/dir/new"), SP_FS_OK);
    assert_int_not_equal(DO_PATH(remove, "/dir/secret")->status, SP_FS_OK);
    assert_int_not_equal(DO_PAIR(rename, "/dir/secret", "/stolen", 0), SP_FS_OK);
    assert_int_not_equal(DO_PAIR(link, "/dir/secret", "/stolen", 0), SP_FS_OK);
    assert_int_equal(access(at("outside/secret"), F_OK), 0);
}

static void keep_a_view_of_a_home_in_it(void **state)
{
    (void)state;
    uint64_t all = view;
    put_file("root/secret", "secret");
    assert_int_equal(make_directory("/home"), SP_FS_OK);
    assert_int_equal(make_directory("/home/ann"), SP_FS_OK);
    put_file("root/home/ann/own", "own");
    symlink("../../secret", at("root/home/ann/up"));
    symlink("/secret", at("root/home/ann/top"));
    symlink("/../own", at("root/home/ann/in"));

    struct sp_fs_attach event = {.root = sp_str_of(at("root")), .top = sp_str_of("/home/ann")};
    view = TEST_FS(host, attach_top, &event)->fs.handle;
    uint64_t handle = open_file("/own", SP_OPEN_READ);
    assert_content(handle, "own");
    close_file(handle);
    assert_int_equal(try_open("/secret", SP_OPEN_READ)->status, SP_FS_NO_SUCH_FILE);
    bool is_walk = ((struct view *)(uintptr_t)all)->walk;
    ((struct view *)(uintptr_t)view)->walk = is_walk;
    if (!is_walk) {
        handle = open_file("/in", SP_OPEN_READ);
        assert_content(handle, "own");
        close_file(handle);
    }
    assert_int_not_equal(try_open("/up", SP_OPEN_READ)->status, SP_FS_OK);
    assert_int_not_equal(try_open("/top", SP_OPEN_READ)->status, SP_FS_OK);
    assert_int_equal(DO_PATH(detach, "")->status, SP_FS_OK);
    view = all;
    event.top = sp_str_of("/nobody");
    assert_int_equal(TEST_FS(host, attach_top, &event)->status, SP_FS_NO_SUCH_FILE);
    event.top = sp_str_of("/secret");
    assert_int_equal(TEST_FS(host, attach_top, &event)->status, SP_FS_NOT_A_DIRECTORY);
}

static void refuse_malformed_paths(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "a",     "/..",   "/a/..", "/../outside/secret",
                                      "/./", "/a/./", "/a//b", "//",    "/a/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(try_open(bad[i], SP_OPEN_READ)->status, SP_FS_INVALID_PARAMETER);
        assert_int_equal(make_directory(bad[i]), SP_FS_INVALID_PARAMETER);
    }
    struct sp_fs_path event = {.view = view, .path = {"/a\0b", 4}};
    assert_int_equal(TEST_FS(host, stat, &event)->status, SP_FS_INVALID_PARAMETER);
    static char lengthy[65536];
    for (size_t size = PATH_MAX - 1; size < sizeof lengthy;
         size += size < PATH_MAX + 2 ? 1 : 30000) {
        memset(lengthy, 'a', size);
        for (size_t i = 0; i < size; i += 100)
            lengthy[i] = '/';
        lengthy[size - 1] = 'x';
        lengthy[size] = '\0';
        uint32_t status = stat_of(lengthy, 0)->status;
        assert_true(status == SP_FS_NO_SUCH_FILE || status == SP_FS_INVALID_FILENAME);
    }
    memset(lengthy, 'a', 300);
    lengthy[0] = '/';
    lengthy[300] = '\0';
    assert_int_equal(make_directory(lengthy), SP_FS_INVALID_FILENAME);
}

static void resolve_links_from_inside(void **state)
{
    (void)state;
    assert_int_equal(make_directory("/r"), SP_FS_OK);
    assert_int_equal(make_directory("/r/s"), SP_FS_OK);
    assert_int_equal(symlink("r/s", at("root/l1")), 0);
    assert_int_equal(symlink("/r", at("root/r/s/up")), 0);
    assert_int_equal(symlink("../../../../..", at("root/r/s/high")), 0);
    static const char *const pairs[][2] = {
        {"/", "/"},         {"/l1", "/r/s"},          {"/l1/up/s", "/r/s"},
        {"/l1/up", "/r"},   {"/r/s/new", "/r/s/new"}, {"/l1/new", "/r/s/new"},
        {"/r/s/high", "/"}, {"/r/s/high/r", "/r"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const struct test_answer *answer = DO_PATH(realpath, pairs[i][0]);
        assert_int_equal(answer->status, SP_FS_OK);
        assert_string_equal(answer->fs.path.data, pairs[i][1]);
    }
    assert_int_equal(symlink("ring2", at("root/ring1")), 0);
    assert_int_equal(symlink("ring1", at("root/ring2")), 0);
    assert_int_equal(DO_PATH(realpath, "/ring1")->status, SP_FS_LINK_LOOP);
    assert_int_equal(DO_PATH(realpath, "/no/such")->status, SP_FS_NO_SUCH_FILE);
}

static void tell_the_space(void **state)
{
    (void)state;
    const struct test_answer *answer = DO_PATH(statvfs, "/");
    assert_int_equal(answer->status, SP_FS_OK);
    struct statvfs st;
    assert_int_equal(statvfs(base, &st), 0);
    assert_int_equal(answer->fs.space->block_size, st.f_bsize);
    assert_int_equal(answer->fs.space->blocks, st.f_blocks);
    assert_int_equal(answer->fs.space->name_max, st.f_namemax);
    assert_int_equal(answer->fs.space->filesystem_id, st.f_fsid);
}

static void copy_between_files(void **state)
{
    (void)state;
    put_file("root/source", "0123456789");
    uint64_t source = open_file("/source", RW);
    uint64_t target = open_file("/target", NEW);
    struct sp_fs_copy event = {.view = view,
                               .source = source,
                               .source_offset = 2,
                               .length = 4,
                               .target = target,
                               .target_offset = 1};
    const struct test_answer *answer = TEST_FS(host, copy, &event);
    assert_int_equal(answer->status, SP_FS_OK);
    assert_int_equal(answer->fs.count, 4);
    event.length = 0;
    event.target_offset = 5;
    assert_int_equal(TEST_FS(host, copy, &event)->fs.count, 8);
    char buffer[32];
    assert_int_equal(read_at(target, 0, buffer, sizeof buffer)->fs.count, 13);
    assert_memory_equal(buffer,
                        "\0"
                        "2345"
                        "23456789",
                        13);

    event.target = source;
    event.length = 3;
    event.target_offset = 4;
    assert_int_equal(TEST_FS(host, copy, &event)->status, SP_FS_INVALID_PARAMETER);
    event.target_offset = 20;
    assert_int_equal(TEST_FS(host, copy, &event)->fs.count, 3);
    event.target = open_file("/source", RW | SP_OPEN_APPEND);
    assert_int_equal(TEST_FS(host, copy, &event)->status, SP_FS_INVALID_PARAMETER);
    close_file(event.target);
    close_file(target);

    target = open_file("/target", RW | SP_OPEN_APPEND);
    event.target = target;
    event.source_offset = 0;
    event.target_offset = 0;
    event.length = 2;
    assert_int_equal(TEST_FS(host, copy, &event)->fs.count, 2);
    assert_int_equal(stat_of("/target", 0)->fs.attributes->size, 15);
    close_file(target);
    close_file(source);
}

static void answer_a_long_copy_after_each_share(void **state)
{
    (void)state;
    put_file("root/long", "x");
    struct sp_fs_attributes attributes = {
        .struct_size = sizeof attributes, .valid = SP_ATTR_SIZE, .size = 100u << 20};
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
        assert_true(answer->fs.count > 0 && answer->fs.count <= (64u << 20));
        done += answer->fs.count;
        is_end = answer->fs.eof;
    }
    assert_int_equal(done, 100u << 20);
    assert_true(shares > 1);
    close_file(source);
    close_file(target);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(strrchr(base, '.'), ".XXXXXX");
    if (!mkdtemp(base))
        return -1;
    mkdir(at("root"), 0700);
    mkdir(at("outside"), 0700);
    mkdir(at("root-evil"), 0700);
    put_file("root-evil/secret", "secret");
    host = test_host_new(&sallyport_plugin_v1,
                         "{\"root\":\"\",\"create_root\":false,\"file_mode\":\"0666\","
                         "\"directory_mode\":\"0777\"}");
    if (!host)
        return -1;
    view = attach(at("root"));
    return 0;
}

static int set_up_walk(void **state)
{
    int rc = set_up(state);
    if (rc == 0)
        ((struct view *)(uintptr_t)view)->walk = true;
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    struct sp_fs_path event = {.view = view, .path = sp_str_of("")};
    TEST_FS(host, detach, &event);
    test_host_free(host);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command);
}

/* By openat2(), and by walking where no link is to be followed. */
#define BOTH(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, set_up, tear_down),                                      \
    {                                                                                              \
#name "_by_walking", name, set_up_walk, tear_down, NULL                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(behave_as_every_provider, set_up, tear_down),
        BOTH(write_and_read_back),
        BOTH(append_wherever_the_client_says),
        BOTH(keep_holes_and_large_offsets),
        cmocka_unit_test_setup_teardown(open_by_the_flags, set_up, tear_down),
        BOTH(refuse_what_is_no_file_without_waiting),
        BOTH(tell_and_set_attributes),
        BOTH(set_attributes_of_a_handle),
        cmocka_unit_test_setup_teardown(leave_what_a_link_points_to, set_up, tear_down),
        BOTH(make_and_remove_names),
        BOTH(rename_over_a_target_only_when_told),
        BOTH(list_each_entry_once),
        BOTH(stay_inside_the_root),
        BOTH(keep_a_view_of_a_home_in_it),
        BOTH(refuse_malformed_paths),
        cmocka_unit_test_setup_teardown(resolve_links_from_inside, set_up, tear_down),
        BOTH(tell_the_space),
        BOTH(copy_between_files),
        cmocka_unit_test_setup_teardown(answer_a_long_copy_after_each_share, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
