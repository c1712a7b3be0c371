/* host.h: what the test host's own files share. */
#ifndef SALLYPORT_TEST_HOST_HOST_H
#define SALLYPORT_TEST_HOST_HOST_H

#include <pthread.h>

#include "test_host.h"

struct channel_record;
struct questions;

struct test_host {
    struct sp_host services; /* first: the plugin holds a pointer to it */
    const struct sp_plugin *plugin;
    void *self;
    pthread_mutex_t lock; /* over all below */
    struct questions *questions;
    struct channel_record *channels;
    struct sp_connection connection; /* of events that come without one */
    int64_t time_ms;
    unsigned rekeys;
    char *disconnected;
    char *log;
    uint64_t log_length;
};

static inline struct test_host *host_of(const struct sp_host *services)
{
    return (struct test_host *)services;
}

void channels_init(struct sp_host *services);
void channels_free(struct test_host *host);

#endif
