/* Users' certificates and keys: what is shown to plugins, and every reason not to. */
#include "unit/keys/sign.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "keys/certificate.h"
#include "keys/public_key.h"

#define NOW 1500

static char directory[64];
static struct signer user, ca, stranger;
static struct key_policy *policy;

static void sh(const char *format, ...)
{
    char line[1024], command[1200];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(command, sizeof command, "cd %s && { %s; } >log 2>&1 </dev/null", directory, line);
    if (system(command) != 0)
        fail_msg("%s", line);
}

static char *path(const char *name)
{
    static char result[128];

    snprintf(result, sizeof result, "%s/%s", directory, name);
    return result;
}

static void write_key_line(const char *name, const struct buffer *blob)
{
    unsigned char base64[1024];
    FILE *file = fopen(path(name), "a");

    assert_non_null(file);
    EVP_EncodeBlock(base64, buffer_data(blob), (int)buffer_length(blob));
    fprintf(file, "ssh-ed25519 %s a comment\r\n", base64);
    fclose(file);
}

/* From the files "authorities" and, if it is there, "revoked". */
static int load_policy(struct report *report)
{
    char *authorities[] = {strdup(path("authorities"))};
    char *revoked = access(path("revoked"), F_OK) == 0 ? strdup(path("revoked")) : NULL;
    struct config config = {.file = directory,
                            .limits.rsa_min_bits = 2048,
                            .user_certificates = {.authorities = authorities,
                                                  .authorities_count = 1,
                                                  .revoked_keys = revoked}};

    key_policy_free(policy);
    int rc = key_policy_load(&config, &policy, report);
    free(authorities[0]);
    free(revoked);
    return rc;
}

static void reload_policy(void)
{
    struct report report = {0};
    int rc = load_policy(&report);

    for (size_t i = 0; i < report.count; i++)
        print_message("%s\n", report.complaints[i].text);
    assert_int_equal(rc, 0);
    report_free(&report);
}

