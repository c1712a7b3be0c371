/*
 * spool.c: the directory in which events wait: one file for each, "<time>-<id>.event", written
 * under another name and renamed when it is on disk. Its modification time is when it is due. The
 * file "lock" is locked by whoever sends; the kernel unlocks it when that process ends, however it
 * does.
 */
#include "notify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ABANDONED_S 600 /* what was begun so long ago, nobody is writing any more */

struct spool {
    int directory;
    int lock;
    bool is_locked;
    uint32_t most;
    pthread_mutex_t mutex; /* over the next three */
    uint32_t count;        /* as of the last look, and what has been put since */
    uint64_t begun, ended; /* how often something was put */
    struct timespec seen;  /* the directory's time at the last list; the sender's */
};

static int check_directory(const struct sp_host *host, const char *path, int directory)
{
    struct stat st;
    if (fstat(directory, &st) < 0) {
        log_line(host, SP_LOG_ERROR, "spool %s: %s", path, strerror(errno));
        return SP_E_FAILED;
    }
    if ((st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & S_IWOTH))
        return 0;
    log_line(host, SP_LOG_ERROR,
             "spool %s: it must belong to root or the user that the daemon runs as, and others may "
             "not write to it",
             path);
    return SP_E_INVALID;
}

static int open_in(struct spool *spool, const char *path)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    spool->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->directory < 0)
        return -errno;
    spool->lock = openat(spool->directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return spool->lock < 0 ? -errno : 0;
}

struct spool *spool_open(const struct sp_host *host, const char *path, uint32_t most)
{
    struct spool *spool = calloc(1, sizeof *spool);
    struct spooled *list = NULL;
    size_t count = 0;
    if (!spool)
        return NULL;
    spool->directory = spool->lock = -1;
    spool->most = most;
    pthread_mutex_init(&spool->mutex, NULL);
    int rc = open_in(spool, path);
    if (rc == 0)
        rc = spool_list(spool, &list, &count) < 0 ? -errno : 0;
    free(list);
    spool->seen = (struct timespec){0}; /* the sender has seen nothing yet */
    if (rc < 0)
        log_line(host, SP_LOG_ERROR, "spool %s: %s", path, strerror(-rc));
    if (rc == 0 && check_directory(host, path, spool->directory) == 0)
        return spool;
    spool_close(spool);
    return NULL;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    if (spool->lock >= 0)
        close(spool->lock);
    if (spool->directory >= 0)
        close(spool->directory);
    pthread_mutex_destroy(&spool->mutex);
    free(spool);
}

/* --- putting --------------------------------------------------------------------------------- */

static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        length -= (size_t)n;
    }
    return fsync(fd);
}

/* Its due time is the present: it was changed now. */
static int put_file(struct spool *spool, const char *begun, const char *name,
                    const struct text *text)
{
    int fd = openat(spool->directory, begun, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int rc = write_all(fd, text->data, text->length);
    if (close(fd) < 0)
        rc = -1;
    if (rc == 0)
        rc = renameat(spool->directory, begun, spool->directory, name);
    if (rc == 0)
        return fsync(spool->directory);
    int error = errno;
    unlinkat(spool->directory, begun, 0);
    errno = error;
    return -1;
}

int spool_put(struct spool *spool, const char *id, int64_t now_ms, const struct text *text)
{
    char name[64], begun[80];
    pthread_mutex_lock(&spool->mutex);
    bool is_full = spool->count >= spool->most;
    spool->count += !is_full;
    spool->begun += !is_full;
    pthread_mutex_unlock(&spool->mutex);
    if (is_full)
        return SP_E_BUSY;
    snprintf(name, sizeof name, "%013lld-%s.event", (long long)now_ms, id);
    /* What a process has left behind that was killed here must be in nobody's way. */
    snprintf(begun, sizeof begun, ".%s.new", id);
    int rc = put_file(spool, begun, name, text);
    pthread_mutex_lock(&spool->mutex);
    spool->count -= rc < 0 && spool->count > 0;
    spool->ended++;
    pthread_mutex_unlock(&spool->mutex);
    return rc < 0 ? SP_E_FAILED : 0;
}

/* --- taking ---------------------------------------------------------------------------------- */

bool spool_lock(struct spool *spool)
{
    if (!spool->is_locked)
        spool->is_locked = flock(spool->lock, LOCK_EX | LOCK_NB) == 0;
    return spool->is_locked;
}

/* The time of a directory moves in steps: one that has just changed may have changed again. */
bool spool_has_changed(struct spool *spool)
{
    struct stat st;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return fstat(spool->directory, &st) < 0 || st.st_mtim.tv_sec != spool->seen.tv_sec ||
           st.st_mtim.tv_nsec != spool->seen.tv_nsec || st.st_mtim.tv_sec + 1 >= now.tv_sec;
}

static bool parse_name(const char *name, struct spooled *ret)
{
    int length = 0;
    long long born;
    size_t name_length = strlen(name);
    if (name_length >= sizeof ret->name ||
        sscanf(name, "%13lld-%32[0-9a-f].event%n", &born, ret->id, &length) != 2 ||
        (size_t)length != name_length || strlen(ret->id) != ID_LENGTH)
        return false;
    ret->born_ms = born;
    memcpy(ret->name, name, name_length + 1);
    return true;
}

/* What a process that was killed has left behind. */
static void remove_abandoned(struct spool *spool, const char *name, const struct stat *st)
{
    struct timespec now;
    size_t length = strlen(name);
    clock_gettime(CLOCK_REALTIME, &now);
    if (name[0] == '.' && length > 5 && strcmp(name + length - 4, ".new") == 0 &&
        st->st_mtim.tv_sec + ABANDONED_S < now.tv_sec)
        unlinkat(spool->directory, name, 0);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct spooled *)a)->name, ((const struct spooled *)b)->name);
}

