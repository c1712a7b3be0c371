/* Names of algorithms are judged by the library in use, and the complaint lists what it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "session/algorithms.h"

static struct config good(void)
{
    return (struct config){
        .file = (char *)(uintptr_t) "test.json",
        .algorithms =
            {
                .kex = (char *)(uintptr_t) "curve25519-sha256,ecdh-sha2-nistp256",
                .host_keys = (char *)(uintptr_t) "ssh-ed25519,rsa-sha2-512",
                .ciphers = (char *)(uintptr_t) "aes256-gcm@openssh.com,aes128-ctr",
                .macs = (char *)(uintptr_t) "hmac-sha2-256",
                .compression = (char *)(uintptr_t) "none",
                .public_keys = (char *)(uintptr_t) "ssh-ed25519,rsa-sha2-256",
            },
    };
}

static void accepts_what_the_library_has(void **state)
{
    struct config config = good();
    struct report report = {0};

    (void)state;
    assert_int_equal(session_check_algorithms(&config, &report), 0);
    assert_int_equal(report.count, 0);
}

static void names_each_unknown_algorithm_and_what_there_is(void **state)
{
    struct config config = good();
    struct report report = {0};

    (void)state;
    config.algorithms.ciphers = (char *)(uintptr_t) "aes128-ctr,rot13,none-cipher";
    config.algorithms.macs = (char *)(uintptr_t) "hmac-md4";
    assert_int_equal(session_check_algorithms(&config, &report), SP_ERR_INVALID);
    assert_int_equal(report.errors, 3);
    assert_string_equal(report.complaints[0].key, "/algorithms/ciphers");
    assert_non_null(strstr(report.complaints[0].text, "rot13"));
    assert_non_null(strstr(report.complaints[0].text, "aes256-gcm@openssh.com"));
    assert_non_null(strstr(report.complaints[1].text, "none-cipher"));
    assert_string_equal(report.complaints[2].key, "/algorithms/macs");
    report_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_the_library_has),
        cmocka_unit_test(names_each_unknown_algorithm_and_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
