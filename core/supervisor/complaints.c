/*
 * complaints.c: used by reload.c for its answers and by a worker that cannot serve (serve.c). Any
 * thread.
 */
#include "supervisor/complaints.h"

#include <stdio.h>
#include <string.h>

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static size_t append(char *text, size_t size, size_t length, const struct complaint *complaint)
{
    char line[24] = "";
    if (complaint->line > 0)
        snprintf(line, sizeof(line), "%d:", complaint->line);
    int n = snprintf(text + length, size - length, "%s%s%s%s%s%s%s%s", length ? "\n" : "",
                     or_empty(complaint->file), complaint->file ? ":" : "", line,
                     complaint->file || line[0] ? " " : "", or_empty(complaint->key),
                     complaint->key ? ": " : "", or_empty(complaint->text));
    return n < 0 ? length : length + (size_t)n;
}

void complaints_join(const struct report *report, char *text, size_t size)
{
    static const char more[] = "…";
    size_t length = 0;
    text[0] = 0;
    for (size_t i = 0; i < report->count && length < size; i++) {
        if (!report->complaints[i].is_warning)
            length = append(text, size, length, &report->complaints[i]);
    }
    if (length >= size)
        memcpy(text + size - sizeof(more), more, sizeof(more));
}
