/*
 * status.h: the status codes SP_FS_* of the provider interface, as the versions of SFTP know them,
 * and a text for each. Pure functions; any thread.
 */
#ifndef SALLYPORT_SFTP_STATUS_H
#define SALLYPORT_SFTP_STATUS_H

#include <stdint.h>

#define SFTP_STATUS_COUNT 32u

/* The code to send: status itself where version knows it, else the nearest that it knows. */
uint32_t sftp_status_for(uint32_t status, uint32_t version);
/* A sentence for the user; never NULL. */
const char *sftp_status_text(uint32_t status);

#endif
