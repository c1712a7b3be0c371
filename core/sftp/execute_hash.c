/*
 * execute_hash.c: the extensions that compute digests: check-file-handle (or check-file),
 * check-file-name, md5-hash and md5-hash-handle. See execute.h. Reactor thread.
 *
 * A provider that knows a digest is asked for it. Else the file is read in pieces, each hashed
 * here, with other work of the loop after each; one file at a time for a connection (hash_turn.h),
 * so that a client gets no more of the processor by asking more. The work ends with its channel.
 *
 * By name: the file is opened to read, hashed through a handle that the client never sees, and
 * closed.
 */
#include <stdlib.h>
#include <string.h>

#include "sftp/codec_extensions.h"
#include "sftp/digest.h"
#include "sftp/engine.h"
#include "sftp/execute.h"
#include "sftp/hash_turn.h"

#define OFFSET_LIMIT ((uint64_t)INT64_MAX)
#define BLOCK_SIZE_MIN 256u
#define QUICK_CHECK_BYTES 2048u /* of the range's start go into md5-hash's quick check */
#define MD5_BYTES 16u

struct hash {
    struct sftp_hash_turn turn;
    struct sftp_request *request;
    struct sftp_account *account;
    enum sftp_digest_kind kind;
    struct sftp_digest *digest;
    uint64_t length;     /* of the range that is being hashed; OFFSET_LIMIT: to the end */
    uint64_t block_done; /* bytes of the current block */
    bool is_quick_check; /* the range is only the start of what was asked for */
    bool has_failed;
    struct buffer digests;
};

static struct hash *hash_of(struct sftp_request *request)
{
    return request->own;
}

static void hash_free(struct sftp_request *request)
{
    struct hash *hash = hash_of(request);
    sftp_hash_turn_leave(hash->account, &hash->turn);
    /* Its turn may just have come, as the channel went. */
    reactor_task_cancel(request->engine->tree->reactor, &request->again);
    sftp_digest_free(hash->digest);
    buffer_release(&hash->digests);
    free(hash);
}

static bool is_md5_hash(const struct sftp_request *request)
{
    return request->operation == sftp_operation(SFTP_OP_MD5_HASH) ||
           request->operation == sftp_operation(SFTP_OP_MD5_HASH_HANDLE);
}

/* --- answers ------------------------------------------------------------------------------- */

static void reply_digests(struct sftp_request *request, struct sp_str digests)
{
    struct buffer *message = sftp_scratch();
    uint32_t id = request->message.id;
    bool has_name = request->operation == sftp_operation(SFTP_OP_CHECK_FILE);
    const char *algorithm = sftp_digest_name(hash_of(request)->kind);
    int rc = is_md5_hash(request) ? sftp_put_md5_hash(message, id, digests)
                                  : sftp_put_check_file(message, id, has_name, algorithm, digests);
    sftp_request_message(request, message, rc);
}

static void fail(struct sftp_request *request, const char *text)
{
    sftp_request_status(request, SP_FS_FAILURE, text);
}

static void begin_range(struct sftp_request *request);

/* The digest of the first bytes is there. Equal: the rest is worth hashing. */
static void on_quick_checked(struct sftp_request *request)
{
    struct hash *hash = hash_of(request);
    struct sp_str expected = request->message.data;
    bool is_equal = memcmp(buffer_data(&hash->digests), expected.data, MD5_BYTES) == 0;
    buffer_consume(&hash->digests, buffer_length(&hash->digests));
    if (is_equal)
        request->next = begin_range;
    else
        reply_digests(request, (struct sp_str){"", 0});
}

/* --- pieces -------------------------------------------------------------------------------- */

static void end_block(struct hash *hash)
{
    uint8_t digest[SFTP_DIGEST_MAX];
    if (sftp_digest_end(hash->digest, digest) < 0 ||
        buffer_append(&hash->digests, digest, sftp_digest_size(hash->kind)) < 0)
        hash->has_failed = true;
    hash->block_done = 0;
}

