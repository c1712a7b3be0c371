/* test_auth_pam.c: auth-pam with the PAM of this machine, a directory of services of its own, and
 * the module tests/support/pam_players.c. No account and no root is needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth_pam.h"
#include "test_host.h"

#define PASSWORD "open, sesame"

static char directory[] = "/tmp/test_auth_pam.XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const char *read_file(const char *name, char *ret, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(ret, 1, size - 1, file) : 0;
    ret[length] = '\0';
    if (file)
        fclose(file);
    return ret;
}

static void forget(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
}

/* A configuration with all defaults, but for what comes first: of keys that stand there twice
 * jansson takes the last. */
static struct test_host *start_host(const char *settings)
{
    char config[2048];
    snprintf(config, sizeof config,
             "{\"service\":\"players\",\"tty\":\"ssh\",\"change_password\":true,"
             "\"dialogues_max\":4,\"sessions_max\":2,\"timeout_ms\":8000,"
             "\"dialogue_timeout_ms\":60000,\"grant\":{\"permit\":[\"exec\"]},"
             "\"config_directory\":\"%s\"%s}",
             directory, settings);
    return test_host_new(&sallyport_plugin_v1, config);
}

static struct test_host *host_with(const char *settings)
{
    struct test_host *host = start_host(settings);
    assert_non_null(host);
    return host;
}

static struct sp_connection connection_of(sp_id id)
{
    return (struct sp_connection){.struct_size = sizeof(struct sp_connection),
                                  .id = id,
                                  .remote_address = sp_str_of("192.0.2.7")};
}

static const struct test_answer *change(struct test_host *host, const char *user,
                                        const char *password, const char *new_password)
{
    const struct sp_connection connection = connection_of(7);
    struct sp_auth_event event = {.head.connection = &connection,
                                  .user = sp_str_of(user),
                                  .method = SP_METHOD_PASSWORD,
                                  .password = sp_str_of(password),
                                  .new_password = sp_str_of(new_password)};
    return TEST_AUTH(host, password, &event);
}

static const struct test_answer *try_password(struct test_host *host, const char *user,
                                              const char *password)
{
    return change(host, user, password, "");
}

static const struct test_answer *respond_on(struct test_host *host, sp_id id, const char *user,
                                            uint32_t round, const char *first, const char *second)
{
    const struct sp_connection connection = connection_of(id);
    const struct sp_str responses[] = {sp_str_of(first), sp_str_of(second)};
    struct sp_auth_event event = {.head.connection = &connection,
                                  .user = sp_str_of(user),
                                  .method = SP_METHOD_KEYBOARD_INTERACTIVE,
                                  .round = round,
                                  .responses = responses,
                                  .responses_count = !first   ? 0u
                                                     : second ? 2u
                                                              : 1u};
    return TEST_AUTH(host, keyboard_interactive, &event);
}

static const struct test_answer *respond(struct test_host *host, const char *user, uint32_t round,
                                         const char *first, const char *second)
{
    return respond_on(host, 7, user, round, first, second);
}

static void judge_passwords(void **state)
{
    (void)state;
    static const struct {
        const char *user;
        const char *password;
        int32_t verdict;
    } cases[] = {
        {"ann", PASSWORD, SP_ALLOW},    {"ann", "wrong", SP_DENY},
        {"ann", "", SP_DENY},           {"unknown", PASSWORD, SP_DENY},
        {"locked", PASSWORD, SP_DENY},  {"expired", PASSWORD, SP_ASK},
        {"expired", "wrong", SP_DENY},  {"broken", PASSWORD, SP_E_FAILED},
        {"renamed", PASSWORD, SP_DENY}, {"late-rename", PASSWORD, SP_DENY},
        {"twice", PASSWORD, SP_DENY},   {"two", PASSWORD, SP_DENY},
        {"wide", PASSWORD, SP_DENY},    {"endless", PASSWORD, SP_DENY},
        {"blank", "", SP_DENY},         {"otp", PASSWORD, SP_DENY},
        {"empty", "", SP_DENY},
    };
    struct test_host *host = host_with("");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t verdict = try_password(host, cases[i].user, cases[i].password)->verdict;
        if (verdict != cases[i].verdict)
            fail_msg("%s: %d, not %d", cases[i].user, verdict, cases[i].verdict);
    }
    assert_int_equal(try_password(host, "ann", PASSWORD)->auth.grant->permit, SP_PERMIT_EXEC);
    assert_true(test_host_logged(host, "has changed the user's name"));
    assert_true(test_host_logged(host, "pam_authenticate fails"));
    assert_false(test_host_logged(host, PASSWORD));
    test_host_free(host);
}

