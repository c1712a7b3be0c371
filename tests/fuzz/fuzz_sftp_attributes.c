/*
 * fuzz_sftp_attributes.c: attributes as a provider may give them, whatever is in them, written in
 * each version and as a line of a list; then read back. The input fills the struct.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "sftp/acl.h"
#include "sftp/attributes.h"
#include "sftp/codec.h"
#include "sftp/longname.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

/* Texts: the input's bytes again, from a place on, with a length that it says. */
static struct sp_str take_text(struct wire_reader *reader)
{
    uint32_t length = wire_get_u8(reader);
    size_t left = wire_left(reader);
    struct sp_str text = {(const char *)reader->next, length < left ? length : left};
    return text;
}

static struct sp_time take_time(struct wire_reader *reader)
{
    return (struct sp_time){.seconds = (int64_t)wire_get_u64(reader),
                            .nanoseconds = wire_get_u32(reader) % 1000000000u};
}

static struct sp_fs_attributes take_attributes(struct wire_reader *reader, struct sp_pair *pair)
{
    struct sp_fs_attributes a = {.struct_size = sizeof a, .valid = wire_get_u32(reader)};
    a.type = wire_get_u8(reader);
    a.size = wire_get_u64(reader);
    a.allocation_size = wire_get_u64(reader);
    a.mode = wire_get_u32(reader);
    a.uid = wire_get_u32(reader);
    a.gid = wire_get_u32(reader);
    a.link_count = wire_get_u32(reader);
    a.bits = wire_get_u32(reader);
    a.bits_valid = wire_get_u32(reader);
    a.text_hint = wire_get_u8(reader);
    a.access_time = take_time(reader);
    a.modify_time = take_time(reader);
    a.create_time = take_time(reader);
    a.change_time = take_time(reader);
    a.owner = take_text(reader);
    a.group = take_text(reader);
    a.acl = take_text(reader);
    a.mime_type = take_text(reader);
    a.untranslated_name = take_text(reader);
    pair->name = take_text(reader);
    pair->value = take_text(reader);
    a.extended = pair;
    a.extended_count = 1;
    return a;
}

static void list(const struct sp_fs_attributes *a, struct sp_str name, uint32_t version)
{
    struct sftp_dialect dialect = {.version = version, .translates_names = true};
    struct sftp_listing listing = {0};
    CHECK(sftp_listing_begin(&listing, 1) == 0);
    for (uint32_t room = sftp_listing_room(&listing); room > 0; room--)
        CHECK(sftp_listing_add(&listing, &dialect, name, a, a->modify_time.seconds) == 0);
    CHECK(sftp_listing_end(&listing, &dialect, false) == 0);
    CHECK(buffer_length(&listing.buffer) - 4 <= SFTP_PACKET_MAX);
    buffer_release(&listing.buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_reader reader;
    struct sp_pair pair;
    wire_reader_init(&reader, data, size);
    struct sp_fs_attributes a = take_attributes(&reader, &pair);
    struct sp_str name = take_text(&reader);
    char line[SFTP_LONGNAME_FIELDS_MAX];
    uint8_t acl[SFTP_ACL_FROM_MODE_BYTES];
    CHECK(sftp_longname_fields(line, &a, 0) == strlen(line));
    CHECK(sftp_acl_from_mode(&a, acl).len <= sizeof acl);
    for (uint32_t version = 3; version <= 6; version++) {
        struct buffer buffer = {0};
        struct sp_fs_attributes again;
        struct sftp_attributes_source source;
        struct wire_reader back;
        CHECK(sftp_attributes_put(&buffer, version, &a, UINT32_MAX) == 0);
        wire_reader_init(&back, buffer_data(&buffer), buffer_length(&buffer));
        sftp_attributes_get(&back, version, &again, &source);
        CHECK(wire_at_end(&back));
        buffer_release(&buffer);
        list(&a, name, version);
    }
    return 0;
}
