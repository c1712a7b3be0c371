/* test_reactor_tasks.c: tasks of the loop's own thread and of others, and stopping the loop. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "unit/worker/loop.h"

#include "base/clock.h"

static int places; /* what has run so far */

struct work {
    struct reactor_task task;
    atomic_int runs;
    int place;
    bool again;
    struct work *victim;
};

static void do_work(struct reactor_task *task)
{
    struct work *work = container_of(task, struct work, task);

    atomic_fetch_add(&work->runs, 1);
    work->place = places++;
    if (work->again)
        reactor_defer(loop, task);
    if (work->victim)
        reactor_task_cancel(loop, &work->victim->task);
}

static void deferred_tasks_run_in_order_within_the_turn(void **state)
{
    struct work works[3];

    (void)state;
    places = 0;
    for (int i = 0; i < 3; i++) {
        works[i] = (struct work){.task.run = do_work};
        reactor_defer(loop, &works[i].task);
        reactor_defer(loop, &works[i].task); /* counts once */
    }
    assert_int_equal(works[0].runs, 0);
    turn();
    turn();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(works[i].runs, 1);
        assert_int_equal(works[i].place, i);
    }
}

static void note_call(struct reactor_source *source, uint32_t events)
{
    (void)source;
    (void)events;
    places++;
}

static void a_task_that_defers_itself_does_not_starve_descriptors(void **state)
{
    struct work work = {.task.run = do_work, .again = true};
    struct reactor_source source = {.on_ready = note_call, .fd = eventfd(1, EFD_CLOEXEC)};

    (void)state;
    places = 0;
    assert_int_equal(reactor_watch(loop, &source, REACTOR_READ), 0);
    reactor_defer(loop, &work.task);
    for (int i = 1; i <= 5; i++) {
        /* The limit is never waited for: there is work. */
        assert_int_equal(reactor_turn(loop, 20000), 0);
        assert_in_range(work.runs, i, 2 * i);
        assert_int_equal(places, work.runs + i);
    }
    int runs = work.runs;
    reactor_unwatch(loop, &source);
    work.again = false;
    assert_int_equal(reactor_turn(loop, 20000), 0);
    assert_int_equal(work.runs, runs + 1);
    turn();
    assert_int_equal(work.runs, runs + 1);
    close(source.fd);
}

/* Whatever runs first: a task may be taken away while it waits or by one that runs before it. */
static void a_cancelled_task_does_not_run(void **state)
{
    struct work works[4];

    (void)state;
    for (int victim = 1; victim < 4; victim++) {
        for (int i = 0; i < 4; i++) {
            works[i] = (struct work){.task.run = do_work};
            reactor_defer(loop, &works[i].task);
        }
        works[0].victim = &works[victim];
        turn();
        for (int i = 0; i < 4; i++)
            assert_int_equal(works[i].runs, i != victim);
        for (int i = 0; i < 4; i++)
            reactor_post(loop, &works[i].task);
        reactor_task_cancel(loop, &works[victim].task);
        reactor_task_cancel(loop, &works[victim].task);
        works[0].victim = NULL;
        reactor_defer(loop, &works[0].task);
        turn();
        for (int i = 0; i < 4; i++)
            assert_int_equal(works[i].runs, i == victim ? 0 : 2);
    }
}

static void free_work(struct reactor_task *task)
{
    struct work *work = container_of(task, struct work, task);

    places++;
    free(work);
}

static void a_task_may_free_itself(void **state)
{
    (void)state;
    places = 0;
    for (int i = 0; i < 3; i++) {
        struct work *work = calloc(1, sizeof(*work));
        assert_non_null(work);
        work->task.run = free_work;
        reactor_post(loop, &work->task);
    }
    turn();
    assert_int_equal(places, 3);
}

static void *post_later(void *arg)
{
    struct work *work = arg;

    reactor_post(loop, &work->task);
    return NULL;
}

static void a_post_from_another_thread_ends_the_wait(void **state)
{
    struct work work = {.task.run = do_work};
    pthread_t thread;
    uint64_t before = clock_now_ms();

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, post_later, &work), 0);
    while (atomic_load(&work.runs) == 0 && clock_now_ms() - before < 20000)
        assert_int_equal(reactor_turn(loop, 20000), 0);
    assert_true(clock_now_ms() - before < 20000);
    assert_int_equal(work.runs, 1);
    pthread_join(thread, NULL);
}

enum { POSTERS = 3, POSTS = 2000 };

/* A thread's own tasks, each posted when the one before has run, as pool jobs answer. */
struct poster {
    struct reactor_task task;
    pthread_t thread;
    atomic_int posted;
    atomic_int run;
};

static int posters_left;

static void count_post(struct reactor_task *task)
{
    struct poster *poster = container_of(task, struct poster, task);

    if (atomic_fetch_add(&poster->run, 1) + 1 == POSTS && --posters_left == 0)
        reactor_stop(loop);
}

static void *post_many(void *arg)
{
    struct poster *poster = arg;

    for (int i = 0; i < POSTS; i++) {
        while (atomic_load(&poster->run) < i)
            sched_yield();
        reactor_post(loop, &poster->task);
    }
    return NULL;
}

static void posts_from_many_threads_are_neither_lost_nor_doubled(void **state)
{
    struct poster posters[POSTERS];

    (void)state;
    posters_left = POSTERS;
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.task.run = count_post};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    assert_int_equal(reactor_run(loop), 0);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_int_equal(posters[i].run, POSTS);
    }
    turn();
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(posters[i].run, POSTS);
}

static void *stop_loop(void *arg)
{
    (void)arg;
    reactor_stop(loop);
    return NULL;
}

static void a_stopped_loop_can_run_again(void **state)
{
    pthread_t thread;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&thread, NULL, stop_loop, NULL), 0);
        assert_int_equal(reactor_run(loop), 0);
        pthread_join(thread, NULL);
    }
    reactor_stop(loop); /* before running counts too */
    assert_int_equal(reactor_run(loop), 0);
    reactor_free(NULL);
}

static _Atomic uint64_t turns;
static uint64_t turns_within[2];

static void note_turns(struct reactor_task *task)
{
    struct work *work = container_of(task, struct work, task);
    turns_within[places++] = turns;
    if (work->again)
        reactor_defer(loop, &work->victim->task);
}

static void the_turns_are_odd_while_the_loop_works_and_grow_with_each_thing_it_does(void **state)
{
    struct work second = {.task.run = note_turns};
    struct work first = {.task.run = note_turns, .again = true, .victim = &second};

    (void)state;
    places = 0;
    turns = 0;
    reactor_count_turns(loop, &turns);
    reactor_defer(loop, &first.task);
    turn();
    assert_int_equal(places, 2);
    assert_int_equal(turns_within[0] % 2, 1);
    assert_int_equal(turns_within[1] % 2, 1);
    assert_true(turns_within[0] < turns_within[1]);
    assert_int_equal(turns % 2, 0);
    assert_true(turns_within[1] < turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(deferred_tasks_run_in_order_within_the_turn),
        LOOP_TEST(the_turns_are_odd_while_the_loop_works_and_grow_with_each_thing_it_does),
        LOOP_TEST(a_task_that_defers_itself_does_not_starve_descriptors),
        LOOP_TEST(a_cancelled_task_does_not_run),
        LOOP_TEST(a_task_may_free_itself),
        LOOP_TEST(a_post_from_another_thread_ends_the_wait),
        LOOP_TEST(posts_from_many_threads_are_neither_lost_nor_doubled),
        LOOP_TEST(a_stopped_loop_can_run_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
