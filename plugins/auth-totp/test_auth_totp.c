/* test_auth_totp.c: codes against the vectors of RFC 6238 and RFC 4648, the record of used codes,
 * and the plugin's dialogue in the test host. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth-totp/totp.h"
#include "test_host.h"

#define NOW_MS 1700000010000 /* in the middle of a step of 30 s */

static char directory[] = "/tmp/test_auth_totp.XXXXXX";
static const struct totp_rules rules = {.window = 1, .failures_max = 3, .failures_span_ms = 60000};

static struct totp secret_of(const char *text, enum totp_algorithm algorithm, uint32_t digits)
{
    struct totp totp = {.algorithm = algorithm, .digits = digits, .period_s = 30};
    totp.key_length = strlen(text);
    memcpy(totp.key, text, totp.key_length);
    return totp;
}

static void make_directory(void)
{
    strcpy(directory + sizeof directory - 7, "XXXXXX");
    assert_non_null(mkdtemp(directory));
}

static int set_up(void **state)
{
    (void)state;
    make_directory();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void put(const char *name, const char *text, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void code_is_that_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        enum totp_algorithm algorithm;
        const char *key;
        uint64_t time_s;
        const char *code;
    } vectors[] = {
        {TOTP_SHA1, "12345678901234567890", 59, "94287082"},
        {TOTP_SHA1, "12345678901234567890", 1111111109, "07081804"},
        {TOTP_SHA1, "12345678901234567890", 20000000000, "65353130"},
        {TOTP_SHA256, "12345678901234567890123456789012", 59, "46119246"},
        {TOTP_SHA256, "12345678901234567890123456789012", 20000000000, "77737706"},
        {TOTP_SHA512, "1234567890123456789012345678901234567890123456789012345678901234", 59,
         "90693936"},
        {TOTP_SHA512, "1234567890123456789012345678901234567890123456789012345678901234",
         20000000000, "47863826"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct totp totp = secret_of(vectors[i].key, vectors[i].algorithm, 8);
        char code[TOTP_DIGITS_MAX + 1];
        assert_true(totp_code(&totp, vectors[i].time_s / 30, code));
        assert_string_equal(code, vectors[i].code);
    }
}

static void base32_is_that_of_the_rfc(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {{"f", "MY"},           {"fo", "MZXQ"},
                                             {"foo", "MZXW6"},      {"foob", "MZXW6YQ"},
                                             {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char text[TOTP_BASE32_MAX];
        unsigned char key[TOTP_KEY_MAX];
        size_t length = 0;
        totp_base32((const unsigned char *)vectors[i][0], strlen(vectors[i][0]), text);
        assert_string_equal(text, vectors[i][1]);
        assert_true(totp_base32_parse(text, key, &length));
        assert_int_equal(length, strlen(vectors[i][0]));
        assert_memory_equal(key, vectors[i][0], length);
    }
}

static void base32_takes_what_people_type_and_nothing_else(void **state)
{
    (void)state;
    unsigned char key[TOTP_KEY_MAX];
    size_t length = 0;
    assert_true(totp_base32_parse("mzxw 6ytb-OI======", key, &length));
    assert_memory_equal(key, "foobar", 6);
    assert_false(totp_base32_parse("", key, &length));
    assert_false(totp_base32_parse("MZXW1", key, &length));
    assert_false(totp_base32_parse("MZXW6=A", key, &length));
    char longest[TOTP_KEY_MAX * 8 / 5 + 16];
    memset(longest, 'A', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_false(totp_base32_parse(longest, key, &length));
}

static enum totp_outcome use(const struct totp *totp, const char *code, int64_t time_ms)
{
    const char *why;
    return totp_use(directory, sp_str_of("alice"), totp, sp_str_of(code), time_ms, &rules, &why);
}

static void no_code_is_right_twice(void **state)
{
    (void)state;
    struct totp totp = secret_of("12345678901234567890", TOTP_SHA1, 6);
    char before[9], now[9], after[9], far[9];
    uint64_t step = NOW_MS / 30000;
    assert_true(totp_code(&totp, step - 1, before) && totp_code(&totp, step, now) &&
                totp_code(&totp, step + 1, after) && totp_code(&totp, step + 2, far));
    assert_int_equal(use(&totp, far, NOW_MS), TOTP_WRONG);
    assert_int_equal(use(&totp, now, NOW_MS), TOTP_RIGHT);
    assert_int_equal(use(&totp, now, NOW_MS), TOTP_REPLAYED);
    assert_int_equal(use(&totp, before, NOW_MS), TOTP_REPLAYED);
    assert_int_equal(use(&totp, after, NOW_MS), TOTP_RIGHT);
    assert_int_equal(use(&totp, after, NOW_MS + 30000), TOTP_REPLAYED);
}

static void one_of_many_processes_has_the_code(void **state)
{
    (void)state;
    enum { PROCESSES = 8 };
    struct totp totp = secret_of("12345678901234567890", TOTP_SHA1, 6);
    char code[9];
    pid_t children[PROCESSES];
    unsigned right = 0;
    assert_true(totp_code(&totp, NOW_MS / 30000, code));
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0)
            _exit(use(&totp, code, NOW_MS) == TOTP_RIGHT);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        right += (unsigned)WEXITSTATUS(status);
    }
    assert_int_equal(right, 1);
}

static void too_many_wrong_codes_lock_for_a_while(void **state)
{
    (void)state;
    struct totp totp = secret_of("12345678901234567890", TOTP_SHA1, 6);
    char now[9], later[9];
    assert_true(totp_code(&totp, NOW_MS / 30000, now));
    assert_true(totp_code(&totp, (NOW_MS + 60000) / 30000, later));
    for (int i = 0; i < 3; i++)
        assert_int_equal(use(&totp, "000000x", NOW_MS + i), TOTP_WRONG);
    assert_int_equal(use(&totp, now, NOW_MS + 3), TOTP_LOCKED);
    assert_int_equal(use(&totp, later, NOW_MS + 60000), TOTP_RIGHT);
}

static void code_of_another_length_is_wrong(void **state)
{
    (void)state;
    struct totp totp = secret_of("12345678901234567890", TOTP_SHA1, 6);
    char code[16];
    assert_true(totp_code(&totp, NOW_MS / 30000, code));
    code[5] = '\0';
    assert_int_equal(use(&totp, code, NOW_MS), TOTP_WRONG);
    assert_int_equal(use(&totp, "", NOW_MS), TOTP_WRONG);
}

static void damaged_or_unwritable_record_lets_nobody_in(void **state)
{
    (void)state;
    struct totp totp = secret_of("12345678901234567890", TOTP_SHA1, 6);
    char code[9], path[128];
    assert_true(totp_code(&totp, NOW_MS / 30000, code));
    put("alice.used", "what is this", 0600);
    assert_int_equal(use(&totp, code, NOW_MS), TOTP_FAILED);
    snprintf(path, sizeof path, "%s/alice.used", directory);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(use(&totp, code, NOW_MS), TOTP_FAILED);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(use(&totp, code, NOW_MS), TOTP_FAILED);
}

static void stored_secret_is_what_is_loaded(void **state)
{
    (void)state;
    struct totp totp = secret_of("12345678901234567890", TOTP_SHA256, 8), read = {0};
    const char *why;
    totp.period_s = 60;
    assert_int_equal(totp_store(directory, "alice", &totp, false, UINT32_MAX, UINT32_MAX), 0);
    assert_int_equal(totp_load(directory, sp_str_of("alice"), &read, &why), 1);
    assert_int_equal(read.key_length, totp.key_length);
    assert_memory_equal(read.key, totp.key, totp.key_length);
    assert_int_equal(read.algorithm, TOTP_SHA256);
    assert_int_equal(read.digits, 8);
    assert_int_equal(read.period_s, 60);
    assert_int_equal(totp_store(directory, "alice", &totp, false, UINT32_MAX, UINT32_MAX), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(totp_store(directory, "alice", &totp, true, UINT32_MAX, UINT32_MAX), 0);
    assert_int_equal(totp_remove(directory, "alice"), 0);
    assert_int_equal(totp_load(directory, sp_str_of("alice"), &read, &why), 0);
}

static void bad_secret_is_a_failure_not_an_absence(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{}",
        "{\"secret\": \"\"}",
        "{\"secret\": \"MZXW6YTB1\"}",
        "{\"secret\": 5}",
        "{\"secret\": \"MZXW6YTB\", \"digits\": 5}",
        "{\"secret\": \"MZXW6YTB\", \"period_s\": 0}",
        "{\"secret\": \"MZXW6YTB\", \"algorithm\": \"md5\"}",
    };
    struct totp totp;
    const char *why;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put("alice.json", texts[i], 0600);
        assert_int_equal(totp_load(directory, sp_str_of("alice"), &totp, &why), -1);
    }
    put("alice.json", "{\"secret\": \"MZXW6YTB\"}", 0644);
    assert_int_equal(totp_load(directory, sp_str_of("alice"), &totp, &why), -1);
    put("alice.json", "{\"secret\": \"MZXW6YTB\"}", 0600);
    assert_int_equal(totp_load(directory, sp_str_of("alice"), &totp, &why), 1);
}

