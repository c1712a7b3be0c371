/*
 * sallyport/log.h: the interface "sallyport.log/1": a plugin that is given what is logged.
 *
 * Records are handed over after they were written, in order. A plugin that cannot keep up loses
 * records: dropped tells how many before this one. What the core logs while it calls a log plugin,
 * and what the plugin logs itself, is not handed over.
 *
 * Every operation: [threading] [started]; plugin.h says what the tags mean.
 */
#ifndef SALLYPORT_LOG_H
#define SALLYPORT_LOG_H

#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SP_LOG_INTERFACE "sallyport.log/1"

#define SP_LOG_ERROR 0u
#define SP_LOG_WARNING 1u
#define SP_LOG_INFO 2u
#define SP_LOG_DEBUG 3u

struct sp_log_event {
    struct sp_event head; /* no token, no connection: the record stands for itself */
    uint32_t level;       /* SP_LOG_* */
    uint32_t reserved;
    int64_t time_ms;    /* since 1970-01-01 UTC */
    uint64_t dropped;   /* records lost since the last one handed over */
    struct sp_str name; /* "auth.denied" … */
    struct sp_str text; /* the fields as in the text log, escaped: key=value … */
};

struct sp_log_reply {
    struct sp_reply head;
};

struct sp_log_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* The return value is ignored. */
    int32_t (*record)(void *self, const struct sp_log_event *event);
};

#ifdef __cplusplus
}
#endif
#endif
