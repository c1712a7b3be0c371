/* test_hashmap.c: the map from numbers to pointers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hashmap.h"

#define MANY 5000u

static int values[MANY];

static void what_was_added_is_found_until_removed(void **state)
{
    struct hashmap map = {0};

    (void)state;
    assert_null(hashmap_get(&map, 7));
    assert_null(hashmap_remove(&map, 7));
    assert_int_equal(hashmap_add(&map, 7, &values[0]), 0);
    assert_int_equal(hashmap_add(&map, 0, &values[1]), 0);
    assert_int_equal(hashmap_add(&map, UINT64_MAX, &values[2]), 0);
    assert_ptr_equal(hashmap_get(&map, 7), &values[0]);
    assert_ptr_equal(hashmap_get(&map, 0), &values[1]);
    assert_ptr_equal(hashmap_get(&map, UINT64_MAX), &values[2]);
    assert_ptr_equal(hashmap_remove(&map, 7), &values[0]);
    assert_null(hashmap_get(&map, 7));
    assert_null(hashmap_remove(&map, 7));
    assert_int_equal(map.count, 2);
    hashmap_free(&map);
    assert_null(hashmap_get(&map, 0));
}

static void a_key_that_is_there_is_not_replaced(void **state)
{
    struct hashmap map = {0};

    (void)state;
    assert_int_equal(hashmap_add(&map, 7, &values[0]), 0);
    assert_int_equal(hashmap_add(&map, 7, &values[1]), SP_ERR_INVALID);
    assert_ptr_equal(hashmap_get(&map, 7), &values[0]);
    assert_int_equal(map.count, 1);
    hashmap_free(&map);
}

/* Keys of many distances, in changing company: each must be found wherever it was moved. */
static void a_large_map_agrees_with_an_array(void **state)
{
    struct hashmap map = {0};
    uint32_t random = 1;
    uint32_t count = 0;
    static void *present[MANY];

    (void)state;
    for (uint32_t step = 0; step < 40000; step++) {
        uint32_t i;
        random = random * 1664525u + 1013904223u;
        i = (random >> 8) % MANY;
        if (present[i]) {
            assert_ptr_equal(hashmap_remove(&map, (uint64_t)i << (i % 30)), present[i]);
            present[i] = NULL;
            count--;
        } else if (!hashmap_get(&map, (uint64_t)i << (i % 30))) {
            assert_int_equal(hashmap_add(&map, (uint64_t)i << (i % 30), &values[i]), 0);
            present[i] = &values[i];
            count++;
        }
        assert_int_equal(map.count, count);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        if (present[i])
            assert_ptr_equal(hashmap_get(&map, (uint64_t)i << (i % 30)), present[i]);
    }
    assert_true(count > 1000);
    hashmap_free(&map);
}

static void short_lived_keys_do_not_make_the_map_grow(void **state)
{
    struct hashmap map = {0};

    (void)state;
    for (uint64_t key = 0; key < 10000; key++) {
        assert_int_equal(hashmap_add(&map, key, &values[0]), 0);
        assert_ptr_equal(hashmap_remove(&map, key), &values[0]);
    }
    assert_true(map.capacity <= 8);
    hashmap_free(&map);
}

static void add_up(uint64_t key, void *value, void *arg)
{
    uint64_t *sums = arg;

    sums[0] += key;
    sums[1] += (uint64_t) * (int *)value;
}

static void for_each_visits_each_pair_once(void **state)
{
    struct hashmap map = {0};
    int numbers[100];
    uint64_t sums[2] = {0, 0};

    (void)state;
    hashmap_for_each(&map, add_up, sums);
    assert_int_equal(sums[0], 0);
    for (int i = 0; i < 100; i++) {
        numbers[i] = i * 3;
        assert_int_equal(hashmap_add(&map, (uint64_t)i, &numbers[i]), 0);
    }
    hashmap_for_each(&map, add_up, sums);
    assert_int_equal(sums[0], 4950);
    assert_int_equal(sums[1], 4950 * 3);
    hashmap_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_until_removed),
        cmocka_unit_test(a_key_that_is_there_is_not_replaced),
        cmocka_unit_test(a_large_map_agrees_with_an_array),
        cmocka_unit_test(short_lived_keys_do_not_make_the_map_grow),
        cmocka_unit_test(for_each_visits_each_pair_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
