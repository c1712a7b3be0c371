/* test_auth_packet.c: requests to authenticate taken apart: what is read, what is refused however
 * it is cut, and that the original's secrets are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "session/auth_packet.h"

static struct buffer out;

static void begin(const char *user, const char *service, const char *method)
{
    buffer_release(&out);
    wire_put_cstring(&out, user);
    wire_put_cstring(&out, service);
    wire_put_cstring(&out, method);
}

/* From memory of exactly that size, so that a sanitizer sees what reads or writes past it. */
static struct auth_packet *read_first(size_t length, bool is_response)
{
    struct wire_reader reader;
    unsigned char *exact = malloc(length ? length : 1);
    struct auth_packet *packet;

    memcpy(exact, buffer_data(&out), length);
    wire_reader_init(&reader, exact, length);
    packet = auth_packet_new(&reader, is_response);
    assert_non_null(packet);
    memcpy(buffer_data(&out), exact, length);
    free(exact);
    return packet;
}

static struct auth_packet *read_all(bool is_response)
{
    return read_first(buffer_length(&out), is_response);
}

static void assert_str(struct sp_str text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_string_equal(text.data, expected); /* a NUL follows */
}

static bool out_has(const char *text)
{
    return memmem(buffer_data(&out), buffer_length(&out), text, strlen(text)) != NULL;
}

static void a_password_is_read_and_wiped(void **state)
{
    (void)state;
    begin("alice", "ssh-connection", "password");
    wire_put_u8(&out, 0);
    wire_put_cstring(&out, "open sesame");
    struct auth_packet *packet = read_all(false);
    assert_null(packet->fault);
    assert_int_equal(packet->method, SP_METHOD_PASSWORD);
    assert_true(packet->has_user);
    assert_false(packet->is_change);
    assert_str(packet->user, "alice");
    assert_str(packet->password, "open sesame");
    assert_false(out_has("sesame"));
    assert_true(out_has("alice"));
    auth_packet_ref(packet);
    auth_packet_unref(packet);
    assert_str(packet->password, "open sesame");
    auth_packet_unref(packet);
    auth_packet_unref(NULL);
}

static void a_change_has_both_passwords(void **state)
{
    (void)state;
    begin("alice", "ssh-connection", "password");
    wire_put_u8(&out, 1);
    wire_put_cstring(&out, "old one");
    wire_put_cstring(&out, "new one");
    struct auth_packet *packet = read_all(false);
    assert_null(packet->fault);
    assert_true(packet->is_change);
    assert_str(packet->password, "old one");
    assert_str(packet->new_password, "new one");
    assert_false(out_has("old one") || out_has("new one"));
    auth_packet_unref(packet);

    begin("alice", "ssh-connection", "password");
    wire_put_u8(&out, 1);
    wire_put_cstring(&out, "old one");
    wire_put_cstring(&out, "");
    packet = read_all(false);
    assert_non_null(packet->fault);
    auth_packet_unref(packet);
}

static void what_holds_a_nul_is_refused(void **state)
{
    (void)state;
    begin("alice", "ssh-connection", "password");
    wire_put_u8(&out, 0);
    wire_put_string(&out, "a\0b", 3);
    struct auth_packet *packet = read_all(false);
    assert_non_null(packet->fault);
    auth_packet_unref(packet);

    buffer_release(&out);
    wire_put_string(&out, "al\0ice", 6);
    wire_put_cstring(&out, "ssh-connection");
    wire_put_cstring(&out, "none");
    packet = read_all(false);
    assert_non_null(packet->fault);
    assert_false(packet->has_user);
    auth_packet_unref(packet);

    buffer_release(&out);
    wire_put_u32(&out, 1);
    wire_put_string(&out, "\0", 1);
    packet = read_all(true);
    assert_non_null(packet->fault);
    auth_packet_unref(packet);
}

static void other_services_and_methods_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"ssh-userauth", "none"},
                                           {"", "none"},
                                           {"ssh-connection", "hostbased"},
                                           {"ssh-connection", ""},
                                           {"ssh-connection", "gssapi-with-mic"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin("alice", cases[i][0], cases[i][1]);
        struct auth_packet *packet = read_all(false);
        assert_non_null(packet->fault);
        auth_packet_unref(packet);
    }
}

static void put_key(bool is_signed, const char *algorithm, const char *signature_tail,
                    size_t tail_length)
{
    struct buffer blob = {0}, signature = {0};
    wire_put_cstring(&blob, algorithm);
    wire_put_cstring(&blob, "key");
    wire_put_cstring(&signature, algorithm);
    wire_put_cstring(&signature, "raw");
    buffer_append(&signature, signature_tail, tail_length);
    begin("alice", "ssh-connection", "publickey");
    wire_put_u8(&out, is_signed);
    wire_put_cstring(&out, algorithm);
    wire_put_string(&out, buffer_data(&blob), buffer_length(&blob));
    if (is_signed)
        wire_put_string(&out, buffer_data(&signature), buffer_length(&signature));
    buffer_release(&blob);
    buffer_release(&signature);
}

