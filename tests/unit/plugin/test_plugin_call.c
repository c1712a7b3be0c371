/* test_plugin_call.c: questions and answers: on which thread, in which order, how often. The puppet
 * plays the plugin. */
#include "stage.h"

#include <pthread.h>
#include <semaphore.h>

#include "puppet.h"

static struct stage stage;
static struct puppet *puppet;

/* What the puppet's functions share with the tests. */
static struct {
    atomic_int running;
    atomic_int most_running;
    atomic_int calls;
    atomic_int cancels;
    _Atomic sp_token token;
    const struct sp_host *host;
    pthread_t thread;
    struct plugin_position position;
    struct question *question;
    char order[64];
    sem_t go;
} seen;

static void begin(const char *plugin, uint32_t threads)
{
    memset(&seen, 0, sizeof seen);
    sem_init(&seen.go, 0, 0);
    stage_open(&stage, threads);
    puppet = stage_symbol(plugin, "puppet");
    *puppet = (struct puppet){0};
    stage_add(&stage, "doll", plugin);
}

static void end(void)
{
    stage_close(&stage);
    *puppet = (struct puppet){0};
    sem_destroy(&seen.go);
}

static int32_t say_allow(const struct sp_host *host, const char *name, const struct sp_event *event)
{
    (void)host;
    (void)name;
    (void)event;
    seen.thread = pthread_self();
    seen.position = *plugin_position();
    return SP_ALLOW;
}

static void expect_over(const struct question *q, int32_t verdict)
{
    assert_int_equal(q->done, 1);
    assert_int_equal(q->released, 1);
    assert_int_equal(q->verdict, verdict);
}

static void reactor_plugin_is_called_in_place_and_its_position_known(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = say_allow;
    assert_null(plugin_position());
    question_ask_as(&q, &stage, "doll", "demo");
    expect_over(&q, SP_ALLOW);
    assert_false(q.has_reply);
    assert_true(pthread_equal(seen.thread, pthread_self()));
    assert_string_equal(seen.position.instance, "doll");
    assert_string_equal(seen.position.operation, "auth.password");
    assert_null(plugin_position());
    assert_int_equal(q.event.head.operation, 1); /* its slot in the table */
    assert_int_not_equal(q.event.head.token, 0);
    end();
}

static void pool_plugin_is_called_elsewhere(void **state)
{
    (void)state;
    static const char *const plugins[] = {"puppet-connection", "puppet-serial"};
    struct question q;
    for (size_t i = 0; i < 2; i++) {
        begin(plugins[i], 1);
        stage_up(&stage, NULL);
        puppet->on_call = say_allow;
        question_ask_as(&q, &stage, "doll", "demo");
        assert_int_equal(q.done, 0);
        stage_wait(&stage, q.released);
        expect_over(&q, SP_ALLOW);
        assert_false(pthread_equal(seen.thread, pthread_self()));
        assert_string_equal(seen.position.operation, "auth.password");
        end();
    }
}

static void operation_that_is_not_offered_abstains_or_is_unsupported(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = say_allow;
    question_init(&q, &stage, "doll", PLUGIN_AUTH_none);
    plugin_call_start(&q.call);
    expect_over(&q, SP_NEXT);
    /* The slot is filled, but lies past the end of the table. */
    question_init(&q, &stage, "doll", PLUGIN_AUTH_authenticated);
    assert_false(plugin_instance_offers(q.call.instance, PLUGIN_AUTH_authenticated));
    plugin_call_start(&q.call);
    expect_over(&q, SP_NEXT);
    question_init(&q, &stage, "doll", PLUGIN_FS_mkdir);
    plugin_call_start(&q.call);
    expect_over(&q, SP_E_UNSUPPORTED);
    end();
}

