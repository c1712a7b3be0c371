/* Private keys in every form, as the tools of that form write them, and every way to be unusable.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/err.h"
#include "keys/blob.h"
#include "keys/private_key.h"
#include "keys/public_key.h"

#define JWK                                                                                        \
    "/usr/bin/python3 - <<'END'\n"                                                                 \
    "import base64, json\n"                                                                        \
    "from cryptography.hazmat.primitives import serialization as s\n"                              \
    "k = s.load_ssh_private_key(open('k', 'rb').read(), None)\n"                                   \
    "def b(n, size=None):\n"                                                                       \
    "    data = n if isinstance(n, bytes) else n.to_bytes(size or (n.bit_length() + 7) // 8, "     \
    "'big')\n"                                                                                     \
    "    return base64.urlsafe_b64encode(data).decode().rstrip('=')\n"                             \
    "raw = s.Encoding.Raw\n"                                                                       \
    "if hasattr(k, 'curve'):\n"                                                                    \
    "    n, size = k.private_numbers(), (k.curve.key_size + 7) // 8\n"                             \
    "    p = n.public_numbers\n"                                                                   \
    "    j = {'kty': 'EC', 'crv': 'P-%d' % k.curve.key_size, 'x': b(p.x, size), "                  \
    "'y': b(p.y, size), 'd': b(n.private_value, size)}\n"                                          \
    "elif hasattr(k, 'key_size'):\n"                                                               \
    "    n = k.private_numbers()\n"                                                                \
    "    j = {'kty': 'RSA', 'n': b(n.public_numbers.n), 'e': b(n.public_numbers.e), "              \
    "'d': b(n.d), 'p': b(n.p), 'q': b(n.q)}\n"                                                     \
    "else:\n"                                                                                      \
    "    j = {'kty': 'OKP', 'crv': 'Ed25519', 'x': b(k.public_key().public_bytes(raw, "            \
    "s.PublicFormat.Raw)), 'd': b(k.private_bytes(raw, s.PrivateFormat.Raw, "                      \
    "s.NoEncryption()))}\n"                                                                        \
    "open('out', 'w').write(json.dumps(j, indent=1))\n"                                            \
    "END"

static const char *const kinds[] = {"ed25519", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521",
                                    "rsa -b 2048"};
enum { KINDS = sizeof kinds / sizeof *kinds, ED25519 = 0, RSA = 4 };

static char directory[64];
static struct buffer data;

static int try_sh(const char *line)
{
    static char command[8192];

    snprintf(command, sizeof command, "cd %s && exec >log 2>&1 </dev/null && %s", directory, line);
    return system(command);
}

static void sh(const char *line)
{
    if (try_sh(line) != 0)
        fail_msg("%s", line);
}

static void read_file(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s is not there", path);
    buffer_release(&data);
    void *place = buffer_reserve(&data, 65536);
    buffer_commit(&data, fread(place, 1, 65536, file));
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/private-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    buffer_release(&data);
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

/* "k", an OpenSSH key without passphrase of that kind. */
static void make_key(size_t kind)
{
    char line[128];

    snprintf(line, sizeof line, "rm -f k k.pub out; ssh-keygen -q -N '' -m RFC4716 -t %s -f k",
             kinds[kind]);
    sh(line);
}

static void expect_key(const char *name, const char *passphrase)
{
    char why[PRIVATE_KEY_WHY_SIZE] = "";
    struct buffer found = {0}, wanted = {0};
    const char *fault;
    ssh_key key;

    read_file(name);
    if (private_key_read(buffer_data(&data), buffer_length(&data), passphrase, 2048, &key, why) < 0)
        fail_msg("%s: %s", name, why);
    assert_int_equal(ssh_key_is_private(key), 1);
    assert_int_equal(key_blob(key, &found), 0);
    read_file("k.pub");
    assert_int_equal(public_key_read_line((char *)buffer_data(&data),
                                          strcspn((char *)buffer_data(&data), "\n"), &wanted,
                                          &fault),
                     0);
    assert_int_equal(buffer_length(&found), buffer_length(&wanted));
    assert_memory_equal(buffer_data(&found), buffer_data(&wanted), buffer_length(&found));
    buffer_release(&found);
    buffer_release(&wanted);
    ssh_key_free(key);
}

static void expect_fault_in(const void *bytes, size_t len, const char *passphrase, const char *text)
{
    char why[PRIVATE_KEY_WHY_SIZE] = "";
    ssh_key key;

    assert_int_equal(private_key_read(bytes, len, passphrase, 2048, &key, why), SP_ERR_INVALID);
    assert_null(key);
    if (!strstr(why, text))
        fail_msg("\"%s\" instead of \"%s\"", why, text);
}

static void expect_fault(const char *name, const char *passphrase, const char *text)
{
    read_file(name);
    expect_fault_in(buffer_data(&data), buffer_length(&data), passphrase, text);
}

