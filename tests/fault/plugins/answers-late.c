/*
 * answers-late: keeps the question of user "wait" until user "now" comes (after the deadline or the
 * cancel, if the test is patient), and then allows it.
 */
#include <string.h>

#include "fault.h"

static sp_token kept;

static int32_t password(void *self, const struct sp_auth_event *event)
{
    if (strcmp(event->user.data, "wait") == 0) {
        kept = event->head.token;
        return SP_PENDING;
    }
    return fault_complete(self, kept, SP_ALLOW) == SP_E_STALE ? SP_NEXT : SP_DENY;
}

FAULT_AUTH_PLUGIN(password);
