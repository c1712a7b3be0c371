/* complaints.h: a report as one text, for a message or an answer. Any thread. */
#ifndef SALLYPORT_SUPERVISOR_COMPLAINTS_H
#define SALLYPORT_SUPERVISOR_COMPLAINTS_H

#include <stddef.h>

#include "base/report.h"

/* The errors of report, one a line, as report_print() has them; "…" at the end if size (at least 4)
 * does not hold them all. */
void complaints_join(const struct report *report, char *text, size_t size);

#endif
