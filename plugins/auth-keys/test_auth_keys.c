/* auth-keys in the test host: what each option of authorized_keys is worth, and what hostile files
 * are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth_keys.h"
#include "common/key.h"
#include "test_host.h"

#define KEY_A "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define KEY_B "AAAAC3NzaC1lZDI1NTE5AAAAIP/+/fz7+vn49/b19PPy8fDv7u3s6+rp6Ofm5eTj4uHg"
#define LINE_A "ssh-ed25519 " KEY_A

static char directory[64], keys_path[128];
static struct test_host *host;

static int set_up(void **state)
{
    (void)state;
    umask(022);
    snprintf(directory, sizeof directory, "/tmp/auth-keys-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(keys_path, sizeof keys_path, "%s/ann.keys", directory);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    test_host_free(host);
    host = NULL;
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

/* rest: more of the configuration, such as ",\"environment\":true". */
static void start(const char *rest)
{
    char config[2048];

    test_host_free(host);
    snprintf(config, sizeof config,
             "{\"files\":[\"%s/%%u.keys\"],\"grant\":{\"permit\":[\"sftp\",\"exec\",\"pty\","
             "\"tunnel_forward\",\"tunnel_reverse\",\"agent\",\"x11\",\"channel\"]}%s}",
             directory, rest);
    host = test_host_new(&sallyport_plugin_v1, config);
    assert_non_null(host);
}

