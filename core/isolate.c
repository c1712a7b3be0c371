/*
 * isolate.c: the life of a plugin instance's own process: enter the sandbox, then serve one worker
 * until that goes. Called by main.c in a process of its own.
 */
#include "isolate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"
#include "keys/hostkeys.h"
#include "plugin/guest.h"
#include "process.h"
#include "supervisor/sandbox.h"
#include "supervisor/supervisor.h"
#include "worker/counters.h"
#include "worker/link.h"

/* What other instances are configured with is none of this one's business. */
static void forget_others(struct config *config, size_t own)
{
    for (size_t i = 0; i < config->plugins_count; i++) {
        char *text = config->plugins[i].config_json;
        if (i == own || !text)
            continue;
        secret_wipe(text, strlen(text)); /* "" now, which nothing reads here */
    }
}

static int find(const struct config *config, const char *instance, size_t *ret_index,
                struct report *report)
{
    for (size_t i = 0; i < config->plugins_count; i++) {
        if (strcmp(config->plugins[i].name, instance) == 0) {
            *ret_index = i;
            return 0;
        }
    }
    report_error(report, config->file, 0, NULL, "has no plugin instance \"%s\"", instance);
    return SP_ERR_NOT_FOUND;
}

/* All that comes before the plugin's code. */
static int come_up(const char *config_file, const char *instance, struct config **ret_config,
                   struct report *report)
{
    size_t index;
    int rc;
    if ((rc = process_read_config(config_file, ret_config, report)) < 0 ||
        (rc = process_open_log(*ret_config, report)) < 0 ||
        (rc = find(*ret_config, instance, &index, report)) < 0)
        return rc;
    forget_others(*ret_config, index);
    hostkeys_forget_secrets(*ret_config);
    if ((rc = sandbox_enter(*ret_config, index, report)) < 0)
        return rc;
    process_close_doors();
    return 0;
}

/* arg: the counters, in which the supervisor sees whether the loop turns. */
static void on_ready(void *arg, struct reactor *reactor)
{
    const struct link_message message = {.kind = LINK_READY};
    const struct counters *counters = arg;
    reactor_count_turns(reactor, counters->turns);
    link_send(WORKER_FD_LINK, &message, -1);
}

int isolate_run(const char *config_file, const char *instance)
{
    struct config *config = NULL;
    struct report report = {0};
    struct counters counters = {0};
    process_begin("sallyportd-plug", WORKER_FD_PEER);
    int rc = counters_map(WORKER_FD_COUNTERS, 0, 0, &counters);
    close(WORKER_FD_COUNTERS);
    if (rc == 0)
        rc = come_up(config_file, instance, &config, &report);
    if (rc == 0)
        rc = guest_run(config, instance, WORKER_FD_PEER, on_ready, &counters, &report);
    if (rc < 0 && report.errors == 0)
        report_error(&report, NULL, 0, NULL, "%s", err_text(rc));
    if (rc < 0)
        process_tell_failure(&report);
    report_free(&report);
    config_free(config);
    counters_unmap(&counters);
    return rc < 0;
}
