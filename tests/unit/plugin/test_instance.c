/* test_instance.c: the life of an instance, from create to destroy, and what the end does with
 * questions that are still open. The puppet plays the plugin. */
#include "stage.h"

#include <pthread.h>
#include <semaphore.h>

#include "plugin/instance.h"
#include "puppet.h"

static struct stage stage;
static struct puppet *puppet;

/* What the puppet's functions share with the tests. */
static struct {
    atomic_int running;
    atomic_int ticks;
    pthread_t thread;
    char order[64];
    char config[256];
    sem_t go;
} seen;

static struct question later;

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

static void count_tick(const struct sp_host *host)
{
    (void)host;
    assert_string_equal(plugin_position()->operation, "tick");
    assert_int_equal(atomic_fetch_add(&seen.running, 1), 0);
    seen.thread = pthread_self();
    /* As long as until the second one is due, which is then left out. */
    if (atomic_fetch_add(&seen.ticks, 1) == 0)
        sem_wait(&seen.go);
    atomic_fetch_sub(&seen.running, 1);
}

static void tick_does_not_overlap_itself(void **state)
{
    (void)state;
    begin("puppet-connection", 2);
    puppet->on_tick = count_tick;
    stage_up(&stage, NULL);
    uint64_t started = clock_now_ms();
    stage_wait(&stage, atomic_load(&seen.ticks) == 1);
    assert_true(clock_now_ms() - started >= 900);
    stage_wait(&stage, clock_now_ms() - started > 2200);
    assert_int_equal(atomic_load(&seen.ticks), 1);
    sem_post(&seen.go);
    stage_wait(&stage, atomic_load(&seen.ticks) == 2);
    assert_false(pthread_equal(seen.thread, pthread_self()));
    stage_wait(&stage, atomic_load(&seen.running) == 0);
    end();
}

static int32_t allow(const struct sp_host *host, const char *operation,
                     const struct sp_event *event)
{
    (void)host, (void)operation, (void)event;
    return SP_ALLOW;
}

static void tick_that_never_ends_does_not_keep_a_thread_from_others(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-connection", 1);
    puppet->on_tick = count_tick;
    puppet->on_call = allow;
    stage.config.limits.stuck_threads = 1;
    stage_up(&stage, NULL);
    stage_wait(&stage, atomic_load(&seen.ticks) == 1);
    for (int second = 0; second < 30; second++) /* as many ticks that are left out */
        instance_tick(plugin_host_find(stage.host, "doll", PLUGIN_AUTH));
    assert_true(stage_logged(&stage, "plugin.stuck", "instance=doll", "operation=tick"));
    question_init(&q, &stage, "doll", PLUGIN_AUTH_password);
    plugin_call_start(&q.call);
    stage_wait(&stage, q.released);
    assert_int_equal(q.verdict, SP_ALLOW);
    sem_post(&seen.go);
    stage_wait(&stage, atomic_load(&seen.running) == 0);
    end();
}

static int32_t note_create(const struct sp_host *host, const char *config)
{
    assert_int_equal(host->abi_major, SP_ABI_MAJOR);
    assert_string_equal(plugin_position()->operation, "create");
    snprintf(seen.config, sizeof seen.config, "%s", config);
    strcat(seen.order, "create ");
    return 0;
}

static int32_t note_start(void)
{
    strcat(seen.order, "start ");
    return 0;
}

static int32_t refuse_start(void)
{
    return SP_E_FAILED;
}

static void note_end(const char *what)
{
    strcat(strcat(seen.order, what), " ");
}

static void instance_is_created_started_stopped_and_destroyed(void **state)
{
    (void)state;
    begin("puppet-reactor", 1);
    puppet->on_create = note_create;
    puppet->on_start = note_start;
    puppet->on_end = note_end;
    stage_add(&stage, "second", "puppet-reactor")->config_json = (char *)"{\"strings\": 12}";
    stage_up(&stage, NULL);
    assert_int_equal(plugin_host_count(stage.host), 2);
    assert_string_equal(seen.order, "create create start start ");
    assert_string_equal(seen.config, "{\"strings\":12}");
    assert_null(plugin_host_find(stage.host, "third", PLUGIN_AUTH));
    plugin_host_free(stage.host);
    stage.host = NULL;
    assert_string_equal(seen.order, "create create start start stop stop destroy destroy ");
    end();
}

static void instance_that_cannot_start_is_destroyed(void **state)
{
    (void)state;
    begin("puppet-reactor", 1);
    puppet->on_create = note_create;
    puppet->on_start = refuse_start;
    puppet->on_end = note_end;
    assert_true(plugin_host_new(&stage.config, stage.reactor, stage.pool, NULL, &stage.host,
                                &stage.report) < 0);
    assert_null(stage.host);
    assert_string_equal(seen.config, "{\"strings\":3}"); /* the default is filled in */
    assert_string_equal(seen.order, "create destroy ");
    assert_true(stage_complained(&stage, "could not start"));
    end();
}

