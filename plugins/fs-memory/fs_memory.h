/*
 * fs_memory.h: a tree of files in memory.
 *
 * A node is a file, a directory or a symbolic link; a child is one name of a node in a directory.
 * A node lives as long as it has a name or is open. Nothing here knows of plugins or SFTP; that
 * is fs-memory.c's part. Functions that can fail return 0 or a status, SP_FS_*.
 *
 * One thread: the manifest says "reactor", and nothing here ever waits.
 */
#ifndef FS_MEMORY_H
#define FS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <sallyport/plugin.h>

#define BLOCK_SIZE 65536u
#define NAME_MOST 255u
#define TARGET_MOST 4096u

/* What is used of an instance, and how much there may be. */
struct limits {
    uint64_t bytes_most;
    uint64_t bytes;
    uint64_t files_most;
    uint64_t files; /* names: a hard link costs memory too */
};

struct block {
    uint8_t *data;     /* NULL: a hole */
    uint32_t capacity; /* at most BLOCK_SIZE; what lies behind it is zero */
};

struct handle; /* provider.h */

struct child {
    struct child *next; /* in the order of creation */
    struct child *previous;
    struct node *directory;
    struct node *node;
    uint64_t length;
    char name[]; /* with a NUL */
};

struct cursor {
    struct cursor *next;
    struct child *entry; /* the next to be listed; NULL: the end */
};

/* What a node has only if somebody has set it; counted in the limits. */
enum text_kind { TEXT_OWNER, TEXT_GROUP, TEXT_ACL, TEXT_MIME_TYPE, TEXT_COUNT };
struct texts {
    char *data[TEXT_COUNT];
    uint64_t length[TEXT_COUNT];
    struct sp_pair *pairs; /* and behind them what they point to */
    uint64_t pairs_count;
    uint64_t pairs_size;
};

struct node {
    uint32_t type; /* SP_FILE_REGULAR, SP_FILE_DIRECTORY, SP_FILE_SYMLINK */
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint32_t names; /* that lead here; the root counts as having one */
    uint32_t opens; /* handles, and those that want to know the directory later */
    uint32_t bits;  /* SP_BIT_* */
    uint32_t text_hint;
    bool has_text_hint;
    struct timespec access_time;
    struct timespec modify_time;
    struct timespec create_time;
    struct timespec change_time;
    uint64_t size;
    struct texts *texts; /* NULL: none is set */

    struct handle *handles; /* file: those that have it open, for access.c */
    struct block *blocks;   /* file */
    uint64_t blocks_count;

    char *target; /* link */

    void *by_name; /* directory: a tree of tsearch(3) */
    struct child *first;
    struct child *last;
    struct cursor *cursors;
    struct child *own; /* directory: its one name; NULL: the root */
};

/* node.c */

/* NULL: memory is out. To be given a name, or back to node_release(). */
struct node *node_new(uint32_t type, uint32_t mode);
/* Free it, if no name and no handle leads to it any more. */
void node_release(struct limits *limits, struct node *node);
void node_touch(struct node *node); /* its contents have changed */

struct child *directory_find(const struct node *directory, struct sp_str name);
uint32_t directory_add(struct limits *limits, struct node *directory, struct sp_str name,
                       struct node *node);
void directory_remove(struct limits *limits, struct child *entry);
/* entry gets another name, which must not exist. */
uint32_t directory_move(struct limits *limits, struct child *entry, struct node *directory,
                        struct sp_str name);
/* entry's node takes the name of target, whose own node loses it. Cannot fail. */
void directory_replace(struct limits *limits, struct child *entry, struct child *target);
/* All below, and the directory itself. */
void directory_destroy(struct limits *limits, struct node *root);

void cursor_begin(struct cursor *cursor, struct node *directory);
void cursor_end(struct cursor *cursor, struct node *directory);

/* texts.c */

/* Replace one; length 0: none. */
uint32_t texts_set(struct limits *limits, struct node *node, enum text_kind kind, const void *data,
                   uint64_t length);
/* Empty if it was never set. */
struct sp_str texts_get(const struct node *node, enum text_kind kind);
uint32_t texts_set_pairs(struct limits *limits, struct node *node, const struct sp_pair *pairs,
                         uint64_t count);
void texts_free(struct limits *limits, struct node *node);

/* data.c: the contents of files. */

/* How many bytes were read; fewer than length at the end only. */
uint64_t data_read(const struct node *file, uint64_t offset, void *buffer, uint64_t length);
/* All or nothing. */
uint32_t data_write(struct limits *limits, struct node *file, uint64_t offset, const void *buffer,
                    uint64_t length);
void data_truncate(struct limits *limits, struct node *file, uint64_t size);
uint64_t data_allocated(const struct node *file);

/* walk.c: paths. */

/* Where a path leads: node is NULL if its last component does not exist but could be made. The
 * root itself has no directory. name points into the path or into a link's target. */
struct place {
    struct node *directory;
    struct sp_str name;
    struct node *node;
};
uint32_t walk(struct node *root, struct sp_str path, bool follow, struct place *ret_place);
/* The path of a directory from root, into a buffer of size. Its length, or 0: too long. */
uint64_t walk_back(const struct node *root, const struct node *directory, char *buffer,
                   uint64_t size);
bool is_below(const struct node *directory, const struct node *other); /* or the same */

#endif