static void name_never_leads_out_of_the_directory(void **state)
{
    (void)state;
    assert_false(totp_name_is_sound(sp_str_of("../alice")));
    assert_false(totp_name_is_sound(sp_str_of(".alice")));
    assert_false(totp_name_is_sound(sp_str_of("a\nb")));
    assert_false(totp_name_is_sound(sp_str_of("")));
    assert_true(totp_name_is_sound(sp_str_of("alice@example.org")));
}

/* --- the plugin --- */

static struct test_host *start(const char *not_enrolled)
{
    char config[512];
    snprintf(config, sizeof config,
             "{\"directory\": \"%s\", \"prompt\": \"Code: \", \"window\": 1, \"failures\": 3, "
             "\"failures_span_s\": 60, \"not_enrolled\": \"%s\"}",
             directory, not_enrolled);
    struct test_host *host = test_host_new(&sallyport_plugin_v1, config);
    assert_non_null(host);
    test_host_set_time(host, NOW_MS);
    return host;
}

static const struct test_answer *request(struct test_host *host, const char *user)
{
    struct sp_auth_event event = {.user = sp_str_of(user),
                                  .method = SP_METHOD_KEYBOARD_INTERACTIVE};
    return TEST_AUTH(host, keyboard_interactive, &event);
}

static const struct test_answer *respond(struct test_host *host, const char *user,
                                         const char *response)
{
    struct sp_str text = sp_str_of(response);
    struct sp_auth_event event = {.user = sp_str_of(user),
                                  .method = SP_METHOD_KEYBOARD_INTERACTIVE,
                                  .responses = &text,
                                  .responses_count = 1,
                                  .round = 1};
    return TEST_AUTH(host, keyboard_interactive, &event);
}

