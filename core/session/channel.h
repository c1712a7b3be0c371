/*
 * channel.h: one SSH channel, as its handler sees it. A handler serves what the client asked for: a
 * plugin, the SFTP engine, scp, a relay to descriptors. Handlers know nothing of libssh.
 * Reactor thread.
 */
#ifndef SALLYPORT_SESSION_CHANNEL_H
#define SALLYPORT_SESSION_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "base/list.h"

struct channel;
struct session;

/* Bytes on their way to the client, sent from where they are. */
struct channel_chunk {
    struct list link;
    const uint8_t *data;
    size_t length;
    uint32_t stream; /* SP_STREAM_* */
    void (*on_sent)(
        struct channel_chunk *chunk); /* sent, or never to be: the memory is yours again */
};

/* What a handler does. arg is what channel_set_handler() was given. Any of these may close the
 * channel or end the session; the handler must not touch the channel after on_closed. */
struct channel_handler {
    /* Bytes from the client: returns how many were taken. What is not taken stays, closes the
     * client's window, and comes again after channel_resume(). */
    size_t (*on_data)(void *arg, uint32_t stream, const uint8_t *data, size_t length);
    /* The client sends no more; all its data has been taken. */
    void (*on_eof)(void *arg);
    /* What is queued fell below the low-water mark after channel_is_full() was true. */
    void (*on_writable)(void *arg);
    /* The outcome for a channel that was opened by us: 0, or why the client refused. May be NULL.
     */
    void (*on_opened)(void *arg, uint32_t reason);
    /* A signal ("TERM"), a break, a new window size. May be NULL. */
    void (*on_signal)(void *arg, struct sp_str name);
    void (*on_break)(void *arg, uint32_t milliseconds);
    void (*on_window_change)(void *arg, const struct sp_terminal *terminal);
    /* The channel is gone, exactly once. Free arg here. */
    void (*on_closed)(void *arg);
};

void channel_set_handler(struct channel *channel, const struct channel_handler *handler, void *arg);
sp_id channel_id(const struct channel *channel);
/* What operators are told that is spoken on it. */
void channel_set_version(struct channel *channel, uint32_t version);
struct session *channel_session(const struct channel *channel);
/* The terminal asked for, or NULL. */
const struct sp_terminal *channel_terminal(const struct channel *channel);

/* Queue a copy. 0 or SP_ERR_NOMEM, SP_ERR_CLOSED. Small writes are joined. There is no hard bound:
 * a handler stops producing while channel_is_full(). */
int channel_send(struct channel *channel, uint32_t stream, const void *data, size_t length);
/* Queue without a copy, after what is queued already. Never fails; on a channel that is closing
 * on_sent comes at once. */
void channel_send_chunk(struct channel *channel, struct channel_chunk *chunk);
/* The chunk at the end of the queue, or NULL, as where nothing more is taken; and tell that it has
 * grown in place by length. */
struct channel_chunk *channel_last_chunk(const struct channel *channel);
void channel_grow_last(struct channel *channel, size_t length);
/* False after channel_end_output() or channel_shut(): nothing more is taken. */
bool channel_takes_output(const struct channel *channel);
size_t channel_queued(const struct channel *channel); /* bytes not yet handed to the transport */
bool channel_is_full(struct channel *channel);        /* above the high-water mark (512 KiB) */
void channel_resume(struct channel *channel);         /* on_data may take again */
/* From on_data: what waits of stream shall come again once there is more of it, or no more ever. */
void channel_await_more(struct channel *channel, uint32_t stream);
/* From on_data: what is not taken shall come again after others have had their turn. */
void channel_yield(struct channel *channel);
/* Nothing follows what on_data is given of stream. */
bool channel_input_is_last(const struct channel *channel, uint32_t stream);

/* Each after what is queued; each once, later calls do nothing. close implies eof. */
void channel_end_output(struct channel *channel);
void channel_send_exit_status(struct channel *channel, uint32_t status);
void channel_send_exit_signal(struct channel *channel, const char *name, bool core_dumped,
                              const char *text);
void channel_shut(struct channel *channel);

#endif
