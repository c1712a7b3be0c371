/* wild-pointers: answers that point where nothing is. Whoever follows them crashes: in process the
 * worker does, and an isolated instance its own process. */
#include "fault.h"

static int32_t password(void *self, const struct sp_auth_event *event)
{
    const struct sp_host *host = self;
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW},
                                  .grant = (const struct sp_grant *)(uintptr_t)8};
    host->complete(host, event->head.token, &reply.head);
    return SP_PENDING;
}

FAULT_AUTH_PLUGIN(password);