static void complete_as(const struct sp_host *host, sp_token token, int32_t verdict)
{
    char banner[] = "hello";
    struct sp_grant grant = {.struct_size = sizeof grant, .permit = SP_PERMIT_SFTP};
    struct sp_auth_reply reply = {
        .head = {sizeof reply, verdict}, .banner = sp_str_of(banner), .grant = &grant};
    assert_int_equal(host->complete(host, token, &reply.head), 0);
    memset(banner, '?', sizeof banner); /* the copy must not change */
    grant.permit = 0;
}

static int32_t complete_at_once(const struct sp_host *host, const char *name,
                                const struct sp_event *event)
{
    (void)name;
    int before = seen.question ? seen.question->done : 0;
    complete_as(host, event->token, SP_ALLOW);
    /* Never from inside complete(). */
    if (seen.question)
        assert_int_equal(seen.question->done, before);
    return SP_PENDING;
}

static void answer_given_before_the_return_is_delivered_right_after_it(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = complete_at_once;
    question_init(&q, &stage, "doll", PLUGIN_AUTH_password);
    seen.question = &q;
    plugin_call_start(&q.call);
    expect_over(&q, SP_ALLOW);
    assert_true(q.has_reply);
    assert_string_equal(q.text, "hello");
    assert_int_equal(q.permit, SP_PERMIT_SFTP);
    end();
}

static void *complete_from_a_thread(void *arg)
{
    (void)arg;
    complete_as(seen.host, seen.token, SP_ALLOW);
    return NULL;
}

static int32_t keep_token(const struct sp_host *host, const char *name,
                          const struct sp_event *event)
{
    (void)name;
    seen.host = host;
    atomic_store(&seen.token, event->token);
    return SP_PENDING;
}

static void answer_may_come_from_any_thread(void **state)
{
    (void)state;
    static const char *const plugins[] = {"puppet-reactor", "puppet-connection", "puppet-serial"};
    for (size_t i = 0; i < 3; i++) {
        struct question q;
        pthread_t thread;
        begin(plugins[i], 1);
        stage_up(&stage, NULL);
        puppet->on_call = keep_token;
        question_ask_as(&q, &stage, "doll", "demo");
        stage_wait(&stage, atomic_load(&seen.token));
        assert_int_equal(q.done, 0);
        assert_int_equal(pthread_create(&thread, NULL, complete_from_a_thread, NULL), 0);
        stage_wait(&stage, q.released);
        pthread_join(thread, NULL);
        expect_over(&q, SP_ALLOW);
        assert_string_equal(q.text, "hello");
        end();
    }
}

static int32_t run_second_part(void *self, const struct sp_event *event)
{
    (void)self;
    seen.thread = pthread_self();
    seen.position = *plugin_position();
    return event == seen.question->call.event ? SP_ALLOW : SP_DENY;
}

static int32_t run_blocking(const struct sp_host *host, const char *name,
                            const struct sp_event *event)
{
    (void)name;
    assert_int_equal(host->run_blocking(host, event->token + 1, run_second_part), SP_E_STALE);
    assert_int_equal(host->run_blocking(host, event->token, NULL), SP_E_INVALID);
    int32_t rc = host->run_blocking(host, event->token, run_second_part);
    assert_int_equal(host->run_blocking(host, event->token, run_second_part), SP_E_INVALID);
    return rc;
}

static void reactor_plugin_may_leave_the_loop(void **state)
{
    (void)state;
    static const char *const plugins[] = {"puppet-reactor", "puppet-connection"};
    for (size_t i = 0; i < 2; i++) {
        struct question q;
        begin(plugins[i], 1);
        stage_up(&stage, NULL);
        puppet->on_call = run_blocking;
        question_init(&q, &stage, "doll", PLUGIN_AUTH_password);
        seen.question = &q;
        plugin_call_start(&q.call);
        assert_int_equal(q.done, 0);
        stage_wait(&stage, q.released);
        expect_over(&q, SP_ALLOW);
        assert_false(pthread_equal(seen.thread, pthread_self()));
        assert_string_equal(seen.position.operation, "auth.password");
        end();
    }
}

