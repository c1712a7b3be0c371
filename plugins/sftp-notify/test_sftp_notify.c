/* test_sftp_notify.c: what an event says, the spool, and commands; a web service is played in
 * tests/integration/sftp_notify.sh. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "notify.h"
#include "test_host.h"

static char directory[64], spool_path[80];

static int begin(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/sallyport-notify.XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(spool_path, sizeof spool_path, "%s/spool", directory);
    return 0;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

/* All defaults, but for what comes first. */
static struct test_host *host_with(const char *settings)
{
    char config[2048];
    snprintf(config, sizeof config,
             "{%s,\"spool\":\"%s\",\"events\":[\"uploaded\",\"upload_aborted\"],"
             "\"retry_first_ms\":1000,\"retry_most_ms\":8000,\"give_up_ms\":60000,"
             "\"timeout_ms\":5000,\"connect_timeout_ms\":1000}",
             settings, spool_path);
    return test_host_new(&sallyport_plugin_v1, config);
}

static int32_t tell(struct test_host *host, uint32_t kind, struct sp_str path)
{
    struct sp_sftp_transfer event = {.kind = kind,
                                     .protocol = SP_SFTP_PROTOCOL_SFTP,
                                     .path = path,
                                     .opened_path = path,
                                     .mount = sp_str_of("/"),
                                     .size = 11,
                                     .started_ms = 1700000000123,
                                     .duration_ns = 5000000,
                                     .hash_algorithm = sp_str_of("sha256"),
                                     .hash = {"\x01\xab", 2}};
    test_host_connection(host)->user = sp_str_of("ann");
    return TEST_SFTP(host, transfer, &event)->verdict;
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *stream = opendir(spool_path);
    for (struct dirent *entry; (entry = readdir(stream));)
        count += strstr(entry->d_name, ".event") != NULL;
    closedir(stream);
    return count;
}

/* Until count files are in the spool; ten seconds at most. */
static void wait_for_files(struct test_host *host, size_t count)
{
    for (int i = 0; i < 1000 && count_files() != count; i++) {
        test_host_tick(host);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_equal(count_files(), count);
}

static void names_are_escaped(void **state)
{
    (void)state;
    static const char path[] = "/in/\"a\\b\n\x1b[31m \xe2\x80\xae\xff";
    struct sp_connection connection = {
        .user = sp_str_of("a\"b"), .remote_address = sp_str_of("192.0.2.1"), .remote_port = 50000};
    struct sp_sftp_transfer event = {.head.connection = &connection,
                                     .kind = SP_SFTP_UPLOAD_ABORTED,
                                     .path = {path, sizeof path - 1},
                                     .opened_path = sp_str_of("/in/x"),
                                     .text = sp_str_of("why\tso")};
    struct text text = {0};
    event_write(&event, "0123456789abcdef0123456789abcdef", 1700000000123, &text);
    assert_false(text.failed);
    assert_null(memchr(text.data, '\n', text.length - 1));
    assert_null(memchr(text.data, 0x1b, text.length));
    assert_null(strstr(text.data, "\xe2\x80\xae")); /* which turns the direction around */
    json_t *json = json_loadb(text.data, text.length, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "path")),
                        "/in/\"a\\b\n\x1b[31m \xe2\x80\xae?");
    assert_string_equal(json_string_value(json_object_get(json, "path_base64")),
                        "L2luLyJhXGIKG1szMW0g4oCu/w==");
    assert_null(json_object_get(json, "opened_path_base64"));
    assert_string_equal(json_string_value(json_object_get(json, "event")), "upload_aborted");
    assert_string_equal(json_string_value(json_object_get(json, "time")),
                        "2023-11-14T22:13:20.123Z");
    assert_string_equal(json_string_value(json_object_get(json, "user")), "a\"b");
    assert_string_equal(json_string_value(json_object_get(json, "reason")), "why\tso");
    assert_null(json_object_get(json, "hash"));
    json_decref(json);
    text_clear(&text);
}

static void either_a_service_or_a_command(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\"queue_max\":10",
        "\"url\":\"https://a.example/\",\"command\":[\"/bin/true\"]",
        "\"command\":[\"true\"]",
        "\"url\":\"http://192.0.2.1/\"",
        "\"url\":\"https://a.example/\",\"secret_file\":\"/nowhere\"",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_null(host_with(wrong[i]));
    assert_int_equal(mkdir(spool_path, 0777), 0);
    assert_int_equal(chmod(spool_path, 0777), 0);
    assert_null(host_with("\"queue_max\":10,\"command\":[\"/bin/true\"]")); /* anybody's spool */
}

