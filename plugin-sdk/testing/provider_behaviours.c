/*
 * provider_behaviours.c: what provider_check expects of a storage provider, one function for each
 * behaviour, and at the end the table of them. Called by provider_check.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider_private.h"

#define RW (SP_OPEN_READ | SP_OPEN_WRITE)
#define NEW (RW | SP_OPEN_CREATE | SP_OPEN_TRUNCATE)

/* --- files --- */

static void read_what_was_written(struct checker *c)
{
    char buffer[16];
    uint64_t handle;
    OK(c, do_put(c, "/f", "hello, world"));
    OK(c, do_compare(c, "/f", "hello, world"));
    OK(c, do_open(c, "/f", SP_OPEN_READ, &handle));
    const struct test_answer *answer = do_read(c, handle, 7, buffer, 5);
    EXPECT(c, answer->status == SP_FS_OK && answer->fs.count >= 1 && answer->fs.count <= 5);
    EXPECT(c, memcmp(buffer, "world", answer->fs.count) == 0);
    /* The end: no bytes and eof, or the status for it. */
    answer = do_read(c, handle, 12, buffer, 4);
    EXPECT(c, answer->status == SP_FS_EOF ||
                  (answer->status == SP_FS_OK && answer->fs.count == 0 && answer->fs.eof));
    answer = do_read(c, handle, 1000, buffer, 4);
    EXPECT(c, answer->status == SP_FS_EOF ||
                  (answer->status == SP_FS_OK && answer->fs.count == 0 && answer->fs.eof));
    OK(c, do_close(c, handle));
    OK(c, do_put(c, "/f", "")); /* truncates */
    OK(c, do_compare(c, "/f", ""));
}

static void write_anywhere(struct checker *c)
{
    char buffer[8];
    uint64_t handle;
    OK(c, do_open(c, "/f", NEW, &handle));
    OK(c, do_write(c, handle, 300000, "end", 3));
    OK(c, do_write(c, handle, 0, "start", 5));
    OK(c, do_write(c, handle, 1, "TAR", 3));
    const struct test_answer *answer = do_read(c, handle, 0, buffer, 8);
    EXPECT(c, answer->fs.count == 8 && memcmp(buffer, "sTARt\0\0\0", 8) == 0);
    answer = do_read(c, handle, 299998, buffer, 8);
    EXPECT(c, answer->fs.count == 5 && memcmp(buffer, "\0\0end", 5) == 0);
    OK(c, do_close(c, handle));
    EXPECT(c, do_stat(c, "/f", 0, 0)->fs.attributes->size == 300003);
}

static void refuse_ranges_beyond_reason(struct checker *c)
{
    char buffer[4] = "abc";
    uint64_t handle;
    OK(c, do_open(c, "/f", NEW, &handle));
    static const uint64_t offsets[] = {UINT64_MAX, UINT64_MAX - 3, (uint64_t)INT64_MAX + 1};
    for (int i = 0; i < 3; i++) {
        EXPECT(c, do_write(c, handle, offsets[i], buffer, 3) != SP_FS_OK);
        const struct test_answer *answer = do_read(c, handle, offsets[i], buffer, 3);
        EXPECT(c, answer->status != SP_FS_OK || answer->fs.count == 0);
    }
    EXPECT(c, do_stat(c, "/f", 0, 0)->fs.attributes->size == 0);
}

static void append_to_the_end(struct checker *c)
{
    uint64_t one;
    uint64_t two;
    OK(c, do_put(c, "/f", "start"));
    OK(c, do_open(c, "/f", SP_OPEN_WRITE | SP_OPEN_APPEND, &one));
    OK(c, do_open(c, "/f", SP_OPEN_WRITE | SP_OPEN_APPEND, &two));
    OK(c, do_write(c, one, 0, "-one", 4));
    OK(c, do_write(c, two, 0, "-two", 4));
    OK(c, do_write(c, one, 0, "-three", 6));
    OK(c, do_close(c, one));
    OK(c, do_close(c, two));
    OK(c, do_compare(c, "/f", "start-one-two-three"));
}

