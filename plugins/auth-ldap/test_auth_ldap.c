/* test_auth_ldap.c: what auth-ldap makes of its configuration, of names, and of entries; a
 * directory is met in tests/integration/auth_ldap.sh. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth_ldap.h"
#include "test_host.h"

#define KEY_A "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define KEY_B "AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA"

/* A configuration with all defaults; what comes last counts. */
static struct test_host *start_host(const char *settings)
{
    char config[4096];
    snprintf(config, sizeof config,
             "{\"uri\":\"ldap://127.0.0.1:9\",\"start_tls\":false,\"allow_plain\":false,"
             "\"base\":\"dc=example,dc=org\",\"scope\":\"sub\",\"filter\":\"(uid=%%u)\","
             "\"keys_attribute\":\"sshPublicKey\",\"timeout_ms\":2000,\"grant\":{},"
             "\"groups\":{\"attribute\":\"\",\"base\":\"\",\"filter\":\"(member=%%d)\","
             "\"name_attribute\":\"cn\"},\"group_grants\":[],\"attributes\":{}%s}",
             settings);
    return test_host_new(&sallyport_plugin_v1, config);
}

static void refuse_what_would_be_unsafe_or_cannot_work(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        bool is_fine;
    } cases[] = {
        {"", true},
        {",\"uri\":\"ldap://directory.example.org\",\"start_tls\":true", true},
        {",\"uri\":\"ldaps://directory.example.org\",\"start_tls\":true", true},
        {",\"uri\":\"ldaps://directory.example.org\"", true},
        {",\"uri\":\"ldaps://a.example.org ldaps://b.example.org\"", true},
        {",\"uri\":\"ldap://[::1]\"", true},
        {",\"uri\":\"ldapi://%2frun%2fldapi\"", true},
        {",\"uri\":\"ldap://directory.example.org\",\"allow_plain\":true", true},
        {",\"uri\":\"ldap://directory.example.org\"", false},
        {",\"uri\":\"ldap://127.0.0.1 ldap://directory.example.org\"", false},
        {",\"uri\":\"ldap://127.0.0.1.example.org\"", false},
        {",\"uri\":\"ldaps://a.example.org ldap://127.0.0.1\"", false},
        {",\"uri\":\"http://127.0.0.1\"", false},
        {",\"uri\":\"directory\"", false},
        {",\"filter\":\"(uid=ann)\"", false},
        {",\"filter\":\"(uid=%u)(x=%s)\"", false},
        {",\"filter\":\"(uid=%u)%\"", false},
        {",\"base\":\"\"", false},
        {",\"base\":\"\",\"bind_dn\":\"uid=%u,dc=example\"", true},
        {",\"bind_dn\":\"uid=ann,dc=example\"", false},
        {",\"bind_dn\":\"uid=%u,cn=%d\"", false},
        {",\"service_dn\":\"cn=reader\"", false},
        {",\"service_password_file\":\"/nonexistent\"", false},
        {",\"ca_file\":\"/nonexistent\"", false},
        {",\"grant\":{\"readonly\":true}", false},
        {",\"grant\":{\"root\":\"/srv/%h\"}", false},
        {",\"grant\":{\"root\":\"/srv/%u/100%%\"}", true},
        {",\"group_grants\":[{\"group\":\"ops\",\"grant\":{\"permits\":[]}}]", false},
        {",\"attributes\":{\"homes\":\"homeDirectory\"}", false},
        {",\"attributes\":{\"home\":\"homeDirectory\"}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct test_host *host = start_host(cases[i].settings);
        if ((host != NULL) != cases[i].is_fine)
            fail_msg("%s: taken %d", cases[i].settings, host != NULL);
        test_host_free(host);
    }
}

static void fail_without_a_directory(void **state)
{
    (void)state;
    struct test_host *host = start_host("");
    struct sp_auth_event event = {.user = sp_str_of("ann"),
                                  .method = SP_METHOD_PASSWORD,
                                  .password = sp_str_of("open, sesame")};
    assert_non_null(host);
    assert_true(TEST_AUTH(host, password, &event)->verdict < 0);
    assert_true(TEST_AUTH(host, publickey, &event)->verdict < 0);
    assert_true(test_host_logged(host, "the user is refused"));
    assert_false(test_host_logged(host, "open, sesame"));
    event.password = sp_str_of("");
    assert_int_equal(TEST_AUTH(host, password, &event)->verdict, SP_DENY);
    event.password = (struct sp_str){"\0open", 5};
    assert_int_equal(TEST_AUTH(host, password, &event)->verdict, SP_DENY);
    test_host_free(host);
    host = start_host(",\"keys_attribute\":\"\"");
    assert_int_equal(TEST_AUTH(host, publickey, &event)->verdict, SP_NEXT);
    test_host_free(host);
}

static void leave_names_no_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *template;
        const char *user;
        const char *dn;
        const char *result;
    } cases[] = {
        {"(uid=%u)", "ann.b_c-d@e", "", "(uid=ann.b_c-d@e)"},
        {"(uid=%u)", "*", "", "(uid=\\2a)"},
        {"(uid=%u)", "a)(uid=*", "", "(uid=a\\29\\28uid\\3d\\2a)"},
        {"uid=%u,dc=x", "a,dc=y", "", "uid=a\\2cdc\\3dy,dc=x"},
        {"uid=%u", " #+\"\\<>;", "", "uid=\\20\\23\\2b\\22\\5c\\3c\\3e\\3b"},
        {"uid=%u", "j\xc3\xbcrgen", "", "uid=j\\c3\\bcrgen"},
        {"(member=%d)", "", "cn=a\\2c b,dc=x", "(member=cn\\3da\\5c2c\\20b\\2cdc\\3dx)"},
        {"(|(a=%u)(b=%d)(c=%%))", "u", "d", "(|(a=u)(b=d)(c=%))"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = template_expand(cases[i].template, sp_str_of(cases[i].user), cases[i].dn);
        assert_string_equal(text, cases[i].result);
        free(text);
    }
}

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

