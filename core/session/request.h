/* request.h: what the files of channel requests share. Reactor thread. */
#ifndef SALLYPORT_SESSION_REQUEST_H
#define SALLYPORT_SESSION_REQUEST_H

#include "session/internal.h"

enum { REQUEST_ENVIRONMENT_BYTES = 16 * 1024 /* of all variables together */ };

struct channel_request {
    struct list link;
    struct channel *channel;
    ssh_message message; /* without the tap */
    uint32_t kind;       /* SP_REQUEST_*; 0: malformed */
    bool wants_reply;
    char *name;
    size_t name_length;
    char *value;
    size_t value_length;
    struct sp_terminal terminal; /* pty: term is name, modes is value */
    struct sp_x11 x11;           /* x11: protocol is name, cookie is value */
    uint32_t number;             /* as sp_channel_event.number */
};

/* The requests the core knows. Ends with a NULL name. */
struct request_kind {
    const char *name;
    uint32_t kind;
    uint32_t permit; /* SP_PERMIT_*; 0: needs none of its own */
};
extern const struct request_kind request_kinds[];

/* Serve the first request of the channel if nothing is under way. */
void request_serve_next(struct channel *channel);
void request_free(struct channel_request *request);
/* malloc()ed, with a NUL behind it. NULL: out of memory. */
char *request_duplicate(const char *text, size_t length);

/* Copies of what an event about request points to, for a plugin that is late. NULL: no memory. */
struct request_memory {
    char *name;
    char *value;
    char type[CHANNEL_TYPE_MAX + 1];
    struct sp_terminal terminal;
    struct sp_x11 x11;
    struct sp_pair *environment;
    size_t environment_count;
};
struct request_memory *request_memory_new(struct channel *channel,
                                          const struct channel_request *request);
void request_memory_free(void *memory);

#endif
