/*
 * test_world.h: a pretended file system as two workers' hosts are asked about it, for the tests of
 * sftp-quota.
 */
#ifndef SFTP_QUOTA_TEST_WORLD_H
#define SFTP_QUOTA_TEST_WORLD_H

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sftp-quota/ledger.h"
#include "test_host.h"

#define FILES 12u
#define HANDLES 8u
#define WRITES (SP_OPEN_WRITE | SP_OPEN_CREATE)

static struct test_host *hosts[2];
static char directory[64];
static uint64_t acts, file_numbers;

/* --- a file system, as far as it matters --------------------------------------------------- */

struct node {
    uint64_t size;
    unsigned names, handles;
};
struct handle {
    struct node *node; /* NULL: free */
    unsigned host;
    uint64_t file;
    uint32_t flags;
    char path[32];
};
struct named {
    char path[32]; /* "": free */
    struct node *node;
};
static struct named names[FILES];
static struct handle handles[HANDLES];

static inline struct named *find(const char *path)
{
    for (size_t i = 0; i < FILES; i++)
        if (strcmp(names[i].path, path) == 0)
            return &names[i];
    return NULL;
}

static inline void put_node(struct node *node)
{
    if (node->names == 0 && node->handles == 0)
        free(node);
}

static inline void unname(struct named *named)
{
    struct node *node = named->node;
    *named = (struct named){0};
    node->names--;
    put_node(node);
}

static inline void name(const char *path, struct node *node)
{
    struct named *free_one = find("");
    assert_non_null(free_one);
    snprintf(free_one->path, sizeof free_one->path, "%s", path);
    free_one->node = node;
    node->names++;
}

/* Of everything, or of what lies below: each file once, by its names and handles. */
static inline uint64_t held(const char *below)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < FILES; i++) {
        bool is_first = names[i].path[0] && strncmp(names[i].path, below, strlen(below)) == 0;
        for (size_t k = 0; k < i && is_first; k++)
            is_first = names[k].node != names[i].node;
        sum += is_first ? names[i].node->size : 0;
    }
    for (size_t i = 0; i < HANDLES; i++) {
        bool is_first = handles[i].node && handles[i].node->names == 0 &&
                        strncmp(handles[i].path, below, strlen(below)) == 0;
        for (size_t k = 0; k < i && is_first; k++)
            is_first = handles[k].node != handles[i].node;
        sum += is_first ? handles[i].node->size : 0;
    }
    return sum;
}

static inline uint64_t held_files(const char *below)
{
    uint64_t count = 0;
    for (size_t i = 0; i < FILES; i++)
        count += names[i].path[0] && strncmp(names[i].path, below, strlen(below)) == 0;
    return count;
}

/* --- operations, as the core asks about them ----------------------------------------------- */

static struct sp_fs_attributes attributes[2];

static inline const struct sp_fs_attributes *existing(const struct node *node, int i)
{
    if (!node)
        return NULL;
    attributes[i] =
        (struct sp_fs_attributes){.struct_size = sizeof attributes[i],
                                  .valid = SP_ATTR_SIZE | SP_ATTR_TYPE | SP_ATTR_LINK_COUNT,
                                  .size = node->size,
                                  .type = SP_FILE_REGULAR,
                                  .link_count = node->names};
    return &attributes[i];
}

static inline const struct sp_fs_attributes *existing_path(const char *path, int i)
{
    struct named *named = find(path);
    return existing(named ? named->node : NULL, i);
}

static inline struct sp_sftp_event about(uint32_t family, const char *operation, const char *path)
{
    return (struct sp_sftp_event){.channel = 7,
                                  .act = ++acts,
                                  .family = family,
                                  .protocol = SP_SFTP_PROTOCOL_SFTP,
                                  .version = 3,
                                  .name = sp_str_of(operation),
                                  .path = sp_str_of(path)};
}

static const char *refusal; /* the words of the last one */
static struct sp_sftp_reply changed;