static void add_piece(struct hash *hash, uint64_t block_size, const uint8_t *data, uint64_t length)
{
    while (length > 0) {
        uint64_t part = length;
        if (block_size > 0 && part > block_size - hash->block_done)
            part = block_size - hash->block_done;
        sftp_digest_add(hash->digest, data, (size_t)part);
        hash->block_done += part;
        data += part;
        length -= part;
        if (block_size > 0 && hash->block_done == block_size)
            end_block(hash);
    }
}

static void end_range(struct sftp_request *request)
{
    struct hash *hash = hash_of(request);
    if (request->message.block_size == 0 || hash->block_done > 0)
        end_block(hash);
    if (hash->has_failed)
        fail(request, "The digest could not be computed");
    else if (hash->is_quick_check)
        on_quick_checked(request);
    else
        reply_digests(request, (struct sp_str){(const char *)buffer_data(&hash->digests),
                                               buffer_length(&hash->digests)});
}

static void next_piece(struct sftp_request *request);

static void on_piece(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    struct hash *hash = hash_of(request);
    bool is_end = status == SP_FS_EOF || (status == SP_FS_OK && reply->count == 0);
    if (is_end) {
        end_range(request);
        return;
    }
    if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
        return;
    }
    if (reply->count > call->event.io.length) {
        fail(request, "The storage gave more than was asked for");
        return;
    }
    add_piece(hash, request->message.block_size, request->block->bytes, reply->count);
    request->done += reply->count;
    if (buffer_length(&hash->digests) > SFTP_DATA_MAX)
        sftp_request_status(request, SP_FS_INVALID_PARAMETER,
                            "Too many blocks for one answer: ask for a smaller part");
    else if (reply->eof || request->done == hash->length)
        end_range(request);
    else
        request->next = next_piece;
}

static void read_piece(struct sftp_request *request)
{
    uint64_t left = hash_of(request)->length - request->done;
    sftp_call_io(&request->call, request->handle->provider_handle,
                 request->message.offset + request->done, request->block->bytes,
                 left < SFTP_DATA_MAX ? left : SFTP_DATA_MAX);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_read, on_piece);
}

static void next_piece(struct sftp_request *request)
{
    sftp_request_yield(request, read_piece);
}

static void begin_pieces(struct sftp_request *request)
{
    if (!request->block)
        request->block = sftp_block_get(SFTP_DATA_MAX);
    if (request->block)
        read_piece(request);
    else
        fail(request, "Out of memory");
}

/* --- the provider's own -------------------------------------------------------------------- */

static void on_provider_hashed(struct sftp_call *call, uint32_t status,
                               const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OP_UNSUPPORTED)
        request->next = begin_pieces;
    else if (status != SP_FS_OK)
        sftp_request_answer(request, status, reply);
    else if (reply->data.len != sftp_digest_size(hash_of(request)->kind))
        fail(request, "The storage gave a digest of the wrong length");
    else
        reply_digests(request, reply->data);
}

/* The range that the client asked for, from its start. */
static void begin_range(struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    const struct sftp_mount *mount = request->handle->mount;
    struct hash *hash = hash_of(request);
    hash->is_quick_check = false;
    hash->length = message->length ? message->length : OFFSET_LIMIT - message->offset;
    request->done = 0;
    if (message->block_size > 0 || !mount->instance ||
        !plugin_instance_offers(mount->instance, PLUGIN_FS_hash)) {
        begin_pieces(request);
        return;
    }
    const char *name = sftp_digest_name(hash->kind);
    const struct sp_fs_hash event = {.handle = request->handle->provider_handle,
                                     .algorithm = {name, strlen(name)},
                                     .offset = message->offset,
                                     .length = message->length};
    sftp_call_hash(&request->call, &event);
    sftp_request_ask(request, request->handle->mount, PLUGIN_FS_hash, on_provider_hashed);
}

