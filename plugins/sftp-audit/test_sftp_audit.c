/* test_sftp_audit.c: lines, sinks and a full queue, in the test host. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "sftp-audit/record.h"
#include "test_host.h"

#define DEADLINE_S 20

static struct test_host *host;
static char directory[64], file[96];

static void begin(const char *format, ...)
{
    char config[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(config, sizeof config, format, args);
    va_end(args);
    host = test_host_new(&sallyport_plugin_v1, config);
}

static void begin_file(const char *what, const char *when_full)
{
    begin("{\"what\":\"%s\",\"families\":[\"open\",\"write\",\"directory.list\"],\"sink\":\"file\","
          "\"file\":\"%s\",\"file_mode\":\"0640\",\"queue_bytes\":524288,\"when_full\":\"%s\","
          "\"wait_ms\":3000}",
          what, file, when_full);
    assert_non_null(host);
    test_host_connection(host)->user = sp_str_of("ann");
}

static struct sp_sftp_event opened(const char *path)
{
    return (struct sp_sftp_event){.family = SP_SFTP_OPEN,
                                  .protocol = SP_SFTP_PROTOCOL_SFTP,
                                  .version = 6,
                                  .name = sp_str_of("open"),
                                  .path = sp_str_of(path),
                                  .flags = SP_OPEN_WRITE | SP_OPEN_CREATE};
}

static int32_t after(struct sp_sftp_event event)
{
    test_host_forget(host);
    return TEST_SFTP(host, after, &event)->verdict;
}

static int32_t before(struct sp_sftp_event event)
{
    test_host_forget(host);
    return TEST_SFTP(host, before, &event)->verdict;
}

static void nap(void)
{
    const struct timespec a_while = {0, 5000000};
    nanosleep(&a_while, NULL);
}

/* The lines of a file, once there are so many; each must be JSON. */
static json_t *lines_of(const char *path, size_t wanted)
{
    time_t end = time(NULL) + DEADLINE_S;
    for (;;) {
        char *text = NULL;
        size_t size = 0;
        json_t *lines = json_array();
        FILE *stream = fopen(path, "r");
        ssize_t length;
        while (stream && (length = getline(&text, &size, stream)) > 0 && text[length - 1] == '\n') {
            json_error_t error;
            json_t *line = json_loadb(text, (size_t)length, 0, &error);
            if (!line)
                fail_msg("%s: %s", error.text, text);
            json_array_append_new(lines, line);
        }
        free(text);
        if (stream)
            fclose(stream);
        if (json_array_size(lines) >= wanted)
            return lines;
        json_decref(lines);
        if (time(NULL) >= end)
            fail_msg("waited in vain for %zu lines in %s", wanted, path);
        nap();
    }
}

static const char *text_of(json_t *lines, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(lines, i), key));
}

static json_int_t number_of(json_t *lines, size_t i, const char *key)
{
    return json_integer_value(json_object_get(json_array_get(lines, i), key));
}

