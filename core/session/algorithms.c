/*
 * algorithms.c: finds out what the library can negotiate by asking it, name by name, so that no
 * table of ours can disagree with the build in use.
 */
#include "session/algorithms.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libssh/libssh.h>

#include "base/err.h"
#include "config/position.h"
#include "config/profile.h"
#include "session/internal.h"

static const struct kind {
    const char *key;
    enum ssh_options_e option;
    const char *candidates; /* every name of the field that a library of this kind may know */
} kinds[] = {
    {"kex", SSH_OPTIONS_KEY_EXCHANGE,
     "mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,"
     "mlkem768nistp256-sha256,mlkem1024nistp384-sha384,curve25519-sha256,"
     "curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
     "diffie-hellman-group14-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
     "diffie-hellman-group-exchange-sha256,diffie-hellman-group-exchange-sha1,"
     "diffie-hellman-group14-sha1,diffie-hellman-group1-sha1"},
    {"host_keys", SSH_OPTIONS_HOSTKEYS,
     "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,"
     "rsa-sha2-256,ssh-rsa"},
    {"ciphers", SSH_OPTIONS_CIPHERS_C_S,
     "aes256-gcm@openssh.com,aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,"
     "aes192-ctr,aes128-ctr,aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc"},
    {"macs", SSH_OPTIONS_HMAC_C_S,
     "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512,"
     "hmac-sha1-etm@openssh.com,hmac-sha1"},
    {"compression", SSH_OPTIONS_COMPRESSION_C_S, "none,zlib@openssh.com"},
    {"public_keys", SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES,
     "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,"
     "sk-ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256,"
     "ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384,"
     "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521,"
     "ecdsa-sha2-nistp521-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,"
     "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,rsa-sha2-512,"
     "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256,rsa-sha2-256-cert-v01@openssh.com,ssh-rsa"},
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* Compresses before anybody has authenticated: an attack surface that nobody needs. */
static const char refused[] = "zlib";

/* The library drops unknown names from a list silently; alone, an unknown name is an error. */
static bool is_known(const struct kind *kind, const char *name, size_t length)
{
    char text[128];
    ssh_session probe;
    bool known;

    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, name, length);
    text[length] = '\0';
    if (strcmp(text, refused) == 0)
        return false;
    probe = ssh_new();
    known = probe && ssh_options_set(probe, kind->option, text) == SSH_OK;
    ssh_free(probe);
    return known;
}

/* Calls each for every comma-separated name. */
static void for_each_name(const char *list,
                          void (*each)(const char *name, size_t length, void *arg), void *arg)
{
    while (*list) {
        size_t length = strcspn(list, ",");
        each(list, length, arg);
        list += length;
        list += *list == ',';
    }
}

struct known_list {
    const struct kind *kind;
    char text[2048];
};

static void add_if_known(const char *name, size_t length, void *arg)
{
    struct known_list *list = arg;
    size_t used = strlen(list->text);

    if (is_known(list->kind, name, length))
        snprintf(list->text + used, sizeof list->text - used, "%s%.*s", used ? " " : "",
                 (int)length, name);
}

struct check {
    const struct kind *kind;
    const struct config *config;
    struct report *report;
    int rc;
};

static void check_name(const char *name, size_t length, void *arg)
{
    struct check *check = arg;
    struct known_list known = {.kind = check->kind};
    char key[64];

    if (is_known(check->kind, name, length) ||
        (check->config->algorithms.is_compatible && profile_adds(check->kind->key, name, length)))
        return;
    snprintf(key, sizeof key, "/algorithms/%s", check->kind->key);
    for_each_name(check->kind->candidates, add_if_known, &known);
    report_error(check->report, check->config->file, positions_line(check->config->positions, key),
                 key, "\"%.*s\" is not offered by this build; it offers: %s", (int)length, name,
                 known.text);
    check->rc = SP_ERR_INVALID;
}

int session_check_algorithms(const struct config *config, struct report *report)
{
    const char *lists[KINDS] = {
        config->algorithms.kex,  config->algorithms.host_keys,   config->algorithms.ciphers,
        config->algorithms.macs, config->algorithms.compression, config->algorithms.public_keys,
    };
    struct check check = {.config = config, .report = report};

    for (size_t i = 0; i < KINDS; i++) {
        check.kind = &kinds[i];
        for_each_name(lists[i], check_name, &check);
    }
    return check.rc;
}

struct signers {
    const ssh_key *keys;
    char *names; /* as long as the list they are taken from */
};

static void add_if_signed(const char *name, size_t length, void *arg)
{
    struct signers *signers = arg;
    char text[128];
    enum ssh_keytypes_e type;

    snprintf(text, sizeof text, "%.*s", (int)length, name);
    type = ssh_key_type_from_name(strncmp(text, "rsa-sha2-", 9) == 0 ? "ssh-rsa" : text);
    for (size_t i = 0; signers->keys[i]; i++)
        if (ssh_key_type(signers->keys[i]) == type) {
            if (signers->names[0])
                strcat(signers->names, ",");
            strncat(signers->names, name, length);
            return;
        }
}

char *session_host_key_algorithms(const ssh_key *keys, const char *list)
{
    struct signers signers = {.keys = keys, .names = calloc(1, strlen(list) + 1)};

    if (signers.names)
        for_each_name(list, add_if_signed, &signers);
    return signers.names;
}

void session_print_algorithms(FILE *out)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct known_list known = {.kind = &kinds[i]};
        for_each_name(kinds[i].candidates, add_if_known, &known);
        fprintf(out, "%s: %s\n", kinds[i].key, known.text);
    }
}
