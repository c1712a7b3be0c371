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

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_absent_keys_for_the_owner_only), TEST(keeps_a_key_that_is_there),
        TEST(refuses_a_key_others_can_read),        TEST(complains_of_every_bad_file_at_once),
        TEST(refuses_two_keys_of_one_family),       TEST(does_not_make_keys_when_told_not_to),
    };
    ssh_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    ssh_finalize();
    return rc;
}
