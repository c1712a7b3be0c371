/*
 * storage.h: for the tests of storage providers: one view of one instance in the SDK's test host,
 * and its files. Include it after cmocka.h.
 */
#ifndef SALLYPORT_TESTS_STORAGE_H
#define SALLYPORT_TESTS_STORAGE_H

#include <stdint.h>

#include "test_host.h"

#define RW (SP_OPEN_READ | SP_OPEN_WRITE)
#define NEW (RW | SP_OPEN_CREATE | SP_OPEN_TRUNCATE)

static struct test_host *host;
static uint64_t view;
static const struct sp_fs_attributes none = {.struct_size = sizeof none};

static inline uint64_t attach(const char *root)
{
    struct sp_fs_attach event = {.mount = sp_str_of("/"), .root = sp_str_of(root)};
    const struct test_answer *answer = TEST_FS(host, attach, &event);
    assert_int_equal(answer->status, SP_FS_OK);
    return answer->fs.handle;
}

static inline const struct test_answer *try_open(const char *path, uint32_t flags)
{
    struct sp_fs_create event = {
        .view = view, .path = sp_str_of(path), .flags = flags, .attributes = &none};
    return TEST_FS(host, open, &event);
}

static inline uint64_t open_file(const char *path, uint32_t flags)
{
    const struct test_answer *answer = try_open(path, flags);
    assert_int_equal(answer->status, SP_FS_OK);
    return answer->fs.handle;
}

static inline void close_file(uint64_t handle)
{
    struct sp_fs_handle event = {.view = view, .handle = handle};
    assert_int_equal(TEST_FS(host, close, &event)->status, SP_FS_OK);
}

static inline const struct test_answer *read_at(uint64_t handle, uint64_t offset, void *buffer,
                                                uint64_t length)
{
    struct sp_fs_io event = {
        .view = view, .handle = handle, .offset = offset, .length = length, .buffer = buffer};
    return TEST_FS(host, read, &event);
}

#endif
