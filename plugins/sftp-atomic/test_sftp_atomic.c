/* test_sftp_atomic.c: which files go the detour, and what their names are meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test_host.h"

#define MAKES (SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE)

static struct test_host *host;

static const struct test_answer *open_file(const char *path, uint32_t flags)
{
    struct sp_sftp_event event = {.family = SP_SFTP_OPEN,
                                  .protocol = SP_SFTP_PROTOCOL_SFTP,
                                  .name = sp_str_of("open"),
                                  .path = sp_str_of(path),
                                  .flags = flags};
    test_host_forget(host);
    return TEST_SFTP(host, before, &event);
}

static void begin(const char *config)
{
    test_host_free(host);
    host = test_host_new(&sallyport_plugin_v1, config);
    assert_non_null(host);
}

static int end(void **state)
{
    (void)state;
    test_host_free(host);
    host = NULL;
    return 0;
}

static void a_new_file_has_a_hidden_name(void **state)
{
    (void)state;
    char names[2][300];
    begin("{\"paths\":[],\"on_abort\":\"remove\"}");
    for (int i = 0; i < 2; i++) {
        const struct sp_sftp_reply *reply = &open_file("/in/a b.csv", MAKES)->sftp;
        assert_int_equal(reply->head.verdict, SP_NEXT);
        assert_int_equal(reply->changes, SP_SFTP_CHANGE_PATH | SP_SFTP_CHANGE_FINAL);
        assert_string_equal(reply->final_path.data, "/in/a b.csv");
        assert_int_equal(reply->final_flags, 0);
        assert_int_equal(reply->path.len, strlen("/in/.a b.csv.sallyport-0123456789abcdef"));
        assert_memory_equal(reply->path.data, "/in/.a b.csv.sallyport-", 23);
        snprintf(names[i], sizeof names[i], "%s", reply->path.data);
    }
    assert_string_not_equal(names[0], names[1]);
    assert_memory_equal(open_file("/f", MAKES)->sftp.path.data, "/.f.sallyport-", 14);
}

static void only_what_begins_from_nothing_is_diverted(void **state)
{
    (void)state;
    static const struct {
        uint32_t flags;
        int32_t is_diverted;
    } cases[] = {
        {MAKES, true},
        {MAKES | SP_OPEN_READ | SP_OPEN_APPEND, true},
        {SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_EXCLUSIVE, true},
        {SP_OPEN_WRITE | SP_OPEN_CREATE, false},
        {SP_OPEN_WRITE | SP_OPEN_TRUNCATE, false},
        {SP_OPEN_WRITE | SP_OPEN_APPEND | SP_OPEN_CREATE, false},
        {SP_OPEN_READ, false},
        {SP_OPEN_READ | SP_OPEN_CREATE | SP_OPEN_TRUNCATE, false},
        {MAKES | SP_OPEN_DELETE_ON_CLOSE, false},
    };
    begin("{\"paths\":[],\"on_abort\":\"remove\"}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct test_answer *answer = open_file("/f", cases[i].flags);
        assert_int_equal(answer->verdict, SP_NEXT);
        assert_int_equal(answer->sftp.changes != 0, cases[i].is_diverted);
    }
}

static void only_where_it_is_wanted(void **state)
{
    (void)state;
    begin("{\"paths\":[\"/in\",\"/home/*/up/*.csv\"],\"on_abort\":\"keep\"}");
    assert_int_equal(open_file("/in/deep/f", MAKES)->sftp.final_flags, SP_SFTP_FINAL_KEEP_PART);
    assert_int_not_equal(open_file("/home/ann/up/f.csv", MAKES)->sftp.changes, 0);
    assert_int_equal(open_file("/home/ann/up/f.txt", MAKES)->sftp.changes, 0);
    assert_int_equal(open_file("/inside/f", MAKES)->sftp.changes, 0);
}

/* 255 bytes are the longest name that file systems take, and a path has a bound, too. */
static void long_names_are_cut_between_characters(void **state)
{
    (void)state;
    char path[5000] = "/";
    begin("{\"paths\":[],\"on_abort\":\"remove\"}");
    for (int i = 0; i < 127; i++)
        memcpy(path + 1 + 2 * i, "\xc3\xa9", 3);
    const struct sp_sftp_reply *reply = &open_file(path, MAKES)->sftp;
    assert_true(reply->path.len <= 256);
    assert_memory_equal(reply->path.data, "/.\xc3\xa9", 4);
    const char *tail = strstr(reply->path.data, ".sallyport-");
    assert_non_null(tail);
    assert_int_equal((tail - reply->path.data) % 2, 0); /* "/." and characters of two bytes */

    for (int length = 4050; length < 4096; length++) {
        memset(path, 'd', (size_t)length);
        for (int i = 0; i < length; i += 100)
            path[i] = '/';
        path[length] = '\0';
        const struct test_answer *answer = open_file(path, MAKES);
        if (answer->verdict == SP_DENY)
            assert_int_equal(answer->sftp.status, SP_FS_INVALID_FILENAME);
        else
            assert_true(answer->sftp.path.len <= 4095);
    }
    assert_int_equal(open_file(path, MAKES)->verdict, SP_DENY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file_has_a_hidden_name),
        cmocka_unit_test(only_what_begins_from_nothing_is_diverted),
        cmocka_unit_test(only_where_it_is_wanted),
        cmocka_unit_test(long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
