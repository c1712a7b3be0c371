/*
 * provider_check.c: see provider_check.h: asks a provider, tidies up after each behaviour, counts.
 * Called by tests, on one thread.
 */
#include "provider_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider_private.h"

#define DEPTH_MOST 16

static const struct sp_fs_attributes none = {.struct_size = sizeof none};

void pc_fail(struct checker *c, const char *what, int line)
{
    c->has_failed = true;
    fprintf(stderr, "provider_check: %s: expected %s (line %d)\n", c->behaviour, what, line);
}

void pc_fail_status(struct checker *c, const char *what, uint32_t status, uint32_t expected,
                    int line)
{
    c->has_failed = true;
    fprintf(stderr, "provider_check: %s: %s gave status %u, expected %u (line %d)\n", c->behaviour,
            what, status, expected, line);
}

/* --- questions --- */

uint32_t pc_open(struct checker *c, const char *path, uint32_t flags, uint64_t *ret_handle)
{
    struct sp_fs_create event = {
        .view = c->view, .path = sp_str_of(path), .flags = flags, .attributes = &none};
    const struct test_answer *answer = TEST_FS(c->host, open, &event);
    if (answer->status == SP_FS_OK && c->handles_count < HANDLES_MOST)
        c->handles[c->handles_count++] = answer->fs.handle;
    if (ret_handle)
        *ret_handle = answer->fs.handle;
    return answer->status;
}

uint32_t pc_close(struct checker *c, uint64_t handle)
{
    struct sp_fs_handle event = {.view = c->view, .handle = handle};
    for (unsigned i = 0; i < c->handles_count; i++)
        if (c->handles[i] == handle) {
            c->handles[i] = c->handles[--c->handles_count];
            break;
        }
    return TEST_FS(c->host, close, &event)->status;
}

const struct test_answer *pc_read(struct checker *c, uint64_t handle, uint64_t offset, void *buffer,
                                  uint64_t length)
{
    struct sp_fs_io event = {
        .view = c->view, .handle = handle, .offset = offset, .length = length, .buffer = buffer};
    return TEST_FS(c->host, read, &event);
}

uint32_t pc_write(struct checker *c, uint64_t handle, uint64_t offset, const void *data,
                  uint64_t length)
{
    uint64_t done = 0;
    do {
        struct sp_fs_io event = {.view = c->view,
                                 .handle = handle,
                                 .offset = offset + done,
                                 .length = length - done,
                                 .buffer = (char *)(uintptr_t)data + done};
        const struct test_answer *answer = TEST_FS(c->host, write, &event);
        if (answer->status != SP_FS_OK)
            return answer->status;
        if (answer->fs.count == 0 || answer->fs.count > length - done)
            return SP_FS_FAILURE;
        done += answer->fs.count;
    } while (done < length);
    return SP_FS_OK;
}

uint32_t pc_put(struct checker *c, const char *path, const char *text)
{
    uint64_t handle;
    uint32_t status = pc_open(c, path, SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE, &handle);
    if (status == SP_FS_OK && *text)
        status = pc_write(c, handle, 0, text, strlen(text));
    return status == SP_FS_OK ? pc_close(c, handle) : status;
}

uint32_t pc_compare(struct checker *c, const char *path, const char *text)
{
    char buffer[1024];
    uint64_t handle;
    uint64_t done = 0;
    uint32_t status = pc_open(c, path, SP_OPEN_READ, &handle);
    if (status != SP_FS_OK)
        return status;
    for (;;) {
        const struct test_answer *answer =
            pc_read(c, handle, done, buffer + done, sizeof buffer - done);
        if (answer->status != SP_FS_OK && answer->status != SP_FS_EOF)
            return answer->status;
        done += answer->status == SP_FS_OK ? answer->fs.count : 0;
        if (answer->status == SP_FS_EOF || answer->fs.eof || answer->fs.count == 0)
            break;
    }
    status = pc_close(c, handle);
    if (status == SP_FS_OK && (done != strlen(text) || memcmp(buffer, text, done) != 0))
        status = SP_FS_FILE_CORRUPT;
    return status;
}

const struct test_answer *pc_stat(struct checker *c, const char *path, uint32_t flags,
                                  uint32_t wanted)
{
    struct sp_fs_path event = {
        .view = c->view, .path = sp_str_of(path), .flags = flags, .wanted = wanted};
    return TEST_FS(c->host, stat, &event);
}

