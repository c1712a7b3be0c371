/*
 * sallyport/channel.h: the interface "sallyport.channel/1".
 *
 * A plugin that answers a request for a shell, a command or a subsystem with SP_TAKE serves the
 * channel: it gets its data, and sends with the host's channel_* services.
 *
 * Thread: as the manifest's "threading" says, for every operation.
 */
#ifndef SALLYPORT_CHANNEL_H
#define SALLYPORT_CHANNEL_H

#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SP_CHANNEL_INTERFACE "sallyport.channel/1"

/* sp_channel_event.request */
#define SP_REQUEST_PTY 1u
#define SP_REQUEST_ENV 2u
#define SP_REQUEST_SHELL 3u
#define SP_REQUEST_EXEC 4u
#define SP_REQUEST_SUBSYSTEM 5u
#define SP_REQUEST_WINDOW_CHANGE 6u
#define SP_REQUEST_SIGNAL 7u
#define SP_REQUEST_BREAK 8u
#define SP_REQUEST_X11 9u
#define SP_REQUEST_AGENT 10u
#define SP_REQUEST_OTHER 11u

/* Streams of a channel */
#define SP_STREAM_DATA 0u   /* stdin toward the plugin, stdout toward the client */
#define SP_STREAM_STDERR 1u

/* The terminal, as asked for by pty-req and kept up to date by window-change. */
struct sp_terminal {
    uint32_t struct_size;
    uint32_t columns;
    uint32_t rows;
    uint32_t width_pixels;
    uint32_t height_pixels;
    uint32_t reserved;
    struct sp_str term;  /* "" if no pty was asked for */
    struct sp_str modes; /* encoded terminal modes, RFC 4254, 8 */
};

/* Which fields are set depends on the operation; the others are zero. */
struct sp_channel_event {
    struct sp_event head;
    sp_id channel;
    uint32_t request;          /* request: SP_REQUEST_* */
    uint32_t stream;           /* data: SP_STREAM_* */
    struct sp_str type;        /* open: "session" … */
    struct sp_str name;        /* subsystem's name, command, signal without "SIG", variable's name,
                                  or the request's own name with SP_REQUEST_OTHER */
    struct sp_str value;       /* variable's value; payload with SP_REQUEST_OTHER; with a forced
                                  command, which is then the name, what the client asked for */
    struct sp_str data;        /* data */
    const struct sp_terminal *terminal; /* request; NULL if there is no pty */
    const struct sp_pair *environment;  /* shell, exec, subsystem: variables sent by the client */
    uint64_t environment_count;
    int32_t exit_status;  /* child_exited: status, or -1 when a signal ended it */
    uint32_t exit_signal; /* child_exited: the signal's number */
};

struct sp_channel_reply {
    struct sp_reply head;
    struct sp_str text; /* with SP_DENY of open: the reason, for the client */
};

/*
 * open, request: a NULL slot abstains. If all abstain, a session is opened, a terminal and
 * environment are accepted and kept, and everything else is refused.
 * data and what follows reach only the plugin that took the channel.
 */
struct sp_channel_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    int32_t (*open)(void *self, const struct sp_channel_event *event);
    /* Before the answer goes out. SP_TAKE (shell, exec, subsystem), SP_ALLOW, SP_DENY, SP_NEXT. */
    int32_t (*request)(void *self, const struct sp_channel_event *event);
    /* The client has been told that its request succeeded: start the work. */
    int32_t (*started)(void *self, const struct sp_channel_event *event);
    /* Data from the client. The next data waits until this is answered: SP_OK. */
    int32_t (*data)(void *self, const struct sp_channel_event *event);
    /* The client sends no more. */
    int32_t (*eof)(void *self, const struct sp_channel_event *event);
    /* Room again after channel_send() took less than it was given. */
    int32_t (*ready_to_send)(void *self, const struct sp_channel_event *event);
    /* window-change, signal or break on a channel that was taken. */
    int32_t (*control)(void *self, const struct sp_channel_event *event);
    /* The process attached with channel_attach() has ended. SP_NEXT: the core sends its status. */
    int32_t (*child_exited)(void *self, const struct sp_channel_event *event);
    /* The channel is gone: exactly once for every channel taken. */
    int32_t (*closed)(void *self, const struct sp_channel_event *event);
};

/* For channel_attach(): the core moves bytes between the channel and these descriptors, with
 * backpressure both ways. Each is -1 or becomes the core's, which closes it. Non-blocking. */
struct sp_channel_streams {
    uint32_t struct_size;
    int32_t input_fd;  /* what the client sends is written here; may equal output_fd (a pty) */
    int32_t output_fd; /* what is read here goes to the client */
    int32_t error_fd;  /* what is read here goes to the client as stderr */
    int32_t process_fd; /* a pidfd: reaped by the core, then child_exited, then exit status, close */
    uint32_t reserved;
};

#ifdef __cplusplus
}
#endif
#endif
