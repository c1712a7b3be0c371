/* Which bytes of a file were read, in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sftp/coverage.h"

static void bytes_in_order_are_one_range(void **state)
{
    (void)state;
    struct sftp_coverage coverage = {0};
    for (uint64_t at = 0; at < 1000; at += 10)
        sftp_coverage_add(&coverage, at, at + 10);
    assert_int_equal(coverage.to, 1000);
    assert_int_equal(coverage.count, 0);
    sftp_coverage_add(&coverage, 500, 700);
    sftp_coverage_add(&coverage, 1000, 1000);
    assert_int_equal(coverage.to, 1000);
}

static void gaps_are_filled(void **state)
{
    (void)state;
    struct sftp_coverage coverage = {0};
    sftp_coverage_add(&coverage, 30, 40);
    sftp_coverage_add(&coverage, 10, 20);
    sftp_coverage_add(&coverage, 60, 70);
    assert_int_equal(coverage.count, 3);
    sftp_coverage_add(&coverage, 20, 30); /* joins two */
    assert_int_equal(coverage.count, 2);
    assert_int_equal(coverage.ranges[0].from, 10);
    assert_int_equal(coverage.ranges[0].to, 40);
    sftp_coverage_add(&coverage, 0, 12);
    assert_int_equal(coverage.to, 40);
    sftp_coverage_add(&coverage, 35, 60);
    assert_int_equal(coverage.to, 70);
    assert_int_equal(coverage.count, 0);
}

/* Against a map of every byte. It never says that more was read than was. */
static void any_order_is_as_good(void **state)
{
    (void)state;
    enum { BLOCKS = 200 };
    bool read[BLOCKS];
    uint32_t random = 1;
    for (int round = 0; round < 200; round++) {
        struct sftp_coverage coverage = {0};
        memset(read, 0, sizeof read);
        for (int i = 0; i < 400; i++) {
            random = random * 1664525u + 1013904223u;
            uint64_t from = random >> 8 & 127, to = from + (random >> 20) % 24;
            sftp_coverage_add(&coverage, from, to);
            for (uint64_t at = from; at < to; at++)
                read[at] = true;
            uint64_t whole = 0;
            while (whole < BLOCKS && read[whole])
                whole++;
            assert_true(coverage.to <= whole);
            assert_true(coverage.count <= SFTP_COVERAGE_RANGES);
            for (uint32_t k = 0; k < coverage.count; k++) {
                assert_true(coverage.ranges[k].from < coverage.ranges[k].to);
                assert_true(coverage.ranges[k].from >
                            (k ? coverage.ranges[k - 1].to : coverage.to));
                for (uint64_t at = coverage.ranges[k].from; at < coverage.ranges[k].to; at++)
                    assert_true(read[at]);
            }
        }
    }
}

static void what_is_too_scattered_is_forgotten_from_the_end(void **state)
{
    (void)state;
    struct sftp_coverage coverage = {0};
    for (uint64_t at = 100; at > 0; at -= 2)
        sftp_coverage_add(&coverage, at, at + 1);
    assert_int_equal(coverage.count, SFTP_COVERAGE_RANGES);
    assert_int_equal(coverage.ranges[0].from, 2);
    assert_int_equal(coverage.ranges[SFTP_COVERAGE_RANGES - 1].from, 2 * SFTP_COVERAGE_RANGES);
    sftp_coverage_add(&coverage, 1000, 2000);
    assert_int_equal(coverage.ranges[SFTP_COVERAGE_RANGES - 1].from, 2 * SFTP_COVERAGE_RANGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_in_order_are_one_range),
        cmocka_unit_test(gaps_are_filled),
        cmocka_unit_test(any_order_is_as_good),
        cmocka_unit_test(what_is_too_scattered_is_forgotten_from_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