static void run_blocking_outside_the_operation_is_refused(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = keep_token;
    question_ask_as(&q, &stage, "doll", "demo");
    assert_int_equal(seen.host->run_blocking(seen.host, seen.token, run_second_part), SP_E_STALE);
    complete_as(seen.host, seen.token, SP_DENY);
    assert_int_equal(q.done, 0); /* never from inside complete() */
    stage_wait(&stage, q.released);
    expect_over(&q, SP_DENY);
    end();
}

static void answer_of_a_call_that_was_given_up_goes_to_who_takes_it(void **state)
{
    (void)state;
    for (int is_taken = 0; is_taken < 2; is_taken++) {
        struct question q;
        struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW}};
        begin("puppet-reactor", 1);
        stage_up(&stage, NULL);
        puppet->on_call = keep_token;
        question_init(&q, &stage, "doll", PLUGIN_AUTH_password);
        q.call.on_late = is_taken ? question_late : NULL;
        plugin_call_start(&q.call);
        plugin_call_cancel(&q.call);
        assert_int_equal(q.released, 0);
        assert_int_equal(seen.host->complete(seen.host, seen.token, &reply.head),
                         is_taken ? 0 : SP_E_STALE);
        stage_wait(&stage, q.released);
        assert_int_equal(q.done, 0);
        assert_int_equal(q.late, is_taken);
        assert_int_equal(q.verdict, is_taken ? SP_ALLOW : 0);
        end();
    }
}

static const struct sp_host *other_host;

static int32_t keep_other_host(const struct sp_host *host, const char *config)
{
    (void)config;
    other_host = host;
    return 0;
}

static void question_of_one_instance_is_not_answered_by_another(void **state)
{
    (void)state;
    struct question q;
    struct sp_reply reply = {sizeof reply, SP_ALLOW};
    begin("puppet-reactor", 1);
    stage_add(&stage, "stranger", "puppet-reactor");
    puppet->on_create = keep_other_host; /* the last one's */
    stage_up(&stage, NULL);
    puppet->on_call = keep_token;
    question_ask_as(&q, &stage, "doll", "demo");
    assert_int_equal(other_host->complete(other_host, seen.token, &reply), SP_E_STALE);
    assert_true(stage_logged(&stage, "plugin.bad_token", "stranger", NULL));
    complete_as(seen.host, seen.token, SP_DENY);
    stage_wait(&stage, q.released);
    expect_over(&q, SP_DENY);
    end();
}

/* Two calls of one strand overlap, or two of different ones cannot: both are seen here. */
static int32_t count_running(const struct sp_host *host, const char *name,
                             const struct sp_event *event)
{
    (void)host;
    (void)name;
    (void)event;
    int now = atomic_fetch_add(&seen.running, 1) + 1;
    int most = atomic_load(&seen.most_running);
    while (now > most && !atomic_compare_exchange_weak(&seen.most_running, &most, now))
        ;
    atomic_fetch_add(&seen.calls, 1);
    sem_wait(&seen.go);
    atomic_fetch_sub(&seen.running, 1);
    return SP_ALLOW;
}

enum { CROWD = 24 };

/* CROWD calls on that many connections, with 4 threads. Returns how many ran at once; at_least are
 * waited for before any may end. */
static int most_at_once(const char *plugin, size_t connections, int at_least)
{
    struct question questions[CROWD];
    struct plugin_strands *strands[CROWD];
    int released = 0;

    begin(plugin, 4);
    stage_up(&stage, NULL);
    puppet->on_call = count_running;
    for (size_t i = 0; i < connections; i++)
        assert_non_null(strands[i] = plugin_strands_new(stage.host));
    for (size_t i = 0; i < CROWD; i++) {
        question_init(&questions[i], &stage, "doll", PLUGIN_AUTH_password);
        questions[i].call.strands = strands[i % connections];
        plugin_call_start(&questions[i].call);
    }
    for (size_t i = 0; i < connections; i++)
        plugin_strands_free(strands[i]);
    stage_wait(&stage, atomic_load(&seen.running) >= at_least);
    for (size_t i = 0; i < CROWD; i++)
        sem_post(&seen.go);
    stage_wait(&stage, ({
        released = 0;
        for (size_t i = 0; i < CROWD; i++)
            released += questions[i].released;
        released == CROWD;
    }));
    for (size_t i = 0; i < CROWD; i++)
        expect_over(&questions[i], SP_ALLOW);
    int most = atomic_load(&seen.most_running);
    assert_int_equal(atomic_load(&seen.calls), CROWD);
    end();
    return most;
}

