/*
 * privileges.c: giving up root. Checked by the supervisor before it starts workers
 * (generation.c), done by a worker once it has read what only root may read (serve.c).
 */
#include "supervisor/privileges.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "supervisor/identity.h"

int privileges_check(const struct config *config, struct report *report)
{
    struct identity identity;
    if (geteuid() == 0 && !config->user) {
        report_error(report, config->file, positions_line(config->positions, "/user"), "/user",
                     "started as root, but no user is set for the workers: name an unprivileged "
                     "one, or \"root\" to stay root knowingly");
        return SP_ERR_INVALID;
    }
    if (!config->user)
        return 0;
    if (identity_find(config, "", config->user, config->group, &identity, report) < 0)
        return SP_ERR_INVALID;
    if (geteuid() != 0 && identity.uid != geteuid()) {
        report_error(report, config->file, positions_line(config->positions, "/user"), "/user",
                     "only root can become \"%s\": start as root, or leave user out", config->user);
        return SP_ERR_INVALID;
    }
    return 0;
}

/* NULL, or the step that failed; errno tells why. */
static const char *become(const struct identity *identity)
{
    const char *failed = identity_become(identity);
    errno = failed ? errno : EPERM;
    if (!failed && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return "verifying that programs cannot gain privileges";
    return failed;
}

/* Root stays root if it is told to be. */
static bool is_dropping(const struct config *config)
{
    const struct passwd *user = config->user ? getpwnam(config->user) : NULL;
    return geteuid() == 0 && user && user->pw_uid != 0;
}

int privileges_forgo(const struct config *config, struct report *report)
{
    if (!is_dropping(config) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        return 0;
    report_error(report, config->file, 0, NULL, "PR_SET_NO_NEW_PRIVS: %s", strerror(errno));
    return SP_ERR_SYSTEM;
}

int privileges_drop(const struct config *config, struct report *report)
{
    struct identity identity;
    if (geteuid() != 0)
        return 0;
    if (privileges_check(config, report) < 0 ||
        identity_find(config, "", config->user, config->group, &identity, report) < 0)
        return SP_ERR_INVALID;
    if (!is_dropping(config))
        return 0;
    const char *failed = become(&identity);
    if (failed) {
        report_error(report, config->file, positions_line(config->positions, "/user"), "/user",
                     "cannot become \"%s\": %s: %s", config->user, failed, strerror(errno));
        return SP_ERR_SYSTEM;
    }
    return 0;
}
