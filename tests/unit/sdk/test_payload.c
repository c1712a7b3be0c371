/* test_payload.c: sallyport/payload.h: fields as RFC 4251 shows them, cut at every byte, lying
 * about their lengths, and written into too little room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sallyport/payload.h>

#define BYTES(text) ((struct sp_str){(text), sizeof(text) - 1})

static void assert_text(struct sp_str text, struct sp_str expected)
{
    assert_int_equal(text.len, expected.len);
    assert_memory_equal(text.data, expected.data, (size_t)expected.len);
}

static void write_all(struct sp_writer *w)
{
    static const struct sp_str names[] = {{"zlib", 4}, {"none", 4}};
    sp_write_byte(w, 0xab);
    sp_write_boolean(w, 7);
    sp_write_uint32(w, 699921578);
    sp_write_uint64(w, 0xfedcba9876543210u);
    sp_write_text(w, "testing");
    sp_write_string(w, BYTES("a\0b"));
    sp_write_mpint(w, BYTES("\0\0\x80"));
    sp_write_name_list(w, names, 2);
    sp_write_bytes(w, "rest", 4);
}

static void read_all(struct sp_reader *r)
{
    struct sp_str list, name;
    assert_int_equal(sp_read_byte(r), 0xab);
    assert_int_equal(sp_read_boolean(r), 1);
    assert_int_equal(sp_read_uint32(r), 699921578);
    assert_true(sp_read_uint64(r) == 0xfedcba9876543210u);
    assert_text(sp_read_text(r), BYTES("testing"));
    assert_text(sp_read_string(r), BYTES("a\0b"));
    assert_text(sp_read_mpint(r), BYTES("\x80"));
    list = sp_read_name_list(r);
    assert_true(sp_next_name(&list, &name));
    assert_text(name, BYTES("zlib"));
    assert_true(sp_next_name(&list, &name));
    assert_text(name, BYTES("none"));
    assert_false(sp_next_name(&list, &name));
    assert_false(sp_reader_is_done(r));
    assert_text(sp_read_rest(r), BYTES("rest"));
    assert_true(sp_reader_is_done(r));
}

static void what_is_written_is_what_is_read(void **state)
{
    unsigned char room[128];
    struct sp_writer w = sp_writer_of(room, sizeof room);
    struct sp_str payload;
    (void)state;
    write_all(&w);
    assert_int_equal(sp_writer_result(&w, &payload), 0);
    struct sp_reader r = sp_reader_of(payload);
    read_all(&r);
}

static void fields_look_as_the_rfc_shows_them(void **state)
{
    unsigned char room[128];
    struct sp_writer w = sp_writer_of(room, sizeof room);
    static const unsigned char expected[] = {
        0x29, 0xb7, 0xf4, 0xaa,                                                       /* uint32 */
        0,    0,    0,    0,                                                          /* 0 */
        0,    0,    0,    8,    0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7,       /* mpint */
        0,    0,    0,    2,    0x00, 0x80,                                           /* 0x80 */
        0,    0,    0,    9,    'z',  'l',  'i',  'b',  ',',  'n',  'o',  'n',  'e'}; /* list */
    static const struct sp_str names[] = {{"zlib", 4}, {"none", 4}};
    (void)state;
    sp_write_uint32(&w, 699921578);
    sp_write_mpint(&w, BYTES("\0"));
    sp_write_mpint(&w, BYTES("\x09\xa3\x78\xf9\xb2\xe3\x32\xa7"));
    sp_write_mpint(&w, BYTES("\x80"));
    sp_write_name_list(&w, names, 2);
    assert_false(w.failed);
    assert_int_equal(w.used, sizeof expected);
    assert_memory_equal(room, expected, sizeof expected);
}

/* In memory of just that size, so that a sanitizer sees a byte too far. */
static void payload_cut_anywhere_fails_for_good(void **state)
{
    unsigned char room[128];
    struct sp_writer w = sp_writer_of(room, sizeof room);
    (void)state;
    write_all(&w);
    uint64_t whole = w.used - 4; /* without the rest */
    for (uint64_t len = 0; len < whole; len++) {
        char *cut = malloc(len ? len : 1);
        memcpy(cut, room, len);
        struct sp_reader r = sp_reader_of((struct sp_str){cut, len});
        sp_read_byte(&r), sp_read_boolean(&r), sp_read_uint32(&r), sp_read_uint64(&r);
        sp_read_text(&r), sp_read_string(&r), sp_read_mpint(&r), sp_read_name_list(&r);
        assert_true(r.failed);
        assert_false(sp_reader_is_done(&r));
        assert_int_equal(sp_read_byte(&r), 0);
        assert_int_equal(sp_read_rest(&r).len, 0);
        free(cut);
    }
}

