/* The wire: attributes, status codes, long names, and which symlink argument comes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"
#include "sftp/attributes.h"
#include "sftp/codec.h"
#include "sftp/longname.h"
#include "sftp/status.h"

static struct sp_str str(const char *text)
{
    return (struct sp_str){text, strlen(text)};
}

static void attributes_survive_the_wire(void **state)
{
    (void)state;
    struct sp_fs_attributes out = {.struct_size = sizeof out,
                                   .valid = SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS |
                                            SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME,
                                   .size = 5000000000u,
                                   .uid = 1,
                                   .gid = 2,
                                   .mode = 0640,
                                   .access_time.seconds = 3,
                                   .modify_time.seconds = 4};
    struct buffer buffer = {0};
    assert_int_equal(sftp_attributes_put(&buffer, 3, &out, UINT32_MAX), 0);
    struct wire_reader reader;
    wire_reader_init(&reader, buffer_data(&buffer), buffer_length(&buffer));
    struct sp_fs_attributes in;
    struct sftp_attributes_source source;
    sftp_attributes_get(&reader, 3, &in, &source);
    assert_true(wire_at_end(&reader));
    assert_memory_equal(&in, &out, sizeof in);
    buffer_release(&buffer);
}

static void client_cannot_set_setuid_setgid_or_sticky(void **state)
{
    (void)state;
    const uint8_t wire[] = {0, 0, 0, 4, 0, 0, 0x8f, 0xff}; /* 0107777 */
    struct wire_reader reader;
    wire_reader_init(&reader, wire, sizeof wire);
    struct sp_fs_attributes in;
    struct sftp_attributes_source source;
    sftp_attributes_get(&reader, 3, &in, &source);
    assert_int_equal(in.mode, 0777);
}

