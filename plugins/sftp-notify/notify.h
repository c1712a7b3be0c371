/*
 * notify.h: what the files of this plugin share.
 *
 * An event becomes a JSON text (event.c) and a file in the spool (spool.c), on the thread on which
 * it is told; from then on it is not lost. A thread of the plugin's own (sender.c) takes what lies
 * there, oldest first, to the web service or the command (service.c, command.c), and removes what
 * has arrived. Workers, and their successors after a reload, share the spool: the one that holds
 * its lock sends.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "common/http/http.h"
#include "common/log.h"
#include "common/text.h"

#define ID_LENGTH 32u         /* hexadecimal digits */
#define EVENT_MOST (1u << 20) /* bytes of one event's text */

/* options.c: the configuration, checked. Strings belong to json. */
struct options {
    struct json_t *json;
    const char *spool;
    struct http_options http; /* url is NULL: there is a command */
    char **command;           /* ends with NULL */
    uint32_t kinds;           /* bit SP_SFTP_UPLOADED … */
    const struct json_t *paths;
    char *secret;
    size_t secret_length;
    uint32_t queue_max;
    int64_t retry_first_ms, retry_most_ms, give_up_ms, timeout_ms;
};
/* 0, or negative after a line in the log. End it with options_clear() in either case. */
int options_read(const struct sp_host *host, const char *config_json, struct options *ret_options);
void options_clear(struct options *options);
/* Whether the event is one of those that are told. */
bool options_want(const struct options *options, const struct sp_sftp_transfer *event);

/* event.c */
const char *event_name(uint32_t kind);
/* The event as JSON; id is ID_LENGTH digits. */
void event_write(const struct sp_sftp_transfer *event, const char *id, int64_t now_ms,
                 struct text *ret_text);

/* spool.c: any thread, unless it says otherwise. */
struct spool;
/* NULL after a line in the log. */
struct spool *spool_open(const struct sp_host *host, const char *path, uint32_t most);
void spool_close(struct spool *spool);
/* On disk once this has returned 0. Else negative: SP_E_BUSY if it is full. */
int spool_put(struct spool *spool, const char *id, int64_t now_ms, const struct text *text);
/* The rest is the sender's. True if this process may send from the spool, now and until
 * spool_close(). */
bool spool_lock(struct spool *spool);
/* Whether something has come or gone since spool_list(). */
bool spool_has_changed(struct spool *spool);
/* One that waits. */
struct spooled {
    char name[64];
    char id[ID_LENGTH + 1];
    int64_t born_ms;
    int64_t due_ms; /* not before */
};
/* All that wait, oldest first, malloc()ed. 0, or negative with errno. */
int spool_list(struct spool *spool, struct spooled **ret_list, size_t *ret_count);
int spool_read(struct spool *spool, const struct spooled *spooled, struct text *ret_text);
/* The event's file, to be read; negative with errno. */
int spool_file(struct spool *spool, const struct spooled *spooled);
void spool_remove(struct spool *spool, const struct spooled *spooled);
void spool_defer(struct spool *spool, const struct spooled *spooled, int64_t due_ms);

/* service.c, command.c: the sender's thread only. */
enum delivery {
    DELIVERED,
    DELIVERY_REFUSED, /* this one: others may fare better */
    DELIVERY_FAILED,  /* nobody is there */
};
/* ret_why: HTTP_WHY_SIZE bytes. */
enum delivery deliver_to_service(const struct options *options, struct transport *transport,
                                 const char *id, const struct text *text, char *ret_why);
/* file is what the command reads. Ends soon once is_stopping is set. */
enum delivery deliver_to_command(const struct options *options, const struct text *text, int file,
                                 atomic_bool *is_stopping, char *ret_why);

/* sender.c */
struct sender;
/* NULL after a line in the log. What it is given must outlive it. */
struct sender *sender_start(const struct sp_host *host, const struct options *options,
                            struct spool *spool, struct transport *transport);
/* Look into the spool. Any thread. */
void sender_wake(struct sender *sender);
/* What it is at is given up, and sent again some day. */
void sender_stop(struct sender *sender);

#endif
