/*
 * test_sftp_quota.c: limits in the test host, two hosts for two workers, over a pretended file
 * system: what the ledger says must be what that holds, and never more than the limit.
 */
#include "sftp-quota/test_world.h"

static void the_write_that_crosses_the_limit_fails(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"per\":\"user\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *handle = open_file(0, "/a", WRITES);
    assert_int_equal(write_file(handle, 0, 600, false), SP_FS_OK);
    assert_int_equal(write_file(handle, 0, 600, false), SP_FS_OK); /* the same bytes */
    assert_int_equal(write_file(handle, 400, 600, false), SP_FS_OK);
    assert_int_equal(write_file(handle, 1000, 1, false), SP_FS_QUOTA_EXCEEDED);
    assert_string_equal(refusal, "Quota exceeded (u): 1000 of 1000 bytes used");
    assert_int_equal(write_file(handle, UINT64_MAX, 1, false), SP_FS_QUOTA_EXCEEDED);
    expect("u.user.ann", 1000, 1);
    close_file(handle);
    /* Others have their own. */
    test_host_connection(hosts[0])->user = sp_str_of("b/../b");
    handle = open_file(0, "/b", WRITES);
    assert_int_equal(write_file(handle, 0, 1000, false), SP_FS_OK);
    close_file(handle);
}