static void times_beyond_32_bits_are_brought_to_the_end(void **state)
{
    (void)state;
    struct sp_fs_attributes out = {.struct_size = sizeof out,
                                   .valid = SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME,
                                   .access_time.seconds = -5,
                                   .modify_time.seconds = INT64_MAX};
    struct buffer buffer = {0};
    sftp_attributes_put(&buffer, 3, &out, UINT32_MAX);
    const uint8_t expected[] = {0, 0, 0, 8, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
    assert_int_equal(buffer_length(&buffer), sizeof expected);
    assert_memory_equal(buffer_data(&buffer), expected, sizeof expected);
    buffer_release(&buffer);
}

static void absurd_counts_of_extended_pairs_end_at_the_packets_end(void **state)
{
    (void)state;
    const uint8_t wire[] = {0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    struct wire_reader reader;
    wire_reader_init(&reader, wire, sizeof wire);
    struct sp_fs_attributes in;
    struct sftp_attributes_source source;
    sftp_attributes_get(&reader, 3, &in, &source);
    assert_false(wire_ok(&reader));
}

static void every_status_is_known_to_version_3_and_has_a_text(void **state)
{
    (void)state;
    for (uint32_t status = 0; status < SFTP_STATUS_COUNT; status++) {
        assert_true(sftp_status_for(status, 3) <= SP_FS_OP_UNSUPPORTED);
        assert_true(strlen(sftp_status_text(status)) > 0);
        if (status != SP_FS_OK)
            assert_int_not_equal(sftp_status_for(status, 3), SP_FS_OK);
    }
    assert_int_equal(sftp_status_for(SP_FS_QUOTA_EXCEEDED, 3), SP_FS_FAILURE);
    assert_int_equal(sftp_status_for(SP_FS_QUOTA_EXCEEDED, 6), SP_FS_QUOTA_EXCEEDED);
    assert_int_equal(sftp_status_for(SP_FS_WRITE_PROTECT, 3), SP_FS_PERMISSION_DENIED);
    assert_int_equal(sftp_status_for(4711, 3), SP_FS_FAILURE);
}

static void long_names_look_like_ls(void **state)
{
    (void)state;
    char line[SFTP_LONGNAME_FIELDS_MAX];
    struct sp_fs_attributes a = {.struct_size = sizeof a,
                                 .valid = SP_ATTR_SIZE | SP_ATTR_TYPE | SP_ATTR_PERMISSIONS |
                                          SP_ATTR_OWNER_IDS | SP_ATTR_MODIFY_TIME,
                                 .size = 1234,
                                 .type = SP_FILE_DIRECTORY,
                                 .mode = 01755,
                                 .uid = 1000,
                                 .gid = 100,
                                 .modify_time.seconds = 86400 * 45};
    size_t length = sftp_longname_fields(line, &a, 86400 * 365 * 20);
    assert_int_equal(length, strlen(line));
    assert_string_equal(line, "drwxr-xr-t   1 1000     100          1234 Feb 15  1970 ");
}

/* With the time for half a year, with the year before and after that. */
static void long_names_have_both_styles_of_dates(void **state)
{
    (void)state;
    const int64_t day = 86400, then = 20000 * day;
    struct sp_fs_attributes a = {.struct_size = sizeof a,
                                 .valid = SP_ATTR_MODIFY_TIME | SP_ATTR_OWNER_NAMES,
                                 .owner = {"alice", 5},
                                 .group = {"longer-than-eight", 17},
                                 .modify_time.seconds = then};
    char line[SFTP_LONGNAME_FIELDS_MAX];
    sftp_longname_fields(line, &a, then + 182 * day);
    assert_string_equal(line, "----------   1 alice    longer-than-eight        0 Oct  4 00:00 ");
    sftp_longname_fields(line, &a, then + 183 * day);
    assert_string_equal(line, "----------   1 alice    longer-than-eight        0 Oct  4  2024 ");
    sftp_longname_fields(line, &a, then - 1);
    assert_string_equal(line, "----------   1 alice    longer-than-eight        0 Oct  4  2024 ");
}

/* T65 */
static void long_names_hold_whatever_a_provider_says(void **state)
{
    (void)state;
    char line[SFTP_LONGNAME_FIELDS_MAX], name[1000];
    memset(name, 'u', sizeof name);
    struct sp_fs_attributes a = {.struct_size = sizeof a,
                                 .valid = UINT32_MAX,
                                 .size = UINT64_MAX,
                                 .type = 12345,
                                 .mode = UINT32_MAX,
                                 .link_count = UINT32_MAX,
                                 .owner = {name, sizeof name},
                                 .group = {"a b\nc", 5},
                                 .modify_time.seconds = INT64_MAX};
    size_t length = sftp_longname_fields(line, &a, 0);
    assert_int_equal(length, strlen(line));
    assert_true(length < sizeof line);
    assert_non_null(strstr(line, " a?b?c "));
    a.modify_time.seconds = INT64_MIN;
    assert_true(sftp_longname_fields(line, &a, INT64_MIN) < sizeof line);
}

static void symlink_order_goes_by_the_client(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server;
        bool link_first;
    } cases[] = {
        {"SSH-2.0-OpenSSH_9.2p1", "sallyport", false},
        {"SSH-2.0-paramiko_2.12.0", "sallyport", false},
        {"SSH-2.0-Erlang/5.0", "OpenSSH", true},
        {"SSH-2.0-AsyncSSH_2.14", "sallyport", true},
        {"SSH-2.0-AsyncSSH_2.14", "OpenSSH_9", false},
        {"SSH-2.0-libssh_0.10.6", "sallyport", true},
        {"", "", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sftp_dialect dialect;
        sftp_dialect_init(&dialect, str(cases[i].client), cases[i].server);
        assert_int_equal(dialect.symlink_has_link_first, cases[i].link_first);
    }
}

static void requests_cut_at_any_byte_are_malformed(void **state)
{
    (void)state;
    static sftp_decoder *const decoders[] = {
        sftp_get_open,      sftp_get_handle,       sftp_get_read,
        sftp_get_write,     sftp_get_stat,         sftp_get_fstat,
        sftp_get_rename,    sftp_get_symlink,      sftp_get_path_attributes,
        sftp_get_link,      sftp_get_block,        sftp_get_handle_attributes,
        sftp_get_unblock,   sftp_get_text_seek,    sftp_get_two_paths,
        sftp_get_copy_data, sftp_get_users_groups,
    };
    /* Strings of four bytes and numbers of zero: a whole message for each of them. */
    uint8_t wire[64];
    for (size_t i = 0; i < sizeof wire; i++)
        wire[i] = i % 8 == 3 ? 4 : 0;
    for (size_t i = 0; i < sizeof decoders / sizeof decoders[0] * 4; i++) {
        struct sftp_dialect dialect = {.version = 3 + (uint32_t)i % 4};
        size_t shortest = sizeof wire + 1;
        for (size_t length = 0; length <= sizeof wire; length++) {
            struct wire_reader reader;
            struct sftp_message message = {0};
            wire_reader_init(&reader, wire, length);
            decoders[i / 4](&reader, &dialect, &message);
            if (wire_ok(&reader) && length < shortest)
                shortest = length;
            assert_int_equal(wire_ok(&reader), length >= shortest);
        }
        assert_true(shortest >= 8 && shortest <= sizeof wire);
    }
}

int main(void)
{
    setenv("TZ", "UTC0", 1); /* of long names */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_survive_the_wire),
        cmocka_unit_test(client_cannot_set_setuid_setgid_or_sticky),
        cmocka_unit_test(times_beyond_32_bits_are_brought_to_the_end),
        cmocka_unit_test(absurd_counts_of_extended_pairs_end_at_the_packets_end),
        cmocka_unit_test(every_status_is_known_to_version_3_and_has_a_text),
        cmocka_unit_test(long_names_look_like_ls),
        cmocka_unit_test(long_names_have_both_styles_of_dates),
        cmocka_unit_test(long_names_hold_whatever_a_provider_says),
        cmocka_unit_test(symlink_order_goes_by_the_client),
        cmocka_unit_test(requests_cut_at_any_byte_are_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