static void open_by_the_flags(struct checker *c)
{
    char byte = 'x';
    uint64_t handle;
    OK(c, do_put(c, "/f", "text"));
    EXPECT_STATUS(c, do_open(c, "/absent", RW, NULL), SP_FS_NO_SUCH_FILE);
    EXPECT_STATUS(c, do_open(c, "/absent", SP_OPEN_WRITE | SP_OPEN_TRUNCATE, NULL),
                  SP_FS_NO_SUCH_FILE);
    EXPECT_STATUS(c, do_open(c, "/absent/f", NEW, NULL), SP_FS_NO_SUCH_FILE);
    EXPECT_STATUS(c, do_open(c, "/f", NEW | SP_OPEN_EXCLUSIVE, NULL), SP_FS_FILE_ALREADY_EXISTS);
    OK(c, do_compare(c, "/f", "text"));
    OK(c, do_mkdir(c, "/d"));
    EXPECT_STATUS(c, do_open(c, "/d", RW, NULL), SP_FS_FILE_IS_A_DIRECTORY);
    EXPECT(c, do_open(c, "/f", SP_OPEN_READ | SP_OPEN_TRUNCATE, NULL) != SP_FS_OK);
    OK(c, do_open(c, "/f", SP_OPEN_READ, &handle));
    EXPECT_STATUS(c, do_write(c, handle, 0, "x", 1), SP_FS_PERMISSION_DENIED);
    OK(c, do_close(c, handle));
    OK(c, do_open(c, "/f", SP_OPEN_WRITE, &handle));
    EXPECT_STATUS(c, do_read(c, handle, 0, &byte, 1)->status, SP_FS_PERMISSION_DENIED);
    OK(c, do_close(c, handle));
    OK(c, do_open(c, "/new", NEW | SP_OPEN_EXCLUSIVE, &handle));
    OK(c, do_close(c, handle));
    OK(c, do_compare(c, "/new", ""));
}

static void change_the_size(struct checker *c)
{
    struct sp_fs_attributes size = {.struct_size = sizeof size, .valid = SP_ATTR_SIZE, .size = 4};
    char buffer[8];
    uint64_t handle;
    OK(c, do_put(c, "/f", "12345678"));
    OK(c, do_set(c, "/f", &size));
    OK(c, do_compare(c, "/f", "1234"));
    size.size = 6;
    OK(c, do_set(c, "/f", &size));
    OK(c, do_open(c, "/f", SP_OPEN_READ, &handle));
    const struct test_answer *answer = do_read(c, handle, 0, buffer, sizeof buffer);
    EXPECT(c, answer->fs.count == 6 && memcmp(buffer, "1234\0\0", 6) == 0);
    OK(c, do_close(c, handle));
    OK(c, do_mkdir(c, "/d"));
    EXPECT(c, do_set(c, "/d", &size) != SP_FS_OK);
    EXPECT_STATUS(c, do_set(c, "/absent", &size), SP_FS_NO_SUCH_FILE);
}

static void keep_what_is_open(struct checker *c)
{
    char buffer[8];
    uint64_t handle;
    OK(c, do_put(c, "/f", "text"));
    OK(c, do_open(c, "/f", RW, &handle));
    OK(c, do_remove(c, "/f"));
    EXPECT_STATUS(c, do_stat(c, "/f", 0, 0)->status, SP_FS_NO_SUCH_FILE);
    EXPECT(c, do_read(c, handle, 0, buffer, 4)->fs.count == 4 && memcmp(buffer, "text", 4) == 0);
    OK(c, do_write(c, handle, 4, "more", 4));
    OK(c, do_put(c, "/f", "another"));
    OK(c, do_close(c, handle));
    OK(c, do_compare(c, "/f", "another"));
}

static void copy_between_files(struct checker *c)
{
    uint64_t source;
    uint64_t target;
    OK(c, do_put(c, "/s", "0123456789"));
    OK(c, do_open(c, "/s", RW, &source));
    OK(c, do_open(c, "/t", NEW, &target));
    struct sp_fs_copy event = {.view = c->view,
                               .source = source,
                               .source_offset = 2,
                               .length = 4,
                               .target = target,
                               .target_offset = 1};
    OK(c, do_write(c, target, 0, "<", 1));
    EXPECT(c, TEST_FS(c->host, copy, &event)->fs.count == 4);
    event.source_offset = 8;
    event.length = 0;
    event.target_offset = 5;
    EXPECT(c, TEST_FS(c->host, copy, &event)->fs.count == 2);
    OK(c, do_compare(c, "/t", "<234589"));
    event.target = source; /* onto itself */
    event.source_offset = 0;
    event.length = 4;
    event.target_offset = 2;
    EXPECT(c, TEST_FS(c->host, copy, &event)->status != SP_FS_OK);
    OK(c, do_compare(c, "/s", "0123456789"));
}

