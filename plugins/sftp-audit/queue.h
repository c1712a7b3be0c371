/*
 * queue.h: lines that wait for the sink, and the thread that writes them. The queue has room for so
 * many bytes and no more; what happens when it is full is its policy.
 */
#ifndef SFTP_AUDIT_QUEUE_H
#define SFTP_AUDIT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "sftp-audit/sink.h"

enum queue_policy { QUEUE_DROPS, QUEUE_WAITS, QUEUE_FAILS };

struct queue;

/* Writes a line of at most size bytes. Its length, or 0 if it does not fit. */
typedef size_t queue_writer(char *room, size_t size, int64_t now_ms, const void *event);

/* sink is the queue's from now on, until it is freed. NULL: memory is out. */
struct queue *queue_new(const struct sp_host *host, struct sink *sink, size_t bytes,
                        enum queue_policy policy, uint64_t wait_ms);
/* The thread begins. 0 or negative. */
int queue_start(struct queue *queue);
/* What waits is written, for a few seconds at most; then the thread ends. */
void queue_stop(struct queue *queue);
void queue_free(struct queue *queue);

/* Any thread. Whether something of so many bytes could be recorded now. */
bool queue_takes(struct queue *queue, size_t bytes);
/* Any thread. SP_NEXT: recorded, or dropped and counted if that is the policy. SP_PENDING: it
 * waits, and token is answered with SP_NEXT, or with SP_DENY after wait_ms. SP_DENY: it could not
 * be recorded. token may be 0: then nobody is told. */
int32_t queue_put(struct queue *queue, queue_writer *write, const void *event, sp_token token);
/* Any thread. Answers a question with SP_DENY. Returns SP_PENDING. */
int32_t queue_refuse(const struct sp_host *host, sp_token token);

#endif
