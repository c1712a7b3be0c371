/* test_manifest.c: manifests that are wrong, forged or hostile, each refused before any code of
 * theirs runs, with a complaint that says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "plugin/manifest.h"

#define STRANGER 54321

static char root[64];
static char directory[128]; /* root/echo */
static char file[160];
static char library[160];
static struct report report;
static struct manifest *manifest;

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, 0644), 0);
}

/* A good manifest, with one member replaced or added. */
static void put_manifest(const char *key, const char *value)
{
    static const char *const good[][2] = {
        {"manifest", "1"},  {"name", "\"echo\""},       {"version", "\"1.2\""},
        {"abi", "\"1.0\""}, {"library", "\"echo.so\""}, {"interfaces", "[\"sallyport.auth/1\"]"},
    };
    char text[4096] = "{";
    size_t used = 1;
    int has_key = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int is_key = key && strcmp(key, good[i][0]) == 0;
        has_key |= is_key;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\"%s\": %s", i ? ",\n" : "\n",
                                 good[i][0], is_key ? value : good[i][1]);
    }
    if (key && !has_key)
        used += (size_t)snprintf(text + used, sizeof text - used, ",\n\"%s\": %s", key, value);
    snprintf(text + used, sizeof text - used, "\n}\n");
    put(file, text);
}

static int setup(void **state)
{
    (void)state;
    memset(&report, 0, sizeof report);
    manifest = NULL;
    strcpy(root, "/tmp/sallyport-test-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(directory, sizeof directory, "%s/echo", root);
    snprintf(file, sizeof file, "%s/manifest.json", directory);
    snprintf(library, sizeof library, "%s/echo.so", directory);
    if (mkdir(directory, 0755) < 0)
        return -1;
    put_manifest(NULL, NULL);
    put(library, "code");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    manifest_free(manifest);
    report_free(&report);
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static int load(void)
{
    manifest_free(manifest);
    report_free(&report);
    return manifest_load(file, MANIFEST_NO_OWNER, &manifest, &report);
}

/* Refused, and a complaint contains text. */
static void expect_refused(const char *text)
{
    assert_true(load() < 0);
    assert_null(manifest);
    assert_true(report.errors > 0);
    for (size_t i = 0; i < report.count; i++)
        if (strstr(report.complaints[i].text, text))
            return;
    report_print(&report, STDERR_FILENO);
    fail_msg("no complaint says \"%s\"", text);
}

static void expect_library_refused(const char *text)
{
    assert_int_equal(load(), 0);
    assert_true(manifest_check_library(manifest, &report) < 0);
    assert_int_equal(report.count, 1);
    if (!strstr(report.complaints[0].text, text))
        fail_msg("\"%s\" does not say \"%s\"", report.complaints[0].text, text);
}

static void good_manifest_is_read_and_defaults_filled_in(void **state)
{
    (void)state;
    assert_int_equal(load(), 0);
    assert_int_equal(report.count, 0);
    assert_string_equal(manifest->name, "echo");
    assert_string_equal(manifest->version, "1.2");
    assert_int_equal(manifest->abi_major, 1);
    assert_int_equal(manifest->abi_minor, 0);
    assert_string_equal(manifest->library_file, library);
    assert_true(manifest->interfaces[PLUGIN_AUTH]);
    assert_false(manifest->interfaces[PLUGIN_FS]);
    assert_int_equal(manifest->threading, THREADING_CONNECTION);
    assert_int_equal(manifest->deadline_ms, 0);
    assert_true(json_is_object(manifest->configuration));
    assert_string_equal(manifest->description, "");
    assert_null(manifest->sha256);
    assert_int_equal(manifest_check_library(manifest, &report), 0);
}

static void what_others_may_write_is_refused(void **state)
{
    (void)state;
    const char *const places[] = {file, directory};
    for (size_t i = 0; i < 2; i++) {
        mode_t mode = i == 0 ? 0644 : 0755;
        chmod(places[i], mode | S_IWGRP);
        expect_refused("written by others");
        chmod(places[i], mode | S_IWOTH);
        expect_refused("written by others");
        chmod(places[i], mode);
        assert_int_equal(load(), 0);
    }
    chmod(library, 0664);
    expect_library_refused("written by others");
    chmod(library, 0646);
    expect_library_refused("written by others");
}

static void plugin_directory_that_others_may_write_to_is_refused(void **state)
{
    (void)state;
    char *directories[] = {root};
    assert_int_equal(chmod(root, 01777), 0);
    assert_int_equal(manifest_find("echo", directories, 1, &manifest, &report), SP_ERR_INVALID);
    assert_null(manifest);
    assert_string_equal(report.complaints[0].file, root);
    assert_non_null(strstr(report.complaints[0].text, "written by others"));
    assert_int_equal(chmod(root, 0755), 0);
    assert_int_equal(manifest_find("echo", directories, 1, &manifest, &report), 0);
}

static void what_a_stranger_owns_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give files away */
    const char *const places[] = {file, directory};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chown(places[i], STRANGER, (gid_t)-1), 0);
        expect_refused("not trusted");
        assert_int_equal(chown(places[i], 0, (gid_t)-1), 0);
    }
    assert_int_equal(chown(library, STRANGER, (gid_t)-1), 0);
    expect_library_refused("not trusted");
}

