/* test_pool.c: jobs on threads: all of them once, those of a strand in order and never together.
 * What tests wait for is told by semaphores and has a deadline. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "worker/pool.h"

static void wait_for(sem_t *semaphore)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 20;
    assert_int_equal(sem_timedwait(semaphore, &deadline), 0);
}

/* A job that tells when it has begun and ends when it may. */
struct held_job {
    struct pool_job job;
    sem_t begun;
    sem_t may_end;
    sem_t ended;
};

static void run_held(struct pool_job *job)
{
    struct held_job *held = container_of(job, struct held_job, job);

    sem_post(&held->begun);
    sem_wait(&held->may_end);
    sem_post(&held->ended);
}

static void held_init(struct held_job *held, struct pool_strand *strand)
{
    *held = (struct held_job){.job = {.run = run_held, .strand = strand}};
    sem_init(&held->begun, 0, 0);
    sem_init(&held->may_end, 0, 0);
    sem_init(&held->ended, 0, 0);
}

/* A job that notes its place in the order of all. */
struct counted_job {
    struct pool_job job;
    atomic_int *running; /* jobs that run at this moment, or NULL */
    atomic_int *next;
    int place;
    sem_t *done;
};

static void run_counted(struct pool_job *job)
{
    struct counted_job *counted = container_of(job, struct counted_job, job);

    if (counted->running && atomic_fetch_add(counted->running, 1) != 0)
        abort(); /* two of a strand */
    counted->place = atomic_fetch_add(counted->next, 1);
    if (counted->running)
        atomic_fetch_sub(counted->running, 1);
    sem_post(counted->done);
}

static void every_job_runs_once(void **state)
{
    struct pool *pool = pool_new(4);
    static struct counted_job jobs[1000];
    atomic_int next = 0;
    sem_t done;

    (void)state;
    assert_non_null(pool);
    sem_init(&done, 0, 0);
    for (int i = 0; i < 1000; i++) {
        jobs[i] = (struct counted_job){.job = {.run = run_counted}, .next = &next, .done = &done};
        pool_submit(pool, &jobs[i].job);
    }
    for (int i = 0; i < 1000; i++)
        wait_for(&done);
    pool_free(pool);
    assert_int_equal(next, 1000);
}