/* out, which is k encrypted with "secret": with it, without it, with another. */
static void expect_encrypted(void)
{
    expect_key("out", "secret");
    expect_fault("out", NULL, "is encrypted, and no passphrase is given");
    expect_fault("out", "Secret", "passphrase is wrong");
}

static void openssh(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        make_key(i);
        expect_key("k", NULL);
        expect_key("k", "not needed");
        sh("cp k out; ssh-keygen -q -p -P '' -N secret -f out");
        expect_encrypted();
    }
}

static void pem(void **state)
{
    (void)state;
    for (size_t i = ED25519 + 1; i < KINDS; i++) { /* there is no such form for Ed25519 */
        make_key(i);
        sh("cp k out; ssh-keygen -q -p -P '' -N '' -m PEM -f out; grep -q 'BEGIN .*[AC] PRI' out");
        expect_key("out", NULL);
        sh("ssh-keygen -q -p -P '' -N secret -m PEM -f out; grep -q DEK-Info out");
        expect_encrypted();
    }
}

/* A build without Argon2 says so. */
static bool is_declined(void)
{
    char why[PRIVATE_KEY_WHY_SIZE] = "";
    ssh_key key;

    read_file("out");
    private_key_read(buffer_data(&data), buffer_length(&data), "secret", 2048, &key, why);
    ssh_key_free(key);
    return strstr(why, "lacks Argon2") != NULL;
}

/* "p8", from OpenSSL, and "k.pub". */
static void make_pkcs8(size_t kind)
{
    static const char *const algorithms[KINDS] = {
        "ed25519", "EC -pkeyopt ec_paramgen_curve:P-256", "EC -pkeyopt ec_paramgen_curve:P-384",
        "EC -pkeyopt ec_paramgen_curve:P-521", "RSA -pkeyopt rsa_keygen_bits:2048"};
    char line[512];

    snprintf(line, sizeof line, "openssl genpkey -algorithm %s -out p8", algorithms[kind]);
    sh(line);
}

static void take_public_half(const char *name)
{
    char why[PRIVATE_KEY_WHY_SIZE] = "", path[128];
    char *base64;
    ssh_key key;

    read_file(name);
    if (private_key_read(buffer_data(&data), buffer_length(&data), NULL, 2048, &key, why) < 0)
        fail_msg("%s: %s", name, why);
    assert_int_equal(ssh_pki_export_pubkey_base64(key, &base64), SSH_OK);
    snprintf(path, sizeof path, "%s/k.pub", directory);
    FILE *file = fopen(path, "w");
    fprintf(file, "%s %s\n",
            ssh_key_type(key) == SSH_KEYTYPE_RSA ? "ssh-rsa"
                                                 : ssh_key_type_to_char(ssh_key_type(key)),
            base64);
    fclose(file);
    ssh_string_free_char(base64);
    ssh_key_free(key);
}

static void pkcs8(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        make_pkcs8(i);
        take_public_half("p8");
        /* What OpenSSL itself says of the public half. */
        if (i != ED25519) {
            sh("chmod 600 p8; ssh-keygen -y -f p8 > k.pub");
            expect_key("p8", NULL);
        }
        sh("openssl pkcs8 -topk8 -in p8 -out out -v2 aes-256-cbc -passout pass:secret");
        expect_encrypted();
    }
}

static void pkcs12(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        make_pkcs8(i);
        take_public_half("p8");
        sh("openssl req -x509 -key p8 -subj /CN=host -days 2 -out c.pem &&"
           "openssl pkcs12 -export -inkey p8 -in c.pem -out out -passout pass:secret");
        expect_encrypted();
        sh("openssl pkcs12 -export -inkey p8 -in c.pem -out out -passout pass:");
        expect_key("out", NULL);
    }
    /* As older programs do: the certificate with RC2, the key with triple DES. */
    if (try_sh(
            "openssl pkcs12 -export -legacy -inkey p8 -in c.pem -out out -passout pass:secret") ==
        0)
        expect_encrypted();
    sh("openssl pkcs12 -export -nomac -keypbe NONE -certpbe NONE -inkey p8 -in c.pem -out out "
       "-passout pass:");
    expect_key("out", NULL);
    sh("openssl pkcs12 -export -nomac -inkey p8 -in c.pem -out out -passout pass:secret");
    expect_key("out", "secret");
    expect_fault("out", "Secret", "could not be decrypted");
    sh("openssl pkcs12 -export -nokeys -in c.pem -out out -passout pass:secret");
    expect_fault("out", "secret", "holds no private key");
}

