/* The first bytes of a connection: found and read whole, in pieces, and when they are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "session/proposal.h"

static const char *const names[] = {
    "curve25519-sha256,kex-strict-c-v00@openssh.com",
    "ssh-ed25519",
    "chacha20-poly1305@openssh.com,aes128-ctr",
    "aes256-gcm@openssh.com",
    "hmac-sha2-256-etm@openssh.com,hmac-sha2-256",
    "hmac-sha1",
    "none",
    "zlib@openssh.com",
    "",
    "de",
};

static struct buffer bytes;

static int setup(void **state)
{
    (void)state;
    bytes = (struct buffer){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buffer_release(&bytes);
    return 0;
}

static void put_packet(const struct buffer *payload)
{
    static const char padding[8];

    wire_put_u32(&bytes, (uint32_t)buffer_length(payload) + 1 + sizeof padding);
    wire_put_u8(&bytes, sizeof padding);
    buffer_append(&bytes, buffer_data(payload), buffer_length(payload));
    buffer_append(&bytes, padding, sizeof padding);
}

static void make_payload(struct buffer *payload, const char *kex)
{
    wire_put_u8(payload, 20);
    for (int i = 0; i < 16; i++)
        wire_put_u8(payload, 0xc0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        wire_put_cstring(payload, i == 0 ? kex : names[i]);
    wire_put_u8(payload, 1);
    wire_put_u32(payload, 0);
}

static void put_kexinit(const char *kex)
{
    struct buffer payload = {0};

    make_payload(&payload, kex);
    put_packet(&payload);
    buffer_release(&payload);
}

static void put_small_packet(uint8_t number)
{
    struct buffer payload = {0};

    wire_put_u8(&payload, number);
    wire_put_cstring(&payload, "whatever");
    put_packet(&payload);
    buffer_release(&payload);
}

static int find(struct proposal_hello *hello)
{
    return proposal_find(buffer_data(&bytes), buffer_length(&bytes), hello);
}

static int read_payload(const struct proposal_hello *hello, struct proposal *proposal)
{
    struct wire_reader reader;

    wire_reader_init(&reader, hello->payload.data, (size_t)hello->payload.len);
    return proposal_read(&reader, proposal);
}

static void put_text(const char *text)
{
    buffer_append(&bytes, text, strlen(text));
}

static void version_and_lists_are_read(void **state)
{
    struct proposal_hello hello;
    struct proposal proposal;

    (void)state;
    put_text("SSH-2.0-x y\r\n");
    put_kexinit(names[0]);
    assert_int_equal(find(&hello), 0);
    assert_true(str_is(hello.version, "SSH-2.0-x y"));
    assert_int_equal(read_payload(&hello, &proposal), 0);
    const struct sp_str lists[] = {
        proposal.lists.kex,
        proposal.lists.host_keys,
        proposal.lists.ciphers_in,
        proposal.lists.ciphers_out,
        proposal.lists.macs_in,
        proposal.lists.macs_out,
        proposal.lists.compression_in,
        proposal.lists.compression_out,
        proposal.lists.languages_in,
        proposal.lists.languages_out,
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(str_is(lists[i], names[i]));
    assert_int_equal(proposal.lists.strict_kex, 1);
    assert_int_equal(proposal.lists.first_kex_follows, 1);
    proposal_release(&proposal);
}

/* The text's MD5 by another tool: printf '%s' '…' | md5sum */
static void fingerprint_is_the_one_that_tools_know(void **state)
{
    struct proposal_hello hello;
    struct proposal proposal;

    (void)state;
    put_text("SSH-2.0-x\n");
    put_kexinit("curve25519-sha256");
    assert_int_equal(find(&hello), 0);
    assert_int_equal(read_payload(&hello, &proposal), 0);
    assert_true(str_is(proposal.lists.hassh_text,
                       "curve25519-sha256;chacha20-poly1305@openssh.com,aes128-ctr;"
                       "hmac-sha2-256-etm@openssh.com,hmac-sha2-256;none"));
    assert_true(str_is(proposal.lists.hassh, "3da75873a722350d289f4051d6b2d87c"));
    assert_int_equal(proposal.lists.strict_kex, 0);
    proposal_release(&proposal);
}

static void every_beginning_asks_for_more_and_for_no_more_than_there_is(void **state)
{
    struct proposal_hello hello;

    (void)state;
    put_text("SSH-2.0-x\r\n");
    put_kexinit(names[0]);
    for (size_t length = 0; length < buffer_length(&bytes); length++) {
        char *part = malloc(length ? length : 1);
        assert_non_null(part);
        memcpy(part, buffer_data(&bytes), length);
        assert_int_equal(proposal_find(part, length, &hello), SP_ERR_AGAIN);
        assert_true(hello.needed > length);
        assert_true(hello.needed <= buffer_length(&bytes));
        assert_int_equal(hello.payload.len, 0);
        free(part);
    }
    put_text("what follows is not looked at");
    assert_int_equal(find(&hello), 0);
}

static void what_may_stand_anywhere_may_stand_before_it(void **state)
{
    struct proposal_hello hello;

    (void)state;
    put_text("SSH-2.0-x\r\n");
    put_small_packet(2);
    put_small_packet(4);
    assert_int_equal(find(&hello), SP_ERR_AGAIN);
    put_kexinit(names[0]);
    assert_int_equal(find(&hello), 0);
    assert_true(hello.payload.len > 100);
}

static void other_messages_are_no_proposal(void **state)
{
    static const uint8_t numbers[] = {0, 5, 21, 30, 50, 80, 255};
    struct proposal_hello hello;

    (void)state;
    for (size_t i = 0; i < sizeof numbers; i++) {
        put_text("SSH-2.0-x\r\n");
        put_small_packet(numbers[i]);
        put_kexinit(names[0]);
        assert_int_equal(find(&hello), SP_ERR_FORMAT);
        buffer_release(&bytes);
    }
    put_text("SSH-2.0-x\r\n");
    put_small_packet(1);
    assert_int_equal(find(&hello), SP_ERR_CLOSED);
}

