/*
 * sink.c: writes lines to a file, to standard output or to the journal. See sink.h.
 *
 * Several workers append to one file. A lock is held while a line is not whole in it, so that lines
 * never mix, even when the disk is full in the middle of one.
 */
#include "sftp-audit/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#define CHECK_MS 1000
static const char journal_head[] = "SYSLOG_IDENTIFIER=sallyport-audit\nPRIORITY=6\nMESSAGE=";

bool sink_take(struct sink *sink, const struct json_t *config)
{
    const char *kind = json_string_value(json_object_get(config, "sink"));
    const char *mode = json_string_value(json_object_get(config, "file_mode"));
    *sink = (struct sink){.fd = -1};
    if (kind && strcmp(kind, "stdout") == 0) {
        sink->kind = SINK_STDOUT;
        sink->path = "standard output";
    } else if (kind && strcmp(kind, "journald") == 0) {
        sink->kind = SINK_JOURNAL;
        sink->path = json_string_value(json_object_get(config, "journal_socket"));
    } else {
        sink->kind = SINK_FILE;
        sink->path = json_string_value(json_object_get(config, "file"));
        sink->mode = mode ? (mode_t)strtoul(mode, NULL, 8) : 0640;
    }
    return sink->path != NULL;
}

void sink_close(struct sink *sink)
{
    if (sink->fd >= 0)
        close(sink->fd);
    sink->fd = -1;
    sink->is_midline = false;
}

int sink_open(struct sink *sink)
{
    if (sink->kind == SINK_FILE)
        sink->fd =
            open(sink->path,
                 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                 sink->mode);
    else if (sink->kind == SINK_STDOUT)
        sink->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    else
        sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sink->fd < 0 ? -1 : 0;
}

/* --- a file -------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Whoever rotates files gives ours another name, or removes it: then there is to be a new one. */
static void follow_name(struct sink *sink)
{
    struct stat named, ours;
    uint64_t now = now_ms();
    if (sink->is_midline || now - sink->checked_ms < CHECK_MS)
        return;
    sink->checked_ms = now;
    if (fstat(sink->fd, &ours) == 0 && stat(sink->path, &named) == 0 &&
        named.st_ino == ours.st_ino && named.st_dev == ours.st_dev)
        return;
    sink_close(sink);
}

/* Whole lines only, as many as fit; the first at any rate. */
static size_t whole_lines(const char *data, size_t length, size_t most)
{
    if (length <= most)
        return length;
    const char *newline = memrchr(data, '\n', most);
    if (!newline)
        newline = memchr(data, '\n', length);
    return newline ? (size_t)(newline - data) + 1 : length;
}

static ssize_t write_file(struct sink *sink, const char *data, size_t length)
{
    if (!sink->is_midline && flock(sink->fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
    ssize_t written = write(sink->fd, data, length);
    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        written = 0;
    int error = errno;
    if (written > 0)
        sink->is_midline = data[written - 1] != '\n';
    if (!sink->is_midline)
        flock(sink->fd, LOCK_UN);
    errno = error;
    return written;
}

/* --- standard output ----------------------------------------------------------------------- */

/* It is not ours alone, so it cannot be made to not block: no more is written than a pipe that is
 * ready takes at once. */
static ssize_t write_stdout(struct sink *sink, const char *data, size_t length)
{
    struct pollfd ready = {.fd = sink->fd, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0)
        return 0;
    size_t part = whole_lines(data, length, PIPE_BUF);
    ssize_t written = write(sink->fd, data, part < PIPE_BUF ? part : PIPE_BUF);
    return written < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : written;
}

/* --- the journal --------------------------------------------------------------------------- */

static ssize_t write_journal(struct sink *sink, const char *data, size_t length)
{
    const char *newline = memchr(data, '\n', length);
    size_t line = newline ? (size_t)(newline - data) + 1 : length;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t path = strlen(sink->path);
    memcpy(address.sun_path, sink->path, path < sizeof address.sun_path ? path : 0);
    struct iovec parts[] = {
        {(void *)(uintptr_t)journal_head, sizeof journal_head - 1},
        {(void *)(uintptr_t)data, line},
    };
    struct msghdr message = {
        .msg_name = &address, .msg_namelen = sizeof address, .msg_iov = parts, .msg_iovlen = 2};
    if (sendmsg(sink->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return (ssize_t)line;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

ssize_t sink_write(struct sink *sink, const char *data, size_t length)
{
    if (sink->kind == SINK_FILE && sink->fd >= 0)
        follow_name(sink);
    if (sink->fd < 0 && sink_open(sink) < 0)
        return -1;
    switch (sink->kind) {
    case SINK_FILE:
        return write_file(sink, data, length);
    case SINK_STDOUT:
        return write_stdout(sink, data, length);
    case SINK_JOURNAL:
        break;
    }
    return write_journal(sink, data, length);
}
