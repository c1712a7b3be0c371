/* binds.c: the SSH library's view of the configuration, once for each set of host keys. Called by
 * service.c when a worker comes up, by session.c for every connection. */
#include "session/binds.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "keys/hostkeys.h"
#include "session/internal.h"
#include "session/selftest.h"

struct binds {
    const struct config *config;
    char *ciphers;  /* those of the configuration that are sound */
    ssh_bind *list; /* "host_keys", then each of "host_key_sets" */
    char **signers; /* for each: the signature algorithms that there are keys for */
    size_t count;
};

/* list without the AES-GCM names that fail the integrity test, in memory of its own. */
static char *sound_ciphers(const char *list)
{
    char *sound = calloc(1, strlen(list) + 1);
    char *copy = strdup(list);
    char *rest = copy, *name;

    while (sound && copy && (name = strsep(&rest, ","))) {
        if (strstr(name, "gcm") && !selftest_integrity(name)) {
            log_error("cipher.unsound", LOG_TEXT("cipher", name),
                      LOG_TEXT("remedy", "update libssh: this build accepts changed packets"));
            continue;
        }
        if (sound[0])
            strcat(sound, ",");
        strcat(sound, name);
    }
    free(copy);
    return sound;
}

static int set_option(ssh_bind bind, enum ssh_bind_options_e option, const char *value,
                      const char *what, struct report *report)
{
    if (value && value[0] && ssh_bind_options_set(bind, option, value) == 0)
        return 0;
    report_error(report, NULL, 0, what, "cannot be set: %s", ssh_get_error(bind));
    return SP_ERR_INVALID;
}

static int set_options(const struct config *config, const char *ciphers, const char *signatures,
                       ssh_bind bind, struct report *report)
{
    const struct config_algorithms *names = &config->algorithms;
    const struct {
        enum ssh_bind_options_e option;
        const char *value, *what;
    } rows[] = {
        {SSH_BIND_OPTIONS_BANNER, config->server_version, "/server_version"},
        {SSH_BIND_OPTIONS_KEY_EXCHANGE, names->kex, "/algorithms/kex"},
        {SSH_BIND_OPTIONS_CIPHERS_C_S, ciphers, "/algorithms/ciphers"},
        {SSH_BIND_OPTIONS_CIPHERS_S_C, ciphers, "/algorithms/ciphers"},
        {SSH_BIND_OPTIONS_HMAC_C_S, names->macs, "/algorithms/macs"},
        {SSH_BIND_OPTIONS_HMAC_S_C, names->macs, "/algorithms/macs"},
        {SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, names->host_keys, "/algorithms/host_keys"},
        {SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, signatures, "/algorithms/public_keys"},
    };
    bool no = false;
    int rc = 0;

    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (set_option(bind, rows[i].option, rows[i].value, rows[i].what, report) < 0)
            rc = SP_ERR_INVALID;
    return rc;
}

int binds_new(const struct config *config, const char *signatures, struct binds **ret_binds,
              struct report *report)
{
    struct binds *binds = calloc(1, sizeof *binds);
    size_t count = 1 + config->host_key_sets_count;
    int rc = 0;

    *ret_binds = NULL;
    if (!binds)
        return SP_ERR_NOMEM;
    binds->config = config;
    binds->ciphers = sound_ciphers(config->algorithms.ciphers);
    binds->list = calloc(count, sizeof *binds->list);
    binds->signers = calloc(count, sizeof *binds->signers);
    if (!binds->ciphers || !binds->list || !binds->signers)
        rc = SP_ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        binds->list[i] = ssh_bind_new();
        if (!binds->list[i]) {
            rc = SP_ERR_NOMEM;
            break;
        }
        binds->count++;
        rc = set_options(config, binds->ciphers, signatures, binds->list[i], report);
    }
    if (rc < 0) {
        binds_free(binds);
        return rc;
    }
    *ret_binds = binds;
    return 0;
}

static const struct config_host_keys *set_at(const struct binds *binds, size_t index)
{
    return index == 0 ? &binds->config->host_keys : &binds->config->host_key_sets[index - 1];
}

static int load_keys(const struct binds *binds, size_t index, struct report *report)
{
    const struct config_host_keys *set = set_at(binds, index);
    ssh_bind bind = binds->list[index];
    ssh_key *keys = NULL;
    int rc = hostkeys_load(binds->config, set, &keys, report);

    if (rc == 0) {
        binds->signers[index] =
            session_host_key_algorithms(keys, binds->config->algorithms.host_keys);
        if (!binds->signers[index]) {
            hostkeys_free(keys);
            return SP_ERR_NOMEM;
        }
    }
    /* The bind takes a key over when it accepts it; what it refused stays ours. */
    for (size_t i = 0; rc == 0 && keys[i]; i++) {
        char source[4096];
        if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, keys[i]) == 0)
            continue;
        hostkeys_source(set, i, source, sizeof source);
        report_error(report, binds->config->file, 0, set->name ? "/host_key_sets" : "/host_keys",
                     "%s: the library does not take this key: %s", source, ssh_get_error(bind));
        rc = SP_ERR_INVALID;
        for (size_t k = i; keys[k]; k++)
            ssh_key_free(keys[k]);
    }
    free(keys);
    return rc;
}

int binds_load_keys(struct binds *binds, struct report *report)
{
    int rc = 0;

    for (size_t i = 0; i < binds->count; i++)
        if (load_keys(binds, i, report) < 0)
            rc = SP_ERR_INVALID;
    hostkeys_forget_secrets(binds->config);
    return rc;
}

ssh_bind binds_find(const struct binds *binds, struct sp_str set)
{
    if (set.len == 0)
        return binds->list[0];
    for (size_t i = 1; i < binds->count; i++)
        if (str_is(set, set_at(binds, i)->name))
            return binds->list[i];
    return NULL;
}

const char *binds_signers(const struct binds *binds, ssh_bind bind)
{
    for (size_t i = 0; i < binds->count; i++)
        if (binds->list[i] == bind && binds->signers[i])
            return binds->signers[i];
    return "";
}

const char *binds_ciphers(const struct binds *binds)
{
    return binds->ciphers;
}

void binds_free(struct binds *binds)
{
    if (!binds)
        return;
    for (size_t i = 0; i < binds->count; i++) {
        ssh_bind_free(binds->list[i]);
        free(binds->signers[i]);
    }
    free(binds->list);
    free(binds->signers);
    free(binds->ciphers);
    free(binds);
}
