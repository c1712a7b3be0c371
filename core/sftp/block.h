/*
 * block.h: memory for what is large: the data of a WRITE on its way to the provider, the answer to
 * a READ on its way to the client. Blocks come in few sizes and go back to a bounded list of the
 * reactor thread, so that an idle channel holds none and a busy one does not allocate.
 *
 * Called by the engine and scp. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_BLOCK_H
#define SALLYPORT_SFTP_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "session/channel.h"

struct sftp_block {
    struct channel_chunk chunk; /* in use while the block is on its way to the client */
    uint32_t references;
    uint32_t size_class;
    size_t capacity;
    uint8_t bytes[];
};

/* At least capacity bytes, one reference; NULL: out of memory, or above the largest packet. */
struct sftp_block *sftp_block_get(size_t capacity);
void sftp_block_ref(struct sftp_block *block);
void sftp_block_unref(struct sftp_block *block); /* NULL is fine */
/* Send length bytes from offset, and give one reference back once they are sent. */
void sftp_block_send(struct sftp_block *block, struct channel *channel, size_t offset,
                     size_t length);
/* Free what the list keeps, as nothing is under way. */
void sftp_block_trim(void);

/* An empty buffer to build a small message in: valid until the next call of this function. */
struct buffer *sftp_scratch(void);

#endif
