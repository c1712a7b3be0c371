/* session_internal.h: what the files of one session's life share. Reactor thread. */
#ifndef SALLYPORT_SESSION_SESSION_INTERNAL_H
#define SALLYPORT_SESSION_SESSION_INTERNAL_H

#include "session/internal.h"

enum { SESSION_LINGER_MS = 2000 /* for a DISCONNECT to go out */ };

/* session.c */
/* Tell every plugin of the connection chain that wants to know, whatever the others say. name is a
 * constant. */
void session_tell(struct session *session, enum plugin_operation operation, int32_t status,
                  const char *name, const char *text);
/* The socket counts as readable once that many bytes have come, or the client has gone: no turn of
 * the loop is spent on a client that sends in drops. Linux keeps to this in poll(2), too. */
void session_wait_for(const struct session *session, size_t bytes);
/* All is said, and the client may still be sending: closing now would reset the connection and take
 * what was said with it. Ours is shut, what comes is thrown away, for a while. */
void session_linger(struct session *session);
void session_drain(struct session *session); /* of what comes meanwhile */
/* Why the connection ends, unless that is known already. */
void session_set_end(struct session *session, int32_t status, const char *text);
/* Forget all channels and questions. */
void session_drop_everything(struct session *session);

/* handshake.c */
void handshake_start(struct session *session);
void handshake_on_ready(struct session *session); /* stage SESSION_PROPOSAL: readable */
/* The client's KEXINIT. True: the library must not see it. */
bool handshake_on_kexinit(struct session *session, struct wire_reader *payload);
void handshake_done(struct session *session); /* there are keys */

/* session_pump.c */
void session_pump(struct session *session);
void session_note_broken(struct session *session); /* the library has given up */
void session_on_pump(struct reactor_task *task);
void session_on_ready(struct reactor_source *source, uint32_t events);
void session_on_trim(struct reactor_timer *timer);

/* session_timer.c */
void session_on_time(struct reactor_timer *timer);

#endif
