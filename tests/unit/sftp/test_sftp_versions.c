/* Versions 4, 5 and 6 on the wire: attributes, flags, names; what older ones lack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wire.h"
#include "sftp/acl.h"
#include "sftp/attributes.h"
#include "sftp/codec.h"
#include "sftp/status.h"
#include "sftp/utf8.h"

static struct sp_str str(const char *text)
{
    return (struct sp_str){text, strlen(text)};
}

static bool same(struct sp_str a, struct sp_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, (size_t)a.len) == 0);
}

static const char acl[] = "\0\0\0\3" /* flags */
                          "\0\0\0\1" /* one entry */
                          "\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\6OWNER@";
static const struct sp_pair pairs[] = {{{"a@b", 3}, {"value", 5}}, {{"c@d", 3}, {"", 0}}};

static struct sp_fs_attributes full(void)
{
    return (struct sp_fs_attributes){
        .struct_size = sizeof(struct sp_fs_attributes),
        .valid = (SP_ATTR_EXTENDED << 1) - 1,
        .size = 5000000000u,
        .allocation_size = 5000003584u,
        .type = SP_FILE_FIFO,
        .mode = 0640,
        .uid = 7,
        .gid = 8,
        .link_count = 3,
        .bits = 0x812,
        .bits_valid = 0x817,
        .text_hint = 2,
        .access_time = {.seconds = -1, .nanoseconds = 5},
        .modify_time = {.seconds = 1ll << 40, .nanoseconds = 6},
        .create_time = {.seconds = 3, .nanoseconds = 999999999},
        .change_time = {.seconds = 4},
        .owner = {"alice", 5},
        .group = {"staff", 5},
        .acl = {acl, sizeof acl - 1},
        .mime_type = {"text/plain", 10},
        .untranslated_name = {"\xe9t\xe9", 3},
        .extended = pairs,
        .extended_count = 2,
    };
}

/* What of it a version has. */
static uint32_t known(uint32_t version)
{
    static const uint32_t since[] = {
        [4] = SP_ATTR_SIZE | SP_ATTR_OWNER_NAMES | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |
              SP_ATTR_CREATE_TIME | SP_ATTR_MODIFY_TIME | SP_ATTR_ACL | SP_ATTR_EXTENDED,
        [5] = SP_ATTR_BITS,
        [6] = SP_ATTR_ALLOCATION_SIZE | SP_ATTR_CHANGE_TIME | SP_ATTR_TEXT_HINT |
              SP_ATTR_MIME_TYPE | SP_ATTR_LINK_COUNT | SP_ATTR_UNTRANSLATED_NAME};
    if (version == 3)
        return SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |
               SP_ATTR_MODIFY_TIME | SP_ATTR_EXTENDED;
    uint32_t mask = 0;
    for (uint32_t i = 4; i <= version; i++)
        mask |= since[i];
    return mask;
}

static void expect_same_time(struct sp_time in, struct sp_time out)
{
    assert_int_equal(in.seconds, out.seconds);
    assert_int_equal(in.nanoseconds, out.nanoseconds);
}

static void expect_same(const struct sp_fs_attributes *in, const struct sp_fs_attributes *out,
                        uint32_t version)
{
    assert_int_equal(in->valid, known(version));
    assert_int_equal(in->size, out->size);
    assert_int_equal(in->mode, out->mode);
    assert_int_equal(in->extended_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(same(in->extended[i].name, pairs[i].name));
        assert_true(same(in->extended[i].value, pairs[i].value));
    }
    if (version == 3) {
        assert_int_equal(in->uid, out->uid);
        assert_int_equal(in->gid, out->gid);
        return;
    }
    assert_true(same(in->owner, out->owner));
    assert_true(same(in->group, out->group));
    expect_same_time(in->access_time, out->access_time);
    expect_same_time(in->modify_time, out->modify_time);
    expect_same_time(in->create_time, out->create_time);
    assert_int_equal(in->acl.len, out->acl.len);
    assert_int_equal(in->acl.data[3], version < 6 ? 0 : 3); /* flags came with 6 */
    assert_memory_equal(in->acl.data + 4, out->acl.data + 4, (size_t)in->acl.len - 4);
    if (version >= 5)
        assert_int_equal(in->bits, version == 5 ? 0x12 : 0x812);
    if (version == 5)
        assert_int_equal(in->bits_valid, SFTP_BITS_5);
    if (version < 6)
        return;
    assert_int_equal(in->bits_valid, out->bits_valid);
    assert_int_equal(in->allocation_size, out->allocation_size);
    expect_same_time(in->change_time, out->change_time);
    assert_int_equal(in->text_hint, out->text_hint);
    assert_true(same(in->mime_type, out->mime_type));
    assert_int_equal(in->link_count, out->link_count);
    assert_true(same(in->untranslated_name, out->untranslated_name));
}

