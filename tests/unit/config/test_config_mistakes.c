/* Mistakes in a configuration: each is told with file, line, key and remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/err.h"
#include "config/config.h"
#include "unit/config/complaints.h"

#define FILE_NAME "/etc/sallyport/sallyport.json"
#define LISTENER "\"listeners\": [{\"address\": \"127.0.0.1\"}]"
#define PLUGINS "\"plugins\": [{\"name\": \"users\"}, {\"name\": \"files\"}]"

/* text is refused: report has every complaint. */
static void refuse(const char *text, size_t len, struct report *report)
{
    struct config *config = (struct config *)report;
    assert_int_equal(config_parse(text, len, FILE_NAME, &config, report), SP_ERR_INVALID);
    assert_null(config);
    assert_true(report->errors > 0);
}

/* body stands on line 2 of a configuration that is good without it, and has one mistake. */
static void expect(const char *body, const char *key, const char *text)
{
    struct report report = {0};
    char whole[8192];
    int len = snprintf(whole, sizeof whole, "{\n%s,\n%s}", body,
                       strstr(body, "\"listeners\"") ? "\"user\": \"x\"" : LISTENER);
    assert_true(len > 0 && (size_t)len < sizeof whole);
    refuse(whole, (size_t)len, &report);
    assert_complaint(&report, FILE_NAME, 2, key, text);
    if (report.errors != 1)
        report_print(&report, 2);
    assert_int_equal(report.errors, 1);
    report_free(&report);
}

static void expect_syntax_error(const char *text, int line, const char *complaint)
{
    struct report report = {0};
    refuse(text, strlen(text), &report);
    assert_complaint(&report, FILE_NAME, line, NULL, complaint);
    assert_int_equal(report.count, 1);
    report_free(&report);
}

static void syntax_errors_have_line_and_column(void **state)
{
    (void)state;
    expect_syntax_error("{\n  \"user\": \"x\",\n}", 3, "column 1: ");
    expect_syntax_error("{\n  \"user\": \"x\",\n}", 3, "no comma after the last element");
    expect_syntax_error("{\n\n # comment\n}", 3, "JSON has no comments");
    expect_syntax_error("{\n\"user\": \"x\"\n", 3, "a closing bracket or quote is missing");
    expect_syntax_error("{\n\"user\": 1,\n\"user\": 2}", 3, "give each key once");
    expect_syntax_error("{}\n}", 2, "remove what follows");
    expect_syntax_error("{\"user\": \"\xff\"}", 1, "column ");
    expect_syntax_error("{\"user\": \"a\\u0000b\"}", 1, "column ");
    expect_syntax_error("", 1, "column 0: ");
    expect_syntax_error("null", 1, "column 4: ");
    expect_syntax_error("[]", 1, "must be an object {…}, but is a list […]");
}

static void lists_of_addresses_name_the_entry(void **state)
{
    (void)state;
    expect("\"access\": {\"allow\": [\"192.0.2.1\", \"192.0.2.1/24\"]}", "/access/allow/1",
           "\"192.0.2.1/24\" is an address within a network; write 192.0.2.0/24");
    expect("\"access\": {\"deny\": [\"2001:db8::1/64\"]}", "/access/deny/0", "write 2001:db8::/64");
    expect("\"access\": {\"deny\": [\"example.org\"]}", "/access/deny/0",
           "\"example.org\" is neither an address nor a network");
    expect("\"access\": {\"deny\": [\"*.example.org\"]}", "/access/deny/0",
           "\"*.example.org\" is no pattern of numeric addresses");
    expect("\"access\": {\"deny\": [\"::FFFF:192.0.2.*\"]}", "/access/deny/0",
           "write IPv4 without \"::ffff:\"");
    expect("\"access\": {\"deny\": [\"10.0.0.0/33\"]}", "/access/deny/0", "\"10.0.0.0/33\"");
}

static void deep_nesting_is_refused_before_it_is_parsed(void **state)
{
    (void)state;
    enum { DEPTH = 300000 };
    char *text = malloc(DEPTH);
    assert_non_null(text);
    struct report report = {0};
    memset(text, '[', DEPTH);
    text[3] = '\n';
    refuse(text, DEPTH, &report);
    assert_complaint(&report, FILE_NAME, 2, NULL, "is nested deeper than 64 levels; flatten it");
    report_free(&report);
    free(text);
}

