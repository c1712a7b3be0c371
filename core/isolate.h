/* isolate.h: the life of a plugin instance's own process. */
#ifndef SALLYPORT_ISOLATE_H
#define SALLYPORT_ISOLATE_H

/* Be the process of that instance: config_file is only a name, the text comes from the supervisor.
 * Returns the exit status. */
int isolate_run(const char *config_file, const char *instance);

#endif
