/* policy.c: the files that say which users' keys are taken. Called by the supervisor, which only
 * wants to know whether they are good, and by each worker. */
#include "keys/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "keys/file.h"
#include "keys/public_key.h"
#include "keys/revoked.h"

#define AUTHORITIES_FILE_MAX (1024u * 1024)
#define REVOKED_FILE_MAX (64u * 1024 * 1024)

struct key_policy {
    struct buffer *authorities; /* blobs */
    size_t authorities_count;
    struct revoked_keys *revoked; /* NULL: no list is configured */
    uint32_t rsa_min_bits;
};

static int complain(struct report *report, const struct config *config, const char *key,
                    const char *file, int line, const char *why)
{
    if (line)
        report_error(report, config->file, positions_line(config->positions, key), key,
                     "%s: line %d %s", file, line, why);
    else
        report_error(report, config->file, positions_line(config->positions, key), key, "%s: %s",
                     file, why);
    return SP_ERR_INVALID;
}

static int add_authority(struct key_policy *policy, struct buffer *blob, const char **ret_why)
{
    struct public_key key;

    if (!public_key_parse(buffer_data(blob), buffer_length(blob), &key) ||
        (key.kind->family == PUBLIC_KEY_RSA && key.bits < policy->rsa_min_bits)) {
        *ret_why = "holds an RSA key that is smaller than limits.rsa_min_bits";
        return SP_ERR_FORMAT;
    }
    struct buffer *list = reallocarray(policy->authorities, policy->authorities_count + 1,
                                       sizeof *policy->authorities);
    if (!list) {
        *ret_why = err_text(SP_ERR_NOMEM);
        return SP_ERR_NOMEM;
    }
    policy->authorities = list;
    list[policy->authorities_count++] = *blob;
    *blob = (struct buffer){0};
    return 0;
}

static int load_authorities(struct key_policy *policy, const struct config *config,
                            const char *file, struct report *report)
{
    static const char key[] = "/user_certificates/authorities";
    char why[KEY_FILE_WHY_SIZE];
    char *text = NULL;
    size_t len = 0, before = policy->authorities_count;
    const char *line, *fault;
    int number = 0, all = 0;
    int rc = key_file_read(file, AUTHORITIES_FILE_MAX, false, &text, &len, why);

    if (rc < 0)
        return complain(report, config, key, file, 0, why);
    const char *next = text;
    for (size_t length; key_line_next(&next, text + len, &line, &length, &number);) {
        struct buffer blob = {0};
        rc = public_key_read_line(line, length, &blob, &fault);
        if (rc == 0)
            rc = add_authority(policy, &blob, &fault);
        buffer_release(&blob);
        if (rc < 0)
            all = complain(report, config, key, file, number, fault);
    }
    if (all == 0 && policy->authorities_count == before)
        all = complain(report, config, key, file, 0, "holds no public key");
    secret_free(text, len + 1);
    return all;
}

static int load_revoked(struct key_policy *policy, const struct config *config,
                        struct report *report)
{
    static const char key[] = "/user_certificates/revoked_keys";
    const char *file = config->user_certificates.revoked_keys;
    char why[KEY_FILE_WHY_SIZE];
    char *text = NULL;
    size_t len = 0;
    const char *fault;
    int line;

    if (key_file_read(file, REVOKED_FILE_MAX, false, &text, &len, why) < 0)
        return complain(report, config, key, file, 0, why);
    int rc = revoked_keys_read(text, len, &policy->revoked, &fault, &line);
    if (rc < 0)
        complain(report, config, key, file, line, fault);
    secret_free(text, len + 1);
    return rc;
}

int key_policy_load(const struct config *config, struct key_policy **ret_policy,
                    struct report *report)
{
    struct key_policy *policy = calloc(1, sizeof *policy);
    int rc = 0;

    *ret_policy = NULL;
    if (!policy)
        return SP_ERR_NOMEM;
    policy->rsa_min_bits = config->limits.rsa_min_bits;
    for (size_t i = 0; i < config->user_certificates.authorities_count; i++)
        if (load_authorities(policy, config, config->user_certificates.authorities[i], report) < 0)
            rc = SP_ERR_INVALID;
    if (config->user_certificates.revoked_keys && load_revoked(policy, config, report) < 0)
        rc = SP_ERR_INVALID;
    if (rc < 0) {
        key_policy_free(policy);
        return rc;
    }
    *ret_policy = policy;
    return 0;
}

void key_policy_free(struct key_policy *policy)
{
    if (!policy)
        return;
    for (size_t i = 0; i < policy->authorities_count; i++)
        buffer_release(&policy->authorities[i]);
    free(policy->authorities);
    revoked_keys_free(policy->revoked);
    free(policy);
}

bool key_policy_is_authority(const struct key_policy *policy, const void *blob, size_t len)
{
    for (size_t i = 0; i < policy->authorities_count; i++)
        if (buffer_length(&policy->authorities[i]) == len &&
            memcmp(buffer_data(&policy->authorities[i]), blob, len) == 0)
            return true;
    return false;
}

const struct revoked_keys *key_policy_revoked(const struct key_policy *policy)
{
    return policy->revoked;
}

uint32_t key_policy_rsa_min_bits(const struct key_policy *policy)
{
    return policy->rsa_min_bits;
}
