/* test_secret.c: secrets are copied, compared and wiped. */
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/secret.h"

static void a_copy_is_terminated_and_keeps_inner_nuls(void **state)
{
    char *copy = secret_copy("pa\0ss-and-more", 5);

    (void)state;
    assert_non_null(copy);
    assert_memory_equal(copy, "pa\0ss", 6);
    secret_free(copy, 5);
}

static void an_empty_secret_may_come_from_nowhere(void **state)
{
    char *copy = secret_copy(NULL, 0);

    (void)state;
    assert_non_null(copy);
    assert_string_equal(copy, "");
    secret_free(copy, 0);
    secret_free(NULL, 0);
    secret_wipe(NULL, 0);
    assert_true(secret_equal(NULL, NULL, 0));
}

static void a_length_that_leaves_no_room_for_the_nul_is_refused(void **state)
{
    (void)state;
    assert_null(secret_copy("x", SIZE_MAX));
}

static void wiping_leaves_zeros_and_nothing_beyond(void **state)
{
    char secret[] = "swordfish!";

    (void)state;
    secret_wipe(secret, 9);
    assert_memory_equal(secret, "\0\0\0\0\0\0\0\0\0!", 10);
}

static void one_differing_byte_anywhere_makes_unequal(void **state)
{
    char a[32], b[32];

    (void)state;
    memset(a, 'a', sizeof(a));
    memset(b, 'a', sizeof(b));
    assert_true(secret_equal(a, b, sizeof(a)));
    for (size_t i = 0; i < sizeof(a); i++) {
        b[i] = 'b';
        assert_false(secret_equal(a, b, sizeof(a)));
        assert_true(secret_equal(a, b, i));
        b[i] = 'a';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_terminated_and_keeps_inner_nuls),
        cmocka_unit_test(an_empty_secret_may_come_from_nowhere),
        cmocka_unit_test(a_length_that_leaves_no_room_for_the_nul_is_refused),
        cmocka_unit_test(wiping_leaves_zeros_and_nothing_beyond),
        cmocka_unit_test(one_differing_byte_anywhere_makes_unequal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
