/*
 * file.c: reading a file that somebody else may have put there: a FIFO, a device, a directory or a
 * file without end must not hold the thread or fill the memory. Any thread.
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *read_all(int fd, size_t size, size_t *ret_length)
{
    char *text = malloc(size + 1);
    if (!text)
        return NULL;
    size_t length = 0;
    while (length < size) {
        ssize_t n = read(fd, text + length, size - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(text);
            return NULL;
        }
        if (n == 0)
            break;
        length += (size_t)n;
    }
    text[length] = '\0';
    *ret_length = length;
    return text;
}

/* Whether what was opened is fit to be believed; else why. */
static bool is_fit(const struct stat *st, size_t most, bool is_private, const char **ret_why)
{
    if (!S_ISREG(st->st_mode))
        *ret_why = "it is not a regular file";
    else if (st->st_mode & (S_IWGRP | S_IWOTH))
        *ret_why = "others than its owner may write it; run chmod go-w on it";
    else if (is_private && (st->st_mode & S_IROTH))
        *ret_why = "everybody may read it; run chmod o-r on it";
    else if (is_private && st->st_uid != 0 && st->st_uid != geteuid())
        *ret_why = "it belongs neither to root nor to the user that the daemon runs as";
    else if (st->st_size < 0 || (uint64_t)st->st_size > most)
        *ret_why = "it is too large";
    else
        return true;
    return false;
}

char *file_read(const char *path, size_t most, bool is_private, size_t *ret_length,
                struct stat *ret_stat, const char **ret_why)
{
    *ret_stat = (struct stat){0};
    /* O_NONBLOCK: without it the open of a FIFO waits for a writer. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, ret_stat) < 0) {
        *ret_why = strerror(errno);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *text = NULL;
    if (is_fit(ret_stat, most, is_private, ret_why)) {
        text = read_all(fd, (size_t)ret_stat->st_size, ret_length);
        if (!text) {
            *ret_why = strerror(errno);
            *ret_stat = (struct stat){0};
        }
    }
    close(fd);
    return text;
}