static void a_key_is_offered_or_signs(void **state)
{
    (void)state;
    put_key(false, "ssh-ed25519", "", 0);
    struct auth_packet *packet = read_all(false);
    assert_null(packet->fault);
    assert_false(packet->has_signature);
    assert_str(packet->algorithm, "ssh-ed25519");
    assert_int_equal(packet->key_type.len, 11);
    assert_int_equal(packet->key_blob.len, 4 + 11 + 4 + 3);
    auth_packet_unref(packet);

    put_key(true, "ssh-ed25519", "", 0);
    packet = read_all(false);
    assert_null(packet->fault);
    assert_true(packet->has_signature);
    assert_false(packet->is_hardware_key);
    assert_int_equal(packet->signature_algorithm.len, 11);
    auth_packet_unref(packet);

    put_key(true, "ssh-ed25519", "\1\0\0\0\7", 5);
    packet = read_all(false);
    assert_non_null(packet->fault); /* a tail */
    auth_packet_unref(packet);
}

static void a_hardware_key_tells_how_it_was_used(void **state)
{
    (void)state;
    static const struct {
        const char *tail;
        uint32_t flags;
    } cases[] = {{"\0\0\0\0\7", 0},
                 {"\1\0\0\0\7", SP_KEY_TOUCHED},
                 {"\4\0\0\0\7", SP_KEY_VERIFIED},
                 {"\5\0\0\0\7", SP_KEY_TOUCHED | SP_KEY_VERIFIED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_key(true, "sk-ssh-ed25519@openssh.com", cases[i].tail, 5);
        struct auth_packet *packet = read_all(false);
        assert_null(packet->fault);
        assert_true(packet->is_hardware_key);
        assert_int_equal(packet->key_flags, cases[i].flags);
        auth_packet_unref(packet);
        put_key(true, "sk-ssh-ed25519@openssh.com", cases[i].tail, 4);
        packet = read_all(false);
        assert_non_null(packet->fault);
        auth_packet_unref(packet);
    }
}

static void answers_are_bounded(void **state)
{
    (void)state;
    for (uint32_t count = 0; count <= AUTH_RESPONSES_MAX + 1; count++) {
        buffer_release(&out);
        wire_put_u32(&out, count);
        for (uint32_t i = 0; i < count; i++)
            wire_put_cstring(&out, "an answer");
        struct auth_packet *packet = read_all(true);
        assert_true(packet->is_response);
        if (count <= AUTH_RESPONSES_MAX) {
            assert_null(packet->fault);
            assert_int_equal(packet->responses_count, count);
            assert_false(out_has("an answer"));
        } else
            assert_non_null(packet->fault);
        for (uint32_t i = 0; i < packet->responses_count; i++)
            assert_str(packet->responses[i], "an answer");
        auth_packet_unref(packet);
    }
    buffer_release(&out);
    wire_put_u32(&out, UINT32_MAX);
    struct auth_packet *packet = read_all(true);
    assert_non_null(packet->fault);
    assert_int_equal(packet->responses_count, 0);
    auth_packet_unref(packet);
}

/* Each prefix of a request is refused, and nothing is read or written past it. */
static void what_is_cut_short_is_refused(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        if (kind == 0) {
            begin("alice", "ssh-connection", "password");
            wire_put_u8(&out, 1);
            wire_put_cstring(&out, "old one");
            wire_put_cstring(&out, "new one");
        } else if (kind == 1) {
            put_key(true, "sk-ssh-ed25519@openssh.com", "\1\0\0\0\7", 5);
        } else if (kind == 2) {
            begin("alice", "ssh-connection", "keyboard-interactive");
            wire_put_cstring(&out, "");
            wire_put_cstring(&out, "pam");
        } else {
            buffer_release(&out);
            wire_put_u32(&out, 2);
            wire_put_cstring(&out, "one");
            wire_put_cstring(&out, "two");
        }
        for (size_t length = 0; length < buffer_length(&out); length++) {
            struct auth_packet *packet = read_first(length, kind == 3);
            assert_non_null(packet->fault);
            auth_packet_unref(packet);
        }
    }
}

static int drop(void **state)
{
    (void)state;
    buffer_release(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_read_and_wiped),
        cmocka_unit_test(a_change_has_both_passwords),
        cmocka_unit_test(what_holds_a_nul_is_refused),
        cmocka_unit_test(other_services_and_methods_are_refused),
        cmocka_unit_test(a_key_is_offered_or_signs),
        cmocka_unit_test(a_hardware_key_tells_how_it_was_used),
        cmocka_unit_test(answers_are_bounded),
        cmocka_unit_test(what_is_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, drop);
}
