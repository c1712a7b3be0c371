/* connection.h: what the supervisor and a worker tell each other of a connection. */
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

#endif
