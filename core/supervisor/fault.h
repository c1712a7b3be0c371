/* fault.h: what a worker does when it crashes: tell the supervisor where, then die of it. */
#ifndef SALLYPORT_SUPERVISOR_FAULT_H
#define SALLYPORT_SUPERVISOR_FAULT_H

/* Where this thread is: names that are still valid, or untouched pointers. Signal-safe. */
typedef void fault_where(const char **ret_instance, const char **ret_operation);

/* Send LINK_CRASHED over link when a signal tells of a fault in any thread. Call once, from the
 * main thread. */
void fault_watch(int link, fault_where *where);

#endif
