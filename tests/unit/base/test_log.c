/* test_log.c: one record, one line, whatever a client puts into it. */
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sallyport/types.h>

#include "base/log.h"

static int sink = -1;
static char written[16384];

static int open_sink(void **state)
{
    (void)state;
    sink = memfd_create("log", MFD_CLOEXEC);
    return sink < 0;
}

static int close_sink(void **state)
{
    (void)state;
    close(sink);
    return 0;
}

static void begin(enum log_level level, enum log_format format)
{
    assert_int_equal(ftruncate(sink, 0), 0);
    lseek(sink, 0, SEEK_SET);
    log_open(sink, level, format);
}

static const char *all_written(void)
{
    ssize_t len = pread(sink, written, sizeof(written) - 1, 0);

    assert_true(len >= 0);
    written[len] = '\0';
    return written;
}

/* The fields of the only record, from behind the process id to the line's end. */
static const char *fields_written(void)
{
    const char *text = all_written();
    const char *pid = strstr(text, "pid");

    assert_non_null(pid);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    written[strlen(written) - 1] = '\0';
    return pid + strcspn(pid, " ,}");
}

static void check_text(const char *data, size_t len, const char *expected)
{
    char line[1024];

    begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info("e", LOG_BYTES("k", data, len));
    snprintf(line, sizeof(line), " k=%s", expected);
    assert_string_equal(fields_written(), line);
}

