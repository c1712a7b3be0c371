/*
 * auth_key.c: what the core itself asks of a public key, before any plugin and whatever plugins
 * say: that its algorithm is configured and is that of key and signature; that it is not revoked,
 * not too small, and a certificate good; that a hardware key was used as it must be.
 */
#include "session/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"
#include "keys/blob.h"

/* Which signature goes with which announced algorithm, and with which kind of key. */
static const struct row {
    const char *algorithm;
    const char *key_type;
    const char *signature;
} rows[] = {
#define PLAIN(name)                                                                                \
    {                                                                                              \
        name, name, name                                                                           \
    }
#define CERTIFIED(name, certified)                                                                 \
    {                                                                                              \
        certified, certified, name                                                                 \
    }
    PLAIN("ssh-ed25519"),
    CERTIFIED("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"),
    PLAIN("ecdsa-sha2-nistp256"),
    CERTIFIED("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com"),
    PLAIN("ecdsa-sha2-nistp384"),
    CERTIFIED("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com"),
    PLAIN("ecdsa-sha2-nistp521"),
    CERTIFIED("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com"),
    PLAIN("sk-ssh-ed25519@openssh.com"),
    CERTIFIED("sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"),
    PLAIN("sk-ecdsa-sha2-nistp256@openssh.com"),
    CERTIFIED("sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"),
    {"rsa-sha2-256", "ssh-rsa", "rsa-sha2-256"},
    {"rsa-sha2-256-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-256"},
    {"rsa-sha2-512", "ssh-rsa", "rsa-sha2-512"},
    {"rsa-sha2-512-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-512"},
    PLAIN("ssh-rsa"),
    CERTIFIED("ssh-rsa", "ssh-rsa-cert-v01@openssh.com"),
};
#define ROWS (sizeof rows / sizeof *rows)

/* Whether name is in a comma-separated list. */
static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    while (*list) {
        size_t one = strcspn(list, ",");
        if (one == length && memcmp(list, name, length) == 0)
            return true;
        list += one;
        list += *list == ',';
    }
    return false;
}

char *auth_key_signatures(const char *list)
{
    char *names = calloc(1, 2 * strlen(list) + 1);

    for (size_t i = 0; names && i < ROWS; i++) {
        if (!is_listed(list, rows[i].algorithm) || is_listed(names, rows[i].signature))
            continue;
        if (names[0])
            strcat(names, ",");
        strcat(names, rows[i].signature);
    }
    return names;
}

static const struct row *row_of(struct sp_str algorithm)
{
    for (size_t i = 0; i < ROWS; i++)
        if (str_is(algorithm, rows[i].algorithm))
            return &rows[i];
    return NULL;
}

const char *auth_key_fault(const struct session *session, struct auth_packet *packet)
{
    const char *list = session->service->config->algorithms.public_keys;
    const struct row *row = row_of(packet->algorithm);

    /* A certificate is as good as the kind of signature that goes with it. */
    if (!row || !(is_listed(list, row->algorithm) || is_listed(list, row->signature)))
        return "the algorithm is not accepted";
    if (!str_is(packet->key_type, row->key_type))
        return "the key is of another kind than its algorithm";
    if (packet->has_signature && !str_is(packet->signature_algorithm, row->signature))
        return "the signature is of another kind than announced";
    packet->signature_algorithm = sp_str_of(row->signature);
    return NULL;
}

/* --- when its turn comes ------------------------------------------------------------------- */

static const char *name_it(struct auth_packet *packet, const char *what, const char *why)
{
    snprintf(packet->why_not, sizeof packet->why_not, "%s %s", what,
             why ? why : "could not be checked");
    return packet->why_not;
}

static const char *check_certificate(const struct session *session, struct auth_packet *packet)
{
    const char *why = NULL;

    if (certificate_check(session->service->key_policy, packet->key_blob.data,
                          (size_t)packet->key_blob.len, session->origin.remote_address,
                          (uint64_t)time(NULL), &packet->certificate, &why) < 0)
        return name_it(packet, "the certificate", why);
    packet->public_key_type = packet->certificate->key_type;
    packet->public_key_blob = packet->certificate->key_blob;
    return NULL;
}

static const char *check_plain(const struct session *session, struct auth_packet *packet)
{
    const struct public_key_kind *kind = public_key_kind(packet->key_type);
    const char *why = NULL;

    if (plain_key_check(session->service->key_policy, packet->key_blob.data,
                        (size_t)packet->key_blob.len, &why) < 0)
        return name_it(packet, "the key", why);
    if (!kind)
        return "the key is of an unknown kind";
    packet->public_key_type = sp_str_of(kind->name);
    packet->public_key_blob = packet->key_blob;
    return NULL;
}

const char *auth_key_check(const struct session *session, struct auth_packet *packet)
{
    uint8_t digest[FACTORS_KEY_SIZE];
    const char *why = key_type_is_certificate(packet->key_type) ? check_certificate(session, packet)
                                                                : check_plain(session, packet);

    if (why)
        return why;
    public_key_fingerprint(packet->public_key_blob.data, (size_t)packet->public_key_blob.len,
                           packet->fingerprint);
    /* A key without a digest could count as often as it comes. */
    if (!auth_key_digest(packet, digest))
        return "the key could not be hashed";
    return factors_has_key(&session->auth.factors, digest) ? "the key has counted before" : NULL;
}

bool auth_key_digest(const struct auth_packet *packet, uint8_t ret_digest[FACTORS_KEY_SIZE])
{
    return public_key_sha256(packet->public_key_blob.data, (size_t)packet->public_key_blob.len,
                             ret_digest);
}

/* The key that the library verified the signature with must be the one that is judged. */
bool auth_key_is_of(const struct auth_packet *packet, ssh_message message)
{
    struct buffer blob = {0};
    bool is_same =
        key_blob(ssh_message_auth_pubkey(message), &blob) == 0 &&
        buffer_length(&blob) == packet->key_blob.len &&
        memcmp(buffer_data(&blob), packet->key_blob.data, (size_t)packet->key_blob.len) == 0;

    buffer_release(&blob);
    return is_same;
}

const char *auth_key_lacks(const struct auth_packet *packet, uint32_t key_options)
{
    const struct certificate *certificate = packet->certificate;
    bool is_touch_optional = key_options & SP_KEY_TOUCH_NOT_REQUIRED;
    bool is_verification_required = key_options & SP_KEY_VERIFY_REQUIRED;

    if (certificate) {
        is_verification_required |= certificate->is_verification_required;
        is_touch_optional = is_touch_optional && certificate->is_touch_optional;
    }
    if (is_verification_required && !(packet->key_flags & SP_KEY_VERIFIED))
        return "the key was used without PIN or fingerprint";
    if (packet->is_hardware_key && !is_touch_optional && !(packet->key_flags & SP_KEY_TOUCHED))
        return "the hardware key was not touched";
    return NULL;
}
