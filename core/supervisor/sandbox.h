/*
 * sandbox.h: what the process of an isolated plugin instance gives up before any code of the plugin
 * runs: its user, its limits, the way to new privileges, system calls.
 */
#ifndef SALLYPORT_SUPERVISOR_SANDBOX_H
#define SALLYPORT_SUPERVISOR_SANDBOX_H

#include "base/report.h"
#include "config/config.h"

/* Whether the processes of all instances can become who they should be, from who we are now. 0 or
 * SP_ERR_INVALID, and report tells. The supervisor asks before it starts workers. */
int sandbox_check(const struct config *config, struct report *report);
/* Enter the sandbox of config->plugins[index], for good; while there is one thread, and with all
 * that only root may read read. 0 or negative, and report tells; then the process must end. */
int sandbox_enter(const struct config *config, size_t index, struct report *report);

#endif
