/*
 * position.h: on which line of a JSON text each value stands, by JSON pointer ("/mounts/0/path");
 * jansson keeps no positions. The text has been accepted by jansson before.
 */
#ifndef SALLYPORT_CONFIG_POSITION_H
#define SALLYPORT_CONFIG_POSITION_H

#include <stdbool.h>
#include <stddef.h>

struct positions;

/* NULL if memory is out. */
struct positions *positions_new(const char *text, size_t len);
void positions_free(struct positions *positions);
/* The line of the value, or of its nearest enclosing value that has one; 0 if positions is NULL. */
int positions_line(const struct positions *positions, const char *pointer);
/* Whether the text itself has the value: it is no default. */
bool positions_has(const struct positions *positions, const char *pointer);

#endif
