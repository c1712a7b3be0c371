/*
 * guest.h: the other end of remote.h: the process in which an isolated instance's code runs. It has
 * a host of its own with that one instance, whose session layer is the socket to the worker. The
 * plugin notices no difference.
 */
#ifndef SALLYPORT_PLUGIN_GUEST_H
#define SALLYPORT_PLUGIN_GUEST_H

#include "base/report.h"
#include "config/config.h"
#include "worker/reactor.h"

/* Load, create and start the instance of that name and serve the worker at the other end of fd,
 * which becomes ours, until it goes; then stop and destroy. on_ready (or NULL) is called in
 * between, once the plugin is started. The calling thread becomes the reactor's. 0, or negative
 * with what is wrong in report; the worker has been told. */
int guest_run(const struct config *config, const char *instance, int fd,
              void (*on_ready)(void *arg, struct reactor *reactor), void *arg,
              struct report *report);

#endif