static void calls_for_one_connection_never_overlap(void **state)
{
    (void)state;
    assert_int_equal(most_at_once("puppet-connection", 1, 1), 1);
    int most = most_at_once("puppet-connection", 3, 3);
    assert_int_equal(most, 3);
}

static void calls_of_a_serial_plugin_never_overlap(void **state)
{
    (void)state;
    assert_int_equal(most_at_once("puppet-serial", 3, 1), 1);
}

static int32_t wait_for_go(const struct sp_host *host, const char *name,
                           const struct sp_event *event)
{
    (void)host;
    (void)name;
    (void)event;
    atomic_fetch_add(&seen.calls, 1);
    sem_wait(&seen.go);
    return SP_ALLOW;
}

static void count_cancel(const struct sp_host *host, sp_token token)
{
    (void)host;
    assert_string_equal(plugin_position()->operation, "cancel");
    atomic_store(&seen.token, token);
    atomic_fetch_add(&seen.cancels, 1);
}

static void queued_call_that_is_cancelled_never_runs(void **state)
{
    (void)state;
    struct question running, queued;
    begin("puppet-serial", 1);
    stage_up(&stage, NULL);
    puppet->on_call = wait_for_go;
    puppet->on_cancel = count_cancel;
    question_ask_as(&running, &stage, "doll", "a");
    stage_wait(&stage, atomic_load(&seen.calls) == 1);
    question_ask_as(&queued, &stage, "doll", "b");
    plugin_call_cancel(&queued.call);
    assert_int_equal(queued.released, 1);
    assert_int_equal(queued.done, 0);
    assert_int_equal(atomic_load(&seen.cancels), 0); /* it knew nothing of it */

    sp_token token = running.event.head.token;
    plugin_call_cancel(&running.call);
    assert_int_equal(atomic_load(&seen.cancels), 1);
    assert_int_equal(atomic_load(&seen.token), token);
    assert_int_equal(running.released, 0);
    plugin_call_cancel(&running.call); /* twice is once */
    assert_int_equal(atomic_load(&seen.cancels), 1);
    sem_post(&seen.go);
    stage_wait(&stage, running.released);
    assert_int_equal(running.done, 0);
    assert_int_equal(atomic_load(&seen.calls), 1);
    end();
}

static int32_t count_second_part(void *self, const struct sp_event *event)
{
    (void)self;
    (void)event;
    atomic_fetch_add(&seen.calls, 1);
    return SP_ALLOW;
}

static int32_t leave_late(const struct sp_host *host, const char *name,
                          const struct sp_event *event)
{
    (void)name;
    atomic_fetch_add(&seen.calls, 1);
    sem_wait(&seen.go);
    return host->run_blocking(host, event->token, count_second_part);
}

static void what_is_left_to_block_is_run_though_the_client_has_left(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-connection", 1);
    stage_up(&stage, NULL);
    puppet->on_call = leave_late;
    question_ask_as(&q, &stage, "doll", "demo");
    stage_wait(&stage, atomic_load(&seen.calls) == 1);
    plugin_call_cancel(&q.call);
    sem_post(&seen.go);
    stage_wait(&stage, q.released);
    assert_int_equal(atomic_load(&seen.calls), 2);
    assert_int_equal(q.done, 0);
    end();
}

