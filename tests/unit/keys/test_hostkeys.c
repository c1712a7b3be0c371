/* Host keys: made when absent, and every way a file can be unusable has its own complaint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "keys/hostkeys.h"

static char directory[64];
static char ed25519[128], ecdsa[128];
static char *files[2];
static struct config config;
static struct report report;

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/hostkeys-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(ed25519, sizeof ed25519, "%s/ssh_host_ed25519_key", directory);
    snprintf(ecdsa, sizeof ecdsa, "%s/ssh_host_ecdsa_key", directory);
    files[0] = ed25519;
    files[1] = ecdsa;
    config = (struct config){.file = directory,
                             .host_keys = {.files = files, .count = 2, .generate = true}};
    report = (struct report){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(ed25519);
    unlink(ecdsa);
    rmdir(directory);
    report_free(&report);
    return 0;
}

static void write_file(const char *file, const char *text, mode_t mode)
{
    FILE *out = fopen(file, "w");

    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(file, mode), 0);
}

static void makes_absent_keys_for_the_owner_only(void **state)
{
    struct stat st;
    ssh_key *keys = NULL;

    (void)state;
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
    assert_int_equal(stat(ed25519, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(hostkeys_load(&config, &config.host_keys, &keys, &report), 0);
    assert_int_equal(ssh_key_type(keys[0]), SSH_KEYTYPE_ED25519);
    assert_null(keys[2]);
    hostkeys_free(keys);
}

/* The directory may be the daemon's user's, and the supervisor root. */
static void follows_no_link_where_a_key_is_made(void **state)
{
    char link[160], victim[160];
    struct stat st;

    (void)state;
    snprintf(link, sizeof link, "%s.new", ed25519);
    snprintf(victim, sizeof victim, "%s/victim", directory);
    write_file(victim, "precious", 0644);
    assert_int_equal(symlink(victim, link), 0);
    int rc = hostkeys_ensure(&config, &report);
    assert_int_equal(stat(victim, &st), 0);
    unlink(victim);
    unlink(link);
    assert_int_equal(st.st_size, strlen("precious"));
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(rc, 0);
    assert_int_equal(lstat(ed25519, &st), 0);
    assert_true(S_ISREG(st.st_mode));
}