static void allow_what_is_configured(void **state)
{
    (void)state;
    struct test_host *host = host_with(",\"nullok\":true,\"allow_user_change\":true,"
                                       "\"grant_system_user\":true,\"grant_environment\":true,"
                                       "\"change_password\":false");
    assert_int_equal(try_password(host, "empty", "")->verdict, SP_ALLOW);
    assert_int_equal(try_password(host, "blank", "")->verdict, SP_ALLOW);
    const struct test_answer *answer = try_password(host, "renamed", PASSWORD);
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_string_equal(answer->auth.grant->system_user.data, "somebody");
    assert_int_equal(answer->auth.grant->environment_count, 1);
    assert_string_equal(answer->auth.grant->environment[0].name.data, "PLAYER");
    assert_string_equal(answer->auth.grant->environment[0].value.data, "yes");
    assert_int_equal(try_password(host, "expired", PASSWORD)->verdict, SP_DENY);
    test_host_free(host);
}

static void grant_each_user_a_place(void **state)
{
    (void)state;
    struct test_host *host = host_with(",\"grant\":{\"root\":\"/srv/%u/100%%\"}");
    const struct test_answer *answer = try_password(host, "ann", PASSWORD);
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_string_equal(answer->auth.grant->root.data, "/srv/ann/100%");
    /* The core knows no such names; should one come all the same, it leads nowhere else. */
    assert_true(try_password(host, "../ann", PASSWORD)->verdict < 0);
    assert_true(try_password(host, "ann/x", PASSWORD)->verdict < 0);
    test_host_free(host);
}

static void deny_when_pam_cannot_be_used(void **state)
{
    (void)state;
    assert_null(start_host(",\"service\":\"no-such-service\""));
    assert_null(start_host(",\"service\":\"players\",\"config_directory\":\"/nonexistent\""));
    assert_null(start_host(",\"grant\":{\"permits\":[]}"));
    assert_null(start_host(",\"grant\":{\"root\":\"/srv/%h\"}"));
    struct test_host *host = host_with(",\"service\":\"no-such-module\"");
    assert_true(respond(host, "ann", 0, NULL, NULL)->verdict < 0);
    assert_true(try_password(host, "ann", PASSWORD)->verdict < 0);
    assert_true(test_host_logged(host, "check the service's file"));
    test_host_free(host);
}

static void change_an_expired_password(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    assert_int_equal(change(host, "expired", "wrong", "fine and long")->verdict, SP_DENY);
    assert_int_equal(change(host, "expired", PASSWORD, "short")->verdict, SP_DENY);
    assert_int_equal(try_password(host, "expired", PASSWORD)->verdict, SP_ASK);
    /* Nobody has asked for this one. */
    assert_int_equal(change(host, "ann", PASSWORD, "fine and long")->verdict, SP_DENY);
    assert_int_equal(change(host, "expired", PASSWORD, "fine and long")->verdict, SP_ALLOW);
    assert_int_equal(try_password(host, "expired", PASSWORD)->verdict, SP_DENY);
    assert_int_equal(try_password(host, "expired", "fine and long")->verdict, SP_ALLOW);
    test_host_free(host);
    forget("password-expired");
}

static void hold_a_dialogue(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    const struct test_answer *answer = respond(host, "two", 0, NULL, NULL);
    assert_int_equal(answer->verdict, SP_ASK);
    assert_string_equal(answer->auth.instruction.data, "Say who you are.\nQuickly!\n");
    assert_int_equal(answer->auth.prompts_count, 2);
    assert_string_equal(answer->auth.prompts[0].text.data, "Colour: ");
    assert_int_equal(answer->auth.prompts[0].echo, 1);
    assert_string_equal(answer->auth.prompts[1].text.data, "Code: ");
    assert_int_equal(answer->auth.prompts[1].echo, 0);
    answer = respond(host, "two", 1, "blue", "123456");
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_int_equal(answer->auth.grant->permit, SP_PERMIT_EXEC);

    assert_int_equal(respond(host, "two", 0, NULL, NULL)->verdict, SP_ASK);
    assert_int_equal(respond(host, "two", 1, "blue", "000000")->verdict, SP_DENY);
    assert_int_equal(respond(host, "two", 1, "blue", "123456")->verdict, SP_DENY);

    /* Several rounds, one of them of another module's words. */
    assert_int_equal(respond(host, "twice", 0, NULL, NULL)->verdict, SP_ASK);
    answer = respond(host, "twice", 1, PASSWORD, NULL);
    assert_int_equal(answer->verdict, SP_ASK);
    assert_string_equal(answer->auth.prompts[0].text.data, "Code: ");
    assert_int_equal(respond(host, "twice", 2, "654321", NULL)->verdict, SP_ALLOW);

    assert_int_equal(respond(host, "greeted", 0, NULL, NULL)->verdict, SP_ASK);
    answer = respond(host, "greeted", 1, PASSWORD, NULL);
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_string_equal(answer->auth.banner.data, "Good morning.\n");

    assert_int_equal(respond(host, "silent", 0, NULL, NULL)->verdict, SP_ALLOW);
    test_host_free(host);
}

