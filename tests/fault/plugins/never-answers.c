/* never-answers: says "later" and means never. */
#include "fault.h"

static int32_t password(void *self, const struct sp_auth_event *event)
{
    (void)self;
    (void)event;
    return SP_PENDING;
}

FAULT_AUTH_PLUGIN(password);
