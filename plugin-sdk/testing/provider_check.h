/*
 * provider_check.h: does a storage provider behave as sallyport/fs.h has it? One suite for all of
 * them, to be run from a provider's own test:
 *
 *     struct provider_check check = {.host = host, .root = "/tmp/x"};
 *     assert_int_equal(provider_check(&check), 0);
 *
 * It attaches, works in the root of the view, which must be empty, and detaches. What the provider
 * has no slot for, or does not claim in the support that it gives, is not asked of it. What it
 * cannot do for good reason goes by its name into except.
 *
 * Called on one thread, which waits for each answer.
 */
#ifndef SALLYPORT_PROVIDER_CHECK_H
#define SALLYPORT_PROVIDER_CHECK_H

#include "test_host.h"

#ifdef __cplusplus
extern "C" {
#endif

struct provider_check {
    struct test_host *host;
    const char *root;          /* for attach; NULL: "" */
    const char *const *except; /* names of behaviours, ends with NULL; or NULL */
    const char *only;          /* the one behaviour to look at; NULL: all */
};

/* How many behaviours failed; each is told on stderr, with what was expected. A name in except or
 * only that no behaviour has counts as well. */
unsigned provider_check(const struct provider_check *check);

#ifdef __cplusplus
}
#endif
#endif