static void change_an_expired_password_in_a_dialogue(void **state)
{
    (void)state;
    static const char *const prompts[] = {
        "Current password: ", "New password: ", "Retype new password: "};
    static const char *const words[] = {PASSWORD, PASSWORD, "fine and long", "fine and long"};
    struct test_host *host = host_with("");
    assert_int_equal(respond(host, "expired2", 0, NULL, NULL)->verdict, SP_ASK);
    for (uint32_t i = 0; i < 3; i++) {
        const struct test_answer *answer = respond(host, "expired2", i + 1, words[i], NULL);
        assert_int_equal(answer->verdict, SP_ASK);
        assert_string_equal(answer->auth.prompts[0].text.data, prompts[i]);
    }
    assert_int_equal(respond(host, "expired2", 4, words[3], NULL)->verdict, SP_ALLOW);
    assert_int_equal(try_password(host, "expired2", "fine and long")->verdict, SP_ALLOW);
    test_host_free(host);
    forget("password-expired2");
}

static void end_dialogues_that_go_wrong(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    /* Answers that nobody asked for, or not so many. */
    assert_int_equal(respond(host, "two", 1, "blue", "123456")->verdict, SP_DENY);
    respond(host, "two", 0, NULL, NULL);
    assert_int_equal(respond(host, "two", 1, "blue", NULL)->verdict, SP_DENY);
    assert_int_equal(respond(host, "two", 1, "blue", "123456")->verdict, SP_DENY);
    respond(host, "ann", 0, NULL, NULL);
    assert_int_equal(respond(host, "ann", 1, PASSWORD, "and more")->verdict, SP_DENY);
    /* Another method ends it. */
    respond(host, "two", 0, NULL, NULL);
    assert_int_equal(try_password(host, "ann", "wrong")->verdict, SP_DENY);
    assert_int_equal(respond(host, "two", 1, "blue", "123456")->verdict, SP_DENY);
    /* More prompts than the host shows, and more rounds than anybody needs. */
    assert_int_equal(respond(host, "wide", 0, NULL, NULL)->verdict, SP_DENY);
    uint32_t round = 0;
    const struct test_answer *answer = respond(host, "endless", 0, NULL, NULL);
    while (answer->verdict == SP_ASK && round < 100)
        answer = respond(host, "endless", ++round, "x", NULL);
    assert_int_equal(round, ROUNDS_MOST);
    assert_int_equal(answer->verdict, SP_DENY);
    /* Names and accounts, as with passwords. */
    assert_int_equal(respond(host, "renamed", 0, NULL, NULL)->verdict, SP_ASK);
    assert_int_equal(respond(host, "renamed", 1, PASSWORD, NULL)->verdict, SP_DENY);
    assert_int_equal(respond(host, "locked", 0, NULL, NULL)->verdict, SP_ASK);
    assert_int_equal(respond(host, "locked", 1, PASSWORD, NULL)->verdict, SP_DENY);
    assert_int_equal(respond(host, "broken", 0, NULL, NULL)->verdict, SP_ASK);
    assert_int_equal(respond(host, "broken", 1, PASSWORD, NULL)->verdict, SP_E_FAILED);
    test_host_free(host);
}

static void hold_no_more_dialogues_than_configured(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    for (sp_id id = 1; id <= 4; id++)
        assert_int_equal(respond_on(host, id, "two", 0, NULL, NULL)->verdict, SP_ASK);
    assert_true(respond_on(host, 5, "two", 0, NULL, NULL)->verdict < 0);
    assert_true(test_host_logged(host, "raise dialogues_max"));
    /* Who is in a dialogue is not disturbed, and who leaves makes room. */
    assert_int_equal(respond_on(host, 1, "two", 1, "blue", "123456")->verdict, SP_ALLOW);
    const struct sp_connection gone = connection_of(2);
    struct sp_connection_event event = {.head.connection = &gone};
    TEST_CONNECTION(host, disconnected, &event);
    time_t deadline = time(NULL) + 10;
    int32_t verdict = SP_E_BUSY;
    while (verdict < 0 && time(NULL) < deadline) /* PAM's thread takes a moment to end */
        verdict = respond_on(host, 6, "two", 0, NULL, NULL)->verdict;
    assert_int_equal(verdict, SP_ASK);
    test_host_free(host); /* with dialogues that wait */
}