static void brackets_in_strings_are_no_nesting(void **state)
{
    (void)state;
    struct report report = {0};
    struct config *config;
    char text[512] = "{\"banner\": \"\\\"";
    for (int i = 0; i < 100; i++)
        strcat(text, "[");
    strcat(text, "\"," LISTENER "}");
    assert_int_equal(config_parse(text, strlen(text), FILE_NAME, &config, &report), 0);
    config_free(config);
    report_free(&report);
}

static void huge_texts_are_refused(void **state)
{
    (void)state;
    struct report report = {0};
    size_t len = CONFIG_BYTES_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    refuse(text, len, &report);
    assert_complaint(&report, FILE_NAME, 0, NULL, "is larger than 1048576 bytes");
    report_free(&report);
    free(text);
}

static void a_listener_is_required(void **state)
{
    (void)state;
    struct report report = {0};
    refuse("{}", 2, &report);
    assert_complaint(&report, FILE_NAME, 1, "/listeners", "is missing; add it (Where connections");
    report_free(&report);
    expect("\"listeners\": []", "/listeners", "must not be empty (Where connections");
    expect("\"listeners\": [{}]", "/listeners/0/address", "is missing; add it (A numeric");
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *section, *name, *low, *high;
    } table[] = {
        {NULL, "workers", "-1", "1025"},
        {NULL, "pool_threads", "0", "257"},
        {NULL, "slow_ms", "0", "60001"},
        {"limits", "connections", "0", "100001"},
        {"limits", "connections_per_source", "-1", "100001"},
        {"limits", "connections_per_worker", "-1", "100001"},
        {"limits", "auth_tries", "0", "101"},
        {"limits", "auth_key_offers", "-1", "1001"},
        {"limits", "channels_per_connection", "0", "10001"},
        {"limits", "handles_per_connection", "0", "65537"},
        {"limits", "requests_per_channel", "0", "4097"},
        {"limits", "rsa_min_bits", "1023", "16385"},
        {"timeouts", "handshake_ms", "-1", "31536000001"},
        {"timeouts", "login_ms", "-1", "31536000001"},
        {"timeouts", "idle_ms", "-1", "31536000001"},
        {"timeouts", "drain_ms", "-1", "31536000001"},
        {"timeouts", "auth_failure_delay_ms", "-1", "60001"},
        {"timeouts", "keepalive_ms", "-1", "31536000001"},
        {"timeouts", "keepalive_count", "0", "1001"},
        {"rekey", "bytes", "-1", "1099511627777"},
        {"rekey", "after_ms", "-1", "31536000001"},
        {"sftp", "version_max", "2", "7"},
        {"sftp", "entries_per_answer", "0", "10001"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (int high = 0; high < 2; high++) {
            char body[128], key[64], text[64];
            const char *value = high ? table[i].high : table[i].low;
            const char *section = table[i].section;
            snprintf(body, sizeof body, section ? "\"%s\": {\"%s\": %s}" : "%.0s\"%s\": %s",
                     section ? section : "", table[i].name, value);
            snprintf(key, sizeof key, "%s%s/%s", section ? "/" : "", section ? section : "",
                     table[i].name);
            snprintf(text, sizeof text, "but is %s", value);
            expect(body, key, text);
        }
}

static void keys_that_are_half_named_are_refused(void **state)
{
    (void)state;
    expect("\"host_keys\": {\"keys\": [{}]}", "/host_keys/keys/0", "\"file\" or \"text\"");
    expect("\"host_keys\": {\"keys\": [{\"file\": \"f\", \"text\": \"t\"}]}", "/host_keys/keys/0",
           "\"file\" or \"text\"");
    expect("\"host_keys\": {\"keys\": [{\"file\": \"f\", \"passphrase_file\": \"p\","
           " \"passphrase_environment\": \"E\"}]}",
           "/host_keys/keys/0", "either \"passphrase_file\"");
    expect("\"host_key_sets\": {\"s\": {}}", "/host_key_sets/s", "holds no key");
    expect("\"listeners\": [{\"address\": \"::1\", \"host_keys\": \"no\"}]",
           "/listeners/0/host_keys", "is named \"no\"");
}

static void numbers_beyond_all_bounds_are_refused(void **state)
{
    (void)state;
    expect_syntax_error("{\"workers\": 99999999999999999999}", 1, "too big integer");
    expect("\"workers\": 1e300", "/workers", "must be a whole number");
    expect("\"listeners\": [{\"address\": \"::1\", \"port\": 65536}]", "/listeners/0/port",
           "must be from 0 to 65535, but is 65536");
    expect("\"listeners\": [{\"address\": \"::1\", \"backlog\": 0}]", "/listeners/0/backlog",
           "must be from 1 to 65535, but is 0");
}

static void unknown_keys_get_a_suggestion(void **state)
{
    (void)state;
    expect("\"pluginns\": []", "/pluginns", "is not a known key; did you mean \"plugins\"?");
    expect("\"timeouts\": {\"login\": 3}", "/timeouts/login", "did you mean \"login_ms\"?");
    expect("\"log\": {\"colour\": 1}", "/log/colour", "known here: level, format, file");
    expect("\"listeners\": [{\"address\": \"*\", \"prot\": 1}]", "/listeners/0/prot",
           "did you mean \"port\"?");
    expect("\"plugins\": [{\"name\": \"a\", \"configuration\": {}}]", "/plugins/0/configuration",
           "is not a known key");
    expect("\"mounts\": [{\"path\": \"/\", \"provider\": \"files\", \"read_only\": true}]," PLUGINS,
           "/mounts/0/read_only", "known here: path, provider, root, access, users, groups");
}

static void addresses_are_numeric(void **state)
{
    (void)state;
    static const char *const bad[] = {"localhost", "127.1",   "1.2.3.4.5", "::g", "1.2.3.4:22",
                                      "**",        "fe80::%", "%lo",       " ::1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "\"listeners\": [{\"address\": \"%s\"}]", bad[i]);
        expect(body, "/listeners/0/address", "or \"*\" for all");
    }
    expect("\"listeners\": [{\"address\": \"[::1]\"}]", "/listeners/0/address",
           "leave out the brackets");
    expect("\"listeners\": [{\"address\": \"\"}]", "/listeners/0/address", "must not be empty");
}

