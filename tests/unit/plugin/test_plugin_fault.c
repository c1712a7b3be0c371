/* test_plugin_fault.c: plugins that misbehave while they serve: each ends in a verdict that lets
 * nobody in and a line in the log that names the instance and the operation. */
#include "stage.h"

#include <semaphore.h>

#include "worker/counters.h"

static struct stage stage;
static struct counters counters;

static void begin(const char *plugin)
{
    stage_open(&stage, 2);
    stage_add(&stage, "suspect", plugin);
    const struct plugin_services services = {.counters = &counters};
    counters_unmap(&counters);
    close(counters_create(1, PLUGIN_OPERATION_COUNT, &counters));
    stage_up(&stage, &services);
}

static void expect_over(const struct question *q, int32_t verdict)
{
    assert_int_equal(q->done, 1);
    assert_int_equal(q->released, 1);
    assert_int_equal(q->verdict, verdict);
}

static void first_of_two_answers_counts(void **state)
{
    (void)state;
    struct question q;
    begin("answers-twice");
    question_ask_as(&q, &stage, "suspect", "return");
    expect_over(&q, SP_DENY);
    assert_true(stage_logged(&stage, "plugin.answered_twice", "suspect", "auth.password"));
    stage_close(&stage);

    begin("answers-twice");
    question_ask_as(&q, &stage, "suspect", "complete");
    expect_over(&q, SP_DENY);
    assert_true(stage_logged(&stage, "plugin.answered_twice", "suspect", "auth.password"));
    stage_close(&stage);
}

static void answer_to_a_question_that_is_over_is_named_and_dropped(void **state)
{
    (void)state;
    struct question a, b;
    begin("answers-twice");
    question_ask_as(&a, &stage, "suspect", "first");
    assert_false(stage_logged(&stage, "plugin.answered_twice", NULL, NULL));
    question_ask_as(&b, &stage, "suspect", "stale");
    expect_over(&a, SP_DENY);
    expect_over(&b, SP_DENY);
    assert_true(stage_logged(&stage, "plugin.answered_twice", "suspect", "auth.password"));
    stage_close(&stage);
}

static void missing_answer_is_a_timeout_and_keeps_the_event_until_the_end(void **state)
{
    (void)state;
    struct question q;
    begin("never-answers");
    question_ask_as(&q, &stage, "suspect", "anybody");
    assert_int_equal(q.done, 0);
    stage_wait(&stage, q.done);
    assert_int_equal(q.verdict, SP_E_TIMEOUT);
    assert_int_equal(q.released, 0);
    assert_true(stage_logged(&stage, "plugin.deadline", "suspect", "auth.password"));
    assert_int_equal(counters.totals->plugin_failures, 1);
    plugin_host_free(stage.host);
    stage.host = NULL;
    assert_int_equal(q.released, 1);
    stage_close(&stage);
}

static void answer_after_the_deadline_is_dropped(void **state)
{
    (void)state;
    struct question waits, now;
    begin("answers-late");
    question_ask_as(&waits, &stage, "suspect", "wait");
    stage_wait(&stage, waits.done);
    assert_int_equal(waits.verdict, SP_E_TIMEOUT);
    assert_int_equal(waits.released, 0);
    question_ask_as(&now, &stage, "suspect", "now");
    expect_over(&now, SP_NEXT); /* it was told that its answer is stale */
    stage_wait(&stage, waits.released);
    expect_over(&waits, SP_E_TIMEOUT);
    assert_true(stage_logged(&stage, "plugin.late", "suspect", "auth.password"));
    stage_close(&stage);
}

static void answer_after_a_cancel_is_dropped(void **state)
{
    (void)state;
    struct question waits, now;
    begin("answers-late");
    question_ask_as(&waits, &stage, "suspect", "wait");
    plugin_call_cancel(&waits.call);
    assert_int_equal(waits.released, 0);
    question_ask_as(&now, &stage, "suspect", "now");
    expect_over(&now, SP_NEXT);
    stage_wait(&stage, waits.released);
    assert_int_equal(waits.done, 0);
    assert_true(stage_logged(&stage, "plugin.late", "suspect", "auth.password"));
    stage_close(&stage);
}

