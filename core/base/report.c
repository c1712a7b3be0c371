/* report.c: collects what is wrong with the configuration and the manifests, so that all of it can
 * be told at once. The supervisor's and the command's thread. */
#include "base/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->complaints[i].file);
        free(report->complaints[i].key);
        free(report->complaints[i].text);
    }
    free(report->complaints);
    *report = (struct report){0};
}

/* What memory is missing for is lost; an error counts nevertheless. */
__attribute__((format(printf, 6, 0))) static void complain(struct report *report, bool is_warning,
                                                           const char *file, int line,
                                                           const char *key, const char *format,
                                                           va_list args)
{
    struct complaint *complaints;
    struct complaint *complaint;

    if (!is_warning)
        report->errors++;
    complaints = reallocarray(report->complaints, report->count + 1, sizeof(*complaints));
    if (!complaints)
        return;
    report->complaints = complaints;
    complaint = &complaints[report->count++];
    *complaint = (struct complaint){.line = line, .is_warning = is_warning};
    complaint->file = file ? strdup(file) : NULL;
    complaint->key = key ? strdup(key) : NULL;
    if (vasprintf(&complaint->text, format, args) < 0)
        complaint->text = NULL;
}

void report_error(struct report *report, const char *file, int line, const char *key,
                  const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(report, false, file, line, key, format, args);
    va_end(args);
}

void report_warning(struct report *report, const char *file, int line, const char *key,
                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(report, true, file, line, key, format, args);
    va_end(args);
}

static const char *text_of(const struct complaint *complaint)
{
    return complaint->text ? complaint->text : "out of memory";
}

/* Errors that are counted but not listed. */
static size_t lost_errors(const struct report *report)
{
    size_t listed = 0;

    for (size_t i = 0; i < report->count; i++)
        listed += !report->complaints[i].is_warning;
    return report->errors - listed;
}

void report_print(const struct report *report, int fd)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct complaint *complaint = &report->complaints[i];
        char line[16] = "";

        if (complaint->line > 0)
            snprintf(line, sizeof(line), ":%d", complaint->line);
        dprintf(fd, "%s%s%s%s%s%s%s\n", complaint->file ? complaint->file : "",
                complaint->file ? line : "", complaint->file ? ": " : "",
                complaint->key ? complaint->key : "", complaint->key ? ": " : "",
                complaint->is_warning ? "warning: " : "", text_of(complaint));
    }
    if (lost_errors(report) > 0)
        dprintf(fd, "out of memory: %zu more errors\n", lost_errors(report));
}

void report_log(const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct complaint *complaint = &report->complaints[i];
        struct log_field fields[5] = {{.key = NULL}};
        size_t count = 0;

        if (complaint->file)
            fields[count++] = LOG_TEXT("file", complaint->file);
        if (complaint->line > 0)
            fields[count++] = LOG_I64("line", complaint->line);
        if (complaint->key)
            fields[count++] = LOG_TEXT("key", complaint->key);
        fields[count++] = LOG_TEXT("text", text_of(complaint));
        if (complaint->is_warning && log_is_enabled(LOG_LEVEL_WARNING))
            log_write(LOG_LEVEL_WARNING, "config.warning", fields);
        else if (!complaint->is_warning)
            log_write(LOG_LEVEL_ERROR, "config.error", fields);
    }
    if (lost_errors(report) > 0)
        log_error("config.error", LOG_TEXT("text", "out of memory"),
                  LOG_U64("lost", lost_errors(report)));
}
