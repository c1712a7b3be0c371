/* test_report.c: complaints are kept, counted and told. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/report.h"

static char printed[8192];

/* What was written to fd, which is closed. */
static const char *read_back(int fd)
{
    ssize_t len = pread(fd, printed, sizeof(printed) - 1, 0);

    assert_true(len >= 0);
    printed[len] = '\0';
    close(fd);
    return printed;
}

static void fill(struct report *report)
{
    report_error(report, "a.json", 3, "/listeners/0/port", "%d is no port; give 1 to %d", 99999,
                 65535);
    report_warning(report, "a.json", 0, "/old", "is not used any more");
    report_error(report, NULL, 0, NULL, "nothing to serve");
    report_error(report, NULL, 7, "/k", "%s", "x");
}

static void only_errors_count_as_errors(void **state)
{
    struct report report = {0};

    (void)state;
    fill(&report);
    assert_int_equal(report.count, 4);
    assert_int_equal(report.errors, 3);
    assert_false(report.complaints[0].is_warning);
    assert_true(report.complaints[1].is_warning);
    assert_string_equal(report.complaints[0].text, "99999 is no port; give 1 to 65535");
    report_free(&report);
    assert_int_equal(report.count, 0);
    assert_int_equal(report.errors, 0);
}

static void complaints_do_not_keep_the_callers_strings(void **state)
{
    struct report report = {0};
    char file[] = "a.json", key[] = "/key";

    (void)state;
    report_error(&report, file, 1, key, "%s", key);
    memset(file, 'x', sizeof(file) - 1);
    memset(key, 'x', sizeof(key) - 1);
    assert_string_equal(report.complaints[0].file, "a.json");
    assert_string_equal(report.complaints[0].key, "/key");
    assert_string_equal(report.complaints[0].text, "/key");
    report_free(&report);
}

static void printed_is_one_line_each_with_what_is_known(void **state)
{
    struct report report = {0};
    int fd = memfd_create("report", MFD_CLOEXEC);

    (void)state;
    fill(&report);
    report_print(&report, fd);
    assert_string_equal(read_back(fd),
                        "a.json:3: /listeners/0/port: 99999 is no port; give 1 to 65535\n"
                        "a.json: /old: warning: is not used any more\n"
                        "nothing to serve\n"
                        "/k: x\n");
    report_free(&report);
}

static void lost_errors_are_told_too(void **state)
{
    struct report report = {.errors = 2};
    int fd = memfd_create("report", MFD_CLOEXEC);

    (void)state;
    report_print(&report, fd);
    assert_string_equal(read_back(fd), "out of memory: 2 more errors\n");
}

static void the_log_gets_a_record_each(void **state)
{
    struct report report = {0};
    int fd = memfd_create("report", MFD_CLOEXEC);
    const char *text;

    (void)state;
    fill(&report);
    log_open(fd, LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
    report_log(&report);
    text = read_back(fd);
    assert_non_null(strstr(text, " error config.error pid="));
    assert_non_null(strstr(text, " file=a.json line=3 key=/listeners/0/port text=\"99999 is no "));
    assert_non_null(strstr(text, " warning config.warning pid="));
    assert_non_null(strstr(text, " file=a.json key=/old text=\"is not used any more\"\n"));
    report_free(&report);
}

static void warnings_are_not_logged_below_their_level(void **state)
{
    struct report report = {0};
    int fd = memfd_create("report", MFD_CLOEXEC);
    const char *text;

    (void)state;
    fill(&report);
    log_open(fd, LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    report_log(&report);
    text = read_back(fd);
    assert_non_null(strstr(text, "config.error"));
    assert_null(strstr(text, "config.warning"));
    report_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_errors_count_as_errors),
        cmocka_unit_test(complaints_do_not_keep_the_callers_strings),
        cmocka_unit_test(printed_is_one_line_each_with_what_is_known),
        cmocka_unit_test(lost_errors_are_told_too),
        cmocka_unit_test(the_log_gets_a_record_each),
        cmocka_unit_test(warnings_are_not_logged_below_their_level),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
