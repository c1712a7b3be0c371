/*
 * existing.h: what is there before an operation is done, for hooks that want to know (see
 * sp_sftp_event.existing in the SDK): between the making of an act and its beginning, the provider
 * is asked. What cannot be found out is left empty, and the act begins all the same. Reactor
 * thread.
 */
#ifndef SALLYPORT_SFTP_EXISTING_H
#define SALLYPORT_SFTP_EXISTING_H

struct scp;
struct sftp_request;

/* The request has an act: look, if that is wanted, then begin it. Last thing to do. */
void sftp_existing_begin(struct sftp_request *request);
/* The same for scp, whose call is filled in for the operation itself and is so again after it. */
void scp_existing_begin(struct scp *scp);

#endif