static void delete_on_close(struct checker *c)
{
    uint64_t handle;
    OK(c, do_open(c, "/f", NEW | SP_OPEN_DELETE_ON_CLOSE, &handle));
    OK(c, do_write(c, handle, 0, "x", 1));
    EXPECT_STATUS(c, do_open(c, "/f", SP_OPEN_READ, NULL), SP_FS_DELETE_PENDING);
    OK(c, do_close(c, handle));
    EXPECT_STATUS(c, do_stat(c, "/f", 0, 0)->status, SP_FS_NO_SUCH_FILE);
}

/* --- attributes --- */

static void tell_attributes(struct checker *c)
{
    OK(c, do_put(c, "/f", "12345"));
    OK(c, do_mkdir(c, "/d"));
    const struct test_answer *answer = do_stat(c, "/f", 0, 0);
    OK(c, answer->status);
    const struct sp_fs_attributes *a = answer->fs.attributes;
    EXPECT(c, a && a->valid & SP_ATTR_SIZE && a->size == 5);
    EXPECT(c, a->valid & SP_ATTR_TYPE && a->type == SP_FILE_REGULAR);
    EXPECT(c, !c->support.struct_size || !(a->valid & ~c->support.attributes));
    EXPECT(c, !(a->bits_valid & ~c->support.attribute_bits));
    a = do_stat(c, "/d", 0, 0)->fs.attributes;
    EXPECT(c, a && a->valid & SP_ATTR_TYPE && a->type == SP_FILE_DIRECTORY);
    a = do_stat(c, "/", 0, 0)->fs.attributes;
    EXPECT(c, a && a->type == SP_FILE_DIRECTORY);
    EXPECT_STATUS(c, do_stat(c, "/absent", 0, 0)->status, SP_FS_NO_SUCH_FILE);
    uint32_t status = do_stat(c, "/f/below", 0, 0)->status;
    EXPECT(c, status == SP_FS_NOT_A_DIRECTORY || status == SP_FS_NO_SUCH_FILE);
}

static void set_permissions(struct checker *c)
{
    struct sp_fs_attributes mode = {
        .struct_size = sizeof mode, .valid = SP_ATTR_PERMISSIONS, .mode = 0640};
    OK(c, do_put(c, "/f", "x"));
    OK(c, do_set(c, "/f", &mode));
    EXPECT(c, (do_stat(c, "/f", 0, 0)->fs.attributes->mode & 0777u) == 0640);
    OK(c, do_compare(c, "/f", "x"));
}

static void set_times(struct checker *c)
{
    struct sp_fs_attributes times = {.struct_size = sizeof times,
                                     .valid = SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME,
                                     .access_time = {.seconds = 1000000000},
                                     .modify_time = {.seconds = 1234567890}};
    OK(c, do_put(c, "/f", "x"));
    OK(c, do_set(c, "/f", &times));
    const struct sp_fs_attributes *a = do_stat(c, "/f", 0, 0)->fs.attributes;
    EXPECT(c, a->valid & SP_ATTR_MODIFY_TIME && a->modify_time.seconds == 1234567890);
    EXPECT(c, a->valid & SP_ATTR_ACCESS_TIME && a->access_time.seconds == 1000000000);
    times.valid = SP_ATTR_MODIFY_TIME; /* and nothing else */
    times.modify_time.seconds = 7;
    OK(c, do_set(c, "/f", &times));
    a = do_stat(c, "/f", 0, 0)->fs.attributes;
    EXPECT(c, a->modify_time.seconds == 7 && a->access_time.seconds == 1000000000);
}

static void keep_access_lists(struct checker *c)
{
    static const char acl[] = "\0\0\0\0"
                              "\0\0\0\2"
                              "\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\6OWNER@"
                              "\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\11EVERYONE@";
    struct sp_fs_attributes list = {
        .struct_size = sizeof list, .valid = SP_ATTR_ACL, .acl = {acl, sizeof acl - 1}};
    OK(c, do_put(c, "/f", "x"));
    OK(c, do_set(c, "/f", &list));
    const struct sp_fs_attributes *a = do_stat(c, "/f", 0, SP_ATTR_ACL)->fs.attributes;
    EXPECT(c, a->valid & SP_ATTR_ACL && a->acl.len >= sizeof acl - 1);
    EXPECT(c, memmem(a->acl.data, a->acl.len, "OWNER@", 6));
    EXPECT(c, memmem(a->acl.data, a->acl.len, "EVERYONE@", 9));
}

