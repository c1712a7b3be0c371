/* test_counters.c: the memory that a worker counts in and the supervisor reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "worker/counters.h"

static void what_one_side_counts_the_other_reads(void **state)
{
    struct counters here, there;
    (void)state;
    int fd = counters_create(3, 5, &here);
    assert_true(fd >= 0);
    assert_int_equal(counters_map(fd, 3, 5, &there), 0);
    for (size_t instance = 0; instance < 3; instance++) {
        for (size_t operation = 0; operation < 5; operation++)
            counter_add(&counters_operation(&here, instance, operation)->calls,
                        instance * 100 + operation + 1);
        memset(here.instances[instance].isolation, 'x', sizeof(here.instances[instance].isolation));
    }
    counter_add(&here.totals->bytes_out, 77);
    counter_add(here.turns, 9);
    there.instances[1].is_disabled = 1;

    assert_int_equal(there.totals->bytes_out, 77);
    assert_int_equal(*there.turns, 9);
    assert_int_equal(here.instances[0].is_disabled, 0);
    assert_int_equal(here.instances[1].is_disabled, 1);
    for (size_t instance = 0; instance < 3; instance++) {
        for (size_t operation = 0; operation < 5; operation++)
            assert_int_equal(counter_get(&counters_operation(&there, instance, operation)->calls),
                             instance * 100 + operation + 1);
    }
    counters_unmap(&here);
    counters_unmap(&there);
    counters_unmap(&there);
    close(fd);
}

static void nobody_can_make_it_shorter(void **state)
{
    struct counters counters;
    (void)state;
    int fd = counters_create(1, 1, &counters);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(errno, EPERM);
    counters_unmap(&counters);
    close(fd);
}

static void one_of_another_size_is_refused(void **state)
{
    struct counters here, there;
    (void)state;
    int fd = counters_create(2, 4, &here);
    assert_true(fd >= 0);
    assert_int_equal(counters_map(fd, 2, 5, &there), SP_ERR_SYSTEM);
    assert_null(there.totals);
    assert_int_equal(counters_map(fd, 1, 4, &there), SP_ERR_SYSTEM);
    counters_unmap(&here);
    close(fd);
}

static void there_may_be_no_instance_at_all(void **state)
{
    struct counters counters;
    (void)state;
    int fd = counters_create(0, 60, &counters);
    assert_true(fd >= 0);
    counter_add(&counters.totals->connections, 1);
    counters_unmap(&counters);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_side_counts_the_other_reads),
        cmocka_unit_test(nobody_can_make_it_shorter),
        cmocka_unit_test(one_of_another_size_is_refused),
        cmocka_unit_test(there_may_be_no_instance_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
