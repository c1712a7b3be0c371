/* test_my_plugin.c: asks the plugin, as the daemon would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_host.h"

static struct test_host *host;

static uint32_t open_status(const char *path, uint32_t flags, uint64_t *ret_handle)
{
    const struct sp_fs_attributes none = {.struct_size = sizeof none};
    struct sp_fs_create event = {.path = sp_str_of(path), .flags = flags, .attributes = &none};
    const struct test_answer *answer = TEST_FS(host, open, &event);
    *ret_handle = answer->fs.handle;
    return answer->status;
}

static void file_is_read_to_its_end(void **state)
{
    (void)state;
    uint64_t handle;
    char buffer[4];
    assert_int_equal(open_status("/welcome.txt", SP_OPEN_READ, &handle), SP_FS_OK);
    struct sp_fs_io event = {.handle = handle, .buffer = buffer, .length = sizeof buffer};
    const struct test_answer *answer = TEST_FS(host, read, &event);
    assert_int_equal(answer->fs.count, 4);
    assert_memory_equal(buffer, "hell", 4);
    event.offset = 4;
    answer = TEST_FS(host, read, &event);
    assert_int_equal(answer->fs.count, 1);
    assert_int_equal(answer->fs.eof, 1);
}

static void nothing_can_be_changed(void **state)
{
    (void)state;
    uint64_t handle;
    assert_int_equal(open_status("/welcome.txt", SP_OPEN_WRITE, &handle), SP_FS_WRITE_PROTECT);
    assert_int_equal(open_status("/new", SP_OPEN_WRITE | SP_OPEN_CREATE, &handle),
                     SP_FS_WRITE_PROTECT);
}

static void what_is_not_there_is_told(void **state)
{
    (void)state;
    struct sp_fs_path event = {.path = sp_str_of("/nothing")};
    assert_int_equal(TEST_FS(host, stat, &event)->status, SP_FS_NO_SUCH_FILE);
}

static void listing_has_the_file_and_its_size(void **state)
{
    (void)state;
    struct sp_fs_path event = {.path = sp_str_of("/")};
    struct sp_fs_handle list = {.handle = TEST_FS(host, opendir, &event)->fs.handle, .count = 100};
    const struct test_answer *answer = TEST_FS(host, readdir, &list);
    assert_int_equal(answer->fs.entries_count, 1);
    assert_string_equal(answer->fs.entries[0].name.data, "welcome.txt");
    assert_int_equal(answer->fs.entries[0].attributes.size, 5);
}

static int set_up(void **state)
{
    (void)state;
    host = test_host_new(&sallyport_plugin_v1, "{\"text\":\"hello\"}");
    return host ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_read_to_its_end),
        cmocka_unit_test(nothing_can_be_changed),
        cmocka_unit_test(what_is_not_there_is_told),
        cmocka_unit_test(listing_has_the_file_and_its_size),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