static void tell_the_space(struct checker *c)
{
    struct sp_fs_path event = {.view = c->view, .path = sp_str_of("/")};
    const struct test_answer *answer = TEST_FS(c->host, statvfs, &event);
    OK(c, answer->status);
    const struct sp_fs_space *space = answer->fs.space;
    EXPECT(c, space && space->fragment_size > 0 && space->blocks_free <= space->blocks);
    EXPECT(c, space->blocks_available <= space->blocks);
}

/* --- names --- */

static void make_and_remove_directories(struct checker *c)
{
    OK(c, do_mkdir(c, "/d"));
    EXPECT_STATUS(c, do_mkdir(c, "/d"), SP_FS_FILE_ALREADY_EXISTS);
    EXPECT_STATUS(c, do_mkdir(c, "/absent/d"), SP_FS_NO_SUCH_FILE);
    OK(c, do_put(c, "/d/f", "x"));
    EXPECT_STATUS(c, do_rmdir(c, "/d"), SP_FS_DIR_NOT_EMPTY);
    EXPECT_STATUS(c, do_rmdir(c, "/d/f"), SP_FS_NOT_A_DIRECTORY);
    EXPECT_STATUS(c, do_remove(c, "/d"), SP_FS_FILE_IS_A_DIRECTORY);
    OK(c, do_remove(c, "/d/f"));
    EXPECT_STATUS(c, do_remove(c, "/d/f"), SP_FS_NO_SUCH_FILE);
    OK(c, do_rmdir(c, "/d"));
    EXPECT_STATUS(c, do_rmdir(c, "/d"), SP_FS_NO_SUCH_FILE);
    EXPECT(c, do_rmdir(c, "/") != SP_FS_OK);
    EXPECT(c, do_mkdir(c, "/") != SP_FS_OK);
}

static void take_odd_names(struct checker *c)
{
    static const char *const names[] = {
        "/with space",        "/new\nline", "/esc\033[31m", "/tab\tand\001", "/-rf", "/*?[",
        "/\xc3\xa9t\xc3\xa9", "/trailing.", "/trailing ",   "/back\\slash",  "/..."};
    char name[400];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        OK(c, do_put(c, names[i], names[i]));
        OK(c, do_compare(c, names[i], names[i]));
    }
    memset(name, 'n', sizeof name - 1);
    name[0] = '/';
    name[201] = '\0';
    OK(c, do_put(c, name, "long"));
    name[201] = 'n';
    name[sizeof name - 1] = '\0';
    EXPECT_STATUS(c, do_put(c, name, "too long"), SP_FS_INVALID_FILENAME);
}

static void list_each_entry_once(struct checker *c)
{
    enum { COUNT = 60 };
    bool seen[COUNT] = {false};
    char name[32];
    uint64_t handle;
    unsigned count = 0;
    OK(c, do_mkdir(c, "/d"));
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "/d/%d\n%d", i, i);
        OK(c, do_put(c, name, "x"));
    }
    OK(c, do_opendir(c, "/d", &handle));
    for (bool is_done = false; !is_done;) {
        const struct test_answer *answer = do_readdir(c, handle, 7);
        is_done = answer->status == SP_FS_EOF || answer->fs.eof;
        EXPECT(c, answer->status == SP_FS_OK || answer->status == SP_FS_EOF);
        EXPECT(c, answer->fs.entries_count <= 7);
        EXPECT(c, is_done || answer->fs.entries_count > 0);
        for (uint64_t i = 0; i < answer->fs.entries_count; i++, count++) {
            int number = atoi(answer->fs.entries[i].name.data);
            EXPECT(c, number >= 0 && number < COUNT && !seen[number]);
            EXPECT(c, answer->fs.entries[i].attributes.type == SP_FILE_REGULAR);
            EXPECT(c, answer->fs.entries[i].attributes.size == 1);
            seen[number] = true;
        }
    }
    OK(c, do_closedir(c, handle));
    EXPECT(c, count == COUNT);
    OK(c, do_put(c, "/f", "x"));
    EXPECT_STATUS(c, do_opendir(c, "/f", &handle), SP_FS_NOT_A_DIRECTORY);
    EXPECT_STATUS(c, do_opendir(c, "/absent", &handle), SP_FS_NO_SUCH_FILE);
}

