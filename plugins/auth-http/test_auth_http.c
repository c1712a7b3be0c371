/* test_auth_http.c: what auth-http says, what it understands and what it keeps; the service itself
 * is played in tests/integration/auth_http.sh. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth_http.h"
#include "test_host.h"

static struct text text_of(const char *data)
{
    struct text text = {0};
    text_put(&text, data);
    return text;
}

/* A configuration with all defaults, but for what comes first. */
static struct test_host *host_with(const char *settings)
{
    char config[2048];
    snprintf(config, sizeof config,
             "{%s,\"methods\":[\"password\",\"publickey\",\"keyboard-interactive\"],"
             "\"timeout_ms\":2000,\"connect_timeout_ms\":1000,\"retries\":1,\"retry_delay_ms\":1,"
             "\"answer_bytes_max\":65536,\"cache\":{\"entries\":4,\"allow_ms\":0,\"deny_ms\":0}}",
             settings);
    return test_host_new(&sallyport_plugin_v1, config);
}

static void send_passwords_only_where_they_are_safe(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        bool is_fine;
    } cases[] = {
        {"\"url\":\"https://users.example.org/ssh\"", true},
        {"\"url\":\"http://127.0.0.1:8080/\"", true},
        {"\"url\":\"http://[::1]/\"", true},
        {"\"url\":\"http://localhost/\"", true},
        {"\"url\":\"http://192.0.2.1/\",\"allow_plain_http\":true", true},
        {"\"url\":\"http://192.0.2.1/\"", false},
        {"\"url\":\"http://127.0.0.1.example.org/\"", false},
        {"\"url\":\"http://localhost.example.org/\"", false},
        {"\"url\":\"http://2130706433.example.org/\"", false},
        {"\"url\":\"ftp://127.0.0.1/\"", false},
        {"\"url\":\"file:///etc/passwd\"", false},
        {"\"url\":\"https://ann:secret@users.example.org/\"", false},
        {"\"url\":\"not a url\"", false},
        {"\"url\":\"https://users.example.org/\",\"key_file\":\"/nowhere\"", false},
        {"\"url\":\"https://users.example.org/\",\"ca_file\":\"/nowhere\"", false},
        {"\"url\":\"https://users.example.org/\",\"headers_file\":\"/nowhere\"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_host *host = host_with(cases[i].settings);
        if ((host != NULL) != cases[i].is_fine)
            fail_msg("%s: taken %d", cases[i].settings, host != NULL);
        test_host_free(host);
    }
}

static void fail_without_a_service(void **state)
{
    (void)state;
    /* Port 9 of the machine itself: nobody listens. */
    struct test_host *host = host_with("\"url\":\"http://127.0.0.1:9/\"");
    struct sp_auth_event event = {.user = sp_str_of("ann"),
                                  .method = SP_METHOD_PASSWORD,
                                  .password = sp_str_of("open, sesame")};
    assert_non_null(host);
    assert_true(TEST_AUTH(host, password, &event)->verdict < 0);
    assert_true(test_host_logged(host, "the user is refused"));
    assert_false(test_host_logged(host, "open, sesame"));
    /* These do not even get so far. */
    event.password = sp_str_of("");
    assert_int_equal(TEST_AUTH(host, password, &event)->verdict, SP_DENY);
    event.password = sp_str_of("\xff\xfe");
    assert_true(TEST_AUTH(host, password, &event)->verdict < 0);
    assert_true(test_host_logged(host, "no UTF-8"));
    event.method = SP_METHOD_NONE;
    assert_int_equal(TEST_AUTH(host, none, &event)->verdict, SP_NEXT);
    test_host_free(host);
}

static const char *string_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

