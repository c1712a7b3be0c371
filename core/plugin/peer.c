/*
 * peer.c: both ends of the socket between a worker and the process of an isolated instance. Called
 * by remote.c and guest.c on the reactor thread.
 */
#include "plugin/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"

#define READ_BYTES (64u * 1024)
#define READS_PER_TURN 8
#define QUEUE_FULL (4u * 1024 * 1024)
#define QUEUE_MAX (64u * 1024 * 1024)
/* What an idle peer keeps. */
#define KEPT_BYTES (128u * 1024)

/* Descriptors travel with the first byte of their message. */
struct peer_parcel {
    struct peer_parcel *next;
    uint64_t at; /* of all bytes queued */
    unsigned count;
    int descriptors[PEER_DESCRIPTORS_MAX];
};

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(PEER_DESCRIPTORS_MAX * sizeof(int))];
};

/* --- memory that held secrets is wiped before it is given back ------------------------------- */

static uint8_t *room_in(struct buffer *buffer, size_t length)
{
    size_t live = buffer_length(buffer);
    if (buffer->bytes && length <= buffer->capacity - buffer->end)
        return buffer->bytes + buffer->end;
    size_t capacity = KEPT_BYTES;
    while (capacity < live + length)
        capacity *= 2;
    uint8_t *bytes = malloc(capacity);
    if (!bytes)
        return NULL;
    if (live)
        memcpy(bytes, buffer_data(buffer), live);
    if (buffer->bytes)
        secret_wipe(buffer->bytes, buffer->end);
    free(buffer->bytes);
    *buffer = (struct buffer){.bytes = bytes, .end = live, .capacity = capacity};
    return bytes + live;
}

static void drop(struct buffer *buffer, size_t length)
{
    secret_wipe(buffer_data(buffer), length);
    buffer_consume(buffer, length);
    buffer_trim(buffer, KEPT_BYTES);
}

static void release(struct buffer *buffer)
{
    if (buffer->bytes)
        secret_wipe(buffer->bytes, buffer->end);
    buffer_release(buffer);
}

static void close_all(const int *descriptors, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
}

static void parcel_free(struct peer_parcel *parcel)
{
    close_all(parcel->descriptors, parcel->count);
    free(parcel);
}

void peer_close(struct peer *peer)
{
    if (!peer->is_open)
        return;
    peer->is_open = false;
    reactor_unwatch(peer->reactor, &peer->source);
    reactor_task_cancel(peer->reactor, &peer->flush);
    close(peer->source.fd);
    while (peer->first_parcel) {
        struct peer_parcel *parcel = peer->first_parcel;
        peer->first_parcel = parcel->next;
        parcel_free(parcel);
    }
    peer->last_parcel = NULL;
    close_all(peer->arrived, peer->arrived_count);
    peer->arrived_count = 0;
    release(&peer->input);
    release(&peer->output);
}

static void fail(struct peer *peer, const char *why)
{
    peer_close(peer);
    peer->on_closed(peer, why);
}

/* --- sending ---------------------------------------------------------------------------------- */

/* One system call. Bytes sent, or negative as errno tells. */
static ssize_t send_some(struct peer *peer)
{
    size_t length = buffer_length(&peer->output);
    uint64_t at = peer->queued - length;
    struct peer_parcel *parcel = peer->first_parcel;
    const struct peer_parcel *stop = parcel;
    union control control;
    struct iovec part = {.iov_base = buffer_data(&peer->output), .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    if (parcel && parcel->at == at) {
        memset(&control, 0, sizeof control);
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(parcel->count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(parcel->count * sizeof(int));
        memcpy(CMSG_DATA(rights), parcel->descriptors, parcel->count * sizeof(int));
        stop = parcel->next;
    } else {
        parcel = NULL;
    }
    if (stop && stop->at - at < length)
        part.iov_len = (size_t)(stop->at - at);

    ssize_t sent = sendmsg(peer->source.fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0 && parcel) {
        peer->first_parcel = parcel->next;
        if (!peer->first_parcel)
            peer->last_parcel = NULL;
        parcel_free(parcel);
    }
    return sent;
}

/* 0: all is sent; SP_ERR_AGAIN; SP_ERR_CLOSED. */
static int send_queued(struct peer *peer)
{
    while (buffer_length(&peer->output) > 0) {
        ssize_t sent = send_some(peer);
        if (sent > 0)
            drop(&peer->output, (size_t)sent);
        else if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
            return SP_ERR_AGAIN;
        else if (errno != EINTR)
            return SP_ERR_CLOSED;
    }
    return 0;
}

static void flush(struct peer *peer)
{
    int rc = send_queued(peer);
    uint32_t wanted = REACTOR_READ | (rc == SP_ERR_AGAIN ? REACTOR_WRITE : 0);
    /* What it said before it went is still to be read; that sees the end. */
    if (rc == SP_ERR_CLOSED)
        drop(&peer->output, buffer_length(&peer->output));
    if (wanted != peer->source.wanted)
        reactor_change(peer->reactor, &peer->source, wanted);
}

static void run_flush(struct reactor_task *task)
{
    flush(container_of(task, struct peer, flush));
}

bool peer_is_full(const struct peer *peer)
{
    return buffer_length(&peer->output) >= QUEUE_FULL;
}

static bool add_parcel(struct peer *peer, const int *descriptors, unsigned count)
{
    struct peer_parcel *parcel = malloc(sizeof *parcel);
    if (!parcel)
        return false;
    *parcel = (struct peer_parcel){.at = peer->queued, .count = count};
    memcpy(parcel->descriptors, descriptors, count * sizeof *descriptors);
    if (peer->last_parcel)
        peer->last_parcel->next = parcel;
    else
        peer->first_parcel = parcel;
    peer->last_parcel = parcel;
    return true;
}

uint8_t *peer_put(struct peer *peer, const struct peer_message *message, const int *descriptors,
                  unsigned count)
{
    size_t length = sizeof *message + message->length;
    if (!peer->is_open || buffer_length(&peer->output) + length > QUEUE_MAX)
        return NULL;
    uint8_t *place = room_in(&peer->output, length);
    if (!place || (count && !add_parcel(peer, descriptors, count)))
        return NULL;
    struct peer_message head = *message;
    head.descriptors = (uint16_t)count;
    memcpy(place, &head, sizeof head);
    buffer_commit(&peer->output, length);
    peer->queued += length;
    if (!(peer->source.wanted & REACTOR_WRITE))
        reactor_defer(peer->reactor, &peer->flush);
    return place + sizeof head;
}

int peer_tell(struct peer *peer, enum peer_kind kind, uint64_t id, uint64_t size, uint32_t number)
{
    const struct peer_message message = {.kind = kind, .id = id, .size = size, .number = number};
    return peer_put(peer, &message, NULL, 0) ? 0 : SP_ERR_NOMEM;
}

void peer_finish(struct peer *peer, int timeout_ms)
{
    uint64_t until = clock_now_ms() + (uint64_t)timeout_ms;
    if (!peer->is_open)
        return;
    for (uint64_t now; send_queued(peer) == SP_ERR_AGAIN && (now = clock_now_ms()) < until;) {
        struct pollfd wait = {.fd = peer->source.fd, .events = POLLOUT};
        poll(&wait, 1, (int)(until - now));
    }
    shutdown(peer->source.fd, SHUT_WR);
}

/* --- receiving -------------------------------------------------------------------------------- */

/* False: more descriptors than the messages there could be may have. */
static bool take_descriptors(struct peer *peer, struct msghdr *header)
{
    bool fits = !(header->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        size_t bytes = item->cmsg_len - CMSG_LEN(0);
        for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(item) + at, sizeof fd);
            if (peer->arrived_count < sizeof peer->arrived / sizeof *peer->arrived) {
                peer->arrived[peer->arrived_count++] = fd;
            } else {
                close(fd);
                fits = false;
            }
        }
    }
    return fits;
}

