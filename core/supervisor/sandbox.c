/*
 * sandbox.c: enters the sandbox of a plugin's own process, step by step; what cannot be done fails
 * the whole. Called by generation.c for the check and by isolate.c, in that process.
 *
 * The order matters. The filter comes before the change of user, because loading it takes root or
 * "no new privileges", and the latter may be switched off; what the filter refuses, none of the
 * later steps needs. The kernel forgets with the change of user that we are not to be dumped, so
 * that comes after it.
 */
#include "supervisor/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "supervisor/identity.h"
#include "supervisor/syscall_filter.h"

#define KEY_ROOM 64

struct sandbox {
    const struct config *config;
    const struct config_plugin *plugin;
    char key[KEY_ROOM]; /* where it stands */
    struct report *report;
};

static void complain(const struct sandbox *sandbox, const char *field, const char *text)
{
    char key[KEY_ROOM + 32];
    snprintf(key, sizeof(key), "%s%s", sandbox->key, field);
    int line = positions_line(sandbox->config->positions, key);
    report_error(sandbox->report, sandbox->config->file, line ? line : sandbox->plugin->line, key,
                 "%s", text);
}

static int complain_step(const struct sandbox *sandbox, const char *field, const char *step)
{
    char text[256];
    snprintf(text, sizeof(text), "the process of \"%s\" cannot be confined: %s: %s",
             sandbox->plugin->name, step, strerror(errno));
    complain(sandbox, field, text);
    return SP_ERR_SYSTEM;
}

static struct sandbox sandbox_of(const struct config *config, size_t index, struct report *report)
{
    struct sandbox sandbox = {
        .config = config, .plugin = &config->plugins[index], .report = report};
    snprintf(sandbox.key, sizeof(sandbox.key), "/plugins/%zu/sandbox", index);
    return sandbox;
}

/* --- who it is --- */

/* Whom it should become. 0, SP_ERR_NOT_FOUND if nobody else, or SP_ERR_INVALID after a complaint.
 */
static int find_identity(const struct sandbox *sandbox, struct identity *ret_identity)
{
    const struct config *config = sandbox->config;
    const struct config_sandbox *wanted = &sandbox->plugin->sandbox;
    if (wanted->group && !wanted->user) {
        complain(sandbox, "/group", "a group needs a \"user\" beside it");
        return SP_ERR_INVALID;
    }
    if (wanted->user)
        return identity_find(config, sandbox->key, wanted->user, wanted->group, ret_identity,
                             sandbox->report);
    if (!config->user)
        return SP_ERR_NOT_FOUND;
    return identity_find(config, "", config->user, config->group, ret_identity, sandbox->report);
}

static int check_user(const struct sandbox *sandbox)
{
    struct identity identity;
    char text[256];
    int rc = find_identity(sandbox, &identity);
    if (rc == SP_ERR_NOT_FOUND)
        return 0;
    if (rc < 0 || geteuid() == 0 || identity.uid == geteuid())
        return rc;
    snprintf(text, sizeof(text),
             "only root can become \"%s\": start the daemon as root, or leave user out",
             identity.user);
    complain(sandbox, "/user", text);
    return SP_ERR_INVALID;
}

int sandbox_check(const struct config *config, struct report *report)
{
    int result = 0;
    for (size_t i = 0; i < config->plugins_count; i++) {
        const struct sandbox sandbox = sandbox_of(config, i, report);
        const struct config_sandbox *wanted = &config->plugins[i].sandbox;
        if ((wanted->user || wanted->group) && check_user(&sandbox) < 0)
            result = SP_ERR_INVALID;
    }
    return result;
}

static int become(const struct sandbox *sandbox)
{
    struct identity identity;
    int rc = find_identity(sandbox, &identity);
    if (rc == SP_ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = check_user(sandbox);
    if (rc < 0 || geteuid() != 0)
        return rc;
    const char *failed = identity_become(&identity);
    return failed ? complain_step(sandbox, "/user", failed) : 0;
}

/* --- what it may do --- */

static int forgo_privileges(const struct sandbox *sandbox)
{
    if (!sandbox->plugin->sandbox.no_new_privileges)
        return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return complain_step(sandbox, "/no_new_privileges", "PR_SET_NO_NEW_PRIVS");
    return 0;
}

static int filter_calls(const struct sandbox *sandbox)
{
    if (!sandbox->plugin->sandbox.filters_calls || syscall_filter_load() == 0)
        return 0;
    if (errno == EACCES)
        complain(sandbox, "/seccomp",
                 "the filter of system calls needs \"no_new_privileges\" where the daemon is not "
                 "root: set that to true, or seccomp to \"off\"");
    else if (errno == ENOSYS || errno == EINVAL)
        complain(sandbox, "/seccomp",
                 "this system cannot filter system calls: set seccomp to \"off\" if that must be");
    else
        return complain_step(sandbox, "/seccomp", "loading the filter of system calls");
    return SP_ERR_SYSTEM;
}

/* A daemon that is not root may have been started with some, to listen on a low port. */
static int drop_capabilities(const struct sandbox *sandbox)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (geteuid() != 0 && syscall(SYS_capset, &header, none) < 0)
        return complain_step(sandbox, "", "capset");
    return 0;
}

static int limit_resources(const struct sandbox *sandbox)
{
    const struct config_sandbox *wanted = &sandbox->plugin->sandbox;
    const struct {
        int resource;
        bool is_wanted;
        uint64_t limit;
        const char *field;
    } limits[] = {
        {RLIMIT_AS, wanted->memory_bytes > 0, wanted->memory_bytes, "/memory_bytes"},
        {RLIMIT_NOFILE, wanted->open_files > 0, wanted->open_files, "/open_files"},
        {RLIMIT_NPROC, wanted->processes > 0, wanted->processes, "/processes"},
        {RLIMIT_CORE, true, 0, ""},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct rlimit limit;
        if (!limits[i].is_wanted)
            continue;
        if (getrlimit(limits[i].resource, &limit) < 0)
            return complain_step(sandbox, limits[i].field, "getrlimit");
        if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > limits[i].limit)
            limit.rlim_max = limits[i].limit;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(limits[i].resource, &limit) < 0)
            return complain_step(sandbox, limits[i].field, "setrlimit");
    }
    return 0;
}

/* Others of the same user, the workers above all, must not look into it, nor it into them. */
static int forbid_dumps(const struct sandbox *sandbox)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return complain_step(sandbox, "", "PR_SET_DUMPABLE");
    return 0;
}

int sandbox_enter(const struct config *config, size_t index, struct report *report)
{
    const struct sandbox sandbox = sandbox_of(config, index, report);
    int rc;
    if ((rc = forgo_privileges(&sandbox)) < 0 || (rc = filter_calls(&sandbox)) < 0 ||
        (rc = become(&sandbox)) < 0 || (rc = drop_capabilities(&sandbox)) < 0 ||
        (rc = limit_resources(&sandbox)) < 0)
        return rc;
    return forbid_dumps(&sandbox);
}
