/*
 * provider_private.h: between the parts of provider_check: provider_check.c, which asks a
 * provider and tidies up, and provider_behaviours.c and provider_names.c, which say what the
 * answers must be.
 */
#ifndef SALLYPORT_PROVIDER_PRIVATE_H
#define SALLYPORT_PROVIDER_PRIVATE_H

#include "provider_check.h"

#define HANDLES_MOST 8

struct checker {
    struct test_host *host;
    const struct sp_fs_v1 *slots;
    const char *root; /* as attached to */
    uint64_t view;
    struct sp_fs_support support;
    const char *behaviour;
    bool has_failed;
    uint64_t handles[HANDLES_MOST]; /* open files, to be closed at the end of a behaviour */
    unsigned handles_count;
};

struct behaviour {
    const char *name;
    void (*run)(struct checker *c);
    size_t slots[4];     /* offsets in struct sp_fs_v1 of what it takes; 0 ends */
    uint32_t open_flags; /* of support, likewise … */
    uint32_t lock_flags;
    uint32_t attributes_set;
};

/* Each ends without a name. */
extern const struct behaviour provider_file_behaviours[];
extern const struct behaviour provider_name_behaviours[];

#define BEHAVIOUR(name, ...)                                                                       \
    {                                                                                              \
#name, name, .slots = { __VA_ARGS__ }                                                      \
    }

#define RW (SP_OPEN_READ | SP_OPEN_WRITE)
#define NEW (RW | SP_OPEN_CREATE | SP_OPEN_TRUNCATE)
#define NEW_TO_WRITE (SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE)

/* In a behaviour: what must be so, or the behaviour has failed and ends. */
#define EXPECT(c, condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            pc_fail((c), #condition, __LINE__);                                                    \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define EXPECT_STATUS(c, question, expected)                                                       \
    do {                                                                                           \
        uint32_t status_ = (question);                                                             \
        if (status_ != (expected)) {                                                               \
            pc_fail_status((c), #question, status_, (expected), __LINE__);                         \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define OK(c, question) EXPECT_STATUS(c, question, SP_FS_OK)

void pc_fail(struct checker *c, const char *what, int line);
void pc_fail_status(struct checker *c, const char *what, uint32_t status, uint32_t expected,
                    int line);

/* pc_: plugins have functions of their own that are called do_open.
 *
 * Questions. Each returns the status, SP_FS_*. What they give lives until the behaviour ends. */
uint32_t pc_open(struct checker *c, const char *path, uint32_t flags, uint64_t *ret_handle);
uint32_t pc_close(struct checker *c, uint64_t handle);
/* The answer has count and eof. */
const struct test_answer *pc_read(struct checker *c, uint64_t handle, uint64_t offset, void *buffer,
                                  uint64_t length);
/* Writes all of it, in as many steps as the provider wants. */
uint32_t pc_write(struct checker *c, uint64_t handle, uint64_t offset, const void *data,
                  uint64_t length);
uint32_t pc_put(struct checker *c, const char *path, const char *text);
/* SP_FS_OK if the file holds exactly the text. */
uint32_t pc_compare(struct checker *c, const char *path, const char *text);
const struct test_answer *pc_stat(struct checker *c, const char *path, uint32_t flags,
                                  uint32_t wanted);
/* The attributes of that answer; if there are none, nothing is valid. */
const struct sp_fs_attributes *pc_attributes(struct checker *c, const char *path, uint32_t flags,
                                             uint32_t wanted);
uint32_t pc_set(struct checker *c, const char *path, const struct sp_fs_attributes *attributes);
uint32_t pc_mkdir(struct checker *c, const char *path);
uint32_t pc_rmdir(struct checker *c, const char *path);
uint32_t pc_remove(struct checker *c, const char *path);
uint32_t pc_pair(struct checker *c, size_t slot, const char *path, const char *target,
                 uint32_t flags);
uint32_t pc_opendir(struct checker *c, const char *path, uint64_t *ret_handle);
const struct test_answer *pc_readdir(struct checker *c, uint64_t handle, uint64_t count);
uint32_t pc_closedir(struct checker *c, uint64_t handle);
uint32_t pc_lock(struct checker *c, uint64_t handle, uint64_t offset, uint64_t length,
                 uint32_t flags);
uint32_t pc_unlock(struct checker *c, uint64_t handle, uint64_t offset, uint64_t length);

#define SLOT(name) offsetof(struct sp_fs_v1, name)

#endif
