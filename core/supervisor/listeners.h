/*
 * listeners.h: the listening sockets, and how they change at a reload: first the new ones are
 * opened, then, if all else is well, the unwanted ones closed. Supervisor's thread.
 */
#ifndef SALLYPORT_SUPERVISOR_LISTENERS_H
#define SALLYPORT_SUPERVISOR_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/report.h"
#include "config/config.h"
#include "worker/reactor.h"

struct listener;
struct listeners;

struct listener_socket {
    struct reactor_source source;
    struct listener *listener;
};

struct listener {
    struct listeners *listeners;
    struct list link;
    char *name;
    char *address;
    uint16_t wanted_port; /* 0: the system picked */
    uint16_t port;        /* the one in use */
    bool reuse_port;
    uint32_t index;      /* in the current configuration */
    uint32_t next_index; /* while a change is under way: in the next one; LISTENER_UNWANTED */
    struct listener_socket sockets[2]; /* "*": one for each family */
    size_t sockets_count;
};
#define LISTENER_UNWANTED UINT32_MAX

struct listeners {
    struct reactor *reactor;
    /* A connection waits on socket fd of listener. */
    void (*on_ready)(void *arg, struct listener *listener, int fd);
    void *arg;
    struct list all;
    struct list opened; /* by a change that is under way */
    bool is_paused;
};

/* Nothing listens yet. Starts paused. */
void listeners_init(struct listeners *listeners, struct reactor *reactor,
                    void (*on_ready)(void *arg, struct listener *listener, int fd), void *arg);
/* Open what config has and is not open yet. 0 or SP_ERR_SYSTEM, and report tells which and why; a
 * failed change is undone already. */
int listeners_prepare(struct listeners *listeners, const struct config *config,
                      struct report *report);
/* The change takes effect: config is the one that was prepared. */
void listeners_commit(struct listeners *listeners, const struct config *config);
void listeners_abort(struct listeners *listeners);
/* While paused, connections wait in the kernel's backlog. */
void listeners_pause(struct listeners *listeners);
void listeners_resume(struct listeners *listeners);
/* Close all. */
void listeners_close(struct listeners *listeners);

#endif
