/* process.h: what a worker and a plugin instance's own process do alike as they come up. */
#ifndef SALLYPORT_PROCESS_H
#define SALLYPORT_PROCESS_H

#include "base/report.h"
#include "config/config.h"

/* Descriptors are for nobody else, signals are the supervisor's, memory is given back, and a crash
 * is reported. name shows in the list of processes. last_fd: of those the supervisor gave. */
void process_begin(const char *name, int last_fd);
/* The supervisor's copy of the configuration; config_file is only a name. 0 or negative, and report
 * tells. */
int process_read_config(const char *config_file, struct config **ret_config, struct report *report);
/* Log where the configuration says. 0 or negative, and report tells. */
int process_open_log(const struct config *config, struct report *report);
/* Let nobody of the same user look into our memory, and do not outlive the supervisor. Undone by a
 * change of user, so it comes after the last one. */
void process_close_doors(void);
/* Tell the supervisor why we cannot serve. */
void process_tell_failure(const struct report *report);

#endif