static struct options options_of(const char *text)
{
    json_t *json = parse(text);
    return (struct options){
        .json = json,
        .keys_attribute = "sshPublicKey",
        .group_attribute = "memberOf",
        .group_base = "",
        .group_name = "cn",
        .must_be_in_group = json_is_true(json_object_get(json, "require_group")),
        .grant = json_object_get(json, "grant"),
        .group_grants = json_object_get(json, "group_grants"),
        .attributes = json_object_get(json, "attributes"),
    };
}

/* The verdict, and the grant's home and permits. */
static int grant_of(const struct options *options, const char *entry_text, const char *home,
                    uint32_t permit)
{
    json_t *entry = parse(entry_text);
    json_t *groups = parse("[{\"dn\":\"cn=ops\",\"values\":{\"cn\":[\"ops\",\"operators\"]}}]");
    json_t *names = group_names(options, entry, groups);
    json_t *json = NULL;
    struct sp_grant grant = {0};
    char why[WHY_SIZE] = "";
    int rc = grant_from_entry(options, sp_str_of("ann"), entry, names, &grant, &json, why);
    if (rc == 1) {
        assert_string_equal(grant.home.data ? grant.home.data : "", home);
        assert_int_equal(grant.permit, permit);
        assert_int_equal(grant.groups_count, json_array_size(names));
    }
    if (rc < 0)
        assert_true(why[0]);
    grant_clear(&grant);
    json_decref(json);
    json_decref(names);
    json_decref(groups);
    json_decref(entry);
    return rc;
}

static void grant_by_group_and_attribute(void **state)
{
    (void)state;
    struct options options = options_of(
        "{\"grant\":{\"home\":\"/all\"},\"group_grants\":["
        "{\"group\":\"cn=Staff,dc=x\",\"grant\":{\"permit\":[\"shell\"]}},"
        "{\"group\":\"operators\",\"grant\":{\"home\":\"/ops/%u\",\"permit\":[\"exec\"]}}],"
        "\"attributes\":{\"home\":\"homeDirectory\",\"permit\":\"sshPermit\","
        "\"read_only\":\"isReader\"}}");
    assert_int_equal(grant_of(&options, "{\"values\":{}}", "/ops/ann", SP_PERMIT_EXEC), 1);
    assert_int_equal(
        grant_of(&options, "{\"values\":{\"memberOf\":[\"cn=staff,dc=x\"]}}", "", SP_PERMIT_SHELL),
        1);
    assert_int_equal(grant_of(&options,
                              "{\"values\":{\"homeDirectory\":[\"/h%u\"],"
                              "\"sshPermit\":[\"sftp\",\"exec pty\"],\"isReader\":[\"TRUE\"]}}",
                              "/h%u", SP_PERMIT_SFTP | SP_PERMIT_EXEC | SP_PERMIT_PTY),
                     1);
    assert_true(grant_of(&options, "{\"values\":{\"isReader\":[\"rarely\"]}}", "", 0) < 0);
    assert_true(grant_of(&options, "{\"values\":{\"homeDirectory\":[\"/a\",\"/b\"]}}", "", 0) < 0);
    assert_true(grant_of(&options, "{\"values\":{\"sshPermit\":[\"root\"]}}", "", 0) < 0);
    json_decref(options.json);

    options = options_of("{\"grant\":{},\"group_grants\":[{\"group\":\"admins\",\"grant\":{}}],"
                         "\"attributes\":{}}");
    assert_int_equal(grant_of(&options, "{\"values\":{}}", "", SP_PERMIT_SFTP), 1);
    options.must_be_in_group = true;
    assert_int_equal(grant_of(&options, "{\"values\":{}}", "", 0), 0);
    assert_int_equal(
        grant_of(&options, "{\"values\":{\"memberOf\":[\"Admins\"]}}", "", SP_PERMIT_SFTP), 1);
    json_decref(options.json);
}

static void know_only_keys_of_the_entry(void **state)
{
    (void)state;
    char line[] = "ssh-ed25519 " KEY_A;
    struct options options = {.keys_attribute = "sshPublicKey"};
    struct key key;
    unsigned malformed;
    assert_true(key_parse(line, strlen(line), &key));
    const struct sp_str blob = {(const char *)key.blob, key.length};
    static const struct {
        const char *entry;
        bool is_in;
        unsigned malformed;
    } cases[] = {
        {"{\"values\":{\"sshPublicKey\":[\"ssh-ed25519 " KEY_B "\",\"ssh-ed25519 " KEY_A " c\"]}}",
         true, 0},
        {"{\"values\":{\"sshPublicKey\":[\"ssh-ed25519 " KEY_B "\"]}}", false, 0},
        {"{\"values\":{\"sshPublicKey\":[\"command=\\\"x\\\" ssh-ed25519 " KEY_A "\",\"\"]}}",
         false, 2},
        {"{\"values\":{\"sshPublicKey\":[]}}", false, 0},
        {"{\"values\":{}}", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *entry = parse(cases[i].entry);
        assert_int_equal(entry_has_key(&options, entry, blob, &malformed), cases[i].is_in);
        assert_int_equal(malformed, cases[i].malformed);
        json_decref(entry);
    }
    key_clear(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuse_what_would_be_unsafe_or_cannot_work),
        cmocka_unit_test(fail_without_a_directory),
        cmocka_unit_test(leave_names_no_meaning),
        cmocka_unit_test(grant_by_group_and_attribute),
        cmocka_unit_test(know_only_keys_of_the_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
