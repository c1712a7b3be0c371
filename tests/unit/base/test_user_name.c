/* User names: people's names pass, and what could harm a path, a log, a query or a shell does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/user_name.h"

static void people_pass(void **state)
{
    static const char *const names[] = {"demo",
                                        "j.doe@example.org",
                                        "a_b-c+d",
                                        "jürgen",
                                        "花子",
                                        "user 1",
                                        "x",
                                        "алиса",
                                        "a.b..c",
                                        "r2d2:3",
                                        "\xf0\x9f\x90\xb1"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!user_name_is_sound(names[i]))
            fail_msg("refused: %s", names[i]);
}

static void harmful_names_do_not(void **state)
{
    static const char *const names[] = {"",
                                        "../x",
                                        "a/b",
                                        "\\\\host\\share",
                                        "a\nb",
                                        "a\x1b[2J",
                                        "$(id)",
                                        "`id`",
                                        "a'--",
                                        "a\"b",
                                        "%s%n",
                                        "a;b",
                                        "a|b",
                                        "a&b",
                                        "<x>",
                                        "-oProxyCommand",
                                        ".ssh",
                                        "a\x7f",
                                        "\xff",
                                        "\xc0\xaf",
                                        "\xe2\x80",
                                        ("a\xe2\x80\xae"
                                         "b"),
                                        "a\xe2\x80\x8b",
                                        "\xed\xa0\x80",
                                        "\xc2\x85",
                                        "a\xef\xbb\xbf",
                                        "\xf4\x90\x80\x80",
                                        "(x)"};
    char long_name[257];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (user_name_is_sound(names[i]))
            fail_msg("accepted: number %zu", i);
    memset(long_name, 'a', sizeof long_name);
    long_name[256] = '\0';
    assert_false(user_name_is_sound(long_name));
    long_name[255] = '\0';
    assert_true(user_name_is_sound(long_name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_pass),
        cmocka_unit_test(harmful_names_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
