/*
 * copy.c: copying between two open files. Slot on the reactor, the rest on the pool.
 *
 * copy_file_range() lets file systems share blocks; where it cannot serve, bytes go through a
 * buffer. A copy may take long and the client may leave: cancel() ends it at the next piece. Nor
 * may one copy keep a thread of the pool from everybody else: after its share it answers, and the
 * core asks for the rest.
 */
#include "fs_posix.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE (8u << 20)
#define BUFFER (256u << 10)
#define SHARE (64u << 20)

struct copy_job {
    struct copy_job *next;
    sp_token token;
    atomic_bool cancelled;
    int in_fd;
    int out_fd;
    off_t in;
    off_t out;
    uint64_t left; /* UINT64_MAX: to the end */
    uint64_t done;
    bool appends; /* out is wherever the target ends */
    bool met_end;
    char *buffer; /* NULL while copy_file_range() serves */
};

static void job_register(struct fs_posix *fs, struct copy_job *job)
{
    pthread_mutex_lock(&fs->copies_lock);
    job->next = fs->copies;
    fs->copies = job;
    pthread_mutex_unlock(&fs->copies_lock);
}

static void job_unregister(struct fs_posix *fs, const struct copy_job *job)
{
    pthread_mutex_lock(&fs->copies_lock);
    struct copy_job **link = &fs->copies;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    pthread_mutex_unlock(&fs->copies_lock);
}

void fs_cancel(void *self, sp_token token)
{
    struct fs_posix *fs = self;
    pthread_mutex_lock(&fs->copies_lock);
    for (struct copy_job *job = fs->copies; job; job = job->next)
        if (job->token == token)
            atomic_store(&job->cancelled, true);
    pthread_mutex_unlock(&fs->copies_lock);
}

/* Ranges of one file that overlap would feed a copy with its own output. */
static bool overlaps(const struct copy_job *job)
{
    struct stat a;
    struct stat b;
    if (fstat(job->in_fd, &a) < 0 || fstat(job->out_fd, &b) < 0 || a.st_dev != b.st_dev ||
        a.st_ino != b.st_ino)
        return false;
    if (job->left == UINT64_MAX || job->appends)
        return true;
    uint64_t in = (uint64_t)job->in;
    uint64_t out = (uint64_t)job->out;
    return in < out ? out - in < job->left : in - out < job->left;
}

/* Through the buffer; how much, 0 at the end, or -errno. */
static ssize_t copy_by_hand(struct copy_job *job, size_t most)
{
    ssize_t got = pread(job->in_fd, job->buffer, most < BUFFER ? most : BUFFER, job->in);
    if (got < 0)
        return -errno;
    for (ssize_t put = 0; put < got;) {
        ssize_t n = pwrite(job->out_fd, job->buffer + put, (size_t)(got - put), job->out + put);
        if (n < 0 && errno != EINTR)
            return -errno;
        put += n < 0 ? 0 : n;
    }
    job->in += got;
    job->out += got;
    return got;
}

static ssize_t copy_piece(struct copy_job *job)
{
    size_t most = job->left < PIECE ? (size_t)job->left : PIECE;
    if (job->buffer)
        return copy_by_hand(job, most);
    ssize_t n = copy_file_range(job->in_fd, &job->in, job->out_fd, &job->out, most, 0);
    if (n > 0)
        return n;
    /* Nothing copied is the end, but also what some file systems without sizes answer; EBADF is
     * also the answer to a target that appends. */
    bool by_hand = n == 0 || errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP ||
                   errno == ENOSYS || errno == EBADF;
    if (!by_hand)
        return -errno;
    job->buffer = malloc(BUFFER);
    return job->buffer ? copy_by_hand(job, most) : -ENOMEM;
}

static int copy_all(struct copy_job *job)
{
    while (job->left > 0 && job->done < SHARE && !atomic_load(&job->cancelled)) {
        ssize_t n = copy_piece(job);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return (int)n;
        job->met_end = n == 0;
        if (job->met_end)
            return 0;
        job->done += (uint64_t)n;
        if (job->left != UINT64_MAX)
            job->left -= (uint64_t)n;
    }
    return atomic_load(&job->cancelled) ? -ECANCELED : 0;
}

static int32_t copy_now(struct fs_posix *fs, const struct view *view,
                        const struct sp_fs_copy *event)
{
    (void)view;
    const struct handle *source = (const struct handle *)(uintptr_t)event->source;
    const struct handle *target = (const struct handle *)(uintptr_t)event->target;
    if (event->source_offset > INT64_MAX || event->target_offset > INT64_MAX ||
        (event->length && event->length > INT64_MAX - event->source_offset) ||
        (event->length && event->length > INT64_MAX - event->target_offset))
        return reply_error(fs, &event->head, EOVERFLOW);
    struct copy_job job = {
        .token = event->head.token,
        .in_fd = source->fd,
        .out_fd = target->fd,
        .in = (off_t)event->source_offset,
        .out = (off_t)event->target_offset,
        .left = event->length ? event->length : UINT64_MAX,
        .appends = target->flags & SP_OPEN_APPEND,
    };
    if (overlaps(&job))
        return reply_status(fs, &event->head, SP_FS_INVALID_PARAMETER,
                            "The ranges overlap in one file");
    job_register(fs, &job);
    int rc = copy_all(&job);
    job_unregister(fs, &job);
    free(job.buffer);
    return rc < 0 ? reply_error(fs, &event->head, -rc)
                  : reply_count(fs, &event->head, job.done, job.met_end);
}

ON_POOL(fs_copy, sp_fs_copy, view, copy_now)
