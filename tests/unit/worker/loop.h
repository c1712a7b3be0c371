/* loop.h: for the tests of the reactor: a fresh loop for each test. */
#ifndef SALLYPORT_TESTS_UNIT_WORKER_LOOP_H
#define SALLYPORT_TESTS_UNIT_WORKER_LOOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/reactor.h"

static struct reactor *loop;

static inline int open_loop(void **state)
{
    (void)state;
    loop = reactor_new();
    return loop == NULL;
}

static inline int close_loop(void **state)
{
    (void)state;
    reactor_free(loop);
    return 0;
}

/* Serve what is ready now. */
static inline void turn(void)
{
    assert_int_equal(reactor_turn(loop, 0), 0);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

#endif
