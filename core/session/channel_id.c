/*
 * channel_id.c: the ids by which plugins know channels. A plugin that opens one gets its id at
 * once, on whatever thread it is; the channel comes later, on the reactor thread.
 */
#include "session/internal.h"

#include "base/err.h"

/* What a reserved id stands for. */
static char nothing_yet;

sp_id channel_id_reserve(struct session_service *service)
{
    sp_id id;

    pthread_mutex_lock(&service->ids_lock);
    id = idmap_add(&service->channels, &nothing_yet, 0);
    pthread_mutex_unlock(&service->ids_lock);
    return id;
}

void channel_id_release(struct session_service *service, sp_id id)
{
    pthread_mutex_lock(&service->ids_lock);
    idmap_remove(&service->channels, id);
    pthread_mutex_unlock(&service->ids_lock);
}

int channel_id_bind(struct session_service *service, sp_id id, struct channel *channel)
{
    int rc;

    pthread_mutex_lock(&service->ids_lock);
    rc = idmap_set(&service->channels, id, channel);
    pthread_mutex_unlock(&service->ids_lock);
    return rc;
}

struct channel *channel_by_id(struct session_service *service, sp_id id)
{
    void *value;

    pthread_mutex_lock(&service->ids_lock);
    value = idmap_get(&service->channels, id);
    pthread_mutex_unlock(&service->ids_lock);
    return value == &nothing_yet ? NULL : value;
}
