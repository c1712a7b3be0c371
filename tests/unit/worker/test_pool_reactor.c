/* test_pool_reactor.c: jobs that answer the loop, the way plugin operations do. */
#include <stdlib.h>

#include "unit/worker/loop.h"

#include "worker/pool.h"

enum { CONNECTIONS = 300, CALLS = 5 };

/* Stands for a connection: its calls run one after the other, and the loop frees it, its strand
 * included, when the last answer has come. */
struct connection {
    struct pool_strand strand;
    struct call {
        struct connection *connection;
        struct pool_job job;
        struct reactor_task answer;
        int number;
    } calls[CALLS];
    int begun;    /* on the pool's threads, guarded by the strand */
    int answered; /* on the loop's thread */
};

static int connections_left;

static void run_call(struct pool_job *job)
{
    struct call *call = container_of(job, struct call, job);

    if (call->connection->begun++ != call->number)
        abort();
    reactor_post(loop, &call->answer);
}

static void take_answer(struct reactor_task *task)
{
    struct call *call = container_of(task, struct call, answer);
    struct connection *connection = call->connection;

    assert_int_equal(connection->answered++, call->number);
    if (connection->answered < CALLS)
        return;
    free(connection);
    if (--connections_left == 0)
        reactor_stop(loop);
}

static void a_connection_may_go_with_its_last_answer(void **state)
{
    struct pool *pool = pool_new(4);

    (void)state;
    assert_non_null(pool);
    connections_left = CONNECTIONS;
    for (int i = 0; i < CONNECTIONS; i++) {
        struct connection *connection = calloc(1, sizeof(*connection));
        assert_non_null(connection);
        for (int k = 0; k < CALLS; k++) {
            connection->calls[k] = (struct call){
                .connection = connection,
                .job = {.run = run_call, .strand = &connection->strand},
                .answer = {.run = take_answer},
                .number = k,
            };
        }
        for (int k = 0; k < CALLS; k++)
            pool_submit(pool, &connection->calls[k].job);
    }
    assert_int_equal(reactor_run(loop), 0);
    assert_int_equal(connections_left, 0);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_connection_may_go_with_its_last_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
