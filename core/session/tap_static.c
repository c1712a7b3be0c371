/*
 * tap_static.c: the tap with libssh's static archive. Functions that the archive has and the shared
 * library does not export are used: one that registers packet handlers ahead of the library's own,
 * one that begins an exchange of keys, and the one through which it packs outgoing packets, which
 * the linker lets us wrap, as it does a few that are only watched or held back. Nothing else of the
 * library's inside is known here; the tests of the tap prove it against the archive that is linked.
 */
#ifdef SALLYPORT_TAP_STATIC

#include <stdarg.h>
#include <string.h>

#include <libssh/callbacks.h>

#include "base/err.h"
#include "session/tap.h"

void ssh_packet_set_callbacks(ssh_session session, ssh_packet_callbacks callbacks);
int __real__ssh_buffer_pack(struct ssh_buffer_struct *buffer, const char *format, size_t argc, ...);
int __wrap__ssh_buffer_pack(struct ssh_buffer_struct *buffer, const char *format, size_t argc, ...);
int ssh_send_rekex(ssh_session session);
struct ssh_socket_struct;
int __real_ssh_socket_write(struct ssh_socket_struct *socket, const void *data, uint32_t length);
int __wrap_ssh_socket_write(struct ssh_socket_struct *socket, const void *data, uint32_t length);
int __real_ssh_handle_packets_termination(ssh_session ssh, int timeout, int (*done)(void *),
                                          void *arg);
int __wrap_ssh_handle_packets_termination(ssh_session ssh, int timeout, int (*done)(void *),
                                          void *arg);
int __real_ssh_buffer_add_data(struct ssh_buffer_struct *buffer, const void *data, uint32_t length);
int __wrap_ssh_buffer_add_data(struct ssh_buffer_struct *buffer, const void *data, uint32_t length);

/* A packet of ours on its way through the library. */
static _Thread_local struct {
    const void *data;
    size_t length;
} outgoing;

/* Filled while a confirmation is packed. */
static _Thread_local struct tap_confirmation *confirmation;

/* A channel that is being opened: what the library says of a session is said of it. */
static _Thread_local struct {
    const char *type; /* NULL: none */
    struct sp_str payload;
    struct tap_confirmation *told;
} opening;

/* Since tap_watch(). */
static _Thread_local struct tap_seen seen;

/* Inside ssh_socket_write(), whose first act is to queue. */
static _Thread_local bool is_queueing;

/* What the library packs: numbers and pointers only, each a word on the machines this file is built
 * for, so the arguments can be handed on as words. */
enum { WORDS_MAX = 32 };
_Static_assert(sizeof(uintptr_t) == 8, "one word for each argument");

static int pack(struct ssh_buffer_struct *buffer, const char *format, size_t argc,
                const uintptr_t w[WORDS_MAX])
{
    return __real__ssh_buffer_pack(buffer, format, argc, w[0], w[1], w[2], w[3], w[4], w[5], w[6],
                                   w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15],
                                   w[16], w[17], w[18], w[19], w[20], w[21], w[22], w[23], w[24],
                                   w[25], w[26], w[27], w[28], w[29], w[30], w[31]);
}

static int pack_opening(struct ssh_buffer_struct *buffer, const char *format, size_t argc,
                        uintptr_t words[WORDS_MAX])
{
    int rc;

    opening.told->local = (uint32_t)words[2];
    opening.told->window = (uint32_t)words[3];
    words[1] = (uintptr_t)opening.type;
    rc = pack(buffer, format, argc, words);
    if (rc == SSH_OK && opening.payload.len)
        rc = ssh_buffer_add_data(buffer, opening.payload.data, (uint32_t)opening.payload.len);
    return rc;
}