const struct sp_fs_attributes *pc_attributes(struct checker *c, const char *path, uint32_t flags,
                                             uint32_t wanted)
{
    static const struct sp_fs_attributes nothing = {.size = UINT64_MAX};
    const struct test_answer *answer = pc_stat(c, path, flags, wanted);
    bool is_told = answer->status == SP_FS_OK && answer->fs.attributes;
    return is_told ? answer->fs.attributes : &nothing;
}

uint32_t pc_set(struct checker *c, const char *path, const struct sp_fs_attributes *attributes)
{
    struct sp_fs_create event = {
        .view = c->view, .path = sp_str_of(path), .attributes = attributes};
    return TEST_FS(c->host, setstat, &event)->status;
}

uint32_t pc_mkdir(struct checker *c, const char *path)
{
    struct sp_fs_create event = {.view = c->view, .path = sp_str_of(path), .attributes = &none};
    return TEST_FS(c->host, mkdir, &event)->status;
}

uint32_t pc_rmdir(struct checker *c, const char *path)
{
    struct sp_fs_path event = {.view = c->view, .path = sp_str_of(path)};
    return TEST_FS(c->host, rmdir, &event)->status;
}

uint32_t pc_remove(struct checker *c, const char *path)
{
    struct sp_fs_path event = {.view = c->view, .path = sp_str_of(path)};
    return TEST_FS(c->host, remove, &event)->status;
}

uint32_t pc_pair(struct checker *c, size_t slot, const char *path, const char *target,
                 uint32_t flags)
{
    struct sp_fs_pair event = {
        .view = c->view, .path = sp_str_of(path), .target = sp_str_of(target), .flags = flags};
    if (slot == SLOT(rename))
        return TEST_FS(c->host, rename, &event)->status;
    if (slot == SLOT(link))
        return TEST_FS(c->host, link, &event)->status;
    return TEST_FS(c->host, symlink, &event)->status;
}

uint32_t pc_opendir(struct checker *c, const char *path, uint64_t *ret_handle)
{
    struct sp_fs_path event = {.view = c->view, .path = sp_str_of(path)};
    const struct test_answer *answer = TEST_FS(c->host, opendir, &event);
    *ret_handle = answer->fs.handle;
    return answer->status;
}

const struct test_answer *pc_readdir(struct checker *c, uint64_t handle, uint64_t count)
{
    struct sp_fs_handle event = {.view = c->view, .handle = handle, .count = count};
    return TEST_FS(c->host, readdir, &event);
}

uint32_t pc_closedir(struct checker *c, uint64_t handle)
{
    struct sp_fs_handle event = {.view = c->view, .handle = handle};
    return TEST_FS(c->host, closedir, &event)->status;
}

uint32_t pc_lock(struct checker *c, uint64_t handle, uint64_t offset, uint64_t length,
                 uint32_t flags)
{
    struct sp_fs_lock event = {.view = c->view,
                               .handle = handle,
                               .offset = offset,
                               .length = length,
                               .flags = flags | (c->support.lock_flags & SP_LOCK_ADVISORY)};
    return TEST_FS(c->host, lock, &event)->status;
}

uint32_t pc_unlock(struct checker *c, uint64_t handle, uint64_t offset, uint64_t length)
{
    struct sp_fs_lock event = {
        .view = c->view, .handle = handle, .offset = offset, .length = length};
    return TEST_FS(c->host, unlock, &event)->status;
}

/* --- tidying up --- */

static bool remove_one(struct checker *c, const char *path, uint32_t type, int depth);

/* Everything in the directory. */
static bool empty(struct checker *c, const char *path, int depth)
{
    uint64_t handle;
    if (pc_opendir(c, path, &handle) != SP_FS_OK)
        return false;
    bool is_done = false;
    bool is_well = true;
    while (is_well && !is_done) {
        const struct test_answer *answer = pc_readdir(c, handle, 100);
        is_well = answer->status == SP_FS_OK || answer->status == SP_FS_EOF;
        is_done = answer->status != SP_FS_OK || answer->fs.eof || !answer->fs.entries_count;
        for (uint64_t i = 0; is_well && i < answer->fs.entries_count; i++) {
            char name[4096];
            snprintf(name, sizeof name, "%s/%s", strcmp(path, "/") == 0 ? "" : path,
                     answer->fs.entries[i].name.data);
            is_well = remove_one(c, name, answer->fs.entries[i].attributes.type, depth + 1);
        }
    }
    return pc_closedir(c, handle) == SP_FS_OK && is_well;
}

