/* after-cancel: keeps every question until it is told that nobody waits any more; then says yes. */
#include "fault.h"

static int32_t password(void *self, const struct sp_auth_event *event)
{
    (void)self;
    (void)event;
    return SP_PENDING;
}

static void cancel(void *self, sp_token token)
{
    fault_complete(self, token, SP_ALLOW);
    fault_complete(self, token, SP_ALLOW);
}

FAULT_AUTH_PLUGIN(password, .cancel = cancel);
