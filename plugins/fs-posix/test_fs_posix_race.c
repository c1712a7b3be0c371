/*
 * test_fs_posix_race.c: directories and files of the jail are swapped for links to the outside
 * while they are opened, created, listed, renamed, removed and given attributes: nothing outside
 * is ever reached (T60).
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs_posix.h"
#include "test_host.h"

#define SWAPS_LEAST 100000u
#define DEADLINE_MS 60000

static char base[] = "/tmp/test_fs_posix_race.XXXXXX";
static struct test_host *host;
static uint64_t view;
static atomic_bool stop;
static atomic_ulong swaps;
static const struct sp_fs_attributes none = {.struct_size = sizeof none};

static const char *at(char *buffer, const char *name)
{
    snprintf(buffer, PATH_MAX, "%s/%s", base, name);
    return buffer;
}

static void put_file(const char *name, const char *text)
{
    char path[PATH_MAX];
    int fd = open(at(path, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, 0644), 0);
    close(fd);
}

static void make_directory(const char *name)
{
    char path[PATH_MAX];
    assert_int_equal(mkdir(at(path, name), 0700), 0);
}

static void make_link(const char *name, const char *target)
{
    char path[PATH_MAX];
    assert_int_equal(symlink(target, at(path, name)), 0);
}

/* root/dir and root/file are what they seem at one moment and links to the outside at the next. */
static void *swap(void *arg)
{
    (void)arg;
    char paths[6][PATH_MAX];
    at(paths[0], "root/dir");
    at(paths[1], "root/dir.up");
    at(paths[2], "root/file");
    at(paths[3], "root/file.up");
    at(paths[4], "root/deep/dir");
    at(paths[5], "root/deep/dir.abs");
    while (!atomic_load(&stop)) {
        for (int i = 0; i < 6; i += 2)
            if (renameat2(AT_FDCWD, paths[i], AT_FDCWD, paths[i + 1], RENAME_EXCHANGE) == 0)
                atomic_fetch_add(&swaps, 1);
    }
    return NULL;
}

/* Open for reading; what is read, if anything is, must be the inside's. */
static bool read_inside(const char *path)
{
    struct sp_fs_create open_event = {
        .view = view, .path = sp_str_of(path), .flags = SP_OPEN_READ, .attributes = &none};
    const struct test_answer *answer = TEST_FS(host, open, &open_event);
    if (answer->status != SP_FS_OK)
        return false;
    uint64_t handle = answer->fs.handle;
    char buffer[16] = "";
    struct sp_fs_io read_event = {
        .view = view, .handle = handle, .length = sizeof buffer - 1, .buffer = buffer};
    assert_int_equal(TEST_FS(host, read, &read_event)->status, SP_FS_OK);
    assert_string_equal(buffer, "inside");
    struct sp_fs_handle close_event = {.view = view, .handle = handle};
    TEST_FS(host, close, &close_event);
    return true;
}

static void create_inside(const char *path)
{
    struct sp_fs_create event = {.view = view,
                                 .path = sp_str_of(path),
                                 .flags = SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE,
                                 .attributes = &none};
    const struct test_answer *answer = TEST_FS(host, open, &event);
    if (answer->status == SP_FS_OK) {
        struct sp_fs_handle close_event = {.view = view, .handle = answer->fs.handle};
        TEST_FS(host, close, &close_event);
    }
}

static void list_inside(const char *path)
{
    struct sp_fs_path open_event = {.view = view, .path = sp_str_of(path)};
    const struct test_answer *answer = TEST_FS(host, opendir, &open_event);
    if (answer->status != SP_FS_OK)
        return;
    struct sp_fs_handle event = {.view = view, .handle = answer->fs.handle, .count = 100};
    answer = TEST_FS(host, readdir, &event);
    for (uint64_t i = 0; i < answer->fs.entries_count; i++)
        assert_string_not_equal(answer->fs.entries[i].name.data, "only-outside");
    TEST_FS(host, closedir, &event);
}

static void change_names_outside(void)
{
    struct sp_fs_path remove = {.view = view, .path = sp_str_of("/dir/only-outside")};
    assert_int_not_equal(TEST_FS(host, remove, &remove)->status, SP_FS_OK);
    struct sp_fs_pair move = {
        .view = view, .path = sp_str_of("/deep/dir/only-outside"), .target = sp_str_of("/stolen")};
    assert_int_not_equal(TEST_FS(host, rename, &move)->status, SP_FS_OK);
    assert_int_not_equal(TEST_FS(host, link, &move)->status, SP_FS_OK);
    struct sp_fs_attributes mode = {.struct_size = sizeof mode, .valid = SP_ATTR_PERMISSIONS};
    struct sp_fs_create set = {
        .view = view, .path = sp_str_of("/dir/only-outside"), .attributes = &mode};
    assert_int_not_equal(TEST_FS(host, setstat, &set)->status, SP_FS_OK);
}

