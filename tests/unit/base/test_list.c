/* test_list.c: intrusive lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int number;
    struct list link;
};

static void fill(struct list *head, struct item *items, int count)
{
    list_init(head);
    for (int i = 0; i < count; i++) {
        items[i].number = i;
        list_append(head, &items[i].link);
    }
}

static void nodes_are_taken_in_the_order_they_were_appended(void **state)
{
    struct list head;
    struct item items[3];

    (void)state;
    fill(&head, items, 3);
    for (int i = 0; i < 3; i++) {
        struct list *node = list_take_first(&head);
        assert_int_equal(container_of(node, struct item, link)->number, i);
        assert_true(list_is_empty(node));
    }
    assert_null(list_take_first(&head));
    assert_null(list_first(&head));
}

static void a_node_may_be_removed_twice(void **state)
{
    struct list head;
    struct item items[3];

    (void)state;
    fill(&head, items, 3);
    list_remove(&items[1].link);
    list_remove(&items[1].link);
    assert_ptr_equal(list_take_first(&head), &items[0].link);
    assert_ptr_equal(list_take_first(&head), &items[2].link);
    assert_true(list_is_empty(&head));
}

static void a_loop_may_remove_the_node_it_is_at(void **state)
{
    struct list head;
    struct item items[5];
    int visited = 0;

    (void)state;
    fill(&head, items, 5);
    list_for_each (node, &head) {
        assert_int_equal(container_of(node, struct item, link)->number, visited++);
        if (visited % 2)
            list_remove(node);
    }
    assert_int_equal(visited, 5);
    assert_ptr_equal(list_take_first(&head), &items[1].link);
    assert_ptr_equal(list_take_first(&head), &items[3].link);
    assert_true(list_is_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_taken_in_the_order_they_were_appended),
        cmocka_unit_test(a_node_may_be_removed_twice),
        cmocka_unit_test(a_loop_may_remove_the_node_it_is_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