/* What is removed during a listing may or may not be listed; all else must be. */
static void list_while_entries_vanish(struct checker *c)
{
    enum { COUNT = 40 };
    int seen[COUNT] = {0};
    char name[32];
    uint64_t handle;
    OK(c, do_mkdir(c, "/d"));
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "/d/%d", i);
        OK(c, do_put(c, name, "x"));
    }
    OK(c, do_opendir(c, "/d", &handle));
    for (bool is_done = false, is_first = true; !is_done; is_first = false) {
        const struct test_answer *answer = do_readdir(c, handle, 5);
        EXPECT(c, answer->status == SP_FS_OK || answer->status == SP_FS_EOF);
        is_done = answer->status == SP_FS_EOF || answer->fs.eof;
        for (uint64_t i = 0; i < answer->fs.entries_count; i++)
            seen[atoi(answer->fs.entries[i].name.data) % COUNT]++;
        for (int i = 1; is_first && i < COUNT; i += 2) {
            snprintf(name, sizeof name, "/d/%d", i);
            OK(c, do_remove(c, name));
        }
    }
    OK(c, do_closedir(c, handle));
    for (int i = 0; i < COUNT; i++)
        EXPECT(c, i % 2 ? seen[i] <= 1 : seen[i] == 1);
}

static void bear_a_directory_that_goes(struct checker *c)
{
    uint64_t handle;
    OK(c, do_mkdir(c, "/d"));
    OK(c, do_opendir(c, "/d", &handle));
    OK(c, do_rmdir(c, "/d"));
    const struct test_answer *answer = do_readdir(c, handle, 10);
    EXPECT(c, answer->status != SP_FS_OK || (answer->fs.entries_count == 0 && answer->fs.eof));
    OK(c, do_closedir(c, handle));
    EXPECT_STATUS(c, do_put(c, "/d/f", "x"), SP_FS_NO_SUCH_FILE);
}

static void rename_only_as_told(struct checker *c)
{
    size_t slot = SLOT(rename);
    OK(c, do_put(c, "/a", "a"));
    OK(c, do_put(c, "/b", "b"));
    EXPECT_STATUS(c, do_pair(c, slot, "/a", "/b", 0), SP_FS_FILE_ALREADY_EXISTS);
    OK(c, do_compare(c, "/b", "b"));
    OK(c, do_pair(c, slot, "/a", "/c", 0));
    OK(c, do_compare(c, "/c", "a"));
    EXPECT_STATUS(c, do_pair(c, slot, "/a", "/d", 0), SP_FS_NO_SUCH_FILE);
    OK(c, do_pair(c, slot, "/c", "/b", SP_RENAME_OVERWRITE));
    OK(c, do_compare(c, "/b", "a"));
    EXPECT_STATUS(c, do_stat(c, "/c", 0, 0)->status, SP_FS_NO_SUCH_FILE);
    EXPECT_STATUS(c, do_pair(c, slot, "/b", "/absent/b", 0), SP_FS_NO_SUCH_FILE);
}

static void rename_directories(struct checker *c)
{
    size_t slot = SLOT(rename);
    OK(c, do_mkdir(c, "/d"));
    OK(c, do_put(c, "/d/f", "in d"));
    OK(c, do_pair(c, slot, "/d", "/e", 0));
    OK(c, do_compare(c, "/e/f", "in d"));
    EXPECT(c, do_pair(c, slot, "/e", "/e/below", 0) != SP_FS_OK);
    EXPECT(c, do_pair(c, slot, "/", "/x", 0) != SP_FS_OK);
    OK(c, do_mkdir(c, "/full"));
    OK(c, do_put(c, "/full/f", "x"));
    EXPECT_STATUS(c, do_pair(c, slot, "/e", "/full", 0), SP_FS_FILE_ALREADY_EXISTS);
    EXPECT_STATUS(c, do_pair(c, slot, "/e", "/full", SP_RENAME_OVERWRITE), SP_FS_DIR_NOT_EMPTY);
    OK(c, do_compare(c, "/e/f", "in d"));
}

static void link_files(struct checker *c)
{
    OK(c, do_put(c, "/a", "same"));
    OK(c, do_pair(c, SLOT(link), "/a", "/b", 0));
    EXPECT_STATUS(c, do_pair(c, SLOT(link), "/a", "/b", 0), SP_FS_FILE_ALREADY_EXISTS);
    EXPECT_STATUS(c, do_pair(c, SLOT(link), "/absent", "/c", 0), SP_FS_NO_SUCH_FILE);
    OK(c, do_put(c, "/a", "changed"));
    OK(c, do_compare(c, "/b", "changed"));
    OK(c, do_remove(c, "/a"));
    OK(c, do_compare(c, "/b", "changed"));
}