/* Each leaves something outside if the race is lost. */
static void change_names_inside(void)
{
    struct sp_fs_create make = {.view = view, .path = sp_str_of("/dir/made"), .attributes = &none};
    struct sp_fs_path made = {.view = view, .path = sp_str_of("/dir/made")};
    TEST_FS(host, mkdir, &make);
    TEST_FS(host, rmdir, &made);
    struct sp_fs_pair link = {
        .view = view, .path = sp_str_of("/deep/dir/link"), .target = sp_str_of("anywhere")};
    struct sp_fs_path linked = {.view = view, .path = sp_str_of("/deep/dir/link")};
    TEST_FS(host, symlink, &link);
    TEST_FS(host, remove, &linked);
    struct sp_fs_pair there = {
        .view = view, .path = sp_str_of("/spare"), .target = sp_str_of("/dir/spare")};
    struct sp_fs_pair back = {
        .view = view, .path = sp_str_of("/dir/spare"), .target = sp_str_of("/spare")};
    TEST_FS(host, rename, &there);
    TEST_FS(host, rename, &back);
}

/* As they are inside, and different from those of the file outside. */
static void set_attributes_inside(void)
{
    struct sp_fs_attributes wanted = {.struct_size = sizeof wanted,
                                      .valid = SP_ATTR_SIZE | SP_ATTR_PERMISSIONS |
                                               SP_ATTR_MODIFY_TIME | SP_ATTR_ACCESS_TIME,
                                      .size = strlen("inside"),
                                      .mode = 0600};
    static const char *const paths[] = {"/file", "/dir/only", "/deep/dir/only"};
    for (int i = 0; i < 3; i++) {
        struct sp_fs_create set = {
            .view = view, .path = sp_str_of(paths[i]), .attributes = &wanted};
        TEST_FS(host, setstat, &set);
    }
}

static void assert_outside_is_untouched(void)
{
    char path[PATH_MAX];
    struct stat st;
    assert_int_equal(stat(at(path, "outside/only"), &st), 0);
    assert_int_equal(st.st_size, strlen("outside"));
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_true(st.st_mtime > 1000);
    assert_int_equal(stat(at(path, "outside/only-outside"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
}

static int count_entries(const char *name)
{
    char path[PATH_MAX];
    DIR *stream = opendir(at(path, name));
    assert_non_null(stream);
    int count = 0;
    while (readdir(stream))
        count++;
    closedir(stream);
    return count;
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void never_leave_the_root_while_it_changes(void **state)
{
    ((struct view *)(uintptr_t)view)->walk = *state != NULL;
    atomic_store(&stop, false);
    atomic_store(&swaps, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
    unsigned long reads = 0;
    int64_t end = now_ms() + DEADLINE_MS;
    while (now_ms() < end && (atomic_load(&swaps) < SWAPS_LEAST || reads < 1000)) {
        reads += read_inside("/dir/only");
        reads += read_inside("/file");
        reads += read_inside("/deep/dir/only");
        create_inside("/dir/created");
        create_inside("/deep/dir/created");
        list_inside("/dir");
        list_inside("/deep/dir");
        change_names_inside();
        change_names_outside();
        set_attributes_inside();
        test_host_forget(host);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);

    /* Both sides of the race were met often, and the outside is as it was. */
    print_message("%lu swaps, %lu reads inside\n", atomic_load(&swaps), reads);
    assert_true(atomic_load(&swaps) >= SWAPS_LEAST);
    assert_true(reads >= 1000);
    assert_int_equal(count_entries("outside"), 4);
    assert_outside_is_untouched();
}

static int set_up(void **state)
{
    (void)state;
    char path[PATH_MAX];
    strcpy(strrchr(base, '.'), ".XXXXXX");
    if (!mkdtemp(base))
        return -1;
    make_directory("root");
    make_directory("root/dir");
    make_directory("root/deep");
    make_directory("root/deep/dir");
    make_directory("outside");
    put_file("outside/only", "outside");
    put_file("outside/only-outside", "outside");
    put_file("root/dir/only", "inside");
    put_file("root/deep/dir/only", "inside");
    put_file("root/file", "inside");
    put_file("root/spare", "spare");
    make_link("root/dir.up", "../outside");
    make_link("root/file.up", "../outside/only");
    make_link("root/deep/dir.abs", at(path, "outside"));
    host = test_host_new(&sallyport_plugin_v1,
                         "{\"root\":\"\",\"create_root\":false,\"file_mode\":\"0666\","
                         "\"directory_mode\":\"0777\"}");
    if (!host)
        return -1;
    struct sp_fs_attach event = {.mount = sp_str_of("/"), .root = sp_str_of(at(path, "root"))};
    view = TEST_FS(host, attach, &event)->fs.handle;
    return view ? 0 : -1;
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

int main(void)
{
    static int walk;
    const struct CMUnitTest tests[] = {
        {"never_leave_the_root_by_openat2", never_leave_the_root_while_it_changes, set_up,
         tear_down, NULL},
        {"never_leave_the_root_by_walking", never_leave_the_root_while_it_changes, set_up,
         tear_down, &walk},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