static void every_way_of_growing_counts(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *append = open_file(0, "/a", WRITES | SP_OPEN_APPEND);
    assert_int_equal(write_file(append, 0, 300, false), SP_FS_OK);
    assert_int_equal(write_file(append, 0, 300, false), SP_FS_OK);
    assert_int_equal(write_file(append, 0, 401, false), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(resize(0, "/a", NULL, 1001), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(resize(0, "/a", append, 1001), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(resize(0, "/none", NULL, 100), SP_FS_NO_SUCH_FILE);
    expect("u.user.ann", 600, 1);
    struct handle *to = open_file(1, "/copy", WRITES);
    assert_int_equal(copy(append, to, 0, 0, 0), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(copy(append, to, 0, 0, 401), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(copy(append, to, 200, 0, 0), SP_FS_OK);
    expect("u.user.ann", 1000, 2);
    assert_int_equal(copy(append, to, 590, 0, 400), SP_FS_EOF);
    assert_int_equal(held("/"), 1000);
    assert_int_equal(resize(1, "/copy", to, 100), SP_FS_OK);
    assert_int_equal(resize(0, "/a", NULL, 50), SP_FS_OK);
    expect("u.user.ann", 700, 2); /* the other handle might be writing */
    close_file(append);
    expect("u.user.ann", 150, 2);
}

static void parallel_handles_of_all_workers_are_counted_once(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *one = open_file(0, "/a", WRITES), *two = open_file(1, "/a", WRITES);
    struct handle *other = open_file(1, "/b", WRITES);
    for (uint64_t at = 0; at < 500; at += 100) {
        assert_int_equal(write_file(one, at, 100, false), SP_FS_OK);
        assert_int_equal(write_file(two, at, 100, false), SP_FS_OK);
    }
    assert_int_equal(write_file(other, 0, 501, false), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(write_file(other, 0, 500, false), SP_FS_OK);
    assert_int_equal(write_file(two, 500, 1, false), SP_FS_QUOTA_EXCEEDED);
    expect("u.user.ann", 1000, 2);
}

static void what_is_removed_or_overwritten_is_given_back_once(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *handle = open_file(0, "/a", WRITES);
    assert_int_equal(write_file(handle, 0, 1000, false), SP_FS_OK);
    close_file(handle);
    /* Two workers have looked, then both truncate. */
    struct sp_sftp_event events[2];
    for (unsigned i = 0; i < 2; i++) {
        events[i] = about(SP_SFTP_OPEN, "open", "/a");
        events[i].flags = WRITES | SP_OPEN_TRUNCATE;
        events[i].file = 1000 + i;
        events[i].existing = existing_path("/a", 0);
        assert_int_equal(before(i, &events[i]), SP_FS_OK);
    }
    for (unsigned i = 0; i < 2; i++)
        after(i, &events[i], SP_FS_OK);
    find("/a")->node->size = 0;
    expect("u.user.ann", 0, 1);
    for (unsigned i = 0; i < 2; i++) {
        events[i].family = SP_SFTP_CLOSE;
        after(i, &events[i], SP_FS_OK);
    }
    handle = open_file(0, "/a", WRITES);
    assert_int_equal(write_file(handle, 0, 700, false), SP_FS_OK);
    close_file(handle);
    handle = open_file(1, "/b", WRITES);
    assert_int_equal(write_file(handle, 0, 300, false), SP_FS_OK);
    close_file(handle);
    assert_int_equal(rename_file(0, "/b", "/a", 0), SP_FS_FILE_ALREADY_EXISTS);
    expect("u.user.ann", 1000, 2);
    assert_int_equal(rename_file(0, "/b", "/a", SP_RENAME_OVERWRITE), SP_FS_OK);
    expect("u.user.ann", 300, 1);
    assert_int_equal(remove_file(1, "/none"), SP_FS_NO_SUCH_FILE);
    assert_int_equal(remove_file(1, "/a"), SP_FS_OK);
    expect("u.user.ann", 0, 0);
}

static void a_file_that_is_removed_while_open_counts_until_it_is_closed(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *one = open_file(0, "/a", WRITES), *two = open_file(1, "/a", WRITES);
    assert_int_equal(write_file(one, 0, 400, false), SP_FS_OK);
    assert_int_equal(remove_file(1, "/a"), SP_FS_OK);
    expect("u.user.ann", 400, 0);
    assert_int_equal(write_file(two, 400, 400, false), SP_FS_OK);
    struct handle *anew = open_file(0, "/a", WRITES);
    assert_int_equal(write_file(anew, 0, 201, false), SP_FS_QUOTA_EXCEEDED);
    close_file(one);
    expect("u.user.ann", 800, 1);
    close_file(two);
    expect("u.user.ann", 0, 1);
    assert_int_equal(write_file(anew, 0, 1000, false), SP_FS_OK);
}

static void what_fails_is_taken_back(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000,\"files\":2}");
    struct handle *handle = open_file(0, "/a", WRITES);
    assert_int_equal(write_file(handle, 0, 900, true), SP_FS_NO_SPACE_ON_FILESYSTEM);
    expect("u.user.ann", 0, 1);
    struct sp_sftp_event part = about(SP_SFTP_WRITE, "write", "/a");
    part.file = handle->file;
    part.length = 900;
    assert_int_equal(before(0, &part), SP_FS_OK);
    part.count = 100;
    after(0, &part, SP_FS_NO_SPACE_ON_FILESYSTEM);
    handle->node->size = 100;
    expect("u.user.ann", 100, 1);
    assert_int_equal(make(0, SP_SFTP_DIRECTORY_CREATE, "mkdir", "/d", "", SP_FS_PERMISSION_DENIED),
                     SP_FS_PERMISSION_DENIED);
    expect("u.user.ann", 100, 1);
}

static void names_of_all_kinds_are_files(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"files\":3}");
    assert_int_equal(make(0, SP_SFTP_LINK, "symlink", "/l", "/d", SP_FS_OK), SP_FS_OP_UNSUPPORTED);
    assert_int_equal(make(0, SP_SFTP_LINK, "hardlink", "/d", "/l", SP_FS_OK), SP_FS_OP_UNSUPPORTED);
    assert_int_equal(make(0, SP_SFTP_LINK, "readlink", "/l", "", SP_FS_OK), SP_FS_OK);
    begin_with("\"links\":\"allow\"", "{\"name\":\"u\",\"path\":\"/\",\"files\":3}");
    assert_int_equal(make(0, SP_SFTP_DIRECTORY_CREATE, "mkdir", "/d", "", SP_FS_OK), SP_FS_OK);
    assert_int_equal(make(0, SP_SFTP_LINK, "symlink", "/l", "/d", SP_FS_OK), SP_FS_OK);
    assert_int_equal(make(1, SP_SFTP_LINK, "hardlink", "/f", "/g", SP_FS_OK), SP_FS_OK);
    assert_int_equal(make(1, SP_SFTP_DIRECTORY_CREATE, "mkdir", "/e", "", SP_FS_OK),
                     SP_FS_QUOTA_EXCEEDED);
    assert_string_equal(refusal, "Quota exceeded (u): 3 of 3 files used");
    assert_null(open_file(0, "/f", WRITES));
    assert_int_equal(make(0, SP_SFTP_DIRECTORY_REMOVE, "rmdir", "/d", "", SP_FS_OK), SP_FS_OK);
    assert_non_null(open_file(0, "/f", WRITES));
    expect("u.user.ann", 0, 3);
}

static void a_tree_counts_what_comes_in_and_goes_out(void **state)
{
    (void)state;
    begin_with("\"links\":\"allow\"",
               "{\"name\":\"t\",\"path\":\"/t\",\"per\":\"all\",\"bytes\":1000,\"files\":2}");
    struct handle *handle = open_file(0, "/f", WRITES);
    assert_int_equal(write_file(handle, 0, 5000, false), SP_FS_OK);
    close_file(handle);
    assert_int_equal(rename_file(0, "/f", "/t/f", 0), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(resize(0, "/f", NULL, 600), SP_FS_OK);
    assert_int_equal(rename_file(1, "/f", "/t/f", 0), SP_FS_OK);
    expect("t", 600, 1);
    handle = open_file(0, "/g", WRITES);
    assert_int_equal(write_file(handle, 0, 900, false), SP_FS_OK);
    /* Open, it would be written to beside the count. */
    assert_int_equal(rename_file(1, "/g", "/t/f", SP_RENAME_OVERWRITE), SP_FS_OP_UNSUPPORTED);
    close_file(handle);
    assert_int_equal(rename_file(1, "/g", "/t/f", 0), SP_FS_FILE_ALREADY_EXISTS);
    expect("t", 600, 1);
    assert_int_equal(rename_file(1, "/g", "/t/f", SP_RENAME_OVERWRITE), SP_FS_OK);
    expect("t", 900, 1);
    assert_int_equal(rename_file(1, "/t/f", "/t/h", 0), SP_FS_OK);
    expect("t", 900, 1);
    assert_int_equal(make(0, SP_SFTP_LINK, "hardlink", "/t/h", "/out", SP_FS_OK),
                     SP_FS_OP_UNSUPPORTED);
    assert_int_equal(rename_file(0, "/t/h", "/h", 0), SP_FS_OK);
    expect("t", 0, 0);
    struct sp_sftp_event moved = about(SP_SFTP_RENAME, "rename", "/dir");
    struct sp_fs_attributes dir = {
        .struct_size = sizeof dir, .valid = SP_ATTR_TYPE, .type = SP_FILE_DIRECTORY};
    moved.target = sp_str_of("/t/dir");
    moved.existing = &dir;
    assert_int_equal(before(0, &moved), SP_FS_OP_UNSUPPORTED);
}

static void a_file_written_under_another_name_replaces_at_the_end(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct handle *old = open_file(0, "/a", WRITES);
    assert_int_equal(write_file(old, 0, 400, false), SP_FS_OK);
    close_file(old);
    for (int i = 0; i < 2; i++) {
        struct sp_sftp_event event = about(SP_SFTP_OPEN, "open", "/a");
        event.flags = WRITES | SP_OPEN_TRUNCATE;
        event.existing = existing_path("/a", 0);
        assert_int_equal(before(0, &event), SP_FS_OK);
        event.path = sp_str_of("/a.part");
        event.existing = NULL; /* of that name */
        event.file = 500;
        after(0, &event, SP_FS_OK);
        expect("u.user.ann", 400, 2);
        struct sp_sftp_event write = about(SP_SFTP_WRITE, "write", "/a.part");
        write.file = 500;
        write.length = 300;
        assert_int_equal(before(0, &write), SP_FS_OK);
        after(0, &write, SP_FS_OK);
        expect("u.user.ann", 700, 2);
        struct sp_sftp_event close = about(SP_SFTP_CLOSE, "close", "/a.part");
        close.file = 500;
        after(0, &close, i == 0 ? SP_FS_CONNECTION_LOST : SP_FS_OK);
        expect("u.user.ann", i == 0 ? 400 : 300, 1);
    }
    find("/a")->node->size = 300;
    assert_int_equal(remove_file(1, "/a"), SP_FS_OK);
    expect("u.user.ann", 0, 0);
}

static void file_systems_are_no_larger_than_the_limit(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":40960,\"files\":10}");
    struct handle *handle = open_file(0, "/a", WRITES);
    assert_int_equal(write_file(handle, 0, 8192, false), SP_FS_OK);
    const struct sp_fs_space space = {.block_size = 4096,
                                      .fragment_size = 4096,
                                      .blocks = 1000,
                                      .blocks_free = 500,
                                      .blocks_available = 5,
                                      .files = 100,
                                      .files_free = 50,
                                      .files_available = 40};
    struct sp_sftp_event event = about(SP_SFTP_ATTRIBUTES_GET, "statvfs", "/");
    event.space = &space;
    const struct test_answer *answer = TEST_SFTP(hosts[0], after, &event);
    assert_int_equal(answer->verdict, SP_TAKE);
    assert_int_equal(answer->sftp.changes, SP_SFTP_CHANGE_SPACE);
    assert_int_equal(answer->sftp.space->blocks, 10);
    assert_int_equal(answer->sftp.space->blocks_free, 8);
    assert_int_equal(answer->sftp.space->blocks_available, 5);
    assert_int_equal(answer->sftp.space->files_free, 9);
}

static void what_was_there_is_counted_when_a_ledger_begins(void **state)
{
    (void)state;
    char limits[256], path[128];
    snprintf(path, sizeof path, "%s/files", directory);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/files/ann", directory);
    mkdir(path, 0700);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/files/ann/%d", directory, i);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, 100), 0);
        close(fd);
    }
    snprintf(limits, sizeof limits,
             "{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000,\"scan\":\"%s/files/%%u\"}", directory);
    begin(limits);
    struct handle *handle = open_file(0, "/new", WRITES);
    expect("u.user.ann", 300, 4);
    assert_int_equal(write_file(handle, 0, 701, false), SP_FS_QUOTA_EXCEEDED);
    close_file(handle);
    /* One that nobody can scan is not let in. */
    test_host_connection(hosts[0])->user = sp_str_of("../ann");
    struct sp_sftp_event event = about(SP_SFTP_OPEN, "open", "/x");
    event.flags = WRITES;
    assert_true(TEST_SFTP(hosts[0], before, &event)->verdict < 0);
}

static void what_is_read_and_written_counts_by_what_is_added(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":1000}");
    struct node *old = calloc(1, sizeof *old);
    name("/old", old);
    old->size = 500; /* from before the ledger */
    struct handle *reader = open_file(0, "/old", SP_OPEN_READ);
    struct handle *writer = open_file(1, "/old", SP_OPEN_WRITE);
    assert_int_equal(write_file(writer, 0, 500, false), SP_FS_OK);
    expect("u.user.ann", 0, 0);
    assert_int_equal(write_file(writer, 400, 200, false), SP_FS_OK);
    expect("u.user.ann", 100, 0);
    close_file(writer);
    close_file(reader);
}

static void two_that_make_the_same_file_have_made_one(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"files\":10}");
    const struct sp_fs_attributes empty = {.struct_size = sizeof empty, .valid = SP_ATTR_SIZE};
    struct sp_sftp_event events[3];
    for (unsigned i = 0; i < 2; i++) {
        events[i] = about(SP_SFTP_OPEN, "open", "/a");
        events[i].flags = WRITES;
        events[i].file = 1000 + i;
        assert_int_equal(before(i, &events[i]), SP_FS_OK);
    }
    /* A third has looked when it was there, and is first. */
    events[2] = about(SP_SFTP_OPEN, "open", "/a");
    events[2].flags = WRITES;
    events[2].file = 1002;
    events[2].existing = &empty;
    assert_int_equal(before(0, &events[2]), SP_FS_OK);
    for (unsigned i = 3; i-- > 0;)
        after(i & 1, &events[i], SP_FS_OK);
    expect("u.user.ann", 0, 1);
}

/* Whatever is done, by two workers, in whatever order: the ledger is right and the limit holds. */
static void expect_right(int step, unsigned what, const char *ledger, const char *below,
                         uint64_t most)
{
    uint64_t bytes, files;
    read_ledger(ledger, &bytes, &files);
    bool is_open = false;
    for (size_t i = 0; i < HANDLES; i++)
        is_open |= handles[i].node != NULL;
    /* What one cuts off while others have it open may count until that is closed. */
    if (bytes < held(below) || (!is_open && bytes != held(below)) || files != held_files(below) ||
        bytes > most)
        fail_msg("step %d, %u: %s has %ju bytes, %ju files; there are %ju, %ju", step, what, ledger,
                 (uintmax_t)bytes, (uintmax_t)files, (uintmax_t)held(below),
                 (uintmax_t)held_files(below));
}

/* A name, in the tree or not. */
static void name_of(uint64_t number, char out[16])
{
    snprintf(out, 16, number & 1 ? "/t/%u" : "/%u", (unsigned)(number >> 1) % 4);
}

static void the_ledger_is_right_whatever_is_done(void **state)
{
    (void)state;
    begin("{\"name\":\"u\",\"path\":\"/\",\"bytes\":6000},"
          "{\"name\":\"t\",\"path\":\"/t\",\"per\":\"all\",\"bytes\":3000}");
    uint64_t number = 88172645463325252u;
    close_file(open_file(0, "/t/0", WRITES));
    for (int step = 0; step < 20000; step++) {
        number ^= number << 13, number ^= number >> 7, number ^= number << 17;
        unsigned host = number & 1, what = (unsigned)(number >> 8) % 12;
        char path[16], other[16];
        name_of(number >> 16, path);
        name_of(number >> 20, other);
        uint64_t size = (number >> 32) % 1500, at = (number >> 44) % 1500;
        struct handle *handle = &handles[(number >> 24) % HANDLES];
        struct handle *second = &handles[(number >> 28) % HANDLES];
        static const uint32_t flags[] = {0, SP_OPEN_TRUNCATE, SP_OPEN_APPEND, SP_OPEN_TRUNCATE};
        if (what < 3)
            open_file(host, path, WRITES | flags[(number >> 56) % 4]);
        else if (what < 5 && handle->node && handle->flags & SP_OPEN_WRITE)
            write_file(handle, at, size + 1, (number >> 60) % 4 == 0);
        else if (what == 5 && handle->node)
            close_file(handle);
        else if (what == 11)
            open_file(host, path, SP_OPEN_READ);
        else if (what == 6)
            remove_file(host, path);
        else if (what == 7)
            rename_file(host, path, other, (number >> 60) % 2 ? SP_RENAME_OVERWRITE : 0);
        else if (step % 500 == 499)
            for (size_t i = 0; i < HANDLES; i++)
                handles[i].node ? close_file(&handles[i]) : 0;
        else if (what == 8)
            resize(host, path, NULL, size);
        else if (what == 9 && handle->node && handle->flags & SP_OPEN_WRITE)
            resize(handle->host, handle->path, handle, size);
        else if (what == 10 && handle->node && second->node && handle != second &&
                 (second->flags & (SP_OPEN_WRITE | SP_OPEN_APPEND)) == SP_OPEN_WRITE &&
                 handle->node != second->node)
            copy(handle, second, at, size, (number >> 60) % 2 ? 0 : size);
        for (int i = 0; i < 2; i++)
            test_host_forget(hosts[i]);
        expect_right(step, what, "u.user.ann", "/", 6000);
        expect_right(step, what, "t", "/t", 3000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_write_that_crosses_the_limit_fails),
        TEST(every_way_of_growing_counts),
        TEST(parallel_handles_of_all_workers_are_counted_once),
        TEST(what_is_removed_or_overwritten_is_given_back_once),
        TEST(a_file_that_is_removed_while_open_counts_until_it_is_closed),
        TEST(what_fails_is_taken_back),
        TEST(names_of_all_kinds_are_files),
        TEST(a_tree_counts_what_comes_in_and_goes_out),
        TEST(a_file_written_under_another_name_replaces_at_the_end),
        TEST(file_systems_are_no_larger_than_the_limit),
        TEST(what_was_there_is_counted_when_a_ledger_begins),
        TEST(what_is_read_and_written_counts_by_what_is_added),
        TEST(two_that_make_the_same_file_have_made_one),
        TEST(the_ledger_is_right_whatever_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
