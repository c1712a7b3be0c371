/* isolate.c: the life of a plugin instance's own process. Called by main.c. */
#include "isolate.h"

#include <stdio.h>

#include "supervisor/supervisor.h"
#include "worker/link.h"

int isolate_run(const char *config_file, const char *instance)
{
    struct link_message message = {.kind = LINK_FAILED};
    snprintf(message.u.text, sizeof(message.u.text),
             "%s: this build cannot run instance %s in a process of its own", config_file,
             instance);
    link_send(WORKER_FD_LINK, &message, -1);
    return 1;
}