static void tell_the_service_all_there_is(void **state)
{
    (void)state;
    const struct sp_str principals[] = {sp_str_of("ann"), sp_str_of("ops")};
    const struct sp_certificate certificate = {.struct_size = sizeof certificate,
                                               .trusted = 1,
                                               .serial = UINT64_MAX,
                                               .valid_before = UINT64_MAX,
                                               .key_id = sp_str_of("ann's"),
                                               .principals = principals,
                                               .principals_count = 2};
    const struct sp_connection connection = {.struct_size = sizeof connection,
                                             .remote_address = sp_str_of("192.0.2.7"),
                                             .remote_port = 4711,
                                             .client_version = sp_str_of("SSH-2.0-\"\xff\n\\")};
    struct sp_auth_event event = {.head.connection = &connection,
                                  .user = sp_str_of("ann"),
                                  .method = SP_METHOD_PUBLICKEY,
                                  .methods_done = SP_METHOD_PASSWORD | SP_METHOD_NONE,
                                  .key_state = SP_KEY_PROVED,
                                  .key_flags = SP_KEY_TOUCHED,
                                  .key_blob = {"\0\1\2", 3},
                                  .certificate = &certificate};
    struct text text = {0};
    char why[WHY_SIZE];
    assert_int_equal(question_write(&event, "c0ffee", &text, why), 0);
    json_t *json = json_loads(text.data, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    json_t *key = json_object_get(json, "key");
    json_t *from = json_object_get(json, "connection");
    json_t *paper = json_object_get(json, "certificate");
    assert_string_equal(string_at(json, "user"), "ann");
    assert_string_equal(string_at(json, "method"), "publickey");
    assert_int_equal(json_array_size(json_object_get(json, "methods_done")), 2);
    assert_string_equal(string_at(key, "blob"), "AAEC");
    assert_string_equal(string_at(key, "state"), "proved");
    assert_true(json_is_true(json_object_get(key, "touched")));
    assert_true(json_is_false(json_object_get(key, "verified")));
    assert_string_equal(string_at(from, "id"), "c0ffee");
    assert_string_equal(string_at(from, "client_version"), "SSH-2.0-\"?\n\\");
    assert_int_equal(json_integer_value(json_object_get(from, "remote_port")), 4711);
    assert_string_equal(string_at(paper, "serial"), "18446744073709551615");
    assert_int_equal(json_array_size(json_object_get(paper, "principals")), 2);
    assert_null(json_object_get(json, "password"));
    json_decref(json);
    text_clear(&text);
}

/* With a "?" in place of what is no UTF-8 they would be other names, or patterns. */
static void tell_no_principal_that_is_another(void **state)
{
    (void)state;
    const struct {
        struct sp_str principal, key_id;
    } rows[] = {{sp_str_of("ann\xff"), sp_str_of("ann's")}, {sp_str_of("ann"), sp_str_of("\xff")}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct sp_certificate certificate = {.struct_size = sizeof certificate,
                                                   .key_id = rows[i].key_id,
                                                   .principals = &rows[i].principal,
                                                   .principals_count = 1};
        const struct sp_auth_event event = {
            .user = sp_str_of("ann"), .method = SP_METHOD_PUBLICKEY, .certificate = &certificate};
        struct text text = {0};
        char why[WHY_SIZE];
        assert_true(question_write(&event, "c0ffee", &text, why) < 0);
        text_clear(&text);
    }
}

static void understand_nothing_but_clear_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t method;
        int32_t verdict; /* negative: a failure */
    } cases[] = {
        {"{\"result\":\"allow\",\"grant\":{\"permit\":[\"sftp\"]}}", SP_METHOD_PASSWORD, SP_ALLOW},
        {"{\"result\":\"deny\",\"methods\":[\"publickey\"]}", SP_METHOD_PASSWORD, SP_DENY},
        {"{\"result\":\"next\"}", SP_METHOD_PUBLICKEY, SP_NEXT},
        {"{\"result\":\"partial\",\"methods\":[\"keyboard-interactive\"]}", SP_METHOD_PASSWORD,
         SP_PARTIAL},
        {"{\"result\":\"ask\",\"instruction\":\"too old\"}", SP_METHOD_PASSWORD, SP_ASK},
        {"{\"result\":\"ask\",\"prompts\":[]}", SP_METHOD_KEYBOARD_INTERACTIVE, SP_ASK},
        {"{\"result\":\"ask\"}", SP_METHOD_KEYBOARD_INTERACTIVE, -1},
        {"{\"result\":\"ask\",\"prompts\":[{\"text\":\"x\"}]}", SP_METHOD_PUBLICKEY, -1},
        {"{\"result\":\"ask\",\"prompts\":[{\"echo\":true}]}", SP_METHOD_KEYBOARD_INTERACTIVE, -1},
        {"{\"result\":\"ask\",\"prompts\":[{\"text\":\"x\",\"echo\":1}]}",
         SP_METHOD_KEYBOARD_INTERACTIVE, -1},
        {"{\"result\":\"ask\",\"prompts\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
         SP_METHOD_KEYBOARD_INTERACTIVE, -1},
        {"{\"result\":\"ALLOW\"}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":true}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"allow\"} ", SP_METHOD_PASSWORD, SP_ALLOW},
        {"{\"result\":\"allow\"} x", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"deny\",\"result\":\"allow\"}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"allow\",\"grant\":null}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"allow\",\"grant\":{\"readonly\":true}}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"allow\",\"grant\":{\"groups\":[\"a\",1]}}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"allow\",\"gant\":{}}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"partial\",\"methods\":[]}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"partial\",\"methods\":[\"hostbased\"]}", SP_METHOD_PASSWORD, -1},
        {"{\"result\":\"allow\",\"key_options\":[\"verify\"]}", SP_METHOD_PUBLICKEY, -1},
        {"{\"result\":\"allow\",\"reason\":7}", SP_METHOD_PASSWORD, -1},
        {"{}", SP_METHOD_PASSWORD, -1},
        {"[\"allow\"]", SP_METHOD_PASSWORD, -1},
        {"\"allow\"", SP_METHOD_PASSWORD, -1},
        {"allow", SP_METHOD_PASSWORD, -1},
        {"", SP_METHOD_PASSWORD, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sp_auth_event event = {.method = cases[i].method};
        struct text text = text_of(cases[i].text);
        struct answer answer;
        char why[WHY_SIZE] = "";
        int rc = answer_read(&text, &event, &answer, why);
        int32_t verdict = rc < 0 ? -1 : answer.reply.head.verdict;
        if (verdict != cases[i].verdict)
            fail_msg("%s: %d (%s)", cases[i].text, verdict, why);
        if (rc < 0)
            assert_true(why[0]);
        answer_clear(&answer);
        text_clear(&text);
    }
}

