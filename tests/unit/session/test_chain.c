/* test_chain.c: one question for the plugins of a chain: who is asked, whose answer counts, and
 * that what the event points to is let go of exactly once, when no plugin can touch it any more.
 * Puppets play the plugins, called a, b and c, each with a verdict of its own. */
#include "unit/plugin/stage.h"

#include "puppet.h"
#include "session/chain.h"
#include "session/snapshot.h"

enum { PLUGINS = 3 };

/* Who asks, on the heap, so that it can go away at any time. */
struct asker {
    struct chain_run *run;
    bool frees_itself;
    bool asks_again;
};

static struct stage stage;
static struct puppet *puppet;
static struct plugin_instance *instances[PLUGINS];
static struct chain chain = {.instances = instances, .count = PLUGINS};

static struct {
    const struct sp_host *hosts[PLUGINS];
    size_t hosts_count;
    int32_t verdicts[PLUGINS];
    const struct sp_event *events[PLUGINS];
    sp_token tokens[PLUGINS];
    char order[16];
    char user[16]; /* of the event's connection, at the last call */
    sp_token cancelled;
    int done, released;
    int32_t verdict;
    char by[16];
    char banner[16];
    bool was_running_in_done;
} seen;

static int32_t on_create(const struct sp_host *host, const char *config)
{
    (void)config;
    seen.hosts[seen.hosts_count++] = host;
    return 0;
}

static int32_t on_call(const struct sp_host *host, const char *name, const struct sp_event *event)
{
    const struct sp_auth_event *auth = (const struct sp_auth_event *)event;
    size_t i = 0;

    assert_string_equal(name, "auth.password");
    assert_string_equal(auth->user.data, "alice");
    while (seen.hosts[i] != host)
        i++;
    seen.order[strlen(seen.order)] = (char)('a' + i);
    seen.events[i] = event;
    seen.tokens[i] = event->token;
    if (event->connection)
        snprintf(seen.user, sizeof seen.user, "%s", event->connection->user.data);
    return seen.verdicts[i];
}

static void on_cancel(const struct sp_host *host, sp_token token)
{
    (void)host;
    seen.cancelled = token;
}

/* Three puppets with these verdicts, on the reactor's thread. */
static void begin(int32_t a, int32_t b, int32_t c)
{
    static const char *const names[PLUGINS] = {"a", "b", "c"};

    memset(&seen, 0, sizeof seen);
    stage_open(&stage, 1);
    puppet = stage_symbol("puppet-reactor", "puppet");
    *puppet = (struct puppet){.on_create = on_create, .on_call = on_call, .on_cancel = on_cancel};
    for (size_t i = 0; i < PLUGINS; i++)
        stage_add(&stage, names[i], "puppet-reactor");
    seen.verdicts[0] = a;
    seen.verdicts[1] = b;
    seen.verdicts[2] = c;
}

static void up(void)
{
    stage_up(&stage, NULL);
    assert_int_equal(seen.hosts_count, PLUGINS);
    for (size_t i = 0; i < PLUGINS; i++) {
        const char name[] = {(char)('a' + i), 0};
        instances[i] = plugin_host_find(stage.host, name, PLUGIN_AUTH);
        assert_non_null(instances[i]);
    }
}

static void end(void)
{
    stage_close(&stage);
    *puppet = (struct puppet){0};
}

static void release(void *memory)
{
    seen.released++;
    free(memory);
}

static struct asker *ask_for(enum plugin_operation operation, struct asker *asker,
                             const struct sp_connection *connection);

static void on_done(void *owner, int32_t verdict, const struct sp_reply *reply,
                    const struct plugin_instance *by)
{
    const struct sp_auth_reply *auth = (const struct sp_auth_reply *)reply;
    struct asker *asker = owner;

    seen.done++;
    seen.verdict = verdict;
    seen.was_running_in_done |= asker->run != NULL;
    snprintf(seen.by, sizeof seen.by, "%s", by ? plugin_instance_name(by) : "");
    snprintf(seen.banner, sizeof seen.banner, "%s",
             auth && auth->banner.len ? auth->banner.data : "");
    if (asker->frees_itself)
        free(asker);
    else if (asker->asks_again) {
        asker->asks_again = false;
        ask_for(PLUGIN_AUTH_password, asker, NULL);
    }
}