static void listeners_differ(void **state)
{
    (void)state;
    expect("\"listeners\": [{\"address\": \"*\"}, {\"address\": \"*\"}]", "/listeners/1",
           "listener 1 has this address and port too; remove one");
    expect("\"listeners\": [{\"address\": \"::1\", \"reuse_port\": true},"
           " {\"address\": \"0:0:0:0:0:0:0:1\"}]",
           "/listeners/1", "set \"reuse_port\" in both");
    expect("\"listeners\": [{\"name\": \"a\", \"address\": \"*\"},"
           " {\"name\": \"a\", \"address\": \"*\", \"port\": 23}]",
           "/listeners/1/name", "listener 1 is named \"a\" too");
    expect("\"listeners\": [{\"address\": \"*\", \"port\": 0},"
           " {\"address\": \"*\", \"port\": 0}]",
           "/listeners/1/name", "give this one another \"name\"");
    expect("\"listeners\": [{\"name\": \"a b\", \"address\": \"*\"}]", "/listeners/0/name",
           "has not the right form: \"a b\" (Letters, digits");
}

static void startups_are_consistent(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      "10",     "10:30",  "0:30:100", "10:0:100",   "10:30:100:1",
        "a:b:c", "10:30:", " 1:2:3", "-1:2:3",   "1234567:1:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char body[128];
        snprintf(body, sizeof body, "\"limits\": {\"startups\": \"%s\"}", bad[i]);
        expect(body, "/limits/startups", "has not the right form");
    }
    expect("\"limits\": {\"startups\": \"20:30:10\"}", "/limits/startups",
           "begin must not be more than full, but 20 is more than 10");
    expect("\"limits\": {\"startups\": \"10:101:20\"}", "/limits/startups",
           "rate is a percentage, at most 100, but is 101");
}

