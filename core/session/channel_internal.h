/* channel_internal.h: what the files of one channel share. Reactor thread. */
#ifndef SALLYPORT_SESSION_CHANNEL_INTERNAL_H
#define SALLYPORT_SESSION_CHANNEL_INTERNAL_H

#include "session/internal.h"

struct channel {
    struct list link; /* in session->channels */
    struct session *session;
    ssh_channel ssh;
    uint32_t local, remote; /* numbers; 0 without the tap */
    sp_id id;
    struct ssh_channel_callbacks_struct callbacks;
    const struct channel_handler *handler;
    void *handler_arg;
    struct list chunks;
    size_t queued;
    struct buffer input[2];       /* received, not yet taken by the handler; by SP_STREAM_* */
    struct channel_window window; /* kept with the tap only */
    struct channel_requests requests;
    uint64_t bytes_in, bytes_out;
    char type[CHANNEL_TYPE_MAX + 1];
    uint32_t program;       /* SP_REQUEST_SHELL …; 0: none */
    char program_text[128]; /* command or subsystem, cut if longer */
    uint32_t version;       /* of what the core speaks there */
    uint32_t refusal;       /* why the client does not open it: SP_OPEN_* */
    char exit_signal[16];
    char exit_text[64];
    uint32_t exit_status;
    bool exit_core_dumped;
    bool has_exit_status, has_exit_signal;
    bool is_paused;   /* the handler took less than it was given */
    bool is_short[2]; /* the handler wants more before it takes any; by SP_STREAM_* */
    bool is_yielding; /* the handler takes the rest at its next turn */
    bool is_opening;  /* by us; the client has not said yes */
    bool was_told;    /* to the plugins that want to know of every channel */
    bool was_full;
    bool wants_eof, eof_sent;
    bool wants_close;
    bool is_counted_elsewhere; /* in session->closing */
    bool remote_eof, eof_told;
    bool remote_closed;
    bool lingered; /* long enough */
    struct reactor_timer linger;
    struct reactor_timer idle;
    uint64_t active_ms; /* when something moved last */
};

/* channel_output.c: what is queued will not be sent. */
void channel_drop_chunks(struct channel *channel);

/* channel.c */
static inline void channel_note_activity(struct channel *channel)
{
    channel->active_ms = reactor_now_ms(channel->session->service->reactor);
}

/* channel_input.c */
/* The library's callback for data, where there is no tap. */
int channel_input_callback(ssh_session ssh, ssh_channel library_channel, void *data,
                           uint32_t length, int is_stderr, void *arg);
/* Give the handler what waits for it. True if it took anything. */
bool channel_input_deliver(struct channel *channel);
bool channel_input_is_empty(const struct channel *channel);
/* Let the client send more, if there is room for it. */
void channel_input_open_window(struct channel *channel);

#endif
