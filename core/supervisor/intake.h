/*
 * intake.h: the way of a connection from a listening socket to a worker: accept, admit, hand over.
 * While no worker can take one, the listeners are paused and the kernel keeps the queue.
 * Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_INTAKE_H
#define SALLYPORT_SUPERVISOR_INTAKE_H

#include "supervisor/admission.h"
#include "supervisor/listeners.h"
#include "supervisor/workers.h"

struct intake {
    struct reactor *reactor;
    struct listeners listeners;
    struct admission *admission;
    struct workers *workers;
    /* Let in, but the worker's link was full: goes first when there is room. */
    struct admitted *held;
    struct connection_origin held_origin;
    int held_fd;
    struct reactor_timer rest; /* after running out of descriptors or memory */
    bool is_closed;
    uint64_t complaints_second; /* refusals logged in this second of the clock */
    uint32_t complaints;
    uint64_t complaints_dropped;
};

void intake_init(struct intake *intake, struct reactor *reactor, struct admission *admission,
                 struct workers *workers);
/* A worker may have room: listen again, if there is one. */
void intake_resume(struct intake *intake);
/* Take over the prepared change of listeners and what config says of them. */
void intake_commit(struct intake *intake, const struct config *config);
/* Close the listeners for good. */
void intake_close(struct intake *intake);

#endif