static int32_t cancel_and_leave(const struct sp_host *host, const char *name,
                                const struct sp_event *event)
{
    (void)name;
    plugin_call_cancel(&seen.question->call);
    return host->run_blocking(host, event->token, count_second_part);
}

static void call_that_ends_itself_and_leaves_something_to_block_is_released(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = cancel_and_leave;
    seen.question = &q;
    question_ask_as(&q, &stage, "doll", "demo");
    stage_wait(&stage, q.released);
    assert_int_equal(atomic_load(&seen.calls), 1);
    assert_int_equal(q.done, 0);
    assert_false(reactor_timer_is_set(&q.call.state.deadline));
    end();
}

static void answer_in_cancel(const struct sp_host *host, sp_token token)
{
    struct sp_reply reply = {sizeof reply, SP_ALLOW};
    assert_int_equal(host->complete(host, token, &reply), SP_E_STALE);
    atomic_fetch_add(&seen.cancels, 1);
}

static void answer_from_within_cancel_is_taken_and_dropped(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = keep_token;
    puppet->on_cancel = answer_in_cancel;
    question_ask_as(&q, &stage, "doll", "demo");
    plugin_call_cancel(&q.call);
    assert_int_equal(atomic_load(&seen.cancels), 1);
    stage_wait(&stage, q.released);
    assert_int_equal(q.done, 0);
    end();
}

static void deadline_of_the_instance_overrules_that_of_the_operation(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage.plugins[0].deadline_ms = 20;
    stage_up(&stage, NULL);
    puppet->on_call = keep_token;
    puppet->on_cancel = answer_in_cancel;
    question_ask_as(&q, &stage, "doll", "demo");
    stage_wait(&stage, q.released);
    expect_over(&q, SP_E_TIMEOUT);
    assert_int_equal(atomic_load(&seen.cancels), 1);

    /* What takes as long as the data takes still has none. */
    question_init(&q, &stage, "doll", PLUGIN_CHANNEL_data);
    plugin_call_start(&q.call);
    assert_false(reactor_timer_is_set(&q.call.state.deadline));
    plugin_call_cancel(&q.call);
    stage_wait(&stage, q.released);
    end();
}

static void answered_call_that_is_cancelled_is_released_once(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = keep_token;
    puppet->on_cancel = count_cancel;
    question_ask_as(&q, &stage, "doll", "demo");
    complete_as(seen.host, seen.token, SP_ALLOW);
    plugin_call_cancel(&q.call); /* the answer is under way */
    assert_int_equal(atomic_load(&seen.cancels), 0);
    stage_wait(&stage, q.released);
    assert_int_equal(q.done, 0);
    assert_int_equal(q.released, 1);
    end();
}

static int32_t answer_read(const struct sp_host *host, const char *name,
                           const struct sp_event *event)
{
    (void)name;
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_OK}, .count = 32768};
    host->complete(host, event->token, &reply.head);
    return SP_PENDING;
}

static void numbers_are_copied_without_memory_of_their_own(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = answer_read;
    question_init(&q, &stage, "doll", PLUGIN_FS_read);
    plugin_call_start(&q.call);
    expect_over(&q, SP_OK);
    assert_int_equal(q.count, 32768);
    assert_ptr_equal(q.call.state.reply, q.call.state.room.bytes);
    end();
}

static int32_t fail_with_status(const struct sp_host *host, const char *name,
                                const struct sp_event *event)
{
    (void)name;
    struct sp_fs_reply reply = {.head = {sizeof reply, SP_E_FAILED},
                                .status = SP_FS_NO_SUCH_FILE,
                                .text = sp_str_of("no such file")};
    if (event->operation == plugin_operation_info(PLUGIN_FS_read)->slot)
        return SP_E_FAILED;
    host->complete(host, event->token, &reply.head);
    return SP_PENDING;
}

