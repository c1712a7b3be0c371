/*
 * test_fs_posix_bad.c: what goes wrong on real file systems: they fill up, directories go while
 * they are open, and names stand for what is no file (T71, T72).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs_posix.h"
#include "storage.h"

#define PIECE 65536
#define WATCHDOG_S 60 /* a call that waits for a FIFO's other end waits for ever */

static char base[] = "/tmp/test_fs_posix_bad.XXXXXX";

static const char *at(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

/* Write pieces until that fails; its status. *ret_done: how many bytes were taken. */
static uint32_t fill(uint64_t handle, uint64_t *ret_done)
{
    static char piece[PIECE];
    struct sp_fs_io event = {
        .view = view, .handle = handle, .length = sizeof piece, .buffer = piece};
    for (event.offset = 0; event.offset < 64u << 20; event.offset += PIECE) {
        const struct test_answer *answer = TEST_FS(host, write, &event);
        *ret_done = event.offset;
        if (answer->status != SP_FS_OK)
            return answer->status;
        test_host_forget(host);
    }
    return SP_FS_OK;
}

static uint64_t size_of(const char *path)
{
    struct sp_fs_path event = {.view = view, .path = sp_str_of(path)};
    return TEST_FS(host, stat, &event)->fs.attributes->size;
}

static void stop_at_the_limit_for_files(void **state)
{
    (void)state;
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    struct rlimit small = {.rlim_cur = 4 * PIECE + 100, .rlim_max = was.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN); /* as in a worker, more or less */
    uint64_t handle = open_file("/f", NEW);
    uint64_t done = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    uint32_t status = fill(handle, &done);
    struct sp_fs_attributes size = {
        .struct_size = sizeof size, .valid = SP_ATTR_SIZE, .size = 8 * PIECE};
    struct sp_fs_handle event = {.view = view, .handle = handle, .attributes = &size};
    uint32_t grown = TEST_FS(host, fsetstat, &event)->status;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, SP_FS_FAILURE);
    assert_int_equal(grown, SP_FS_FAILURE);
    assert_int_equal(done, 4 * PIECE);
    close_file(handle);
    assert_in_range(size_of("/f"), 4 * PIECE, 4 * PIECE + 100);
}

static void stop_when_the_disk_is_full(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("small"), 0700), 0);
    if (mount("none", at("small"), "tmpfs", 0, "size=1m,nr_inodes=10") < 0)
        skip();
    uint64_t roots_view = view;
    view = attach(at("small"));
    uint64_t handle = open_file("/f", NEW);
    uint64_t done = 0;
    assert_int_equal(fill(handle, &done), SP_FS_NO_SPACE_ON_FILESYSTEM);
    assert_in_range(done, 1, 1u << 20);
    struct sp_fs_handle event = {.view = view, .handle = handle};
    assert_int_equal(TEST_FS(host, fstatvfs, &event)->fs.space->blocks_available, 0);
    uint64_t copy = open_file("/copy", NEW);
    struct sp_fs_copy copy_event = {
        .view = view, .source = handle, .target = copy, .length = PIECE};
    assert_int_equal(TEST_FS(host, copy, &copy_event)->status, SP_FS_NO_SPACE_ON_FILESYSTEM);
    close_file(copy);

    /* Files for which there is no room any more, either. */
    uint32_t status = SP_FS_OK;
    for (int i = 0; status == SP_FS_OK && i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "/%d", i);
        struct sp_fs_create make = {.view = view, .path = sp_str_of(name), .attributes = &none};
        status = TEST_FS(host, mkdir, &make)->status;
    }
    assert_int_equal(status, SP_FS_NO_SPACE_ON_FILESYSTEM);
    assert_int_equal(try_open("/new", NEW)->status, SP_FS_NO_SPACE_ON_FILESYSTEM);

    /* And what was there is still there; with room again, all goes on. */
    struct sp_fs_attributes cut = {.struct_size = sizeof cut, .valid = SP_ATTR_SIZE};
    event.attributes = &cut;
    assert_int_equal(TEST_FS(host, fsetstat, &event)->status, SP_FS_OK);
    assert_int_equal(fill(handle, &done), SP_FS_NO_SPACE_ON_FILESYSTEM);
    assert_true(done > 0);
    close_file(handle);
    struct sp_fs_path detach = {.view = view, .path = sp_str_of("")};
    TEST_FS(host, detach, &detach);
    view = roots_view;
    assert_int_equal(umount(at("small")), 0);
}

static void bear_a_directory_that_goes(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("d"), 0700), 0);
    uint64_t file = open_file("/d/f", NEW);
    struct sp_fs_path path = {.view = view, .path = sp_str_of("/d")};
    struct sp_fs_handle list = {.view = view, .handle = TEST_FS(host, opendir, &path)->fs.handle};
    assert_int_equal(unlink(at("d/f")), 0);
    assert_int_equal(rmdir(at("d")), 0);
    const struct test_answer *answer = TEST_FS(host, readdir, &list);
    assert_int_equal(answer->fs.entries_count, 0);
    assert_int_equal(TEST_FS(host, fstat, &list)->fs.attributes->type, SP_FILE_DIRECTORY);
    assert_int_equal(TEST_FS(host, closedir, &list)->status, SP_FS_OK);
    assert_int_equal(try_open("/d/new", NEW)->status, SP_FS_NO_SUCH_FILE);
    char byte = 'x';
    struct sp_fs_io write = {.view = view, .handle = file, .length = 1, .buffer = &byte};
    assert_int_equal(TEST_FS(host, write, &write)->status, SP_FS_OK);
    close_file(file);
}

