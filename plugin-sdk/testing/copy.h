/* copy.h: deep copies of replies, in an arena that an answer owns. */
#ifndef SALLYPORT_TEST_HOST_COPY_H
#define SALLYPORT_TEST_HOST_COPY_H

#include "test_host.h"

struct copy_block;
/* Zero-initialised is empty. */
struct copy_arena {
    struct copy_block *blocks;
};

/* Memory that lives as long as the arena; never NULL. */
void *copy_alloc(struct copy_arena *arena, uint64_t size);
void copy_free(struct copy_arena *arena);
/* Replace every pointer in *answer's reply of that kind, which was copied flat, by a copy. */
void copy_reply(struct copy_arena *arena, enum test_kind kind, struct test_answer *answer);

#endif
