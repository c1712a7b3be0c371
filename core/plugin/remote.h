/*
 * remote.h: an instance whose code runs in a process of its own ("isolation": "process"), as the
 * worker has it. It stands where the plugin's tables would be: calls, cancels and what becomes of
 * channels' gates go to the process, answers and wishes come back. Nothing that comes back is
 * believed. Reactor thread.
 *
 * When the process is gone, all that was asked of it fails, the channels that it served are closed,
 * and until there is another one every call fails at once.
 */
#ifndef SALLYPORT_PLUGIN_REMOTE_H
#define SALLYPORT_PLUGIN_REMOTE_H

#include "plugin/call.h"
#include "plugin/instance.h"

struct remote;

/* Get the instance's process and wait until it has created and started the plugin. 0 or
 * SP_ERR_INVALID with complaints in report. */
int remote_open(struct plugin_instance *instance, const struct config *config,
                struct report *report);
/* Let the process finish what it was asked, and end. */
void remote_close(struct plugin_instance *instance);
void remote_free(struct remote *remote); /* NULL is fine */

/* What remote_open() or the loss of the last one asked for; fd -1: there will be none. */
void remote_attach(struct remote *remote, int fd, const char *text);
bool remote_is_up(const struct remote *remote);

/* Ask. 0, or the verdict if it cannot be asked. */
int32_t remote_call(struct plugin_call *call);
/* True if the call still waits to be sent: it will not be. With the host's lock. */
bool remote_withdraw(struct plugin_call *call);
/* The plugin is finished with a call. */
void remote_release(struct plugin_call *call);
/* is_overdue: the deadline has passed; else the asker has gone. */
void remote_cancel(struct remote *remote, sp_token token, bool is_overdue);

/* gate.c: what becomes of the gates of channels that the instance has taken. */
void remote_gate_opened(struct remote *remote, const struct sp_connection *connection,
                        sp_id channel, uint64_t room);
void remote_gate_drained(struct remote *remote, sp_id channel, uint64_t length);
void remote_gate_closed(struct remote *remote, sp_id channel);

#endif
