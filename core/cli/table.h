/* table.h: aligned columns for people. */
#ifndef SALLYPORT_CLI_TABLE_H
#define SALLYPORT_CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table {
    size_t columns;
    char **cells; /* row by row */
    size_t count;
};

/* Begin with the headings, columns of them. */
void table_begin(struct table *table, size_t columns, const char *const *headings);
/* The next cell. What a terminal might take for a command is shown as "?". */
__attribute__((format(printf, 2, 3))) void table_cell(struct table *table, const char *format, ...);
/* Print to standard output and free. */
void table_end(struct table *table);

/* "3d04h", "2h07m", "5m12s", "8.4s" */
const char *format_duration(uint64_t ms, char text[32]);
/* "812", "4.2K", "1.3G" */
const char *format_bytes(uint64_t bytes, char text[32]);

#endif
