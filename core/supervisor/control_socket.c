/*
 * control_socket.c: the file of the control socket: made for the owner only, and only where no
 * other daemon answers. Called by supervisor.c and reload.c. Supervisor's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "supervisor/control.h"

/* Whether somebody serves the socket at this address. */
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* when in doubt, it is not ours to remove */
    bool answered =
        connect(fd, (const struct sockaddr *)(const void *)address, sizeof(*address)) == 0 ||
        (errno != ECONNREFUSED && errno != ENOENT);
    close(fd);
    return answered;
}

/* Remove what an earlier daemon left. 0 or SP_ERR_INVALID, and report tells. */
static int clear_path(const struct sockaddr_un *address, struct report *report)
{
    struct stat status;
    const char *path = address->sun_path;
    if (lstat(path, &status) < 0)
        return 0; /* bind() tells if it is anything but absent */
    if (!S_ISSOCK(status.st_mode)) {
        report_error(report, NULL, 0, "/control_socket",
                     "%s is there already and is not a socket: remove it, or choose another path",
                     path);
        return SP_ERR_INVALID;
    }
    if (is_answered(address)) {
        report_error(report, NULL, 0, "/control_socket",
                     "another daemon answers on %s: stop it, or choose another path", path);
        return SP_ERR_INVALID;
    }
    unlink(path);
    return 0;
}

int control_bind(const char *path, struct report *report)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof(address.sun_path)) {
        report_error(report, NULL, 0, "/control_socket",
                     "%s is longer than the system's limit for sockets, %zu bytes: choose a "
                     "shorter path",
                     path, sizeof(address.sun_path) - 1);
        return SP_ERR_INVALID;
    }
    memcpy(address.sun_path, path, length + 1);
    if (clear_path(&address, report) < 0)
        return SP_ERR_INVALID;

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* The mask, so that not for a moment anybody else can connect. */
    mode_t mask = umask(0177);
    int rc =
        fd < 0 ? -1 : bind(fd, (const struct sockaddr *)(const void *)&address, sizeof(address));
    umask(mask);
    if (rc == 0)
        rc = listen(fd, CONTROL_CLIENTS_MAX);
    if (rc < 0) {
        report_error(report, NULL, 0, "/control_socket", "cannot listen on %s: %s", path,
                     strerror(errno));
        if (fd >= 0)
            close(fd);
        return SP_ERR_SYSTEM;
    }
    return fd;
}

void control_unbind(int fd, const char *path)
{
    unlink(path);
    close(fd);
}
