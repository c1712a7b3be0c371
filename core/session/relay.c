/* relay.c: between a channel and descriptors. Input goes straight from the library's buffer to the
 * descriptor; output is read into chunks that the channel sends from where they lie. */
#include "session/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "plugin/host.h"

enum { READ_SIZE = 32 * 1024 };

struct relay_end {
    struct reactor_source source;
    struct relay *relay;
    uint32_t stream;
    bool is_open;
};

struct relay {
    struct reactor *reactor;
    struct channel *channel;
    relay_done done;
    void *arg;
    struct relay_end input, output, error, process;
    bool is_terminal; /* input and output are one descriptor that is no socket */
    bool shares_descriptor;
    bool has_process;
    bool has_exited;
    int status, signal_number;
};

struct relay_chunk {
    struct channel_chunk chunk;
    uint8_t bytes[READ_SIZE];
};

static int make_nonblocking(int fd)
{
    return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* A descriptor that came from a plugin's own process is that one's, too, and it can make it block
 * again at any time. So each call says for itself that it must not wait. Terminals cannot be told
 * that, nor can pipes before Linux 6.5: those are made non-blocking anew. */
static bool must_do_without(ssize_t done, int fd)
{
    return done < 0 && (errno == EOPNOTSUPP || errno == ENOSYS) && make_nonblocking(fd) == 0;
}

static ssize_t read_some(int fd, void *bytes, size_t length)
{
    const struct iovec part = {.iov_base = bytes, .iov_len = length};
    ssize_t got = preadv2(fd, &part, 1, -1, RWF_NOWAIT);
    return must_do_without(got, fd) ? read(fd, bytes, length) : got;
}

static ssize_t write_some(int fd, const void *bytes, size_t length)
{
    const struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
    ssize_t put = pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
    return must_do_without(put, fd) ? write(fd, bytes, length) : put;
}

static void free_chunk(struct channel_chunk *chunk)
{
    free(container_of(chunk, struct relay_chunk, chunk));
}

static void end_close(struct relay *relay, struct relay_end *end)
{
    bool is_shared = relay->shares_descriptor && (end == &relay->input || end == &relay->output);

    if (!end->is_open)
        return;
    end->is_open = false;
    reactor_unwatch(relay->reactor, &end->source);
    /* A shared descriptor is watched once, through output, and closed when both ways are over. */
    if (!is_shared || (!relay->input.is_open && !relay->output.is_open))
        close(end->source.fd);
}

static void finish_if_over(struct relay *relay)
{
    relay_done done = relay->done;

    if (relay->output.is_open || relay->error.is_open || (relay->has_process && !relay->has_exited))
        return;
    relay->done = NULL;
    if (done)
        done(relay->arg, relay->has_process, relay->status, relay->signal_number);
}

/* True while there may be more to read at once. */
static bool read_once(struct relay *relay, struct relay_end *end)
{
    struct relay_chunk *chunk;
    ssize_t got;

    if (channel_is_full(relay->channel)) {
        reactor_change(relay->reactor, &end->source, end->source.wanted & ~(uint32_t)REACTOR_READ);
        return false;
    }
    chunk = malloc(sizeof *chunk);
    if (!chunk)
        return false;
    got = read_some(end->source.fd, chunk->bytes, sizeof chunk->bytes);
    if (got > 0) {
        chunk->chunk = (struct channel_chunk){.data = chunk->bytes,
                                              .length = (size_t)got,
                                              .stream = end->stream,
                                              .on_sent = free_chunk};
        channel_send_chunk(relay->channel, &chunk->chunk);
        return (size_t)got == sizeof chunk->bytes;
    }
    free(chunk);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        /* What a background process may still write to a terminal is not waited for. */
        if (relay->is_terminal && relay->has_exited)
            end_close(relay, end);
        return false;
    }
    end_close(relay, end); /* end of file; a terminal says EIO */
    return false;
}

static void pump_output(struct relay *relay, struct relay_end *end)
{
    for (int turn = 0; end->is_open && turn < 4; turn++)
        if (!read_once(relay, end))
            break;
    finish_if_over(relay);
}

static void on_output(struct reactor_source *source, uint32_t events)
{
    struct relay_end *end = container_of(source, struct relay_end, source);
    struct relay *relay = end->relay;

    if (relay->shares_descriptor && (events & REACTOR_WRITE)) {
        reactor_change(relay->reactor, source, source->wanted & ~(uint32_t)REACTOR_WRITE);
        channel_resume(relay->channel);
    }
    if (events & (REACTOR_READ | REACTOR_HANGUP)) {
        /* A hang-up is reported without end; it is served only while there is room. */
        if (!(events & REACTOR_READ) && !(source->wanted & REACTOR_READ)) {
            reactor_unwatch(relay->reactor, source);
            return;
        }
        pump_output(relay, end);
    }
}

static void on_input(struct reactor_source *source, uint32_t events)
{
    struct relay_end *end = container_of(source, struct relay_end, source);

    if (events & REACTOR_HANGUP)
        end_close(end->relay, end); /* nobody reads there any more */
    else
        reactor_change(end->relay->reactor, source, 0);
    channel_resume(end->relay->channel);
}

/* A child of a plugin's own process is that one's to reap; a pipe stands for it here. */
static bool read_end(struct relay *relay, int fd)
{
    struct plugin_process_end ended = {.status = -1, .signal = SIGKILL};
    ssize_t got = read_some(fd, &ended, sizeof ended);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    relay->status = ended.status;
    relay->signal_number = (int)ended.signal;
    return true;
}

