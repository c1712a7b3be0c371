/*
 * fuzz_extensions.c: the bodies of the extensions' requests, and their replies. The first byte
 * chooses the decoder and the version; the rest is the body. No field may lie outside it, and what
 * a reply is made of comes back from it.
 */
#include <stdlib.h>
#include <string.h>

#include "sftp/codec_extensions.h"
#include "sftp/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition)
        abort();
}

static sftp_decoder *const decoders[] = {
    sftp_get_check_file_name,
    sftp_get_check_file_handle,
    sftp_get_md5_hash,
    sftp_get_md5_hash_handle,
    sftp_get_vendor_id,
    sftp_get_translation_control,
    sftp_get_copy_data,
    sftp_get_users_groups,
    sftp_get_realpath,
    sftp_get_link,
    sftp_get_block,
    sftp_get_unblock,
    sftp_get_two_paths,
    sftp_get_posix_rename,
    sftp_get_path_attributes_nofollow,
};
#define DECODERS (sizeof decoders / sizeof decoders[0])

static void check_inside(struct sp_str text, const uint8_t *body, size_t size)
{
    const uint8_t *start = (const uint8_t *)text.data;
    check(text.len == 0 ||
          (start >= body && start <= body + size && text.len <= (uint64_t)(body + size - start)));
}

/* Names of the numbers, as many as fit: the reply is one message with a name for each. */
static void reply_to_principals(const struct sftp_message *message)
{
    static struct sp_fs_principal principals[SFTP_IDS_MAX];
    uint64_t users = message->users.len / 4, groups = message->groups.len / 4;
    struct buffer reply = {0};
    struct wire_reader reader;
    if (users + groups > SFTP_IDS_MAX)
        return;
    for (uint64_t i = 0; i < users + groups; i++)
        principals[i].name = i % 2 ? message->users : message->groups; /* any bytes, any length */
    check(sftp_put_principals(&reply, 1, principals, users, groups) == 0);
    check(buffer_length(&reply) <= SFTP_PACKET_MAX);
    wire_reader_init(&reader, buffer_data(&reply), buffer_length(&reply));
    check(wire_get_u32(&reader) == buffer_length(&reply) - 4);
    wire_get_u8(&reader);
    wire_get_u32(&reader);
    for (int list = 0; list < 2; list++) {
        struct sp_str names = wire_get_string(&reader);
        struct wire_reader inner;
        wire_reader_init(&inner, names.data, (size_t)names.len);
        for (uint64_t i = 0; i < (list ? groups : users); i++)
            wire_get_string(&inner);
        check(wire_at_end(&inner));
    }
    check(wire_at_end(&reader));
    buffer_release(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const uint8_t *body = data + 1;
    struct sftp_dialect dialect = {.version = 3 + data[0] / DECODERS % 4};
    struct sftp_message message = {0};
    struct wire_reader reader;
    wire_reader_init(&reader, body, size - 1);
    sftp_decoder *decode = decoders[data[0] % DECODERS];
    decode(&reader, &dialect, &message);
    if (!wire_ok(&reader))
        return 0;
    bool is_md5 = decode == sftp_get_md5_hash || decode == sftp_get_md5_hash_handle;
    const struct sp_str texts[] = {message.path,    message.target,   message.handle,
                                   message.data,    message.users,    message.groups,
                                   message.compose, message.handle_to};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_inside(texts[i], body, size - 1);
    if (is_md5)
        check(sftp_digest_choose(message.words) == SFTP_DIGEST_MD5);
    else
        check_inside(message.words, body, size - 1);
    check(sftp_digest_choose(message.words) <= SFTP_DIGEST_COUNT);
    struct sp_str part;
    size_t parts = 0;
    for (struct sp_str left = message.compose; sftp_next_composed(&left, &part); parts++)
        check_inside(part, body, size - 1);
    check(parts <= size / 4);
    if (decode == sftp_get_users_groups)
        reply_to_principals(&message);
    return 0;
}
