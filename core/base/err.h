/*
 * core/base: what every other folder may use and what depends on none of them: errors, logging,
 * time, buffers, lists, maps, wire fields, virtual paths, secrets.
 *
 * err.h: one negative error space for the core, each with a text.
 */
#ifndef SALLYPORT_BASE_ERR_H
#define SALLYPORT_BASE_ERR_H

enum sp_err {
    SP_ERR_NOMEM = -1,
    SP_ERR_INVALID = -2,     /* an argument or a configured value is wrong */
    SP_ERR_SYSTEM = -3,      /* a system call failed; errno tells */
    SP_ERR_CLOSED = -4,      /* the other side is gone */
    SP_ERR_AGAIN = -5,       /* not now: try when told */
    SP_ERR_LIMIT = -6,       /* a bound was hit */
    SP_ERR_FORMAT = -7,      /* malformed data */
    SP_ERR_NOT_FOUND = -8,
    SP_ERR_UNSUPPORTED = -9,
    SP_ERR_DENIED = -10,
    SP_ERR_TIMEOUT = -11,
    SP_ERR_LIBRARY = -12,    /* a library failed; the log tells */
    SP_ERR_STALE = -13,      /* an id that is not, or no longer, valid */
};

/* A constant text for err ("out of memory" …); never NULL. */
const char *err_text(int err);

#endif
