/*
 * arena.h: the memory that a worker shares with the process of an isolated storage provider: the
 * data of reads and writes lies there and does not go through the socket. The worker hands out
 * runs of units and never believes what lies in a run but for its being bytes of a file. Reactor
 * thread.
 */
#ifndef SALLYPORT_PLUGIN_ARENA_H
#define SALLYPORT_PLUGIN_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_UNIT_BYTES (32u * 1024) /* what most clients read and write at a time */
#define ARENA_UNITS 512u
#define ARENA_BYTES (ARENA_UNIT_BYTES * (size_t)ARENA_UNITS)

struct arena { /* zero-initialised is none */
    uint8_t *base;
    uint64_t used[ARENA_UNITS / 64]; /* a bit for each unit */
};

/* A new one, and a descriptor of it for the other process, which cannot change its size. 0 or
 * SP_ERR_SYSTEM. */
int arena_make(struct arena *arena, int *ret_fd);
/* The one that the worker made; closes fd. 0 or SP_ERR_SYSTEM. */
int arena_map(struct arena *arena, int fd, uint64_t bytes);
void arena_free(struct arena *arena);

/* Room for length bytes: *ret_at is where it begins. False: there is none now. */
bool arena_take(struct arena *arena, uint64_t length, uint64_t *ret_at);
void arena_give(struct arena *arena, uint64_t at, uint64_t length);
/* The length bytes at a place that another process named, or NULL if they are not all within. */
uint8_t *arena_at(const struct arena *arena, uint64_t at, uint64_t length);

#endif