static void an_operation_is_a_line_that_says_it_all(void **state)
{
    (void)state;
    begin_file("operations", "drop");
    struct sp_fs_attributes attributes = {
        .struct_size = sizeof attributes, .valid = SP_ATTR_PERMISSIONS, .mode = 04751};
    struct sp_sftp_event event = opened("/a");
    event.attributes = &attributes;
    event.mount = sp_str_of("/");
    event.status = SP_FS_PERMISSION_DENIED;
    event.decided = SP_SFTP_BY_HOOK;
    event.text = sp_str_of("no");
    event.duration_ns = 1234567;
    assert_int_equal(after(event), SP_NEXT);
    event.family = SP_SFTP_RENAME; /* not asked for */
    assert_int_equal(after(event), SP_NEXT);
    struct sp_sftp_event listed = opened("/d");
    listed.family = SP_SFTP_DIRECTORY_LIST;
    listed.name = sp_str_of("readdir");
    assert_int_equal(after(listed), SP_NEXT);
    listed.name = sp_str_of("opendir");
    assert_int_equal(after(listed), SP_NEXT);
    json_t *lines = lines_of(file, 2);
    assert_string_equal(text_of(lines, 0, "time"), "2023-11-14T22:13:20.000Z");
    assert_string_equal(text_of(lines, 0, "client"), "192.0.2.1");
    assert_int_equal(number_of(lines, 0, "port"), 50000);
    assert_int_equal(number_of(lines, 0, "connection"), 1);
    assert_string_equal(text_of(lines, 0, "user"), "ann");
    assert_string_equal(text_of(lines, 0, "protocol"), "sftp");
    assert_int_equal(number_of(lines, 0, "version"), 6);
    assert_string_equal(text_of(lines, 0, "operation"), "open");
    assert_string_equal(text_of(lines, 0, "path"), "/a");
    assert_string_equal(text_of(lines, 0, "mode"), "04751");
    assert_string_equal(text_of(lines, 0, "status"), "permission-denied");
    assert_string_equal(text_of(lines, 0, "by"), "hook");
    assert_string_equal(text_of(lines, 0, "text"), "no");
    assert_int_equal(number_of(lines, 0, "duration_us"), 1234);
    json_t *flags = json_object_get(json_array_get(lines, 0), "flags");
    assert_int_equal(json_array_size(flags), 2);
    assert_string_equal(json_string_value(json_array_get(flags, 1)), "create");
    assert_string_equal(text_of(lines, 1, "operation"), "opendir");
    json_decref(lines);
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777 & ~0640, 0);
}

static void a_transfer_is_a_line(void **state)
{
    (void)state;
    begin_file("transfers", "drop");
    assert_int_equal(after(opened("/no line")), SP_NEXT);
    struct sp_sftp_transfer event = {.kind = SP_SFTP_UPLOADED,
                                     .protocol = SP_SFTP_PROTOCOL_SCP,
                                     .path = sp_str_of("/new"),
                                     .opened_path = sp_str_of("/new.filepart"),
                                     .size = UINT64_MAX / 2,
                                     .bytes_written = 12,
                                     .started_ms = TEST_HOST_START_MS,
                                     .hash_algorithm = sp_str_of("md5"),
                                     .hash = {"\x00\xff\x10", 3}};
    TEST_SFTP(host, transfer, &event);
    json_t *lines = lines_of(file, 1);
    assert_string_equal(text_of(lines, 0, "event"), "uploaded");
    assert_string_equal(text_of(lines, 0, "protocol"), "scp");
    assert_string_equal(text_of(lines, 0, "opened_path"), "/new.filepart");
    assert_true(number_of(lines, 0, "size") == INT64_MAX);
    assert_string_equal(text_of(lines, 0, "hash"), "00ff10");
    assert_string_equal(text_of(lines, 0, "started"), "2023-11-14T22:13:20.000Z");
    json_decref(lines);
}