static bool remove_one(struct checker *c, const char *path, uint32_t type, int depth)
{
    if (type != SP_FILE_DIRECTORY)
        return pc_remove(c, path) == SP_FS_OK;
    return depth < DEPTH_MOST && c->slots->rmdir && empty(c, path, depth) &&
           pc_rmdir(c, path) == SP_FS_OK;
}

static void tidy(struct checker *c)
{
    while (c->handles_count > 0)
        pc_close(c, c->handles[0]);
    if (c->slots->remove && !empty(c, "/", 0) && !c->has_failed)
        pc_fail(c, "that what a behaviour leaves can be removed", __LINE__);
    test_host_forget(c->host);
}

/* --- the run --- */

static bool has_slot(const struct sp_fs_v1 *slots, size_t offset)
{
    void (*slot)(void);
    if (slots->struct_size < offset + sizeof slot)
        return false;
    memcpy(&slot, (const char *)slots + offset, sizeof slot);
    return slot != NULL;
}

static bool is_claimed(const struct checker *c, const struct behaviour *b)
{
    for (size_t i = 0; i < sizeof b->slots / sizeof *b->slots && b->slots[i]; i++)
        if (!has_slot(c->slots, b->slots[i]))
            return false;
    return (b->open_flags & ~c->support.open_flags) == 0 &&
           (b->lock_flags & ~c->support.lock_flags) == 0 &&
           (b->attributes_set & ~c->support.attributes_set) == 0;
}

static bool is_excepted(const struct provider_check *check, const char *name)
{
    for (const char *const *e = check->except; e && *e; e++)
        if (strcmp(*e, name) == 0)
            return true;
    return check->only && strcmp(check->only, name) != 0;
}

static const struct behaviour *const tables[] = {provider_file_behaviours,
                                                 provider_name_behaviours};
#define TABLES (sizeof tables / sizeof *tables)

static bool is_known(const char *name)
{
    for (size_t t = 0; t < TABLES; t++)
        for (const struct behaviour *b = tables[t]; b->name; b++)
            if (strcmp(b->name, name) == 0)
                return true;
    fprintf(stderr, "provider_check: there is no behaviour named %s\n", name);
    return false;
}

static unsigned unknown_names(const struct provider_check *check)
{
    unsigned count = check->only && !is_known(check->only);
    for (const char *const *e = check->except; e && *e; e++)
        count += !is_known(*e);
    return count;
}

static bool attach(struct checker *c)
{
    if (!c->slots->attach)
        return true;
    struct sp_fs_attach event = {.mount = sp_str_of("/"), .root = sp_str_of(c->root)};
    const struct test_answer *answer = TEST_FS(c->host, attach, &event);
    c->view = answer->fs.handle;
    if (answer->status == SP_FS_OK && answer->fs.support)
        c->support = *answer->fs.support;
    return answer->status == SP_FS_OK;
}

static void detach(struct checker *c)
{
    struct sp_fs_path event = {.view = c->view, .path = sp_str_of("")};
    if (c->slots->detach)
        TEST_FS(c->host, detach, &event);
}

/* 1 if it failed. */
static unsigned run(struct checker *c, const struct behaviour *behaviour)
{
    c->behaviour = behaviour->name;
    c->has_failed = false;
    behaviour->run(c);
    tidy(c);
    return c->has_failed;
}

unsigned provider_check(const struct provider_check *check)
{
    struct checker c = {
        .host = check->host,
        .root = check->root ? check->root : "",
        .slots = test_host_table(check->host, SP_FS_INTERFACE),
        .behaviour = "attach",
        /* what a provider without support can do, as fs.h says */
        .support = {.open_flags = (SP_OPEN_NOFOLLOW << 1) - 1,
                    .attributes_set = SP_ATTR_SIZE | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |
                                      SP_ATTR_MODIFY_TIME},
    };
    unsigned failed = unknown_names(check);
    if (!c.slots || !attach(&c)) {
        pc_fail(&c, "that it can be attached to", __LINE__);
        return failed + 1;
    }
    for (size_t t = 0; t < TABLES; t++)
        for (const struct behaviour *b = tables[t]; b->name; b++)
            if (is_claimed(&c, b) && !is_excepted(check, b->name))
                failed += run(&c, b);
    detach(&c);
    return failed;
}