/* Room for one more; *size is how many there is room for. */
static bool make_room(struct spooled **list, size_t *size, size_t count)
{
    if (count < *size)
        return true;
    size_t larger = *size ? *size * 2 : 64;
    struct spooled *grown = realloc(*list, larger * sizeof *grown);
    if (!grown)
        return false;
    *list = grown;
    *size = larger;
    return true;
}

static int read_names(struct spool *spool, DIR *stream, struct spooled **list, size_t *count)
{
    size_t size = 0;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(stream)); errno = 0) {
        struct stat st;
        if (fstatat(spool->directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISREG(st.st_mode))
            continue;
        if (!make_room(list, &size, *count))
            return -1;
        struct spooled *next = &(*list)[*count];
        if (parse_name(entry->d_name, next)) {
            next->due_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
            ++*count;
        } else {
            remove_abandoned(spool, entry->d_name, &st);
        }
    }
    return errno ? -1 : 0;
}

int spool_list(struct spool *spool, struct spooled **ret_list, size_t *ret_count)
{
    struct stat st;
    *ret_list = NULL;
    *ret_count = 0;
    if (fstat(spool->directory, &st) < 0)
        return -1;
    pthread_mutex_lock(&spool->mutex);
    uint64_t begun = spool->begun;
    bool is_quiet = begun == spool->ended;
    pthread_mutex_unlock(&spool->mutex);
    int fd = openat(spool->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    int rc = read_names(spool, stream, ret_list, ret_count);
    int error = errno;
    closedir(stream);
    if (rc < 0) {
        free(*ret_list);
        *ret_list = NULL;
        errno = error;
        return -1;
    }
    if (*ret_count > 0)
        qsort(*ret_list, *ret_count, sizeof **ret_list, by_name);
    spool->seen = st.st_mtim;
    pthread_mutex_lock(&spool->mutex);
    if (is_quiet && spool->begun == begun) /* else some may be counted that were not seen */
        spool->count = (uint32_t)*ret_count;
    pthread_mutex_unlock(&spool->mutex);
    return 0;
}

int spool_file(struct spool *spool, const struct spooled *spooled)
{
    return openat(spool->directory, spooled->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int spool_read(struct spool *spool, const struct spooled *spooled, struct text *ret_text)
{
    char part[4096];
    ssize_t n = -1;
    int fd = spool_file(spool, spooled);
    if (fd < 0)
        return -1;
    while ((n = read(fd, part, sizeof part)) > 0 && ret_text->length < EVENT_MOST)
        text_add(ret_text, part, (size_t)n);
    close(fd);
    return n == 0 && !ret_text->failed && ret_text->length > 0 ? 0 : -1;
}

void spool_remove(struct spool *spool, const struct spooled *spooled)
{
    if (unlinkat(spool->directory, spooled->name, 0) < 0)
        return;
    pthread_mutex_lock(&spool->mutex);
    spool->count -= spool->count > 0;
    pthread_mutex_unlock(&spool->mutex);
}

void spool_defer(struct spool *spool, const struct spooled *spooled, int64_t due_ms)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = due_ms / 1000, .tv_nsec = due_ms % 1000 * 1000000}};
    utimensat(spool->directory, spooled->name, times, AT_SYMLINK_NOFOLLOW);
}
