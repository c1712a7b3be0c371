/* checks.h: all that layers above core/config know to be wrong with a configuration; for the daemon
 * and `sallyport check` alike. */
#ifndef SALLYPORT_CHECKS_H
#define SALLYPORT_CHECKS_H

#include "plugin/host.h"
#include "session/algorithms.h"

/* A config_more. */
static inline void checks_run(const struct config *config, bool is_whole, struct report *report)
{
    session_check_algorithms(config, report);
    if (is_whole)
        plugin_host_check(config, report);
}

#endif
