/* test_test_host.c: the SDK's host for unit tests: its clock, what it records of channels and
 * answers, and that the helpers of sallyport/helpers.h say what they are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sallyport/helpers.h>

#include "test_host.h"

static const struct sp_host *services;
static int ticks;
static int64_t ticked_at;

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    (void)ret_self;
    services = host;
    return strcmp(config_json, "{}") == 0 ? 0 : SP_E_INVALID;
}

static void destroy(void *self)
{
    (void)self;
}

static void tick(void *self)
{
    (void)self;
    ticks++;
    ticked_at = services->time_ms(services);
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    (void)self;
    struct sp_grant grant = sp_grant_of(SP_PERMIT_SFTP);
    if (sp_str_is(event->user, "in"))
        return sp_allow(services, &event->head, &grant);
    if (sp_str_is(event->user, "half"))
        return sp_partial(services, &event->head, SP_METHOD_PUBLICKEY);
    return sp_deny(services, &event->head, "not today");
}

static int32_t keyboard_interactive(void *self, const struct sp_auth_event *event)
{
    (void)self;
    return sp_ask(services, &event->head, "Code: ", 1);
}

static int32_t request(void *self, const struct sp_connection_event *event)
{
    (void)self;
    return sp_refuse_connection(services, &event->head,
                                event->head.connection->remote_address.data);
}

static int32_t channel_open(void *self, const struct sp_channel_event *event)
{
    (void)self;
    return sp_refuse_channel(services, &event->head, SP_OPEN_UNKNOWN_TYPE, "no such thing");
}

static int32_t fs_stat(void *self, const struct sp_fs_path *event)
{
    (void)self;
    if (sp_str_is(event->path, "/none"))
        return sp_fs_fail(services, &event->head, SP_FS_NO_SUCH_FILE, "there is no such file");
    const struct sp_fs_attributes attributes = sp_fs_attributes_of(SP_FILE_REGULAR, 5);
    return sp_fs_attributes_are(services, &event->head, &attributes);
}

static int32_t fs_readdir(void *self, const struct sp_fs_handle *event)
{
    (void)self;
    const struct sp_fs_entry entry = {sp_str_of("a"), sp_fs_attributes_of(SP_FILE_DIRECTORY, 0)};
    return sp_fs_entries_are(services, &event->head, &entry, 1, 1);
}

static int32_t fs_read(void *self, const struct sp_fs_io *event)
{
    (void)self;
    return sp_fs_done(services, &event->head, event->length, 1);
}

static int32_t fs_attach(void *self, const struct sp_fs_attach *event)
{
    (void)self;
    return sp_fs_opened(services, &event->head, 77);
}

static int32_t fs_realpath(void *self, const struct sp_fs_path *event)
{
    (void)self;
    return sp_fs_path_is(services, &event->head, event->path);
}

static int32_t record(void *self, const struct sp_log_event *event)
{
    (void)self;
    sp_log(services, event->level, event->text.data);
    return SP_OK;
}

static const struct sp_connection_v1 connection = {sizeof connection, 0, .request = request};
static const struct sp_auth_v1 auth = {sizeof auth, 0, .password = password,
                                       .keyboard_interactive = keyboard_interactive};
static const struct sp_channel_v1 channel = {sizeof channel, 0, .open = channel_open};
static const struct sp_fs_v1 fs = {sizeof fs,
                                   0,
                                   .attach = fs_attach,
                                   .stat = fs_stat,
                                   .read = fs_read,
                                   .readdir = fs_readdir,
                                   .realpath = fs_realpath};
static const struct sp_log_v1 log_table = {sizeof log_table, 0, record};
static const struct sp_interface interfaces[] = {
    {SP_CONNECTION_INTERFACE, &connection}, {SP_AUTH_INTERFACE, &auth},
    {SP_CHANNEL_INTERFACE, &channel},       {SP_FS_INTERFACE, &fs},
    {SP_LOG_INTERFACE, &log_table},         {NULL, NULL},
};
static const struct sp_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "tested",
    .version = "1",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
    .tick = tick,
};

static struct test_host *host;

static int set_up(void **state)
{
    (void)state;
    ticks = 0;
    host = test_host_new(&plugin, "{}");
    return host ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    return 0;
}

static const struct test_answer *ask_password(const char *user)
{
    struct sp_auth_event event = {.user = sp_str_of(user)};
    return TEST_AUTH(host, password, &event);
}

static void answers_about_users_say_what_they_are_called(void **state)
{
    (void)state;
    const struct test_answer *answer = ask_password("in");
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_int_equal(answer->auth.grant->permit, SP_PERMIT_SFTP);
    answer = ask_password("half");
    assert_int_equal(answer->verdict, SP_PARTIAL);
    assert_int_equal(answer->auth.methods, SP_METHOD_PUBLICKEY);
    answer = ask_password("out");
    assert_int_equal(answer->verdict, SP_DENY);
    assert_string_equal(answer->auth.reason.data, "not today");

    struct sp_auth_event event = {.round = 0};
    answer = TEST_AUTH(host, keyboard_interactive, &event);
    assert_int_equal(answer->verdict, SP_ASK);
    assert_int_equal(answer->auth.prompts_count, 1);
    assert_string_equal(answer->auth.prompts[0].text.data, "Code: ");
    assert_int_equal(answer->auth.prompts[0].echo, 1);
    assert_int_equal(test_host_open_questions(host), 0);
}

static void refusals_carry_their_reasons(void **state)
{
    (void)state;
    struct sp_connection_event event = {.status = 0};
    test_host_connection(host)->remote_address = sp_str_of("192.0.2.99");
    assert_string_equal(TEST_CONNECTION(host, request, &event)->connection.text.data, "192.0.2.99");
    struct sp_channel_event open = {.type = sp_str_of("x11")};
    const struct test_answer *answer = TEST_CHANNEL(host, open, &open);
    assert_int_equal(answer->verdict, SP_DENY);
    assert_int_equal(answer->channel.reason, SP_OPEN_UNKNOWN_TYPE);
    assert_string_equal(answer->channel.text.data, "no such thing");
}

static void answers_about_files_say_what_they_are_called(void **state)
{
    (void)state;
    struct sp_fs_attach attach = {.mount = sp_str_of("/")};
    assert_int_equal(TEST_FS(host, attach, &attach)->fs.handle, 77);
    struct sp_fs_path none = {.path = sp_str_of("/none")}, path = {.path = sp_str_of("/a")};
    const struct test_answer *answer = TEST_FS(host, stat, &none);
    assert_int_equal(answer->status, SP_FS_NO_SUCH_FILE);
    assert_string_equal(answer->fs.text.data, "there is no such file");
    answer = TEST_FS(host, stat, &path);
    assert_int_equal(answer->status, SP_FS_OK);
    assert_int_equal(answer->fs.attributes->size, 5);
    assert_int_equal(answer->fs.attributes->mode, 0444);
    assert_string_equal(TEST_FS(host, realpath, &path)->fs.path.data, "/a");
    struct sp_fs_handle list = {.handle = 1};
    answer = TEST_FS(host, readdir, &list);
    assert_int_equal(answer->fs.entries_count, 1);
    assert_int_equal(answer->fs.eof, 1);
    assert_int_equal(answer->fs.entries[0].attributes.type, SP_FILE_DIRECTORY);
    char buffer[3];
    struct sp_fs_io io = {.buffer = buffer, .length = sizeof buffer};
    assert_int_equal(TEST_FS(host, read, &io)->fs.count, 3);
}

static void clock_stands_still_until_it_is_moved(void **state)
{
    (void)state;
    assert_true(services->time_ms(services) == TEST_HOST_START_MS);
    test_host_advance(host, 1500);
    assert_int_equal(ticks, 1);
    assert_true(ticked_at == TEST_HOST_START_MS + 1500);
    test_host_set_time(host, 42);
    assert_int_equal(services->time_ms(services), 42);
    assert_int_equal(ticks, 1);
}

static void channel_actions_are_kept_in_order(void **state)
{
    (void)state;
    const struct sp_framing lines = {sizeof lines, SP_FRAMING_LINE, .size = 512,
                                     .terminator = sp_str_of("\r\n")};
    assert_int_equal(services->channel_framing(services, 3, &lines), 0);
    assert_int_equal(sp_send(services, 3, "one"), 3);
    assert_int_equal(sp_send(services, 3, "two"), 3);
    struct sp_channel_info info = {.struct_size = sizeof info};
    assert_int_equal(services->channel_info(services, 3, &info), 0);
    assert_int_equal(info.bytes_out, 6);
    assert_int_equal(info.framing, SP_FRAMING_LINE);
    services->channel_eof(services, 3);
    sp_finish(services, 3, 9);
    const struct test_channel *seen = test_host_channel(host, 3);
    assert_string_equal(seen->actions, "framing send eof exit-status close");
    assert_string_equal(seen->framing_terminator, "\r\n");
    assert_int_equal(seen->exit_status, 9);
    assert_int_equal(services->channel_info(services, 3, &info), SP_E_STALE);
    assert_int_equal(sp_send(services, 3, "late"), SP_E_STALE);
}

static void framing_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct sp_framing framing = {sizeof framing, SP_FRAMING_LINE, .size = 512};
    assert_int_equal(services->channel_framing(services, 3, &framing), SP_E_INVALID);
    framing.kind = SP_FRAMING_RECORD;
    framing.size = 65537;
    assert_int_equal(services->channel_framing(services, 3, &framing), SP_E_INVALID);
    framing.kind = 9;
    framing.size = 1;
    assert_int_equal(services->channel_framing(services, 3, &framing), SP_E_INVALID);
}

static void channels_that_the_plugin_opens_are_recorded(void **state)
{
    (void)state;
    sp_id first = 0, second = 0;
    const struct sp_channel_open open = {
        sizeof open, 0, sp_str_of("auth-agent@openssh.com"), {"\0x", 2}};
    assert_null(test_host_opened(host));
    assert_int_equal(services->channel_open(services, 1, &open, &first), 0);
    assert_int_equal(services->channel_open(services, 1, &open, &second), 0);
    assert_int_not_equal(first, second);
    assert_int_equal(test_host_opened(host)->id, second);
    assert_string_equal(test_host_opened(host)->type, "auth-agent@openssh.com");
    assert_int_equal(test_host_opened(host)->payload_length, 2);
    services->rekey(services, 1);
    assert_int_equal(test_host_rekeys(host), 1);
}

static void log_records_are_handed_over(void **state)
{
    (void)state;
    struct sp_log_event event = {.level = SP_LOG_INFO, .text = sp_str_of("user=ann")};
    assert_int_equal(TEST_LOG(host, record, &event)->verdict, SP_OK);
    assert_true(test_host_logged(host, "user=ann"));
}

static void small_texts_are_compared_and_found(void **state)
{
    (void)state;
    const struct sp_pair pairs[] = {{sp_str_of("a"), sp_str_of("1")}, {sp_str_of("b"), {"2", 1}}};
    assert_true(sp_str_is(sp_str_of(""), ""));
    assert_false(sp_str_is(sp_str_of("ab"), "a"));
    assert_true(sp_str_equals((struct sp_str){NULL, 0}, sp_str_of("")));
    assert_true(sp_secret_equals(sp_str_of("secret"), sp_str_of("secret")));
    assert_false(sp_secret_equals(sp_str_of("secret"), sp_str_of("secreT")));
    assert_false(sp_secret_equals(sp_str_of("secret"), sp_str_of("secrets")));
    assert_string_equal(sp_pair_value(pairs, 2, "b").data, "2");
    assert_int_equal(sp_pair_value(pairs, 2, "c").len, 0);
}

static void plugin_that_cannot_be_created_is_no_host(void **state)
{
    (void)state;
    assert_null(test_host_new(&plugin, "{\"wrong\":1}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_about_users_say_what_they_are_called),
        TEST(refusals_carry_their_reasons),
        TEST(answers_about_files_say_what_they_are_called),
        TEST(clock_stands_still_until_it_is_moved),
        TEST(channel_actions_are_kept_in_order),
        TEST(framing_that_makes_no_sense_is_refused),
        TEST(channels_that_the_plugin_opens_are_recorded),
        TEST(log_records_are_handed_over),
        TEST(small_texts_are_compared_and_found),
        cmocka_unit_test(plugin_that_cannot_be_created_is_no_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