static void rekeying_is_not_too_frequent(void **state)
{
    (void)state;
    expect("\"rekey\": {\"bytes\": 65535}", "/rekey/bytes", "must be 0 or at least 65536");
    expect("\"rekey\": {\"after_ms\": 999}", "/rekey/after_ms", "must be 0 or at least 1000");
}

static void the_server_version_is_one_word(void **state)
{
    (void)state;
    expect("\"server_version\": \"SSH-2.0-x\"", "/server_version", "has not the right form");
    expect("\"server_version\": \"a b\"", "/server_version", "has not the right form");
    expect("\"server_version\": \"a\\r\\nb\"", "/server_version", "has not the right form");
    expect("\"server_version\": \"\xc3\xa4\"", "/server_version", "has not the right form");
    expect("\"server_version\": \"\"", "/server_version", "must not be empty");
    char body[256] = "\"server_version\": \"";
    for (int i = 0; i < 101; i++)
        strcat(body, "x");
    strcat(body, "\"");
    expect(body, "/server_version", "must have at most 100 characters, but has 101");
}

static void algorithm_names_cannot_break_the_list(void **state)
{
    (void)state;
    expect("\"algorithms\": {\"kex\": [\"a,b\"]}", "/algorithms/kex/0", "without blanks or commas");
    expect("\"algorithms\": {\"macs\": [\"\"]}", "/algorithms/macs/0", "has not the right form");
    expect("\"algorithms\": {\"ciphers\": []}", "/algorithms/ciphers", "must not be empty");
    expect("\"algorithms\": {\"kex\": \"a\"}", "/algorithms/kex", "put it in brackets: [\"a\"]");
    expect("\"algorithms\": {\"host_keys\": [\"a\", \"a\"]}", "/algorithms/host_keys/1",
           "as number 1; remove one");
}

static void instances_must_exist(void **state)
{
    (void)state;
    expect("\"chains\": {\"auth\": [\"user\"]}," PLUGINS, "/chains/auth/0",
           "no plugin instance is named \"user\"; did you mean \"users\"? There are: users, files");
    expect("\"chains\": {\"connection\": [\"users\", \"zzz\"]}," PLUGINS, "/chains/connection/1",
           "no plugin instance is named \"zzz\"; there are: users, files");
    expect("\"chains\": {\"channel\": [\"zzz\"]}", "/chains/channel/0",
           "there are none: add it to \"plugins\"");
    expect("\"chains\": {\"auth\": [\"users\", \"users\"]}," PLUGINS, "/chains/auth/1",
           "as number 1; remove one");
    expect("\"mounts\": [{\"path\": \"/\", \"provider\": \"fils\"}]," PLUGINS, "/mounts/0/provider",
           "did you mean \"files\"?");
    expect("\"subsystems\": {\"a/b\": \"fils\"}," PLUGINS, "/subsystems/a~1b",
           "did you mean \"files\"?");
}

static void instances_have_names_of_their_own(void **state)
{
    (void)state;
    expect("\"plugins\": [{\"name\": \"a\"}, {\"name\": \"a\", \"plugin\": \"b\"}]",
           "/plugins/1/name", "the instance in line 2 has this name too; choose another");
    expect("\"plugins\": [{\"name\": \"core\"}]", "/plugins/0/name", "means the server itself");
    expect("\"plugins\": [{\"name\": \"../a\"}]", "/plugins/0/name", "has not the right form");
    expect("\"plugins\": [{\"name\": \"a\", \"plugin\": \"../b\"}]", "/plugins/0/plugin",
           "has not the right form");
    expect("\"plugins\": [{\"plugin\": \"a\"}]", "/plugins/0/name", "is missing; add it");
    expect("\"plugins\": [{\"name\": \"a\", \"config\": []}]", "/plugins/0/config",
           "must be an object");
    expect("\"plugins\": [{\"name\": \"a\", \"threading\": \"pool\"}]", "/plugins/0/threading",
           "must be one of \"reactor\", \"connection\", \"serial\"");
    expect("\"plugins\": [{\"name\": \"a\", \"on_error\": \"allow\"}]", "/plugins/0/on_error",
           "must be one of \"deny\", \"next\"");
}