/* 0: something came; SP_ERR_AGAIN; negative with *ret_why. */
static int receive_some(struct peer *peer, const char **ret_why)
{
    union control control;
    uint8_t *room = room_in(&peer->input, READ_BYTES);
    struct iovec part = {.iov_base = room, .iov_len = READ_BYTES};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    *ret_why = "out of memory";
    if (!room)
        return SP_ERR_NOMEM;
    ssize_t got = recvmsg(peer->source.fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *ret_why = "it has ended";
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? SP_ERR_AGAIN : SP_ERR_CLOSED;
    if (got == 0)
        return SP_ERR_CLOSED;
    buffer_commit(&peer->input, (size_t)got);
    *ret_why = "it sent more descriptors than it may";
    return take_descriptors(peer, &header) ? 0 : SP_ERR_FORMAT;
}

static void hand_over(struct peer *peer, const struct peer_message *message)
{
    int descriptors[PEER_DESCRIPTORS_MAX] = {-1, -1, -1, -1};
    unsigned count = message->descriptors;
    memcpy(descriptors, peer->arrived, count * sizeof *descriptors);
    peer->arrived_count -= count;
    memmove(peer->arrived, peer->arrived + count, peer->arrived_count * sizeof *peer->arrived);

    peer->on_message(peer, message, buffer_data(&peer->input) + sizeof *message, descriptors);
    close_all(descriptors, count);
    if (peer->is_open)
        drop(&peer->input, sizeof *message + message->length);
}

/* False: the peer is closed. */
static bool hand_over_all(struct peer *peer)
{
    struct peer_message message;
    while (peer->is_open && buffer_length(&peer->input) >= sizeof message) {
        memcpy(&message, buffer_data(&peer->input), sizeof message);
        if (message.length > peer->body_max || message.kind == 0 ||
            message.kind >= PEER_KIND_COUNT || message.descriptors > PEER_DESCRIPTORS_MAX) {
            fail(peer, "it sent what is no message");
            return false;
        }
        if (buffer_length(&peer->input) < sizeof message + message.length)
            return true;
        if (message.descriptors > peer->arrived_count) {
            fail(peer, "descriptors of a message are missing");
            return false;
        }
        hand_over(peer, &message);
    }
    return peer->is_open;
}

static void on_ready(struct reactor_source *source, uint32_t events)
{
    struct peer *peer = container_of(source, struct peer, source);
    const char *why;
    if (events & REACTOR_WRITE)
        flush(peer);
    for (int turn = 0; turn < READS_PER_TURN; turn++) {
        int rc = receive_some(peer, &why);
        if (rc == SP_ERR_AGAIN)
            return;
        if (rc < 0) {
            fail(peer, why);
            return;
        }
        if (!hand_over_all(peer))
            return;
    }
}

int peer_open(struct peer *peer, struct reactor *reactor, int fd)
{
    peer->reactor = reactor;
    peer->source = (struct reactor_source){.fd = fd, .on_ready = on_ready};
    peer->flush = (struct reactor_task){.run = run_flush};
    peer->queued = 0;
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
        reactor_watch(reactor, &peer->source, REACTOR_READ) < 0) {
        close(fd);
        return SP_ERR_SYSTEM;
    }
    peer->is_open = true;
    return 0;
}
