/*
 * auth_packet.h: a request to authenticate as the client sent it (RFC 4252, 5 to 8; RFC 4256, 3.4),
 * taken apart once. The request and the events that plugins hold share it; it is wiped with the
 * last of them. Reactor thread.
 */
#ifndef SALLYPORT_SESSION_AUTH_PACKET_H
#define SALLYPORT_SESSION_AUTH_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/auth.h>

#include "base/wire.h"
#include "keys/certificate.h"
#include "keys/public_key.h"

enum { AUTH_RESPONSES_MAX = 32 /* of keyboard-interactive, a round */ };

/* Texts point into bytes, each followed by a NUL. */
struct auth_packet {
    const char *fault; /* why nobody is asked, whatever else is said here; or NULL */
    uint32_t method;   /* 0: none that is spoken here */
    bool has_user;     /* false for answers, and where the name cannot be read */
    struct sp_str user;

    bool is_change; /* password: to new_password */
    struct sp_str password;
    struct sp_str new_password;

    bool has_signature;      /* publickey: proved, if the library says so too; else offered */
    struct sp_str algorithm; /* as announced; "" where the build cannot tell */
    struct sp_str key_blob;
    struct sp_str key_type;            /* within key_blob */
    struct sp_str signature_algorithm; /* within the signature */
    uint32_t key_flags;                /* SP_KEY_*, of a hardware key's signature */
    bool is_hardware_key;

    bool is_response; /* keyboard-interactive: answers */
    struct sp_str submethods;
    struct sp_str responses[AUTH_RESPONSES_MAX];
    uint32_t responses_count;

    /* Found out by auth_key.c; for a certificate of the key that it certifies. */
    struct sp_str public_key_type;
    struct sp_str public_key_blob;
    char fingerprint[FINGERPRINT_SIZE];
    struct certificate *certificate;
    char why_not[160]; /* room for a fault's text */

    unsigned references;
    size_t length;
    unsigned char bytes[];
};

/* What follows the packet's number; is_response for answers. The secrets in payload are wiped: only
 * the copy has them from then on. One reference is the caller's. NULL: out of memory. */
struct auth_packet *auth_packet_new(const struct wire_reader *payload, bool is_response);
struct auth_packet *auth_packet_ref(struct auth_packet *packet);
void auth_packet_unref(void *packet); /* NULL is fine */

#endif
