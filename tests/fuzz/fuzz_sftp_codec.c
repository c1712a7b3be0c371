/*
 * fuzz_sftp_codec.c: the body of one request, read as each decoder and each version would. The
 * first two bytes choose them; what was understood must stay within the packet. Attributes are
 * kept, written in every version, and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "sftp/attributes.h"
#include "sftp/codec.h"
#include "sftp/codec_extensions.h"
#include "sftp/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static sftp_decoder *const decoders[] = {
    sftp_get_open,
    sftp_get_handle,
    sftp_get_read,
    sftp_get_write,
    sftp_get_path,
    sftp_get_stat,
    sftp_get_lstat,
    sftp_get_fstat,
    sftp_get_path_attributes,
    sftp_get_handle_attributes,
    sftp_get_rename,
    sftp_get_two_paths,
    sftp_get_symlink,
    sftp_get_link,
    sftp_get_block,
    sftp_get_unblock,
    sftp_get_text_seek,
    sftp_get_realpath,
    sftp_get_copy_data,
    sftp_get_users_groups,
    sftp_get_check_file_name,
    sftp_get_check_file_handle,
    sftp_get_md5_hash,
    sftp_get_md5_hash_handle,
    sftp_get_vendor_id,
    sftp_get_translation_control,
};

/* Every byte of it: the sanitizer sees whether it may be read. */
static void touch(struct sp_str text)
{
    volatile uint8_t sum = 0;
    for (uint64_t i = 0; i < text.len; i++)
        sum = (uint8_t)(sum + (uint8_t)text.data[i]);
}

static void touch_attributes(const struct sp_fs_attributes *a)
{
    touch(a->owner);
    touch(a->group);
    touch(a->acl);
    touch(a->mime_type);
    touch(a->untranslated_name);
    for (uint64_t i = 0; i < a->extended_count; i++) {
        touch(a->extended[i].name);
        touch(a->extended[i].value);
    }
}

/* What is written can be read again, and is the same when it is written once more. */
static void round_trip(const struct sp_fs_attributes *attributes)
{
    for (uint32_t version = 3; version <= 6; version++) {
        struct buffer first = {0}, second = {0};
        struct wire_reader reader;
        struct sp_fs_attributes again;
        struct sftp_attributes_source source;
        void *memory;
        CHECK(sftp_attributes_put(&first, version, attributes, UINT32_MAX) == 0);
        wire_reader_init(&reader, buffer_data(&first), buffer_length(&first));
        sftp_attributes_get(&reader, version, &again, &source);
        CHECK(wire_at_end(&reader));
        CHECK(sftp_attributes_keep(&again, &source, &memory) == 0);
        CHECK(sftp_attributes_put(&second, version, &again, UINT32_MAX) == 0);
        CHECK(buffer_length(&first) == buffer_length(&second));
        CHECK(memcmp(buffer_data(&first), buffer_data(&second), buffer_length(&first)) == 0);
        free(memory);
        buffer_release(&first);
        buffer_release(&second);
    }
}

static void list(const struct sftp_message *message, const struct sftp_dialect *dialect)
{
    struct sftp_listing listing = {0};
    struct sp_str name = message->path;
    if (name.len == 0 || name.len > SFTP_LISTED_NAME_MAX)
        return;
    CHECK(sftp_listing_begin(&listing, 1) == 0);
    uint32_t room = sftp_listing_room(&listing);
    while (room-- > 0)
        CHECK(sftp_listing_add(&listing, dialect, name, &message->attributes, 0) == 0);
    CHECK(sftp_listing_end(&listing, dialect, true) == 0);
    CHECK(buffer_length(&listing.buffer) - 4 <= SFTP_PACKET_MAX);
    buffer_release(&listing.buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct sftp_dialect dialect = {.version = 3 + data[0] % 4u,
                                   .symlink_has_link_first = data[0] & 4,
                                   .translates_names = data[0] & 8};
    struct sftp_message message = {0};
    struct wire_reader reader;
    wire_reader_init(&reader, data + 2, size - 2);
    decoders[data[1] % (sizeof decoders / sizeof decoders[0])](&reader, &dialect, &message);
    if (!wire_ok(&reader))
        return 0;
    const struct sp_str texts[] = {message.path,      message.target, message.handle,
                                   message.handle_to, message.data,   message.users,
                                   message.groups,    message.words,  message.compose};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        touch(texts[i]);
    for (struct sp_str part; sftp_next_composed(&message.compose, &part);)
        touch(part);
    sftp_is_utf8(message.path);
    void *memory;
    CHECK(sftp_attributes_keep(&message.attributes, &message.attributes_source, &memory) == 0);
    touch_attributes(&message.attributes);
    round_trip(&message.attributes);
    list(&message, &dialect);
    free(memory);
    return 0;
}