static inline uint32_t before(unsigned host, struct sp_sftp_event *event)
{
    const struct test_answer *answer = TEST_SFTP(hosts[host], before, event);
    event->head.token = 0;
    changed = answer->sftp;
    if (answer->verdict == SP_NEXT) {
        if (answer->sftp.changes & SP_SFTP_CHANGE_RANGE)
            event->length = answer->sftp.length;
        return SP_FS_OK;
    }
    assert_int_equal(answer->verdict, SP_DENY);
    refusal = answer->sftp.text.data;
    return answer->status;
}

static inline uint32_t after(unsigned host, struct sp_sftp_event *event, uint32_t status)
{
    event->status = status;
    assert_int_equal(TEST_SFTP(hosts[host], after, event)->verdict, SP_NEXT);
    return status;
}

static inline struct handle *open_file(unsigned host, const char *path, uint32_t flags)
{
    struct handle *handle = handles;
    while (handle < handles + HANDLES && handle->node)
        handle++;
    if (handle == handles + HANDLES)
        return NULL;
    struct sp_sftp_event event = about(SP_SFTP_OPEN, "open", path);
    event.flags = flags;
    event.existing = existing_path(path, 0);
    uint32_t status = before(host, &event);
    struct named *named = find(path);
    if (status == SP_FS_OK && !named && !(flags & SP_OPEN_CREATE && find("")))
        status = SP_FS_NO_SUCH_FILE;
    if (status == SP_FS_OK) {
        if (!named)
            name(path, calloc(1, sizeof(struct node)));
        *handle = (struct handle){
            .node = find(path)->node, .host = host, .file = ++file_numbers, .flags = flags};
        snprintf(handle->path, sizeof handle->path, "%s", path);
        handle->node->handles++;
        if (flags & SP_OPEN_TRUNCATE)
            handle->node->size = 0;
        event.file = handle->file;
    }
    return after(host, &event, status) == SP_FS_OK ? handle : NULL;
}

static inline uint32_t close_file(struct handle *handle)
{
    struct sp_sftp_event event = about(SP_SFTP_CLOSE, "close", handle->path);
    event.file = handle->file;
    event.flags = handle->flags;
    event.existing = handle->flags & SP_OPEN_WRITE ? existing(handle->node, 0) : NULL;
    handle->node->handles--;
    put_node(handle->node);
    handle->node = NULL;
    return after(handle->host, &event, SP_FS_OK);
}

static inline uint32_t write_file(struct handle *handle, uint64_t offset, uint64_t length,
                                  bool fails)
{
    struct sp_sftp_event event = about(SP_SFTP_WRITE, "write", handle->path);
    event.file = handle->file;
    event.flags = handle->flags;
    event.offset = offset;
    event.length = length;
    uint32_t status = before(handle->host, &event);
    if (status == SP_FS_OK && fails)
        status = SP_FS_NO_SPACE_ON_FILESYSTEM;
    if (status == SP_FS_OK) {
        uint64_t end = (handle->flags & SP_OPEN_APPEND ? handle->node->size : offset) + length;
        handle->node->size = end > handle->node->size ? end : handle->node->size;
    }
    return after(handle->host, &event, status);
}

static inline uint32_t copy(struct handle *from, struct handle *to, uint64_t offset,
                            uint64_t offset_to, uint64_t length)
{
    struct sp_sftp_event event = about(SP_SFTP_READ | SP_SFTP_WRITE, "copy-data", from->path);
    event.target = sp_str_of(to->path);
    event.file = from->file;
    event.file_target = to->file;
    event.offset = offset;
    event.offset_target = offset_to;
    event.length = length;
    event.existing = existing(from->node, 0);
    event.existing_target = existing(to->node, 1);
    uint32_t status = before(to->host, &event);
    uint64_t there = from->node->size > offset ? from->node->size - offset : 0;
    if (status == SP_FS_OK) {
        bool is_short = event.length > there;
        event.count = is_short || event.length == 0 ? there : event.length;
        uint64_t end = offset_to + event.count;
        if (event.count > 0 && end > to->node->size)
            to->node->size = end;
        status = is_short ? SP_FS_EOF : SP_FS_OK;
    }
    return after(to->host, &event, status);
}

