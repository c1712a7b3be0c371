/* test_log_feed.c: what is logged, as plugins of the log are given it: in order, counted where it
 * is lost, from any thread, and nothing that they have brought about themselves. */
#include "unit/plugin/stage.h"

#include <inttypes.h>
#include <pthread.h>

#include "puppet.h"
#include "session/log_feed.h"

enum { THREADS = 4, EACH = 200, QUEUE = 1024 /* as the feed has it */ };

static struct stage stage;
static struct puppet *puppet;
static struct plugin_instance *instances[2];
static struct chain chain = {.instances = instances};
static struct log_feed *feed;

static struct {
    _Atomic unsigned count; /* of records named "test.…"; tells of all below */
    _Atomic unsigned others;
    uint64_t dropped;      /* as the last one said */
    _Atomic uint64_t lost; /* as all of them said */
    uint64_t last;         /* number in the last one's text */
    bool is_in_order;
    uint32_t level;
    char text[128];
    bool logs_itself;
} seen;

static int32_t on_call(const struct sp_host *host, const char *name, const struct sp_event *event)
{
    const struct sp_log_event *record = (const struct sp_log_event *)event;
    uint64_t number = 0;

    assert_string_equal(name, "log.record");
    if (strncmp(record->name.data, "test.", 5) != 0) {
        seen.others++;
        return SP_OK;
    }
    sscanf(record->text.data, "number=%" SCNu64, &number);
    seen.is_in_order &= number >= seen.last;
    seen.last = number;
    seen.dropped = record->dropped;
    seen.lost += record->dropped;
    seen.level = record->level;
    snprintf(seen.text, sizeof seen.text, "%s", record->text.data);
    if (seen.logs_itself)
        host->log(host, SP_LOG_WARNING, sp_str_of("number=99"));
    seen.count++;
    return SP_OK;
}

/* count instances of the plugin, called a and b. */
static void begin(const char *plugin, size_t count)
{
    static const char *const names[] = {"a", "b"};

    memset(&seen, 0, sizeof seen);
    seen.is_in_order = true;
    stage_open(&stage, 2);
    puppet = stage_symbol(plugin, "puppet");
    *puppet = (struct puppet){.on_call = on_call};
    for (size_t i = 0; i < count; i++)
        stage_add(&stage, names[i], plugin);
    stage_up(&stage, NULL);
    for (size_t i = 0; i < count; i++)
        instances[i] = plugin_host_find(stage.host, names[i], PLUGIN_LOG);
    chain.count = count;
    feed = log_feed_new(stage.host, stage.reactor, &chain);
    assert_non_null(feed);
}

static void end(void)
{
    struct plugin_host *host = stage.host;

    stage.host = NULL;
    plugin_host_free(host);
    log_feed_free(feed);
    stage_close(&stage);
    *puppet = (struct puppet){0};
}

static void log_number(uint64_t number)
{
    log_info("test.number", LOG_U64("number", number), LOG_TEXT("word", "a b"));
}

static void records_come_whole_and_in_order(void **state)
{
    static const char *const plugins[] = {"puppet-reactor", "puppet-connection"};

    (void)state;
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
        begin(plugins[i], 1);
        for (uint64_t n = 1; n <= 100; n++)
            log_number(n);
        stage_wait(&stage, seen.count == 100);
        assert_true(seen.is_in_order);
        assert_int_equal(seen.last, 100);
        assert_int_equal(seen.lost, 0);
        assert_int_equal(seen.level, SP_LOG_INFO);
        assert_string_equal(seen.text, "number=100 word=\"a b\"");
        end();
    }
}

static void every_plugin_of_the_chain_gets_every_record(void **state)
{
    (void)state;
    begin("puppet-reactor", 2);
    for (uint64_t n = 1; n <= 50; n++)
        log_number(n);
    stage_wait(&stage, seen.count == 100);
    end();
}

static void what_is_lost_is_counted_in_the_record_after_it(void **state)
{
    (void)state;
    begin("puppet-reactor", 1);
    for (uint64_t n = 1; n <= QUEUE + 76; n++)
        log_number(n);
    stage_wait(&stage, seen.count == QUEUE);
    assert_int_equal(seen.last, QUEUE);
    assert_int_equal(seen.lost, 0);
    log_number(5000);
    stage_wait(&stage, seen.count == QUEUE + 1);
    assert_int_equal(seen.dropped, 76);
    log_number(5001);
    stage_wait(&stage, seen.count == QUEUE + 2);
    assert_int_equal(seen.dropped, 0);
    end();
}

static void what_plugins_of_the_chain_bring_about_is_not_given(void **state)
{
    (void)state;
    begin("puppet-reactor", 2);
    seen.logs_itself = true;
    log_warning("plugin.failed", LOG_TEXT("instance", "b"), LOG_TEXT("operation", "log.record"));
    log_number(1);
    stage_wait(&stage, seen.count == 2);
    log_number(2);
    stage_wait(&stage, seen.count == 4);
    assert_int_equal(seen.others, 0);
    log_warning("plugin.failed", LOG_TEXT("instance", "c"));
    stage_wait(&stage, seen.others == 2);
    end();
}

static void *log_many(void *arg)
{
    (void)arg;
    for (uint64_t n = 0; n < EACH; n++)
        log_number(0);
    return NULL;
}

static void any_thread_may_log(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    begin("puppet-connection", 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_many, NULL), 0);
    stage_wait(&stage, seen.count + seen.lost == THREADS * EACH);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    end();
}

static void end_with_records_that_nobody_was_given(void **state)
{
    (void)state;
    begin("puppet-connection", 2);
    for (uint64_t n = 1; n <= 500; n++)
        log_number(n);
    reactor_turn(stage.reactor, 0);
    end();
    log_number(501); /* to nobody */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_whole_and_in_order),
        cmocka_unit_test(every_plugin_of_the_chain_gets_every_record),
        cmocka_unit_test(what_is_lost_is_counted_in_the_record_after_it),
        cmocka_unit_test(what_plugins_of_the_chain_bring_about_is_not_given),
        cmocka_unit_test(any_thread_may_log),
        cmocka_unit_test(end_with_records_that_nobody_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
