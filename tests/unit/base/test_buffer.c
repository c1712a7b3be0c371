/* test_buffer.c: growable byte queues. */
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"

static void bytes_come_out_in_the_order_they_went_in(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    assert_int_equal(buffer_append(&buffer, "hello ", 6), 0);
    assert_int_equal(buffer_append(&buffer, "world", 5), 0);
    assert_int_equal(buffer_length(&buffer), 11);
    assert_memory_equal(buffer_data(&buffer), "hello world", 11);
    buffer_consume(&buffer, 6);
    assert_int_equal(buffer_length(&buffer), 5);
    assert_memory_equal(buffer_data(&buffer), "world", 5);
    buffer_release(&buffer);
}

static void an_empty_buffer_is_usable_and_freeable(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    assert_int_equal(buffer_length(&buffer), 0);
    assert_int_equal(buffer_append(&buffer, NULL, 0), 0);
    buffer_consume(&buffer, 10);
    buffer_trim(&buffer, 0);
    buffer_release(&buffer);
    assert_non_null(buffer_reserve(&buffer, 0));
    buffer_release(&buffer);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.capacity, 0);
}

static void reserved_bytes_count_only_once_committed(void **state)
{
    struct buffer buffer = {0};
    uint8_t *room;

    (void)state;
    room = buffer_reserve(&buffer, 100);
    assert_non_null(room);
    memset(room, 'x', 100);
    assert_int_equal(buffer_length(&buffer), 0);
    buffer_commit(&buffer, 3);
    assert_int_equal(buffer_length(&buffer), 3);
    assert_memory_equal(buffer_data(&buffer), "xxx", 3);
    buffer_release(&buffer);
}

static void lengths_past_half_the_address_space_are_refused(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    assert_int_equal(buffer_append(&buffer, "abc", 3), 0);
    assert_null(buffer_reserve(&buffer, SIZE_MAX));
    assert_null(buffer_reserve(&buffer, SIZE_MAX / 2 - 2));
    assert_int_equal(buffer_length(&buffer), 3);
    assert_memory_equal(buffer_data(&buffer), "abc", 3);
    buffer_release(&buffer);
}

static void consuming_more_than_there_is_empties(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_append(&buffer, "abc", 3);
    buffer_consume(&buffer, 4);
    assert_int_equal(buffer_length(&buffer), 0);
    buffer_append(&buffer, "de", 2);
    assert_memory_equal(buffer_data(&buffer), "de", 2);
    buffer_release(&buffer);
}

/* A queue that is filled and drained forever, in uneven steps, against a plain counter. */
static void a_queue_in_steady_use_keeps_its_bytes_and_stays_small(void **state)
{
    struct buffer buffer = {0};
    uint32_t in = 0, out = 0;

    (void)state;
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t put = round * 7 % 61, take = round * 13 % 67;
        for (uint32_t i = 0; i < put; i++) {
            uint8_t byte = (uint8_t)in++;
            assert_int_equal(buffer_append(&buffer, &byte, 1), 0);
        }
        if (take > buffer_length(&buffer))
            take = (uint32_t)buffer_length(&buffer);
        for (uint32_t i = 0; i < take; i++)
            assert_int_equal(buffer_data(&buffer)[i], (uint8_t)(out + i));
        out += take;
        buffer_consume(&buffer, take);
        assert_int_equal(buffer_length(&buffer), in - out);
    }
    assert_true(in > 400000);
    assert_true(buffer.capacity <= 1024);
    buffer_release(&buffer);
}

static void a_nearly_full_queue_is_not_moved_for_each_byte(void **state)
{
    struct buffer buffer = {0};
    uint32_t moves = 0;

    (void)state;
    memset(buffer_reserve(&buffer, 65536), 'x', 65536);
    buffer_commit(&buffer, 65536);
    for (uint32_t i = 0; i < 10000; i++) {
        size_t start;
        buffer_consume(&buffer, 1);
        start = buffer.start;
        assert_int_equal(buffer_append(&buffer, "y", 1), 0);
        moves += buffer.start != start;
    }
    assert_true(moves <= 1);
    buffer_release(&buffer);
}

static void trim_gives_back_only_what_is_empty_and_large(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    assert_non_null(buffer_reserve(&buffer, 5000));
    buffer_commit(&buffer, 1);
    buffer_trim(&buffer, 100);
    assert_true(buffer.capacity >= 5000);
    buffer_consume(&buffer, 1);
    buffer_trim(&buffer, buffer.capacity);
    assert_true(buffer.capacity >= 5000);
    buffer_trim(&buffer, 100);
    assert_int_equal(buffer.capacity, 0);
    assert_null(buffer.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_the_order_they_went_in),
        cmocka_unit_test(an_empty_buffer_is_usable_and_freeable),
        cmocka_unit_test(reserved_bytes_count_only_once_committed),
        cmocka_unit_test(lengths_past_half_the_address_space_are_refused),
        cmocka_unit_test(consuming_more_than_there_is_empties),
        cmocka_unit_test(a_queue_in_steady_use_keeps_its_bytes_and_stays_small),
        cmocka_unit_test(a_nearly_full_queue_is_not_moved_for_each_byte),
        cmocka_unit_test(trim_gives_back_only_what_is_empty_and_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