/* They are kept beyond the packet, and cut anywhere they are malformed. */
static void attributes_survive_the_wire_in_every_version(void **state)
{
    (void)state;
    for (uint32_t version = 3; version <= 6; version++) {
        struct sp_fs_attributes out = full(), in;
        struct sftp_attributes_source source;
        struct buffer buffer = {0};
        struct wire_reader reader;
        void *memory;
        assert_int_equal(sftp_attributes_put(&buffer, version, &out, UINT32_MAX), 0);
        size_t length = buffer_length(&buffer);
        for (size_t cut = 0; cut < length; cut++) {
            uint8_t *part = malloc(cut + 1); /* so that a read past the end is seen */
            memcpy(part, buffer_data(&buffer), cut);
            part = realloc(part, cut ? cut : 1);
            wire_reader_init(&reader, part, cut);
            sftp_attributes_get(&reader, version, &in, &source);
            assert_false(wire_ok(&reader));
            free(part);
        }
        wire_reader_init(&reader, buffer_data(&buffer), length);
        sftp_attributes_get(&reader, version, &in, &source);
        assert_true(wire_at_end(&reader));
        assert_int_equal(sftp_attributes_keep(&in, &source, &memory), 0);
        memset(buffer_data(&buffer), 0x55, length);
        expect_same(&in, &out, version);
        free(memory);
        buffer_release(&buffer);
    }
}

static void expect_time(struct wire_reader *reader, struct sp_time time)
{
    assert_int_equal(wire_get_u64(reader), (uint64_t)time.seconds);
    assert_int_equal(wire_get_u32(reader), time.nanoseconds);
}

/* What both ways agree on may still be wrong: field by field, as draft 13 has them. */
static void attributes_are_in_the_order_of_the_draft(void **state)
{
    (void)state;
    struct sp_fs_attributes a = full();
    struct buffer buffer = {0};
    struct wire_reader reader;
    assert_int_equal(sftp_attributes_put(&buffer, 6, &a, UINT32_MAX), 0);
    wire_reader_init(&reader, buffer_data(&buffer), buffer_length(&buffer));
    assert_int_equal(wire_get_u32(&reader), 0x8000fffd);
    assert_int_equal(wire_get_u8(&reader), SP_FILE_FIFO);
    assert_int_equal(wire_get_u64(&reader), a.size);
    assert_int_equal(wire_get_u64(&reader), a.allocation_size);
    assert_true(same(wire_get_string(&reader), a.owner));
    assert_true(same(wire_get_string(&reader), a.group));
    assert_int_equal(wire_get_u32(&reader), a.mode);
    expect_time(&reader, a.access_time);
    expect_time(&reader, a.create_time);
    expect_time(&reader, a.modify_time);
    expect_time(&reader, a.change_time);
    assert_true(same(wire_get_string(&reader), a.acl));
    assert_int_equal(wire_get_u32(&reader), a.bits & a.bits_valid);
    assert_int_equal(wire_get_u32(&reader), a.bits_valid);
    assert_int_equal(wire_get_u8(&reader), a.text_hint);
    assert_true(same(wire_get_string(&reader), a.mime_type));
    assert_int_equal(wire_get_u32(&reader), a.link_count);
    assert_true(same(wire_get_string(&reader), a.untranslated_name));
    assert_int_equal(wire_get_u32(&reader), 2);
    assert_true(same(wire_get_string(&reader), pairs[0].name));
    assert_true(same(wire_get_string(&reader), pairs[0].value));
    buffer_release(&buffer);
}