static void putty(void **state)
{
    (void)state;
    if (try_sh("puttygen --version") != 0)
        skip();
    sh("echo secret > secret; : > empty");
    for (size_t i = 0; i < KINDS; i++) {
        make_key(i);
        for (int version = 2; version <= 3; version++) {
            char line[256];
            snprintf(line, sizeof line,
                     "rm -f out; puttygen k -O private -o out --new-passphrase empty "
                     "--ppk-param version=%d && grep -q 'File-%d' out",
                     version, version);
            sh(line);
            expect_key("out", NULL);
            sh("sed -i 's/$/\\r/' out");
            expect_key("out", NULL);
            sh("sed -i 's/^Comment: ./Comment: X/' out");
            expect_fault("out", NULL, "damaged");
            snprintf(line, sizeof line,
                     "rm -f out; puttygen k -O private -o out --new-passphrase secret "
                     "--ppk-param version=%d && grep -q aes256-cbc out",
                     version);
            sh(line);
            if (version == 2 || !is_declined())
                expect_encrypted();
        }
    }
}

static void jwk(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        make_key(i);
        sh(JWK);
        expect_key("out", NULL);
    }
}

static void what_is_no_private_key_is_told_apart(void **state)
{
    static const char *const texts[][2] = {
        {"", "is empty"},
        {"hello\n", "in no form known here"},
        {"{}", "no JSON Web Key"},
        {"{\"kty\": ", "not valid JSON"},
        {"{\"kty\": \"RSA\", \"n\": \"AQAB\"}", "public key"},
        {"{\"kty\": \"oct\", \"d\": \"AQAB\"}", "kind that cannot be a host key"},
        {"{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"d\": \"AQAB\", \"x\": \"AQAB\"}",
         "missing or"},
        {"PuTTY-User-Key-File-1: ssh-rsa\n", "version other than 2 and 3"},
        {"PuTTY-User-Key-File-2: ssh-rsa\n", "damaged"},
        {"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
         "damaged"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_fault_in(texts[i][0], strlen(texts[i][0]), NULL, texts[i][1]);
    expect_fault_in("\x30\x03\x02\x01\x00", 5, NULL, "in no form known here");
    make_key(ED25519);
    expect_fault("k.pub", NULL, "is a public key");
    sh("ssh-keygen -e -f k.pub > out");
    expect_fault("out", NULL, "is a public key");
    sh("ssh-keygen -q -s k -h -I host -n host k.pub");
    expect_fault("k-cert.pub", NULL, "is a certificate");
    sh("openssl req -x509 -newkey rsa:2048 -nodes -keyout p8 -subj /CN=host -days 2 -out c.pem");
    expect_fault("c.pem", NULL, "is a certificate");
    sh("openssl pkey -in p8 -pubout -out out");
    expect_fault("out", NULL, "is a public key");
    sh("ssh-keygen -y -f p8 > k.pub; cat c.pem p8 > out");
    expect_key("out", NULL);
}

static void keys_that_no_client_should_trust_are_refused(void **state)
{
    (void)state;
    sh("ssh-keygen -q -N '' -t rsa -b 1024 -f small");
    expect_fault("small", NULL, "1024 bits");
    sh("ssh-keygen -q -N '' -t dsa -f dsa");
    expect_fault("dsa", NULL, "DSA");
    sh("ssh-keygen -q -p -P '' -N '' -m PEM -f dsa");
    expect_fault("dsa", NULL, "DSA");
    sh("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out out");
    expect_fault("out", NULL, "kind that cannot be a host key");
    sh("openssl genpkey -algorithm ed448 -out out");
    expect_fault("out", NULL, "kind that cannot be a host key");
}

/* The private half of one key with the public half of another. */
static void halves_that_do_not_match_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i += RSA) {
        make_key(i);
        sh(JWK "\nmv out one; rm k k.pub");
        make_key(i);
        sh(JWK
           "\n/usr/bin/python3 -c \"import json; a = json.load(open('one')); "
           "b = json.load(open('out')); k = 'd'; a[k] = b[k]; json.dump(a, open('out', 'w'))\"");
        expect_fault("out", NULL, "missing or wrong");
    }
}

/* A cut is never taken for a key, and nothing is read past it. */
static void what_is_cut_off_is_refused(void **state)
{
    (void)state;
    make_key(ED25519);
    sh(JWK "\nputtygen k -O private -o ppk; openssl genpkey -algorithm ed25519 -out p8");
    static const char *const names[] = {"k", "out", "ppk", "p8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        read_file(names[i]);
        for (size_t len = 0; len + 8 < buffer_length(&data); len += 3)
            expect_fault_in(buffer_data(&data), len, NULL, "");
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(openssh),
        TEST(pem),
        TEST(pkcs8),
        TEST(pkcs12),
        TEST(putty),
        TEST(jwk),
        TEST(what_is_no_private_key_is_told_apart),
        TEST(keys_that_no_client_should_trust_are_refused),
        TEST(halves_that_do_not_match_are_refused),
        TEST(what_is_cut_off_is_refused),
    };
    ssh_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    ssh_finalize();
    return rc;
}