static void a_command_gets_the_event(void **state)
{
    (void)state;
    char settings[512], file[100], line[4096];
    snprintf(settings, sizeof settings,
             "\"queue_max\":10,\"command\":[\"/bin/sh\",\"-c\","
             "\"{ env; cat; } >'%s/new' && mv '%s/new' '%s/out'\"]",
             directory, directory, directory);
    struct test_host *host = host_with(settings);
    assert_non_null(host);
    setenv("SALLYPORT_SECRET", "ours", 1);
    assert_int_equal(tell(host, SP_SFTP_DOWNLOADED, sp_str_of("/in/x")), SP_NEXT); /* not wanted */
    assert_int_equal(tell(host, SP_SFTP_UPLOADED, sp_str_of("/in/$(id) \xff")), SP_NEXT);
    wait_for_files(host, 0);
    snprintf(file, sizeof file, "%s/out", directory);
    FILE *stream = fopen(file, "r");
    assert_non_null(stream);
    size_t length = fread(line, 1, sizeof line - 1, stream);
    line[length] = '\0';
    fclose(stream);
    assert_non_null(strstr(line, "SALLYPORT_PATH=/in/$(id) \xff\n"));
    assert_non_null(strstr(line, "SALLYPORT_EVENT=uploaded\n"));
    assert_non_null(strstr(line, "SALLYPORT_USER=ann\n"));
    assert_non_null(strstr(line, "SALLYPORT_SIZE=11\n"));
    assert_non_null(strstr(line, "SALLYPORT_HASH=01ab\n"));
    assert_non_null(strstr(line, "\"hash\":\"01ab\""));
    assert_null(strstr(line, "SALLYPORT_SECRET"));
    test_host_free(host);
}

/* Events outlive the instance, and wait longer each time. */
static void what_fails_is_tried_again(void **state)
{
    (void)state;
    char settings[256], flag[100];
    snprintf(flag, sizeof flag, "%s/flag", directory);
    snprintf(settings, sizeof settings,
             "\"queue_max\":10,\"command\":[\"/bin/sh\",\"-c\",\"test -e '%s'\"]", flag);
    struct test_host *host = host_with(settings);
    tell(host, SP_SFTP_UPLOADED, sp_str_of("/a"));
    for (int i = 0; i < 1000 && !test_host_logged(host, "exit status 1"); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_true(test_host_logged(host, "exit status 1"));
    assert_int_equal(count_files(), 1);
    test_host_free(host);

    fclose(fopen(flag, "w"));
    host = host_with(settings);
    test_host_advance(host, 10000);
    wait_for_files(host, 0);
    test_host_free(host);
}

static void what_is_too_old_is_given_up(void **state)
{
    (void)state;
    struct test_host *host = host_with("\"queue_max\":10,\"command\":[\"/bin/false\"]");
    tell(host, SP_SFTP_UPLOADED, sp_str_of("/a"));
    for (int i = 0; i < 1000 && !test_host_logged(host, "exit status 1"); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    test_host_advance(host, 70000);
    wait_for_files(host, 0);
    assert_true(test_host_logged(host, "is given up"));
    test_host_free(host);
}

/* One holds the lock; the other's events are sent all the same, and its own take over later. */
static void two_workers_share_a_spool(void **state)
{
    (void)state;
    struct test_host *first = host_with("\"queue_max\":10,\"command\":[\"/bin/true\"]");
    struct test_host *second = host_with("\"queue_max\":10,\"command\":[\"/bin/true\"]");
    tell(first, SP_SFTP_UPLOADED, sp_str_of("/a"));
    tell(second, SP_SFTP_UPLOADED, sp_str_of("/b"));
    for (int i = 0; i < 1000 && count_files() > 0; i++) {
        test_host_tick(first);
        test_host_tick(second);
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_equal(count_files(), 0);
    test_host_free(first);
    tell(second, SP_SFTP_UPLOADED, sp_str_of("/c"));
    wait_for_files(second, 0);
    test_host_free(second);
}

/* In a container a worker may have the number that one had which was killed. */
static void what_was_left_half_written_stops_nobody(void **state)
{
    (void)state;
    char path[160];
    struct test_host *host = host_with("\"queue_max\":2,\"url\":\"http://127.0.0.1:9/\"");
    assert_non_null(host);
    snprintf(path, sizeof path, "%s/.%ld-0.new", spool_path, (long)getpid());
    FILE *left = fopen(path, "w");
    assert_non_null(left);
    fclose(left);
    assert_int_equal(tell(host, SP_SFTP_UPLOADED, sp_str_of("/a")), SP_NEXT);
    assert_int_equal(count_files(), 1);
    test_host_free(host);
}

static void a_full_queue_takes_no_more_and_says_so(void **state)
{
    (void)state;
    /* Port 9 of the machine itself: nobody listens. */
    struct test_host *host = host_with("\"queue_max\":2,\"url\":\"http://127.0.0.1:9/\"");
    assert_non_null(host);
    assert_int_equal(tell(host, SP_SFTP_UPLOADED, sp_str_of("/a")), SP_NEXT);
    assert_int_equal(tell(host, SP_SFTP_UPLOADED, sp_str_of("/b")), SP_NEXT);
    assert_true(tell(host, SP_SFTP_UPLOADED, sp_str_of("/c")) < 0);
    assert_true(test_host_logged(host, "lost: uploaded /c"));
    assert_int_equal(count_files(), 2);
    test_host_free(host);
    assert_int_equal(count_files(), 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(names_are_escaped),
        TEST(either_a_service_or_a_command),
        TEST(a_command_gets_the_event),
        TEST(what_fails_is_tried_again),
        TEST(what_is_too_old_is_given_up),
        TEST(two_workers_share_a_spool),
        TEST(what_was_left_half_written_stops_nobody),
        TEST(a_full_queue_takes_no_more_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