static void nothing_to_keep_needs_no_memory(void **state)
{
    (void)state;
    struct sp_fs_attributes a = {.struct_size = sizeof a, .valid = SP_ATTR_SIZE};
    struct sftp_attributes_source source = {{NULL, 0}, false};
    void *memory = &a;
    assert_int_equal(sftp_attributes_keep(&a, &source, &memory), 0);
    assert_null(memory);
}

/* The attributes of a reply, read back as bytes: flags, type, owner, group. */
static void put_owner(uint32_t version, const struct sp_fs_attributes *a, struct buffer *buffer,
                      struct wire_reader *reader)
{
    assert_int_equal(sftp_attributes_put(buffer, version, a, UINT32_MAX), 0);
    wire_reader_init(reader, buffer_data(buffer), buffer_length(buffer));
    assert_int_equal(wire_get_u32(reader) & 0x80, 0x80);
    wire_get_u8(reader);
}

static void owners_without_names_are_numbers_written_out(void **state)
{
    (void)state;
    struct sp_fs_attributes a = {.struct_size = sizeof a,
                                 .valid = SP_ATTR_OWNER_IDS | SP_ATTR_OWNER_NAMES,
                                 .uid = UINT32_MAX,
                                 .gid = 0,
                                 .group = {"wheel", 5}};
    struct buffer buffer = {0};
    struct wire_reader reader;
    put_owner(4, &a, &buffer, &reader);
    assert_true(same(wire_get_string(&reader), str("4294967295")));
    assert_true(same(wire_get_string(&reader), str("wheel")));
    buffer_consume(&buffer, buffer_length(&buffer));
    a.valid = SP_ATTR_OWNER_IDS;
    put_owner(6, &a, &buffer, &reader);
    wire_get_string(&reader);
    assert_true(same(wire_get_string(&reader), str("0")));
    assert_true(wire_at_end(&reader));
    buffer_release(&buffer);
}

static struct sp_fs_attributes get_owner(const char *owner, const char *group)
{
    struct sp_fs_attributes a;
    struct sftp_attributes_source source;
    struct buffer buffer = {0};
    struct wire_reader reader;
    wire_put_u32(&buffer, 0x80);
    wire_put_u8(&buffer, SP_FILE_REGULAR);
    wire_put_cstring(&buffer, owner);
    wire_put_cstring(&buffer, group);
    wire_reader_init(&reader, buffer_data(&buffer), buffer_length(&buffer));
    sftp_attributes_get(&reader, 5, &a, &source);
    assert_true(wire_at_end(&reader));
    buffer_release(&buffer);
    return a;
}

