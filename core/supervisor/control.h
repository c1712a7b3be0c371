/*
 * control.h: the control socket: one JSON object a line in each direction, for the owner of the
 * daemon only. Knows of clients and lines, not of commands. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_CONTROL_H
#define SALLYPORT_SUPERVISOR_CONTROL_H

#include <jansson.h>
#include <stdint.h>

#include "base/report.h"
#include "worker/reactor.h"

#define CONTROL_LINE_MAX 65536u /* a request; longer ones end the connection */
#define CONTROL_CLIENTS_MAX 16u
#define CONTROL_DEADLINE_MS 10000u /* for a request to come, and for its answer to be taken */

struct control;

/* A request has come: an object. client stays valid for control_answer() until answered, even if
 * the client has gone. */
typedef void control_on_request(void *arg, uint64_t client, const json_t *request);

/* Without a socket yet. NULL: errno tells. */
struct control *control_new(struct reactor *reactor, control_on_request *on_request, void *arg);
/* Answers get a last chance to go out, and the socket's file is removed. Fine with NULL. */
void control_free(struct control *control);

/* Make a listening socket at path, mode 0600. One that nobody answers on is replaced. Returns the
 * descriptor, or SP_ERR_SYSTEM or SP_ERR_INVALID, and report tells. */
int control_bind(const char *path, struct report *report);
/* Serve on fd, bound at path, from now on instead of where it was. 0 or negative, and fd is
 * closed. */
int control_use(struct control *control, int fd, const char *path);
/* Undo control_bind(). */
void control_unbind(int fd, const char *path);

/* Send response (taken over; NULL counts as out of memory) and be ready for the client's next
 * request. No effect if the client has gone. */
void control_answer(struct control *control, uint64_t client, json_t *response);
/* {"ok": false, "error": text} */
json_t *control_error(const char *text);

#endif
