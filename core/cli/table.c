/* table.c: used by status.c and connections.c. */
#include "cli/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct table *table, char *cell)
{
    char **cells = reallocarray(table->cells, table->count + 1, sizeof(*cells));
    if (!cells || !cell) {
        fputs("sallyport: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    /* Users and clients choose some of these texts, and a terminal obeys control characters: those
     * of ASCII and, two bytes each in UTF-8, U+0080 to U+009F. */
    for (unsigned char *c = (unsigned char *)cell; *c; c++) {
        if (*c < ' ' || *c == 0x7f)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f)
            c[0] = c[1] = '?';
    }
    cells[table->count++] = cell;
    table->cells = cells;
}

void table_begin(struct table *table, size_t columns, const char *const *headings)
{
    *table = (struct table){.columns = columns};
    for (size_t i = 0; i < columns; i++)
        add(table, strdup(headings[i]));
}

void table_cell(struct table *table, const char *format, ...)
{
    char *cell = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&cell, format, arguments) < 0)
        cell = NULL;
    va_end(arguments);
    add(table, cell);
}

static int width(const struct table *table, size_t column)
{
    size_t widest = 0;
    for (size_t i = column; i < table->count; i += table->columns) {
        size_t length = strlen(table->cells[i]);
        widest = length > widest ? length : widest;
    }
    return (int)widest;
}

void table_end(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->columns;
        if (column + 1 == table->columns)
            printf("%s\n", table->cells[i]);
        else
            printf("%-*s  ", width(table, column), table->cells[i]);
    }
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
}

const char *format_duration(uint64_t ms, char text[32])
{
    uint64_t s = ms / 1000;
    if (s >= 86400)
        snprintf(text, 32, "%" PRIu64 "d%02uh", s / 86400, (unsigned)(s % 86400 / 3600));
    else if (s >= 3600)
        snprintf(text, 32, "%uh%02um", (unsigned)(s / 3600), (unsigned)(s % 3600 / 60));
    else if (s >= 60)
        snprintf(text, 32, "%um%02us", (unsigned)(s / 60), (unsigned)(s % 60));
    else
        snprintf(text, 32, "%u.%us", (unsigned)s, (unsigned)(ms % 1000 / 100));
    return text;
}

const char *format_bytes(uint64_t bytes, char text[32])
{
    static const char units[] = "KMGTPE";
    if (bytes < 1024) {
        snprintf(text, 32, "%u", (unsigned)bytes);
        return text;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    for (; value >= 1000 && units[unit + 1]; unit++)
        value /= 1024;
    snprintf(text, 32, value < 10 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    return text;
}