static void one_thread_takes_jobs_in_order(void **state)
{
    struct pool *pool = pool_new(1);
    struct held_job first;
    struct counted_job jobs[20];
    atomic_int next = 0;
    sem_t done;

    (void)state;
    held_init(&first, NULL);
    sem_init(&done, 0, 0);
    pool_submit(pool, &first.job);
    wait_for(&first.begun);
    for (int i = 0; i < 20; i++) {
        jobs[i] = (struct counted_job){.job = {.run = run_counted}, .next = &next, .done = &done};
        pool_submit(pool, &jobs[i].job);
    }
    assert_int_equal(pool_waiting(pool), 20);
    sem_post(&first.may_end);
    for (int i = 0; i < 20; i++)
        wait_for(&done);
    assert_int_equal(pool_waiting(pool), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(jobs[i].place, i);
    pool_free(pool);
}

static void jobs_of_a_strand_run_in_order_and_never_together(void **state)
{
    enum { STRANDS = 8, JOBS = 250 };
    struct pool *pool = pool_new(4);
    struct pool_strand strands[STRANDS] = {0};
    static struct counted_job jobs[STRANDS][JOBS];
    atomic_int next[STRANDS] = {0}, running[STRANDS] = {0};
    sem_t done;

    (void)state;
    sem_init(&done, 0, 0);
    for (int i = 0; i < JOBS; i++) {
        for (int s = 0; s < STRANDS; s++) {
            jobs[s][i] = (struct counted_job){.job = {.run = run_counted, .strand = &strands[s]},
                                              .running = &running[s],
                                              .next = &next[s],
                                              .done = &done};
            pool_submit(pool, &jobs[s][i].job);
        }
    }
    for (int i = 0; i < STRANDS * JOBS; i++)
        wait_for(&done);
    pool_free(pool);
    for (int s = 0; s < STRANDS; s++) {
        for (int i = 0; i < JOBS; i++)
            assert_int_equal(jobs[s][i].place, i);
    }
}

static void a_blocked_strand_blocks_nobody_else(void **state)
{
    struct pool *pool = pool_new(2);
    struct pool_strand strand = {0};
    struct held_job first;
    struct counted_job second, third, other;
    atomic_int next = 0;
    sem_t done;

    (void)state;
    held_init(&first, &strand);
    sem_init(&done, 0, 0);
    pool_submit(pool, &first.job);
    wait_for(&first.begun);
    second = third = other =
        (struct counted_job){.job = {.run = run_counted}, .next = &next, .done = &done};
    second.job.strand = third.job.strand = &strand;
    pool_submit(pool, &second.job);
    pool_submit(pool, &third.job);
    pool_submit(pool, &other.job);
    wait_for(&done);
    assert_int_equal(other.place, 0);
    assert_int_equal(next, 1);
    assert_int_equal(pool_waiting(pool), 2);
    sem_post(&first.may_end);
    wait_for(&done);
    wait_for(&done);
    pool_free(pool);
    assert_int_equal(second.place, 1);
    assert_int_equal(third.place, 2);
}

static void a_job_taken_back_does_not_run(void **state)
{
    struct pool *pool = pool_new(1);
    struct held_job first;
    struct counted_job taken, kept;
    struct pool_job never = {.run = run_counted};
    atomic_int next = 0;
    sem_t done;

    (void)state;
    held_init(&first, NULL);
    sem_init(&done, 0, 0);
    pool_submit(pool, &first.job);
    wait_for(&first.begun);
    assert_false(pool_cancel(pool, &first.job));
    assert_false(pool_cancel(pool, &never));
    taken = kept = (struct counted_job){
        .job = {.run = run_counted}, .next = &next, .place = -1, .done = &done};
    pool_submit(pool, &taken.job);
    pool_submit(pool, &kept.job);
    assert_true(pool_cancel(pool, &taken.job));
    assert_false(pool_cancel(pool, &taken.job));
    assert_int_equal(pool_waiting(pool), 1);
    sem_post(&first.may_end);
    wait_for(&done);
    assert_false(pool_cancel(pool, &kept.job));
    pool_free(pool);
    assert_int_equal(taken.place, -1);
    assert_int_equal(kept.place, 0);
}

/* Whichever of a strand's jobs is taken back, while one runs and while all wait. */
static void a_strand_goes_on_when_a_job_is_taken_back(void **state)
{
    (void)state;
    for (int taken = 0; taken < 4; taken++) {
        for (int held_strand = 0; held_strand < 2; held_strand++) {
            struct pool *pool = pool_new(1);
            struct pool_strand strand = {0};
            struct held_job first;
            struct counted_job jobs[4];
            atomic_int next = 0;
            sem_t done;
            int place = 0;

            held_init(&first, held_strand ? &strand : NULL);
            sem_init(&done, 0, 0);
            pool_submit(pool, &first.job);
            wait_for(&first.begun);
            for (int i = 0; i < 4; i++) {
                jobs[i] = (struct counted_job){
                    .job = {.run = run_counted, .strand = &strand}, .next = &next, .done = &done};
                pool_submit(pool, &jobs[i].job);
            }
            assert_true(pool_cancel(pool, &jobs[taken].job));
            assert_int_equal(pool_waiting(pool), 3);
            sem_post(&first.may_end);
            for (int i = 0; i < 3; i++)
                wait_for(&done);
            for (int i = 0; i < 4; i++) {
                if (i != taken)
                    assert_int_equal(jobs[i].place, place++);
            }
            pool_free(pool);
            assert_int_equal(next, 3);
        }
    }
}

static void a_strand_of_which_all_was_taken_back_can_be_used_again(void **state)
{
    struct pool *pool = pool_new(1);
    struct pool_strand strand = {0};
    struct held_job first;
    struct counted_job job;
    atomic_int next = 0;
    sem_t done;

    (void)state;
    held_init(&first, NULL);
    sem_init(&done, 0, 0);
    pool_submit(pool, &first.job);
    wait_for(&first.begun);
    job = (struct counted_job){
        .job = {.run = run_counted, .strand = &strand}, .next = &next, .done = &done};
    pool_submit(pool, &job.job);
    assert_true(pool_cancel(pool, &job.job));
    pool_submit(pool, &job.job);
    sem_post(&first.may_end);
    wait_for(&done);
    assert_int_equal(next, 1);
    pool_free(pool);
}

/* A strand and its job in one piece of memory, which the job gives back itself. */
struct owned_job {
    struct pool_strand strand;
    struct pool_job job;
    sem_t *done;
};

static void run_owned(struct pool_job *job)
{
    struct owned_job *owned = container_of(job, struct owned_job, job);
    sem_t *done = owned->done;

    free(owned);
    sem_post(done);
}

static void the_last_job_may_free_itself_and_its_strand(void **state)
{
    struct pool *pool = pool_new(3);
    sem_t done;

    (void)state;
    sem_init(&done, 0, 0);
    for (int i = 0; i < 200; i++) {
        struct owned_job *owned = calloc(1, sizeof(*owned));
        assert_non_null(owned);
        owned->job = (struct pool_job){.run = run_owned, .strand = &owned->strand};
        owned->done = &done;
        pool_submit(pool, &owned->job);
    }
    for (int i = 0; i < 200; i++)
        wait_for(&done);
    pool_free(pool);
}

struct freeing {
    struct pool *pool;
    atomic_int thread; /* its number, once it is about to begin */
};

static void *free_pool(void *arg)
{
    struct freeing *freeing = arg;

    atomic_store(&freeing->thread, gettid());
    pool_free(freeing->pool);
    return NULL;
}

/* True once the thread sleeps in the kernel. */
static bool is_asleep(int thread)
{
    char path[64], state = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
    file = fopen(path, "re");
    if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 0;
    if (file)
        fclose(file);
    return state == 'S';
}

static void freeing_waits_for_what_runs_and_drops_what_waits(void **state)
{
    struct freeing freeing = {.pool = pool_new(1)};
    struct held_job first;
    struct counted_job waiting;
    atomic_int next = 0;
    pthread_t thread;
    uint64_t deadline = clock_now_ms() + 20000;
    sem_t done;

    (void)state;
    held_init(&first, NULL);
    sem_init(&done, 0, 0);
    waiting = (struct counted_job){.job = {.run = run_counted}, .next = &next, .done = &done};
    pool_submit(freeing.pool, &first.job);
    wait_for(&first.begun);
    pool_submit(freeing.pool, &waiting.job);
    assert_int_equal(pthread_create(&thread, NULL, free_pool, &freeing), 0);
    /* The only thing it can sleep for is the job that runs. */
    while (atomic_load(&freeing.thread) == 0 || !is_asleep(atomic_load(&freeing.thread))) {
        assert_true(clock_now_ms() < deadline);
        sched_yield();
    }
    sem_post(&first.may_end);
    pthread_join(thread, NULL);
    assert_int_equal(sem_trywait(&first.ended), 0);
    assert_int_equal(next, 0);
    pool_free(NULL);
}

struct signal_job {
    struct pool_job job;
    sigset_t mask;
    stack_t alternate;
    sem_t done;
};

static void look_at_signals(struct pool_job *job)
{
    struct signal_job *looking = container_of(job, struct signal_job, job);

    pthread_sigmask(SIG_BLOCK, NULL, &looking->mask);
    sigaltstack(NULL, &looking->alternate);
    sem_post(&looking->done);
}

static void threads_leave_signals_to_others_but_not_faults(void **state)
{
    struct pool *pool = pool_new(1);
    struct signal_job looking = {.job = {.run = look_at_signals}};
    sigset_t before, after;

    (void)state;
    sem_init(&looking.done, 0, 0);
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    pool_submit(pool, &looking.job);
    wait_for(&looking.done);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    assert_int_equal(sigismember(&looking.mask, SIGTERM), 1);
    assert_int_equal(sigismember(&looking.mask, SIGCHLD), 1);
    assert_int_equal(sigismember(&looking.mask, SIGSEGV), 0);
    assert_int_equal(sigismember(&looking.mask, SIGABRT), 0);
    assert_int_equal(looking.alternate.ss_flags & SS_DISABLE, 0);
    assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
    pool_free(pool);
}

static void expect_begun(struct held_job *held)
{
    wait_for(&held->begun);
}

static void expect_waiting(struct pool *pool, struct held_job *held, uint32_t waiting)
{
    assert_int_equal(pool_waiting(pool), waiting);
    assert_int_equal(sem_trywait(&held->begun), -1);
}

static void let_end(struct held_job *held)
{
    sem_post(&held->may_end);
    wait_for(&held->ended);
}

static void a_thread_that_is_held_up_is_replaced_until_it_comes_back(void **state)
{
    struct held_job stuck, others[3];
    struct pool *pool = pool_new(1);

    (void)state;
    held_init(&stuck, NULL);
    pool_submit(pool, &stuck.job);
    expect_begun(&stuck);
    for (int i = 0; i < 3; i++) {
        held_init(&others[i], NULL);
        pool_submit(pool, &others[i].job);
    }
    expect_waiting(pool, &others[0], 3);
    assert_int_equal(pool_replace(pool, &stuck.job, 8), 1);
    assert_int_equal(pool_replace(pool, &stuck.job, 8), 1); /* is known already */
    expect_begun(&others[0]);
    expect_waiting(pool, &others[1], 2);
    let_end(&stuck);
    /* One of the two threads is left, so they run one after the other from now on. */
    let_end(&others[0]);
    expect_begun(&others[1]);
    expect_waiting(pool, &others[2], 1);
    let_end(&others[1]);
    expect_begun(&others[2]);
    let_end(&others[2]);
    pool_free(pool);
}

static void threads_are_replaced_up_to_a_bound(void **state)
{
    struct held_job stuck[2], others[2];
    struct pool *pool = pool_new(2);

    (void)state;
    for (int i = 0; i < 2; i++) {
        held_init(&stuck[i], NULL);
        pool_submit(pool, &stuck[i].job);
        expect_begun(&stuck[i]);
    }
    for (int i = 0; i < 2; i++) {
        held_init(&others[i], NULL);
        pool_submit(pool, &others[i].job);
    }
    assert_int_equal(pool_replace(pool, &stuck[0].job, 1), 1);
    assert_int_equal(pool_replace(pool, &stuck[1].job, 1), 2);
    expect_begun(&others[0]);
    expect_waiting(pool, &others[1], 1);
    let_end(&stuck[1]);
    expect_begun(&others[1]);
    for (int i = 0; i < 2; i++)
        let_end(&others[i]);
    let_end(&stuck[0]);
    pool_free(pool);
}

static void only_a_job_that_runs_holds_up_a_thread(void **state)
{
    struct held_job running, queued;
    struct pool *pool = pool_new(1);

    (void)state;
    held_init(&running, NULL);
    held_init(&queued, NULL);
    pool_submit(pool, &running.job);
    expect_begun(&running);
    pool_submit(pool, &queued.job);
    assert_int_equal(pool_replace(pool, &queued.job, 8), 0);
    expect_waiting(pool, &queued, 1);
    let_end(&running);
    expect_begun(&queued);
    let_end(&queued);
    pool_free(pool);
}

static void a_strand_stays_in_order_behind_a_thread_that_is_held_up(void **state)
{
    struct pool_strand strand = {.ready = NULL};
    struct held_job stuck, follower, stranger;
    struct pool *pool = pool_new(1);

    (void)state;
    held_init(&stuck, &strand);
    held_init(&follower, &strand);
    held_init(&stranger, NULL);
    pool_submit(pool, &stuck.job);
    expect_begun(&stuck);
    pool_submit(pool, &follower.job);
    assert_int_equal(pool_replace(pool, &stuck.job, 8), 1);
    pool_submit(pool, &stranger.job);
    expect_begun(&stranger);
    expect_waiting(pool, &follower, 1);
    let_end(&stranger);
    let_end(&stuck);
    expect_begun(&follower); /* by whichever thread is left */
    let_end(&follower);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_that_is_held_up_is_replaced_until_it_comes_back),
        cmocka_unit_test(threads_are_replaced_up_to_a_bound),
        cmocka_unit_test(only_a_job_that_runs_holds_up_a_thread),
        cmocka_unit_test(a_strand_stays_in_order_behind_a_thread_that_is_held_up),
        cmocka_unit_test(every_job_runs_once),
        cmocka_unit_test(one_thread_takes_jobs_in_order),
        cmocka_unit_test(jobs_of_a_strand_run_in_order_and_never_together),
        cmocka_unit_test(a_blocked_strand_blocks_nobody_else),
        cmocka_unit_test(a_job_taken_back_does_not_run),
        cmocka_unit_test(a_strand_goes_on_when_a_job_is_taken_back),
        cmocka_unit_test(a_strand_of_which_all_was_taken_back_can_be_used_again),
        cmocka_unit_test(the_last_job_may_free_itself_and_its_strand),
        cmocka_unit_test(freeing_waits_for_what_runs_and_drops_what_waits),
        cmocka_unit_test(threads_leave_signals_to_others_but_not_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
