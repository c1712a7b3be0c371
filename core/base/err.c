/* err.c: the texts of the core's errors. Any thread. */
#include "base/err.h"

const char *err_text(int err)
{
    switch (err) {
    case 0:
        return "success";
    case SP_ERR_NOMEM:
        return "out of memory";
    case SP_ERR_INVALID:
        return "invalid argument or value";
    case SP_ERR_SYSTEM:
        return "system call failed";
    case SP_ERR_CLOSED:
        return "closed by the other side";
    case SP_ERR_AGAIN:
        return "not possible right now";
    case SP_ERR_LIMIT:
        return "limit reached";
    case SP_ERR_FORMAT:
        return "malformed data";
    case SP_ERR_NOT_FOUND:
        return "not found";
    case SP_ERR_UNSUPPORTED:
        return "not supported";
    case SP_ERR_DENIED:
        return "denied";
    case SP_ERR_TIMEOUT:
        return "timed out";
    case SP_ERR_LIBRARY:
        return "library failure";
    case SP_ERR_STALE:
        return "no longer valid";
    default:
        return "unknown error";
    }
}