static void owners_that_are_numbers_are_told_as_both(void **state)
{
    (void)state;
    struct sp_fs_attributes a = get_owner("1000", "0");
    assert_int_equal(a.valid, SP_ATTR_OWNER_NAMES | SP_ATTR_OWNER_IDS);
    assert_int_equal(a.uid, 1000);
    assert_int_equal(a.gid, 0);
    static const char *const names[] = {"alice", "", "-1", "4294967295", "99999999999", "1x"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(get_owner(names[i], "5").valid, SP_ATTR_OWNER_NAMES);
}

static void version_4_has_no_kinds_of_special_files(void **state)
{
    (void)state;
    struct sp_fs_attributes a = {.struct_size = sizeof a, .valid = SP_ATTR_TYPE};
    for (uint32_t type = 0; type < 12; type++) {
        bool is_known = type >= SP_FILE_REGULAR && type <= SP_FILE_FIFO;
        a.type = type;
        for (uint32_t version = 4; version <= 6; version++) {
            struct buffer buffer = {0};
            uint32_t expected = is_known ? type : SP_FILE_UNKNOWN;
            if (version == 4 && expected > SP_FILE_UNKNOWN)
                expected = SP_FILE_SPECIAL;
            assert_int_equal(sftp_attributes_put(&buffer, version, &a, UINT32_MAX), 0);
            assert_int_equal(buffer_length(&buffer), 5);
            assert_int_equal(buffer_data(&buffer)[4], expected);
            buffer_release(&buffer);
        }
    }
}

static void attributes_that_no_version_has_are_malformed_from_4_on(void **state)
{
    (void)state;
    static const uint8_t wire[] = {0, 1, 0, 0, 1};
    for (uint32_t version = 3; version <= 6; version++) {
        struct sp_fs_attributes a;
        struct sftp_attributes_source source;
        struct wire_reader reader;
        wire_reader_init(&reader, wire, sizeof wire);
        sftp_attributes_get(&reader, version, &a, &source);
        assert_int_equal(wire_ok(&reader), version == 3);
    }
}

static void nanoseconds_past_a_second_are_brought_to_its_end(void **state)
{
    (void)state;
    static const uint8_t wire[] = {0, 0, 1, 8, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xff};
    struct sp_fs_attributes a;
    struct sftp_attributes_source source;
    struct wire_reader reader;
    wire_reader_init(&reader, wire, sizeof wire);
    sftp_attributes_get(&reader, 6, &a, &source);
    assert_true(wire_at_end(&reader));
    assert_int_equal(a.access_time.seconds, 9);
    assert_int_equal(a.access_time.nanoseconds, 999999999);
}

/* Version 4 does not have the time that they would be of. */
static void no_time_no_nanoseconds(void **state)
{
    (void)state;
    struct sp_fs_attributes a = {.struct_size = sizeof a, .valid = SP_ATTR_CHANGE_TIME};
    struct buffer buffer = {0};
    static const uint8_t nothing[] = {0, 0, 0, 0, SP_FILE_UNKNOWN};
    assert_int_equal(sftp_attributes_put(&buffer, 4, &a, UINT32_MAX), 0);
    assert_int_equal(buffer_length(&buffer), sizeof nothing);
    assert_memory_equal(buffer_data(&buffer), nothing, sizeof nothing);
    buffer_release(&buffer);
}

static void wide_texts_and_lists_do_not_pass_the_bounds(void **state)
{
    (void)state;
    char *wide = malloc(100000);
    memset(wide, 'x', 100000);
    const struct sp_str text = {wide, 100000};
    const struct sp_pair pair = {text, text};
    struct sp_fs_attributes a = full();
    a.owner = a.group = a.mime_type = a.untranslated_name = a.acl = text;
    a.extended = &pair;
    a.extended_count = 1;
    for (uint32_t version = 4; version <= 6; version++) {
        struct buffer buffer = {0};
        assert_int_equal(sftp_attributes_put(&buffer, version, &a, UINT32_MAX), 0);
        assert_true(buffer_length(&buffer) <= SFTP_ATTRIBUTES_LISTED_MAX);
        buffer_release(&buffer);
    }
    free(wide);
}

/* --- open, lock, rename, realpath ---------------------------------------------------------- */

static void open_flags_mean_what_the_drafts_say(void **state)
{
    (void)state;
    static const struct {
        uint32_t version, access, wire, status, flags;
    } cases[] = {
        {3, 0, 0x01, SP_FS_OK, SP_OPEN_READ},
        {3, 0, 0x1a, SP_FS_OK, SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE},
        {4, 0, 0x45, SP_FS_OK, SP_OPEN_READ | SP_OPEN_APPEND | SP_OPEN_TEXT},
        {5, 1, 2, SP_FS_OK, SP_OPEN_READ},
        {5, 2, 0, SP_FS_OK, SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_EXCLUSIVE},
        {5, 3, 1, SP_FS_OK, SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE},
        {5, 2, 3, SP_FS_OK, SP_OPEN_WRITE | SP_OPEN_CREATE},
        {5, 2, 4, SP_FS_OK, SP_OPEN_WRITE | SP_OPEN_TRUNCATE},
        {5, 2, 5, SP_FS_INVALID_PARAMETER, 0},
        {5, 6, 0xa, SP_FS_OK, SP_OPEN_WRITE | SP_OPEN_APPEND},
        {5, 6, 0x12, SP_FS_OK, SP_OPEN_WRITE | SP_OPEN_APPEND},
        {5, 4, 2, SP_FS_OK, SP_OPEN_WRITE | SP_OPEN_APPEND},
        {5, 1, 0x402, SP_FS_OP_UNSUPPORTED, SP_OPEN_READ},
        {6, 1, 0x402, SP_FS_OK, SP_OPEN_READ | SP_OPEN_NOFOLLOW},
        {6, 1, 0x822, SP_FS_OK, SP_OPEN_READ | SP_OPEN_TEXT | SP_OPEN_DELETE_ON_CLOSE},
        {6, 1, 0x3c2, SP_FS_OK,
         SP_OPEN_READ | SP_OPEN_BLOCK_READ | SP_OPEN_BLOCK_WRITE | SP_OPEN_BLOCK_DELETE |
             SP_OPEN_BLOCK_ADVISORY},
        {6, 1, 0x2002, SP_FS_OP_UNSUPPORTED, SP_OPEN_READ},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t flags = 0, version = cases[i].version;
        uint32_t status = version < 5
                              ? sftp_open_flags(cases[i].wire, &flags)
                              : sftp_open_access(version, cases[i].access, cases[i].wire, &flags);
        assert_int_equal(status, cases[i].status);
        assert_int_equal(flags, cases[i].flags);
    }
}

static void what_open_takes_is_what_is_told(void **state)
{
    (void)state;
    uint32_t access, wire, flags;
    for (uint32_t version = 5; version <= 6; version++) {
        sftp_open_supported(version, UINT32_MAX, &access, &wire);
        for (uint32_t bit = 8; bit; bit <<= 1)
            assert_int_equal(sftp_open_access(version, access, bit | 2, &flags) == SP_FS_OK,
                             (wire & bit) != 0);
    }
    sftp_open_supported(6, SP_OPEN_READ | SP_OPEN_APPEND, &access, &wire);
    assert_int_equal(wire, 0x1f);
}

static void locks_are_some_of_opens_flags(void **state)
{
    (void)state;
    uint32_t flags;
    assert_true(sftp_lock_flags(0x3c0, &flags));
    assert_int_equal(flags, SP_LOCK_READ | SP_LOCK_WRITE | SP_LOCK_DELETE | SP_LOCK_ADVISORY);
    assert_true(sftp_lock_flags(0x80, &flags));
    assert_int_equal(flags, SP_LOCK_WRITE);
    assert_false(sftp_lock_flags(0x20, &flags));
    assert_int_equal(sftp_lock_combinations(0), 1);
    assert_int_equal(sftp_lock_combinations(SP_LOCK_READ | SP_LOCK_WRITE), 0xf);
    assert_int_equal(sftp_lock_combinations(SP_LOCK_WRITE), 0x5);
    assert_int_equal(sftp_lock_combinations(0xf), 0xffff);
}

static struct sftp_message decode(sftp_decoder *decoder, uint32_t version, struct buffer *body)
{
    struct sftp_dialect dialect = {.version = version};
    struct sftp_message message = {0};
    struct wire_reader reader;
    wire_reader_init(&reader, buffer_data(body), buffer_length(body));
    decoder(&reader, &dialect, &message);
    assert_true(wire_ok(&reader));
    return message;
}

static void renames_have_flags_from_5_on(void **state)
{
    (void)state;
    struct buffer body = {0};
    wire_put_cstring(&body, "a");
    wire_put_cstring(&body, "b");
    assert_int_equal(decode(sftp_get_rename, 4, &body).flags, 0);
    wire_put_u32(&body, 2);
    assert_int_equal(decode(sftp_get_rename, 5, &body).flags,
                     SP_RENAME_ATOMIC | SP_RENAME_OVERWRITE);
    wire_set_u32(&body, 10, 0xfffffffc);
    assert_int_equal(decode(sftp_get_rename, 6, &body).flags, SP_RENAME_NATIVE);
    buffer_release(&body);
}

static void realpath_takes_paths_to_add_from_6_on(void **state)
{
    (void)state;
    struct buffer body = {0};
    struct sp_str path;
    wire_put_cstring(&body, "/a");
    assert_int_equal(decode(sftp_get_realpath, 5, &body).check, SFTP_CHECK_DEFAULT);
    assert_int_equal(decode(sftp_get_realpath, 6, &body).check, SFTP_CHECK_NOTHING);
    wire_put_u8(&body, 3);
    wire_put_cstring(&body, "b");
    wire_put_cstring(&body, "../c");
    assert_int_equal(decode(sftp_get_realpath, 5, &body).check, SFTP_CHECK_DEFAULT);
    struct sftp_message message = decode(sftp_get_realpath, 6, &body);
    assert_int_equal(message.check, SFTP_CHECK_ALWAYS);
    assert_int_equal(message.refusal, SP_FS_OK);
    assert_true(sftp_next_composed(&message.compose, &path) && same(path, str("b")));
    assert_true(sftp_next_composed(&message.compose, &path) && same(path, str("../c")));
    assert_false(sftp_next_composed(&message.compose, &path));
    buffer_data(&body)[6] = 4;
    assert_int_equal(decode(sftp_get_realpath, 6, &body).refusal, SP_FS_INVALID_PARAMETER);
    buffer_release(&body);
}

static void links_are_hard_or_symbolic(void **state)
{
    (void)state;
    struct buffer body = {0};
    wire_put_cstring(&body, "new");
    wire_put_cstring(&body, "old");
    wire_put_u8(&body, 1);
    struct sftp_message message = decode(sftp_get_link, 6, &body);
    assert_true(message.is_symbolic);
    assert_true(same(message.path, str("new")) && same(message.target, str("old")));
    buffer_data(&body)[14] = 0;
    message = decode(sftp_get_link, 6, &body);
    assert_false(message.is_symbolic);
    assert_true(same(message.path, str("old")) && same(message.target, str("new")));
    buffer_release(&body);
}

/* --- names --------------------------------------------------------------------------------- */

static void utf8_is_told_from_what_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"\xc3\xa9t\xc3\xa9", NULL},
        {"\xf0\x9f\x98\x80", NULL},
        {"\xe9", "\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"a\xe2\x82", "a\xef\xbf\xbd\xef\xbf\xbd"}, /* cut */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[64];
        const char *shown = cases[i].shown ? cases[i].shown : cases[i].text;
        assert_int_equal(sftp_is_utf8(str(cases[i].text)), strcmp(shown, cases[i].text) == 0);
        assert_true(same(sftp_utf8_from(str(cases[i].text), out), str(shown)));
    }
}