/* Every byte and every character that does harm: always one line, always JSON, nothing raw. */
static void no_name_breaks_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text; /* as a reader of the JSON has it */
        bool has_bytes;   /* beside it, in hexadecimal */
    } cases[] = {
        {"\n{\"event\":\"forged\"}\n", "\n{\"event\":\"forged\"}\n", false},
        {"\r\t\v\f\b\x1b[31m\x7f", "\r\t\v\f\b\x1b[31m\x7f", false},
        {"\"quotes\" and \\ and '", "\"quotes\" and \\ and '", false},
        {"a\xe2\x80\xae"
         "fdp.exe",
         "a\xe2\x80\xae"
         "fdp.exe",
         false},
        {"\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xc2\x85",
         "\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf\xc2\x85", false},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82", false},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd", true},
        {"overlong \xc0\xaf", "overlong \xef\xbf\xbd\xef\xbf\xbd", true},
        {"surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", true},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd", true},
        {"=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0", false},
    };
    static char room[65536];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sp_sftp_event event = opened(cases[i].name);
        size_t length = record_operation(room, sizeof room, 0, &event);
        assert_true(length > 0 && length <= record_size(event.path, event.target));
        assert_int_equal(room[length - 1], '\n');
        for (size_t k = 0; k + 1 < length; k++)
            assert_true((unsigned char)room[k] >= 0x20 && room[k] != 0x7f);
        assert_null(memmem(room, length, "\xe2\x80\xae", 3));
        assert_null(memmem(room, length, "\xe2\x80\xa8", 3));
        json_t *line = json_loadb(room, length, 0, NULL);
        assert_non_null(line);
        assert_string_equal(json_string_value(json_object_get(line, "path")), cases[i].text);
        assert_string_equal(json_string_value(json_object_get(line, "event")), "operation");
        assert_int_equal(json_object_get(line, "path_hex") != NULL, cases[i].has_bytes);
        json_decref(line);
    }
    char all[255];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)(i + 1);
    struct sp_sftp_event event = opened("");
    event.path = (struct sp_str){all, sizeof all};
    event.target = event.path;
    size_t length = record_operation(room, sizeof room, 0, &event);
    json_t *line = json_loadb(room, length, 0, NULL);
    assert_non_null(line);
    json_decref(line);
    assert_ptr_equal(memchr(room, '\n', length), room + length - 1);
}

/* Else who wants no line about a file would send an owner with it that fills the queue. */
static void long_words_take_no_more_room_than_there_is(void **state)
{
    (void)state;
    static char room[1 << 20], words[250000], path[4096];
    memset(words, '\x01', sizeof words);
    memset(path, '\xff', sizeof path);
    const struct sp_str longest = {words, sizeof words}, name = {path, sizeof path};
    const struct sp_fs_attributes attributes = {.struct_size = sizeof attributes,
                                                .valid = SP_ATTR_OWNER_NAMES,
                                                .owner = longest,
                                                .group = longest};
    struct sp_sftp_event event = opened("/");
    event.path = event.target = event.result_path = name;
    event.attributes = &attributes;
    event.text = longest;
    size_t length = record_operation(room, sizeof room, 0, &event);
    assert_true(length > 0 && length <= record_size(event.path, event.target));
    assert_true(length <= 524288 / 2); /* the smallest queue's */
}

static void a_line_that_does_not_fit_is_none(void **state)
{
    (void)state;
    static char room[4096];
    struct sp_sftp_event event = opened("/some/name\n");
    size_t whole = record_operation(room, sizeof room, 0, &event);
    for (size_t size = 0; size < whole; size++) {
        char *exactly = malloc(size + 1);
        assert_non_null(exactly);
        assert_int_equal(record_operation(exactly, size, 0, &event), 0);
        free(exactly);
    }
    assert_int_equal(record_operation(room, whole, 0, &event), whole);
}

static void a_file_that_is_rotated_is_followed(void **state)
{
    (void)state;
    char old[128];
    snprintf(old, sizeof old, "%s.1", file);
    begin_file("operations", "drop");
    after(opened("/first"));
    json_decref(lines_of(file, 1));
    assert_int_equal(rename(file, old), 0);
    size_t sent = 1;
    for (time_t end = time(NULL) + DEADLINE_S; access(file, F_OK) < 0; nap()) {
        assert_true(time(NULL) < end);
        assert_int_equal(after(opened("/later")), SP_NEXT);
        sent++;
    }
    test_host_free(host);
    host = NULL;
    json_t *before_it = lines_of(old, 1), *after_it = lines_of(file, 1);
    assert_int_equal(json_array_size(before_it) + json_array_size(after_it), sent);
    json_decref(before_it);
    json_decref(after_it);
    unlink(old);
}