static void keeps_a_key_that_is_there(void **state)
{
    struct stat before, after;

    (void)state;
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
    assert_int_equal(stat(ecdsa, &before), 0);
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
    assert_int_equal(stat(ecdsa, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void refuses_a_key_others_can_read(void **state)
{
    (void)state;
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
    assert_int_equal(chmod(ed25519, 0640), 0);
    assert_int_equal(hostkeys_ensure(&config, &report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "0640"));
}

static void complains_of_every_bad_file_at_once(void **state)
{
    (void)state;
    write_file(ed25519, "this is no key\n", 0600);
    write_file(ecdsa, "", 0600);
    assert_int_equal(hostkeys_ensure(&config, &report), SP_ERR_INVALID);
    assert_int_equal(report.errors, 2);
}

static void refuses_two_keys_of_one_family(void **state)
{
    (void)state;
    files[1] = files[0];
    assert_int_equal(hostkeys_ensure(&config, &report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "family"));
}

static void does_not_make_keys_when_told_not_to(void **state)
{
    (void)state;
    config.host_keys.generate = false;
    assert_int_equal(hostkeys_ensure(&config, &report), SP_ERR_INVALID);
    assert_int_equal(access(ed25519, F_OK), -1);
}

/* A key with the passphrase "secret", in place of the files. */
static void encrypt(struct config_host_key *key)
{
    char command[512];

    config.host_keys.count = 0;
    config.host_keys.keys = key;
    config.host_keys.keys_count = 1;
    key->file = ed25519;
    snprintf(command, sizeof command, "ssh-keygen -q -t ed25519 -N secret -f %s && rm %s.pub",
             ed25519, ed25519);
    assert_int_equal(system(command), 0);
}

static void expect_fault(const char *pointer, const char *text)
{
    report_free(&report);
    assert_int_equal(hostkeys_ensure(&config, &report), SP_ERR_INVALID);
    assert_string_equal(report.complaints[0].key, pointer);
    if (!strstr(report.complaints[0].text, text))
        fail_msg("\"%s\" instead of \"%s\"", report.complaints[0].text, text);
}

static void a_passphrase_comes_from_a_file(void **state)
{
    struct config_host_key key = {0};

    (void)state;
    encrypt(&key);
    expect_fault("/host_keys/keys/0", "no passphrase is given");
    key.passphrase_file = ecdsa;
    expect_fault("/host_keys/keys/0", "its passphrase cannot be had: the file cannot be opened");
    write_file(ecdsa, "Secret\n", 0600);
    expect_fault("/host_keys/keys/0", "passphrase is wrong");
    write_file(ecdsa, "secret\nmore\n", 0644);
    expect_fault("/host_keys/keys/0", "open to other users");
    assert_int_equal(chmod(ecdsa, 0600), 0);
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
}

static void a_passphrase_comes_from_the_environment_and_is_forgotten(void **state)
{
    struct config_host_key key = {.passphrase_environment = (char *)"HOSTKEY_PASSPHRASE"};

    (void)state;
    encrypt(&key);
    unsetenv("HOSTKEY_PASSPHRASE");
    expect_fault("/host_keys/keys/0", "environment has no HOSTKEY_PASSPHRASE");
    setenv("HOSTKEY_PASSPHRASE", "secret", 1);
    const char *value = getenv("HOSTKEY_PASSPHRASE");
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
    hostkeys_forget_secrets(&config);
    assert_null(getenv("HOSTKEY_PASSPHRASE"));
    assert_int_equal(value[0], '\0');
}

static void a_key_in_the_configuration_needs_a_secret_configuration(void **state)
{
    static char text[4096];
    struct config_host_key key = {.text = text};

    (void)state;
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
    FILE *file = fopen(ed25519, "r");
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    config.host_keys.count = 0;
    config.host_keys.keys = &key;
    config.host_keys.keys_count = 1;
    config.file = ecdsa;
    assert_int_equal(chmod(ecdsa, 0640), 0);
    expect_fault("/host_keys/keys/0", "the configuration that holds this key is open");
    assert_int_equal(chmod(ecdsa, 0600), 0);
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
    hostkeys_forget_secrets(&config);
    assert_string_equal(text, "");
}

static void each_set_has_keys_of_its_own(void **state)
{
    char *other[] = {ecdsa};
    struct config_host_keys sets[] = {
        {.name = (char *)"one", .files = files, .count = 1, .generate = true},
        {.name = (char *)"two", .files = other, .count = 1, .generate = false}};
    ssh_key *keys = NULL;

    (void)state;
    config.host_keys.count = 1;
    config.host_key_sets = sets;
    config.host_key_sets_count = 2;
    expect_fault("/host_key_sets/two/files", "cannot be opened");
    sets[1].generate = true;
    assert_int_equal(hostkeys_ensure(&config, &report), 0);
    assert_int_equal(hostkeys_load(&config, &sets[1], &keys, &report), 0);
    assert_int_equal(ssh_key_type(keys[0]), SSH_KEYTYPE_ECDSA_P256);
    assert_null(keys[1]);
    hostkeys_free(keys);
}

static void what_is_no_plain_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(ed25519, 0600), 0);
    config.host_keys.count = 1;
    expect_fault("/host_keys/files", "is not a regular file");
    unlink(ed25519);
    write_file(ed25519, "x", 0600);
    assert_int_equal(truncate(ed25519, 1 << 20), 0);
    expect_fault("/host_keys/files", "is longer than");
    if (geteuid() != 0)
        return;
    assert_int_equal(chown(ed25519, 12345, 0), 0);
    assert_int_equal(truncate(ed25519, 1), 0);
    expect_fault("/host_keys/files", "belongs to another user");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_absent_keys_for_the_owner_only),
        TEST(follows_no_link_where_a_key_is_made),
        TEST(keeps_a_key_that_is_there),
        TEST(refuses_a_key_others_can_read),
        TEST(complains_of_every_bad_file_at_once),
        TEST(refuses_two_keys_of_one_family),
        TEST(does_not_make_keys_when_told_not_to),
        TEST(a_passphrase_comes_from_a_file),
        TEST(a_passphrase_comes_from_the_environment_and_is_forgotten),
        TEST(a_key_in_the_configuration_needs_a_secret_configuration),
        TEST(each_set_has_keys_of_its_own),
        TEST(what_is_no_plain_file_is_refused),
    };
    ssh_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    ssh_finalize();
    return rc;
}
