/*
 * core/supervisor: the process that listens, admits, supervises and reloads. It parses no SSH and
 * loads no plugin. One thread on a reactor. Its parts: listeners (sockets), admission (bounds),
 * intake (accept and hand over), workers (processes), hosts (plugins' own processes), instances
 * (what has become of each plugin instance), generation (one configuration), reload, control (the
 * control socket). link_end, privileges, sandbox and fault serve the other processes' side.
 *
 * supervisor.h: run it.
 */
#ifndef SALLYPORT_SUPERVISOR_SUPERVISOR_H
#define SALLYPORT_SUPERVISOR_SUPERVISOR_H

#include "base/report.h"
#include "config/config.h"

/* Descriptors of a worker, which is started as "<worker_path> --worker --config FILE", and of a
 * plugin instance's own process: "<worker_path> --plugin-host --config FILE --instance NAME". */
#define WORKER_FD_LINK 3
#define WORKER_FD_CONFIG 4
#define WORKER_FD_COUNTERS 5
#define WORKER_FD_PEER 6 /* a plugin host's: a stream socket to the worker it belongs to */

struct supervisor_options {
    const char *config_file;
    const char *worker_path;
    const char *version;
    /* What layers above have to say of a configuration. May be NULL. */
    config_more *more;
    /* What must exist before workers start (host keys). 0 or negative, and report tells. May be
     * NULL. */
    int (*prepare)(const struct config *config, struct report *report);
    /* What plugins can be asked, to count it: operations, and their names. */
    size_t operations_count;
    const char *(*operation_name)(size_t operation);
};

/* Serve until told to stop. Returns the exit status: 0 after an orderly stop; 1 if it could not
 * start, and standard error tells why. */
int supervisor_run(const struct supervisor_options *options);

#endif
