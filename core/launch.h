/* launch.h: where a worker gets the processes of isolated plugin instances from: the supervisor. */
#ifndef SALLYPORT_LAUNCH_H
#define SALLYPORT_LAUNCH_H

#include <stddef.h>

/* Ask for the process of an instance and wait for the socket to it. For a worker that comes up, and
 * reads nothing else from its link yet. See struct plugin_launcher.obtain. */
int launch_obtain(int link, size_t index, int *ret_fd, char *text, size_t size);

#endif