static const struct test_answer *text_of_link(struct checker *c, const char *path)
{
    struct sp_fs_path event = {.view = c->view, .path = sp_str_of(path)};
    return TEST_FS(c->host, readlink, &event);
}

static void keep_the_text_of_links(struct checker *c)
{
    static const char *const texts[] = {"f", "../up", "/abs/olute", "any thing\n\001"};
    OK(c, do_put(c, "/f", "text"));
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "/l%d", i);
        OK(c, do_pair(c, SLOT(symlink), name, texts[i], 0));
        const struct test_answer *answer = text_of_link(c, name);
        OK(c, answer->status);
        EXPECT(c, answer->fs.path.len == strlen(texts[i]) &&
                      memcmp(answer->fs.path.data, texts[i], answer->fs.path.len) == 0);
        const struct sp_fs_attributes *a = do_stat(c, name, SP_FS_NOFOLLOW, 0)->fs.attributes;
        EXPECT(c, a && a->type == SP_FILE_SYMLINK);
    }
    EXPECT_STATUS(c, do_pair(c, SLOT(symlink), "/f", "x", 0), SP_FS_FILE_ALREADY_EXISTS);
    EXPECT(c, text_of_link(c, "/f")->status != SP_FS_OK);
    OK(c, do_remove(c, "/l0")); /* the link, not the file */
    OK(c, do_compare(c, "/f", "text"));
}

/* Whether or not links are followed, none leads out. */
static void let_no_link_lead_out(struct checker *c)
{
    static const char *const out[] = {"/etc", "../../../../../../../etc", "/proc/self/root/etc"};
    uint64_t handle;
    for (int i = 0; i < 3; i++) {
        OK(c, do_pair(c, SLOT(symlink), "/out", out[i], 0));
        EXPECT(c, do_stat(c, "/out/passwd", 0, 0)->status != SP_FS_OK);
        EXPECT(c, do_open(c, "/out/passwd", SP_OPEN_READ, NULL) != SP_FS_OK);
        EXPECT(c, do_opendir(c, "/out", &handle) != SP_FS_OK);
        EXPECT(c, do_mkdir(c, "/out/provider-check") != SP_FS_OK);
        OK(c, do_remove(c, "/out"));
    }
    OK(c, do_pair(c, SLOT(symlink), "/ring", "ring", 0));
    EXPECT_STATUS(c, do_stat(c, "/ring", 0, 0)->status, SP_FS_LINK_LOOP);
    EXPECT_STATUS(c, do_open(c, "/ring", SP_OPEN_READ | SP_OPEN_NOFOLLOW, NULL), SP_FS_LINK_LOOP);
    EXPECT_STATUS(c, do_open(c, "/ring", NEW | SP_OPEN_EXCLUSIVE, NULL), SP_FS_FILE_ALREADY_EXISTS);
}

static void tell_real_paths(struct checker *c)
{
    static const char *const paths[] = {"/", "/d", "/d/f", "/d/new"};
    OK(c, do_mkdir(c, "/d"));
    OK(c, do_put(c, "/d/f", "x"));
    for (int i = 0; i < 4; i++) {
        struct sp_fs_path event = {.view = c->view, .path = sp_str_of(paths[i])};
        const struct test_answer *answer = TEST_FS(c->host, realpath, &event);
        /* The core knows what to do if the last component does not exist. */
        if (i == 3 && answer->status == SP_FS_NO_SUCH_FILE)
            continue;
        OK(c, answer->status);
        EXPECT(c, strcmp(answer->fs.path.data, paths[i]) == 0);
    }
}

