/*
 * sallyport/auth.h: the interface "sallyport.auth/1".
 *
 * Plugins judge users and credentials; signatures are the core's business. A key is first shown
 * as offered, then, once the core has verified the client's signature with it, as proved; only
 * SP_ALLOW for a proved key lets anybody in.
 *
 * A chain asks its plugins in order. SP_NEXT passes on; SP_ALLOW, SP_PARTIAL, SP_ASK and SP_DENY
 * end the chain; a failure (negative), a missed deadline or everyone passing on is deny. Where the
 * configuration requires several factors, SP_ALLOW is yes to this one, and the core goes on.
 *
 * Every operation: [threading] [started]; plugin.h says what the tags mean.
 */
#ifndef SALLYPORT_AUTH_H
#define SALLYPORT_AUTH_H

#include <sallyport/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SP_AUTH_INTERFACE "sallyport.auth/1"

/* Authentication methods; bits of sp_auth_reply.methods. */
#define SP_METHOD_NONE (1u << 0)
#define SP_METHOD_PASSWORD (1u << 1)
#define SP_METHOD_PUBLICKEY (1u << 2)
#define SP_METHOD_KEYBOARD_INTERACTIVE (1u << 3)
#define SP_METHOD_GSSAPI (1u << 4)

/* sp_auth_event.key_state */
#define SP_KEY_OFFERED 1u
#define SP_KEY_PROVED 2u
#define SP_KEY_FAILED 3u /* key_checked only: the signature is not the key's */

/* sp_auth_event.key_flags: what a hardware key says of its signature */
#define SP_KEY_TOUCHED (1u << 0)
#define SP_KEY_VERIFIED (1u << 1) /* by PIN or fingerprint */

/* sp_auth_reply.key_options: what a hardware key's signature must say */
#define SP_KEY_TOUCH_NOT_REQUIRED (1u << 0)
#define SP_KEY_VERIFY_REQUIRED (1u << 1)

/* A user certificate, of which the core has verified everything but whom it lets in: its CA's
 * signature, its kind, its time, its critical options, the client's address, and that neither it
 * nor its key nor its CA is revoked. What it restricts, the core enforces. */
struct sp_certificate {
    uint32_t struct_size;
    uint32_t trusted; /* 1: its CA is one that the configuration names */
    uint64_t serial;
    uint64_t valid_after;  /* seconds since 1970-01-01 UTC */
    uint64_t valid_before; /* UINT64_MAX: for ever */
    struct sp_str type;    /* "ssh-ed25519-cert-v01@openssh.com" … */
    struct sp_str key_id;
    struct sp_str ca_key_blob;
    struct sp_str ca_key_fingerprint;
    const struct sp_str *principals; /* never empty */
    uint64_t principals_count;
    const struct sp_pair *critical_options;
    uint64_t critical_options_count;
    const struct sp_pair *extensions;
    uint64_t extensions_count;
};

/* Secrets in events hold no NUL, and are wiped by the core after the answer. */
struct sp_auth_event {
    struct sp_event head;
    struct sp_str user;            /* as sent: not yet proved to be anybody */
    uint32_t method;               /* one SP_METHOD_* */
    uint32_t attempt;              /* 1 for the first request of the connection that counts */
    uint32_t methods_done;         /* SP_METHOD_* of the factors that have passed */
    uint32_t key_state;            /* publickey: SP_KEY_OFFERED or SP_KEY_PROVED */
    struct sp_str password;        /* password */
    struct sp_str new_password;    /* password, in answer to SP_ASK: to replace password; else "" */
    struct sp_str key_type;        /* publickey: "ssh-ed25519" … */
    struct sp_str key_blob;        /* publickey: as on the wire, RFC 4253, 6.6 */
    struct sp_str key_fingerprint; /* publickey: "SHA256:…" */
    struct sp_str signature_algorithm; /* publickey: of the signature, or of the one that would
                                          follow an offer; "" where the build cannot tell */
    const struct sp_str *responses;    /* keyboard-interactive: answers to the last prompts */
    uint64_t responses_count;
    uint32_t round;           /* keyboard-interactive: 0 for the request, then 1, 2, … */
    uint32_t key_flags;       /* publickey, proved, with a hardware key: SP_KEY_TOUCHED … */
    struct sp_str service;    /* what the user wants to use: "ssh-connection" */
    struct sp_str submethods; /* keyboard-interactive: what the client prefers */
    /* publickey: the certificate, or NULL. key_type, key_blob and key_fingerprint are then those of
     * the key that it certifies. */
    const struct sp_certificate *certificate;
};

struct sp_prompt {
    struct sp_str text;
    uint32_t echo; /* 1: the client may show what is typed */
    uint32_t reserved;
};

struct sp_auth_reply {
    struct sp_reply head;
    uint32_t methods;       /* with SP_PARTIAL or SP_DENY: SP_METHOD_* that may go on; 0: as
                               configured */
    uint32_t prompts_count; /* with SP_ASK */
    const struct sp_prompt *prompts;
    struct sp_str name;           /* with SP_ASK: title */
    struct sp_str instruction;    /* with SP_ASK; for a password: why it must be changed */
    struct sp_str banner;         /* shown to the user before the answer, if set */
    struct sp_str reason;         /* for the log only; the client never sees it */
    const struct sp_grant *grant; /* with SP_ALLOW, SP_PARTIAL; NULL says nothing. Of several
                                     factors the user gets what all that grant anything agree on */
    uint32_t key_options;         /* publickey, with SP_ALLOW: SP_KEY_TOUCH_NOT_REQUIRED … */
    uint32_t reserved;
};

/* A NULL slot abstains (SP_NEXT). */
struct sp_auth_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* "none": answer SP_ALLOW only for users who need no proof at all. With SP_DENY the reply may
     * name the methods available to this user. */
    int32_t (*none)(void *self, const struct sp_auth_event *event);
    /* SP_ASK: right, but it must be changed; the client's next request then has new_password, and
     * goes to this plugin alone. */
    int32_t (*password)(void *self, const struct sp_auth_event *event);
    /* Called with the key offered (may be skipped by a client), then with the key proved. */
    int32_t (*publickey)(void *self, const struct sp_auth_event *event);
    /* Called for the request and, where SP_ASK was the answer, for every round of responses. */
    int32_t (*keyboard_interactive)(void *self, const struct sp_auth_event *event);
    /* The user is in: informational, for plugins that keep accounts. */
    int32_t (*authenticated)(void *self, const struct sp_auth_event *event);
    /* The core has checked a signature: key_state is SP_KEY_PROVED or SP_KEY_FAILED. Informational;
     * publickey() comes after it. */
    int32_t (*key_checked)(void *self, const struct sp_auth_event *event);
};

#ifdef __cplusplus
}
#endif
#endif
