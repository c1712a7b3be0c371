/* test_clock.c: monotonic time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

static void time_does_not_go_back(void **state)
{
    uint64_t before = clock_now_ns();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_now_ns();
        assert_true(now >= before);
        before = now;
    }
}

static void units_agree_with_the_systems_clock(void **state)
{
    struct timespec system;
    uint64_t before = clock_now_ms();
    uint64_t between;

    (void)state;
    clock_gettime(CLOCK_MONOTONIC, &system);
    between = (uint64_t)system.tv_sec * 1000 + (uint64_t)system.tv_nsec / 1000000;
    assert_in_range(between, before, clock_now_ns() / 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_does_not_go_back),
        cmocka_unit_test(units_agree_with_the_systems_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
