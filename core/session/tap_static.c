/*
 * tap_static.c: the tap with libssh's static archive. Two functions that the archive has and the
 * shared library does not export are used: one that registers packet handlers ahead of the
 * library's own, and the one through which it packs outgoing packets, which the linker lets us
 * wrap. Nothing else of the library's inside is known here; the tests of the tap prove it against
 * the archive that is linked.
 */
#ifdef SALLYPORT_TAP_STATIC

#include <stdarg.h>
#include <string.h>

#include <libssh/callbacks.h>

#include "base/err.h"
#include "session/tap.h"

void ssh_packet_set_callbacks(ssh_session session, ssh_packet_callbacks callbacks);
int ssh_buffer_pack_va(struct ssh_buffer_struct *buffer, const char *format, size_t argc,
                       va_list ap);
int __wrap__ssh_buffer_pack(struct ssh_buffer_struct *buffer, const char *format, size_t argc, ...);

/* A packet of ours on its way through the library. */
static _Thread_local struct {
    const void *data;
    size_t length;
} outgoing;

/* Filled while a confirmation is packed. */
static _Thread_local struct tap_confirmation *confirmation;

enum { SSH_MSG_CHANNEL_OPEN_CONFIRMATION = 91 };

int __wrap__ssh_buffer_pack(struct ssh_buffer_struct *buffer, const char *format, size_t argc, ...)
{
    va_list ap;
    int rc;

    if (outgoing.data) {
        const void *data = outgoing.data;
        outgoing.data = NULL;
        return ssh_buffer_add_data(buffer, data, (uint32_t)outgoing.length);
    }
    va_start(ap, argc);
    if (confirmation && strcmp(format, "bdddd") == 0) {
        va_list peek;
        va_copy(peek, ap);
        if (va_arg(peek, unsigned int) == SSH_MSG_CHANNEL_OPEN_CONFIRMATION) {
            confirmation->remote = va_arg(peek, uint32_t);
            confirmation->local = va_arg(peek, uint32_t);
            confirmation->window = va_arg(peek, uint32_t);
        }
        va_end(peek);
    }
    rc = ssh_buffer_pack_va(buffer, format, argc, ap);
    va_end(ap);
    return rc;
}

static int on_packet(ssh_session ssh, uint8_t type, ssh_buffer packet, void *user)
{
    struct wire_reader payload;

    (void)ssh;
    wire_reader_init(&payload, ssh_buffer_get(packet), ssh_buffer_get_len(packet));
    return session_on_packet(user, type, &payload) ? SSH_PACKET_USED : SSH_PACKET_NOT_USED;
}

enum { FIRST = TAP_DISCONNECT, LAST = TAP_CHANNEL_REQUEST };

static ssh_packet_callback handlers[LAST - FIRST + 1] = {
    [TAP_DISCONNECT - FIRST] = on_packet,
    [TAP_SERVICE_REQUEST - FIRST] = on_packet,
    [TAP_USERAUTH_REQUEST - FIRST] = on_packet,
    [TAP_USERAUTH_INFO_RESPONSE - FIRST] = on_packet,
    [TAP_GLOBAL_REQUEST - FIRST] = on_packet,
    [TAP_REQUEST_SUCCESS - FIRST] = on_packet,
    [TAP_REQUEST_FAILURE - FIRST] = on_packet,
    [TAP_CHANNEL_OPEN - FIRST] = on_packet,
    [TAP_CHANNEL_WINDOW_ADJUST - FIRST] = on_packet,
    [TAP_CHANNEL_DATA - FIRST] = on_packet,
    [TAP_CHANNEL_EXTENDED_DATA - FIRST] = on_packet,
    [TAP_CHANNEL_REQUEST - FIRST] = on_packet,
};

bool tap_is_present(void)
{
    return true;
}

void tap_attach(struct session *session, struct ssh_packet_callbacks_struct *callbacks,
                ssh_session ssh)
{
    *callbacks = (struct ssh_packet_callbacks_struct){
        .start = FIRST,
        .n_callbacks = sizeof handlers / sizeof *handlers,
        .callbacks = handlers,
        .user = session,
    };
    ssh_packet_set_callbacks(ssh, callbacks);
}

int tap_send(ssh_session ssh, const void *packet, size_t length)
{
    int rc;

    outgoing.data = packet;
    outgoing.length = length;
    rc = ssh_send_ignore(ssh, "");
    outgoing.data = NULL;
    return rc == SSH_OK ? 0 : SP_ERR_CLOSED;
}

ssh_channel tap_accept_open(ssh_message message, struct tap_confirmation *ret_confirmation)
{
    ssh_channel channel;

    *ret_confirmation = (struct tap_confirmation){0};
    confirmation = ret_confirmation;
    channel = ssh_message_channel_request_open_reply_accept(message);
    confirmation = NULL;
    return channel;
}

#endif
