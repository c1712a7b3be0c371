/* test_err.c: every error has a text of its own. */
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"

static void each_error_has_its_own_text(void **state)
{
    (void)state;
    for (int a = SP_ERR_STALE; a <= 0; a++) {
        assert_string_not_equal(err_text(a), err_text(1));
        for (int b = SP_ERR_STALE; b < a; b++)
            assert_string_not_equal(err_text(a), err_text(b));
    }
}

static void numbers_that_are_no_error_have_a_text_too(void **state)
{
    (void)state;
    assert_string_equal(err_text(SP_ERR_STALE - 1), "unknown error");
    assert_string_equal(err_text(INT32_MAX), "unknown error");
    assert_string_equal(err_text(INT32_MIN), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_own_text),
        cmocka_unit_test(numbers_that_are_no_error_have_a_text_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
