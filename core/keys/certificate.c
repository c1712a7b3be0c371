/* certificate.c: users' certificates and keys, judged before any plugin sees them. Called by
 * core/session for every request with a key. */
#include "keys/certificate.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <sallyport/plugin.h>

#include "base/cidr.h"
#include "base/err.h"
#include "base/str.h"
#include "base/wire.h"
#include "keys/public_key.h"
#include "keys/revoked.h"

enum { KIND_USER = 1, KIND_HOST = 2 };

/* OpenSSH's own bound on principals, and far more options than there are. */
enum { PRINCIPALS_MAX = 256, OPTIONS_MAX = 64 };

/* What a certificate points to. */
struct memory {
    struct sp_str principals[PRINCIPALS_MAX];
    struct sp_pair critical_options[OPTIONS_MAX];
    struct sp_pair extensions[OPTIONS_MAX];
    char *next; /* free place in text */
    char text[];
};

struct check {
    const struct key_policy *policy;
    const char *address;
    uint64_t now;
    struct certificate *certificate;
    struct memory *memory;
    struct public_key key;
    const char **why;
};

static int refuse(const struct check *check, const char *why)
{
    *check->why = why;
    return SP_ERR_DENIED;
}

bool key_type_is_certificate(struct sp_str type)
{
    return public_key_kind_of_certificate(type) != NULL;
}

/* --- keeping ---------------------------------------------------------------------------------- */

/* Every text of a certificate is kept once, with a NUL in place of its length field; the key, its
 * type and two fingerprints come on top. */
static size_t text_size(size_t blob_len)
{
    return 2 * blob_len + 256;
}

static struct sp_str keep(struct memory *memory, struct sp_str text)
{
    struct sp_str kept = {memory->next, text.len};

    if (text.len)
        memcpy(memory->next, text.data, (size_t)text.len);
    memory->next[text.len] = '\0';
    memory->next += text.len + 1;
    return kept;
}

static struct sp_str keep_fingerprint(struct memory *memory, struct sp_str blob)
{
    char text[FINGERPRINT_SIZE];

    public_key_fingerprint(blob.data, (size_t)blob.len, text);
    return keep(memory, sp_str_of(text));
}

static bool has_control(struct sp_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return true;
    return false;
}

/* --- fields ----------------------------------------------------------------------------------- */

/* A name is compared as it is, never as a pattern or a list: what could be taken for either is
 * refused, so that nobody behind us takes it for one. */
static int read_principals(struct check *check, struct sp_str list)
{
    struct sp_certificate *facts = &check->certificate->facts;
    struct wire_reader reader;

    wire_reader_init(&reader, list.data, (size_t)list.len);
    if (list.len == 0)
        return refuse(check, "names no principal: it would be good for every user");
    while (wire_left(&reader)) {
        struct sp_str name = wire_get_string(&reader);
        if (!wire_ok(&reader))
            return refuse(check, "principals are malformed");
        if (facts->principals_count == PRINCIPALS_MAX)
            return refuse(check, "has too many principals");
        if (name.len == 0 || has_control(name) || memchr(name.data, ',', (size_t)name.len) ||
            memchr(name.data, '*', (size_t)name.len) || memchr(name.data, '?', (size_t)name.len))
            return refuse(check, "has a principal that is empty, a list or a pattern");
        check->memory->principals[facts->principals_count++] = keep(check->memory, name);
    }
    facts->principals = check->memory->principals;
    return 0;
}

/* Names and values. A value is mostly a string within the string; else it is taken as it stands. */
static int read_options(struct check *check, struct sp_str list, struct sp_pair *pairs,
                        uint64_t *ret_count)
{
    struct wire_reader reader;

    wire_reader_init(&reader, list.data, (size_t)list.len);
    while (wire_left(&reader)) {
        struct sp_str name = wire_get_string(&reader);
        struct sp_str data = wire_get_string(&reader);
        struct wire_reader inner;
        if (!wire_ok(&reader))
            return refuse(check, "options are malformed");
        if (*ret_count == OPTIONS_MAX)
            return refuse(check, "has too many options");
        for (uint64_t i = 0; i < *ret_count; i++)
            if (pairs[i].name.len == name.len &&
                memcmp(pairs[i].name.data, name.data, (size_t)name.len) == 0)
                return refuse(check, "has an option twice");
        wire_reader_init(&inner, data.data, (size_t)data.len);
        struct sp_str value = wire_get_string(&inner);
        pairs[*ret_count].name = keep(check->memory, name);
        pairs[*ret_count].value = keep(check->memory, wire_at_end(&inner) ? value : data);
        ++*ret_count;
    }
    return 0;
}

static int take_command(struct check *check, struct sp_str value)
{
    /* An empty one would later count as none. */
    if (value.len == 0 || memchr(value.data, '\0', (size_t)value.len))
        return refuse(check, "force-command is malformed");
    check->certificate->forced_command = value.data;
    return 0;
}

