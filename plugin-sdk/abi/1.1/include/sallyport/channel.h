/*
 * sallyport/channel.h: the interface "sallyport.channel/1".
 *
 * A plugin that answers a request for a shell, a command or a subsystem with SP_TAKE serves the
 * channel: it gets its data, and sends with the host's channel_* services.
 *
 * Every operation: [threading] [started]; plugin.h says what the tags mean.
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
#define SP_REQUEST_XON_XOFF 12u

/* Streams of a channel */
#define SP_STREAM_DATA 0u /* stdin toward the plugin, stdout toward the client */
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

/* x11-req, RFC 4254, 6.3.1 */
struct sp_x11 {
    uint32_t struct_size;
    uint32_t single_connection;
    uint32_t screen;
    uint32_t reserved;
    struct sp_str protocol;
    struct sp_str cookie;
};

/* Reasons why a channel is not opened, RFC 4254, 5.1: sp_channel_reply.reason */
#define SP_OPEN_PROHIBITED 1u
#define SP_OPEN_CONNECT_FAILED 2u
#define SP_OPEN_UNKNOWN_TYPE 3u
#define SP_OPEN_RESOURCE_SHORTAGE 4u

/* How data reaches the plugin: struct sp_framing.kind */
#define SP_FRAMING_NONE 0u   /* as it comes */
#define SP_FRAMING_RECORD 1u /* size bytes at a time */
#define SP_FRAMING_LINE 2u   /* up to and with terminator, never torn; at most size bytes */

/* For channel_framing(). Both streams are framed, each by itself. */
struct sp_framing {
    uint32_t struct_size;
    uint32_t kind;            /* SP_FRAMING_* */
    uint64_t size;            /* RECORD: of a record; LINE: the most in one event. 1 to 65536 */
    struct sp_str terminator; /* LINE: 1 to 64 bytes, and no more than size */
};

/* For channel_open(). */
struct sp_channel_open {
    uint32_t struct_size;
    uint32_t reserved;
    struct sp_str type;    /* "forwarded-tcpip", "auth-agent@openssh.com" … */
    struct sp_str payload; /* what follows the maximum packet size in SSH_MSG_CHANNEL_OPEN */
};

/* For channel_info(). */
struct sp_channel_info {
    uint32_t struct_size; /* set it before the call */
    uint32_t framing;     /* SP_FRAMING_* */
    uint64_t bytes_in;    /* from the client */
    uint64_t bytes_out;   /* given to channel_send() and taken */
    uint64_t room;        /* what channel_send() would take now */
};

/* Which fields are set depends on the operation; the others are zero. */
struct sp_channel_event {
    struct sp_event head;
    sp_id channel;
    uint32_t request;    /* request: SP_REQUEST_* */
    uint32_t stream;     /* data: SP_STREAM_* */
    struct sp_str type;  /* open, opened, request: "session" … */
    struct sp_str name;  /* subsystem's name, command, signal without "SIG", variable's name,
                            or the request's own name with SP_REQUEST_OTHER */
    struct sp_str value; /* variable's value; payload with SP_REQUEST_OTHER; with a forced
                            command, which is then the name, what the client asked for */
    struct sp_str data;  /* data */
    const struct sp_terminal *terminal; /* request, control; NULL if there is no pty */
    const struct sp_pair *environment;  /* shell, exec, subsystem: variables sent by the client */
    uint64_t environment_count;
    int32_t exit_status;  /* child_exited: status, or -1 when a signal ended it */
    uint32_t exit_signal; /* child_exited: the signal's number */
    uint32_t reason;      /* opened: 0, or why there is no channel: SP_OPEN_* */
    uint32_t number;      /* break: milliseconds; xon-xoff: 1 if the client does flow control */
    uint32_t frame_end;   /* data: 1 if a whole record, or the line's terminator, is in data */
    uint32_t reserved;
    struct sp_str parameters; /* open, opened: what follows the maximum packet size */
    const struct sp_x11 *x11; /* request, with SP_REQUEST_X11 */
};

struct sp_channel_reply {
    struct sp_reply head;
    struct sp_str text; /* with SP_DENY of open: the reason, for the client */
    uint32_t reason;    /* likewise: SP_OPEN_*; 0 is SP_OPEN_PROHIBITED */
    uint32_t reserved;
};

/*
 * open, request: a NULL slot abstains. If all abstain, a session is opened, a terminal and
 * environment are accepted and kept, and everything else is refused.
 * opened is told to every plugin of the chain; data and the others only to the plugin that took the
 * channel.
 */
struct sp_channel_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* The client wants to open a channel. SP_ALLOW, SP_DENY, SP_NEXT; SP_TAKE for types other than
     * "session": the plugin serves the channel at once; opened() is the sign to begin. */
    int32_t (*open)(void *self, const struct sp_channel_event *event);
    /* Before the answer goes out. SP_TAKE (shell, exec, subsystem), SP_ALLOW, SP_DENY, SP_NEXT. */
    int32_t (*request)(void *self, const struct sp_channel_event *event);
    /* The client has been told that its request succeeded: start the work. Data waits until this
     * is answered, as it does with opened. */
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
    /* The channel is gone: exactly once for every channel taken or opened by channel_open(), and
     * for every other one that opened() has told of. */
    int32_t (*closed)(void *self, const struct sp_channel_event *event);
    /* The client's channel is open. Also the outcome of channel_open(), told only to who asked:
     * with a reason there is no channel, and closed follows. The return value is ignored. */
    int32_t (*opened)(void *self, const struct sp_channel_event *event);
};

/* For channel_attach(): the core moves bytes between the channel and these descriptors, with
 * backpressure both ways. Each is -1 or becomes the core's, which closes it. Non-blocking. */
struct sp_channel_streams {
    uint32_t struct_size;
    int32_t input_fd;   /* what the client sends is written here; may equal output_fd (a pty) */
    int32_t output_fd;  /* what is read here goes to the client */
    int32_t error_fd;   /* what is read here goes to the client as stderr */
    int32_t process_fd; /* a pidfd: the core reaps it, then child_exited, exit status, close */
    uint32_t reserved;
};

#ifdef __cplusplus
}
#endif
#endif