static void what_cannot_be_written_at_all_does_not_start(void **state)
{
    (void)state;
    strcat(file, "/none/audit");
    begin("{\"what\":\"operations\",\"families\":[],\"sink\":\"file\",\"file\":\"%s\","
          "\"queue_bytes\":524288,\"when_full\":\"drop\",\"wait_ms\":1}",
          file);
    assert_null(host);
    begin("{\"what\":\"operations\",\"families\":[],\"sink\":\"file\",\"queue_bytes\":524288}");
    assert_null(host);
}

/* --- a sink that takes nothing: a FIFO whose reader does not read -------------------------- */

static char piped[4u << 20]; /* out of the FIFO, and not looked at yet */
static size_t piped_length;

static int begin_stuck(const char *when_full)
{
    assert_int_equal(mkfifo(file, 0600), 0);
    int reader = open(file, O_RDONLY | O_NONBLOCK);
    piped_length = 0;
    assert_true(reader >= 0);
    begin_file("operations", when_full);
    return reader;
}

static const char *long_path(void)
{
    static char path[2000];
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    return path;
}

/* Until after() says something else than SP_NEXT, or so many were asked. */
static size_t fill(size_t most, int32_t *ret_verdict)
{
    size_t asked = 0;
    do
        *ret_verdict = after(opened(long_path()));
    while (++asked < most && *ret_verdict == SP_NEXT);
    return asked;
}

/* The next line that comes out. The caller's. */
static json_t *next_line(int reader)
{
    char *newline;
    for (time_t end = time(NULL) + DEADLINE_S; !(newline = memchr(piped, '\n', piped_length));) {
        ssize_t got = read(reader, piped + piped_length, sizeof piped - piped_length);
        if (got > 0) {
            piped_length += (size_t)got;
            continue;
        }
        assert_true(time(NULL) < end);
        nap();
    }
    size_t length = (size_t)(newline - piped) + 1;
    json_t *line = json_loadb(piped, length, 0, NULL);
    assert_non_null(line);
    memmove(piped, piped + length, piped_length - length);
    piped_length -= length;
    return line;
}

/* Somebody reads, for a moment. */
static void read_some(int reader)
{
    if (read(reader, piped, sizeof piped) <= 0)
        nap();
}

static void a_slow_sink_makes_lines_drop_and_says_how_many(void **state)
{
    (void)state;
    int reader = begin_stuck("drop");
    int32_t verdict;
    assert_int_equal(fill(1000, &verdict), 1000); /* some 2 MiB */
    assert_int_equal(verdict, SP_NEXT);
    assert_int_equal(before(opened("/a")), SP_NEXT);
    /* What comes through is whole, and where lines are missing it says how many. */
    json_int_t dropped = 0;
    for (size_t shown = 0; dropped == 0; shown++) {
        assert_true(shown < 2000);
        if (shown >= 50)
            assert_int_equal(after(opened("/a")), SP_NEXT);
        json_t *line = next_line(reader);
        if (strcmp(json_string_value(json_object_get(line, "event")), "dropped") == 0)
            dropped = json_integer_value(json_object_get(line, "count"));
        json_decref(line);
    }
    assert_true(dropped > 0 && dropped < 1000);
    close(reader);
}

static void a_slow_sink_makes_operations_wait_and_then_fail(void **state)
{
    (void)state;
    int reader = begin_stuck("wait");
    int32_t verdict;
    assert_true(fill(1000, &verdict) < 1000);
    assert_int_equal(verdict, SP_DENY); /* after wait_ms */

    /* One that waits goes on when there is room again. */
    struct sp_sftp_event event = opened(long_path());
    const struct sp_sftp_v1 *table = test_host_table(host, SP_SFTP_INTERFACE);
    struct test_answer *asked = test_host_ask(
        host, TEST_KIND_SFTP, TEST_HOST_SLOT(sp_sftp_v1, after), &event.head, sizeof event);
    int32_t returned = table->after(test_host_self(host), &event);
    assert_int_equal(returned, SP_PENDING);
    for (time_t end = time(NULL) + DEADLINE_S; test_host_open_questions(host) > 0;) {
        assert_true(time(NULL) < end);
        read_some(reader);
    }
    assert_int_equal(test_host_answer(host, asked, returned)->verdict, SP_NEXT);
    close(reader);
}

