/*
 * tap.h: the packet tap. Where libssh's static archive is linked, the session sees packets before
 * the library does, may answer them itself, and can send packets of its own; the library's public
 * interface hides or swallows what a server must see (docs/decisions/0003-packet-tap.md). Where
 * only the shared library is there, tap_is_present() is false and the other functions do nothing.
 * Reactor thread; several sessions may be driven on several threads.
 */
#ifndef SALLYPORT_SESSION_TAP_H
#define SALLYPORT_SESSION_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "base/wire.h"

struct session;

/* Message numbers, RFC 4250, 4.1.2. */
enum {
    TAP_DISCONNECT = 1,
    TAP_SERVICE_REQUEST = 5,
    TAP_KEXINIT = 20,
    TAP_NEWKEYS = 21,
    TAP_USERAUTH_REQUEST = 50,
    TAP_USERAUTH_FAILURE = 51,
    TAP_USERAUTH_PASSWD_CHANGEREQ = 60,
    TAP_USERAUTH_INFO_RESPONSE = 61,
    TAP_GLOBAL_REQUEST = 80,
    TAP_REQUEST_SUCCESS = 81,
    TAP_REQUEST_FAILURE = 82,
    TAP_CHANNEL_OPEN = 90,
    TAP_CHANNEL_OPEN_CONFIRMATION = 91,
    TAP_CHANNEL_OPEN_FAILURE = 92,
    TAP_CHANNEL_WINDOW_ADJUST = 93,
    TAP_CHANNEL_DATA = 94,
    TAP_CHANNEL_EXTENDED_DATA = 95,
    TAP_CHANNEL_CLOSE = 97,
    TAP_CHANNEL_REQUEST = 98,
    TAP_CHANNEL_SUCCESS = 99,
    TAP_CHANNEL_FAILURE = 100,
};

bool tap_is_present(void);
/* Every packet of interest goes to session_on_packet() from now on. Before key exchange. */
/* callbacks: memory for the registration, to live as long as ssh. */
void tap_attach(struct session *session, struct ssh_packet_callbacks_struct *callbacks,
                ssh_session ssh);
/* Send a packet: its number and payload. 0 or a negative sp_err. */
int tap_send(ssh_session ssh, const void *packet, size_t length);
/* What happened inside the library on this thread since tap_watch(): asked around calls into it for
 * one session, it is that session's. All empty without the tap. */
struct tap_seen {
    bool has_kexinit;  /* the library has begun an exchange of keys */
    ssh_buffer output; /* where bytes for the socket were queued; lives as long as the session */
};
void tap_watch(void);
struct tap_seen tap_seen(void);
/* Begin an exchange of keys, unless one is under way. seconds: what the library was told of the
 * time between two, or 0; without the tap that is how it is moved, and it does nothing in the first
 * second after the last. */
void tap_rekey(ssh_session ssh, uint32_t seconds);
/* Give back the memory of an output buffer that is empty; NULL is fine. */
void tap_trim(ssh_buffer output);

/* What the client was told of a channel. All 0 without the tap. */
struct tap_confirmation {
    uint32_t local;  /* our number of the channel */
    uint32_t remote; /* the client's; 0 while it has not confirmed */
    uint32_t window; /* what the client may send at first */
};

/* As ssh_message_channel_request_open_reply_accept(), telling what was confirmed. */
ssh_channel tap_accept_open(ssh_message message, struct tap_confirmation *ret_confirmation);

/* Ask the client for a channel of this type; payload is what follows the maximum packet size. The
 * answer comes as a packet: a confirmation must reach the library, a refusal need not. NULL: no
 * memory, or no tap. */
ssh_channel tap_open(ssh_session ssh, const char *type, struct sp_str payload,
                     struct tap_confirmation *ret_confirmation);

/* In session.c: a packet from the client, after its number. True: it is dealt with and the library
 * must not see it. */
bool session_on_packet(struct session *session, uint8_t number, struct wire_reader *payload);

#endif