static inline uint32_t resize(unsigned host, const char *path, struct handle *handle, uint64_t size)
{
    struct sp_fs_attributes wish = {
        .struct_size = sizeof wish, .valid = SP_ATTR_SIZE, .size = size};
    struct sp_sftp_event event =
        about(SP_SFTP_ATTRIBUTES_SET, handle ? "fsetstat" : "setstat", path);
    event.attributes = &wish;
    event.file = handle ? handle->file : 0;
    event.existing = handle ? existing(handle->node, 0) : existing_path(path, 0);
    uint32_t status = before(host, &event);
    struct named *named = find(path);
    if (status == SP_FS_OK && !handle && !named)
        status = SP_FS_NO_SUCH_FILE;
    if (status == SP_FS_OK)
        (handle ? handle->node : named->node)->size = size;
    return after(host, &event, status);
}

static inline uint32_t remove_file(unsigned host, const char *path)
{
    struct sp_sftp_event event = about(SP_SFTP_REMOVE, "remove", path);
    event.existing = existing_path(path, 0);
    uint32_t status = before(host, &event);
    struct named *named = find(path);
    if (status == SP_FS_OK && !named)
        status = SP_FS_NO_SUCH_FILE;
    if (status == SP_FS_OK)
        unname(named);
    return after(host, &event, status);
}

static inline uint32_t rename_file(unsigned host, const char *from, const char *to, uint32_t flags)
{
    struct sp_sftp_event event = about(SP_SFTP_RENAME, "rename", from);
    event.target = sp_str_of(to);
    event.flags = flags;
    event.existing = existing_path(from, 0);
    event.existing_target = existing_path(to, 1);
    uint32_t status = before(host, &event);
    struct named *source = find(from), *target = find(to);
    if (status == SP_FS_OK && !source)
        status = SP_FS_NO_SUCH_FILE;
    if (status == SP_FS_OK && target && !(flags & SP_RENAME_OVERWRITE))
        status = SP_FS_FILE_ALREADY_EXISTS;
    /* rename(2) does nothing with two names of one file. */
    if (status == SP_FS_OK && source != target && !(target && target->node == source->node)) {
        if (target)
            unname(target);
        snprintf(source->path, sizeof source->path, "%s", to);
    }
    return after(host, &event, status);
}

static inline uint32_t make(unsigned host, uint32_t family, const char *operation, const char *path,
                            const char *target, uint32_t outcome)
{
    struct sp_sftp_event event = about(family, operation, path);
    event.target = sp_str_of(target);
    uint32_t status = before(host, &event);
    return after(host, &event, status == SP_FS_OK ? outcome : status);
}

/* --- the plugin ---------------------------------------------------------------------------- */

static inline void begin_with(const char *more, const char *limits)
{
    char config[1024];
    snprintf(config, sizeof config, "{\"directory\":\"%s\",%s,\"limits\":[%s]}", directory, more,
             limits);
    for (size_t i = 0; i < 2; i++) {
        test_host_free(hosts[i]);
        hosts[i] = test_host_new(&sallyport_plugin_v1, config);
        assert_non_null(hosts[i]);
        test_host_connection(hosts[i])->user = sp_str_of("ann");
    }
}

static inline void begin(const char *limits)
{
    begin_with("\"links\":\"deny\"", limits);
}

static inline void read_ledger(const char *ledger, uint64_t *ret_bytes, uint64_t *ret_files)
{
    char path[128];
    uint64_t sums[2];
    snprintf(path, sizeof path, "%s/%s.quota", directory, ledger);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, sums, sizeof sums, 8), sizeof sums);
    close(fd);
    *ret_bytes = sums[0];
    *ret_files = sums[1];
}

static inline void expect(const char *ledger, uint64_t bytes, uint64_t files)
{
    uint64_t is_bytes, is_files;
    read_ledger(ledger, &is_bytes, &is_files);
    assert_int_equal(is_bytes, bytes);
    assert_int_equal(is_files, files);
}

static inline int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/test_sftp_quota.XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static inline int unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        test_host_free(hosts[i]);
        hosts[i] = NULL;
    }
    for (size_t i = 0; i < HANDLES; i++)
        if (handles[i].node) {
            handles[i].node->handles--;
            put_node(handles[i].node);
            handles[i].node = NULL;
        }
    for (size_t i = 0; i < FILES; i++)
        if (names[i].path[0])
            unname(&names[i]);
    return nftw(directory, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
