/*
 * launch.c: a worker that comes up waits for the sockets of its plugins' own processes. Called by
 * the plugin host through serve.c, on the only thread there is. Later the answers come like every
 * other message, to serve.c.
 */
#include "launch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "worker/link.h"

#define PATIENCE_MS 10000u /* as long as the supervisor's */

/* 0, or negative with the reason in text. */
static int wait_until(int link, short events, uint64_t until_ms, char *text, size_t size)
{
    struct pollfd source = {.fd = link, .events = events};
    uint64_t now_ms = clock_now_ms();
    int ready = now_ms < until_ms ? poll(&source, 1, (int)(until_ms - now_ms)) : 0;
    if (ready > 0 || (ready < 0 && errno == EINTR))
        return 0;
    snprintf(text, size, "the supervisor did not answer within %u seconds", PATIENCE_MS / 1000);
    return SP_ERR_SYSTEM;
}

static int ask(int link, size_t index, uint64_t until_ms, char *text, size_t size)
{
    const struct link_message message = {.kind = LINK_HOST_WANTED, .number = index};
    int rc;
    while ((rc = link_send(link, &message, -1)) == SP_ERR_AGAIN)
        if ((rc = wait_until(link, POLLOUT, until_ms, text, size)) < 0)
            return rc;
    if (rc < 0)
        snprintf(text, size, "the supervisor cannot be reached");
    return rc;
}

/* What the message says: 0 with the socket, SP_ERR_AGAIN if it says nothing of this. */
static int judge(const struct link_message *message, int fd, size_t index, char *text, size_t size)
{
    if (message->kind == LINK_STOP || message->kind == LINK_DRAIN) {
        snprintf(text, size, "the worker was told to end");
        return SP_ERR_CLOSED;
    }
    if (message->kind != LINK_HOST || message->number != index)
        return SP_ERR_AGAIN;
    if (fd >= 0)
        return 0;
    snprintf(text, size, "%s",
             message->u.text[0] ? message->u.text : "the worker may open no more descriptors");
    return SP_ERR_SYSTEM;
}

int launch_obtain(int link, size_t index, int *ret_fd, char *text, size_t size)
{
    uint64_t until_ms = clock_now_ms() + PATIENCE_MS;
    int rc = ask(link, index, until_ms, text, size);
    *ret_fd = -1;
    while (rc == 0) {
        struct link_message message;
        int fd = -1;
        rc = link_receive(link, &message, &fd);
        if (rc == SP_ERR_AGAIN) {
            rc = wait_until(link, POLLIN, until_ms, text, size);
            continue;
        }
        if (rc < 0) {
            snprintf(text, size, "the supervisor is gone");
            return rc;
        }
        rc = judge(&message, fd, index, text, size);
        if (rc == 0) {
            *ret_fd = fd;
            return 0;
        }
        if (fd >= 0)
            close(fd);
        if (rc == SP_ERR_AGAIN)
            rc = 0;
    }
    return rc;
}