static void thread_held_past_the_deadline_keeps_the_event_but_nobody_waiting(void **state)
{
    (void)state;
    struct question q, queued;
    begin("blocks");
    struct plugin_strands *strands = plugin_strands_new(stage.host);
    sem_t *let_go = stage_symbol("blocks", "fault_let_go");
    question_init(&q, &stage, "suspect", PLUGIN_AUTH_password);
    q.call.strands = strands;
    plugin_call_start(&q.call);
    question_init(&queued, &stage, "suspect", PLUGIN_AUTH_password);
    queued.call.strands = strands;
    plugin_call_start(&queued.call);
    plugin_strands_free(strands);

    stage_wait(&stage, q.done && queued.done);
    assert_int_equal(q.verdict, SP_E_TIMEOUT);
    assert_int_equal(queued.verdict, SP_E_TIMEOUT);
    assert_int_equal(q.released, 0);
    assert_int_equal(queued.released, 1); /* it had not begun, and never will */
    assert_true(stage_logged(&stage, "plugin.deadline", "suspect", "running"));
    assert_true(stage_logged(&stage, "plugin.deadline", "suspect", "queued"));

    sem_post(let_go);
    stage_wait(&stage, q.released);
    expect_over(&q, SP_E_TIMEOUT);
    assert_true(stage_logged(&stage, "plugin.late", "suspect", "auth.password"));
    stage_close(&stage);
}

static void garbage_verdict_is_a_failure(void **state)
{
    (void)state;
    static const char *const ways[] = {"return", "reply", "pending", "elsewhere"};
    struct question q;
    begin("garbage-verdict");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        question_ask_as(&q, &stage, "suspect", ways[i]);
        expect_over(&q, SP_E_INVALID);
        assert_false(q.has_reply);
        assert_int_equal(counters.totals->plugin_failures, i + 1);
    }
    assert_true(stage_logged(&stage, "plugin.failed", "suspect", "verdict=4711"));
    stage_close(&stage);
}

static void absurd_reply_is_a_failure_and_lets_nobody_in(void **state)
{
    (void)state;
    static const char *const ways[] = {"no reply",   "no size",   "huge size", "prompts",
                                       "no prompts", "text",      "no text",   "NUL in a name",
                                       "groups",     "grant size"};
    struct question q;
    begin("absurd-reply");
    question_ask_as(&q, &stage, "suspect", "sane");
    expect_over(&q, SP_ALLOW);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        question_ask_as(&q, &stage, "suspect", ways[i]);
        expect_over(&q, SP_E_INVALID);
        assert_false(q.has_reply);
    }
    assert_true(stage_logged(&stage, "plugin.bad_reply", "suspect", "prompts"));
    stage_close(&stage);
}

static void absurd_listing_is_a_failure(void **state)
{
    (void)state;
    struct question q;
    begin("absurd-reply");
    for (uint64_t way = 0; way <= 4; way++) {
        question_init(&q, &stage, "suspect", PLUGIN_FS_readdir);
        q.event.handle.handle = way;
        plugin_call_start(&q.call);
        expect_over(&q, way == 0 ? SP_OK : SP_E_INVALID);
        assert_int_equal(q.has_reply, way == 0);
    }
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_of_two_answers_counts),
        cmocka_unit_test(answer_to_a_question_that_is_over_is_named_and_dropped),
        cmocka_unit_test(missing_answer_is_a_timeout_and_keeps_the_event_until_the_end),
        cmocka_unit_test(answer_after_the_deadline_is_dropped),
        cmocka_unit_test(answer_after_a_cancel_is_dropped),
        cmocka_unit_test(thread_held_past_the_deadline_keeps_the_event_but_nobody_waiting),
        cmocka_unit_test(garbage_verdict_is_a_failure),
        cmocka_unit_test(absurd_reply_is_a_failure_and_lets_nobody_in),
        cmocka_unit_test(absurd_listing_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
