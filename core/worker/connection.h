/* connection.h: what the supervisor and a worker tell each other of a connection and its channels.
 */
#ifndef SALLYPORT_WORKER_CONNECTION_H
#define SALLYPORT_WORKER_CONNECTION_H

#include <stdint.h>

#define CONNECTION_ADDRESS_MAX 64 /* a numeric address, the NUL included */

/* How a connection came in. */
struct connection_origin {
    uint64_t id;       /* unique for the life of the daemon; never 0 */
    uint32_t listener; /* index into config->listeners */
    uint32_t remote_port;
    uint32_t local_port;
    uint32_t is_unwelcome; /* the access lists refuse it, unless a plugin lets it in */
    char remote_address[CONNECTION_ADDRESS_MAX];
    char local_address[CONNECTION_ADDRESS_MAX];
};

/* One connection in a listing. */
struct connection_facts {
    struct connection_origin origin;
    uint64_t age_ms;
    uint64_t idle_ms;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t channels;
    uint32_t is_authenticated;
    char user[64];           /* cut if longer */
    char client_version[64]; /* cut if longer */
};

/* One channel in a listing. */
struct channel_facts {
    uint64_t connection;
    uint64_t id;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint32_t request;  /* SP_REQUEST_SHELL, EXEC, SUBSYSTEM; 0: no program */
    uint32_t framing;  /* SP_FRAMING_* */
    uint32_t is_ready; /* there is room for more toward the client */
    uint32_t version;  /* of the protocol that the core speaks there (SFTP); 0: none is agreed on */
    char type[72];
    char program[128]; /* the command or subsystem, cut if longer */
    char plugin[64];   /* the instance that serves it, cut if longer; "" if it is the core */
};

#endif
