/*
 * provider_behaviours.c: what provider_check expects of files, attributes and locks: one function
 * for each behaviour, and at the end the table of them. Called by provider_check.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider_private.h"

/* --- files --- */

static void read_what_was_written(struct checker *c)
{
    char buffer[16];
    uint64_t handle;
    OK(c, pc_put(c, "/f", "hello, world"));
    OK(c, pc_compare(c, "/f", "hello, world"));
    OK(c, pc_open(c, "/f", SP_OPEN_READ, &handle));
    const struct test_answer *answer = pc_read(c, handle, 7, buffer, 5);
    EXPECT(c, answer->status == SP_FS_OK && answer->fs.count >= 1 && answer->fs.count <= 5);
    EXPECT(c, memcmp(buffer, "world", answer->fs.count) == 0);
    /* The end: no bytes and eof, or the status for it. */
    answer = pc_read(c, handle, 12, buffer, 4);
    EXPECT(c, answer->status == SP_FS_EOF ||
                  (answer->status == SP_FS_OK && answer->fs.count == 0 && answer->fs.eof));
    answer = pc_read(c, handle, 1000, buffer, 4);
    EXPECT(c, answer->status == SP_FS_EOF ||
                  (answer->status == SP_FS_OK && answer->fs.count == 0 && answer->fs.eof));
    OK(c, pc_close(c, handle));
    OK(c, pc_put(c, "/f", "")); /* truncates */
    OK(c, pc_compare(c, "/f", ""));
}

static void write_anywhere(struct checker *c)
{
    char buffer[8];
    uint64_t handle;
    OK(c, pc_open(c, "/f", NEW, &handle));
    OK(c, pc_write(c, handle, 300000, "end", 3));
    OK(c, pc_write(c, handle, 0, "start", 5));
    OK(c, pc_write(c, handle, 1, "TAR", 3));
    const struct test_answer *answer = pc_read(c, handle, 0, buffer, 8);
    EXPECT(c, answer->fs.count == 8 && memcmp(buffer, "sTARt\0\0\0", 8) == 0);
    answer = pc_read(c, handle, 299998, buffer, 8);
    EXPECT(c, answer->fs.count == 5 && memcmp(buffer, "\0\0end", 5) == 0);
    OK(c, pc_close(c, handle));
    EXPECT(c, pc_attributes(c, "/f", 0, 0)->size == 300003);
}

static void refuse_ranges_beyond_reason(struct checker *c)
{
    static const uint64_t offsets[] = {UINT64_MAX, UINT64_MAX - 3, (uint64_t)INT64_MAX + 1};
    char buffer[4] = "abc";
    uint64_t reading;
    OK(c, pc_put(c, "/f", "text"));
    OK(c, pc_open(c, "/f", SP_OPEN_READ, &reading));
    for (int i = 0; i < 3; i++) {
        uint64_t writing;
        OK(c, pc_open(c, "/g", NEW_TO_WRITE, &writing));
        EXPECT(c, pc_write(c, writing, offsets[i], buffer, 3) != SP_FS_OK);
        pc_close(c, writing); /* which may fail as well */
        const struct test_answer *answer = pc_read(c, reading, offsets[i], buffer, 3);
        EXPECT(c, answer->status != SP_FS_OK || answer->fs.count == 0);
    }
    uint64_t size = pc_attributes(c, "/g", 0, 0)->size;
    EXPECT(c, size == 0 || size == UINT64_MAX);
}

static void append_to_the_end(struct checker *c)
{
    uint64_t one;
    uint64_t two;
    OK(c, pc_put(c, "/f", "start"));
    OK(c, pc_open(c, "/f", SP_OPEN_WRITE | SP_OPEN_APPEND, &one));
    OK(c, pc_open(c, "/f", SP_OPEN_WRITE | SP_OPEN_APPEND, &two));
    OK(c, pc_write(c, one, 0, "-one", 4));
    OK(c, pc_write(c, two, 0, "-two", 4));
    OK(c, pc_write(c, one, 0, "-three", 6));
    OK(c, pc_close(c, one));
    OK(c, pc_close(c, two));
    OK(c, pc_compare(c, "/f", "start-one-two-three"));
}

