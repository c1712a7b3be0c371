/*
 * selftest.c: two sessions in this process, with the test in between as the wire. Some builds of
 * libssh 0.10.6 do not check the tag of AES-GCM, and no version number tells them apart.
 */
#include "session/selftest.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libssh/libssh.h>
#include <libssh/server.h>

enum { TURNS_MAX = 400 };

struct wire {
    int client_fd, client_side; /* the session's end and ours */
    int server_fd, server_side;
    ssh_session client, server;
    ssh_event client_event, server_event;
    ssh_bind bind;
};

static int carry(int from, int to, bool flips)
{
    uint8_t bytes[8192];
    ssize_t got = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);

    if (got <= 0)
        return 0;
    if (flips)
        bytes[got - 1] ^= 1; /* in the tag, which ends the packet */
    return send(to, bytes, (size_t)got, MSG_NOSIGNAL) == got ? 1 : -1;
}

static bool set_up(struct wire *wire, const char *cipher)
{
    int client[2], server[2];
    bool no = false;
    ssh_key key = NULL;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, client) < 0)
        return false;
    wire->client_fd = client[0];
    wire->client_side = client[1];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, server) < 0)
        return false;
    wire->server_fd = server[0];
    wire->server_side = server[1];
    wire->client = ssh_new();
    wire->server = ssh_new();
    wire->bind = ssh_bind_new();
    if (!wire->client || !wire->server || !wire->bind ||
        ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
        return false;
    ssh_bind_options_set(wire->bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
    if (ssh_bind_options_set(wire->bind, SSH_BIND_OPTIONS_IMPORT_KEY, key) < 0) {
        ssh_key_free(key);
        return false;
    }
    ssh_bind_options_set(wire->bind, SSH_BIND_OPTIONS_CIPHERS_C_S, cipher);
    ssh_bind_options_set(wire->bind, SSH_BIND_OPTIONS_CIPHERS_S_C, cipher);
    ssh_set_blocking(wire->server, 0);
    ssh_set_blocking(wire->client, 0);
    ssh_options_set(wire->client, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(wire->client, SSH_OPTIONS_HOST, "selftest");
    ssh_options_set(wire->client, SSH_OPTIONS_USER, "selftest");
    ssh_options_set(wire->client, SSH_OPTIONS_FD, &wire->client_fd);
    ssh_options_set(wire->client, SSH_OPTIONS_CIPHERS_C_S, cipher);
    ssh_options_set(wire->client, SSH_OPTIONS_CIPHERS_S_C, cipher);
    if (ssh_bind_accept_fd(wire->bind, wire->server, wire->server_fd) != SSH_OK)
        return false;
    wire->server_fd = -1; /* the session's now */
    return true;
}

static bool exchange_keys(struct wire *wire, const char *cipher)
{
    int client = SSH_AGAIN, server = SSH_AGAIN;

    for (int turn = 0; turn < TURNS_MAX; turn++) {
        if (server == SSH_AGAIN)
            server = ssh_handle_key_exchange(wire->server);
        if (client == SSH_AGAIN)
            client = ssh_connect(wire->client);
        if (server == SSH_ERROR || client == SSH_ERROR)
            return false;
        if (!wire->server_event) {
            wire->server_event = ssh_event_new();
            if (!wire->server_event ||
                ssh_event_add_session(wire->server_event, wire->server) != SSH_OK)
                return false;
        }
        ssh_event_dopoll(wire->server_event, 0);
        if (carry(wire->client_side, wire->server_side, false) < 0 ||
            carry(wire->server_side, wire->client_side, false) < 0)
            return false;
        if (server == SSH_OK && client == SSH_OK) {
            const char *used = ssh_get_cipher_in(wire->server);
            return used && strcmp(used, cipher) == 0;
        }
    }
    return false;
}

static bool flipped_bit_is_refused(struct wire *wire)
{
    /* Proof that an unchanged packet passes, lest everything be taken for a refusal. */
    for (int changed = 0; changed < 2; changed++) {
        bool has_failed = false;
        if (ssh_send_ignore(wire->client, "a packet of some length") != SSH_OK)
            return false;
        for (int turn = 0; turn < 8 && !has_failed; turn++) {
            carry(wire->client_side, wire->server_side, changed == 1);
            has_failed = ssh_event_dopoll(wire->server_event, 0) == SSH_ERROR ||
                         !ssh_is_connected(wire->server) ||
                         (ssh_get_status(wire->server) & (SSH_CLOSED | SSH_CLOSED_ERROR));
        }
        if (has_failed != (changed == 1))
            return false;
    }
    return true;
}

bool selftest_integrity(const char *cipher)
{
    struct wire wire = {.client_fd = -1, .client_side = -1, .server_fd = -1, .server_side = -1};
    bool is_sound =
        set_up(&wire, cipher) && exchange_keys(&wire, cipher) && flipped_bit_is_refused(&wire);

    if (wire.server_event) {
        ssh_event_remove_session(wire.server_event, wire.server);
        ssh_event_free(wire.server_event);
    }
    /* A session that was given its descriptor closes it. */
    if (wire.client && ssh_get_fd(wire.client) == wire.client_fd)
        wire.client_fd = -1;
    ssh_free(wire.client);
    ssh_free(wire.server);
    if (wire.bind)
        ssh_bind_free(wire.bind);
    if (wire.client_fd >= 0)
        close(wire.client_fd);
    if (wire.server_fd >= 0)
        close(wire.server_fd);
    if (wire.client_side >= 0)
        close(wire.client_side);
    if (wire.server_side >= 0)
        close(wire.server_side);
    return is_sound;
}