static int32_t note_call(const struct sp_host *host, const char *name, const struct sp_event *event)
{
    (void)host;
    (void)event;
    strcat(strcat(seen.order, name), " ");
    return SP_ALLOW;
}

static uint64_t deadline_of(enum plugin_operation operation)
{
    return instance_deadline_ms(plugin_host_find(stage.host, "doll", PLUGIN_AUTH), operation);
}

static void deadlines_of_single_operations_come_before_those_of_all(void **state)
{
    (void)state;
    begin("puppet-serial", 1);
    stage.plugins[0].deadline_ms = 700;
    stage.plugins[0].deadlines_json = (char *)"{\"auth.password\": 20, \"channel.data\": 30}";
    stage_up(&stage, NULL);
    assert_int_equal(deadline_of(PLUGIN_AUTH_password), 20);
    assert_int_equal(deadline_of(PLUGIN_AUTH_publickey), 700);
    assert_int_equal(deadline_of(PLUGIN_CHANNEL_data), 30); /* by name only */
    assert_int_equal(deadline_of(PLUGIN_FS_fsync), 0);
    end();
}

static void deadlines_of_unknown_operations_are_mistakes_that_list_the_known(void **state)
{
    (void)state;
    begin("puppet-serial", 1);
    stage.plugins[0].deadlines_json = (char *)"{\"auth.passwort\": 20, \"log.record\": 30}";
    assert_true(plugin_host_new(&stage.config, stage.reactor, stage.pool, NULL, &stage.host,
                                &stage.report) < 0);
    assert_int_equal(stage.report.errors, 2);
    assert_true(stage_complained(&stage, "no operation \"auth.passwort\"; it has connection."));
    assert_true(stage_complained(&stage, "auth.none, auth.password, "));
    assert_string_equal(stage.report.complaints[0].key, "/plugins/0/deadlines_ms/auth.passwort");
    end();
}

static void what_is_queued_at_the_end_still_reaches_the_plugin(void **state)
{
    (void)state;
    struct question q, last;
    begin("puppet-serial", 1);
    stage_up(&stage, NULL);
    puppet->on_call = note_call;
    puppet->on_end = note_end;
    question_ask_as(&q, &stage, "doll", "demo");
    question_init(&last, &stage, "doll", PLUGIN_CONNECTION_disconnected);
    plugin_call_start(&last.call);
    plugin_host_free(stage.host);
    stage.host = NULL;
    assert_string_equal(seen.order, "auth.password connection.disconnected stop destroy ");
    assert_int_equal(q.released, 1);
    assert_int_equal(last.released, 1);
    end();
}

static int32_t never_answer(const struct sp_host *host, const char *name,
                            const struct sp_event *event)
{
    note_call(host, name, event);
    return SP_PENDING;
}

static void ask_again(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    question_done(call, verdict, reply);
    later.call.instance = call->instance;
    plugin_call_start(&later.call);
}

static void question_open_at_the_end_is_answered_and_no_other_asked(void **state)
{
    (void)state;
    struct question q;
    begin("puppet-reactor", 1);
    stage_up(&stage, NULL);
    puppet->on_call = never_answer;
    puppet->on_end = note_end;
    question_init(&later, &stage, "doll", PLUGIN_AUTH_password);
    question_init(&q, &stage, "doll", PLUGIN_AUTH_password);
    q.call.on_done = ask_again;
    plugin_call_start(&q.call);
    plugin_host_free(stage.host);
    stage.host = NULL;
    assert_string_equal(seen.order, "auth.password stop destroy ");
    assert_int_equal(q.verdict, SP_E_STALE);
    assert_int_equal(q.done + q.released, 2);
    assert_int_equal(later.verdict, SP_E_STALE);
    assert_int_equal(later.done + later.released, 2);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tick_does_not_overlap_itself),
        cmocka_unit_test(tick_that_never_ends_does_not_keep_a_thread_from_others),
        cmocka_unit_test(instance_is_created_started_stopped_and_destroyed),
        cmocka_unit_test(instance_that_cannot_start_is_destroyed),
        cmocka_unit_test(deadlines_of_single_operations_come_before_those_of_all),
        cmocka_unit_test(deadlines_of_unknown_operations_are_mistakes_that_list_the_known),
        cmocka_unit_test(what_is_queued_at_the_end_still_reaches_the_plugin),
        cmocka_unit_test(question_open_at_the_end_is_answered_and_no_other_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
