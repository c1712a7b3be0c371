/*
 * crash_policy.h: "on_crash": what follows when a plugin instance has crashed, in a worker or in a
 * process of its own. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_CRASH_POLICY_H
#define SALLYPORT_SUPERVISOR_CRASH_POLICY_H

#include "supervisor/workers.h"

/* The instance of that name in generation's configuration has crashed; a name that is none (it came
 * from the process that crashed) is ignored. */
void crash_policy_apply(struct workers *workers, struct generation *generation, const char *name);

#endif