int __wrap__ssh_buffer_pack(struct ssh_buffer_struct *buffer, const char *format, size_t argc, ...)
{
    uintptr_t words[WORDS_MAX] = {0};
    va_list ap;

    if (outgoing.data) {
        const void *data = outgoing.data;
        outgoing.data = NULL;
        return ssh_buffer_add_data(buffer, data, (uint32_t)outgoing.length);
    }
    if (argc >= WORDS_MAX)
        return SSH_ERROR;
    va_start(ap, argc);
    for (size_t i = 0; i <= argc; i++) /* one more: the library's end mark */
        words[i] = va_arg(ap, uintptr_t);
    va_end(ap);
    if (confirmation && strcmp(format, "bdddd") == 0 &&
        (uint8_t)words[0] == TAP_CHANNEL_OPEN_CONFIRMATION) {
        confirmation->remote = (uint32_t)words[1];
        confirmation->local = (uint32_t)words[2];
        confirmation->window = (uint32_t)words[3];
    }
    if (strcmp(format, "bP") == 0 && (uint8_t)words[0] == TAP_KEXINIT)
        seen.has_kexinit = true;
    if (opening.type && strcmp(format, "bsddd") == 0 && (uint8_t)words[0] == TAP_CHANNEL_OPEN)
        return pack_opening(buffer, format, argc, words);
    return pack(buffer, format, argc, words);
}

/* The buffers in which the library queues for the socket keep the size they once had. Knowing them
 * lets large writes be made while a transfer lasts and their memory be given back after it. */

int __wrap_ssh_socket_write(struct ssh_socket_struct *socket, const void *data, uint32_t length)
{
    int rc;

    is_queueing = true;
    rc = __real_ssh_socket_write(socket, data, length);
    is_queueing = false;
    return rc;
}

int __wrap_ssh_buffer_add_data(struct ssh_buffer_struct *buffer, const void *data, uint32_t length)
{
    if (is_queueing) {
        seen.output = buffer;
        is_queueing = false;
    }
    return __real_ssh_buffer_add_data(buffer, data, length);
}

void tap_watch(void)
{
    seen = (struct tap_seen){0};
}

struct tap_seen tap_seen(void)
{
    return seen;
}

void tap_rekey(ssh_session ssh, uint32_t seconds)
{
    (void)seconds;
    ssh_send_rekex(ssh);
}

void tap_trim(ssh_buffer output)
{
    if (output && ssh_buffer_get_len(output) == 0)
        ssh_buffer_reinit(output); /* leaves 64 KiB at most */
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
    [TAP_KEXINIT - FIRST] = on_packet,
    [TAP_NEWKEYS - FIRST] = on_packet,
    [TAP_USERAUTH_REQUEST - FIRST] = on_packet,
    [TAP_USERAUTH_INFO_RESPONSE - FIRST] = on_packet,
    [TAP_GLOBAL_REQUEST - FIRST] = on_packet,
    [TAP_REQUEST_SUCCESS - FIRST] = on_packet,
    [TAP_REQUEST_FAILURE - FIRST] = on_packet,
    [TAP_CHANNEL_OPEN - FIRST] = on_packet,
    [TAP_CHANNEL_OPEN_CONFIRMATION - FIRST] = on_packet,
    [TAP_CHANNEL_OPEN_FAILURE - FIRST] = on_packet,
    [TAP_CHANNEL_WINDOW_ADJUST - FIRST] = on_packet,
    [TAP_CHANNEL_DATA - FIRST] = on_packet,
    [TAP_CHANNEL_EXTENDED_DATA - FIRST] = on_packet,
    [TAP_CHANNEL_CLOSE - FIRST] = on_packet,
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

    /* A banner is packed once and sent, with no poll in between that would let packets in. */
    outgoing.data = packet;
    outgoing.length = length;
    rc = ssh_send_issue_banner(ssh, NULL);
    outgoing.data = NULL;
    return rc == SSH_OK ? 0 : SP_ERR_CLOSED;
}

/* Having asked for a channel, the library would poll for the answer, and let packets in. */
int __wrap_ssh_handle_packets_termination(ssh_session ssh, int timeout, int (*done)(void *),
                                          void *arg)
{
    return opening.type ? SSH_AGAIN
                        : __real_ssh_handle_packets_termination(ssh, timeout, done, arg);
}

ssh_channel tap_open(ssh_session ssh, const char *type, struct sp_str payload,
                     struct tap_confirmation *ret_confirmation)
{
    ssh_channel channel = ssh_channel_new(ssh);
    int rc = SSH_ERROR;

    *ret_confirmation = (struct tap_confirmation){0};
    opening.type = type;
    opening.payload = payload;
    opening.told = ret_confirmation;
    if (channel)
        rc = ssh_channel_open_session(channel);
    opening.type = NULL;
    if (rc == SSH_AGAIN)
        return channel;
    ssh_channel_free(channel);
    return NULL;
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
