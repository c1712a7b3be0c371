/* buffer.h: a growable run of bytes that is filled at its end and drained at its front. */
#ifndef SALLYPORT_BASE_BUFFER_H
#define SALLYPORT_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty. Use the functions; the fields are open for the hot path only. */
struct buffer {
    uint8_t *bytes;
    size_t start; /* first byte not yet drained */
    size_t end;   /* one past the last byte */
    size_t capacity;
};

void buffer_release(struct buffer *buffer); /* frees the storage; the struct is empty again */
static inline size_t buffer_length(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}
static inline uint8_t *buffer_data(const struct buffer *buffer)
{
    /* No arithmetic on the NULL of an empty buffer. */
    return buffer->bytes ? buffer->bytes + buffer->start : buffer->bytes;
}
/* Room for len more bytes at the end: a pointer to it, or NULL (out of memory, or the buffer would
 * pass SIZE_MAX/2). The bytes count only after buffer_commit(). */
uint8_t *buffer_reserve(struct buffer *buffer, size_t len);
void buffer_commit(struct buffer *buffer, size_t len);
/* 0 or SP_ERR_NOMEM; on failure nothing is added. */
int buffer_append(struct buffer *buffer, const void *data, size_t len);
/* Append what fd has up to its end. 0, SP_ERR_NOMEM, SP_ERR_SYSTEM with errno, or SP_ERR_LIMIT when
 * the buffer has come to hold more than most bytes; the rest is then left unread. */
int buffer_read(struct buffer *buffer, int fd, size_t most);
/* Drop len bytes (at most all) from the front. Memory is kept. */
void buffer_consume(struct buffer *buffer, size_t len);
/* Give memory back when the buffer is empty and holds more than keep bytes of it. */
void buffer_trim(struct buffer *buffer, size_t keep);

#endif
