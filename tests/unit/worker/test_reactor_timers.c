/* test_reactor_timers.c: timers fire once, in order and not early. */
#include "unit/worker/loop.h"

#include "base/clock.h"

struct alarm {
    struct reactor_timer timer;
    int calls;
    int place;
    struct alarm *victim;
};

static int places;

static void note_time(struct reactor_timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);

    assert_false(reactor_timer_is_set(timer));
    assert_true(reactor_now_ms(loop) >= timer->due_ms);
    alarm->calls++;
    alarm->place = places++;
    if (alarm->victim)
        reactor_timer_cancel(loop, &alarm->victim->timer);
}

static void turn_until(const int *calls, int wanted)
{
    uint64_t deadline = clock_now_ms() + 20000;

    while (*calls < wanted) {
        assert_true(clock_now_ms() < deadline);
        assert_int_equal(reactor_turn(loop, 20000), 0);
    }
}

static void a_timer_fires_once_and_not_early(void **state)
{
    struct alarm alarm = {.timer.on_time = note_time};
    uint64_t before = clock_now_ms();

    (void)state;
    assert_int_equal(reactor_timer_set(loop, &alarm.timer, 30), 0);
    assert_true(reactor_timer_is_set(&alarm.timer));
    turn();
    assert_int_equal(alarm.calls, 0);
    turn_until(&alarm.calls, 1);
    assert_true(clock_now_ms() - before >= 30);
    turn();
    assert_int_equal(alarm.calls, 1);
    assert_false(reactor_timer_is_set(&alarm.timer));
}

static void timers_fire_in_the_order_they_are_due(void **state)
{
    enum { COUNT = 60 };
    static struct alarm alarms[COUNT];
    struct alarm last = {.timer.on_time = note_time};
    uint32_t delays[COUNT];

    (void)state;
    places = 0;
    for (int i = 0; i < COUNT; i++) {
        delays[i] = (uint32_t)(i * 37 % COUNT); /* each number below COUNT once */
        alarms[i] = (struct alarm){.timer.on_time = note_time};
        assert_int_equal(reactor_timer_set(loop, &alarms[i].timer, 1000), 0);
    }
    /* Move all of them and take some away, so that the heap has to put itself right. */
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(reactor_timer_set(loop, &alarms[i].timer, 2 * delays[i]), 0);
    for (int i = 0; i < COUNT; i += 3)
        reactor_timer_cancel(loop, &alarms[i].timer);
    assert_int_equal(reactor_timer_set(loop, &last.timer, 2 * COUNT + 1), 0);
    turn_until(&last.calls, 1);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(alarms[i].calls, i % 3 != 0);
        for (int k = 0; k < COUNT; k++) {
            if (i % 3 && k % 3 && alarms[i].timer.due_ms < alarms[k].timer.due_ms)
                assert_true(alarms[i].place < alarms[k].place);
        }
    }
}

static void a_timer_cancelled_by_another_does_not_fire(void **state)
{
    struct alarm second = {.timer.on_time = note_time};
    struct alarm first = {.timer.on_time = note_time, .victim = &second};

    (void)state;
    assert_int_equal(reactor_timer_set(loop, &first.timer, 0), 0);
    assert_int_equal(reactor_timer_set(loop, &second.timer, 1), 0);
    turn_until(&first.calls, 1);
    turn();
    assert_int_equal(second.calls, 0);
    reactor_timer_cancel(loop, &second.timer);
}

static void set_again(struct reactor_timer *timer)
{
    struct alarm *alarm = container_of(timer, struct alarm, timer);

    alarm->calls++;
    assert_int_equal(reactor_timer_set(loop, timer, 0), 0);
}

static void a_timer_that_sets_itself_again_waits_for_the_next_turn(void **state)
{
    struct alarm alarm = {.timer.on_time = set_again};

    (void)state;
    assert_int_equal(reactor_timer_set(loop, &alarm.timer, 0), 0);
    turn();
    assert_int_equal(alarm.calls, 1);
    turn_until(&alarm.calls, 3);
    reactor_timer_cancel(loop, &alarm.timer);
}

static void a_timer_as_far_as_numbers_go_never_fires(void **state)
{
    struct alarm far = {.timer.on_time = note_time}, near = {.timer.on_time = note_time};

    (void)state;
    assert_int_equal(reactor_timer_set(loop, &far.timer, UINT64_MAX), 0);
    turn();
    assert_int_equal(reactor_timer_set(loop, &near.timer, 1), 0);
    turn_until(&near.calls, 1);
    assert_int_equal(far.calls, 0);
    reactor_timer_cancel(loop, &far.timer);
}

static void the_loops_time_is_the_turns(void **state)
{
    uint64_t before = clock_now_ms();

    (void)state;
    turn();
    assert_in_range(reactor_now_ms(loop), before, clock_now_ms());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_timer_fires_once_and_not_early),
        LOOP_TEST(timers_fire_in_the_order_they_are_due),
        LOOP_TEST(a_timer_cancelled_by_another_does_not_fire),
        LOOP_TEST(a_timer_that_sets_itself_again_waits_for_the_next_turn),
        LOOP_TEST(a_timer_as_far_as_numbers_go_never_fires),
        LOOP_TEST(the_loops_time_is_the_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