/* --- the start ----------------------------------------------------------------------------- */

static void begin(struct sftp_request *request)
{
    struct hash *hash = hash_of(request);
    if (request->message.data.len == 0) {
        begin_range(request);
        return;
    }
    hash->is_quick_check = true;
    if (hash->length > QUICK_CHECK_BYTES)
        hash->length = QUICK_CHECK_BYTES;
    begin_pieces(request);
}

static void on_turn(struct sftp_hash_turn *turn)
{
    struct hash *hash = container_of(turn, struct hash, turn);
    sftp_request_yield(hash->request, begin);
}

/* request->handle is open to be read. */
static void hash_handle(struct sftp_request *request)
{
    struct hash *hash = hash_of(request);
    if (sftp_hash_turn_join(hash->account, &hash->turn))
        begin(request);
}

/* False: refused already. */
static bool prepare(struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    enum sftp_digest_kind kind = sftp_digest_choose(message->words);
    const char *text = NULL;
    uint32_t status = SP_FS_INVALID_PARAMETER;
    if (message->offset > OFFSET_LIMIT || message->length > OFFSET_LIMIT - message->offset)
        text = "Offset out of range";
    else if (message->block_size != 0 && message->block_size < BLOCK_SIZE_MIN)
        text = "A block has at least 256 bytes";
    else if (message->data.len != 0 && message->data.len != MD5_BYTES)
        text = "The quick check is no MD5 digest";
    if (!text && kind == SFTP_DIGEST_COUNT) {
        status = SP_FS_OP_UNSUPPORTED;
        text = "None of these algorithms is known here";
    }
    struct hash *hash = text ? NULL : calloc(1, sizeof *hash);
    if (hash && !(hash->digest = sftp_digest_new(kind))) {
        free(hash);
        hash = NULL;
    }
    if (!hash) {
        sftp_request_status(request, text ? status : SP_FS_FAILURE,
                            text ? text : "The algorithm is not to be had now");
        return false;
    }
    list_init(&hash->turn.link);
    hash->turn.on_turn = on_turn;
    hash->request = request;
    hash->account = request->engine->account;
    hash->kind = kind;
    hash->length = message->length ? message->length : OFFSET_LIMIT - message->offset;
    request->own = hash;
    request->free_own = hash_free;
    return true;
}

void sftp_execute_hash_handle(struct sftp_request *request)
{
    if (prepare(request))
        hash_handle(request);
}

static void on_open(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    struct sftp_engine *engine = request->engine;
    if (status != SP_FS_OK) {
        sftp_handle_unreserve(engine);
        sftp_request_answer(request, status, reply);
        return;
    }
    struct sftp_handle *handle =
        sftp_handle_new(engine, SFTP_HANDLE_FILE, &request->place, SP_OPEN_READ, reply->handle);
    if (!handle) {
        /* The provider's handle is lost to us; there is no memory to close it with. */
        sftp_handle_unreserve(engine);
        fail(request, "Out of memory");
        return;
    }
    handle->is_told = true; /* hooks know nothing of it */
    /* Nobody can name it, and it is closed when the request, the only one to hold it, is gone. */
    sftp_handle_hold(handle);
    sftp_handle_retire(handle);
    request->handle = handle;
    /* What becomes of the name does not matter any more, and a hash takes long. */
    sftp_request_leave_queues(request);
    request->next = hash_handle;
}

void sftp_execute_hash_name(struct sftp_request *request)
{
    if (!prepare(request))
        return;
    if (!sftp_handle_reserve(request->engine)) {
        sftp_request_status(request, SP_FS_FAILURE, "Too many open files");
        return;
    }
    request->message.attributes =
        (struct sp_fs_attributes){.struct_size = sizeof request->message.attributes};
    sftp_call_create(&request->call, request->place.below, SP_OPEN_READ,
                     &request->message.attributes);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_open, on_open);
}
