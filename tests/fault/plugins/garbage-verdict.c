/* garbage-verdict: answers with numbers that mean nothing, or nothing in this place. */
#include <string.h>

#include "fault.h"

static int32_t password(void *self, const struct sp_auth_event *event)
{
    if (strcmp(event->user.data, "reply") == 0) {
        fault_complete(self, event->head.token, 4711);
        return SP_PENDING;
    }
    if (strcmp(event->user.data, "pending") == 0) {
        fault_complete(self, event->head.token, SP_PENDING);
        return SP_PENDING;
    }
    if (strcmp(event->user.data, "elsewhere") == 0)
        return SP_TAKE; /* of a channel's */
    return 4711;
}

FAULT_AUTH_PLUGIN(password);