static void mounts_form_a_tree(void **state)
{
    (void)state;
#define MOUNT(path) "{\"path\": \"" path "\", \"provider\": \"files\"}"
    expect("\"mounts\": [" MOUNT("/a") "]," PLUGINS, "/mounts",
           "one of the mounts must have the path \"/\"; add it");
    expect("\"mounts\": [" MOUNT("/") "," MOUNT("/a/") "]," PLUGINS, "/mounts/1/path",
           "write \"/a\"");
    expect("\"mounts\": [" MOUNT("/") "," MOUNT("a") "]," PLUGINS, "/mounts/1/path",
           "write \"/a\"");
    expect("\"mounts\": [" MOUNT("/") "," MOUNT("/a/../b//c/.") "]," PLUGINS, "/mounts/1/path",
           "write \"/b/c\"");
    expect("\"mounts\": [" MOUNT("/") "," MOUNT("/a") "," MOUNT("/a") "]," PLUGINS,
           "/mounts/2/path", "mount 2 has this path too; choose another");
    expect("\"mounts\": [{\"path\": \"/\"}]", "/mounts/0/provider", "is missing; add it");
#define LONG "0123456789012345678901234567890123456789012345678901234567890123"
    expect("\"mounts\": [" MOUNT("/") "," MOUNT("/a/" LONG LONG LONG LONG) "]," PLUGINS,
           "/mounts/1/path", "has a name of more than 255 bytes");
    expect("\"mounts\": [" MOUNT("/") "," MOUNT("/a") "," MOUNT("/a/b") "]," PLUGINS,
           "/mounts/2/path", "shows the same files as mount 2, within which it lies");
    expect(
        "\"mounts\": [{\"path\": \"/\", \"provider\": \"files\", \"root\": \"/srv/%g\"}]," PLUGINS,
        "/mounts/0/root", "\"%\" stands before \"u\", \"h\" or \"%\" only");
}

static void subsystems_have_sound_names(void **state)
{
    (void)state;
    expect("\"subsystems\": {\"a b\": \"users\"}," PLUGINS, "/subsystems",
           "the name \"a b\" must be 1 to 64 characters of printable ASCII");
    expect("\"subsystems\": {\"\": \"users\"}," PLUGINS, "/subsystems", "must be 1 to 64");
    expect("\"subsystems\": {\"netconf\": \"core\"}", "/subsystems/netconf",
           "the server itself serves only \"sftp\"; name a plugin instance");
}

static void subsystems_are_counted(void **state)
{
    (void)state;
    char body[8000] = "\"subsystems\": {\"sftp\": \"core\"";
    for (int i = 0; i < 256; i++)
        sprintf(body + strlen(body), ", \"s%d\": \"users\"", i);
    strcat(body, "}, " PLUGINS);
    expect(body, "/subsystems", "must have at most 256 elements, but has 257");
}

static void a_group_needs_a_user(void **state)
{
    (void)state;
    expect("\"group\": \"nogroup\"", "/group", "is of no use without \"user\"; add that");
}

static void methods_are_known(void **state)
{
    (void)state;
    expect("\"auth_methods\": []", "/auth_methods", "must not be empty");
    expect("\"auth_methods\": [\"pubkey\"]", "/auth_methods/0",
           "must be one of \"publickey\", \"password\", \"keyboard-interactive\", but is "
           "\"pubkey\"; did you mean \"publickey\"?");
    expect("\"auth_methods\": [\"none\"]", "/auth_methods/0", "must be one of");
}

#define WITH_CHAIN "\"plugins\": [{\"name\": \"users\"}], \"chains\": {\"auth\": [\"users\"]}, "

