/* complaints.h: what a report must hold, for the tests of configurations and schemas. */
#ifndef SALLYPORT_TESTS_CONFIG_COMPLAINTS_H
#define SALLYPORT_TESTS_CONFIG_COMPLAINTS_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/report.h"

static inline bool complaint_matches(const struct complaint *complaint, const char *file, int line,
                                     const char *key, const char *text)
{
    bool same_key =
        key ? complaint->key && strcmp(complaint->key, key) == 0 : complaint->key == NULL;
    return same_key && complaint->line == line && complaint->file &&
           strcmp(complaint->file, file) == 0 && strstr(complaint->text, text);
}

/* Fails the test, showing the report, unless exactly one complaint has all that; text is a part of
 * its text. */
#define assert_complaint(report, file, line, key, text)                                            \
    do {                                                                                           \
        size_t found_ = 0;                                                                         \
        for (size_t i_ = 0; i_ < (report)->count; i_++)                                            \
            found_ += complaint_matches(&(report)->complaints[i_], file, line, key, text);         \
        if (found_ != 1)                                                                           \
            report_print(report, 2);                                                               \
        assert_int_equal(found_, 1);                                                               \
    } while (0)

#define assert_no_complaint(report)                                                                \
    do {                                                                                           \
        if ((report)->count != 0)                                                                  \
            report_print(report, 2);                                                               \
        assert_int_equal((report)->count, 0);                                                      \
    } while (0)

#endif