static void open_by_the_flags(struct checker *c)
{
    char byte = 'x';
    uint64_t handle;
    OK(c, pc_put(c, "/f", "text"));
    EXPECT_STATUS(c, pc_open(c, "/absent", SP_OPEN_READ, NULL), SP_FS_NO_SUCH_FILE);
    EXPECT_STATUS(c, pc_open(c, "/absent", SP_OPEN_WRITE | SP_OPEN_TRUNCATE, NULL),
                  SP_FS_NO_SUCH_FILE);
    EXPECT_STATUS(c, pc_open(c, "/f", NEW_TO_WRITE | SP_OPEN_EXCLUSIVE, NULL),
                  SP_FS_FILE_ALREADY_EXISTS);
    OK(c, pc_compare(c, "/f", "text"));
    OK(c, pc_mkdir(c, "/d"));
    EXPECT_STATUS(c, pc_open(c, "/d", SP_OPEN_READ, NULL), SP_FS_FILE_IS_A_DIRECTORY);
    pc_open(c, "/f", SP_OPEN_READ | SP_OPEN_TRUNCATE, NULL);
    OK(c, pc_compare(c, "/f", "text")); /* whatever the answer was */
    OK(c, pc_open(c, "/f", SP_OPEN_READ, &handle));
    EXPECT(c, pc_write(c, handle, 0, "x", 1) != SP_FS_OK);
    OK(c, pc_close(c, handle));
    OK(c, pc_open(c, "/f", NEW_TO_WRITE, &handle));
    EXPECT(c, pc_read(c, handle, 0, &byte, 1)->status != SP_FS_OK);
    OK(c, pc_close(c, handle));
    OK(c, pc_open(c, "/new", NEW_TO_WRITE | SP_OPEN_EXCLUSIVE, &handle));
    OK(c, pc_close(c, handle));
    OK(c, pc_compare(c, "/new", ""));
}

static void change_the_size(struct checker *c)
{
    struct sp_fs_attributes size = {.struct_size = sizeof size, .valid = SP_ATTR_SIZE, .size = 4};
    char buffer[8];
    uint64_t handle;
    OK(c, pc_put(c, "/f", "12345678"));
    OK(c, pc_set(c, "/f", &size));
    OK(c, pc_compare(c, "/f", "1234"));
    size.size = 6;
    OK(c, pc_set(c, "/f", &size));
    OK(c, pc_open(c, "/f", SP_OPEN_READ, &handle));
    const struct test_answer *answer = pc_read(c, handle, 0, buffer, sizeof buffer);
    EXPECT(c, answer->fs.count == 6 && memcmp(buffer, "1234\0\0", 6) == 0);
    OK(c, pc_close(c, handle));
    OK(c, pc_mkdir(c, "/d"));
    EXPECT(c, pc_set(c, "/d", &size) != SP_FS_OK);
    EXPECT_STATUS(c, pc_set(c, "/absent", &size), SP_FS_NO_SUCH_FILE);
}

static void keep_what_is_open(struct checker *c)
{
    char buffer[8];
    uint64_t handle;
    OK(c, pc_put(c, "/f", "text"));
    OK(c, pc_open(c, "/f", RW, &handle));
    OK(c, pc_remove(c, "/f"));
    EXPECT_STATUS(c, pc_stat(c, "/f", 0, 0)->status, SP_FS_NO_SUCH_FILE);
    EXPECT(c, pc_read(c, handle, 0, buffer, 4)->fs.count == 4 && memcmp(buffer, "text", 4) == 0);
    OK(c, pc_write(c, handle, 4, "more", 4));
    OK(c, pc_put(c, "/f", "another"));
    OK(c, pc_close(c, handle));
    OK(c, pc_compare(c, "/f", "another"));
}

