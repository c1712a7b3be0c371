/*
 * test_growth.c: plugins of another minor version in today's host: one compiled against the frozen
 * headers, one against headers of the future. Each is asked the same, and answers the same.
 */
#include "plugin/instance.h"
#include "unit/plugin/stage.h"

static struct stage stage;
static void (*look)(int32_t verdict, const struct sp_reply *reply);
static int looked;

static void on_done(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    (void)call;
    looked++;
    look(verdict, reply);
}

static void begin(const char *name)
{
    stage_open(&stage, 1);
    stage.directories[0] = (char *)TEST_BUILD_DIR "/tests/abi/plugins";
    stage_add(&stage, "gym", name);
    looked = 0;
}

static struct sp_connection peer = {.struct_size = sizeof peer, .remote_address = {"192.0.2.7", 9}};

/* Ask, and let check look at the answer. */
static void ask(struct question *q, enum plugin_operation operation,
                void (*check)(int32_t verdict, const struct sp_reply *reply))
{
    int before = looked;
    question_init(q, &stage, "gym", operation);
    q->call.on_done = on_done;
    q->event.head.connection = &peer;
    q->event.head.struct_size = sizeof q->event;
    switch (operation) {
    case PLUGIN_AUTH_password:
        q->event.auth.user = sp_str_of("demo");
        q->event.head.struct_size = sizeof q->event.auth;
        break;
    case PLUGIN_CHANNEL_open:
        q->event.channel.type = sp_str_of("session");
        break;
    case PLUGIN_FS_stat:
        q->event.path.path = sp_str_of("/twelve");
        break;
    default:
        break;
    }
    look = check;
    plugin_call_start(&q->call);
    stage_wait(&stage, looked > before);
}

#define assert_text(text, expected) assert_string_equal((text).data, expected)

static void is_granted(int32_t verdict, const struct sp_reply *reply)
{
    const struct sp_auth_reply *auth = (const void *)reply;
    assert_int_equal(verdict, SP_ALLOW);
    assert_int_equal(auth->head.struct_size, sizeof *auth);
    assert_text(auth->banner, "demo");
    assert_int_equal(auth->key_options, SP_KEY_TOUCH_NOT_REQUIRED);
    assert_int_equal(auth->grant->struct_size, sizeof *auth->grant);
    assert_int_equal(auth->grant->permit, SP_PERMIT_SFTP);
    assert_text(auth->grant->root, "/srv");
    assert_int_equal(auth->grant->groups_count, 2);
    assert_text(auth->grant->groups[1], "ops");
    assert_text(auth->grant->attributes[0].value, "7");
    assert_int_equal(auth->grant->handles_max, 9);
}

static void is_asked(int32_t verdict, const struct sp_reply *reply)
{
    const struct sp_auth_reply *auth = (const void *)reply;
    assert_int_equal(verdict, SP_ASK);
    assert_int_equal(auth->prompts_count, 2);
    assert_text(auth->prompts[1].text, "Word: ");
    assert_int_equal(auth->prompts[0].echo, 1);
}

static void is_refused_by_address(int32_t verdict, const struct sp_reply *reply)
{
    assert_int_equal(verdict, SP_DENY);
    assert_text(((const struct sp_connection_reply *)(const void *)reply)->text, "192.0.2.7");
}

static void is_refused_by_type(int32_t verdict, const struct sp_reply *reply)
{
    const struct sp_channel_reply *channel = (const void *)reply;
    assert_int_equal(verdict, SP_DENY);
    assert_text(channel->text, "session");
    assert_int_equal(channel->reason, SP_OPEN_RESOURCE_SHORTAGE);
}

static void has_attributes(int32_t verdict, const struct sp_reply *reply)
{
    const struct sp_fs_attributes *a =
        ((const struct sp_fs_reply *)(const void *)reply)->attributes;
    assert_int_equal(verdict, SP_OK);
    assert_int_equal(a->struct_size, sizeof *a);
    assert_int_equal(a->size, 7);
    assert_text(a->owner, "ann");
    assert_text(a->extended[0].name, "tenant");
}

static void has_entries(int32_t verdict, const struct sp_reply *reply)
{
    const struct sp_fs_reply *fs = (const void *)reply;
    assert_int_equal(verdict, SP_OK);
    assert_int_equal(fs->entries_count, 3);
    assert_int_equal(fs->eof, 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(fs->entries[i].name.data[0], 'a' + i);
        assert_int_equal(fs->entries[i].attributes.struct_size, sizeof fs->entries[i].attributes);
        assert_int_equal(fs->entries[i].attributes.size, i + 1);
        assert_text(fs->entries[i].attributes.extended[0].value, "7");
    }
}

static void has_space(int32_t verdict, const struct sp_reply *reply)
{
    const struct sp_fs_space *space = ((const struct sp_fs_reply *)(const void *)reply)->space;
    assert_int_equal(verdict, SP_OK);
    assert_int_equal(space->block_size, 4096);
    assert_int_equal(space->name_max, 255);
}

static void exercise(void)
{
    struct question q[7];
    stage_up(&stage, NULL);
    assert_true(stage_logged(&stage, "plugin.log", "gym", "made do with what there is"));
    ask(&q[0], PLUGIN_AUTH_password, is_granted);
    ask(&q[1], PLUGIN_AUTH_keyboard_interactive, is_asked);
    ask(&q[2], PLUGIN_CONNECTION_request, is_refused_by_address);
    ask(&q[3], PLUGIN_CHANNEL_open, is_refused_by_type);
    ask(&q[4], PLUGIN_FS_stat, has_attributes);
    ask(&q[5], PLUGIN_FS_readdir, has_entries);
    ask(&q[6], PLUGIN_FS_statvfs, has_space);
    assert_int_equal(looked, 7);
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(q[i].released, 1);
    stage_close(&stage);
}

/* A service that is there by its size but not by its function would be a trap: SP_HAS() is all that
 * a plugin asks. */
static void every_service_of_the_host_is_there(void **state)
{
    const size_t first = offsetof(struct sp_host, complete);
    (void)state;
    begin("exercise-frozen");
    stage_up(&stage, NULL);
    const struct plugin_instance *gym = plugin_host_find(stage.host, "gym", PLUGIN_AUTH);
    for (size_t at = first; at < gym->services.struct_size; at += sizeof(void *)) {
        void *service;
        memcpy(&service, (const char *)&gym->services + at, sizeof service);
        if (!service)
            fail_msg("the service at offset %zu of struct sp_host is missing", at);
    }
    stage_close(&stage);
}

static void plugin_of_the_frozen_headers_runs(void **state)
{
    (void)state;
    begin("exercise-frozen");
    exercise();
}

static void plugin_of_later_headers_runs_and_makes_do(void **state)
{
    (void)state;
    begin("exercise-future");
    exercise();
}

static void plugin_that_needs_a_later_abi_is_refused_with_the_remedy(void **state)
{
    (void)state;
    begin("exercise-needs");
    assert_true(plugin_host_new(&stage.config, stage.reactor, stage.pool, NULL, &stage.host,
                                &stage.report) < 0);
    assert_true(stage_complained(&stage, "use a newer sallyport"));
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_service_of_the_host_is_there),
        cmocka_unit_test(plugin_of_the_frozen_headers_runs),
        cmocka_unit_test(plugin_of_later_headers_runs_and_makes_do),
        cmocka_unit_test(plugin_that_needs_a_later_abi_is_refused_with_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
