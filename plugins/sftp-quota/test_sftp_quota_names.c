/* Ways around a limit: names that are given to other files, and failures of one that another's work
 * depends on. */
#include "sftp-quota/test_world.h"

static uint32_t rename_directory(const char *from, const char *to)
{
    static const struct sp_fs_attributes directory_there = {
        .struct_size = sizeof directory_there, .valid = SP_ATTR_TYPE, .type = SP_FILE_DIRECTORY};
    struct sp_sftp_event event = about(SP_SFTP_RENAME, "rename", from);
    event.target = sp_str_of(to);
    event.existing = &directory_there;
    uint32_t status = before(1, &event);
    size_t length = strlen(from);
    for (size_t i = 0; i < FILES && status == SP_FS_OK; i++) {
        char *path = names[i].path, rest[32];
        if (strncmp(path, from, length) != 0 || path[length] != '/')
            continue;
        snprintf(rest, sizeof rest, "%s", path + length);
        snprintf(path, sizeof names[i].path, "%.8s%.20s", to, rest);
    }
    return after(1, &event, status);
}

static void what_is_known_of_files_goes_with_their_directory(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *handle = open_file(0, "/d/x/a", WRITES);
    assert_int_equal(write_file(handle, 0, 600, false), SP_FS_OK);
    assert_int_equal(rename_directory("/d", "/e"), SP_FS_OP_UNSUPPORTED);
    assert_int_equal(rename_directory("/d/x", "/e"), SP_FS_OP_UNSUPPORTED);
    assert_int_equal(rename_directory("/dx", "/f"), SP_FS_OK);
    close_file(handle);
    /* One that was there shortly before is not the one that comes there. */
    close_file(open_file(0, "/e/x/a", WRITES));
    assert_int_equal(remove_file(0, "/e/x/a"), SP_FS_OK);
    assert_int_equal(rename_directory("/d", "/e"), SP_FS_OK);
    handle = open_file(0, "/d/x/a", WRITES | SP_OPEN_TRUNCATE);
    assert_int_equal(write_file(handle, 0, 401, false), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(write_file(handle, 0, 400, false), SP_FS_OK);
    expect("u.user.ann", 1000, 2);
    close_file(handle);
    close_file(open_file(1, "/e/x/a", WRITES));
    expect("u.user.ann", 1000, 2);
    assert_int_equal(remove_file(1, "/e/x/a"), SP_FS_OK);
    expect("u.user.ann", 400, 1);
}

static void what_was_not_deleted_when_it_was_closed_counts(void **state)
{
    (void)state;
    const uint32_t flags = WRITES | SP_OPEN_DELETE_ON_CLOSE;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *handle = open_file(0, "/a", flags);
    assert_int_equal(write_file(handle, 0, 300, false), SP_FS_OK);
    unname(find("/a"));
    close_file(handle);
    expect("u.user.ann", 0, 0);
    handle = open_file(0, "/a", flags);
    assert_int_equal(write_file(handle, 0, 400, false), SP_FS_OK);
    assert_int_equal(rename_file(1, "/a", "/b", 0), SP_FS_OK); /* by another worker */
    close_file(handle);
    expect("u.user.ann", 400, 1);
    handle = open_file(0, "/c", flags);
    assert_int_equal(write_file(handle, 0, 500, false), SP_FS_OK);
    struct sp_sftp_event close = about(SP_SFTP_CLOSE, "close", "/c");
    close.file = handle->file;
    after(0, &close, SP_FS_PERMISSION_DENIED);
    expect("u.user.ann", 900, 2);
    handle = open_file(0, "/d", flags);
    assert_int_equal(remove_file(1, "/d"), SP_FS_OK);
    close_file(handle); /* gone already */
    expect("u.user.ann", 900, 2);
}

static void what_another_has_written_is_not_taken_back(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *one = open_file(0, "/a", WRITES), *two = open_file(1, "/a", WRITES);
    struct sp_sftp_event fails = about(SP_SFTP_WRITE, "write", "/a");
    fails.file = one->file;
    fails.length = 700;
    assert_int_equal(before(0, &fails), SP_FS_OK);
    assert_int_equal(write_file(two, 0, 700, false), SP_FS_OK);
    after(0, &fails, SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    expect("u.user.ann", 700, 1);
}

/* The source was empty when it was looked at, and another handle has written to it since. */
static void what_a_copy_has_copied_counts(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *from = open_file(0, "/a", WRITES), *to = open_file(0, "/b", WRITES);
    struct sp_sftp_event event = about(SP_SFTP_READ | SP_SFTP_WRITE, "copy-data", "/a");
    event.target = sp_str_of("/b");
    event.file = from->file;
    event.file_target = to->file;
    event.existing = existing(from->node, 0);
    assert_int_equal(before(0, &event), SP_FS_OK);
    assert_int_equal(write_file(from, 0, 300, false), SP_FS_OK);
    event.count = 300;
    after(0, &event, SP_FS_OK);
    expect("u.user.ann", 600, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_known_of_files_goes_with_their_directory),
        TEST(what_was_not_deleted_when_it_was_closed_counts),
        TEST(what_another_has_written_is_not_taken_back),
        TEST(what_a_copy_has_copied_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