static uint32_t copy_part(struct checker *c, const char *from, uint64_t offset, uint64_t length,
                          uint64_t target, uint64_t target_offset)
{
    uint64_t source;
    uint32_t status = pc_open(c, from, SP_OPEN_READ, &source);
    uint64_t done = 0;
    while (status == SP_FS_OK) {
        struct sp_fs_copy event = {.view = c->view,
                                   .source = source,
                                   .source_offset = offset + done,
                                   .length = length ? length - done : 0,
                                   .target = target,
                                   .target_offset = target_offset + done};
        const struct test_answer *answer = TEST_FS(c->host, copy, &event);
        status = answer->status;
        done += answer->fs.count;
        if (answer->fs.eof || answer->fs.count == 0 || (length && done >= length))
            break;
    }
    pc_close(c, source);
    return status;
}

/* A store may decline to copy a part of a file: then the core reads and writes. */
static void copy_between_files(struct checker *c)
{
    uint64_t target;
    OK(c, pc_put(c, "/s", "0123456789"));
    OK(c, pc_open(c, "/t", NEW_TO_WRITE, &target));
    OK(c, copy_part(c, "/s", 0, 0, target, 0));
    OK(c, pc_close(c, target));
    OK(c, pc_compare(c, "/t", "0123456789"));
    OK(c, pc_open(c, "/t", NEW_TO_WRITE, &target));
    OK(c, pc_write(c, target, 0, "<", 1));
    uint32_t status = copy_part(c, "/s", 2, 4, target, 1);
    OK(c, pc_close(c, target));
    EXPECT(c, status == SP_FS_OK || status == SP_FS_OP_UNSUPPORTED);
    OK(c, pc_compare(c, "/t", status == SP_FS_OK ? "<2345" : "<"));
}

static void copy_nothing_onto_itself(struct checker *c)
{
    uint64_t handle;
    OK(c, pc_put(c, "/s", "0123456789"));
    OK(c, pc_open(c, "/s", SP_OPEN_WRITE, &handle));
    EXPECT(c, copy_part(c, "/s", 0, 4, handle, 2) != SP_FS_OK);
    OK(c, pc_close(c, handle));
    OK(c, pc_compare(c, "/s", "0123456789"));
}

static void delete_on_close(struct checker *c)
{
    uint64_t handle;
    OK(c, pc_open(c, "/f", NEW | SP_OPEN_DELETE_ON_CLOSE, &handle));
    OK(c, pc_write(c, handle, 0, "x", 1));
    EXPECT_STATUS(c, pc_open(c, "/f", SP_OPEN_READ, NULL), SP_FS_DELETE_PENDING);
    OK(c, pc_close(c, handle));
    EXPECT_STATUS(c, pc_stat(c, "/f", 0, 0)->status, SP_FS_NO_SUCH_FILE);
}

/* --- attributes --- */

static void tell_attributes(struct checker *c)
{
    OK(c, pc_put(c, "/f", "12345"));
    OK(c, pc_mkdir(c, "/d"));
    const struct test_answer *answer = pc_stat(c, "/f", 0, 0);
    OK(c, answer->status);
    const struct sp_fs_attributes *a = answer->fs.attributes;
    EXPECT(c, a && a->valid & SP_ATTR_SIZE && a->size == 5);
    EXPECT(c, a->valid & SP_ATTR_TYPE && a->type == SP_FILE_REGULAR);
    EXPECT(c, !c->support.struct_size || !(a->valid & ~c->support.attributes));
    EXPECT(c, !(a->bits_valid & ~c->support.attribute_bits));
    a = pc_attributes(c, "/d", 0, 0);
    EXPECT(c, a && a->valid & SP_ATTR_TYPE && a->type == SP_FILE_DIRECTORY);
    a = pc_attributes(c, "/", 0, 0);
    EXPECT(c, a && a->type == SP_FILE_DIRECTORY);
    EXPECT_STATUS(c, pc_stat(c, "/absent", 0, 0)->status, SP_FS_NO_SUCH_FILE);
    uint32_t status = pc_stat(c, "/f/below", 0, 0)->status;
    EXPECT(c, status == SP_FS_NOT_A_DIRECTORY || status == SP_FS_NO_SUCH_FILE);
}