static int set_up(void **state)
{
    (void)state;
    umask(022);
    snprintf(directory, sizeof directory, "/tmp/certificates-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    signer_init(&user);
    signer_init(&ca);
    signer_init(&stranger);
    write_key_line("authorities", &ca.blob);
    reload_policy();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    key_policy_free(policy);
    policy = NULL;
    signer_free(&user);
    signer_free(&ca);
    signer_free(&stranger);
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static int check_at(const struct buffer *blob, const char *address, uint64_t now,
                    struct certificate **ret, const char **why)
{
    return certificate_check(policy, buffer_data(blob), buffer_length(blob), address, now, ret,
                             why);
}

/* The certificate, which must be good. */
static struct certificate *accepted(const struct buffer *blob, uint64_t now)
{
    struct certificate *certificate;
    const char *why;

    if (check_at(blob, "192.0.2.1", now, &certificate, &why) < 0)
        fail_msg("refused: %s", why);
    assert_non_null(certificate);
    return certificate;
}

static void expect_refused(const struct buffer *blob, const char *address, uint64_t now,
                           const char *text)
{
    struct certificate *certificate;
    const char *why;

    assert_int_equal(check_at(blob, address, now, &certificate, &why), SP_ERR_DENIED);
    assert_null(certificate);
    if (!strstr(why, text))
        fail_msg("\"%s\" instead of \"%s\"", why, text);
}

static void refuse_wanted(const struct wanted *wanted, const char *text)
{
    struct buffer blob = certify(&user, &ca, wanted);

    expect_refused(&blob, "192.0.2.1", NOW, text);
    buffer_release(&blob);
}

static bool is(struct sp_str str, const char *text)
{
    return str.len == strlen(text) && memcmp(str.data, text, str.len) == 0 &&
           str.data[str.len] == '\0';
}

static void a_good_certificate_is_shown_with_all_it_says(void **state)
{
    struct wanted wanted = wanted_good();

    (void)state;
    wanted.critical[0] = (struct option){"force-command", "run me"};
    wanted.critical[1] = (struct option){"verify-required", NULL};
    wanted.extensions[0] = (struct option){"permit-pty", NULL};
    wanted.extensions[1] = (struct option){"no-touch-required", NULL};
    wanted.extensions[2] = (struct option){"login@example.com", "value"};
    struct buffer blob = certify(&user, &ca, &wanted);
    struct certificate *certificate = accepted(&blob, NOW);
    const struct sp_certificate *facts = &certificate->facts;

    assert_int_equal(facts->struct_size, sizeof *facts);
    assert_int_equal(facts->trusted, 1);
    assert_int_equal(facts->serial, 7);
    assert_int_equal(facts->valid_after, 1000);
    assert_int_equal(facts->valid_before, 2000);
    assert_true(is(facts->type, "ssh-ed25519-cert-v01@openssh.com"));
    assert_true(is(facts->key_id, "id"));
    assert_int_equal(facts->principals_count, 2);
    assert_true(is(facts->principals[0], "alice"));
    assert_true(is(facts->principals[1], "bob"));
    assert_int_equal(facts->critical_options_count, 2);
    assert_true(is(facts->critical_options[0].value, "run me"));
    assert_int_equal(facts->extensions_count, 3);
    assert_true(is(facts->extensions[2].name, "login@example.com"));
    assert_true(is(facts->extensions[2].value, "value"));
    assert_int_equal(facts->ca_key_blob.len, buffer_length(&ca.blob));
    assert_memory_equal(facts->ca_key_blob.data, buffer_data(&ca.blob), facts->ca_key_blob.len);
    assert_int_equal(strncmp(facts->ca_key_fingerprint.data, "SHA256:", 7), 0);
    assert_true(is(certificate->key_type, "ssh-ed25519"));
    assert_int_equal(certificate->key_blob.len, buffer_length(&user.blob));
    assert_memory_equal(certificate->key_blob.data, buffer_data(&user.blob),
                        certificate->key_blob.len);
    assert_string_equal(certificate->forced_command, "run me");
    assert_true(certificate->is_verification_required);
    assert_true(certificate->is_touch_optional);
    assert_int_equal(certificate->permit,
                     SP_PERMIT_ALL & ~(SP_PERMIT_AGENT | SP_PERMIT_X11 | SP_PERMIT_TUNNEL_FORWARD |
                                       SP_PERMIT_TUNNEL_REVERSE));
    certificate_free(certificate);
    buffer_release(&blob);
}

static void a_strangers_certificate_is_shown_but_not_trusted(void **state)
{
    struct wanted wanted = wanted_good();
    struct buffer blob = certify(&user, &stranger, &wanted);
    struct certificate *certificate = accepted(&blob, NOW);

    (void)state;
    assert_int_equal(certificate->facts.trusted, 0);
    certificate_free(certificate);
    buffer_release(&blob);
}

static void a_strangers_signature_under_the_cas_name_is_refused(void **state)
{
    struct wanted wanted = wanted_good();

    (void)state;
    wanted.ca_blob = &ca.blob;
    struct buffer blob = certify(&user, &stranger, &wanted);
    expect_refused(&blob, "192.0.2.1", NOW, "not signed by its CA");
    buffer_release(&blob);
}

static void any_changed_byte_is_refused(void **state)
{
    struct wanted wanted = wanted_good();
    struct buffer blob = certify(&user, &ca, &wanted);

    (void)state;
    for (size_t i = 0; i < buffer_length(&blob); i++) {
        struct certificate *certificate;
        const char *why;
        buffer_data(&blob)[i] ^= 1;
        int rc = check_at(&blob, "192.0.2.1", NOW, &certificate, &why);
        assert_int_equal(rc, SP_ERR_DENIED);
        buffer_data(&blob)[i] ^= 1;
    }
    buffer_release(&blob);
}

static void any_cut_or_addition_is_refused(void **state)
{
    struct wanted wanted = wanted_good();
    struct buffer blob = certify(&user, &ca, &wanted);
    struct certificate *certificate;
    const char *why;

    (void)state;
    for (size_t len = 0; len < buffer_length(&blob); len++) {
        /* In memory of its own, so that a read past it shows. */
        void *copy = malloc(len ? len : 1);
        memcpy(copy, buffer_data(&blob), len);
        assert_int_equal(certificate_check(policy, copy, len, "192.0.2.1", NOW, &certificate, &why),
                         SP_ERR_DENIED);
        free(copy);
    }
    wire_put_u8(&blob, 0);
    expect_refused(&blob, "192.0.2.1", NOW, "malformed");
    buffer_release(&blob);
}

static void principals_are_names_and_nothing_else(void **state)
{
    static const char *const bad[] = {"", "alice,root", "*", "al?ce", "alice\nroot"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wanted wanted = wanted_good();
        wanted.principals[1] = bad[i];
        refuse_wanted(&wanted, "empty, a list or a pattern");
    }
    struct wanted none = wanted_good();
    none.principals[0] = NULL;
    refuse_wanted(&none, "names no principal");
}

static void only_users_certificates_are_taken(void **state)
{
    struct wanted wanted = wanted_good();

    (void)state;
    wanted.kind = 2;
    refuse_wanted(&wanted, "a host's");
    wanted.kind = 0;
    refuse_wanted(&wanted, "neither");
    wanted.kind = 1;
    wanted.type = "ssh-dss-cert-v01@openssh.com";
    refuse_wanted(&wanted, "unknown");
    wanted.type = "ssh-ed25519";
    refuse_wanted(&wanted, "unknown");
}

static void the_time_decides_from_its_first_second_to_its_last(void **state)
{
    struct wanted wanted = wanted_good();
    struct buffer blob = certify(&user, &ca, &wanted);

    (void)state;
    expect_refused(&blob, "192.0.2.1", 999, "not valid yet");
    certificate_free(accepted(&blob, 1000));
    certificate_free(accepted(&blob, 1999));
    expect_refused(&blob, "192.0.2.1", 2000, "expired");
    buffer_release(&blob);
    wanted.after = 0;
    wanted.before = UINT64_MAX;
    blob = certify(&user, &ca, &wanted);
    certificate_free(accepted(&blob, NOW));
    buffer_release(&blob);
}

static void unknown_and_malformed_critical_options_are_refused(void **state)
{
    static const struct {
        struct option option;
        const char *text;
    } rows[] = {
        {{"no-such-option", "x"}, "unknown"},
        {{"", NULL}, "unknown"},
        {{"force-command", NULL}, "malformed"},
        {{"force-command", ""}, "malformed"},
        {{"source-address", NULL}, "malformed"},
        {{"source-address", "example.com"}, "malformed"},
        {{"source-address", "192.0.2.1/8"}, "malformed"},
        {{"source-address", "192.0.2.1,"}, "malformed"},
        {{"verify-required", "no"}, "malformed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wanted wanted = wanted_good();
        wanted.critical[0] = rows[i].option;
        refuse_wanted(&wanted, rows[i].text);
    }
    struct wanted twice = wanted_good();
    twice.critical[0] = (struct option){"force-command", "safe"};
    twice.critical[1] = (struct option){"force-command", "sh"};
    refuse_wanted(&twice, "twice");
}

static void the_clients_address_must_be_in_the_list(void **state)
{
    static const struct {
        const char *list, *address;
        bool is_inside;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"10.0.0.0/8,192.0.2.0/24", "192.0.2.77", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"2001:db8::/32", "2001:db8:1::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"192.0.2.0/24", "::ffff:192.0.2.5", true},
        {"fe80::/10", "fe80::1%eth0", true},
        {"192.0.2.0/24", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wanted wanted = wanted_good();
        struct certificate *certificate;
        const char *why;
        wanted.critical[0] = (struct option){"source-address", rows[i].list};
        struct buffer blob = certify(&user, &ca, &wanted);
        int rc = check_at(&blob, rows[i].address, NOW, &certificate, &why);
        if ((rc == 0) != rows[i].is_inside)
            fail_msg("%s in %s: %d", rows[i].address, rows[i].list, rc);
        certificate_free(certificate);
        buffer_release(&blob);
    }
}

static void a_ca_that_is_no_ca_is_refused(void **state)
{
    struct wanted wanted = wanted_good();

    (void)state;
    /* It signs its own key. */
    struct buffer blob = certify(&ca, &ca, &wanted);
    expect_refused(&blob, "192.0.2.1", NOW, "certifies its own CA's key");
    /* The CA is itself a certificate. */
    wanted.ca_blob = &blob;
    refuse_wanted(&wanted, "CA key that is malformed, a certificate");
    buffer_release(&blob);
    wanted = wanted_good();
    wanted.algorithm = "ssh-rsa";
    refuse_wanted(&wanted, "not signed by its CA");
}

static void a_ca_may_be_a_hardware_key(void **state)
{
    struct wanted wanted = wanted_good();
    struct buffer ca_blob = signer_as_hardware(&ca);

    (void)state;
    wanted.ca_blob = &ca_blob;
    wanted.algorithm = "sk-ssh-ed25519@openssh.com";
    refuse_wanted(&wanted, "not signed by its CA");
    wanted.is_hardware = true;
    struct buffer blob = certify(&user, &ca, &wanted);
    struct certificate *certificate = accepted(&blob, NOW);
    assert_int_equal(certificate->facts.trusted, 0); /* the plain key is what is configured */
    certificate_free(certificate);
    buffer_release(&blob);
    wanted.ca_blob = NULL; /* the plain key cannot have signed so */
    refuse_wanted(&wanted, "not signed by its CA");
    buffer_release(&ca_blob);
}

static void without_a_policy_nothing_is_taken(void **state)
{
    struct wanted wanted = wanted_good();
    struct buffer blob = certify(&user, &ca, &wanted);
    const char *why;

    (void)state;
    key_policy_free(policy);
    policy = NULL;
    expect_refused(&blob, "192.0.2.1", NOW, "cannot be judged");
    assert_int_equal(
        plain_key_check(NULL, buffer_data(&user.blob), buffer_length(&user.blob), &why),
        SP_ERR_DENIED);
    buffer_release(&blob);
}

/* The blob in the second word of a line. */
static struct buffer read_blob(const char *name)
{
    char line[8192], base64[8192];
    struct buffer blob = {0};
    FILE *file = fopen(path(name), "r");

    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_int_equal(sscanf(line, "%*s %8191s", base64), 1);
    uint8_t *place = buffer_reserve(&blob, strlen(base64));
    int len = EVP_DecodeBlock(place, (unsigned char *)base64, (int)strlen(base64));
    for (const char *end = base64 + strlen(base64); end[-1] == '='; end--)
        len--;
    buffer_commit(&blob, (size_t)len);
    return blob;
}

static void ssh_keygens_certificates_of_every_kind_are_taken(void **state)
{
    static const char *const kinds[] = {"ed25519", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521",
                                        "rsa -b 2048"};
    static const char *const algorithms[] = {"", "", "", "", "-t rsa-sha2-256"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        sh("rm -f u* k*; ssh-keygen -q -N '' -t %s -f k && ssh-keygen -q -N '' -t %s -f u && "
           "ssh-keygen -q -s k %s -I i -n alice -V -1h:+1h -z 9 -O no-pty u.pub && "
           "cat k.pub > authorities",
           kinds[i], kinds[i], algorithms[i]);
        reload_policy();
        struct buffer blob = read_blob("u-cert.pub"), key = read_blob("u.pub");
        struct certificate *certificate = accepted(&blob, (uint64_t)time(NULL));
        const char *why;
        assert_int_equal(certificate->facts.trusted, 1);
        assert_int_equal(certificate->facts.serial, 9);
        assert_int_equal(certificate->permit, SP_PERMIT_ALL & ~SP_PERMIT_PTY);
        assert_int_equal(certificate->key_blob.len, buffer_length(&key));
        assert_memory_equal(certificate->key_blob.data, buffer_data(&key), buffer_length(&key));
        assert_int_equal(plain_key_check(policy, buffer_data(&key), buffer_length(&key), &why), 0);
        certificate_free(certificate);
        buffer_release(&blob);
        buffer_release(&key);
    }
}

static void a_sha1_signature_of_the_ca_is_refused(void **state)
{
    (void)state;
    sh("ssh-keygen -q -N '' -t rsa -b 2048 -f k && ssh-keygen -q -N '' -t ed25519 -f u && "
       "ssh-keygen -q -s k -t ssh-rsa -I i -n alice u.pub && cat k.pub > authorities");
    reload_policy();
    struct buffer blob = read_blob("u-cert.pub");
    expect_refused(&blob, "192.0.2.1", (uint64_t)time(NULL), "algorithm that is not taken");
    buffer_release(&blob);
}

static void small_rsa_keys_are_refused(void **state)
{
    const char *why;

    (void)state;
    sh("ssh-keygen -q -N '' -t rsa -b 1024 -f small && ssh-keygen -q -N '' -t ed25519 -f u && "
       "ssh-keygen -q -N '' -t ed25519 -f k && ssh-keygen -q -s small -I i -n alice u.pub && "
       "ssh-keygen -q -s k -I i -n alice small.pub");
    struct buffer by_small = read_blob("u-cert.pub"), of_small = read_blob("small-cert.pub");
    struct buffer small = read_blob("small.pub");
    expect_refused(&by_small, "192.0.2.1", (uint64_t)time(NULL), "RSA key as CA");
    expect_refused(&of_small, "192.0.2.1", (uint64_t)time(NULL), "certifies an RSA key");
    assert_int_equal(plain_key_check(policy, buffer_data(&small), buffer_length(&small), &why),
                     SP_ERR_DENIED);
    assert_non_null(strstr(why, "too small"));
    struct report report = {0};
    sh("cat small.pub > authorities");
    assert_int_equal(load_policy(&report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "line 1"));
    report_free(&report);
    buffer_release(&by_small);
    buffer_release(&of_small);
    buffer_release(&small);
}

static void plain_keys_must_be_in_their_canonical_form(void **state)
{
    static const uint8_t modulus[257] = {[0] = 0x80, [256] = 1};
    static const uint8_t padded[] = {0, 1, 0, 1};
    struct buffer blob = {0};
    const char *why;

    (void)state;
    wire_put_cstring(&blob, "ssh-rsa");
    wire_put_string(&blob, padded, sizeof padded); /* 65537 with a zero too many */
    wire_put_u32(&blob, sizeof modulus + 1);
    wire_put_u8(&blob, 0);
    buffer_append(&blob, modulus, sizeof modulus);
    assert_int_equal(plain_key_check(policy, buffer_data(&blob), buffer_length(&blob), &why),
                     SP_ERR_DENIED);
    assert_non_null(strstr(why, "malformed"));
    buffer_release(&blob);
    wire_put_cstring(&blob, "ssh-rsa");
    wire_put_string(&blob, padded + 1, sizeof padded - 1);
    wire_put_u32(&blob, sizeof modulus + 1);
    wire_put_u8(&blob, 0);
    buffer_append(&blob, modulus, sizeof modulus);
    assert_int_equal(plain_key_check(policy, buffer_data(&blob), buffer_length(&blob), &why), 0);
    wire_put_u8(&blob, 0);
    assert_int_equal(plain_key_check(policy, buffer_data(&blob), buffer_length(&blob), &why),
                     SP_ERR_DENIED);
    buffer_release(&blob);
}

static void what_is_revoked_is_refused(void **state)
{
    struct wanted wanted = wanted_good();
    struct buffer blob = certify(&user, &ca, &wanted);
    const char *why;

    (void)state;
    write_key_line("revoked", &user.blob);
    reload_policy();
    expect_refused(&blob, "192.0.2.1", NOW, "certifies a revoked key");
    assert_int_equal(
        plain_key_check(policy, buffer_data(&user.blob), buffer_length(&user.blob), &why),
        SP_ERR_DENIED);
    assert_int_equal(plain_key_check(policy, buffer_data(&ca.blob), buffer_length(&ca.blob), &why),
                     0);
    unlink(path("revoked"));
    write_key_line("revoked", &ca.blob);
    reload_policy();
    expect_refused(&blob, "192.0.2.1", NOW, "revoked CA");
    sh("printf 'serial: 7\\n' > spec; ssh-keygen -q -k -f revoked -s authorities spec");
    reload_policy();
    expect_refused(&blob, "192.0.2.1", NOW, "is revoked");
    buffer_release(&blob);
    wanted.serial = 8;
    blob = certify(&user, &ca, &wanted);
    certificate_free(accepted(&blob, NOW));
    buffer_release(&blob);
}

static void an_unusable_list_is_a_fault(void **state)
{
    struct report report = {0};

    (void)state;
    sh("echo 'nonsense' > revoked");
    assert_int_equal(load_policy(&report), SP_ERR_INVALID);
    assert_null(policy);
    assert_non_null(strstr(report.complaints[0].text, "line 1"));
    report_free(&report);
    sh("rm revoked; mkfifo revoked");
    assert_int_equal(load_policy(&report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "not a regular file"));
    report_free(&report);
    sh("rm revoked; : > revoked; chmod 666 revoked");
    assert_int_equal(load_policy(&report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "may be written by others"));
    report_free(&report);
    sh("rm revoked; { echo nonsense; cat authorities; } > mixed; mv mixed authorities");
    assert_int_equal(load_policy(&report), SP_ERR_INVALID);
    assert_int_equal(report.count, 1);
    assert_non_null(strstr(report.complaints[0].text, "line 1"));
    report_free(&report);
    sh("echo '# none yet' > authorities");
    assert_int_equal(load_policy(&report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "holds no public key"));
    report_free(&report);
    sh(": > authorities");
    assert_int_equal(load_policy(&report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "holds no public key"));
    report_free(&report);
    sh("rm authorities");
    assert_int_equal(load_policy(&report), SP_ERR_INVALID);
    assert_non_null(strstr(report.complaints[0].text, "cannot be opened"));
    report_free(&report);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_certificate_is_shown_with_all_it_says),
        TEST(a_strangers_certificate_is_shown_but_not_trusted),
        TEST(a_strangers_signature_under_the_cas_name_is_refused),
        TEST(any_changed_byte_is_refused),
        TEST(any_cut_or_addition_is_refused),
        TEST(principals_are_names_and_nothing_else),
        TEST(only_users_certificates_are_taken),
        TEST(the_time_decides_from_its_first_second_to_its_last),
        TEST(unknown_and_malformed_critical_options_are_refused),
        TEST(the_clients_address_must_be_in_the_list),
        TEST(a_ca_that_is_no_ca_is_refused),
        TEST(a_ca_may_be_a_hardware_key),
        TEST(without_a_policy_nothing_is_taken),
        TEST(ssh_keygens_certificates_of_every_kind_are_taken),
        TEST(a_sha1_signature_of_the_ca_is_refused),
        TEST(small_rsa_keys_are_refused),
        TEST(plain_keys_must_be_in_their_canonical_form),
        TEST(what_is_revoked_is_refused),
        TEST(an_unusable_list_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
