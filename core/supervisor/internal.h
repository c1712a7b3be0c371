/*
 * internal.h: the supervisor's own state, shared by supervisor.c, reload.c, listing.c and
 * control_commands.c. Nobody else includes it. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_INTERNAL_H
#define SALLYPORT_SUPERVISOR_INTERNAL_H

#include "supervisor/control.h"
#include "supervisor/intake.h"
#include "supervisor/supervisor.h"

enum phase {
    PHASE_STARTING, /* the first generation is on trial */
    PHASE_RUNNING,
    PHASE_DRAINING, /* connections may end by themselves */
    PHASE_STOPPING,
};

/* A new configuration that is being tried (reload.c). */
struct reload {
    struct generation *candidate; /* NULL: none */
    int control_fd;               /* its control socket, if it wants another; -1 */
    int log_fd;                   /* its log file; -1 */
    uint64_t client;              /* who asked; 0: a signal */
    bool is_wanted_again;
};

/* Who asked for a list, and of what. */
struct listing_client {
    uint64_t client;
    bool wants_channels; /* not connections */
    uint64_t connection; /* 0: of all */
};

/* A list of connections and channels that is being gathered (listing.c). */
struct listing {
    uint64_t number;     /* of the last one begun */
    uint32_t unanswered; /* workers; 0: none is under way */
    bool is_complete;
    struct json_t *connections;
    struct json_t *channels;
    struct reactor_timer deadline;
    struct listing_client clients[CONTROL_CLIENTS_MAX]; /* who gets this one */
    size_t clients_count;
    struct listing_client waiting[CONTROL_CLIENTS_MAX]; /* who asked after it was begun */
    size_t waiting_count;
};

struct supervisor {
    const struct supervisor_options *options;
    struct reactor *reactor;
    struct admission admission;
    struct workers *workers;
    struct intake intake;
    struct control *control;
    struct reload reload;
    struct listing listing;
    struct reactor_source signals;
    struct reactor_timer drain; /* how long connections may take */
    uint64_t started_ms;
    uint32_t generations; /* that have been on trial */
    enum phase phase;
    int log_fd; /* -1: standard error */
    int exit_status;
};

/* supervisor.c: begin to stop; the second time, or with now, end connections at once. */
void supervisor_stop(struct supervisor *supervisor, bool now);

/* reload.c: load and try the configuration, for client (0: nobody); the daemon's first one, too.
 * 0 if it is on trial; negative if it failed at once, which has been told already. */
int reload_begin(struct supervisor *supervisor, uint64_t client);
void reload_on_trial(void *supervisor, const char *why);
/* Drop the one on trial, if any, because of why. */
void reload_abort(struct supervisor *supervisor, const char *why);

/* listing.c: gather the connections and channels of all workers and answer with what is wanted. */
void listing_begin(struct supervisor *supervisor, const struct listing_client *client);
void listing_on_facts(void *supervisor, struct worker *worker, const struct link_message *message);
void listing_on_gone(void *supervisor, struct worker *worker);
void listing_end(struct supervisor *supervisor);

/* plugin_status.c: tell client of all plugin instances, or all of one. */
void plugin_status_serve(struct supervisor *supervisor, uint64_t client, const json_t *request);

/* control_commands.c */
void control_commands_serve(void *supervisor, uint64_t client, const json_t *request);

#endif