static void keep_to_the_top(struct checker *c)
{
    OK(c, do_mkdir(c, "/home"));
    OK(c, do_put(c, "/secret", "secret"));
    OK(c, do_put(c, "/home/own", "own"));
    if (c->slots->symlink) {
        OK(c, do_pair(c, SLOT(symlink), "/home/up", "../secret", 0));
        OK(c, do_pair(c, SLOT(symlink), "/home/down", "/secret", 0));
    }
    struct sp_fs_attach event = {
        .mount = sp_str_of("/"), .root = sp_str_of(c->root), .top = sp_str_of("/home")};
    const struct test_answer *answer = TEST_FS(c->host, attach_top, &event);
    OK(c, answer->status);
    uint64_t whole = c->view;
    c->view = answer->fs.handle;
    uint32_t own = do_compare(c, "/own", "own");
    uint32_t up = do_stat(c, "/up", 0, 0)->status;
    uint32_t down = do_stat(c, "/down", 0, 0)->status;
    uint32_t secret = do_stat(c, "/secret", 0, 0)->status;
    struct sp_fs_path gone = {.view = c->view, .path = sp_str_of("")};
    if (c->slots->detach)
        TEST_FS(c->host, detach, &gone);
    c->view = whole;
    OK(c, own);
    EXPECT_STATUS(c, secret, SP_FS_NO_SUCH_FILE);
    EXPECT(c, up != SP_FS_OK && down != SP_FS_OK);
    event.top = sp_str_of("/absent");
    EXPECT_STATUS(c, TEST_FS(c->host, attach_top, &event)->status, SP_FS_NO_SUCH_FILE);
    event.top = sp_str_of("/secret");
    EXPECT_STATUS(c, TEST_FS(c->host, attach_top, &event)->status, SP_FS_NOT_A_DIRECTORY);
}

/* --- at the same time --- */