static void error_of_a_file_is_an_answer_and_no_failure_of_the_plugin(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = fail_with_status;
    question_init(&q, &stage, "doll", PLUGIN_FS_stat);
    plugin_call_start(&q.call);
    expect_over(&q, SP_E_FAILED);
    assert_string_equal(q.text, "no such file");
    assert_false(stage_logged(&stage, "plugin.failed", NULL, NULL));
    question_init(&q, &stage, "doll", PLUGIN_FS_read);
    plugin_call_start(&q.call);
    expect_over(&q, SP_E_FAILED);
    assert_true(stage_logged(&stage, "plugin.failed", "doll", "fs.read"));
    end();
}

static int32_t take_time(const struct sp_host *host, const char *name, const struct sp_event *event)
{
    (void)host;
    (void)name;
    (void)event;
    uint64_t until = clock_now_ns() + 3000000;
    while (clock_now_ns() < until)
        ;
    return SP_ALLOW;
}

static void slow_call_on_the_loop_is_named(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage.config.slow_ms = 2;
    stage_up(&stage, NULL);
    puppet->on_call = say_allow;
    question_ask_as(&q, &stage, "doll", "demo");
    puppet->on_call = take_time;
    question_ask_as(&q, &stage, "doll", "demo");
    assert_true(stage_logged(&stage, "plugin.slow", "doll", "auth.password"));
    end();
}

static struct question nested, cancelled, later;

static void start_as(struct question *q, const char *user)
{
    question_init(q, &stage, "doll", PLUGIN_AUTH_password);
    q->event.auth.user = sp_str_of(user);
    plugin_call_start(&q->call);
}

/* As the session may do from within a service that the plugin called. */
static int32_t start_others(const struct sp_host *host, const char *name,
                            const struct sp_event *event)
{
    (void)host;
    (void)name;
    const struct sp_auth_event *auth = (const void *)event;
    assert_int_equal(atomic_fetch_add(&seen.running, 1), 0);
    strcat(seen.order, auth->user.data);
    if (strcmp(auth->user.data, "outer ") == 0) {
        start_as(&nested, "nested ");
        start_as(&cancelled, "cancelled ");
        assert_int_equal(nested.done, 0);
    }
    atomic_fetch_sub(&seen.running, 1);
    return SP_ALLOW;
}

static void plugin_on_the_loop_is_not_entered_twice(void **state)
{
    (void)state;
    struct question outer;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = start_others;
    start_as(&outer, "outer ");
    expect_over(&outer, SP_ALLOW);
    start_as(&later, "later "); /* keeps its place behind the others */
    plugin_call_cancel(&cancelled.call);
    assert_int_equal(cancelled.released, 1);
    stage_wait(&stage, later.released);
    expect_over(&nested, SP_ALLOW);
    expect_over(&later, SP_ALLOW);
    assert_int_equal(cancelled.done, 0);
    assert_string_equal(seen.order, "outer nested later ");
    start_as(&outer, "again "); /* the stack is clear */
    expect_over(&outer, SP_ALLOW);
    end();
}

/* Deadlines, cancels, late and timely answers from many threads at once: under the sanitizers this
 * is where a race would show. */
enum { STORM = 400, ANSWERERS = 3 };

static struct {
    pthread_mutex_t lock;
    sp_token tokens[STORM];
    int count;
    bool is_over;
} storm = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int32_t leave_to_the_storm(const struct sp_host *host, const char *name,
                                  const struct sp_event *event)
{
    (void)name;
    if (event->token % 7 == 0)
        return SP_DENY;
    pthread_mutex_lock(&storm.lock);
    seen.host = host;
    storm.tokens[storm.count++] = event->token;
    pthread_mutex_unlock(&storm.lock);
    return SP_PENDING;
}

static void *answer_what_comes(void *arg)
{
    (void)arg;
    char text[600]; /* too long to be copied in place */
    memset(text, 'x', sizeof text);
    for (;;) {
        pthread_mutex_lock(&storm.lock);
        sp_token token = storm.count ? storm.tokens[--storm.count] : 0;
        const struct sp_host *host = seen.host;
        bool is_over = storm.is_over;
        pthread_mutex_unlock(&storm.lock);
        if (token) {
            struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW},
                                          .reason = {text, token % 2 ? sizeof text : 3}};
            host->complete(host, token, &reply.head);
            host->complete(host, token, &reply.head);
        } else if (is_over) {
            return NULL;
        } else {
            sched_yield();
        }
    }
}

