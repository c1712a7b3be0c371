/* features.c: libraries in use, and what the packet tap's absence takes away. */
#include "session/features.h"

#include <libssh/libssh.h>
#include <openssl/crypto.h>

#include "session/algorithms.h"
#include "session/tap.h"

/* What needs packets that only the tap sees. */
static const char *const needs_tap[] = {
    "names, payloads and numbers of channel requests the library does not know",
    "channels of other types than sessions, and channels that plugins open toward the client",
    "encoded terminal modes",
    "signals answered in order with other requests",
    "reason codes and texts of refused channels",
    "prompt answers to requests the library swallows (bad signatures, unknown keys)",
    "the signature algorithm shown to auth plugins",
    "no-more-sessions@openssh.com",
    "changes of passwords; a client's look like logins with the old password",
    "hardware keys, but where a plugin does without their touch",
    "plugins told of signatures that are wrong, and of what a client prefers to be asked",
    "refusal of gssapi-with-mic before the library runs code for it",
    "refusal of channels with a tiny maximum packet size",
    "an end to connections that send past the window or never finish a key exchange",
    "plugins told when keys are exchanged anew",
    "a first key exchange that is not a round trip longer",
};

void session_features_print(FILE *out)
{
    fprintf(out, "libssh: %s\n", ssh_version(0));
    fprintf(out, "openssl: %s\n", OpenSSL_version(OPENSSL_VERSION));
    fprintf(out, "packet tap: %s\n", tap_is_present() ? "yes" : "no");
    if (!tap_is_present())
        for (size_t i = 0; i < sizeof needs_tap / sizeof *needs_tap; i++)
            fprintf(out, "not offered: %s\n", needs_tap[i]);
    session_print_algorithms(out);
}
