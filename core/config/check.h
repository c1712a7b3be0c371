/* check.h: what one value of a configuration says about another. */
#ifndef SALLYPORT_CONFIG_CHECK_H
#define SALLYPORT_CONFIG_CHECK_H

#include "base/report.h"
#include "config/config.h"

/* Complain to report, naming file, about all that the schema cannot see. Values that did not fit
 * the schema (NULL, 0) are passed over: they have been complained about. */
void config_check(const struct config *config, const char *file, struct report *report);

#endif