/* The client's address; the zone of one that is local to a link does not count. */
static bool read_address(const char *text, struct cidr *ret)
{
    char copy[INET6_ADDRSTRLEN];
    size_t length = text ? strcspn(text, "%") : 0;

    if (length >= sizeof copy)
        return false;
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return cidr_parse(copy, ret) == 0;
}

static int take_sources(struct check *check, struct sp_str value)
{
    struct cidr client, network;
    char list[4096];
    bool is_inside = false;
    char *rest = list, *item;

    if (value.len == 0 || value.len >= sizeof list || memchr(value.data, '\0', (size_t)value.len) ||
        !read_address(check->address, &client))
        return refuse(check, "source-address is malformed");
    memcpy(list, value.data, (size_t)value.len + 1);
    while ((item = strsep(&rest, ","))) {
        if (cidr_parse(item, &network) < 0)
            return refuse(check, "source-address is malformed");
        is_inside = is_inside || cidr_contains(&network, &client);
    }
    return is_inside ? 0 : refuse(check, "is not for use from this address");
}

static int take_verification(struct check *check, struct sp_str value)
{
    if (value.len)
        return refuse(check, "verify-required is malformed");
    check->certificate->is_verification_required = true;
    return 0;
}

static int judge_critical_options(struct check *check)
{
    static const struct {
        const char *name;
        int (*take)(struct check *check, struct sp_str value);
    } known[] = {{"force-command", take_command},
                 {"source-address", take_sources},
                 {"verify-required", take_verification}};
    const struct sp_certificate *facts = &check->certificate->facts;

    for (uint64_t i = 0; i < facts->critical_options_count; i++) {
        const struct sp_pair *option = &facts->critical_options[i];
        size_t row = 0;
        while (row < sizeof known / sizeof *known && !str_is(option->name, known[row].name))
            row++;
        if (row == sizeof known / sizeof *known)
            return refuse(check, "has a critical option that is unknown here");
        int rc = known[row].take(check, option->value);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* What is not given is not permitted; extensions that say nothing to us are left to plugins. */
static void apply_extensions(struct certificate *certificate)
{
    static const struct {
        const char *name;
        uint32_t permit;
    } rows[] = {
        {"permit-X11-forwarding", SP_PERMIT_X11},
        {"permit-agent-forwarding", SP_PERMIT_AGENT},
        {"permit-port-forwarding", SP_PERMIT_TUNNEL_FORWARD | SP_PERMIT_TUNNEL_REVERSE},
        {"permit-pty", SP_PERMIT_PTY},
    };
    const struct sp_certificate *facts = &certificate->facts;

    certificate->permit = SP_PERMIT_ALL;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        certificate->permit &= ~rows[row].permit;
    for (uint64_t i = 0; i < facts->extensions_count; i++) {
        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
            if (str_is(facts->extensions[i].name, rows[row].name))
                certificate->permit |= rows[row].permit;
        if (str_is(facts->extensions[i].name, "no-touch-required"))
            certificate->is_touch_optional = true;
    }
}

static int keep_key(struct check *check)
{
    struct certificate *certificate = check->certificate;
    struct buffer blob = {0};
    int rc = public_key_put(&blob, &check->key);

    if (rc == 0) {
        certificate->key_type = keep(check->memory, sp_str_of(check->key.kind->name));
        certificate->key_blob =
            keep(check->memory, (struct sp_str){(char *)buffer_data(&blob), buffer_length(&blob)});
        certificate->key_fingerprint = keep_fingerprint(check->memory, certificate->key_blob);
    }
    buffer_release(&blob);
    return rc;
}

static bool is_too_small(const struct key_policy *policy, const struct public_key *key)
{
    return key->kind->family == PUBLIC_KEY_RSA && key->bits < key_policy_rsa_min_bits(policy);
}

static int judge_time(const struct check *check)
{
    const struct sp_certificate *facts = &check->certificate->facts;

    if (check->now < facts->valid_after)
        return refuse(check, "is not valid yet");
    if (check->now >= facts->valid_before)
        return refuse(check, "has expired");
    return 0;
}

/* signed_data is all of the certificate up to the signature. */
static int judge_authority(struct check *check, struct sp_str signature, const void *signed_data,
                           size_t signed_len)
{
    struct sp_certificate *facts = &check->certificate->facts;
    struct sp_str ca_blob = facts->ca_key_blob;
    struct public_key ca;

    /* A certificate is no CA: its own CA's word would go further than it was given. */
    if (!public_key_parse(ca_blob.data, (size_t)ca_blob.len, &ca))
        return refuse(check, "has a CA key that is malformed, a certificate or of an unknown kind");
    if (is_too_small(check->policy, &ca))
        return refuse(check, "has an RSA key as CA that is too small");
    if (ca_blob.len == check->certificate->key_blob.len &&
        memcmp(ca_blob.data, check->certificate->key_blob.data, (size_t)ca_blob.len) == 0)
        return refuse(check, "certifies its own CA's key");
    if (!public_key_verify(&ca, signature, signed_data, signed_len))
        return refuse(check, "is not signed by its CA, or by an algorithm that is not taken");
    facts->trusted = key_policy_is_authority(check->policy, ca_blob.data, (size_t)ca_blob.len);
    return 0;
}

static int judge_revocation(const struct check *check)
{
    const struct revoked_keys *list = key_policy_revoked(check->policy);
    const struct certificate *certificate = check->certificate;
    const struct sp_certificate *facts = &certificate->facts;

    if (!list)
        return 0;
    if (revoked_keys_has(list, certificate->key_blob.data, (size_t)certificate->key_blob.len))
        return refuse(check, "certifies a revoked key");
    if (revoked_keys_has(list, facts->ca_key_blob.data, (size_t)facts->ca_key_blob.len))
        return refuse(check, "is signed by a revoked CA");
    if (revoked_keys_has_certificate(list, facts->ca_key_blob, facts->serial, facts->key_id))
        return refuse(check, "is revoked");
    return 0;
}

static int judge(struct check *check, const void *blob, size_t len)
{
    struct sp_certificate *facts = &check->certificate->facts;
    struct memory *memory = check->memory;
    struct wire_reader reader;
    int rc;

    wire_reader_init(&reader, blob, len);
    struct sp_str type = wire_get_string(&reader);
    const struct public_key_kind *kind = public_key_kind_of_certificate(type);
    if (!kind)
        return refuse(check, "is of a kind that is unknown here");
    facts->type = keep(memory, type);
    wire_get_string(&reader); /* the nonce */
    if (!public_key_read(&reader, kind, &check->key))
        return refuse(check, "holds a key that is malformed");
    facts->serial = wire_get_u64(&reader);
    uint32_t certificate_kind = wire_get_u32(&reader);
    facts->key_id = keep(memory, wire_get_string(&reader));
    struct sp_str principals = wire_get_string(&reader);
    facts->valid_after = wire_get_u64(&reader);
    facts->valid_before = wire_get_u64(&reader);
    struct sp_str critical_options = wire_get_string(&reader);
    struct sp_str extensions = wire_get_string(&reader);
    wire_get_string(&reader); /* reserved */
    facts->ca_key_blob = keep(memory, wire_get_string(&reader));
    size_t signed_len = len - wire_left(&reader);
    struct sp_str signature = wire_get_string(&reader);
    if (!wire_at_end(&reader))
        return refuse(check, "is malformed");
    if (certificate_kind != KIND_USER)
        return refuse(check, certificate_kind == KIND_HOST ? "is a host's, not a user's"
                                                           : "is neither a user's nor a host's");
    if (is_too_small(check->policy, &check->key))
        return refuse(check, "certifies an RSA key that is too small");
    facts->critical_options = memory->critical_options;
    facts->extensions = memory->extensions;
    if ((rc = keep_key(check)) < 0 || (rc = read_principals(check, principals)) < 0 ||
        (rc = judge_time(check)) < 0 ||
        (rc = read_options(check, critical_options, memory->critical_options,
                           &facts->critical_options_count)) < 0 ||
        (rc = read_options(check, extensions, memory->extensions, &facts->extensions_count)) < 0 ||
        (rc = judge_critical_options(check)) < 0 || (rc = judge_revocation(check)) < 0)
        return rc;
    facts->ca_key_fingerprint = keep_fingerprint(memory, facts->ca_key_blob);
    apply_extensions(check->certificate);
    return judge_authority(check, signature, blob, signed_len);
}

int certificate_check(const struct key_policy *policy, const void *blob, size_t len,
                      const char *address, uint64_t now, struct certificate **ret_certificate,
                      const char **ret_why)
{
    struct certificate *certificate = calloc(1, sizeof *certificate);
    struct memory *memory = calloc(1, sizeof *memory + text_size(len));
    int rc = SP_ERR_NOMEM;

    *ret_certificate = NULL;
    *ret_why = err_text(SP_ERR_NOMEM);
    if (certificate && memory) {
        struct check check = {.policy = policy,
                              .address = address,
                              .now = now,
                              .certificate = certificate,
                              .memory = memory,
                              .why = ret_why};
        memory->next = memory->text;
        certificate->facts.struct_size = sizeof certificate->facts;
        rc = policy ? judge(&check, blob, len) : refuse(&check, "cannot be judged");
    }
    if (rc < 0) {
        free(memory);
        free(certificate);
        return rc;
    }
    certificate->memory = memory;
    *ret_certificate = certificate;
    return 0;
}

void certificate_free(struct certificate *certificate)
{
    if (!certificate)
        return;
    free(certificate->memory);
    free(certificate);
}

int plain_key_check(const struct key_policy *policy, const void *blob, size_t len,
                    const char **ret_why)
{
    const struct check check = {.policy = policy, .why = ret_why};
    struct public_key key;

    if (!policy)
        return refuse(&check, "cannot be judged");
    if (!public_key_parse(blob, len, &key))
        return refuse(&check, "is malformed or of a kind that is unknown here");
    if (is_too_small(policy, &key))
        return refuse(&check, "is an RSA key that is too small");
    if (key_policy_revoked(policy) && revoked_keys_has(key_policy_revoked(policy), blob, len))
        return refuse(&check, "is revoked");
    return 0;
}