static void check_json(const char *data, size_t len, const char *expected)
{
    char line[1024];

    begin(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info("e", LOG_BYTES("k", data, len));
    snprintf(line, sizeof(line), ",\"k\":\"%s\"}", expected);
    assert_string_equal(fields_written(), line);
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("%s does not match %s", text, pattern);
    regfree(&regex);
}

static void a_text_record_has_time_level_event_process_and_fields(void **state)
{
    struct sp_str user = {.data = "a bxx", .len = 3};

    (void)state;
    begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info("auth.denied", LOG_U64("conn", 5), LOG_STR("user", user), LOG_I64("n", -1));
    assert_matches(all_written(),
                   "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9][.][0-9]{3}Z "
                   "info auth[.]denied pid=[0-9]+ conn=5 user=\"a b\" n=-1\n$");
}

static void a_json_record_is_one_object_on_one_line(void **state)
{
    char expected[128];

    (void)state;
    begin(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_warning("limit.hit", LOG_U64("conn", UINT64_MAX), LOG_TEXT("user", "a b"),
                LOG_I64("n", INT64_MIN));
    snprintf(expected, sizeof(expected),
             "Z\",\"level\":\"warning\",\"event\":\"limit.hit\",\"pid\":%ld,", (long)getpid());
    assert_non_null(strstr(all_written(), expected));
    assert_int_equal(strncmp(written, "{\"time\":\"20", 11), 0);
    assert_string_equal(fields_written(), ",\"conn\":18446744073709551615,\"user\":\"a b\","
                                          "\"n\":-9223372036854775808}");
}

static void a_record_without_fields_is_complete(void **state)
{
    (void)state;
    begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_info("worker.ready");
    assert_string_equal(fields_written(), "");
    begin(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_info("worker.ready");
    assert_string_equal(fields_written(), "}");
}

/* The C library's calendar is the witness for ours. */
static void the_time_is_now_in_utc(void **state)
{
    char before[64], after[64], stamp[64];
    time_t now;
    struct tm tm;

    (void)state;
    begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    now = time(NULL);
    strftime(before, sizeof(before), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now, &tm));
    log_info("e");
    /* time() may lag behind the precise clock by a tick. */
    now = time(NULL) + 1;
    strftime(after, sizeof(after), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now, &tm));
    snprintf(stamp, sizeof(stamp), "%.19s", all_written());
    assert_true(strcmp(before, stamp) <= 0);
    assert_true(strcmp(stamp, after) <= 0);
}

static void levels_below_the_chosen_one_are_silent(void **state)
{
    (void)state;
    begin(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
    assert_true(log_is_enabled(LOG_LEVEL_ERROR));
    assert_true(log_is_enabled(LOG_LEVEL_WARNING));
    assert_false(log_is_enabled(LOG_LEVEL_INFO));
    log_info("e");
    log_debug("e");
    assert_string_equal(all_written(), "");
    log_error("one");
    assert_non_null(strstr(all_written(), " error one "));
}

static void plain_words_need_no_quotes(void **state)
{
    (void)state;
    check_text("AZaz09._:/@+,-", 14, "AZaz09._:/@+,-");
    check_text("", 0, "\"\"");
    check_text(NULL, 0, "\"\"");
    check_text(NULL, 4, "\"\"");
    check_text("a=b", 3, "\"a=b\"");
}

static void what_could_forge_a_line_is_escaped(void **state)
{
    (void)state;
    check_text("a\nb", 3, "\"a\\x0ab\"");
    check_text("a\0b", 3, "\"a\\x00b\"");
    check_text("\x1b[31m\x7f", 6, "\"\\x1b[31m\\x7f\"");
    check_text("say \"x\\", 7, "\"say \\x22x\\x5c\"");
    check_json("a\nb", 3, "a\\u000ab");
    check_json("a\0b", 3, "a\\u0000b");
    check_json("\x1b\x7f", 2, "\\u001b\\u007f");
    check_json("say \"x\\", 7, "say \\u0022x\\u005c");
}

static void well_formed_utf8_is_kept(void **state)
{
    (void)state;
    check_text("gr\u00fc\u00df \u20ac \U0001f600", 15, "\"gr\u00fc\u00df \u20ac \U0001f600\"");
    check_json("gr\u00fc\u00df \u20ac \U0001f600", 15, "gr\u00fc\u00df \u20ac \U0001f600");
}

static void what_reorders_text_or_acts_on_terminals_is_escaped(void **state)
{
    (void)state;
    check_text("\u202e\u2066", 6, "\"\\u{202e}\\u{2066}\"");
    check_text("\u202a\u2069", 6, "\"\\u{202a}\\u{2069}\"");
    check_text("\u2029\u200f\xc2\x9b", 8, "\"\\u{2029}\\u{200f}\\u{9b}\"");
    check_text("\u205f\u2070\u202f", 9, "\"\u205f\u2070\u202f\"");
    check_json("\u202e\u2066", 6, "\\u202e\\u2066");
}

static void malformed_utf8_is_escaped_byte_by_byte(void **state)
{
    (void)state;
    check_text("\xff", 1, "\"\\xff\"");
    check_text("\x80", 1, "\"\\x80\"");
    check_text("\xc0\xaf", 2, "\"\\xc0\\xaf\"");                   /* over-long */
    check_text("\xe0\x80\x80", 3, "\"\\xe0\\x80\\x80\"");          /* over-long */
    check_text("\xf0\x80\x80\x80", 4, "\"\\xf0\\x80\\x80\\x80\""); /* over-long */
    check_text("\xed\xa0\x80", 3, "\"\\xed\\xa0\\x80\"");          /* a surrogate */
    check_text("\xf4\x90\x80\x80", 4, "\"\\xf4\\x90\\x80\\x80\""); /* past the end */
    check_text("\xf5\x80\x80\x80", 4, "\"\\xf5\\x80\\x80\\x80\"");
    check_text("\xe2\x82", 2, "\"\\xe2\\x82\"");     /* cut */
    check_text("\xe2\x82\xac", 2, "\"\\xe2\\x82\""); /* cut by the length */
    check_text("\xc3zz", 3, "\"\\xc3zz\"");
    check_json("a\xff", 2, "a\\ufffd");
}

static void check_cut(enum log_format format, const char *value, size_t len, const char *end)
{
    begin(LOG_LEVEL_INFO, format);
    log_info("e", LOG_BYTES("k", value, len), LOG_U64("after", 1));
    fields_written();
    assert_true(strlen(written) < 8192);
    assert_true(strlen(written) > 8192 - 64);
    assert_string_equal(written + strlen(written) - strlen(end), end);
    assert_null(strstr(written, "after"));
}

static void long_records_are_cut_and_marked(void **state)
{
    static char word[10000], bytes[10000], text[10002];

    (void)state;
    memset(word, 'x', sizeof(word));
    memset(bytes, 0x01, sizeof(bytes));
    for (size_t i = 0; i + 3 <= sizeof(text); i += 3)
        memcpy(text + i, "\u20ac", 3);
    check_cut(LOG_FORMAT_TEXT, word, sizeof(word), "xxx truncated=1");
    check_cut(LOG_FORMAT_TEXT, bytes, sizeof(bytes), "\\x01\" truncated=1");
    check_cut(LOG_FORMAT_TEXT, text, sizeof(text), "\u20ac\" truncated=1");
    check_cut(LOG_FORMAT_JSON, word, sizeof(word), "xxx\",\"truncated\":1}");
    check_cut(LOG_FORMAT_JSON, bytes, sizeof(bytes), "\\u0001\",\"truncated\":1}");
    check_cut(LOG_FORMAT_JSON, text, sizeof(text), "\u20ac\",\"truncated\":1}");
}

/* Every length around the limit, so that each kind of field meets it at each of its places. */
static void no_length_makes_a_broken_record(void **state)
{
    static char word[8300];

    (void)state;
    memset(word, 'x', sizeof(word));
    for (size_t len = 8000; len < sizeof(word); len++) {
        begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
        log_info("e", LOG_BYTES("k", word, len), LOG_U64("number", 123456), LOG_TEXT("t", "\n\n"));
        assert_matches(fields_written(), "^ k=x+(( number=123456)?( t=\"(\\\\x0a)+\")?"
                                         "|( number=123456)?( t=\"(\\\\x0a)?\")? truncated=1)$");
        begin(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        log_info("e", LOG_BYTES("k", word, len), LOG_U64("number", 123456), LOG_TEXT("t", "\n\n"));
        assert_matches(fields_written(),
                       "^,\"k\":\"x+\"(,\"number\":123456)?(,\"t\":\"(\\\\u000a)+\")?"
                       "(,\"truncated\":1)?}$");
        assert_true(strlen(written) < 8192);
    }
}

static void errno_survives_and_a_dead_sink_is_ignored(void **state)
{
    (void)state;
    log_open(-1, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    errno = EXDEV;
    log_info("e");
    assert_int_equal(errno, EXDEV);
}

static void a_field_is_evaluated_only_if_the_level_is_on(void **state)
{
    uint64_t evaluated = 0;

    (void)state;
    begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_debug("e", LOG_U64("n", ++evaluated));
    assert_int_equal(evaluated, 0);
    log_info("e", LOG_U64("n", ++evaluated));
    assert_int_equal(evaluated, 1);
}

static struct {
    unsigned count;
    enum log_level level;
    int64_t time_ms;
    char event[64];
    char text[9000];
    size_t length;
} shown;

static void note(void *arg, const struct log_sight *sight)
{
    assert_ptr_equal(arg, &shown);
    shown.count++;
    shown.level = sight->level;
    shown.time_ms = sight->time_ms;
    snprintf(shown.event, sizeof shown.event, "%s", sight->event);
    assert_true(sight->length < sizeof shown.text);
    memcpy(shown.text, sight->text, sight->length);
    shown.text[sight->length] = '\0';
    shown.length = sight->length;
}

static void watcher_is_shown_what_was_written(void **state)
{
    (void)state;
    memset(&shown, 0, sizeof shown);
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        begin(LOG_LEVEL_INFO, (enum log_format)format);
        log_watch(note, &shown);
        log_warning("test.seen", LOG_TEXT("word", "a b"), LOG_U64("number", 7));
        log_watch(NULL, NULL);
        assert_int_equal(shown.count, 1 + format);
        assert_int_equal(shown.level, LOG_LEVEL_WARNING);
        assert_string_equal(shown.event, "test.seen");
        assert_string_equal(shown.text, "word=\"a b\" number=7");
        assert_true(shown.time_ms / 1000 - (int64_t)time(NULL) <= 1);
        assert_non_null(strstr(all_written(), "test.seen"));
    }
}

static void watcher_is_not_shown_what_is_not_written_and_nothing_after_the_end(void **state)
{
    (void)state;
    memset(&shown, 0, sizeof shown);
    begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_watch(note, &shown);
    log_debug("test.debug");
    assert_int_equal(shown.count, 0);
    log_info("test.bare");
    assert_int_equal(shown.count, 1);
    assert_int_equal(shown.length, 0);
    log_watch(NULL, NULL);
    log_info("test.after");
    assert_int_equal(shown.count, 1);
}

static void watcher_is_shown_cut_records_as_cut(void **state)
{
    static char text[20000];

    (void)state;
    memset(&shown, 0, sizeof shown);
    memset(text, 'x', sizeof text - 1);
    begin(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_watch(note, &shown);
    log_info("test.long", LOG_TEXT("text", text));
    log_watch(NULL, NULL);
    assert_int_equal(shown.count, 1);
    assert_true(shown.length > 8000);
    assert_string_equal(shown.text + shown.length - 12, " truncated=1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watcher_is_shown_what_was_written),
        cmocka_unit_test(watcher_is_not_shown_what_is_not_written_and_nothing_after_the_end),
        cmocka_unit_test(watcher_is_shown_cut_records_as_cut),
        cmocka_unit_test(a_text_record_has_time_level_event_process_and_fields),
        cmocka_unit_test(a_json_record_is_one_object_on_one_line),
        cmocka_unit_test(a_record_without_fields_is_complete),
        cmocka_unit_test(the_time_is_now_in_utc),
        cmocka_unit_test(levels_below_the_chosen_one_are_silent),
        cmocka_unit_test(plain_words_need_no_quotes),
        cmocka_unit_test(what_could_forge_a_line_is_escaped),
        cmocka_unit_test(well_formed_utf8_is_kept),
        cmocka_unit_test(what_reorders_text_or_acts_on_terminals_is_escaped),
        cmocka_unit_test(malformed_utf8_is_escaped_byte_by_byte),
        cmocka_unit_test(long_records_are_cut_and_marked),
        cmocka_unit_test(no_length_makes_a_broken_record),
        cmocka_unit_test(errno_survives_and_a_dead_sink_is_ignored),
        cmocka_unit_test(a_field_is_evaluated_only_if_the_level_is_on),
    };

    return cmocka_run_group_tests(tests, open_sink, close_sink);
}
