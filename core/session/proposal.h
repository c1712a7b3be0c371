/*
 * proposal.h: what a client says in the clear before keys are exchanged (RFC 4253, 4.2 and 7.1):
 * its version string and its proposal, as bytes in and struct sp_proposal out. Knows of no session;
 * any thread.
 */
#ifndef SALLYPORT_SESSION_PROPOSAL_H
#define SALLYPORT_SESSION_PROPOSAL_H

#include <stdbool.h>
#include <stddef.h>

#include <sallyport/types.h>

#include "base/wire.h"

enum {
    PROPOSAL_BYTES_MAX = 64 * 1024, /* of all that comes up to the proposal's end */
    PROPOSAL_VERSION_MAX = 255,     /* of the version string with its line's end */
    PROPOSAL_HASSH_BYTES = 33,      /* of the fingerprint's text with its NUL */
};

/* What has come so far. */
struct proposal_hello {
    struct sp_str version; /* without the line's end; none while it is not complete */
    struct sp_str payload; /* of the KEXINIT, after its number; none while it is not complete */
    size_t needed;         /* there is no more to see before that many bytes have come in all */
};

/* Look at the first length bytes that a client has sent. 0 and a payload; SP_ERR_AGAIN and what is
 * needed; SP_ERR_FORMAT, SP_ERR_LIMIT for what never becomes a proposal; SP_ERR_CLOSED if the
 * client takes its leave instead. The texts point into data. */
int proposal_find(const void *data, size_t length, struct proposal_hello *ret_hello);

/* Whether text may stand in logs and messages as a client's version: no control characters. */
bool proposal_is_version(struct sp_str text);

struct proposal {
    struct sp_proposal lists; /* points into what it was read from, and into the two below */
    char hassh[PROPOSAL_HASSH_BYTES];
    char *hassh_text;
};

/* Read the payload of a KEXINIT, after its number. 0, SP_ERR_FORMAT, SP_ERR_LIMIT or SP_ERR_NOMEM.
 */
int proposal_read(struct wire_reader *payload, struct proposal *ret_proposal);
void proposal_release(struct proposal *proposal);

/* The first name of the client's list that is in ours, both comma-separated; empty if none is. */
struct sp_str proposal_agree(struct sp_str theirs, const char *ours);
/* Of two lists in one direction: the cipher or the MAC that both sides would use and that is weak
 * against removed packets (CVE-2023-48795) unless key exchange is strict; empty if none is. */
struct sp_str proposal_weak(struct sp_str ciphers, struct sp_str macs, const char *our_ciphers,
                            const char *our_macs);

#endif
