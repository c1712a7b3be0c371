/* The line of each value, by JSON pointer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/position.h"

static void expect_line(const char *text, const char *pointer, int line)
{
    json_t *parsed = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(parsed); /* else the test's text is wrong */
    json_decref(parsed);
    struct positions *positions = positions_new(text, strlen(text));
    assert_non_null(positions);
    assert_int_equal(positions_line(positions, pointer), line);
    positions_free(positions);
}

static void values_stand_on_their_own_lines(void **state)
{
    (void)state;
    const char *text = "{\n"
                       "  \"a\": 1, \"b\": [\n"
                       "    true,\n"
                       "    {\"c\":\n"
                       "       null}, -1.5e3\n"
                       "  ],\n"
                       "  \"d\": \"x\"\n"
                       "}\n";
    expect_line(text, "", 1);
    expect_line(text, "/a", 2);
    expect_line(text, "/b", 2);
    expect_line(text, "/b/0", 3);
    expect_line(text, "/b/1", 4);
    expect_line(text, "/b/1/c", 5);
    expect_line(text, "/b/2", 5);
    expect_line(text, "/d", 7);
}

static void absent_values_have_the_line_of_what_encloses_them(void **state)
{
    (void)state;
    const char *text = "\n{\"a\":\n [{},\n {\"b\": 1}]}";
    expect_line(text, "/nothing", 2);
    expect_line(text, "/nothing/at/all", 2);
    expect_line(text, "/a/1/c", 4);
    expect_line(text, "/a/1/b/deeper", 4);
    expect_line(text, "/a/7", 3);
    expect_line(text, "/a/01", 3);
}

static void punctuation_in_strings_is_text(void **state)
{
    (void)state;
    const char *text = "{\"{\": \"}],:\\\"\\\\\",\n"
                       " \"[\": [\"\\\\\", \",\",\n"
                       "  2]}";
    expect_line(text, "/{", 1);
    expect_line(text, "/[", 2);
    expect_line(text, "/[/1", 2);
    expect_line(text, "/[/2", 3);
}

static void keys_are_compared_as_they_are_meant(void **state)
{
    (void)state;
    const char *text = "{\"a/b\":\n1, \"m~n\":\n2, \"\":\n3, \"\\u00e4\\n\":\n4, \"x\\/y\":\n5}";
    expect_line(text, "/a~1b", 2);
    expect_line(text, "/m~0n", 3);
    expect_line(text, "/", 4);
    expect_line(text, "/\xc3\xa4\n", 5);
    expect_line(text, "/x~1y", 6);
    expect_line(text, "/a", 1); /* the beginning of a key is not the key */
}

static void a_text_may_be_a_single_value(void **state)
{
    (void)state;
    expect_line("\n\n7", "", 3);
    expect_line("\n\"x\"", "", 2);
}

static void what_the_text_has_is_told_from_what_it_has_not(void **state)
{
    static const char text[] = "{\"a\": {\"b\": [1, {\"c/d\": 2}]}}";
    (void)state;
    struct positions *positions = positions_new(text, strlen(text));
    assert_non_null(positions);
    assert_true(positions_has(positions, "/a"));
    assert_true(positions_has(positions, "/a/b/0"));
    assert_true(positions_has(positions, "/a/b/1/c~1d"));
    assert_false(positions_has(positions, "/a/b/2"));
    assert_false(positions_has(positions, "/a/c"));
    assert_false(positions_has(positions, "/a/b/0/e"));
    assert_false(positions_has(NULL, "/a"));
    positions_free(positions);
}

static void no_positions_have_no_lines(void **state)
{
    (void)state;
    assert_int_equal(positions_line(NULL, "/a"), 0);
    struct positions *positions = positions_new("", 0);
    assert_non_null(positions);
    assert_int_equal(positions_line(positions, "/a"), 0);
    positions_free(positions);
    positions_free(NULL);
}

static void broken_texts_do_no_harm(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\"", "\"\\", "{\"a", "{\"a\\",          "}",    "]]",  "{]",
        ",",  ":",    "[1,",  "{\"\\ud800\":1}", "{:1}", "tru", "{\"a\" \"b\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        /* Exactly as long as the text, so that reading on is seen. */
        size_t len = strlen(texts[i]);
        char *text = malloc(len);
        assert_non_null(text);
        memcpy(text, texts[i], len);
        struct positions *positions = positions_new(text, len);
        assert_non_null(positions);
        positions_line(positions, "/a/0");
        positions_free(positions);
        free(text);
    }
}

static void many_values_are_found(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    char *text = malloc(COUNT * 16 + 2), *end = text;
    assert_non_null(text);
    end += sprintf(end, "[");
    for (int i = 0; i < COUNT; i++)
        end += sprintf(end, "%s\n{\"k%d\":1}", i ? "," : "", i);
    end += sprintf(end, "]");
    struct positions *positions = positions_new(text, (size_t)(end - text));
    assert_non_null(positions);
    for (int i = 0; i < COUNT; i++) {
        char pointer[32];
        sprintf(pointer, "/%d/k%d", i, i);
        assert_int_equal(positions_line(positions, pointer), i + 2);
    }
    positions_free(positions);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_on_their_own_lines),
        cmocka_unit_test(absent_values_have_the_line_of_what_encloses_them),
        cmocka_unit_test(punctuation_in_strings_is_text),
        cmocka_unit_test(keys_are_compared_as_they_are_meant),
        cmocka_unit_test(a_text_may_be_a_single_value),
        cmocka_unit_test(what_the_text_has_is_told_from_what_it_has_not),
        cmocka_unit_test(no_positions_have_no_lines),
        cmocka_unit_test(broken_texts_do_no_harm),
        cmocka_unit_test(many_values_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