static void bear_a_root_that_goes(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("root"), 0700), 0);
    uint64_t roots_view = view;
    view = attach(at("root"));
    assert_int_equal(rmdir(at("root")), 0);
    assert_int_equal(mkdir(at("root"), 0700), 0); /* another one */
    assert_int_equal(try_open("/f", NEW)->status, SP_FS_NO_SUCH_FILE);
    struct sp_fs_path path = {.view = view, .path = sp_str_of("/")};
    assert_int_equal(TEST_FS(host, stat, &path)->status, SP_FS_OK);
    path.path = sp_str_of("");
    TEST_FS(host, detach, &path);
    view = roots_view;
    assert_int_equal(rmdir(at("root")), 0);
}

static void make_a_socket(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

/* Whatever the flags: no waiting, no success, and the same for a link to it. */
static void open_nothing_that_is_no_file(void **state)
{
    (void)state;
    static const char *const names[] = {"/fifo", "/socket", "/link", "/device"};
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    make_a_socket(at("socket"));
    assert_int_equal(symlink("fifo", at("link")), 0);
    bool has_device = mknod(at("device"), S_IFCHR | 0600, makedev(1, 3)) == 0;
    alarm(WATCHDOG_S);
    for (uint32_t flags = 1; flags < SP_OPEN_NOFOLLOW << 1; flags++)
        for (int i = 0; i < 3 + has_device; i++)
            assert_int_not_equal(try_open(names[i], flags)->status, SP_FS_OK);
    struct sp_fs_attributes size = {.struct_size = sizeof size, .valid = SP_ATTR_SIZE};
    struct sp_fs_create cut = {.view = view, .path = sp_str_of("/fifo"), .attributes = &size};
    assert_int_not_equal(TEST_FS(host, setstat, &cut)->status, SP_FS_OK);
    alarm(0);
}

/* By the flags, on a file, on nothing, and on links to both: what open(2) says of them. */
static void open_by_every_flag(void **state)
{
    (void)state;
    for (uint32_t flags = 0; flags < SP_OPEN_NOFOLLOW << 1; flags++) {
        int fd = open(at("file"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "text", 4), 4);
        close(fd);
        unlink(at("absent"));
        unlink(at("link"));
        unlink(at("dangling"));
        assert_int_equal(symlink("file", at("link")), 0);
        assert_int_equal(symlink("absent", at("dangling")), 0);
        bool is_sound =
            flags & RW && (flags & SP_OPEN_WRITE || !(flags & (SP_OPEN_APPEND | SP_OPEN_TRUNCATE)));
        bool creates = flags & SP_OPEN_CREATE;
        bool is_exclusive = creates && flags & SP_OPEN_EXCLUSIVE;
        bool follows = !(flags & SP_OPEN_NOFOLLOW) && !is_exclusive;
        const struct {
            const char *path;
            bool opens;
        } cases[] = {{"/file", is_sound && !is_exclusive},
                     {"/link", is_sound && follows},
                     {"/dangling", is_sound && follows && creates},
                     {"/absent", is_sound && creates}};
        for (int i = 0; i < 4; i++) {
            const struct test_answer *answer = try_open(cases[i].path, flags);
            assert_int_equal(answer->status == SP_FS_OK, cases[i].opens);
            if (answer->status == SP_FS_OK)
                close_file(answer->fs.handle);
            if (i == 2)
                unlink(at("absent"));
        }
        test_host_forget(host);
    }
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Names that vanish while they are listed, in a directory that takes many answers. */
static void list_many_entries_once(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    char name[64];
    assert_int_equal(mkdir(at("many"), 0700), 0);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "many/%d", i);
        int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    int *found = calloc(COUNT, sizeof *found);
    int count = 0;
    struct sp_fs_path path = {.view = view, .path = sp_str_of("/many")};
    struct sp_fs_handle list = {
        .view = view, .handle = TEST_FS(host, opendir, &path)->fs.handle, .count = 100};
    for (bool is_done = false; !is_done;) {
        const struct test_answer *answer = TEST_FS(host, readdir, &list);
        assert_int_equal(answer->status, SP_FS_OK);
        is_done = answer->fs.eof;
        for (uint64_t i = 0; i < answer->fs.entries_count && count < COUNT; i++)
            found[count++] = atoi(answer->fs.entries[i].name.data);
        if (count < 1000) { /* a tenth of them, by and by */
            snprintf(name, sizeof name, "many/%d", count * 10);
            unlink(at(name));
        }
        test_host_forget(host);
    }
    assert_int_equal(TEST_FS(host, closedir, &list)->status, SP_FS_OK);
    qsort(found, (size_t)count, sizeof *found, compare);
    for (int i = 1; i < count; i++)
        assert_true(found[i] > found[i - 1]);
    assert_in_range(count, COUNT - 10, COUNT);
    free(found);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(strrchr(base, '.'), ".XXXXXX");
    if (!mkdtemp(base))
        return -1;
    host = test_host_new(&sallyport_plugin_v1,
                         "{\"root\":\"\",\"create_root\":false,\"file_mode\":\"0666\","
                         "\"directory_mode\":\"0777\"}");
    if (!host)
        return -1;
    view = attach(base);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct sp_fs_path event = {.view = view, .path = sp_str_of("")};
    TEST_FS(host, detach, &event);
    test_host_free(host);
    umount2(at("small"), MNT_DETACH); /* if a test has failed */
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stop_at_the_limit_for_files),  TEST(stop_when_the_disk_is_full),
        TEST(bear_a_directory_that_goes),   TEST(bear_a_root_that_goes),
        TEST(open_nothing_that_is_no_file), TEST(open_by_every_flag),
        TEST(list_many_entries_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
