/*
 * deadlines.h: "deadlines_ms" of a manifest or of an instance: from operations' names to how long
 * each may take. Reactor thread, or where there is none yet.
 */
#ifndef SALLYPORT_PLUGIN_DEADLINES_H
#define SALLYPORT_PLUGIN_DEADLINES_H

#include <jansson.h>

#include "base/report.h"
#include "plugin/operation.h"

/* Complain of names that are no operation of the interfaces, and say which are. key is that of
 * object; positions (or NULL) tells lines, else line is it. 0 or SP_ERR_INVALID. */
struct positions;
int deadlines_check(const json_t *object, const bool interfaces[PLUGIN_INTERFACE_COUNT],
                    const char *file, const char *key, const struct positions *positions, int line,
                    struct report *report);
/* 0: object (or NULL) says nothing of the operation. */
uint64_t deadlines_get(const json_t *object, enum plugin_operation operation);

#endif
