/* blocks: holds its thread of the pool until the test lets go, long past the deadline. */
#include <semaphore.h>

#include "fault.h"

SP_EXPORT sem_t fault_let_go;

__attribute__((constructor)) static void begin(void)
{
    sem_init(&fault_let_go, 0, 0);
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    (void)self;
    (void)event;
    while (sem_wait(&fault_let_go) < 0)
        ;
    return SP_ALLOW;
}

FAULT_AUTH_PLUGIN(password);