static void hand_on_what_an_answer_holds(void **state)
{
    (void)state;
    struct text text = text_of(
        "{\"result\":\"ask\",\"name\":\"n\",\"instruction\":\"i\",\"banner\":\"b\",\"reason\":"
        "\"r\","
        "\"prompts\":[{\"text\":\"one\",\"echo\":true},{\"text\":\"two\"}],"
        "\"key_options\":[\"verify-required\"],\"grant\":{\"home\":\"/h\",\"permit\":[\"exec\"],"
        "\"permit_open\":[\"a:1\",\"b:2\"],\"channels_max\":3,\"attributes\":{\"k\":\"v\"}}}");
    struct sp_auth_event event = {.method = SP_METHOD_KEYBOARD_INTERACTIVE};
    struct answer answer;
    char why[WHY_SIZE];
    assert_int_equal(answer_read(&text, &event, &answer, why), 0);
    const struct sp_auth_reply *reply = &answer.reply;
    assert_int_equal(reply->prompts_count, 2);
    assert_string_equal(reply->prompts[0].text.data, "one");
    assert_int_equal(reply->prompts[0].echo, 1);
    assert_int_equal(reply->prompts[1].echo, 0);
    assert_string_equal(reply->name.data, "n");
    assert_string_equal(reply->instruction.data, "i");
    assert_string_equal(reply->banner.data, "b");
    assert_string_equal(reply->reason.data, "r");
    assert_int_equal(reply->key_options, SP_KEY_VERIFY_REQUIRED);
    assert_int_equal(reply->grant->permit, SP_PERMIT_EXEC);
    assert_string_equal(reply->grant->home.data, "/h");
    assert_int_equal(reply->grant->permit_open_count, 2);
    assert_string_equal(reply->grant->permit_open[1].data, "b:2");
    assert_int_equal(reply->grant->channels_max, 3);
    assert_string_equal(reply->grant->attributes[0].value.data, "v");
    answer_clear(&answer);
    text_clear(&text);
}

static bool is_kept(struct cache *cache, unsigned char first, int64_t now)
{
    unsigned char key[CACHE_KEY_SIZE] = {first};
    struct text text = {0};
    bool found = cache_find(cache, key, now, &text);
    assert_int_equal(found, text.length > 0);
    text_clear(&text);
    return found;
}

static void keep(struct cache *cache, unsigned char first, int64_t now, int64_t lifetime)
{
    unsigned char key[CACHE_KEY_SIZE] = {first};
    struct text text = text_of("{}");
    cache_keep(cache, key, now, lifetime, &text);
    text_clear(&text);
}

static void keep_answers_no_longer_than_meant(void **state)
{
    (void)state;
    struct cache *cache = cache_new(4);
    keep(cache, 1, 1000, 50);
    keep(cache, 2, 1000, 0);
    assert_true(is_kept(cache, 1, 1000));
    assert_true(is_kept(cache, 1, 1049));
    assert_false(is_kept(cache, 2, 1000));
    assert_false(is_kept(cache, 5, 1000)); /* the same place, another key */
    assert_false(is_kept(cache, 1, 1050));
    assert_false(is_kept(cache, 1, 1000)); /* gone for good */
    keep(cache, 1, 1000, 50);
    assert_false(is_kept(cache, 1, 999)); /* the clock was set back */
    keep(cache, 1, 1000, 50);
    keep(cache, 5, 1000, 50);
    assert_false(is_kept(cache, 1, 1001));
    assert_true(is_kept(cache, 5, 1001));
    cache_forget_all(cache);
    assert_false(is_kept(cache, 5, 1001));
    cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_passwords_only_where_they_are_safe),
        cmocka_unit_test(fail_without_a_service),
        cmocka_unit_test(tell_the_service_all_there_is),
        cmocka_unit_test(tell_no_principal_that_is_another),
        cmocka_unit_test(understand_nothing_but_clear_answers),
        cmocka_unit_test(hand_on_what_an_answer_holds),
        cmocka_unit_test(keep_answers_no_longer_than_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
