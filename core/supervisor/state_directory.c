/* state_directory.c: called by generation.c before host keys are made. Supervisor's thread. */
#include "supervisor/state_directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

int state_directory_ensure(const struct config *config, struct report *report)
{
    const char *path = config->state_directory;
    struct stat status;
    if ((mkdir(path, 0700) < 0 && errno != EEXIST) || stat(path, &status) < 0) {
        report_error(report, config->file, positions_line(config->positions, "/state_directory"),
                     "/state_directory", "cannot make %s: %s", path, strerror(errno));
        return SP_ERR_SYSTEM;
    }
    if (!S_ISDIR(status.st_mode)) {
        report_error(report, config->file, positions_line(config->positions, "/state_directory"),
                     "/state_directory", "%s is not a directory", path);
        return SP_ERR_DENIED;
    }
    if ((status.st_uid != 0 && status.st_uid != geteuid()) || (status.st_mode & 022) != 0) {
        report_error(report, config->file, positions_line(config->positions, "/state_directory"),
                     "/state_directory",
                     "others may write to %s (owner %u, mode %03o), and so replace host keys: "
                     "make it yours with mode 0700",
                     path, status.st_uid, status.st_mode & 0777);
        return SP_ERR_DENIED;
    }
    return 0;
}
