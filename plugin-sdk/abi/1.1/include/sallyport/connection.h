/*
 * sallyport/connection.h: the interface "sallyport.connection/1".
 *
 * Every operation: [threading] [started]; plugin.h says what the tags mean.
 */
#ifndef SALLYPORT_CONNECTION_H
#define SALLYPORT_CONNECTION_H

#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SP_CONNECTION_INTERFACE "sallyport.connection/1"

/* Which fields are set depends on the operation; the others are zero. */
struct sp_connection_event {
    struct sp_event head;
    int32_t status;      /* connected, disconnected: 0 in order, else a fault that text names */
    uint32_t suggestion; /* request: SP_ALLOW or SP_DENY, as the configured address lists say */
    struct sp_str text;  /* connected, disconnected, error: what happened */
    struct sp_str name;  /* service_request: the service; status: the step; error: the event */
};

/* Reply to request, proposal, service_request. */
struct sp_connection_reply {
    struct sp_reply head;
    struct sp_str text; /* with SP_DENY: the reason, for the log; the client sees it where it can */
    struct sp_str host_keys; /* request, with SP_ALLOW: the set of host keys to use, by its name in
                                the configuration; "" leaves it to the listener */
};

/* A NULL slot abstains (SP_NEXT). */
struct sp_connection_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* A client has connected; no SSH byte has been exchanged. SP_ALLOW, SP_DENY or SP_NEXT; may be
     * pending. If every plugin abstains, the suggestion stands. */
    int32_t (*request)(void *self, const struct sp_connection_event *event);
    /* Key exchange is done (status 0) or has failed. The return value is ignored. */
    int32_t (*connected)(void *self, const struct sp_connection_event *event);
    /* The connection is gone; exactly once for every connected. The return value is ignored. */
    int32_t (*disconnected)(void *self, const struct sp_connection_event *event);
    /* The client's version and proposal are there (head.connection), and nothing of them has been
     * answered. SP_ALLOW, SP_DENY or SP_NEXT; may be pending. */
    int32_t (*proposal)(void *self, const struct sp_connection_event *event);
    /* The client asks for a service (RFC 4253, 10). SP_ALLOW, SP_DENY or SP_NEXT; may be pending.
     * If every plugin abstains, "ssh-userauth" is accepted. Others never are. */
    int32_t (*service_request)(void *self, const struct sp_connection_event *event);
    /* A step is reached: name is "version", "kex", "kex-done", "service", "rekey", "rekey-done".
     * The return value is ignored. */
    int32_t (*status)(void *self, const struct sp_connection_event *event);
    /* A fault that does not end the connection. The return value is ignored. */
    int32_t (*error)(void *self, const struct sp_connection_event *event);
};

#ifdef __cplusplus
}
#endif
#endif
