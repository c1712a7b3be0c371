/* test_idmap.c: ids that never stand for two things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/idmap.h"

static int values[1000];

static void an_id_finds_its_value_until_removed(void **state)
{
    struct idmap map = {0};
    uint64_t a, b;

    (void)state;
    a = idmap_add(&map, &values[0], 0);
    b = idmap_add(&map, &values[1], 0);
    assert_int_not_equal(a, 0);
    assert_int_not_equal(b, 0);
    assert_int_not_equal(a, b);
    assert_ptr_equal(idmap_get(&map, a), &values[0]);
    assert_ptr_equal(idmap_remove(&map, a), &values[0]);
    assert_null(idmap_get(&map, a));
    assert_null(idmap_remove(&map, a));
    assert_ptr_equal(idmap_get(&map, b), &values[1]);
    assert_int_equal(map.count, 1);
    idmap_free(&map);
    assert_null(idmap_get(&map, b));
}

static void an_id_can_be_given_another_value(void **state)
{
    struct idmap map = {0};
    uint64_t id = idmap_add(&map, &values[0], 0);

    (void)state;
    assert_int_equal(idmap_set(&map, id, &values[1]), 0);
    assert_ptr_equal(idmap_get(&map, id), &values[1]);
    idmap_remove(&map, id);
    assert_int_equal(idmap_set(&map, id, &values[2]), SP_ERR_NOT_FOUND);
    assert_null(idmap_get(&map, id));
    idmap_free(&map);
}

static void every_other_number_is_no_id(void **state)
{
    struct idmap map = {0};
    uint64_t id = idmap_add(&map, &values[0], 0);

    (void)state;
    assert_null(idmap_get(&map, 0));
    assert_null(idmap_get(&map, UINT64_MAX));
    assert_null(idmap_get(&map, id + 1));
    assert_null(idmap_get(&map, id + 1000));
    assert_null(idmap_get(&map, id | (uint64_t)1 << 63));
    assert_null(idmap_get(&map, id + ((uint64_t)1 << 32)));
    assert_null(idmap_remove(&map, id + ((uint64_t)1 << 32)));
    assert_ptr_equal(idmap_get(&map, id), &values[0]);
    idmap_free(&map);
}

static void a_slot_used_again_gives_another_id(void **state)
{
    struct idmap map = {0};
    uint64_t old[100];

    (void)state;
    for (int i = 0; i < 100; i++) {
        old[i] = idmap_add(&map, &values[i], 0);
        assert_int_not_equal(old[i], 0);
        for (int k = 0; k < i; k++) {
            assert_int_not_equal(old[k], old[i]);
            assert_null(idmap_get(&map, old[k]));
        }
        assert_ptr_equal(idmap_remove(&map, old[i]), &values[i]);
    }
    assert_true(map.capacity <= 8);
    idmap_free(&map);
}

/* The generation is the id's high half: go near its end by hand, as nobody can by use. */
static void a_slot_whose_generations_are_used_up_is_retired(void **state)
{
    struct idmap map = {0};

    (void)state;
    for (uint64_t round = 0; round < 20; round++) {
        uint64_t id = idmap_add(&map, &values[0], 0);
        /* The first fields of a slot are its value and its generation. */
        struct {
            void *value;
            uint32_t generation;
            uint32_t next_free;
        } *slots = (void *)map.slots;
        assert_int_not_equal(id, 0);
        slots[(uint32_t)id - 1].generation = UINT32_MAX;
        id = (uint64_t)UINT32_MAX << 32 | (uint32_t)id;
        assert_ptr_equal(idmap_remove(&map, id), &values[0]);
        assert_null(idmap_get(&map, id));
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t other = idmap_add(&map, &values[1], 0);
            assert_int_not_equal((uint32_t)other, (uint32_t)id);
            idmap_remove(&map, other);
        }
    }
    assert_true(map.capacity > 16);
    idmap_free(&map);
}

static void the_limit_counts_ids_in_use(void **state)
{
    struct idmap map = {0};
    uint64_t ids[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        ids[i] = idmap_add(&map, &values[i], 3);
        assert_int_not_equal(ids[i], 0);
    }
    assert_int_equal(idmap_add(&map, &values[3], 3), 0);
    assert_ptr_equal(idmap_remove(&map, ids[1]), &values[1]);
    assert_int_not_equal(idmap_add(&map, &values[3], 3), 0);
    assert_int_equal(idmap_add(&map, &values[4], 3), 0);
    idmap_free(&map);
}

static void ids_survive_growth(void **state)
{
    struct idmap map = {0};
    uint64_t ids[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
        ids[i] = idmap_add(&map, &values[i], 0);
    assert_int_equal(map.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(idmap_get(&map, ids[i]), &values[i]);
    idmap_free(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_finds_its_value_until_removed),
        cmocka_unit_test(an_id_can_be_given_another_value),
        cmocka_unit_test(every_other_number_is_no_id),
        cmocka_unit_test(a_slot_used_again_gives_another_id),
        cmocka_unit_test(a_slot_whose_generations_are_used_up_is_retired),
        cmocka_unit_test(the_limit_counts_ids_in_use),
        cmocka_unit_test(ids_survive_growth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
