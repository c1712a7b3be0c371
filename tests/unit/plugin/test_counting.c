/* test_counting.c: what is counted of calls, instances that are disabled, and threads of the pool
 * that plugins hold up. */
#include "stage.h"

#include <semaphore.h>

#include "worker/counters.h"

static struct stage stage;
static struct counters counters;
static uint32_t overload; /* what the launcher was told */
static int overloads;

static void on_overload(void *arg, uint32_t threads)
{
    (void)arg;
    overload = threads;
    overloads++;
}

/* disabled: from the start. */
static void begin(const char *plugin, uint32_t threads, bool disabled)
{
    static const struct plugin_launcher launcher = {.on_overload = on_overload};
    const struct plugin_services services = {.counters = &counters, .launcher = &launcher};
    overload = 0;
    overloads = 0;
    stage_open(&stage, threads);
    stage.config.pool_threads = threads;
    stage.config.limits.stuck_threads = 1;
    stage_add(&stage, "suspect", plugin)->deadline_ms = 50;
    close(counters_create(1, PLUGIN_OPERATION_COUNT, &counters));
    counters.instances[0].is_disabled = disabled;
    stage_up(&stage, &services);
}

static void end(void)
{
    stage_close(&stage);
    counters_unmap(&counters);
}

static const struct operation_counters *counted(enum plugin_operation operation)
{
    return counters_operation(&counters, 0, operation);
}

static void calls_failures_and_time_are_counted_for_each_operation(void **state)
{
    (void)state;
    struct question q;
    begin("garbage-verdict", 1, false);
    question_ask_as(&q, &stage, "suspect", "reply");
    stage_wait(&stage, q.released);
    assert_int_equal(counted(PLUGIN_AUTH_password)->calls, 1);
    assert_int_equal(counted(PLUGIN_AUTH_password)->failures, 1);
    assert_int_equal(counted(PLUGIN_AUTH_password)->timeouts, 0);
    assert_true(counted(PLUGIN_AUTH_password)->nanoseconds > 0);
    assert_int_equal(counted(PLUGIN_AUTH_publickey)->calls, 0);
    end();
}

static void what_is_offered_and_how_is_told(void **state)
{
    (void)state;
    begin("garbage-verdict", 1, false);
    assert_int_equal(counted(PLUGIN_AUTH_password)->is_offered, 1);
    assert_int_equal(counted(PLUGIN_AUTH_publickey)->is_offered, 0);
    assert_int_equal(counted(PLUGIN_AUTH_password)->deadline_ms, 50);
    assert_string_equal(counters.instances[0].plugin, "garbage-verdict");
    assert_string_equal(counters.instances[0].threading, "reactor");
    assert_string_equal(counters.instances[0].isolation, "in-process");
    end();
}

static void one_that_is_disabled_is_not_called_and_fails(void **state)
{
    (void)state;
    struct question q;
    begin("answers-twice", 1, false);
    counters.instances[0].is_disabled = 1;
    question_ask_as(&q, &stage, "suspect", "return");
    assert_int_equal(q.done, 1);
    assert_int_equal(q.released, 1);
    assert_int_equal(q.verdict, SP_E_FAILED);
    assert_int_equal(counted(PLUGIN_AUTH_password)->failures, 1);
    assert_false(stage_logged(&stage, "plugin.answered_twice", NULL, NULL));
    end();
}

/* All that the manifest names is refused: to be without an opinion would let others decide. */
static void one_that_was_disabled_before_is_not_even_loaded(void **state)
{
    (void)state;
    struct question q;
    begin("crash-in-constructor", 1, true);
    question_init(&q, &stage, "suspect", PLUGIN_AUTH_publickey);
    plugin_call_start(&q.call);
    assert_int_equal(q.done, 1);
    assert_int_equal(q.released, 1);
    assert_int_equal(q.verdict, SP_E_FAILED);
    end();
}

/* Until deadlines of so many calls have passed. */
static void ask_until_stuck(struct question *questions, int count)
{
    for (int i = 0; i < count; i++) {
        question_ask_as(&questions[i], &stage, "suspect", "alice");
        stage_wait(&stage, questions[i].done);
        assert_int_equal(questions[i].verdict, SP_E_TIMEOUT);
    }
}

static void a_thread_that_is_held_up_is_named_and_replaced_until_there_are_too_many(void **state)
{
    (void)state;
    struct question q[3];
    begin("blocks", 1, false);
    sem_t *let_go = stage_symbol("blocks", "fault_let_go");
    ask_until_stuck(q, 1);
    assert_true(stage_logged(&stage, "plugin.stuck", "operation=auth.password", "threads=1"));
    assert_int_equal(overloads, 0);
    ask_until_stuck(q + 1, 2); /* each has found a thread, or its state would be "queued" */
    assert_true(stage_logged(&stage, "plugin.stuck", "operation=auth.password", "threads=2"));
    assert_false(stage_logged(&stage, "plugin.deadline", "state=queued", NULL));
    assert_int_equal(overloads, 1);
    assert_int_equal(overload, 2);
    assert_int_equal(counted(PLUGIN_AUTH_password)->timeouts, 3);
    for (int i = 0; i < 3; i++)
        sem_post(let_go);
    for (int i = 0; i < 3; i++)
        stage_wait(&stage, q[i].released);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_failures_and_time_are_counted_for_each_operation),
        cmocka_unit_test(what_is_offered_and_how_is_told),
        cmocka_unit_test(one_that_is_disabled_is_not_called_and_fails),
        cmocka_unit_test(one_that_was_disabled_before_is_not_even_loaded),
        cmocka_unit_test(a_thread_that_is_held_up_is_named_and_replaced_until_there_are_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