static void a_stuck_sink_fails_what_cannot_be_recorded(void **state)
{
    (void)state;
    int reader = begin_stuck("fail");
    int32_t verdict;
    assert_int_equal(before(opened("/a")), SP_NEXT);
    do { /* until the thread that writes is stuck, too */
        assert_true(fill(1000, &verdict) < 1000);
        assert_int_equal(verdict, SP_DENY);
    } while (before(opened("/a")) == SP_NEXT);
    struct sp_sftp_event other = opened("/a");
    other.family = SP_SFTP_REMOVE; /* gets no line */
    assert_int_equal(before(other), SP_NEXT);
    for (time_t end = time(NULL) + DEADLINE_S; before(opened("/a")) != SP_NEXT;) {
        assert_true(time(NULL) < end);
        read_some(reader);
    }
    close(reader);
}

static void the_end_does_not_wait_for_a_stuck_sink(void **state)
{
    (void)state;
    int reader = begin_stuck("drop");
    int32_t verdict;
    fill(1000, &verdict);
    time_t begun = time(NULL);
    test_host_free(host);
    host = NULL;
    assert_true(time(NULL) - begun < DEADLINE_S);
    close(reader);
}

static void the_journal_gets_each_line_as_a_message(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", file);
    int journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct timeval deadline = {DEADLINE_S, 0};
    assert_int_equal(setsockopt(journal, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline), 0);
    assert_int_equal(bind(journal, (struct sockaddr *)&address, sizeof address), 0);
    begin("{\"what\":\"operations\",\"families\":[\"open\"],\"sink\":\"journald\","
          "\"journal_socket\":\"%s\",\"queue_bytes\":524288,\"when_full\":\"drop\",\"wait_ms\":1}",
          file);
    assert_non_null(host);
    after(opened("/one\nMESSAGE=forged"));
    after(opened("/two"));
    static const char head[] = "SYSLOG_IDENTIFIER=sallyport-audit\nPRIORITY=6\nMESSAGE={";
    for (int i = 0; i < 2; i++) {
        char datagram[4096];
        ssize_t length = recv(journal, datagram, sizeof datagram, 0);
        assert_true(length > (ssize_t)sizeof head);
        assert_memory_equal(datagram, head, sizeof head - 1);
        char *line = datagram + sizeof head - 2;
        json_t *object = json_loadb(line, (size_t)(datagram + length - line), 0, NULL);
        assert_string_equal(json_string_value(json_object_get(object, "path")),
                            i == 0 ? "/one\nMESSAGE=forged" : "/two");
        json_decref(object);
    }
    close(journal);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/test_sftp_audit.XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(file, sizeof file, "%s/audit.json", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_host_free(host);
    host = NULL;
    unlink(file);
    return rmdir(directory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_operation_is_a_line_that_says_it_all),
        TEST(a_transfer_is_a_line),
        TEST(no_name_breaks_a_line),
        TEST(long_words_take_no_more_room_than_there_is),
        TEST(a_line_that_does_not_fit_is_none),
        TEST(a_file_that_is_rotated_is_followed),
        TEST(what_cannot_be_written_at_all_does_not_start),
        TEST(a_slow_sink_makes_lines_drop_and_says_how_many),
        TEST(a_slow_sink_makes_operations_wait_and_then_fail),
        TEST(a_stuck_sink_fails_what_cannot_be_recorded),
        TEST(the_end_does_not_wait_for_a_stuck_sink),
        TEST(the_journal_gets_each_line_as_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
