/*
 * fuzz_certificate.c: any bytes as a user's certificate, and as a plain key. Signatures hold few
 * mutations up late, as they are checked last. What is taken must have copies of all its texts,
 * each with its NUL.
 */
#include <stdlib.h>
#include <string.h>

#include "keys/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct sp_str text)
{
    if (!text.data || strnlen(text.data, (size_t)text.len + 1) > text.len ||
        text.data[text.len] != '\0')
        abort();
}

static void check_pairs(const struct sp_pair *pairs, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        check_text(pairs[i].name);
        check_text(pairs[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct key_policy *policy;
    struct certificate *certificate;
    const char *why = NULL;

    if (!policy) {
        const struct config config = {.file = (char *)"fuzz", .limits.rsa_min_bits = 1024};
        struct report report = {0};
        if (key_policy_load(&config, &policy, &report) < 0)
            abort();
    }
    if (certificate_check(policy, data, size, "192.0.2.1", 1500, &certificate, &why) == 0) {
        const struct sp_certificate *facts = &certificate->facts;
        if (facts->principals_count == 0 || facts->trusted)
            abort();
        for (uint64_t i = 0; i < facts->principals_count; i++)
            check_text(facts->principals[i]);
        check_pairs(facts->critical_options, facts->critical_options_count);
        check_pairs(facts->extensions, facts->extensions_count);
        check_text(facts->key_id);
        check_text(facts->ca_key_fingerprint);
        check_text(certificate->key_type);
        check_text(certificate->key_fingerprint);
        certificate_free(certificate);
    } else if (!why) {
        abort();
    }
    if (plain_key_check(policy, data, size, &why) < 0 && !why)
        abort();
    return 0;
}