static void only_version_6_has_a_name_beside_the_name(void **state)
{
    (void)state;
    struct sp_fs_attributes a = {.struct_size = sizeof a, .valid = SP_ATTR_SIZE, .size = 1};
    for (uint32_t version = 3; version <= 6; version++)
        for (int translates = 0; translates < 2; translates++) {
            struct sftp_dialect dialect = {.version = version, .translates_names = translates};
            struct sftp_listing listing = {0};
            struct wire_reader reader;
            bool is_shown = version == 6 && translates;
            assert_int_equal(sftp_listing_begin(&listing, 1), 0);
            assert_int_equal(sftp_listing_add(&listing, &dialect, str("\xe9"), &a, 0), 0);
            assert_int_equal(sftp_listing_end(&listing, &dialect, true), 0);
            wire_reader_init(&reader, buffer_data(&listing.buffer) + 13,
                             buffer_length(&listing.buffer) - 13);
            assert_true(same(wire_get_string(&reader), str(is_shown ? "\xef\xbf\xbd" : "\xe9")));
            if (version == 3)
                wire_get_string(&reader);
            assert_int_equal(wire_get_u32(&reader), is_shown ? 0x4201 : 0x1);
            if (version >= 4)
                wire_get_u8(&reader);
            wire_get_u64(&reader);
            if (is_shown) {
                assert_int_equal(wire_get_u32(&reader), SFTP_BIT_TRANSLATION_ERROR);
                assert_int_equal(wire_get_u32(&reader), SFTP_BIT_TRANSLATION_ERROR);
                assert_true(same(wire_get_string(&reader), str("\xe9")));
            }
            if (version == 6)
                assert_true(wire_get_bool(&reader)); /* the last entries */
            assert_true(wire_at_end(&reader));
            buffer_release(&listing.buffer);
        }
}

