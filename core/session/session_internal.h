/* session_internal.h: what the files of one session's life share. Reactor thread. */
#ifndef SALLYPORT_SESSION_SESSION_INTERNAL_H
#define SALLYPORT_SESSION_SESSION_INTERNAL_H

#include "session/internal.h"

enum { SESSION_LINGER_MS = 2000 /* for a DISCONNECT to go out */ };

/* session.c */
struct sp_str session_text(const char *text); /* "" for NULL */
/* Tell every plugin of the connection chain, whatever the others say. */
void session_tell(struct session *session, enum plugin_operation operation, int32_t status,
                  const char *text);
/* Why the connection ends, unless that is known already. */
void session_set_end(struct session *session, int32_t status, const char *text);
/* Forget all channels and questions. */
void session_drop_everything(struct session *session);

/* session_pump.c */
void session_pump(struct session *session);
void session_note_broken(struct session *session); /* the library has given up */
void session_on_pump(struct reactor_task *task);
void session_on_ready(struct reactor_source *source, uint32_t events);
void session_on_trim(struct reactor_timer *timer);

/* session_timer.c */
void session_on_time(struct reactor_timer *timer);

#endif
