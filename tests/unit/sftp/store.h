/*
 * store.h: an in-memory provider for tests, with the semantics of POSIX where they matter to the
 * engine, and knobs to misbehave. Operations take the real events and give the real reply.
 */
#ifndef SALLYPORT_TESTS_SFTP_STORE_H
#define SALLYPORT_TESTS_SFTP_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <sallyport/fs.h>

#include "base/buffer.h"
#include "plugin/operation.h"

/* As assert(), in every build. */
#define MOCK_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define STORE_NODES 512
#define STORE_HANDLES 256
#define STORE_PRINCIPALS 1024

struct store_node {
    char *path; /* NULL: free */
    uint32_t type;
    uint32_t mode;
    int64_t modified;
    char *target; /* of a symbolic link */
    struct buffer data;
};

struct store_handle {
    bool is_open, is_directory;
    uint32_t flags;
    struct store_node *node;
    size_t cursor;
    int under_way; /* calls started and not answered */
};

struct store {
    struct store_node nodes[STORE_NODES];
    struct store_handle handles[STORE_HANDLES];
    int views;                             /* attached and not detached */
    uint64_t max_io;                       /* most bytes a read, write or copy does; 0: all */
    uint64_t lie;                          /* added to the count of a read or write */
    uint32_t fail[PLUGIN_OPERATION_COUNT]; /* status to answer an operation with */
    char root[256], top[256];     /* as the last attach said; top is a word only: all is shown */
    const char *digest;           /* what hash answers; NULL: it is the core's to read */
    struct sp_fs_support support; /* told if it has a size */
    struct sp_fs_lock lock;       /* held, if it has flags */
    /* A reply's memory */
    struct sp_fs_attributes attributes;
    struct sp_fs_entry entries[256];
    struct sp_fs_space space;
    struct sp_fs_principal principals[STORE_PRINCIPALS];
    char path[8192];
};

void store_free(struct store *store);
/* Make a directory, a file with text, a symbolic link. */
void store_directory(struct store *store, const char *path);
struct store_node *store_file(struct store *store, const char *path, const char *text);
void store_link(struct store *store, const char *path, const char *target);
struct store_node *store_find(struct store *store, const char *path); /* or NULL */
bool store_has(struct store *store, const char *path, const char *text);
int store_open_handles(const struct store *store);

/* Perform: returns the verdict and fills reply. */
int32_t store_perform(struct store *store, enum plugin_operation operation,
                      const struct sp_event *event, struct sp_fs_reply *reply);
/* The handles an event is about, for checks of order; 0, 1 or 2 of them. */
int store_handles_of(struct store *store, enum plugin_operation operation,
                     const struct sp_event *event, struct store_handle *ret_handles[2]);

#endif
