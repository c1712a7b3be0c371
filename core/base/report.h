/*
 * report.h: a list of complaints for a person: every mistake at once, each with the file, line and
 * key it is about and what to do. Filled by the configuration and by the plugin loader.
 */
#ifndef SALLYPORT_BASE_REPORT_H
#define SALLYPORT_BASE_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct complaint {
    char *file; /* or NULL */
    int line;   /* 0: none */
    char *key;  /* "/listeners/0/port", or NULL */
    char *text; /* what is wrong, and the remedy */
    bool is_warning;
};

/* Zero-initialised is empty. */
struct report {
    struct complaint *complaints;
    size_t count;
    size_t errors; /* complaints that are not warnings */
};

void report_free(struct report *report);
__attribute__((format(printf, 5, 6))) void report_error(struct report *report, const char *file,
                                                        int line, const char *key,
                                                        const char *format, ...);
__attribute__((format(printf, 5, 6))) void report_warning(struct report *report, const char *file,
                                                          int line, const char *key,
                                                          const char *format, ...);
/* "FILE:LINE: KEY: TEXT", one a line, to fd; TEXT of a warning begins "warning: ". */
void report_print(const struct report *report, int fd);
/* Each complaint as a log record "config.error" or "config.warning". */
void report_log(const struct report *report);

#endif