static void give_up_users_and_modules_that_take_too_long(void **state)
{
    (void)state;
    struct test_host *host =
        host_with(",\"dialogue_timeout_ms\":100,\"timeout_ms\":300,\"dialogues_max\":1");
    assert_int_equal(respond(host, "two", 0, NULL, NULL)->verdict, SP_ASK);
    /* There is room for one: the next comes in when the first was given up. */
    time_t deadline = time(NULL) + 10;
    int32_t verdict = SP_E_BUSY;
    while (verdict < 0 && time(NULL) < deadline)
        verdict = respond_on(host, 8, "silent", 0, NULL, NULL)->verdict;
    assert_int_equal(verdict, SP_ALLOW);
    assert_int_equal(respond(host, "two", 1, "blue", "123456")->verdict, SP_DENY);
    assert_int_equal(respond(host, "tedious", 0, NULL, NULL)->verdict, SP_E_TIMEOUT);
    assert_true(test_host_logged(host, "raise timeout_ms"));
    test_host_free(host);
}

static void leave_delays_to_the_host(void **state)
{
    (void)state;
    struct test_host *host = host_with("");
    time_t begin = time(NULL);
    assert_int_equal(try_password(host, "delayed", "wrong")->verdict, SP_DENY);
    assert_true(time(NULL) - begin < 20); /* the module wants a minute */
    test_host_free(host);
}

static void open_and_close_sessions(void **state)
{
    (void)state;
    char journal[512];
    const struct sp_connection connection = connection_of(7);
    struct sp_auth_event in = {.head.connection = &connection, .user = sp_str_of("ann")};
    struct sp_connection_event gone = {.head.connection = &connection};
    struct test_host *host = host_with(",\"session\":true");
    /* Of one who was let in by another plugin nothing is known here. */
    TEST_AUTH(host, authenticated, &in);
    assert_int_equal(try_password(host, "ann", PASSWORD)->verdict, SP_ALLOW);
    assert_string_equal(read_file("journal", journal, sizeof journal), "");
    TEST_AUTH(host, authenticated, &in);
    assert_string_equal(read_file("journal", journal, sizeof journal), "open ann 192.0.2.7 ssh\n");
    TEST_CONNECTION(host, disconnected, &gone);
    assert_string_equal(read_file("journal", journal, sizeof journal),
                        "open ann 192.0.2.7 ssh\nclose ann 192.0.2.7 ssh\n");
    TEST_CONNECTION(host, disconnected, &gone);
    assert_null(test_host_disconnected(host));

    forget("journal");
    assert_int_equal(respond(host, "homeless", 0, NULL, NULL)->verdict, SP_ASK);
    assert_int_equal(respond(host, "homeless", 1, PASSWORD, NULL)->verdict, SP_ALLOW);
    TEST_AUTH(host, authenticated, &in);
    assert_string_equal(test_host_disconnected(host), "the session could not be opened");
    assert_string_equal(read_file("journal", journal, sizeof journal),
                        "open homeless 192.0.2.7 ssh\n");

    /* No more than configured, lest those that nobody ends fill the memory. */
    for (sp_id id = 1; id <= 2; id++) {
        assert_int_equal(respond_on(host, id, "ann", 0, NULL, NULL)->verdict, SP_ASK);
        assert_int_equal(respond_on(host, id, "ann", 1, PASSWORD, NULL)->verdict, SP_ALLOW);
    }
    assert_int_equal(try_password(host, "ann", PASSWORD)->verdict, SP_E_BUSY);
    assert_true(test_host_logged(host, "chains.connection"));
    test_host_free(host);
    forget("journal");
}

static int set_up(void **state)
{
    char text[4096], path[512];
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/tests/pam/pam_players.so state=%s", TEST_BUILD_DIR, directory);
    snprintf(text, sizeof text,
             "auth required %s\naccount required %s\npassword required %s\nsession required %s\n",
             path, path, path, path);
    write_file("players", text);
    write_file("no-such-module", "auth required /nonexistent/pam_nothing.so\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    forget("players");
    forget("no-such-module");
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge_passwords),
        cmocka_unit_test(allow_what_is_configured),
        cmocka_unit_test(grant_each_user_a_place),
        cmocka_unit_test(deny_when_pam_cannot_be_used),
        cmocka_unit_test(change_an_expired_password),
        cmocka_unit_test(hold_a_dialogue),
        cmocka_unit_test(change_an_expired_password_in_a_dialogue),
        cmocka_unit_test(end_dialogues_that_go_wrong),
        cmocka_unit_test(hold_no_more_dialogues_than_configured),
        cmocka_unit_test(give_up_users_and_modules_that_take_too_long),
        cmocka_unit_test(leave_delays_to_the_host),
        cmocka_unit_test(open_and_close_sessions),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
