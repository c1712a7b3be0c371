/*
 * policy.h: which users' keys and certificates are taken at all, as the configuration says. Loaded
 * once by each worker before it drops its privileges; never changes then. Blocks on files.
 */
#ifndef SALLYPORT_KEYS_POLICY_H
#define SALLYPORT_KEYS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/report.h"
#include "config/config.h"

struct key_policy;

/* Read "user_certificates" and "limits"."rsa_min_bits". A file that cannot be read or understood is
 * a fault, so that a daemon never serves without its revocation list. 0 and *ret_policy is the
 * caller's; or SP_ERR_INVALID or SP_ERR_NOMEM with every fault in report. */
int key_policy_load(const struct config *config, struct key_policy **ret_policy,
                    struct report *report);
void key_policy_free(struct key_policy *policy); /* NULL is fine */

/* For the checks in certificate.h. */
bool key_policy_is_authority(const struct key_policy *policy, const void *blob, size_t len);
/* NULL: no list is configured. */
const struct revoked_keys *key_policy_revoked(const struct key_policy *policy);
uint32_t key_policy_rsa_min_bits(const struct key_policy *policy);

#endif
