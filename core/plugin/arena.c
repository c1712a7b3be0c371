/*
 * arena.c: memory shared with the process of an isolated storage provider. Called by remote.c,
 * which hands it out, and by guest.c, which finds its way in it.
 */
#include "plugin/arena.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

static int map(struct arena *arena, int fd)
{
    void *base = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        return SP_ERR_SYSTEM;
    *arena = (struct arena){.base = base};
    return 0;
}

/* Sealed: cut short by the other process, it would raise SIGBUS here. */
int arena_make(struct arena *arena, int *ret_fd)
{
    int fd = memfd_create("sallyport-files", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return SP_ERR_SYSTEM;
    if (ftruncate(fd, (off_t)ARENA_BYTES) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
        map(arena, fd) < 0) {
        close(fd);
        return SP_ERR_SYSTEM;
    }
    *ret_fd = fd;
    return 0;
}

int arena_map(struct arena *arena, int fd, uint64_t bytes)
{
    int rc = bytes == ARENA_BYTES ? map(arena, fd) : SP_ERR_SYSTEM;
    close(fd);
    return rc;
}

void arena_free(struct arena *arena)
{
    if (arena->base)
        munmap(arena->base, ARENA_BYTES);
    *arena = (struct arena){0};
}

static uint32_t units_of(uint64_t length)
{
    return (uint32_t)((length + ARENA_UNIT_BYTES - 1) / ARENA_UNIT_BYTES);
}

static bool is_used(const struct arena *arena, uint32_t unit)
{
    return arena->used[unit / 64] >> (unit % 64) & 1u;
}

/* The first that fits: what was used lately is used again, so that few transfers touch few pages.
 */
bool arena_take(struct arena *arena, uint64_t length, uint64_t *ret_at)
{
    if (!arena->base || length == 0 || length > ARENA_BYTES)
        return false;
    uint32_t wanted = units_of(length);
    uint32_t run = 0;
    for (uint32_t unit = 0; unit < ARENA_UNITS; unit++) {
        if (unit % 64 == 0 && arena->used[unit / 64] == UINT64_MAX) {
            run = 0;
            unit += 63;
            continue;
        }
        run = is_used(arena, unit) ? 0 : run + 1;
        if (run < wanted)
            continue;
        uint32_t first = unit + 1 - run;
        for (uint32_t i = first; i <= unit; i++)
            arena->used[i / 64] |= UINT64_C(1) << (i % 64);
        *ret_at = (uint64_t)first * ARENA_UNIT_BYTES;
        return true;
    }
    return false;
}

void arena_give(struct arena *arena, uint64_t at, uint64_t length)
{
    uint32_t first = (uint32_t)(at / ARENA_UNIT_BYTES);
    for (uint32_t i = first; i < first + units_of(length); i++)
        arena->used[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

uint8_t *arena_at(const struct arena *arena, uint64_t at, uint64_t length)
{
    if (!arena->base || length > ARENA_BYTES || at > ARENA_BYTES - length)
        return NULL;
    return arena->base + at;
}
