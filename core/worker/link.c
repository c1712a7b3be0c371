/* link.c: packs, sends, receives and checks the messages between the supervisor and a worker. Each
 * kind has one size on the wire, so that what does not fit the kind is refused. */
#include "worker/link.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"

#define HEAD_BYTES offsetof(struct link_message, u)

/* Room for more descriptors than are ever sent, so that too many are seen, and closed. */
#define DESCRIPTORS_MAX 4

union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
};

/* The whole size of a message, or 0 for a kind that does not exist. */
static size_t message_size(uint32_t kind)
{
    switch ((enum link_kind)kind) {
    case LINK_CONNECTION:
        return HEAD_BYTES + sizeof(struct connection_origin);
    case LINK_FACTS:
        return HEAD_BYTES + sizeof(struct connection_facts);
    case LINK_CHANNEL_FACTS:
        return HEAD_BYTES + sizeof(struct channel_facts);
    case LINK_CLOSE_CHANNEL:
        return HEAD_BYTES + sizeof(uint64_t);
    case LINK_DISCONNECT:
    case LINK_FAILED:
    case LINK_HOST:
        return HEAD_BYTES + sizeof(((struct link_message *)0)->u.text);
    case LINK_CRASHED:
        return HEAD_BYTES + sizeof(((struct link_message *)0)->u.crash);
    case LINK_DRAIN:
    case LINK_STOP:
    case LINK_LIST:
    case LINK_REKEY:
    case LINK_READY:
    case LINK_AUTHENTICATED:
    case LINK_ENDED:
    case LINK_FACTS_END:
    case LINK_HOST_WANTED:
    case LINK_STUCK:
        return HEAD_BYTES;
    }
    return 0;
}

int link_send(int socket, const struct link_message *message, int fd)
{
    struct iovec part = {.iov_base = (void *)message, .iov_len = message_size(message->kind)};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    union control control;
    ssize_t sent;

    if (part.iov_len == 0) /* would look like the end of the link */
        return SP_ERR_INVALID;
    if (fd >= 0) {
        struct cmsghdr *rights;
        memset(&control, 0, sizeof(control));
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(sizeof(int));
        rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &fd, sizeof(int));
    }
    do
        sent = sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    switch (errno) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case ETOOMANYREFS: /* too many descriptors are on their way */
        return SP_ERR_AGAIN;
    case EPIPE:
    case ECONNRESET:
    case ENOTCONN:
        return SP_ERR_CLOSED;
    default:
        return SP_ERR_SYSTEM;
    }
}

/* How many descriptors came along. The first is left in *ret_fd, the others are closed. */
static size_t take_descriptors(struct msghdr *header, int *ret_fd)
{
    size_t count = 0;

    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
        size_t bytes = item->cmsg_len - CMSG_LEN(0);
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(item) + at, sizeof(int));
            if (count++ == 0)
                *ret_fd = fd;
            else
                close(fd);
        }
    }
    return count;
}

static void end_origin(struct connection_origin *origin)
{
    origin->remote_address[sizeof(origin->remote_address) - 1] = '\0';
    origin->local_address[sizeof(origin->local_address) - 1] = '\0';
}

/* A worker may have been taken over: each text must end within its field. */
static void end_texts(struct link_message *message)
{
    struct connection_facts *facts = &message->u.facts;
    struct channel_facts *channel = &message->u.channel_facts;

    switch ((enum link_kind)message->kind) {
    case LINK_CONNECTION:
        end_origin(&message->u.origin);
        break;
    case LINK_FACTS:
        end_origin(&facts->origin);
        facts->user[sizeof(facts->user) - 1] = '\0';
        facts->client_version[sizeof(facts->client_version) - 1] = '\0';
        break;
    case LINK_CHANNEL_FACTS:
        channel->type[sizeof(channel->type) - 1] = '\0';
        channel->program[sizeof(channel->program) - 1] = '\0';
        channel->plugin[sizeof(channel->plugin) - 1] = '\0';
        break;
    case LINK_DISCONNECT:
    case LINK_FAILED:
    case LINK_HOST:
        message->u.text[sizeof(message->u.text) - 1] = '\0';
        break;
    case LINK_CRASHED:
        message->u.crash.instance[sizeof(message->u.crash.instance) - 1] = '\0';
        message->u.crash.operation[sizeof(message->u.crash.operation) - 1] = '\0';
        break;
    default:
        break;
    }
}

static bool may_bring_descriptor(uint32_t kind)
{
    return kind == LINK_CONNECTION || kind == LINK_HOST;
}

int link_receive(int socket, struct link_message *ret_message, int *ret_fd)
{
    struct iovec part = {.iov_base = ret_message, .iov_len = sizeof(*ret_message)};
    union control control;
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    size_t descriptors;
    ssize_t received;

    *ret_fd = -1;
    memset(ret_message, 0, sizeof(*ret_message));
    /* ECONNRESET, told once, says that the other side left messages of ours unread; its own, such
     * as what it crashed in, are still there. */
    do
        received = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (received < 0 && (errno == EINTR || errno == ECONNRESET));
    if (received < 0 && (errno == EAGAIN || errno == ENOMEM || errno == ENOBUFS))
        return SP_ERR_AGAIN;
    if (received <= 0)
        return SP_ERR_CLOSED;
    descriptors = take_descriptors(&header, ret_fd);
    if ((header.msg_flags & MSG_TRUNC) || (size_t)received < HEAD_BYTES ||
        (size_t)received != message_size(ret_message->kind) ||
        descriptors > (may_bring_descriptor(ret_message->kind) ? 1u : 0u)) {
        if (*ret_fd >= 0)
            close(*ret_fd);
        *ret_fd = -1;
        return SP_ERR_FORMAT;
    }
    end_texts(ret_message);
    return 0;
}
