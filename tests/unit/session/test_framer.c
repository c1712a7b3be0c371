/* test_framer.c: records and lines come out the same however the bytes come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/framer.h"

/* A stream with what waits in it, and its events as text: each in brackets, "+" if it is whole. */
struct stream {
    struct plugin_framing framing;
    size_t searched;
    char waiting[4096];
    size_t length;
    char events[4096];
};

static struct plugin_framing by_line(size_t size, const char *terminator)
{
    struct plugin_framing framing = {
        .kind = SP_FRAMING_LINE, .size = size, .terminator_length = strlen(terminator)};
    memcpy(framing.terminator, terminator, strlen(terminator));
    return framing;
}

static struct plugin_framing by_record(size_t size)
{
    return (struct plugin_framing){.kind = SP_FRAMING_RECORD, .size = size};
}

/* True if there was an event. */
static bool take(struct stream *stream, bool is_last)
{
    bool is_whole;
    size_t length = framer_next(&stream->framing, &stream->searched, stream->waiting,
                                stream->length, is_last, &is_whole);
    size_t used = strlen(stream->events);

    if (length == 0)
        return false;
    assert_true(length <= stream->length);
    snprintf(stream->events + used, sizeof stream->events - used, "[%.*s]%s", (int)length,
             stream->waiting, is_whole ? "+" : "");
    stream->length -= length;
    memmove(stream->waiting, stream->waiting + length, stream->length);
    return true;
}

static void feed(struct stream *stream, const char *bytes, size_t length)
{
    memcpy(stream->waiting + stream->length, bytes, length);
    stream->length += length;
    while (take(stream, false)) {
    }
}

static void end(struct stream *stream)
{
    while (take(stream, true)) {
    }
    assert_int_equal(stream->length, 0);
}

/* The events of bytes, which must be expected however they are cut in three. */
static void check(struct plugin_framing framing, const char *bytes, const char *expected)
{
    size_t length = strlen(bytes);

    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second++) {
            struct stream stream = {.framing = framing};
            feed(&stream, bytes, first);
            feed(&stream, bytes + first, second - first);
            feed(&stream, bytes + second, length - second);
            end(&stream);
            assert_string_equal(stream.events, expected);
        }
    }
    struct stream drops = {.framing = framing};
    for (size_t i = 0; i < length; i++)
        feed(&drops, bytes + i, 1);
    end(&drops);
    assert_string_equal(drops.events, expected);
}

static void records_have_their_size_but_for_the_last(void **state)
{
    (void)state;
    check(by_record(3), "abcdefgh", "[abc]+[def]+[gh]");
    check(by_record(3), "abcdef", "[abc]+[def]+");
    check(by_record(1), "abc", "[a]+[b]+[c]+");
    check(by_record(100), "abc", "[abc]");
    check(by_record(3), "", "");
}

static void lines_end_with_their_terminator(void **state)
{
    (void)state;
    check(by_line(100, "\n"), "one\ntwo\n\nlast", "[one\n]+[two\n]+[\n]+[last]");
    check(by_line(100, "\r\n"), "a\r\nb\rc\nd\r\r\ne\r", "[a\r\n]+[b\rc\nd\r\r\n]+[e\r]");
    check(by_line(100, "aab"), "aaab..aab", "[aaab]+[..aab]+");
    check(by_line(100, "abab"), "abaabababab", "[abaabab]+[abab]+");
}

static void line_that_is_too_long_comes_in_pieces_and_its_end_is_found(void **state)
{
    (void)state;
    check(by_line(4, "\n"), "abcdefgh\ni\n", "[abcd][efgh][\n]+[i\n]+");
    check(by_line(4, "\n"), "abc\n", "[abc\n]+");
    check(by_line(4, "\r\n"), "abc\r\nd\r\n", "[abc][\r\n]+[d\r\n]+");
    check(by_line(4, "\r\n"), "ab\r\r\r\r\n", "[ab\r][\r\r\r\n]+");
    check(by_line(3, "\r\nx"), "\r\n\r\nx", "[\r\n][\r\nx]+");
    check(by_line(2, "\r\n"), "\r\rab\r\n", "[\r][\ra][b][\r\n]+");
}

static void what_is_not_framed_comes_as_it_is(void **state)
{
    (void)state;
    static char bytes[FRAMER_PIECE_MAX + 5];
    struct plugin_framing none = {0};
    size_t searched = 0;
    bool is_whole = true;
    assert_int_equal(framer_next(&none, &searched, bytes, 7, false, &is_whole), 7);
    assert_false(is_whole);
    assert_int_equal(framer_next(&none, &searched, bytes, sizeof bytes, false, &is_whole),
                     FRAMER_PIECE_MAX);
    assert_int_equal(framer_next(&none, &searched, bytes, 0, true, &is_whole), 0);
}

static void framing_can_be_changed_between_any_two_events(void **state)
{
    (void)state;
    struct stream stream = {.framing = by_line(100, "\n")};
    feed(&stream, "3\nabc5", 6); /* "abc5" is searched already */
    stream.framing = by_record(3);
    stream.searched = 0;
    feed(&stream, "\nhel", 4);
    stream.framing = by_line(100, "l");
    stream.searched = 0;
    feed(&stream, "lo", 2);
    end(&stream);
    assert_string_equal(stream.events, "[3\n]+[abc]+[5\nh]+[el]+[l]+[o]");
}

/* A line that grows by single bytes is not searched from its beginning each time. */
static void long_lines_are_searched_once(void **state)
{
    (void)state;
    struct plugin_framing framing = by_line(PLUGIN_FRAME_MAX, "ab");
    char *line = malloc(PLUGIN_FRAME_MAX);
    size_t searched = 0;
    bool is_whole;
    memset(line, 'a', PLUGIN_FRAME_MAX);
    assert_int_equal(framer_next(&framing, &searched, line, 1000, false, &is_whole), 0);
    line[10] = 'b'; /* would be found if it were looked at again */
    assert_int_equal(framer_next(&framing, &searched, line, 1001, false, &is_whole), 0);
    line[1001] = 'b';
    assert_int_equal(framer_next(&framing, &searched, line, 1002, false, &is_whole), 1002);
    assert_true(is_whole);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_have_their_size_but_for_the_last),
        cmocka_unit_test(lines_end_with_their_terminator),
        cmocka_unit_test(line_that_is_too_long_comes_in_pieces_and_its_end_is_found),
        cmocka_unit_test(what_is_not_framed_comes_as_it_is),
        cmocka_unit_test(framing_can_be_changed_between_any_two_events),
        cmocka_unit_test(long_lines_are_searched_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
