/*
 * sallyport/connection.h: the interface "sallyport.connection/1".
 *
 * Thread: as the manifest's "threading" says, for every operation.
 */
#ifndef SALLYPORT_CONNECTION_H
#define SALLYPORT_CONNECTION_H

#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SP_CONNECTION_INTERFACE "sallyport.connection/1"

/* Events: request (before any SSH byte is exchanged), connected, disconnected. */
struct sp_connection_event {
    struct sp_event head;
    int32_t status;      /* connected, disconnected: 0 in order, else a fault that text names */
    uint32_t reserved;
    struct sp_str text;
};

/* Reply to request. */
struct sp_connection_reply {
    struct sp_reply head;
    struct sp_str text; /* with SP_DENY: the reason, for the log */
};

/* A NULL slot abstains (SP_NEXT); if every plugin abstains from request, the connection goes on. */
struct sp_connection_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* A client has connected. SP_ALLOW, SP_DENY or SP_NEXT; may be pending. */
    int32_t (*request)(void *self, const struct sp_connection_event *event);
    /* Key exchange is done (status 0) or has failed. The return value is ignored. */
    int32_t (*connected)(void *self, const struct sp_connection_event *event);
    /* The connection is gone; exactly once for every connected. The return value is ignored. */
    int32_t (*disconnected)(void *self, const struct sp_connection_event *event);
};

#ifdef __cplusplus
}
#endif
#endif
