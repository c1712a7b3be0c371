/* The integrity self-test: sound ciphers pass, and what cannot be negotiated is not proved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libssh/libssh.h>

#include "session/selftest.h"

static void aead_ciphers_refuse_a_flipped_bit(void **state)
{
    (void)state;
    assert_true(selftest_integrity("aes256-gcm@openssh.com"));
    assert_true(selftest_integrity("aes128-gcm@openssh.com"));
    assert_true(selftest_integrity("chacha20-poly1305@openssh.com"));
}

static void an_unknown_cipher_is_not_proved(void **state)
{
    (void)state;
    assert_false(selftest_integrity("no-such-cipher@example.org"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aead_ciphers_refuse_a_flipped_bit),
        cmocka_unit_test(an_unknown_cipher_is_not_proved),
    };
    ssh_init();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    ssh_finalize();
    return rc;
}
