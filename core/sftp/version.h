/*
 * version.h: the agreement on a version of the protocol, and what VERSION tells the client about
 * this server. For the engine. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_VERSION_H
#define SALLYPORT_SFTP_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sftp_engine;

/* The first message, INIT or not: VERSION is sent, or the channel closed. Until
 * engine->is_negotiating is over no message may be taken: for versions 5 and 6 the providers are
 * asked first what they can do. */
void sftp_version_receive(struct sftp_engine *engine, const uint8_t *data, size_t length);
/* True if the message is version-select, which is dealt with. */
bool sftp_version_select(struct sftp_engine *engine, const uint8_t *data, size_t length);

#endif