static void write_named(const char *path, const char *text, size_t length, mode_t mode)
{
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static const struct test_answer *ask(const char *user, const struct sp_certificate *certificate)
{
    struct key key;
    assert_true(key_parse(LINE_A, strlen(LINE_A), &key));
    struct sp_auth_event event = {.user = sp_str_of(user),
                                  .method = SP_METHOD_PUBLICKEY,
                                  .key_state = SP_KEY_PROVED,
                                  .key_type = sp_str_of("ssh-ed25519"),
                                  .key_blob = {(const char *)key.blob, key.length},
                                  .certificate = certificate};
    const struct test_answer *answer = TEST_AUTH(host, publickey, &event);
    key_clear(&key);
    return answer;
}

/* The answer for key A to ann when that is her file: its grant, or NULL for "no opinion". */
static const struct test_answer *answer_by(const char *text)
{
    write_named(keys_path, text, strlen(text), 0600);
    const struct test_answer *answer = ask("ann", NULL);
    assert_int_equal(answer->verdict, answer->auth.grant ? SP_ALLOW : SP_NEXT);
    return answer;
}

static const struct sp_grant *grant_by(const char *text)
{
    return answer_by(text)->auth.grant;
}

/* What the options leave of everything that may be permitted here. */
#define ALL                                                                                        \
    (SP_PERMIT_SFTP | SP_PERMIT_EXEC | SP_PERMIT_PTY | SP_PERMIT_TUNNEL_FORWARD |                  \
     SP_PERMIT_TUNNEL_REVERSE | SP_PERMIT_AGENT | SP_PERMIT_X11 | SP_PERMIT_CHANNEL)

static uint32_t permit_by(const char *options)
{
    char line[512];

    snprintf(line, sizeof line, "%s " LINE_A "\n", options);
    const struct sp_grant *grant = grant_by(line);
    if (!grant)
        fail_msg("%s", options);
    return grant->permit;
}

static void expect_refused(const char *options, const char *log)
{
    char line[512];

    snprintf(line, sizeof line, "%s " LINE_A "\n", options);
    if (grant_by(line))
        fail_msg("%s", options);
    if (!test_host_logged(host, log))
        fail_msg("%s: \"%s\" is not in the log", options, log);
}

static bool is(struct sp_str text, const char *expected)
{
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

static void keys_of_the_users_own_file_are_taken(void **state)
{
    (void)state;
    start("");
    assert_non_null(grant_by("# mine\r\n\r\n  ssh-ed25519 " KEY_B " b\r\n" LINE_A " a\r\n"));
    assert_non_null(grant_by(LINE_A));
    assert_null(grant_by("ssh-ed25519 " KEY_B "\n"));
    assert_null(grant_by("#" LINE_A "\n"));
    assert_null(grant_by("ssh-rsa " KEY_A "\n"));
    assert_null(grant_by(""));
    assert_non_null(grant_by(LINE_A));
    assert_int_equal(ask("bob", NULL)->verdict, SP_NEXT);
    assert_int_equal(ask("../ann", NULL)->verdict, SP_DENY);
    assert_int_equal(ask("x/../ann", NULL)->verdict, SP_DENY);
    assert_int_equal(ask("", NULL)->verdict, SP_DENY);
}

static void permissions_are_taken_and_given_back(void **state)
{
    const uint32_t forwarding = SP_PERMIT_TUNNEL_FORWARD | SP_PERMIT_TUNNEL_REVERSE;

    (void)state;
    start("");
    assert_int_equal(permit_by("user-rc,no-user-rc"), ALL);
    assert_int_equal(permit_by("restrict"), SP_PERMIT_SFTP | SP_PERMIT_EXEC);
    assert_int_equal(permit_by("RESTRICT,Pty"), SP_PERMIT_SFTP | SP_PERMIT_EXEC | SP_PERMIT_PTY);
    assert_int_equal(permit_by("restrict,port-forwarding"),
                     SP_PERMIT_SFTP | SP_PERMIT_EXEC | forwarding);
    assert_int_equal(permit_by("restrict,agent-forwarding,X11-forwarding"),
                     SP_PERMIT_SFTP | SP_PERMIT_EXEC | SP_PERMIT_AGENT | SP_PERMIT_X11);
    assert_int_equal(permit_by("pty,restrict"), SP_PERMIT_SFTP | SP_PERMIT_EXEC);
    assert_int_equal(permit_by("no-port-forwarding"), ALL & ~forwarding);
    assert_int_equal(permit_by("no-agent-forwarding"), ALL & ~SP_PERMIT_AGENT);
    assert_int_equal(permit_by("no-X11-forwarding"), ALL & ~SP_PERMIT_X11);
    assert_int_equal(permit_by("no-pty"), ALL & ~SP_PERMIT_PTY);
}

static void an_option_cannot_give_what_the_administrator_does_not(void **state)
{
    char config[256];

    (void)state;
    snprintf(config, sizeof config,
             "{\"files\":[\"%s/%%u.keys\"],\"grant\":{\"forced_command\":\"mine\"}}", directory);
    host = test_host_new(&sallyport_plugin_v1, config);
    assert_non_null(host);
    assert_int_equal(permit_by("restrict,pty,port-forwarding"), SP_PERMIT_SFTP);
    assert_true(is(grant_by("command=\"theirs\" " LINE_A)->forced_command, "mine"));
}

static void what_is_not_understood_is_refused_and_logged(void **state)
{
    static const struct {
        const char *options, *log;
    } rows[] = {
        {"unheard-of", "\"unheard-of\" is not supported"},
        {"restrict,unheard-of=\"x\"", "\"unheard-of\" is not supported"},
        {"tunnel=\"0\"", "\"tunnel\" is not supported"},
        {"restrict,", "\"\" is not supported"},
        {"restrict=\"x\"", "\"restrict\" is not supported"},
        {"command", "\"command\" is not supported"},
        {"command=run", "not quoted properly"},
        {"command=\"unbalanced", "not quoted properly"},
        {"command=\"x\"y", "options are malformed"},
        {"command=\"\"", "is empty"},
        {"command=\"a\",command=\"b\"", "is given twice"},
        {"from=\"\"", "cannot be judged"},
        {"from=\"10.0.0.1/8\"", "cannot be judged"},
        {"from=\"10.0.0.0/33\"", "cannot be judged"},
        {"from=\"*,!*.example.com\"", "cannot be judged"},
        {"from=\"*, !192.0.2.7\"", "cannot be judged"},
        {"from=\"192.0.2.*\t\"", "cannot be judged"},
        {"from=\"*\",from=\"*\"", "is given twice"},
        {"environment=\"1X=y\"", "is not NAME=value"},
        {"environment=\"X\"", "is not NAME=value"},
        {"expiry-time=\"2023\"", "is not YYYYMMDD"},
        {"expiry-time=\"20231301\"", "is not YYYYMMDD"},
        {"expiry-time=\"20990101X\"", "is not YYYYMMDD"},
        {"permitopen=\"host\"", "is not \"host:port\""},
        {"permitopen=\"host:0\"", "is not \"host:port\""},
        {"permitopen=\"::1:22\"", "is not \"host:port\""},
        {"permitlisten=\"65536\"", "is not \"[host:]port\""},
        {"permitlisten=\"localhost:65536\"", "is not \"[host:]port\""},
        {"permitlisten=\"-1\"", "is not \"[host:]port\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start("");
        expect_refused(rows[i].options, rows[i].log);
    }
}

static void a_key_may_be_bound_to_addresses(void **state)
{
    static const struct {
        const char *from, *address;
        bool is_inside;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.10", false},
        {"192.0.2.*", "192.0.2.77", true},
        {"192.0.2.?", "192.0.2.77", false},
        {"10.0.0.0/8,192.0.2.0/24", "192.0.2.77", true},
        {"10.0.0.0/8", "192.0.2.77", false},
        {"*,!192.0.2.7", "192.0.2.7", false},
        {"!192.0.2.0/24,*", "192.0.2.7", false},
        {"!192.0.2.0/24,*", "192.0.3.7", true},
        {"!192.0.2.7", "192.0.2.8", false}, /* nothing says yes */
        {"2001:DB8::/32", "2001:db8::5", true},
        {"2001:db8::5", "2001:0DB8:0::5", true},
        {"2001:db8::*", "2001:db9::5", false},
        {"192.0.2.0/24", "::ffff:192.0.2.5", true},
        {"0.0.0.0/0", "2001:db8::5", false},
        {"*.example.com", "192.0.2.1", false},
        {"*", "", false},
    };

    (void)state;
    start("");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[256];
        test_host_connection(host)->remote_address = sp_str_of(rows[i].address);
        snprintf(line, sizeof line, "from=\"%s\" " LINE_A, rows[i].from);
        if ((grant_by(line) != NULL) != rows[i].is_inside)
            fail_msg("%s from %s", rows[i].from, rows[i].address);
    }
}

static void a_key_expires(void **state)
{
    (void)state;
    start("");
    setenv("TZ", "UTC+5", 1); /* west of Greenwich: five hours late */
    tzset();
    /* The host's clock: 2023-11-14 22:13:20 UTC */
    assert_null(grant_by("expiry-time=\"20231114Z\" " LINE_A));
    assert_non_null(grant_by("expiry-time=\"20231115Z\" " LINE_A));
    assert_non_null(grant_by("expiry-time=\"202311142214Z\" " LINE_A));
    assert_null(grant_by("expiry-time=\"20231114221319Z\" " LINE_A));
    assert_non_null(grant_by("expiry-time=\"20231114221320Z\" " LINE_A));
    assert_non_null(grant_by("expiry-time=\"202311141714\" " LINE_A));
    assert_null(grant_by("expiry-time=\"202311141713\" " LINE_A));
    assert_null(grant_by("expiry-time=\"20990101\",expiry-time=\"20200101\" " LINE_A));
    assert_true(test_host_logged(host, "ann.keys:1: the key has expired"));
    /* Another line for the same key may still hold. */
    assert_non_null(grant_by("expiry-time=\"20200101\" " LINE_A "\n" LINE_A));
    unsetenv("TZ");
    tzset();
}

static void what_a_key_asks_for_is_in_the_grant(void **state)
{
    (void)state;
    start("");
    const struct sp_grant *grant =
        grant_by("command=\"echo \\\"a b\\\", c\",permitopen=\"db:5432\",permitopen=\"[::1]:*\","
                 "permitlisten=\"8080\",permitlisten=\"localhost:*\",environment=\"A=b\" " LINE_A);
    assert_true(is(grant->forced_command, "echo \"a b\", c"));
    assert_int_equal(grant->permit_open_count, 2);
    assert_true(is(grant->permit_open[0], "db:5432"));
    assert_true(is(grant->permit_open[1], "[::1]:*"));
    assert_int_equal(grant->permit_listen_count, 2);
    assert_true(is(grant->permit_listen[0], "*:8080"));
    assert_true(is(grant->permit_listen[1], "localhost:*"));
    assert_int_equal(grant->environment_count, 0);
    start(",\"environment\":true");
    grant = grant_by("environment=\"A=b=c\",environment=\"A=d\",environment=\"E=\" " LINE_A);
    assert_int_equal(grant->environment_count, 2);
    assert_true(is(grant->environment[0].name, "A"));
    assert_true(is(grant->environment[0].value, "b=c"));
    assert_true(is(grant->environment[1].value, ""));
}

static void tunnels_lead_only_where_both_permit(void **state)
{
    char config[512];

    (void)state;
    snprintf(config, sizeof config,
             "{\"files\":[\"%s/%%u.keys\"],\"grant\":{\"permit\":[\"tunnel_forward\"],"
             "\"permit_open\":[\"a:1\",\"b:2\"]}}",
             directory);
    host = test_host_new(&sallyport_plugin_v1, config);
    assert_non_null(host);
    const struct sp_grant *grant = grant_by("permitopen=\"b:2\",permitopen=\"c:3\" " LINE_A);
    assert_int_equal(grant->permit_open_count, 1);
    assert_true(is(grant->permit_open[0], "b:2"));
    assert_int_equal(grant->permit, SP_PERMIT_TUNNEL_FORWARD);
    grant = grant_by("permitopen=\"c:3\" " LINE_A);
    assert_int_equal(grant->permit, 0); /* an empty list would permit all */
}

static void hardware_keys_may_be_told_how_to_sign(void **state)
{
    (void)state;
    start("");
    assert_int_equal(answer_by(LINE_A)->auth.key_options, 0);
    assert_int_equal(answer_by("no-touch-required " LINE_A)->auth.key_options,
                     SP_KEY_TOUCH_NOT_REQUIRED);
    assert_int_equal(answer_by("verify-required " LINE_A)->auth.key_options,
                     SP_KEY_VERIFY_REQUIRED);
}

/* --- certificates ----------------------------------------------------------------------------- */

static const struct sp_str ann[] = {{"ann", 3}, {"ops", 3}};
static struct key ca_key;
static struct sp_pair forced = {{"force-command", 13}, {"run", 3}};

/* By the CA with key B. */
static struct sp_certificate certificate_of(bool trusted)
{
    key_clear(&ca_key);
    assert_true(key_parse("ssh-ed25519 " KEY_B, strlen("ssh-ed25519 " KEY_B), &ca_key));
    return (struct sp_certificate){.struct_size = sizeof(struct sp_certificate),
                                   .trusted = trusted,
                                   .ca_key_blob = {(const char *)ca_key.blob, ca_key.length},
                                   .principals = ann,
                                   .principals_count = 2};
}

static int32_t verdict_by(const char *text, const struct sp_certificate *certificate)
{
    write_named(keys_path, text, strlen(text), 0600);
    return ask("ann", certificate)->verdict;
}

static void a_line_may_name_a_ca(void **state)
{
    struct sp_certificate certificate = certificate_of(false);

    (void)state;
    start("");
    assert_int_equal(verdict_by("cert-authority ssh-ed25519 " KEY_B, &certificate), SP_ALLOW);
    /* Neither the certified key nor the CA's without that word will do, nor the CA as a key. */
    assert_int_equal(verdict_by(LINE_A, &certificate), SP_NEXT);
    assert_int_equal(verdict_by("ssh-ed25519 " KEY_B, &certificate), SP_NEXT);
    assert_int_equal(verdict_by("cert-authority " LINE_A, NULL), SP_NEXT);
    assert_int_equal(
        verdict_by("cert-authority,principals=\"eve,ops\" ssh-ed25519 " KEY_B, &certificate),
        SP_ALLOW);
    assert_int_equal(
        verdict_by("cert-authority,principals=\"eve,op\" ssh-ed25519 " KEY_B, &certificate),
        SP_NEXT);
    assert_int_equal(verdict_by("cert-authority,principals=\"\" ssh-ed25519 " KEY_B, &certificate),
                     SP_NEXT);
    certificate.principals++;
    certificate.principals_count--; /* only "ops" */
    assert_int_equal(verdict_by("cert-authority ssh-ed25519 " KEY_B, &certificate), SP_NEXT);
    key_clear(&ca_key);
}

static void two_forced_commands_must_be_one(void **state)
{
    struct sp_certificate certificate = certificate_of(false);

    (void)state;
    start("");
    certificate.critical_options = &forced;
    certificate.critical_options_count = 1;
    assert_int_equal(verdict_by("cert-authority,command=\"run\" ssh-ed25519 " KEY_B, &certificate),
                     SP_ALLOW);
    assert_int_equal(verdict_by("cert-authority,command=\"go\" ssh-ed25519 " KEY_B, &certificate),
                     SP_NEXT);
    key_clear(&ca_key);
}

static void a_trusted_certificate_needs_a_principal_of_the_users(void **state)
{
    struct sp_certificate certificate = certificate_of(true);

    (void)state;
    start("");
    assert_int_equal(ask("ann", &certificate)->verdict, SP_ALLOW);
    assert_int_equal(ask("eve", &certificate)->verdict, SP_NEXT);
    certificate.trusted = 0;
    assert_int_equal(ask("ann", &certificate)->verdict, SP_NEXT);
    certificate.trusted = 1;
    start(",\"certificates\":false");
    assert_int_equal(ask("ann", &certificate)->verdict, SP_NEXT);
    start(",\"principals\":{\"ann\":[\"admins\"],\"root\":[\"admins\",\"ops\"],\"nobody\":[]}");
    assert_int_equal(ask("ann", &certificate)->verdict, SP_NEXT);
    assert_int_equal(ask("root", &certificate)->verdict, SP_ALLOW);
    assert_int_equal(ask("nobody", &certificate)->verdict, SP_NEXT);
    key_clear(&ca_key);
}

static void principals_may_be_in_a_file(void **state)
{
    struct sp_certificate certificate = certificate_of(true);
    char config[256], path[128];

    (void)state;
    snprintf(config, sizeof config, ",\"principals_file\":\"%s/%%u.names\"", directory);
    snprintf(path, sizeof path, "%s/root.names", directory);
    start(config);
    assert_int_equal(ask("ann", &certificate)->verdict, SP_NEXT); /* no file, no principal */
    static const char good[] = "# who\r\n\r\n eve\r\n ops \r\n", bad[] = "from=\"*\" ops\n#ann\n";
    write_named(path, good, strlen(good), 0644);
    assert_int_equal(ask("root", &certificate)->verdict, SP_ALLOW);
    write_named(path, bad, strlen(bad), 0644);
    assert_int_equal(ask("root", &certificate)->verdict, SP_NEXT);
    write_named(path, good, strlen(good), 0666);
    assert_int_equal(ask("root", &certificate)->verdict, SP_NEXT);
    key_clear(&ca_key);
}

/* --- hostile files ---------------------------------------------------------------------------- */

static void a_file_of_any_size_and_kind_is_survived(void **state)
{
    const size_t size = 1 << 20;
    char *text = malloc(size + 256);

    (void)state;
    assert_non_null(text);
    start("");
    memset(text, 'x', size);
    strcpy(text + size, "\n" LINE_A "\n");
    assert_non_null(grant_by(text)); /* the line of 1 MiB is passed over */
    assert_true(test_host_logged(host, "ann.keys:1: too long; line ignored"));
    memset(text, '\n', size);
    assert_non_null(grant_by(text));
    for (size_t i = 0; i < size; i += 2)
        memcpy(text + i, "x\n", 2);
    assert_null(grant_by(text));
    start("");
    for (size_t i = 0; i < size; i += 8) /* valid lines, but too many of them */
        memcpy(text + i, "a    b\r\n", 8);
    assert_null(grant_by(text));
    memset(text, '\0', size);
    write_named(keys_path, text, size, 0600);
    assert_int_equal(ask("ann", NULL)->verdict, SP_NEXT);
    free(text);
    write_named(keys_path, LINE_A, strlen(LINE_A), 0600);
    assert_int_equal(truncate(keys_path, (4 << 20) + 1), 0);
    assert_int_equal(ask("ann", NULL)->verdict, SP_NEXT);

    unlink(keys_path);
    assert_int_equal(mkfifo(keys_path, 0600), 0);
    assert_int_equal(ask("ann", NULL)->verdict, SP_NEXT);
    unlink(keys_path);
    assert_int_equal(mkdir(keys_path, 0700), 0);
    assert_int_equal(ask("ann", NULL)->verdict, SP_NEXT);
    rmdir(keys_path);
    assert_int_equal(symlink("/dev/zero", keys_path), 0);
    assert_int_equal(ask("ann", NULL)->verdict, SP_NEXT);
}

static void files_in_wrong_hands_are_not_believed(void **state)
{
    (void)state;
    start("");
    write_named(keys_path, LINE_A, strlen(LINE_A), 0620);
    assert_int_equal(ask("ann", NULL)->verdict, SP_NEXT);
    assert_true(test_host_logged(host, "others may write it, or a directory above it"));
    chmod(keys_path, 0644);
    assert_int_equal(ask("ann", NULL)->verdict, SP_ALLOW);
    chmod(directory, 0777);
    assert_int_equal(ask("ann", NULL)->verdict, SP_NEXT);
    start(",\"strict_modes\":false");
    assert_int_equal(ask("ann", NULL)->verdict, SP_ALLOW);
    chmod(directory, 0700);
    if (geteuid() != 0)
        return;
    start("");
    assert_int_equal(chown(keys_path, 12345, 0), 0);
    assert_int_equal(ask("ann", NULL)->verdict, SP_NEXT);
    assert_true(test_host_logged(host, "belongs to somebody else"));
}

static void system_users_have_a_home(void **state)
{
    char config[512];

    (void)state;
    snprintf(config, sizeof config,
             "{\"files\":[\"%s/%%u.keys\"],\"system_users\":true,"
             "\"grant\":{\"root\":\"%%h\",\"home\":\"/100%%%%/%%u\"}}",
             directory);
    host = test_host_new(&sallyport_plugin_v1, config);
    assert_non_null(host);
    snprintf(keys_path, sizeof keys_path, "%s/root.keys", directory);
    write_named(keys_path, LINE_A, strlen(LINE_A), 0600);
    const struct test_answer *answer = ask("root", NULL);
    assert_int_equal(answer->verdict, SP_ALLOW);
    assert_true(is(answer->auth.grant->root, "/root"));
    assert_true(is(answer->auth.grant->home, "/100%/root"));
    assert_true(is(answer->auth.grant->system_user, "root"));
    snprintf(keys_path, sizeof keys_path, "%s/no-such-user.keys", directory);
    write_named(keys_path, LINE_A, strlen(LINE_A), 0600);
    assert_int_equal(ask("no-such-user", NULL)->verdict, SP_NEXT);
}

static void bad_configurations_are_refused(void **state)
{
    static const char *const bad[] = {
        "{\"files\":[\"/%h/x\"]}",
        "{\"files\":[\"/%x\"]}",
        "{\"files\":[\"/x%\"]}",
        "{\"principals_file\":\"/%x\"}",
        "{\"grant\":{\"root\":\"/%h\"}}",
        "{\"grant\":{\"readonly\":true}}",
        "{\"grant\":{\"permit\":[\"everything\"]}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if ((host = test_host_new(&sallyport_plugin_v1, bad[i])))
            fail_msg("%s", bad[i]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_of_the_users_own_file_are_taken),
        TEST(permissions_are_taken_and_given_back),
        TEST(an_option_cannot_give_what_the_administrator_does_not),
        TEST(what_is_not_understood_is_refused_and_logged),
        TEST(a_key_may_be_bound_to_addresses),
        TEST(a_key_expires),
        TEST(what_a_key_asks_for_is_in_the_grant),
        TEST(tunnels_lead_only_where_both_permit),
        TEST(hardware_keys_may_be_told_how_to_sign),
        TEST(a_line_may_name_a_ca),
        TEST(two_forced_commands_must_be_one),
        TEST(a_trusted_certificate_needs_a_principal_of_the_users),
        TEST(principals_may_be_in_a_file),
        TEST(a_file_of_any_size_and_kind_is_survived),
        TEST(files_in_wrong_hands_are_not_believed),
        TEST(system_users_have_a_home),
        TEST(bad_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