static void lock_ranges(struct checker *c)
{
    uint64_t one;
    uint64_t two;
    uint32_t flags = SP_LOCK_WRITE;
    OK(c, do_open(c, "/f", NEW, &one));
    OK(c, do_open(c, "/f", RW, &two));
    OK(c, do_lock(c, one, 100, 50, flags));
    EXPECT_STATUS(c, do_lock(c, two, 149, 1, flags), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    EXPECT_STATUS(c, do_lock(c, two, 0, 0, flags), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    EXPECT_STATUS(c, do_lock(c, one, 120, 1, flags), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    OK(c, do_lock(c, two, 0, 100, flags));
    OK(c, do_lock(c, two, 150, 0, flags));
    EXPECT_STATUS(c, do_unlock(c, one, 100, 49), SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
    EXPECT_STATUS(c, do_unlock(c, two, 100, 50), SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
    OK(c, do_unlock(c, one, 100, 50));
    EXPECT_STATUS(c, do_unlock(c, one, 100, 50), SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
    OK(c, do_lock(c, two, 100, 50, flags));
    OK(c, do_close(c, two)); /* gives all of them back */
    OK(c, do_lock(c, one, 0, 0, flags));
    EXPECT(c, do_lock(c, one, 0, 1, 0) != SP_FS_OK);
}

/* Locks that are not advisory bind those who never asked for any. */
static void enforce_locks(struct checker *c)
{
    char buffer[4];
    uint64_t one;
    uint64_t two;
    if (c->support.lock_flags & SP_LOCK_ADVISORY)
        return;
    OK(c, do_put(c, "/f", "0123456789"));
    OK(c, do_open(c, "/f", RW, &one));
    OK(c, do_open(c, "/f", RW, &two));
    OK(c, do_lock(c, one, 4, 4, SP_LOCK_READ | SP_LOCK_WRITE));
    EXPECT_STATUS(c, do_read(c, two, 2, buffer, 3)->status, SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    EXPECT_STATUS(c, do_write(c, two, 7, "x", 1), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    OK(c, do_write(c, two, 8, "x", 1));
    OK(c, do_write(c, one, 4, "y", 1));
    EXPECT(c, do_read(c, two, 0, buffer, 4)->status == SP_FS_OK);
    struct sp_fs_attributes size = {.struct_size = sizeof size, .valid = SP_ATTR_SIZE, .size = 5};
    EXPECT_STATUS(c, do_set(c, "/f", &size), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    EXPECT_STATUS(c, do_open(c, "/f", NEW, NULL), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    OK(c, do_unlock(c, one, 4, 4));
    OK(c, do_compare(c, "/f", "0123y567x9"));
}

static void keep_others_off(struct checker *c)
{
    uint64_t handle;
    OK(c, do_put(c, "/f", "text"));
    OK(c, do_open(c, "/f", SP_OPEN_READ | SP_OPEN_BLOCK_WRITE, &handle));
    EXPECT_STATUS(c, do_open(c, "/f", SP_OPEN_WRITE, NULL), SP_FS_LOCK_CONFLICT);
    EXPECT_STATUS(c, do_open(c, "/f", SP_OPEN_READ | SP_OPEN_BLOCK_READ, NULL),
                  SP_FS_LOCK_CONFLICT);
    OK(c, do_compare(c, "/f", "text"));
    OK(c, do_close(c, handle));
    OK(c, do_open(c, "/f", RW | SP_OPEN_BLOCK_DELETE, &handle));
    EXPECT_STATUS(c, do_remove(c, "/f"), SP_FS_LOCK_CONFLICT);
    EXPECT_STATUS(c, do_pair(c, SLOT(rename), "/f", "/g", 0), SP_FS_LOCK_CONFLICT);
    OK(c, do_close(c, handle));
    OK(c, do_pair(c, SLOT(rename), "/f", "/g", 0));
}

#define BEHAVIOUR(name, ...)                                                                       \
    {                                                                                              \
#name, name, .slots = { __VA_ARGS__ }                                                      \
    }

const struct behaviour provider_behaviours[] = {
    BEHAVIOUR(read_what_was_written, SLOT(write)),
    BEHAVIOUR(write_anywhere, SLOT(write)),
    BEHAVIOUR(refuse_ranges_beyond_reason, SLOT(write)),
    {"append_to_the_end", append_to_the_end, {SLOT(write)}, .open_flags = SP_OPEN_APPEND},
    BEHAVIOUR(open_by_the_flags, SLOT(write), SLOT(mkdir)),
    {"change_the_size",
     change_the_size,
     {SLOT(setstat), SLOT(mkdir)},
     .attributes_set = SP_ATTR_SIZE},
    BEHAVIOUR(keep_what_is_open, SLOT(write), SLOT(remove)),
    BEHAVIOUR(copy_between_files, SLOT(copy)),
    {"delete_on_close", delete_on_close, {SLOT(write)}, .open_flags = SP_OPEN_DELETE_ON_CLOSE},
    BEHAVIOUR(tell_attributes, SLOT(write), SLOT(mkdir)),
    {"set_permissions", set_permissions, {SLOT(setstat)}, .attributes_set = SP_ATTR_PERMISSIONS},
    {"set_times",
     set_times,
     {SLOT(setstat)},
     .attributes_set = SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME},
    {"keep_access_lists", keep_access_lists, {SLOT(setstat)}, .attributes_set = SP_ATTR_ACL},
    BEHAVIOUR(tell_the_space, SLOT(statvfs)),
    BEHAVIOUR(make_and_remove_directories, SLOT(mkdir), SLOT(rmdir), SLOT(remove)),
    BEHAVIOUR(take_odd_names, SLOT(write)),
    BEHAVIOUR(list_each_entry_once, SLOT(write), SLOT(mkdir)),
    BEHAVIOUR(list_while_entries_vanish, SLOT(write), SLOT(mkdir), SLOT(remove)),
    BEHAVIOUR(bear_a_directory_that_goes, SLOT(mkdir), SLOT(rmdir)),
    BEHAVIOUR(rename_only_as_told, SLOT(write), SLOT(rename)),
    BEHAVIOUR(rename_directories, SLOT(write), SLOT(mkdir), SLOT(rename)),
    BEHAVIOUR(link_files, SLOT(write), SLOT(link), SLOT(remove)),
    BEHAVIOUR(keep_the_text_of_links, SLOT(symlink), SLOT(readlink), SLOT(remove)),
    BEHAVIOUR(let_no_link_lead_out, SLOT(symlink), SLOT(mkdir), SLOT(remove)),
    BEHAVIOUR(tell_real_paths, SLOT(realpath), SLOT(mkdir)),
    BEHAVIOUR(keep_to_the_top, SLOT(attach_top), SLOT(mkdir)),
    {"lock_ranges", lock_ranges, {SLOT(lock), SLOT(unlock)}, .lock_flags = SP_LOCK_WRITE},
    {"enforce_locks",
     enforce_locks,
     {SLOT(lock), SLOT(unlock), SLOT(setstat)},
     .lock_flags = SP_LOCK_READ | SP_LOCK_WRITE},
    {"keep_others_off",
     keep_others_off,
     {SLOT(rename), SLOT(remove)},
     .open_flags = SP_OPEN_BLOCK_READ | SP_OPEN_BLOCK_WRITE | SP_OPEN_BLOCK_DELETE},
};
const unsigned provider_behaviours_count = sizeof provider_behaviours / sizeof *provider_behaviours;
