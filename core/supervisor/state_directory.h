/* state_directory.h: where host keys and the control socket live. Supervisor's thread. */
#ifndef SALLYPORT_SUPERVISOR_STATE_DIRECTORY_H
#define SALLYPORT_SUPERVISOR_STATE_DIRECTORY_H

#include "base/report.h"
#include "config/config.h"

/* Make it if it is absent (mode 0700), and see that nobody else can write to it. 0, SP_ERR_SYSTEM
 * or SP_ERR_DENIED, and report tells. */
int state_directory_ensure(const struct config *config, struct report *report);

#endif
