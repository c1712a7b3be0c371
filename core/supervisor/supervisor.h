/*
 * core/supervisor: the process that listens, admits, supervises and reloads. It parses no SSH and
 * loads no plugin. One thread on a reactor. Its parts: listeners (sockets), admission (bounds),
 * intake (accept and hand over), workers (processes), generation (one configuration), reload,
 * control (the control socket). link_end and privileges serve the worker's side too.
 *
 * supervisor.h: run it.
 */
#ifndef SALLYPORT_SUPERVISOR_SUPERVISOR_H
#define SALLYPORT_SUPERVISOR_SUPERVISOR_H

#include "base/report.h"
#include "config/config.h"

/* Descriptors of a worker, which is started as "<worker_path> --worker --config FILE". */
#define WORKER_FD_LINK 3
#define WORKER_FD_CONFIG 4
#define WORKER_FD_COUNTERS 5

struct supervisor_options {
    const char *config_file;
    const char *worker_path;
    const char *version;
    /* What layers above have to say of a configuration. May be NULL. */
    config_more *more;
    /* What must exist before workers start (host keys). 0 or negative, and report tells. May be
     * NULL. */
    int (*prepare)(const struct config *config, struct report *report);
};

/* Serve until told to stop. Returns the exit status: 0 after an orderly stop; 1 if it could not
 * start, and standard error tells why. */
int supervisor_run(const struct supervisor_options *options);

#endif
