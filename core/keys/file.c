/* file.c: reading files of keys. Called while the configuration is put into effect. */
#include "keys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/secret.h"

static int wrong(char *ret_why, const char *why)
{
    snprintf(ret_why, KEY_FILE_WHY_SIZE, "%s", why);
    return SP_ERR_INVALID;
}

static int check(int fd, size_t most, bool is_secret, char *ret_why)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return wrong(ret_why, "is not a regular file");
    if ((uint64_t)st.st_size > most) {
        snprintf(ret_why, KEY_FILE_WHY_SIZE, "is longer than %zu bytes; is it the right file?",
                 most);
        return SP_ERR_INVALID;
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        snprintf(ret_why, KEY_FILE_WHY_SIZE,
                 "belongs to another user (uid %u); chown it to the daemon's user",
                 (unsigned)st.st_uid);
        return SP_ERR_INVALID;
    }
    if (is_secret && st.st_mode & 077) {
        snprintf(ret_why, KEY_FILE_WHY_SIZE,
                 "is open to other users (mode %04o); chmod 600 it, and replace it if they may "
                 "have read it",
                 (unsigned)st.st_mode & 07777);
        return SP_ERR_INVALID;
    }
    if (st.st_mode & 022) {
        snprintf(ret_why, KEY_FILE_WHY_SIZE, "may be written by others (mode %04o); chmod go-w it",
                 (unsigned)st.st_mode & 07777);
        return SP_ERR_INVALID;
    }
    return 0;
}

/* One byte more than most is asked for, so that a file that grew meanwhile shows. */
static int read_all(int fd, char *text, size_t most, size_t *ret_len)
{
    size_t length = 0;

    while (length <= most) {
        ssize_t n = read(fd, text + length, most + 1 - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return SP_ERR_SYSTEM;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    *ret_len = length;
    return length > most ? SP_ERR_LIMIT : 0;
}

int key_file_read(const char *path, size_t most, bool is_secret, char **ret_text, size_t *ret_len,
                  char *ret_why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int rc;

    if (fd < 0) {
        snprintf(ret_why, KEY_FILE_WHY_SIZE, "cannot be opened: %s", strerror(errno));
        return SP_ERR_INVALID;
    }
    rc = check(fd, most, is_secret, ret_why);
    if (rc == 0 && fstat(fd, &st) == 0) {
        /* Not the bound itself: most files are small, and it is not. */
        size_t size = (size_t)st.st_size, length = 0;
        char *text = malloc(size + 2);
        if (!text) {
            rc = wrong(ret_why, "cannot be kept: out of memory");
        } else if (read_all(fd, text, size, &length) < 0) {
            secret_free(text, size + 2);
            rc = wrong(ret_why, "cannot be read, or changes while it is read");
        } else {
            text[length] = '\0';
            *ret_text = text;
            *ret_len = length;
        }
    }
    close(fd);
    errno = 0;
    return rc;
}