static void required_factors_can_be_passed(void **state)
{
    (void)state;
    expect(WITH_CHAIN "\"auth_require\": [[]]", "/auth_require/0", "must not be empty");
    expect(WITH_CHAIN "\"auth_require\": [[\"pubkey\"]]", "/auth_require/0/0",
           "is neither a method");
    expect(WITH_CHAIN "\"auth_require\": [[\"password\"], [\"password:totp\"]]",
           "/auth_require/1/0", "\"totp\" is neither a method");
    expect(WITH_CHAIN "\"auth_require\": [[\"password\", \"password\"]]", "/auth_require/0/1",
           "element 1 of this list says the same");
    expect(WITH_CHAIN "\"auth_require\": [[\"users\", \"users\"]]", "/auth_require/0/1",
           "element 1 of this list says the same");
    expect(WITH_CHAIN "\"auth_methods\": [\"publickey\"], \"auth_require\": [[\"password\"]]",
           "/auth_require/0/0", "not among \"auth_methods\"");
    expect("\"auth_require\": [[\"password\"]]", "/auth_require", "nobody can satisfy this");
}

static void the_control_socket_fits_its_address(void **state)
{
    (void)state;
    char path[128], body[256];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[107] = '\0';
    snprintf(body, sizeof body, "{\"control_socket\": \"%s\"," LISTENER "}", path);
    struct report report = {0};
    struct config *config;
    assert_int_equal(config_parse(body, strlen(body), FILE_NAME, &config, &report), 0);
    config_free(config);
    report_free(&report);
    path[107] = 'x';
    path[108] = '\0';
    snprintf(body, sizeof body, "\"control_socket\": \"%s\"", path);
    expect(body, "/control_socket", "has at most 107 bytes");
}

static void all_mistakes_come_at_once_in_the_order_of_the_file(void **state)
{
    (void)state;
    static const char text[] = "{\n"
                               "\"wrokers\": 2,\n"
                               "\"listeners\": [{\"address\": \"localhost\",\n"
                               "  \"port\": \"22\"}],\n"
                               "\"limits\": {\"startups\": \"2:1:1\"},\n"
                               "\"plugins\": [{\"name\": \"a\"},\n"
                               "  {\"name\": \"a\"}],\n"
                               "\"chains\": {\"auth\": [\"b\"]},\n"
                               "\"mounts\": [{\"path\": \"/x\", \"provider\": \"a\"}],\n"
                               "\"log\": {\"level\": \"loud\"}}";
    struct report report = {0};
    refuse(text, sizeof text - 1, &report);
    assert_complaint(&report, FILE_NAME, 2, "/wrokers", "did you mean \"workers\"?");
    assert_complaint(&report, FILE_NAME, 3, "/listeners/0/address", "numeric");
    assert_complaint(&report, FILE_NAME, 4, "/listeners/0/port", "write 22 without quotes");
    assert_complaint(&report, FILE_NAME, 5, "/limits/startups", "2 is more than 1");
    assert_complaint(&report, FILE_NAME, 7, "/plugins/1/name", "in line 6");
    assert_complaint(&report, FILE_NAME, 8, "/chains/auth/0", "is named \"b\"");
    assert_complaint(&report, FILE_NAME, 9, "/mounts", "must have the path \"/\"");
    assert_complaint(&report, FILE_NAME, 10, "/log/level", "must be one of");
    assert_int_equal(report.count, 8);
    for (size_t i = 1; i < report.count; i++)
        assert_true(report.complaints[i - 1].line <= report.complaints[i].line);
    report_free(&report);
}

static void complaints_about_references_are_bounded(void **state)
{
    (void)state;
    struct report report = {0};
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    char *end = text + sprintf(text, "{" LISTENER ", \"mounts\": [");
    for (int i = 0; i < 1024; i++)
        end += sprintf(end, "%s{\"path\": \"/%d\", \"provider\": \"p%d\"}", i ? "," : "", i, i);
    sprintf(end, "]}");
    refuse(text, strlen(text), &report);
    assert_int_equal(report.count, 101);
    assert_complaint(&report, FILE_NAME, 0, NULL, "there may be more mistakes");
    report_free(&report);
    free(text);
}

static void lists_beyond_all_bounds_are_refused_at_once(void **state)
{
    (void)state;
    struct report report = {0};
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    char *end = text + sprintf(text, "{\"listeners\": [{}");
    for (int i = 0; i < 300000; i++)
        end = stpcpy(end, ",{}");
    strcpy(end, "]}");
    refuse(text, strlen(text), &report);
    assert_complaint(&report, FILE_NAME, 1, "/listeners", "must have at most 64 elements");
    assert_int_equal(report.count, 1);
    report_free(&report);
    free(text);
}

