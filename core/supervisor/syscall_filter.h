/* syscall_filter.h: system calls that no plugin needs. */
#ifndef SALLYPORT_SUPERVISOR_SYSCALL_FILTER_H
#define SALLYPORT_SUPERVISOR_SYSCALL_FILTER_H

/* From now on, for this process and all it starts, they fail with EPERM; a call made in the way of
 * another architecture kills the process. While there is one thread. 0 or -1, errno tells: EACCES
 * without root and without PR_SET_NO_NEW_PRIVS, ENOSYS where there is no filter for. */
int syscall_filter_load(void);

#endif