static bool all_released(struct question *questions)
{
    for (int i = 0; i < STORM; i++)
        if (!questions[i].released)
            return false;
    return true;
}

static void weather_a_storm(const char *plugin)
{
    struct question *questions = calloc(STORM, sizeof *questions);
    pthread_t threads[ANSWERERS];
    begin(plugin, 3);
    stage.plugins[0].deadline_ms = 3;
    log_open(stage.log_fd, LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    stage_up(&stage, NULL);
    puppet->on_call = leave_to_the_storm;
    storm.is_over = false;
    for (int i = 0; i < ANSWERERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, answer_what_comes, NULL), 0);
    for (int i = 0; i < STORM; i++) {
        struct plugin_strands *strands = plugin_strands_new(stage.host);
        question_init(&questions[i], &stage, "doll", PLUGIN_AUTH_password);
        questions[i].call.strands = strands;
        plugin_call_start(&questions[i].call);
        plugin_strands_free(strands);
        if (i % 5 == 0)
            plugin_call_cancel(&questions[i].call);
        if (i % 16 == 0)
            reactor_turn(stage.reactor, 0);
    }
    stage_wait(&stage, all_released(questions));
    pthread_mutex_lock(&storm.lock);
    storm.is_over = true;
    pthread_mutex_unlock(&storm.lock);
    for (int i = 0; i < ANSWERERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < STORM; i++) {
        assert_int_equal(questions[i].released, 1);
        assert_true(questions[i].done == 1 || (questions[i].done == 0 && i % 5 == 0));
    }
    free(questions);
    end();
}

static void storm_of_answers_deadlines_and_cancels_ends_every_call_once(void **state)
{
    (void)state;
    weather_a_storm("puppet-reactor");
    weather_a_storm("puppet-connection");
    weather_a_storm("puppet-serial");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reactor_plugin_is_called_in_place_and_its_position_known),
        cmocka_unit_test(pool_plugin_is_called_elsewhere),
        cmocka_unit_test(operation_that_is_not_offered_abstains_or_is_unsupported),
        cmocka_unit_test(answer_given_before_the_return_is_delivered_right_after_it),
        cmocka_unit_test(answer_may_come_from_any_thread),
        cmocka_unit_test(reactor_plugin_may_leave_the_loop),
        cmocka_unit_test(run_blocking_outside_the_operation_is_refused),
        cmocka_unit_test(answer_of_a_call_that_was_given_up_goes_to_who_takes_it),
        cmocka_unit_test(question_of_one_instance_is_not_answered_by_another),
        cmocka_unit_test(calls_for_one_connection_never_overlap),
        cmocka_unit_test(calls_of_a_serial_plugin_never_overlap),
        cmocka_unit_test(queued_call_that_is_cancelled_never_runs),
        cmocka_unit_test(what_is_left_to_block_is_run_though_the_client_has_left),
        cmocka_unit_test(call_that_ends_itself_and_leaves_something_to_block_is_released),
        cmocka_unit_test(answer_from_within_cancel_is_taken_and_dropped),
        cmocka_unit_test(deadline_of_the_instance_overrules_that_of_the_operation),
        cmocka_unit_test(answered_call_that_is_cancelled_is_released_once),
        cmocka_unit_test(numbers_are_copied_without_memory_of_their_own),
        cmocka_unit_test(error_of_a_file_is_an_answer_and_no_failure_of_the_plugin),
        cmocka_unit_test(slow_call_on_the_loop_is_named),
        cmocka_unit_test(plugin_on_the_loop_is_not_entered_twice),
        cmocka_unit_test(storm_of_answers_deadlines_and_cancels_ends_every_call_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
