/*
 * answers-twice: first deny, then allow, in the way that the user's name says: "return" (complete,
 * then another verdict returned), "complete" (complete twice), "stale" (complete for the question
 * before, which is over). "first" just denies.
 */
#include <string.h>

#include "fault.h"

static sp_token last;

static int32_t password(void *self, const struct sp_auth_event *event)
{
    sp_token before = last;
    last = event->head.token;
    if (strcmp(event->user.data, "return") == 0) {
        fault_complete(self, last, SP_DENY);
        return SP_ALLOW;
    }
    if (strcmp(event->user.data, "complete") == 0) {
        fault_complete(self, last, SP_DENY);
        fault_complete(self, last, SP_ALLOW);
        return SP_PENDING;
    }
    if (strcmp(event->user.data, "stale") == 0)
        fault_complete(self, before, SP_ALLOW);
    return SP_DENY;
}

FAULT_AUTH_PLUGIN(password);