static void owner_of_the_plugin_directory_is_trusted_in_it(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give files away */
    char *directories[] = {root};
    assert_int_equal(chown(root, STRANGER, (gid_t)-1), 0);
    assert_int_equal(chown(directory, STRANGER, (gid_t)-1), 0);
    assert_int_equal(chown(file, STRANGER, (gid_t)-1), 0);
    assert_int_equal(chown(library, STRANGER, (gid_t)-1), 0);
    assert_int_equal(manifest_find("echo", directories, 1, &manifest, &report), 0);
    assert_int_equal(manifest_check_library(manifest, &report), 0);
}

static void symbolic_links_are_refused(void **state)
{
    (void)state;
    char elsewhere[160];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", root);
    assert_int_equal(rename(file, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, file), 0);
    expect_refused("symbolic link");
    assert_int_equal(unlink(file), 0);
    put_manifest(NULL, NULL);
    assert_int_equal(unlink(library), 0);
    assert_int_equal(symlink(elsewhere, library), 0);
    expect_library_refused("symbolic link");
}

static void what_is_no_regular_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkfifo(file, 0600), 0); /* opening it must not wait */
    expect_refused("not a regular file");
    assert_int_equal(unlink(file), 0);
    expect_refused("does not exist");
    put_manifest(NULL, NULL);
    assert_int_equal(unlink(library), 0);
    expect_library_refused("does not exist");
    assert_int_equal(mkdir(library, 0755), 0);
    expect_library_refused("not a regular file");
}

static void library_outside_the_manifests_directory_is_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"../echo.so", "/tmp/echo.so", "lib/../../echo.so", "lib/..",
                                        "..",         "lib//echo.so", "lib/echo.so/",      "/"};
    char value[64];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        snprintf(value, sizeof value, "\"%s\"", paths[i]);
        put_manifest("library", value);
        expect_refused("below the manifest's directory");
    }
    put_manifest("library", "\"lib/..echo.so\"");
    assert_int_equal(load(), 0);
}

static void library_in_a_subdirectory_is_checked_along_the_way(void **state)
{
    (void)state;
    char sub[160], inner[192];
    snprintf(sub, sizeof sub, "%s/lib", directory);
    snprintf(inner, sizeof inner, "%s/echo.so", sub);
    assert_int_equal(mkdir(sub, 0755), 0);
    put(inner, "code");
    put_manifest("library", "\"lib/echo.so\"");
    assert_int_equal(load(), 0);
    assert_int_equal(manifest_check_library(manifest, &report), 0);
    chmod(sub, 0777);
    expect_library_refused("written by others");

    char elsewhere[160];
    chmod(sub, 0755);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", root);
    assert_int_equal(rename(sub, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, sub), 0);
    expect_library_refused("symbolic link");
}