/* The event and the text it points to are gone, or overwritten, when this returns. */
static struct asker *ask_for(enum plugin_operation operation, struct asker *asker,
                             const struct sp_connection *connection)
{
    char *user = strdup("alice");
    struct sp_auth_event event = {
        .head = {.struct_size = sizeof event, .connection = connection},
        .user = sp_str_of(user),
    };

    chain_start(asker ? &asker->run : NULL, &chain, operation, &event.head, NULL, on_done, asker,
                release, user);
    memset(&event, 0xaa, sizeof event);
    return asker;
}

static struct asker *ask(void)
{
    return ask_for(PLUGIN_AUTH_password, calloc(1, sizeof(struct asker)), NULL);
}

static void answer(size_t number, int32_t verdict)
{
    struct sp_auth_reply reply = {.head = {sizeof reply, verdict}, .banner = sp_str_of("hello")};
    seen.hosts[number]->complete(seen.hosts[number], seen.tokens[number], &reply.head);
}

static void expect_over(const char *order, int32_t verdict, const char *by)
{
    assert_int_equal(seen.done, 1);
    assert_int_equal(seen.released, 1);
    assert_int_equal(seen.verdict, verdict);
    assert_string_equal(seen.order, order);
    assert_string_equal(seen.by, by);
    assert_false(seen.was_running_in_done);
}

