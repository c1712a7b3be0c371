/* test_instances.c: crashes that are too many, and what was counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/instances.h"

#define OPERATIONS 2

static struct config_plugin plugins[3];
static struct config config;
static struct instances instances;

static int set_up(void **state)
{
    (void)state;
    memset(plugins, 0, sizeof(plugins));
    plugins[0] = (struct config_plugin){.name = "a", .on_crash = {false, 2, 100}};
    plugins[1] = (struct config_plugin){.name = "b", .on_crash = {true, 3, 100}};
    plugins[2] = (struct config_plugin){.name = "c", .on_crash = {true, 1, 100}};
    config = (struct config){.plugins = plugins, .plugins_count = 3};
    return instances_init(&instances, &config, OPERATIONS);
}

static int tear_down(void **state)
{
    (void)state;
    instances_free(&instances);
    return 0;
}

/* At these times; the last of them disables it, or none. */
static void expect_crashes(const char *name, const uint64_t *at_ms, size_t count, bool disables)
{
    struct instance *instance = instances_find(&instances, name);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(instance_crashed(instance, at_ms[i]), disables && i + 1 == count);
    assert_int_equal(instance->is_disabled, disables);
    assert_int_equal(instance->crashes, count);
}

static void one_that_is_only_restarted_is_never_disabled(void **state)
{
    (void)state;
    expect_crashes("a", (uint64_t[]){1, 2, 3, 4, 5}, 5, false);
}

static void as_many_crashes_as_are_too_many_in_the_time_disable(void **state)
{
    (void)state;
    expect_crashes("b", (uint64_t[]){1, 50, 101}, 3, true);
    expect_crashes("c", (uint64_t[]){7}, 1, true);
}

static void crashes_that_are_further_apart_do_not(void **state)
{
    (void)state;
    expect_crashes("b", (uint64_t[]){1, 60, 102, 200, 300}, 5, false);
}

static void only_the_last_ones_count(void **state)
{
    (void)state;
    expect_crashes("b", (uint64_t[]){1, 2, 1000, 1001, 1002}, 5, true);
}

static void it_is_told_once_that_one_is_disabled(void **state)
{
    struct instance *instance = instances_find(&instances, "c");
    (void)state;
    assert_true(instance_crashed(instance, 1));
    assert_false(instance_crashed(instance, 2));
    assert_true(instance->is_disabled);
}

static void workers_are_told_which_are_disabled(void **state)
{
    struct counters counters;
    (void)state;
    close(counters_create(3, OPERATIONS, &counters));
    instance_crashed(instances_find(&instances, "c"), 1);
    instances_mark(&instances, &counters);
    assert_int_equal(counters.instances[0].is_disabled, 0);
    assert_int_equal(counters.instances[2].is_disabled, 1);
    counters_unmap(&counters);
}

static uint64_t calls(const struct instances *of, size_t index, size_t operation)
{
    return counter_get(&counters_operation(&of->gone, index, operation)->calls);
}

static void a_successor_keeps_counts_and_crashes_by_name_but_disables_nothing(void **state)
{
    static struct config_plugin others[2];
    const struct config next = {.plugins = others, .plugins_count = 2};
    struct instances successor;
    struct counters counters;
    (void)state;
    others[0] = (struct config_plugin){.name = "c", .on_crash = {true, 2, 100}};
    others[1] = (struct config_plugin){.name = "new", .on_crash = {true, 1, 100}};
    close(counters_create(3, OPERATIONS, &counters));
    for (size_t i = 0; i < 3; i++)
        counter_add(&counters_operation(&counters, i, 1)->calls, 10 + i);
    instances_add(&instances, &instances, &counters);
    instance_crashed(instances_find(&instances, "c"), 1);

    assert_int_equal(instances_init(&successor, &next, OPERATIONS), 0);
    instances_succeed(&successor, &instances);
    assert_int_equal(calls(&successor, 0, 1), 12);
    assert_int_equal(calls(&successor, 0, 0), 0);
    assert_int_equal(calls(&successor, 1, 1), 0);
    assert_false(successor.all[0].is_disabled);
    assert_int_equal(successor.all[0].crashes, 1);
    /* What crashed before is forgiven. */
    assert_false(instance_crashed(&successor.all[0], 2));
    assert_true(instance_crashed(&successor.all[0], 3));
    /* A worker of the old configuration ends. */
    instances_add(&successor, &instances, &counters);
    assert_int_equal(calls(&successor, 0, 1), 24);
    instances_free(&successor);
    counters_unmap(&counters);
}

static void what_a_worker_says_ends_within_its_field(void **state)
{
    struct counters counters;
    (void)state;
    close(counters_create(3, OPERATIONS, &counters));
    memset(counters.instances[1].plugin, 'x', sizeof(counters.instances[1].plugin));
    strcpy(counters.instances[1].threading, "serial");
    strcpy(counters.instances[2].plugin, "not up: without threading");
    instances_learn(&instances, &counters);
    assert_int_equal(strlen(instances.all[1].facts.plugin),
                     sizeof(counters.instances[1].plugin) - 1);
    assert_string_equal(instances.all[1].facts.threading, "serial");
    assert_string_equal(instances.all[2].facts.plugin, "");
    counters_unmap(&counters);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_that_is_only_restarted_is_never_disabled),
        TEST(as_many_crashes_as_are_too_many_in_the_time_disable),
        TEST(crashes_that_are_further_apart_do_not),
        TEST(only_the_last_ones_count),
        TEST(it_is_told_once_that_one_is_disabled),
        TEST(workers_are_told_which_are_disabled),
        TEST(a_successor_keeps_counts_and_crashes_by_name_but_disables_nothing),
        TEST(what_a_worker_says_ends_within_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