/* They are used again, with other names behind them. */
static void paths_are_never_translated(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0, 0,   0,    20, SFTP_NAME, 0, 0, 0,
                                       7, 0,   0,    0,  1,         0, 0, 0,
                                       2, '/', 0xe9, 0,  0,         0, 0, SP_FILE_UNKNOWN};
    struct sftp_dialect dialect = {.version = 6, .translates_names = true};
    struct buffer buffer = {0};
    assert_int_equal(sftp_put_name(&buffer, &dialect, 7, str("/\xe9"), NULL), 0);
    assert_int_equal(buffer_length(&buffer), sizeof expected);
    assert_memory_equal(buffer_data(&buffer), expected, sizeof expected);
    buffer_release(&buffer);
}

/* As many as there is room for, each as long as one can be. */
static void listings_stay_within_a_packet(void **state)
{
    (void)state;
    char wide[SFTP_LISTED_NAME_MAX];
    memset(wide, 0xff, sizeof wide);
    struct sp_fs_attributes a = full();
    a.owner = a.group = a.mime_type = (struct sp_str){wide, sizeof wide};
    static const size_t lengths[] = {SFTP_LISTED_NAME_MAX, 255};
    for (uint32_t version = 3; version <= 6; version++)
        for (size_t i = 0; i < 2; i++) {
            struct sftp_dialect dialect = {.version = version, .translates_names = true};
            struct sftp_listing listing = {0};
            assert_int_equal(sftp_listing_begin(&listing, 1), 0);
            assert_true(sftp_listing_room(&listing) >= 100);
            for (uint32_t room; (room = sftp_listing_room(&listing)) > 0;)
                for (; room > 0; room--)
                    assert_int_equal(sftp_listing_add(&listing, &dialect,
                                                      (struct sp_str){wide, lengths[i]}, &a, 0),
                                     0);
            assert_int_equal(sftp_listing_end(&listing, &dialect, false), 0);
            assert_true(buffer_length(&listing.buffer) - 4 <= SFTP_PACKET_MAX);
            buffer_release(&listing.buffer);
        }
}