/* A value of the wrong type is told once, and what refers to it does not crash. */
static void every_key_may_have_any_type(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "state_directory", "control_socket", "user",         "group",        "workers",
        "pool_threads",    "slow_ms",        "log",          "banner",       "server_version",
        "listeners",       "host_keys",      "algorithms",   "limits",       "timeouts",
        "rekey",           "plugins",        "chains",       "subsystems",   "plugin_directories",
        "mounts",          "sftp",           "auth_methods", "auth_require",
    };
    static const char *const values[] = {"null", "true",   "-1",   "0.5",      "\"\"",
                                         "[[]]", "[null]", "[{}]", "{\"\": 0}"};
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            char text[512];
            int len = snprintf(text, sizeof text, "{\"%s\": %s%s%s}", keys[k], values[v],
                               strcmp(keys[k], "listeners") == 0 ? "" : ",",
                               strcmp(keys[k], "listeners") == 0 ? "" : LISTENER);
            struct report report = {0};
            refuse(text, (size_t)len, &report);
            report_free(&report);
        }
}

static void expensive_and_useless_settings_are_warned_of(void **state)
{
    (void)state;
    struct report report = {0};
    struct config *config;
    const char *text = "{\"algorithms\": {\"kex\": [\"curve25519-sha256\",\n"
                       "\"diffie-hellman-group18-sha512\",\n"
                       "\"diffie-hellman-group-exchange-sha256\"]},\n" LISTENER "}";
    assert_int_equal(config_parse(text, strlen(text), FILE_NAME, &config, &report), 0);
    assert_int_equal(report.errors, 0);
    assert_int_equal(report.count, 4);
    assert_complaint(&report, FILE_NAME, 2, "/algorithms/kex/1", "leave it out");
    assert_complaint(&report, FILE_NAME, 3, "/algorithms/kex/2", "leave it out");
    assert_complaint(&report, FILE_NAME, 1, "/chains/auth", "nobody can log in");
    assert_complaint(&report, FILE_NAME, 1, "/mounts", "sftp has no files to show");
    for (size_t i = 0; i < report.count; i++)
        assert_true(report.complaints[i].is_warning);
    config_free(config);
    report_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax_errors_have_line_and_column),
        cmocka_unit_test(lists_of_addresses_name_the_entry),
        cmocka_unit_test(deep_nesting_is_refused_before_it_is_parsed),
        cmocka_unit_test(brackets_in_strings_are_no_nesting),
        cmocka_unit_test(huge_texts_are_refused),
        cmocka_unit_test(a_listener_is_required),
        cmocka_unit_test(values_out_of_range_are_refused),
        cmocka_unit_test(keys_that_are_half_named_are_refused),
        cmocka_unit_test(numbers_beyond_all_bounds_are_refused),
        cmocka_unit_test(unknown_keys_get_a_suggestion),
        cmocka_unit_test(addresses_are_numeric),
        cmocka_unit_test(listeners_differ),
        cmocka_unit_test(startups_are_consistent),
        cmocka_unit_test(rekeying_is_not_too_frequent),
        cmocka_unit_test(the_server_version_is_one_word),
        cmocka_unit_test(algorithm_names_cannot_break_the_list),
        cmocka_unit_test(instances_must_exist),
        cmocka_unit_test(instances_have_names_of_their_own),
        cmocka_unit_test(mounts_form_a_tree),
        cmocka_unit_test(subsystems_have_sound_names),
        cmocka_unit_test(subsystems_are_counted),
        cmocka_unit_test(a_group_needs_a_user),
        cmocka_unit_test(methods_are_known),
        cmocka_unit_test(required_factors_can_be_passed),
        cmocka_unit_test(the_control_socket_fits_its_address),
        cmocka_unit_test(all_mistakes_come_at_once_in_the_order_of_the_file),
        cmocka_unit_test(complaints_about_references_are_bounded),
        cmocka_unit_test(lists_beyond_all_bounds_are_refused_at_once),
        cmocka_unit_test(every_key_may_have_any_type),
        cmocka_unit_test(expensive_and_useless_settings_are_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