static void duplicate_keys_are_refused(void **state)
{
    (void)state;
    put(file, "{\"manifest\": 1, \"name\": \"echo\", \"name\": \"other\"}");
    expect_refused("not valid JSON");
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 10000 };
    char *text = calloc(1, 2 * DEPTH + 1);
    memset(text, '[', DEPTH);
    memset(text + DEPTH, ']', DEPTH);
    put(file, text);
    expect_refused("levels deep");
    free(text);
    /* Brackets within texts nest nothing. */
    put_manifest("description", "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"{{{{{{{{{{{{{\"");
    assert_int_equal(load(), 0);
}

static void huge_manifest_is_refused_without_reading_it_all(void **state)
{
    (void)state;
    assert_int_equal(truncate(file, 100 * 1024 * 1024), 0);
    expect_refused("longer than a manifest may be");
}

static void text_that_is_no_manifest_is_refused(void **state)
{
    (void)state;
    put(file, "");
    expect_refused("not valid JSON");
    put(file, "\x7f"
              "ELF");
    expect_refused("not valid JSON");
    put(file, "[]");
    assert_true(load() < 0);
    put(file, "{}");
    assert_true(load() < 0);
    assert_true(report.errors >= 6); /* everything that is missing, at once */
}

static void wrong_values_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"manifest", "2"},
        {"manifest", "\"1\""},
        {"name", "\"../echo\""},
        {"name", "\"Echo\""},
        {"name", "\"\""},
        {"name", "7"},
        {"version", "\"\""},
        {"abi", "1.0"},
        {"abi", "\"1\""},
        {"abi", "\"one.zero\""},
        {"library", "\"\""},
        {"library", "\"a\\u0000b\""},
        {"interfaces", "[]"},
        {"interfaces", "\"sallyport.auth/1\""},
        {"interfaces", "[\"sallyport.auth/1\", \"sallyport.auth/1\"]"},
        {"interfaces", "[7]"},
        {"threading", "\"many\""},
        {"deadline_ms", "-1"},
        {"deadline_ms", "0.5"},
        {"deadlines_ms", "{\"auth.password\": 0}"},
        {"deadlines_ms", "{\"auth.passwords\": 1000}"},
        {"deadlines_ms", "{\"fs.read\": 1000}"}, /* not of its interfaces */
        {"configuration", "[]"},
        {"configuration", "{\"type\": \"object\", \"if\": {}}"},
        {"sha256", "\"abc\""},
        {"unheard_of", "1"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_manifest(wrong[i][0], wrong[i][1]);
        if (load() == 0)
            fail_msg("%s: %s was accepted", wrong[i][0], wrong[i][1]);
        assert_true(report.errors > 0);
        assert_string_equal(report.complaints[0].file, file);
    }
}

static void abi_that_cannot_be_served_is_refused_with_a_remedy(void **state)
{
    (void)state;
    put_manifest("abi", "\"0.9\"");
    expect_refused("rebuild the plugin");
    put_manifest("abi", "\"1.99\"");
    expect_refused("use a newer sallyport");
    put_manifest("abi", "\"65537.0\"");
    expect_refused("use a newer sallyport");
}

static void unknown_interface_is_refused_with_those_there_are(void **state)
{
    (void)state;
    put_manifest("interfaces", "[\"sallyport.auth/1\", \"sallyport.auth/2\"]");
    expect_refused("sallyport.fs/1");
    assert_string_equal(report.complaints[0].key, "/interfaces/1");
    assert_true(report.complaints[0].line > 0);
}

static void library_of_another_hash_is_refused(void **state)
{
    (void)state;
    /* printf code | sha256sum */
    put_manifest("sha256", "\"5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b\"");
    assert_int_equal(load(), 0);
    assert_int_equal(manifest_check_library(manifest, &report), 0);
    put(library, "codf");
    expect_library_refused("it is not the file");
}

static void plugin_is_found_by_the_name_of_its_directory(void **state)
{
    (void)state;
    char empty[] = "/tmp/sallyport-nowhere";
    char *directories[] = {empty, root};
    assert_int_equal(manifest_find("echo", directories, 2, &manifest, &report), 0);
    assert_string_equal(manifest->name, "echo");
    manifest_free(manifest);
    static const char *const names[] = {"ech", "", ".", "..", "./echo", "../echo", "echo/"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(manifest_find(names[i], directories, 2, &manifest, &report),
                         SP_ERR_NOT_FOUND);
        assert_null(manifest);
    }
    assert_int_equal(report.count, 0);
    put_manifest("name", "\"other\"");
    assert_int_equal(manifest_find("echo", directories, 2, &manifest, &report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "its directory is named \"echo\""));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(good_manifest_is_read_and_defaults_filled_in),
        TEST(what_others_may_write_is_refused),
        TEST(plugin_directory_that_others_may_write_to_is_refused),
        TEST(what_a_stranger_owns_is_refused),
        TEST(owner_of_the_plugin_directory_is_trusted_in_it),
        TEST(symbolic_links_are_refused),
        TEST(what_is_no_regular_file_is_refused),
        TEST(library_outside_the_manifests_directory_is_refused),
        TEST(library_in_a_subdirectory_is_checked_along_the_way),
        TEST(duplicate_keys_are_refused),
        TEST(deep_nesting_is_refused),
        TEST(huge_manifest_is_refused_without_reading_it_all),
        TEST(text_that_is_no_manifest_is_refused),
        TEST(wrong_values_are_refused),
        TEST(abi_that_cannot_be_served_is_refused_with_a_remedy),
        TEST(unknown_interface_is_refused_with_those_there_are),
        TEST(library_of_another_hash_is_refused),
        TEST(plugin_is_found_by_the_name_of_its_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
