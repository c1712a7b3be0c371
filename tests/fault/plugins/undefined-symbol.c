/* undefined-symbol: wants a function that nothing has. */
#include "fault.h"

int32_t nobody_has_this(const struct sp_auth_event *event);

static int32_t password(void *self, const struct sp_auth_event *event)
{
    (void)self;
    return nobody_has_this(event);
}

FAULT_AUTH_PLUGIN(password);