static void lengths_past_the_end_are_refused(void **state)
{
    (void)state;
    struct sp_reader r = sp_reader_of(BYTES("\xff\xff\xff\xff"
                                            "abc"));
    assert_int_equal(sp_read_string(&r).len, 0);
    assert_true(r.failed);
    r = sp_reader_of((struct sp_str){NULL, 5});
    assert_int_equal(sp_read_byte(&r), 0);
    assert_true(r.failed);
}

static void reader_refuses(struct sp_str (*read)(struct sp_reader *), struct sp_str payload)
{
    struct sp_reader r = sp_reader_of(payload);
    assert_int_equal(read(&r).len, 0);
    assert_true(r.failed);
}

static void fields_that_are_not_what_they_should_be_are_refused(void **state)
{
    (void)state;
    reader_refuses(sp_read_text, BYTES("\0\0\0\3"
                                       "a\0b"));
    reader_refuses(sp_read_mpint, BYTES("\0\0\0\1\x80"));   /* negative */
    reader_refuses(sp_read_mpint, BYTES("\0\0\0\2\0\x7f")); /* a zero in vain */
    reader_refuses(sp_read_mpint, BYTES("\0\0\0\1\0"));     /* zero with a byte */
    reader_refuses(sp_read_name_list, BYTES("\0\0\0\3"
                                            "a,,")); /* empty names */
    reader_refuses(sp_read_name_list, BYTES("\0\0\0\1,"));
    reader_refuses(sp_read_name_list, BYTES("\0\0\0\2"
                                            "a,"));
    reader_refuses(sp_read_name_list, BYTES("\0\0\0\3"
                                            "a b"));
    reader_refuses(sp_read_name_list, BYTES("\0\0\0\3"
                                            "a\0b"));
    struct sp_reader r = sp_reader_of(BYTES("\0\0\0\0"));
    assert_int_equal(sp_read_name_list(&r).len, 0);
    assert_true(sp_reader_is_done(&r)); /* no names are fine */
}

static void too_little_room_fails_whatever_its_size(void **state)
{
    unsigned char all[128];
    struct sp_writer whole = sp_writer_of(all, sizeof all);
    struct sp_str payload;
    (void)state;
    write_all(&whole);
    for (uint64_t size = 0; size < whole.used; size++) {
        unsigned char *room = malloc(size ? size : 1);
        struct sp_writer w = sp_writer_of(room, size);
        write_all(&w);
        assert_int_equal(sp_writer_result(&w, &payload), SP_E_INVALID);
        assert_int_equal(payload.len, 0);
        assert_true(w.used <= size);
        free(room);
    }
    struct sp_writer none = sp_writer_of(NULL, 100);
    sp_write_byte(&none, 1);
    assert_true(none.failed);
}

static void what_cannot_be_a_field_is_not_written(void **state)
{
    unsigned char room[64];
    static const struct sp_str comma[] = {{"a,b", 3}}, empty[] = {{"a", 1}, {"", 0}};
    static const struct sp_str long_ones[] = {{"x", UINT32_MAX + (uint64_t)2}, {"y", 1}};
    (void)state;
    const struct sp_str *lists[] = {comma, empty, long_ones};
    const uint64_t counts[] = {1, 2, 2};
    for (int i = 0; i < 3; i++) {
        struct sp_writer w = sp_writer_of(room, sizeof room);
        sp_write_name_list(&w, lists[i], counts[i]);
        assert_true(w.failed);
        assert_int_equal(w.used, 0);
    }
    struct sp_writer w = sp_writer_of(room, sizeof room);
    sp_write_string(&w, (struct sp_str){"x", UINT64_MAX});
    assert_true(w.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_what_is_read),
        cmocka_unit_test(fields_look_as_the_rfc_shows_them),
        cmocka_unit_test(payload_cut_anywhere_fails_for_good),
        cmocka_unit_test(lengths_past_the_end_are_refused),
        cmocka_unit_test(fields_that_are_not_what_they_should_be_are_refused),
        cmocka_unit_test(too_little_room_fails_whatever_its_size),
        cmocka_unit_test(what_cannot_be_a_field_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