static void asks_in_order_until_somebody_has_an_opinion(void **state)
{
    (void)state;
    static const struct {
        int32_t a, b, c;
        const char *order;
        int32_t verdict;
        const char *by;
    } cases[] = {
        {SP_ALLOW, SP_DENY, SP_DENY, "a", SP_ALLOW, "a"},
        {SP_NEXT, SP_ALLOW, SP_DENY, "ab", SP_ALLOW, "b"},
        {SP_DENY, SP_ALLOW, SP_ALLOW, "a", SP_DENY, "a"},
        {SP_NEXT, SP_NEXT, SP_DENY, "abc", SP_DENY, "c"},
        {SP_NEXT, SP_NEXT, SP_NEXT, "abc", SP_NEXT, ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(cases[i].a, cases[i].b, cases[i].c);
        up();
        struct asker *asker = ask();
        expect_over(cases[i].order, cases[i].verdict, cases[i].by);
        assert_null(asker->run);
        free(asker);
        end();
    }
}

static void who_does_not_offer_the_operation_is_passed_over(void **state)
{
    (void)state;
    struct asker asker = {0};

    begin(SP_ALLOW, SP_ALLOW, SP_ALLOW);
    up();
    ask_for(PLUGIN_AUTH_none, &asker, NULL);
    expect_over("", SP_NEXT, "");
    end();
}

static void who_is_to_be_skipped_is_not_asked(void **state)
{
    (void)state;
    static const struct {
        uint64_t skip;
        const char *order;
    } cases[] = {{1, "bc"}, {2, "ac"}, {5, "b"}, {7, ""}, {~UINT64_C(4), "c"}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(SP_NEXT, SP_NEXT, SP_NEXT);
        up();
        chain.skip = cases[i].skip;
        free(ask());
        chain.skip = 0;
        expect_over(cases[i].order, SP_NEXT, "");
        end();
    }
}

static void nobody_to_ask_is_no_opinion(void **state)
{
    (void)state;
    struct asker asker = {0};

    begin(SP_ALLOW, SP_ALLOW, SP_ALLOW);
    up();
    chain.count = 0;
    ask_for(PLUGIN_AUTH_password, &asker, NULL);
    chain.count = PLUGINS;
    expect_over("", SP_NEXT, "");
    end();
}

static void failure_ends_the_chain_unless_it_counts_as_no_opinion(void **state)
{
    (void)state;
    begin(SP_NEXT, SP_E_FAILED, SP_ALLOW);
    up();
    free(ask());
    expect_over("ab", SP_E_FAILED, "b");
    end();

    begin(SP_NEXT, SP_E_FAILED, SP_ALLOW);
    stage.plugins[1].on_error_next = true;
    up();
    free(ask());
    expect_over("abc", SP_ALLOW, "c");
    end();

    begin(SP_E_FAILED, SP_E_FAILED, SP_E_FAILED);
    for (size_t i = 0; i < PLUGINS; i++)
        stage.plugins[i].on_error_next = true;
    up();
    free(ask());
    expect_over("abc", SP_NEXT, "");
    end();
}

static void answer_that_comes_later_counts_as_well(void **state)
{
    (void)state;
    begin(SP_PENDING, SP_PENDING, SP_ALLOW);
    up();
    struct asker *asker = ask();
    assert_non_null(asker->run);
    assert_string_equal(seen.order, "a");
    answer(0, SP_NEXT);
    stage_wait(&stage, seen.order[1]);
    assert_int_equal(seen.done, 0);
    assert_int_equal(seen.released, 0);
    assert_non_null(asker->run);
    answer(1, SP_DENY);
    stage_wait(&stage, seen.released);
    expect_over("ab", SP_DENY, "b");
    assert_string_equal(seen.banner, "hello");
    assert_null(asker->run);
    free(asker);
    end();
}

static void late_plugin_keeps_its_event_while_the_next_is_asked(void **state)
{
    (void)state;
    begin(SP_PENDING, SP_PENDING, SP_ALLOW);
    stage.plugins[0].on_error_next = true;
    stage.plugins[0].deadline_ms = 20;
    up();
    struct asker *asker = ask();
    stage_wait(&stage, seen.order[1]);
    assert_string_equal(seen.order, "ab");
    assert_ptr_not_equal(seen.events[0], seen.events[1]);
    assert_int_not_equal(seen.tokens[0], seen.tokens[1]);
    answer(1, SP_ALLOW);
    stage_wait(&stage, seen.done);
    assert_int_equal(seen.verdict, SP_ALLOW);
    free(asker);
    /* The first may still be reading. */
    assert_int_equal(seen.released, 0);
    assert_int_equal(seen.events[0]->token, seen.tokens[0]);
    assert_string_equal(((const struct sp_auth_event *)seen.events[0])->user.data, "alice");
    answer(0, SP_DENY);
    stage_wait(&stage, seen.released);
    expect_over("ab", SP_ALLOW, "b");
    end();
}

static void missed_deadline_is_a_failure(void **state)
{
    (void)state;
    begin(SP_PENDING, SP_ALLOW, SP_ALLOW);
    stage.plugins[0].deadline_ms = 20;
    up();
    struct asker *asker = ask();
    stage_wait(&stage, seen.done);
    assert_int_equal(seen.released, 0);
    free(asker);
    answer(0, SP_ALLOW);
    stage_wait(&stage, seen.released);
    expect_over("a", SP_E_TIMEOUT, "a");
    end();
}

static void cancelled_question_is_never_done_and_released_once(void **state)
{
    (void)state;
    begin(SP_PENDING, SP_ALLOW, SP_ALLOW);
    up();
    struct asker *asker = ask();
    chain_cancel(&asker->run);
    assert_null(asker->run);
    chain_cancel(&asker->run); /* fine */
    free(asker);
    assert_int_equal(seen.cancelled, seen.tokens[0]);
    assert_int_equal(seen.released, 0);
    answer(0, SP_NEXT);
    stage_wait(&stage, seen.released);
    assert_int_equal(seen.done, 0);
    assert_int_equal(seen.released, 1);
    assert_string_equal(seen.order, "a"); /* nobody is asked on behalf of nobody */
    end();
}

static void end_of_the_host_releases_what_was_never_answered(void **state)
{
    (void)state;
    begin(SP_PENDING, SP_ALLOW, SP_ALLOW);
    up();
    struct asker *asker = ask();
    chain_cancel(&asker->run);
    free(asker);
    end();
    assert_int_equal(seen.done, 0);
    assert_int_equal(seen.released, 1);
}

static void asker_may_go_away_inside_done(void **state)
{
    (void)state;
    static const int32_t ways[] = {SP_ALLOW, SP_DENY, SP_NEXT, SP_E_FAILED};

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct asker *asker = calloc(1, sizeof *asker);
        begin(ways[i], SP_NEXT, SP_NEXT);
        up();
        asker->frees_itself = true;
        ask_for(PLUGIN_AUTH_password, asker, NULL);
        assert_int_equal(seen.done, 1);
        assert_int_equal(seen.released, 1);
        end();

        asker = calloc(1, sizeof *asker);
        begin(SP_PENDING, SP_NEXT, SP_NEXT);
        up();
        asker->frees_itself = true;
        ask_for(PLUGIN_AUTH_password, asker, NULL);
        answer(0, ways[i]);
        stage_wait(&stage, seen.released);
        assert_int_equal(seen.done, 1);
        assert_int_equal(seen.verdict, ways[i]);
        end();
    }
}