/* --- status and ACL ------------------------------------------------------------------------ */

static void every_status_is_known_to_every_version(void **state)
{
    (void)state;
    static const uint32_t last[] = {[0] = 8, [3] = 8, [4] = 13, [5] = 17, [6] = 31};
    for (uint32_t version = 0; version <= 6; version = version ? version + 1 : 3)
        for (uint32_t status = 0; status < SFTP_STATUS_COUNT; status++) {
            uint32_t sent = sftp_status_for(status, version);
            assert_true(sent <= last[version]);
            assert_int_equal(sent == SP_FS_OK, status == SP_FS_OK);
            if (status <= last[version] && status != SP_FS_NO_CONNECTION &&
                status != SP_FS_CONNECTION_LOST)
                assert_int_equal(sent, status);
        }
    assert_int_equal(sftp_status_for(SP_FS_OWNER_INVALID, 5), SP_FS_UNKNOWN_PRINCIPAL);
    assert_int_equal(sftp_status_for(SP_FS_OWNER_INVALID, 4), SP_FS_FAILURE);
}

/* Who may read, write and run by the list: the first entry that speaks of it decides. */
static uint32_t allowed(struct sp_str list, const char *const *names)
{
    static const uint32_t rights[] = {0x1, 0x2, 0x20};
    uint32_t result = 0;
    for (int right = 0; right < 3; right++) {
        struct wire_reader reader;
        wire_reader_init(&reader, list.data, (size_t)list.len);
        wire_get_u32(&reader);
        uint32_t count = wire_get_u32(&reader);
        bool is_decided = false;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t type = wire_get_u32(&reader);
            wire_get_u32(&reader);
            uint32_t mask = wire_get_u32(&reader);
            struct sp_str who = wire_get_string(&reader);
            for (int n = 0; names[n]; n++)
                if (!is_decided && mask & rights[right] && same(who, str(names[n]))) {
                    is_decided = true;
                    result |= type == 0 ? 4u >> right : 0;
                }
        }
        assert_true(wire_at_end(&reader));
    }
    return result;
}