static void lines_that_are_no_version_are_refused_early(void **state)
{
    static const char *const wrong[] = {
        "G", "SSX", "ssh-2.0-x\n", "\n", "SSH-2.0-\x1b[31m\n", "SSH-2.0-x\ry\n"};
    struct proposal_hello hello;
    char longest[300];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(proposal_find(wrong[i], strlen(wrong[i]), &hello), SP_ERR_FORMAT);
    assert_int_equal(proposal_find("SSH-2.0-\0\n", 10, &hello), SP_ERR_FORMAT);
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "SSH-", 4);
    assert_int_equal(proposal_find(longest, 254, &hello), SP_ERR_AGAIN);
    assert_int_equal(proposal_find(longest, 255, &hello), SP_ERR_LIMIT);
    longest[254] = '\n';
    assert_int_equal(proposal_find(longest, 300, &hello), SP_ERR_LIMIT); /* "xxxx" as a length */
}

static void packets_past_the_bound_are_refused_by_their_header(void **state)
{
    static const uint8_t sizes[][4] = {{0, 1, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0xff, 0xff}};
    struct proposal_hello hello;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put_text("SSH-2.0-x\r\n");
        buffer_append(&bytes, sizes[i], 4);
        buffer_append(&bytes, "\x04\x14", 2);
        assert_int_equal(find(&hello), SP_ERR_LIMIT);
        buffer_release(&bytes);
    }
    put_text("SSH-2.0-x\r\n");
    for (int i = 0; i < 4000; i++)
        put_small_packet(2);
    assert_int_equal(find(&hello), SP_ERR_LIMIT);
}

static void impossible_lengths_are_refused(void **state)
{
    /* length, padding: no room for a number; less padding than there must be */
    static const uint8_t headers[][6] = {
        {0, 0, 0, 0, 0, 20}, {0, 0, 0, 5, 4, 20}, {0, 0, 0, 12, 11, 20}, {0, 0, 0, 12, 3, 20}};
    struct proposal_hello hello;

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        put_text("SSH-2.0-x\r\n");
        buffer_append(&bytes, headers[i], sizeof headers[i]);
        assert_int_equal(find(&hello), SP_ERR_FORMAT);
        buffer_release(&bytes);
    }
}

static void payload_that_ends_early_is_malformed(void **state)
{
    struct buffer payload = {0};
    struct proposal proposal;
    struct wire_reader reader;

    (void)state;
    make_payload(&payload, names[0]);
    for (size_t length = 0; length < buffer_length(&payload) - 1; length++) {
        wire_reader_init(&reader, (const char *)buffer_data(&payload) + 1, length);
        assert_int_equal(proposal_read(&reader, &proposal), SP_ERR_FORMAT);
        proposal_release(&proposal);
    }
    wire_reader_init(&reader, (const char *)buffer_data(&payload) + 1, buffer_length(&payload) - 1);
    assert_int_equal(proposal_read(&reader, &proposal), 0);
    proposal_release(&proposal);
    buffer_release(&payload);
}

static struct sp_str text(const char *string)
{
    return (struct sp_str){string, strlen(string)};
}

static void the_clients_first_choice_that_we_know_is_agreed_on(void **state)
{
    (void)state;
    assert_true(str_is(proposal_agree(text("x,b,a"), "a,b"), "b"));
    assert_true(str_is(proposal_agree(text("ab,a"), "abc,a"), "a"));
    assert_true(str_is(proposal_agree(text("x"), "a"), ""));
    assert_true(str_is(proposal_agree(text(",,"), "a,,b"), ""));
    assert_true(str_is(proposal_agree(text(""), ""), ""));
}

static void weak_is_what_removed_packets_harm(void **state)
{
    static const char ciphers[] = "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-ctr,"
                                  "aes128-cbc";
    static const char macs[] = "hmac-sha2-256-etm@openssh.com,hmac-sha2-256";
    const struct {
        const char *cipher, *mac, *weak;
    } rows[] = {
        {"chacha20-poly1305@openssh.com", "", "chacha20-poly1305@openssh.com"},
        {"aes256-gcm@openssh.com,chacha20-poly1305@openssh.com", "", ""},
        {"nonsense,chacha20-poly1305@openssh.com", "", "chacha20-poly1305@openssh.com"},
        {"aes128-ctr", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"},
        {"aes128-cbc", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"},
        {"aes128-ctr", "hmac-sha2-256,hmac-sha2-256-etm@openssh.com", ""},
        {"aes256-gcm@openssh.com", "hmac-sha2-256-etm@openssh.com", ""},
        {"aes256-ctr", "hmac-sha2-256-etm@openssh.com", ""}, /* none of ours */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(str_is(proposal_weak(text(rows[i].cipher), text(rows[i].mac), ciphers, macs),
                           rows[i].weak));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(version_and_lists_are_read),
        TEST(fingerprint_is_the_one_that_tools_know),
        TEST(every_beginning_asks_for_more_and_for_no_more_than_there_is),
        TEST(what_may_stand_anywhere_may_stand_before_it),
        TEST(other_messages_are_no_proposal),
        TEST(lines_that_are_no_version_are_refused_early),
        TEST(packets_past_the_bound_are_refused_by_their_header),
        TEST(impossible_lengths_are_refused),
        TEST(payload_that_ends_early_is_malformed),
        TEST(the_clients_first_choice_that_we_know_is_agreed_on),
        TEST(weak_is_what_removed_packets_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