static void asker_may_ask_again_inside_done(void **state)
{
    (void)state;
    begin(SP_NEXT, SP_PENDING, SP_NEXT);
    up();
    struct asker *asker = calloc(1, sizeof *asker);
    asker->asks_again = true;
    ask_for(PLUGIN_AUTH_password, asker, NULL);
    answer(1, SP_DENY);
    stage_wait(&stage, seen.done && seen.order[3]);
    assert_string_equal(seen.order, "abab");
    assert_non_null(asker->run); /* the second one's */
    assert_false(seen.was_running_in_done);
    answer(1, SP_ALLOW);
    stage_wait(&stage, seen.released == 2);
    assert_int_equal(seen.done, 2);
    assert_int_equal(seen.verdict, SP_ALLOW);
    assert_null(asker->run);
    free(asker);
    end();
}

static void connection_stays_as_it_was_for_all_who_are_asked(void **state)
{
    (void)state;
    struct sp_connection connection = {.struct_size = sizeof connection,
                                       .user = sp_str_of("alice")};
    const struct sp_connection *snapshot = snapshot_new(&connection);

    begin(SP_PENDING, SP_DENY, SP_ALLOW);
    up();
    struct asker *asker = ask_for(PLUGIN_AUTH_password, calloc(1, sizeof(struct asker)), snapshot);
    snapshot_unref(snapshot); /* the session has a newer one */
    assert_string_equal(seen.user, "alice");
    seen.user[0] = 0;
    answer(0, SP_NEXT);
    stage_wait(&stage, seen.released);
    assert_string_equal(seen.user, "alice");
    expect_over("ab", SP_DENY, "b");
    free(asker);
    end();
}

static void ignore(void *owner, int32_t verdict, const struct sp_reply *reply,
                   const struct plugin_instance *by)
{
    (void)owner, (void)reply, (void)by;
    seen.done++;
    seen.verdict = verdict;
}

static void question_that_nobody_will_cancel_needs_no_slot(void **state)
{
    (void)state;
    char *user = strdup("alice");
    struct sp_auth_event event = {.head = {.struct_size = sizeof event}, .user = sp_str_of(user)};

    begin(SP_PENDING, SP_ALLOW, SP_ALLOW);
    up();
    chain_start(NULL, &chain, PLUGIN_AUTH_password, &event.head, NULL, ignore, NULL, release, user);
    answer(0, SP_NEXT);
    stage_wait(&stage, seen.released);
    expect_over("ab", SP_ALLOW, "");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_in_order_until_somebody_has_an_opinion),
        cmocka_unit_test(who_does_not_offer_the_operation_is_passed_over),
        cmocka_unit_test(who_is_to_be_skipped_is_not_asked),
        cmocka_unit_test(nobody_to_ask_is_no_opinion),
        cmocka_unit_test(failure_ends_the_chain_unless_it_counts_as_no_opinion),
        cmocka_unit_test(answer_that_comes_later_counts_as_well),
        cmocka_unit_test(late_plugin_keeps_its_event_while_the_next_is_asked),
        cmocka_unit_test(missed_deadline_is_a_failure),
        cmocka_unit_test(cancelled_question_is_never_done_and_released_once),
        cmocka_unit_test(end_of_the_host_releases_what_was_never_answered),
        cmocka_unit_test(asker_may_go_away_inside_done),
        cmocka_unit_test(asker_may_ask_again_inside_done),
        cmocka_unit_test(connection_stays_as_it_was_for_all_who_are_asked),
        cmocka_unit_test(question_that_nobody_will_cancel_needs_no_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