static void dialogue_asks_once_and_judges_the_answer(void **state)
{
    (void)state;
    struct totp totp = secret_of("12345678901234567890", TOTP_SHA1, 6);
    char code[9], typed[16];
    assert_int_equal(totp_store(directory, "alice", &totp, false, UINT32_MAX, UINT32_MAX), 0);
    assert_true(totp_code(&totp, NOW_MS / 30000, code));
    snprintf(typed, sizeof typed, "%.3s %.3s", code, code + 3);
    struct test_host *host = start("deny");
    const struct test_answer *answer = request(host, "alice");
    assert_int_equal(answer->verdict, SP_ASK);
    assert_int_equal(answer->auth.prompts_count, 1);
    assert_string_equal(answer->auth.prompts[0].text.data, "Code: ");
    assert_int_equal(answer->auth.prompts[0].echo, 0);
    assert_int_equal(respond(host, "alice", "wrong!")->verdict, SP_DENY);
    assert_int_equal(respond(host, "alice", typed)->verdict, SP_ALLOW);
    assert_int_equal(respond(host, "alice", typed)->verdict, SP_DENY);
    test_host_free(host);
}

static void user_without_a_secret_is_asked_and_denied(void **state)
{
    (void)state;
    struct test_host *host = start("deny");
    assert_int_equal(request(host, "mallory")->verdict, SP_ASK);
    assert_int_equal(respond(host, "mallory", "123456")->verdict, SP_DENY);
    test_host_free(host);
    host = start("next");
    assert_int_equal(request(host, "mallory")->verdict, SP_NEXT);
    assert_int_equal(respond(host, "mallory", "123456")->verdict, SP_NEXT);
    test_host_free(host);
}

static void broken_secret_is_a_failure_even_where_the_next_plugin_would_be_asked(void **state)
{
    (void)state;
    struct test_host *host = start("next");
    put("alice.json", "{}", 0600);
    assert_int_equal(request(host, "alice")->verdict, SP_E_FAILED);
    assert_true(test_host_logged(host, "alice.json"));
    test_host_free(host);
}

int main(void)
{
#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_is_that_of_the_rfc),
        cmocka_unit_test(base32_is_that_of_the_rfc),
        cmocka_unit_test(base32_takes_what_people_type_and_nothing_else),
        WITH_DIRECTORY(no_code_is_right_twice),
        WITH_DIRECTORY(one_of_many_processes_has_the_code),
        WITH_DIRECTORY(too_many_wrong_codes_lock_for_a_while),
        WITH_DIRECTORY(code_of_another_length_is_wrong),
        WITH_DIRECTORY(damaged_or_unwritable_record_lets_nobody_in),
        WITH_DIRECTORY(stored_secret_is_what_is_loaded),
        WITH_DIRECTORY(bad_secret_is_a_failure_not_an_absence),
        cmocka_unit_test(name_never_leads_out_of_the_directory),
        WITH_DIRECTORY(dialogue_asks_once_and_judges_the_answer),
        WITH_DIRECTORY(user_without_a_secret_is_asked_and_denied),
        WITH_DIRECTORY(broken_secret_is_a_failure_even_where_the_next_plugin_would_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
