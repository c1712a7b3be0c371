/*
 * existing.h: what is there before an operation is done, for hooks that want to know (see
 * sp_sftp_event.existing in the SDK): the provider is asked when such a hook comes next, and again
 * if a hook has led elsewhere. What cannot be found out is left empty, and the act goes on all the
 * same. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_EXISTING_H
#define SALLYPORT_SFTP_EXISTING_H

struct scp;
struct sftp_request;

/* See struct sftp_asker: look, if there is anything to look at, and tell the act. */
void sftp_existing_look(struct sftp_request *request);
/* The same for scp, whose call is filled in for the operation itself and is so again after it. */
void scp_existing_look(struct scp *scp);

#endif