static void acls_say_what_the_mode_says(void **state)
{
    (void)state;
    static const char *const owner[] = {"OWNER@", "GROUP@", "EVERYONE@", NULL};
    static const char *const member[] = {"GROUP@", "EVERYONE@", NULL};
    static const char *const other[] = {"EVERYONE@", NULL};
    uint8_t out[SFTP_ACL_FROM_MODE_BYTES];
    struct sp_fs_attributes a = {.struct_size = sizeof a, .valid = SP_ATTR_PERMISSIONS};
    for (a.mode = 0; a.mode <= 0777; a.mode++) {
        struct sp_str list = sftp_acl_from_mode(&a, out);
        assert_true(list.len <= sizeof out);
        assert_int_equal(allowed(list, owner), a.mode >> 6);
        assert_int_equal(allowed(list, member), a.mode >> 3 & 7);
        assert_int_equal(allowed(list, other), a.mode & 7);
    }
}

static void an_acl_is_made_up_for_those_who_ask_for_one(void **state)
{
    (void)state;
    struct sp_fs_attributes a = {
        .struct_size = sizeof a, .valid = SP_ATTR_PERMISSIONS, .mode = 0600};
    struct sftp_dialect dialect = {.version = 6};
    struct buffer asked = {0}, usual = {0};
    assert_int_equal(
        sftp_put_attributes(&asked, &dialect, 1, &a, SP_ATTR_ACL | SP_ATTR_PERMISSIONS), 0);
    assert_int_equal(sftp_put_attributes(&usual, &dialect, 1, &a, 0), 0);
    assert_int_equal(buffer_data(&asked)[12], 0x44);
    assert_int_equal(buffer_data(&usual)[12], 0x04);
    buffer_release(&asked);
    buffer_release(&usual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_survive_the_wire_in_every_version),
        cmocka_unit_test(attributes_are_in_the_order_of_the_draft),
        cmocka_unit_test(nothing_to_keep_needs_no_memory),
        cmocka_unit_test(owners_without_names_are_numbers_written_out),
        cmocka_unit_test(owners_that_are_numbers_are_told_as_both),
        cmocka_unit_test(version_4_has_no_kinds_of_special_files),
        cmocka_unit_test(attributes_that_no_version_has_are_malformed_from_4_on),
        cmocka_unit_test(nanoseconds_past_a_second_are_brought_to_its_end),
        cmocka_unit_test(no_time_no_nanoseconds),
        cmocka_unit_test(wide_texts_and_lists_do_not_pass_the_bounds),
        cmocka_unit_test(open_flags_mean_what_the_drafts_say),
        cmocka_unit_test(what_open_takes_is_what_is_told),
        cmocka_unit_test(locks_are_some_of_opens_flags),
        cmocka_unit_test(renames_have_flags_from_5_on),
        cmocka_unit_test(realpath_takes_paths_to_add_from_6_on),
        cmocka_unit_test(links_are_hard_or_symbolic),
        cmocka_unit_test(utf8_is_told_from_what_is_none),
        cmocka_unit_test(only_version_6_has_a_name_beside_the_name),
        cmocka_unit_test(paths_are_never_translated),
        cmocka_unit_test(listings_stay_within_a_packet),
        cmocka_unit_test(every_status_is_known_to_every_version),
        cmocka_unit_test(acls_say_what_the_mode_says),
        cmocka_unit_test(an_acl_is_made_up_for_those_who_ask_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
