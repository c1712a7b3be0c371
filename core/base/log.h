/*
 * log.h: the log. One record is an event name that never changes and fields; client text is
 * escaped here and nowhere else. Written with one write(2) a record, so that processes may share a
 * sink. Any thread.
 *
 *     log_info("auth.denied", LOG_U64("conn", id), LOG_TEXT("user", user));
 */
#ifndef SALLYPORT_BASE_LOG_H
#define SALLYPORT_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum log_kind { LOG_KIND_END, LOG_KIND_TEXT, LOG_KIND_UNSIGNED, LOG_KIND_SIGNED };

struct log_field {
    const char *key;
    enum log_kind kind;
    size_t length; /* text: its length */
    union {
        const char *text; /* NULL is written as "" */
        uint64_t unsigned_value;
        int64_t signed_value;
    } value;
};

size_t log_text_length(const char *text); /* strlen, and 0 for NULL */

#define LOG_BYTES(k, data, len)                                                                    \
    ((struct log_field){.key = (k), .kind = LOG_KIND_TEXT, .length = (len), .value.text = (data)})
#define LOG_TEXT(k, s) LOG_BYTES(k, (s), log_text_length(s))
#define LOG_STR(k, s) LOG_BYTES(k, (s).data, (size_t)(s).len) /* a struct sp_str */
#define LOG_U64(k, v)                                                                              \
    ((struct log_field){.key = (k), .kind = LOG_KIND_UNSIGNED, .value.unsigned_value = (v)})
#define LOG_I64(k, v)                                                                              \
    ((struct log_field){.key = (k), .kind = LOG_KIND_SIGNED, .value.signed_value = (v)})

/* Where the log goes and from which level on. fd stays the caller's. Call before threads start. */
void log_open(int fd, enum log_level level, enum log_format format);
bool log_is_enabled(enum log_level level);
/* fields end with a zeroed one. Records longer than 8 KiB are cut, marked by truncated=1. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

/* A record as a watcher is shown it, for the time of the call. */
struct log_sight {
    enum log_level level;
    int64_t time_ms; /* since 1970-01-01 UTC */
    const char *event;
    const struct log_field *fields;
    const char *text; /* the fields as in a text log */
    size_t length;
};

/* Show each record from now on to watcher, on the thread that logs it and after it was written; he
 * must not log. NULL: to nobody, and none is being shown any more when this returns. */
typedef void log_watcher(void *arg, const struct log_sight *sight);
void log_watch(log_watcher *watcher, void *arg);

/* The level, the event and no or more fields. */
#define log_at(...) log_ended(__VA_ARGS__, ((struct log_field){.key = NULL}))
#define log_ended(level, event, ...)                                                               \
    do {                                                                                           \
        if (log_is_enabled(level))                                                                 \
            log_write((level), (event), (const struct log_field[]){__VA_ARGS__});                  \
    } while (0)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
