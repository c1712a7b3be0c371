/* crash-in-constructor: crashes before anybody has asked it for anything. */
#include <signal.h>

#include "fault.h"

__attribute__((constructor)) static void crash(void)
{
    raise(SIGSEGV);
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    (void)self;
    (void)event;
    return SP_DENY;
}

FAULT_AUTH_PLUGIN(password);
