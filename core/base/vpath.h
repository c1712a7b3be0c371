/*
 * vpath.h: virtual paths, the names users see. Absolute, "/"-separated, without ".", "..", "//",
 * a trailing "/" (but for "/" itself) or NUL. ".." at the root stays at the root. Purely textual:
 * symbolic links are the storage provider's business.
 */
#ifndef SALLYPORT_BASE_VPATH_H
#define SALLYPORT_BASE_VPATH_H

#include <stdbool.h>
#include <stddef.h>

#include <sallyport/types.h>

#define VPATH_MAX 4096 /* bytes, the NUL included */

/* Resolve name against the absolute virtual path base into out (NUL-terminated); out may be base.
 * Returns the length, SP_ERR_LIMIT if it does not fit, be it before a "..", or SP_ERR_FORMAT if name
 * contains a NUL; out holds nothing of use then. An empty name is base itself. */
int vpath_resolve(char out[VPATH_MAX], const char *base, struct sp_str name);
/* True if path is prefix or lies below it ("/a" holds "/a" and "/a/b", not "/ab"). */
bool vpath_is_within(const char *path, const char *prefix);
/* path as seen below prefix, which must hold it: "/" or "/…". Points into path, or to
 * a constant "/". */
const char *vpath_below(const char *path, const char *prefix);
/* The last component ("" for "/"). Points into path. */
const char *vpath_last(const char *path);

#endif
