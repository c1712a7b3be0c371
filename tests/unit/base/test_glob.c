/* Patterns: what "*" and "?" stand for, and that no pattern takes long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/glob.h"

static bool matches(const char *pattern, const char *text)
{
    return glob_matches(pattern, (struct sp_str){text, strlen(text)});
}

static void matches_the_whole_text(void **state)
{
    (void)state;
    assert_true(matches("SSH-2.0-OpenSSH", "SSH-2.0-OpenSSH"));
    assert_false(matches("SSH-2.0", "SSH-2.0-OpenSSH"));
    assert_false(matches("SSH-2.0-OpenSSH", "SSH-2.0"));
    assert_false(matches("OpenSSH", "SSH-2.0-OpenSSH"));
    assert_true(matches("", ""));
    assert_false(matches("", "x"));
}

static void star_is_any_text_and_none(void **state)
{
    (void)state;
    assert_true(matches("*", ""));
    assert_true(matches("*", "x"));
    assert_true(matches("*SSH-2.0-*", "SSH-2.0-"));
    assert_true(matches("*SSH-2.0-*", "xxSSH-2.0-yy"));
    assert_true(matches("**a**b**", "xaxbx"));
    assert_true(matches("*ab", "aab"));
    assert_true(matches("a*b*c", "a-b-b-c"));
    assert_false(matches("a*b*c", "a-c-b"));
    assert_false(matches("192.0.2.*", "192.0.20.1"));
}

static void question_mark_is_one_byte(void **state)
{
    (void)state;
    assert_true(matches("a?c", "abc"));
    assert_false(matches("a?c", "ac"));
    assert_false(matches("?", ""));
    assert_true(matches("*?", "xy"));
}

static void is_case_sensitive_and_takes_dots_as_they_are(void **state)
{
    (void)state;
    assert_false(matches("ssh-*", "SSH-2.0"));
    assert_false(matches("2.0", "2x0"));
}

static void text_need_not_end_in_nul(void **state)
{
    const char text[] = {'a', 'b', 'c'};

    (void)state;
    assert_true(glob_matches("ab", (struct sp_str){text, 2}));
    assert_true(glob_matches("*", (struct sp_str){NULL, 0}));
}

static void many_stars_take_no_long_time(void **state)
{
    char text[4097];
    uint64_t begin = clock_now_ms();

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
    assert_true(clock_now_ms() - begin < 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_whole_text),
        cmocka_unit_test(star_is_any_text_and_none),
        cmocka_unit_test(question_mark_is_one_byte),
        cmocka_unit_test(is_case_sensitive_and_takes_dots_as_they_are),
        cmocka_unit_test(text_need_not_end_in_nul),
        cmocka_unit_test(many_stars_take_no_long_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
