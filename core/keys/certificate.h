/*
 * certificate.h: what is asked of a user's public key or certificate before any plugin sees it
 * (OpenSSH's PROTOCOL.certkeys). That the client holds the private key is not checked here: the
 * signature of the request is another matter.
 *
 * Checks only compute, a few hundred microseconds at most, and may be made on any thread; every
 * file is read when the policy is loaded.
 */
#ifndef SALLYPORT_KEYS_CERTIFICATE_H
#define SALLYPORT_KEYS_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/auth.h>

#include "keys/policy.h"

/* A certificate that was found good. It never changes; it has its own copy of everything, each text
 * followed by a NUL. Free it on any thread. */
struct certificate {
    /* For sp_auth_event.certificate. trusted is 0 where its CA is not among the configured ones: it
     * then proves nothing until a plugin says that it trusts facts.ca_key_blob. */
    struct sp_certificate facts;

    /* The key that it certifies: for sp_auth_event.key_type, .key_blob, .key_fingerprint. */
    struct sp_str key_type;
    struct sp_str key_blob;
    struct sp_str key_fingerprint;

    /* What the core enforces, whatever a plugin grants. The client's address has been compared with
     * source-address already. */
    uint32_t permit;               /* SP_PERMIT_*: all but what no extension permits */
    const char *forced_command;    /* of force-command, or NULL */
    bool is_verification_required; /* verify-required: SP_KEY_VERIFIED must be in the signature */
    bool
        is_touch_optional; /* no-touch-required: without it, SP_KEY_TOUCHED must be in the signature
                              of a hardware key even if a plugin says SP_KEY_TOUCH_NOT_REQUIRED */
    void *memory;
};

/* Whether the certificate in blob (as on the wire) may be shown to plugins, for a client at address
 * (numeric) at the time now (seconds since 1970-01-01 UTC). policy NULL refuses everything.
 * 0 and *ret_certificate is the caller's; or SP_ERR_DENIED, or SP_ERR_NOMEM, with a constant text
 * for the log in *ret_why. */
int certificate_check(const struct key_policy *policy, const void *blob, size_t len,
                      const char *address, uint64_t now, struct certificate **ret_certificate,
                      const char **ret_why);
void certificate_free(struct certificate *certificate); /* NULL is fine */

/* Whether a plain public key (as on the wire) may be shown to plugins: it is well-formed, of a
 * known kind, not revoked, and not an RSA key below the configured size. Certificates are refused
 * here. 0, or SP_ERR_DENIED with a constant text for the log in *ret_why. policy NULL refuses. */
int plain_key_check(const struct key_policy *policy, const void *blob, size_t len,
                    const char **ret_why);

/* Whether a key type's name ("ssh-ed25519-cert-v01@openssh.com") is that of a certificate. */
bool key_type_is_certificate(struct sp_str type);

#endif