/* Whether the process has ended; then how is noted. */
static bool reap(struct relay *relay, int fd)
{
    siginfo_t info = {0};

    errno = 0;
    if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0 && errno == EINTR)
        return false;
    if (errno == EBADF || errno == EINVAL) /* no pidfd */
        return read_end(relay, fd);
    if (info.si_pid == 0 && errno != ECHILD)
        return false;
    relay->status = info.si_code == CLD_EXITED ? info.si_status : -1;
    relay->signal_number = info.si_code == CLD_EXITED ? 0 : info.si_status;
    return true;
}

static void on_process(struct reactor_source *source, uint32_t events)
{
    struct relay_end *end = container_of(source, struct relay_end, source);
    struct relay *relay = end->relay;

    (void)events;
    if (!reap(relay, source->fd))
        return;
    relay->has_exited = true;
    end_close(relay, end);
    if (relay->is_terminal && relay->output.is_open)
        pump_output(relay, &relay->output);
    else
        finish_if_over(relay);
}

static int end_open(struct relay *relay, struct relay_end *end, int fd, uint32_t stream,
                    uint32_t wanted, void (*on_ready)(struct reactor_source *, uint32_t))
{
    end->relay = relay;
    end->stream = stream;
    end->source.fd = fd;
    end->source.on_ready = on_ready;
    if (fd < 0)
        return 0;
    if (on_ready != on_process && make_nonblocking(fd) < 0)
        return -1;
    if (wanted != UINT32_MAX && reactor_watch(relay->reactor, &end->source, wanted) < 0)
        return -1;
    end->is_open = true;
    return 0;
}

struct relay *relay_new(struct reactor *reactor, struct channel *channel,
                        const struct sp_channel_streams *streams, relay_done done, void *arg)
{
    struct relay *relay = calloc(1, sizeof *relay);

    if (!relay)
        return NULL;
    relay->reactor = reactor;
    relay->channel = channel;
    relay->done = done;
    relay->arg = arg;
    relay->has_process = streams->process_fd >= 0;
    relay->shares_descriptor = streams->input_fd >= 0 && streams->input_fd == streams->output_fd;
    relay->is_terminal = relay->shares_descriptor && isatty(streams->input_fd);
    /* UINT32_MAX: not watched by itself. Input is watched only while it is full. */
    if (end_open(relay, &relay->output, streams->output_fd, SP_STREAM_DATA, REACTOR_READ,
                 on_output) < 0 ||
        end_open(relay, &relay->error, streams->error_fd, SP_STREAM_STDERR, REACTOR_READ,
                 on_output) < 0 ||
        end_open(relay, &relay->input, streams->input_fd, SP_STREAM_DATA,
                 relay->shares_descriptor ? UINT32_MAX : 0, on_input) < 0 ||
        end_open(relay, &relay->process, streams->process_fd, 0, REACTOR_READ, on_process) < 0) {
        reactor_unwatch(reactor, &relay->output.source);
        reactor_unwatch(reactor, &relay->error.source);
        reactor_unwatch(reactor, &relay->input.source);
        free(relay);
        return NULL;
    }
    return relay;
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    end_close(relay, &relay->input);
    end_close(relay, &relay->output);
    end_close(relay, &relay->error);
    end_close(relay, &relay->process);
    free(relay);
}

/* Output's end of a shared descriptor may be over while input's is not. */
static int want_room(struct relay *relay, struct relay_end *watched)
{
    if (watched->source.is_watched)
        return reactor_change(relay->reactor, &watched->source,
                              watched->source.wanted | REACTOR_WRITE);
    return reactor_watch(relay->reactor, &watched->source, REACTOR_WRITE);
}

size_t relay_take(struct relay *relay, const uint8_t *data, size_t length)
{
    struct relay_end *watched = relay->shares_descriptor ? &relay->output : &relay->input;
    size_t taken = 0;

    if (!relay->input.is_open)
        return length; /* nobody reads it: as a shell's pipe to a process that is gone */
    while (taken < length) {
        ssize_t n = relay->shares_descriptor && !relay->is_terminal
                        ? send(relay->input.source.fd, data + taken, length - taken,
                               MSG_NOSIGNAL | MSG_DONTWAIT)
                        : write_some(relay->input.source.fd, data + taken, length - taken);
        if (n > 0) {
            taken += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && want_room(relay, watched) == 0)
            return taken;
        end_close(relay, &relay->input);
        return length;
    }
    return taken;
}

void relay_end_input(struct relay *relay)
{
    if (!relay->input.is_open || relay->is_terminal)
        return; /* a terminal stays open: its user ends it with a character */
    if (relay->shares_descriptor)
        shutdown(relay->input.source.fd, SHUT_WR);
    end_close(relay, &relay->input);
}

static void resume_end(struct relay *relay, struct relay_end *end)
{
    if (!end->is_open)
        return;
    if (end->source.is_watched)
        reactor_change(relay->reactor, &end->source, end->source.wanted | REACTOR_READ);
    else
        reactor_watch(relay->reactor, &end->source, REACTOR_READ);
}

void relay_resume_output(struct relay *relay)
{
    resume_end(relay, &relay->output);
    resume_end(relay, &relay->error);
}
