/* test_wire.c: fields of SSH messages, whole, cut and lying about their length. */
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/wire.h"

static void fields_are_big_endian(void **state)
{
    static const uint8_t expected[] = {0x01, 0x12, 0x34, 0x56, 0x78, 0xfe, 0xdc, 0xba, 0x98, 0x76,
                                       0x54, 0x32, 0x10, 0,    0,    0,    3,    'a',  0,    'b'};
    struct buffer buffer = {0};

    (void)state;
    assert_int_equal(wire_put_u8(&buffer, 1), 0);
    assert_int_equal(wire_put_u32(&buffer, 0x12345678), 0);
    assert_int_equal(wire_put_u64(&buffer, 0xfedcba9876543210u), 0);
    assert_int_equal(wire_put_string(&buffer, "a\0b", 3), 0);
    assert_int_equal(buffer_length(&buffer), sizeof(expected));
    assert_memory_equal(buffer_data(&buffer), expected, sizeof(expected));
    buffer_release(&buffer);
}

static void what_is_put_is_what_is_got(void **state)
{
    struct buffer buffer = {0};
    struct wire_reader reader;
    struct sp_str text;

    (void)state;
    wire_put_u8(&buffer, 0xff);
    wire_put_u32(&buffer, UINT32_MAX);
    wire_put_u64(&buffer, UINT64_MAX - 1);
    wire_put_u8(&buffer, 2);
    wire_put_u8(&buffer, 0);
    wire_put_cstring(&buffer, "hello");
    wire_put_string(&buffer, NULL, 0);
    wire_reader_init(&reader, buffer_data(&buffer), buffer_length(&buffer));
    assert_int_equal(wire_get_u8(&reader), 0xff);
    assert_int_equal(wire_get_u32(&reader), UINT32_MAX);
    assert_true(wire_get_u64(&reader) == UINT64_MAX - 1);
    assert_true(wire_get_bool(&reader));
    assert_false(wire_get_bool(&reader));
    assert_int_equal(wire_left(&reader), 13);
    text = wire_get_string(&reader);
    assert_int_equal(text.len, 5);
    assert_memory_equal(text.data, "hello", 5);
    assert_false(wire_at_end(&reader));
    assert_int_equal(wire_get_string(&reader).len, 0);
    assert_true(wire_at_end(&reader));
    assert_true(wire_ok(&reader));
    buffer_release(&buffer);
}

static void a_number_that_is_cut_fails_the_reader(void **state)
{
    static const uint8_t data[7] = {1, 2, 3, 4, 5, 6, 7};
    struct wire_reader reader;

    (void)state;
    wire_reader_init(&reader, data, 3);
    assert_int_equal(wire_get_u32(&reader), 0);
    assert_false(wire_ok(&reader));
    wire_reader_init(&reader, data, 7);
    assert_true(wire_get_u64(&reader) == 0);
    assert_false(wire_ok(&reader));
    wire_reader_init(&reader, data, 0);
    assert_int_equal(wire_get_u8(&reader), 0);
    assert_false(wire_ok(&reader));
}

static void a_string_longer_than_the_data_fails_the_reader(void **state)
{
    static const uint8_t claims[][8] = {
        {0, 0, 0, 5, 'a', 'b', 'c', 'd'},
        {0xff, 0xff, 0xff, 0xff, 'a', 'b', 'c', 'd'},
        {0x7f, 0xff, 0xff, 0xff, 'a', 'b', 'c', 'd'},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct wire_reader reader;
        struct sp_str text;
        wire_reader_init(&reader, claims[i], sizeof(claims[i]));
        text = wire_get_string(&reader);
        assert_int_equal(text.len, 0);
        assert_non_null(text.data);
        assert_false(wire_ok(&reader));
    }
}

static void a_reader_that_failed_keeps_failing(void **state)
{
    static const uint8_t data[] = {0, 0, 0, 9, 'a', 'b', 'c', 'd'};
    struct wire_reader reader;

    (void)state;
    wire_reader_init(&reader, data, sizeof(data));
    wire_get_string(&reader);
    assert_int_equal(wire_left(&reader), 0);
    assert_int_equal(wire_get_u8(&reader), 0);
    assert_int_equal(wire_get_u32(&reader), 0);
    assert_int_equal(wire_get_string(&reader).len, 0);
    assert_false(wire_ok(&reader));
    assert_false(wire_at_end(&reader));
}

static void no_data_is_an_empty_message(void **state)
{
    struct wire_reader reader;

    (void)state;
    wire_reader_init(&reader, NULL, 0);
    assert_true(wire_at_end(&reader));
    wire_get_u8(&reader);
    assert_false(wire_ok(&reader));
}

static void a_number_can_be_set_later(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    wire_put_u8(&buffer, 9);
    buffer_consume(&buffer, 1);
    wire_put_u8(&buffer, 7);
    wire_put_u32(&buffer, 0);
    wire_put_u8(&buffer, 8);
    wire_set_u32(&buffer, 1, 0x01020304);
    assert_memory_equal(buffer_data(&buffer), "\x07\x01\x02\x03\x04\x08", 6);
    buffer_release(&buffer);
}

static void a_string_past_four_gigabytes_is_refused(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    assert_int_equal(wire_put_string(&buffer, "x", (size_t)UINT32_MAX + 1), SP_ERR_LIMIT);
    assert_int_equal(buffer_length(&buffer), 0);
    buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_big_endian),
        cmocka_unit_test(what_is_put_is_what_is_got),
        cmocka_unit_test(a_number_that_is_cut_fails_the_reader),
        cmocka_unit_test(a_string_longer_than_the_data_fails_the_reader),
        cmocka_unit_test(a_reader_that_failed_keeps_failing),
        cmocka_unit_test(no_data_is_an_empty_message),
        cmocka_unit_test(a_number_can_be_set_later),
        cmocka_unit_test(a_string_past_four_gigabytes_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