static void set_permissions(struct checker *c)
{
    struct sp_fs_attributes mode = {
        .struct_size = sizeof mode, .valid = SP_ATTR_PERMISSIONS, .mode = 0640};
    OK(c, pc_put(c, "/f", "x"));
    OK(c, pc_set(c, "/f", &mode));
    EXPECT(c, (pc_attributes(c, "/f", 0, 0)->mode & 0777u) == 0640);
    OK(c, pc_compare(c, "/f", "x"));
}

static void set_times(struct checker *c)
{
    struct sp_fs_attributes times = {.struct_size = sizeof times,
                                     .valid = SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME,
                                     .access_time = {.seconds = 1000000000},
                                     .modify_time = {.seconds = 1234567890}};
    OK(c, pc_put(c, "/f", "x"));
    OK(c, pc_set(c, "/f", &times));
    const struct sp_fs_attributes *a = pc_attributes(c, "/f", 0, 0);
    EXPECT(c, a->valid & SP_ATTR_MODIFY_TIME && a->modify_time.seconds == 1234567890);
    EXPECT(c, a->valid & SP_ATTR_ACCESS_TIME && a->access_time.seconds == 1000000000);
    times.valid = SP_ATTR_MODIFY_TIME; /* and nothing else */
    times.modify_time.seconds = 7;
    OK(c, pc_set(c, "/f", &times));
    a = pc_attributes(c, "/f", 0, 0);
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
    OK(c, pc_put(c, "/f", "x"));
    OK(c, pc_set(c, "/f", &list));
    const struct sp_fs_attributes *a = pc_attributes(c, "/f", 0, SP_ATTR_ACL);
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

/* --- at the same time --- */

static void lock_ranges(struct checker *c)
{
    uint64_t one;
    uint64_t two;
    uint32_t flags = SP_LOCK_WRITE;
    OK(c, pc_open(c, "/f", NEW, &one));
    OK(c, pc_open(c, "/f", RW, &two));
    OK(c, pc_lock(c, one, 100, 50, flags));
    EXPECT_STATUS(c, pc_lock(c, two, 149, 1, flags), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    EXPECT_STATUS(c, pc_lock(c, two, 0, 0, flags), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    EXPECT_STATUS(c, pc_lock(c, one, 120, 1, flags), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    OK(c, pc_lock(c, two, 0, 100, flags));
    OK(c, pc_lock(c, two, 150, 0, flags));
    EXPECT_STATUS(c, pc_unlock(c, one, 100, 49), SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
    EXPECT_STATUS(c, pc_unlock(c, two, 100, 50), SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
    OK(c, pc_unlock(c, one, 100, 50));
    EXPECT_STATUS(c, pc_unlock(c, one, 100, 50), SP_FS_NO_MATCHING_BYTE_RANGE_LOCK);
    OK(c, pc_lock(c, two, 100, 50, flags));
    OK(c, pc_close(c, two)); /* gives all of them back */
    OK(c, pc_lock(c, one, 0, 0, flags));
    EXPECT(c, pc_lock(c, one, 0, 1, 0) != SP_FS_OK);
}

/* Locks that are not advisory bind those who never asked for any. */
static void enforce_locks(struct checker *c)
{
    char buffer[4];
    uint64_t one;
    uint64_t two;
    if (c->support.lock_flags & SP_LOCK_ADVISORY)
        return;
    OK(c, pc_put(c, "/f", "0123456789"));
    OK(c, pc_open(c, "/f", RW, &one));
    OK(c, pc_open(c, "/f", RW, &two));
    OK(c, pc_lock(c, one, 4, 4, SP_LOCK_READ | SP_LOCK_WRITE));
    EXPECT_STATUS(c, pc_read(c, two, 2, buffer, 3)->status, SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    EXPECT_STATUS(c, pc_write(c, two, 7, "x", 1), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    OK(c, pc_write(c, two, 8, "x", 1));
    OK(c, pc_write(c, one, 4, "y", 1));
    EXPECT(c, pc_read(c, two, 0, buffer, 4)->status == SP_FS_OK);
    struct sp_fs_attributes size = {.struct_size = sizeof size, .valid = SP_ATTR_SIZE, .size = 5};
    EXPECT_STATUS(c, pc_set(c, "/f", &size), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    EXPECT_STATUS(c, pc_open(c, "/f", NEW, NULL), SP_FS_BYTE_RANGE_LOCK_CONFLICT);
    OK(c, pc_unlock(c, one, 4, 4));
    OK(c, pc_compare(c, "/f", "0123y567x9"));
}

static void keep_others_off(struct checker *c)
{
    uint64_t handle;
    OK(c, pc_put(c, "/f", "text"));
    OK(c, pc_open(c, "/f", SP_OPEN_READ | SP_OPEN_BLOCK_WRITE, &handle));
    EXPECT_STATUS(c, pc_open(c, "/f", SP_OPEN_WRITE, NULL), SP_FS_LOCK_CONFLICT);
    EXPECT_STATUS(c, pc_open(c, "/f", SP_OPEN_READ | SP_OPEN_BLOCK_READ, NULL),
                  SP_FS_LOCK_CONFLICT);
    OK(c, pc_compare(c, "/f", "text"));
    OK(c, pc_close(c, handle));
    OK(c, pc_open(c, "/f", RW | SP_OPEN_BLOCK_DELETE, &handle));
    EXPECT_STATUS(c, pc_remove(c, "/f"), SP_FS_LOCK_CONFLICT);
    EXPECT_STATUS(c, pc_pair(c, SLOT(rename), "/f", "/g", 0), SP_FS_LOCK_CONFLICT);
    OK(c, pc_close(c, handle));
    OK(c, pc_pair(c, SLOT(rename), "/f", "/g", 0));
}

const struct behaviour provider_file_behaviours[] = {
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
    BEHAVIOUR(copy_nothing_onto_itself, SLOT(copy)),
    {"delete_on_close", delete_on_close, {SLOT(write)}, .open_flags = SP_OPEN_DELETE_ON_CLOSE},
    BEHAVIOUR(tell_attributes, SLOT(write), SLOT(mkdir)),
    {"set_permissions", set_permissions, {SLOT(setstat)}, .attributes_set = SP_ATTR_PERMISSIONS},
    {"set_times",
     set_times,
     {SLOT(setstat)},
     .attributes_set = SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME},
    {"keep_access_lists", keep_access_lists, {SLOT(setstat)}, .attributes_set = SP_ATTR_ACL},
    BEHAVIOUR(tell_the_space, SLOT(statvfs)),
    {"lock_ranges", lock_ranges, {SLOT(lock), SLOT(unlock)}, .lock_flags = SP_LOCK_WRITE},
    {"enforce_locks",
     enforce_locks,
     {SLOT(lock), SLOT(unlock), SLOT(setstat)},
     .lock_flags = SP_LOCK_READ | SP_LOCK_WRITE},
    {"keep_others_off",
     keep_others_off,
     {SLOT(rename), SLOT(remove)},
     .open_flags = SP_OPEN_BLOCK_READ | SP_OPEN_BLOCK_WRITE | SP_OPEN_BLOCK_DELETE},
    {.name = NULL},
};
