/*
 * grant.h: what several factors agree to grant a user. Copies; no I/O. Reactor thread.
 *
 * Rights are those that every grant has; restrictions are those of any. Of texts the first that
 * sets one counts, but two different forced commands are a contradiction, and nobody is let in on
 * one. Of lists that name places the common ones count; of environment, groups and attributes all,
 * the first of a name. Of limits the smallest that is set.
 */
#ifndef SALLYPORT_SESSION_GRANT_H
#define SALLYPORT_SESSION_GRANT_H

#include <sallyport/types.h>

/* Replace *joined (NULL at first; the caller's, grant_free) with what it and more agree on. 0;
 * SP_ERR_DENIED if they contradict each other, SP_ERR_INVALID if more is not sound or the result is
 * past the ABI's bounds, or SP_ERR_NOMEM; then *joined is as it was. */
int grant_join(struct sp_grant **joined, const struct sp_grant *more);
void grant_free(struct sp_grant *grant); /* NULL is fine */

#endif
