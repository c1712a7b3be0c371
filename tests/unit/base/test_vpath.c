/* test_vpath.c: virtual paths have one written form, and nothing leads above the root. */
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/vpath.h"

static struct sp_str str(const char *text)
{
    return (struct sp_str){.data = text, .len = strlen(text)};
}

static void check(const char *base, const char *name, const char *expected)
{
    char out[VPATH_MAX];

    assert_int_equal(vpath_resolve(out, base, str(name)), (int)strlen(expected));
    assert_string_equal(out, expected);
}

static void names_are_resolved_against_the_base(void **state)
{
    (void)state;
    check("/", "", "/");
    check("/home", "", "/home");
    check("/home", ".", "/home");
    check("/home", "a", "/home/a");
    check("/home", "a/b", "/home/a/b");
    check("/", "a", "/a");
    check("/home", "/a", "/a");
    check("/home", "/", "/");
    check("/home", "...", "/home/...");
    check("/home", ".a", "/home/.a");
    check("/home", "..a", "/home/..a");
    check("/home", "a b\n\xff", "/home/a b\n\xff");
}

static void dots_and_doubled_slashes_disappear(void **state)
{
    (void)state;
    check("/home", "a//b///", "/home/a/b");
    check("/home", "./a/./b/.", "/home/a/b");
    check("/home", "//a", "/a");
    check("/home", "a/../b", "/home/b");
    check("/home/x", "..", "/home");
    check("/home/x", "../y", "/home/y");
    check("/a/b", "../../c", "/c");
}

static void the_root_has_no_parent(void **state)
{
    (void)state;
    check("/", "..", "/");
    check("/", "../../..", "/");
    check("/", "/../etc/passwd", "/etc/passwd");
    check("/home", "../../../etc", "/etc");
    check("/home", "/a/../../../b", "/b");
}

static void a_nul_in_a_name_is_refused(void **state)
{
    char out[VPATH_MAX];

    (void)state;
    assert_int_equal(vpath_resolve(out, "/", (struct sp_str){.data = "a\0b", .len = 3}),
                     SP_ERR_FORMAT);
    assert_int_equal(vpath_resolve(out, "/", (struct sp_str){.data = "ab\0", .len = 3}),
                     SP_ERR_FORMAT);
}

static void an_absent_name_is_the_base(void **state)
{
    char out[VPATH_MAX];

    (void)state;
    assert_int_equal(vpath_resolve(out, "/home", (struct sp_str){.data = NULL, .len = 0}), 5);
    assert_string_equal(out, "/home");
}

static void the_longest_path_fits_and_one_byte_more_does_not(void **state)
{
    char name[VPATH_MAX + 1];
    char out[VPATH_MAX];

    (void)state;
    memset(name, 'x', sizeof(name));
    assert_int_equal(vpath_resolve(out, "/", (struct sp_str){.data = name, .len = VPATH_MAX - 2}),
                     VPATH_MAX - 1);
    assert_int_equal(strlen(out), VPATH_MAX - 1);
    assert_int_equal(vpath_resolve(out, "/", (struct sp_str){.data = name, .len = VPATH_MAX - 1}),
                     SP_ERR_LIMIT);
    assert_int_equal(vpath_resolve(out, "/a", (struct sp_str){.data = name, .len = VPATH_MAX - 3}),
                     SP_ERR_LIMIT);
}

static void a_base_that_does_not_fit_is_refused(void **state)
{
    char base[VPATH_MAX + 2];
    char out[VPATH_MAX];

    (void)state;
    memset(base, 'x', sizeof(base));
    base[0] = '/';
    base[VPATH_MAX] = '\0';
    assert_int_equal(vpath_resolve(out, base, str("")), SP_ERR_LIMIT);
    base[VPATH_MAX - 1] = '\0';
    assert_int_equal(vpath_resolve(out, base, str("")), VPATH_MAX - 1);
    assert_int_equal(vpath_resolve(out, base, str("a")), SP_ERR_LIMIT);
}

static void many_dots_cost_no_room(void **state)
{
    char name[3 * VPATH_MAX];
    char out[VPATH_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(name); i += 2)
        memcpy(name + i, "./", 2);
    assert_int_equal(vpath_resolve(out, "/a", (struct sp_str){.data = name, .len = sizeof(name)}),
                     2);
    assert_string_equal(out, "/a");
}

static void the_result_may_replace_the_base(void **state)
{
    char path[VPATH_MAX] = "/home/user";

    (void)state;
    assert_int_equal(vpath_resolve(path, path, str("../other/x")), 13);
    assert_string_equal(path, "/home/other/x");
}

static void a_path_is_within_itself_and_its_parents_only(void **state)
{
    (void)state;
    assert_true(vpath_is_within("/a", "/a"));
    assert_true(vpath_is_within("/a/b", "/a"));
    assert_true(vpath_is_within("/a/b", "/"));
    assert_true(vpath_is_within("/", "/"));
    assert_false(vpath_is_within("/ab", "/a"));
    assert_false(vpath_is_within("/a", "/a/b"));
    assert_false(vpath_is_within("/", "/a"));
    assert_false(vpath_is_within("/b", "/a"));
}

static void below_a_prefix_paths_are_absolute_again(void **state)
{
    (void)state;
    assert_string_equal(vpath_below("/a/b/c", "/a"), "/b/c");
    assert_string_equal(vpath_below("/a", "/a"), "/");
    assert_string_equal(vpath_below("/a/b", "/"), "/a/b");
    assert_string_equal(vpath_below("/", "/"), "/");
}

static void the_last_component_is_found(void **state)
{
    (void)state;
    assert_string_equal(vpath_last("/a/bc"), "bc");
    assert_string_equal(vpath_last("/a"), "a");
    assert_string_equal(vpath_last("/"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_resolved_against_the_base),
        cmocka_unit_test(dots_and_doubled_slashes_disappear),
        cmocka_unit_test(the_root_has_no_parent),
        cmocka_unit_test(a_nul_in_a_name_is_refused),
        cmocka_unit_test(an_absent_name_is_the_base),
        cmocka_unit_test(the_longest_path_fits_and_one_byte_more_does_not),
        cmocka_unit_test(a_base_that_does_not_fit_is_refused),
        cmocka_unit_test(many_dots_cost_no_room),
        cmocka_unit_test(the_result_may_replace_the_base),
        cmocka_unit_test(a_path_is_within_itself_and_its_parents_only),
        cmocka_unit_test(below_a_prefix_paths_are_absolute_again),
        cmocka_unit_test(the_last_component_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
