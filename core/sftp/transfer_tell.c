/*
 * transfer_tell.c: the end of a transfer: how large the file is and its hash, where that is not
 * known from its bytes as they passed; then the log's line and the hooks. See transfer.h.
 *
 * One at a time for each connection, so that all is told in order. A file is hashed in pieces, each
 * after other work of the loop; when too many wait, or the worker ends, no hash is waited for. All
 * of it goes on when the channel, or the connection, is gone.
 */
#include "sftp/transfer_private.h"

#include <stdlib.h>
#include <string.h>

#include <sallyport/sftp.h>

#include "base/log.h"
#include "sftp/sftp.h"

#define WAITING_MAX 256u /* while a hash is read */

static _Thread_local uint32_t pending;
static _Thread_local bool is_in_haste;

bool sftp_transfers_are_pending(void)
{
    return pending > 0;
}

void sftp_transfers_hurry(void)
{
    is_in_haste = true;
}

/* --- telling ------------------------------------------------------------------------------- */

struct telling {
    struct sftp_transfer *transfer;
    size_t left;
    struct tell {
        struct plugin_call call;
        struct sp_sftp_transfer event;
        struct telling *telling;
    } tells[];
};

static void on_told(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    (void)call, (void)verdict, (void)reply;
}

static void wake_waiters(struct sftp_account *account)
{
    struct list *node;
    while (!sftp_transfers_are_behind(account) && (node = list_take_first(&account->waiters))) {
        struct sftp_waiter *waiter = container_of(node, struct sftp_waiter, link);
        waiter->on_room(waiter);
    }
}

static void on_tell_released(struct plugin_call *call)
{
    struct telling *telling = container_of(call, struct tell, call)->telling;
    struct sftp_account *account = telling->transfer->account;
    account->told--;
    if (--telling->left == 0) {
        sftp_transfer_free(telling->transfer);
        free(telling);
    }
    wake_waiters(account);
    sftp_account_unref(account);
}

static struct sp_str str_of(const char *text)
{
    return (struct sp_str){text, strlen(text)};
}

static struct sp_sftp_transfer event_of(const struct sftp_transfer *transfer)
{
    const bool has_hash = transfer->hash_length > 0;
    return (struct sp_sftp_transfer){
        .head = {.struct_size = sizeof(struct sp_sftp_transfer),
                 .connection = transfer->tree->connection},
        .channel = transfer->channel,
        .kind = transfer->kind,
        .protocol = transfer->protocol,
        .path = str_of(transfer->path),
        .opened_path = str_of(transfer->opened_path),
        .mount = str_of(transfer->mount ? transfer->mount->config->path : ""),
        .file = transfer->file,
        .size = transfer->size,
        .bytes_read = transfer->bytes_read,
        .bytes_written = transfer->bytes_written,
        .started_ms = transfer->started_ms,
        .duration_ns = transfer->duration_ns,
        .hash_algorithm = str_of(has_hash ? sftp_digest_name(transfer->hash_kind) : ""),
        .hash = {(const char *)transfer->hash, transfer->hash_length},
        .text = str_of(transfer->text)};
}

/* The transfer goes with its last call. */
static void tell_hooks(struct sftp_transfer *transfer)
{
    struct sftp_account *account = transfer->account;
    const size_t count = account->hooks_count;
    struct telling *telling =
        count > 0 ? calloc(1, sizeof *telling + count * sizeof telling->tells[0]) : NULL;
    if (!telling) {
        if (count > 0)
            log_error("sftp.transfer_untold", LOG_U64("conn", account->connection),
                      LOG_TEXT("path", transfer->path), LOG_TEXT("reason", "out of memory"));
        sftp_transfer_free(transfer);
        return;
    }
    telling->transfer = transfer;
    telling->left = count;
    account->told += (uint32_t)count;
    account->references += (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct tell *tell = &telling->tells[i];
        tell->telling = telling;
        tell->event = event_of(transfer);
        tell->call = (struct plugin_call){.instance = account->hooks[i],
                                          .operation = PLUGIN_SFTP_transfer,
                                          .event = &tell->event.head,
                                          .strands = transfer->tree->strands,
                                          .on_done = on_told,
                                          .on_release = on_tell_released};
        plugin_call_start(&tell->call); /* the last one may free it all */
    }
}

static void write_hash(const struct sftp_transfer *transfer, char out[2 * SFTP_DIGEST_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    size_t length = 0;
    for (size_t i = 0; i < transfer->hash_length; i++) {
        out[length++] = digits[transfer->hash[i] >> 4];
        out[length++] = digits[transfer->hash[i] & 15];
    }
    out[length] = '\0';
}

static void write_log(const struct sftp_transfer *transfer)
{
    const struct sp_str user = transfer->tree->connection->user;
    const uint64_t conn = transfer->account->connection;
    const uint64_t duration_ms = transfer->duration_ns / 1000000u;
    char hash[2 * SFTP_DIGEST_MAX + 1];
    if (transfer->kind == SP_SFTP_UPLOAD_ABORTED) {
        log_info("sftp.upload_aborted", LOG_U64("conn", conn), LOG_STR("user", user),
                 LOG_TEXT("path", transfer->path), LOG_U64("size", transfer->size),
                 LOG_U64("duration_ms", duration_ms), LOG_TEXT("reason", transfer->text));
        return;
    }
    write_hash(transfer, hash);
    log_info(transfer->kind == SP_SFTP_UPLOADED ? "sftp.uploaded" : "sftp.downloaded",
             LOG_U64("conn", conn), LOG_STR("user", user), LOG_TEXT("path", transfer->path),
             LOG_U64("size", transfer->size), LOG_U64("duration_ms", duration_ms),
             LOG_TEXT("hash", hash));
}

static void leave(struct sftp_transfer *transfer)
{
    list_remove(&transfer->link);
    transfer->account->ended_count--;
    pending--;
    sftp_account_unref(transfer->account); /* work() has another */
}

static void tell(struct sftp_transfer *transfer)
{
    leave(transfer);
    write_log(transfer);
    tell_hooks(transfer);
}

static void tell_nothing(struct sftp_transfer *transfer)
{
    leave(transfer);
    sftp_transfer_free(transfer);
}

/* --- steps --------------------------------------------------------------------------------- */

/* A step sets next, or makes a call whose answer does. */
static void work(struct sftp_account *account)
{
    struct list *node;
    if (account->is_working)
        return;
    account->is_working = true;
    sftp_account_ref(account);
    while ((node = list_first(&account->ended))) {
        struct sftp_transfer *transfer = container_of(node, struct sftp_transfer, link);
        void (*next)(struct sftp_transfer *) = transfer->next;
        const struct sftp_inquiry *inquiry = transfer->inquiry;
        if (!next || (inquiry && (inquiry->call.state != SFTP_CALL_IDLE || inquiry->is_waiting)))
            break;
        transfer->next = NULL;
        next(transfer);
    }
    account->is_working = false;
    sftp_account_unref(account);
}

static struct sftp_transfer *transfer_of(struct sftp_call *call)
{
    return container_of(call, struct sftp_inquiry, call)->transfer;
}

/* Something is to be asked of the provider. False: out of memory. */
static bool begin_inquiry(struct sftp_transfer *transfer)
{
    if (!transfer->inquiry && (transfer->inquiry = calloc(1, sizeof *transfer->inquiry)))
        transfer->inquiry->transfer = transfer;
    return transfer->inquiry != NULL;
}

static void on_release(struct sftp_call *call)
{
    work(transfer_of(call)->account);
}

static void ask(struct sftp_transfer *transfer, enum plugin_operation operation,
                void (*on_answer)(struct sftp_call *call, uint32_t status,
                                  const struct sp_fs_reply *reply))
{
    transfer->inquiry->call.on_answer = on_answer;
    transfer->inquiry->call.on_release = on_release;
    sftp_call_start(&transfer->inquiry->call, transfer->tree, transfer->mount, operation);
}

static void run_again(struct reactor_task *task)
{
    struct sftp_transfer *transfer = container_of(task, struct sftp_inquiry, again)->transfer;
    transfer->inquiry->is_waiting = false;
    work(transfer->account);
}

static void wait_for_others(struct sftp_transfer *transfer)
{
    transfer->inquiry->is_waiting = true;
    transfer->inquiry->again.run = run_again;
    reactor_post(transfer->tree->reactor, &transfer->inquiry->again);
}

/* Where it is now, as the provider knows it. */
static const char *below(struct sftp_transfer *transfer)
{
    struct sftp_place place;
    sftp_tree_locate(transfer->tree, transfer->path, &place);
    transfer->mount = place.mount;
    return place.below;
}

/* --- the hash ------------------------------------------------------------------------------ */

static void on_closed(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    (void)status, (void)reply;
    transfer_of(call)->next = tell;
}

static void close_file(struct sftp_transfer *transfer)
{
    sftp_block_unref(transfer->inquiry->block);
    transfer->inquiry->block = NULL;
    sftp_call_handle(&transfer->inquiry->call, transfer->inquiry->handle, 0, NULL);
    ask(transfer, PLUGIN_FS_close, on_closed);
}

static void finish_hash(struct sftp_transfer *transfer)
{
    if (transfer->digest && sftp_digest_end(transfer->digest, transfer->hash) == 0)
        transfer->hash_length = sftp_digest_size(transfer->hash_kind);
}

/* The file cannot be read to its end, or not in time. */
static void give_up_hash(struct sftp_transfer *transfer, const char *reason)
{
    log_warning("sftp.transfer_unhashed", LOG_U64("conn", transfer->account->connection),
                LOG_TEXT("path", transfer->path), LOG_TEXT("reason", reason));
}

static void read_piece(struct sftp_transfer *transfer);

static void on_piece(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_transfer *transfer = transfer_of(call);
    transfer->next = close_file;
    if (status == SP_FS_EOF || (status == SP_FS_OK && reply->count == 0)) {
        finish_hash(transfer);
    } else if (status != SP_FS_OK || reply->count > SFTP_DATA_MAX) {
        give_up_hash(transfer, "it cannot be read");
    } else {
        sftp_digest_add(transfer->digest, transfer->inquiry->block->bytes, (size_t)reply->count);
        transfer->inquiry->hashed += reply->count;
        transfer->next = read_piece;
        wait_for_others(transfer);
    }
}

static void read_piece(struct sftp_transfer *transfer)
{
    if (is_in_haste || transfer->account->ended_count > WAITING_MAX) {
        give_up_hash(transfer, is_in_haste ? "the worker ends" : "too many others wait");
        transfer->next = close_file;
        return;
    }
    sftp_call_io(&transfer->inquiry->call, transfer->inquiry->handle, transfer->inquiry->hashed,
                 transfer->inquiry->block->bytes, SFTP_DATA_MAX);
    ask(transfer, PLUGIN_FS_read, on_piece);
}

static void begin_reading(struct sftp_transfer *transfer)
{
    sftp_digest_free(transfer->digest);
    transfer->digest = sftp_digest_new(transfer->hash_kind);
    transfer->inquiry->block = sftp_block_get(SFTP_DATA_MAX);
    transfer->next = read_piece;
    if (!transfer->digest || !transfer->inquiry->block) {
        give_up_hash(transfer, "out of memory, or this hash is not to be had here");
        transfer->next = close_file;
    }
}

static void on_hashed(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_transfer *transfer = transfer_of(call);
    transfer->next = begin_reading;
    if (status != SP_FS_OK || reply->data.len != sftp_digest_size(transfer->hash_kind))
        return;
    transfer->hash_length = (size_t)reply->data.len;
    memcpy(transfer->hash, reply->data.data, transfer->hash_length);
    transfer->next = close_file;
}

static void ask_for_hash(struct sftp_transfer *transfer)
{
    const struct sp_fs_hash hash = {.handle = transfer->inquiry->handle,
                                    .algorithm = str_of(sftp_digest_name(transfer->hash_kind))};
    sftp_call_hash(&transfer->inquiry->call, &hash);
    ask(transfer, PLUGIN_FS_hash, on_hashed);
}

static void on_opened(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_transfer *transfer = transfer_of(call);
    transfer->inquiry->handle = reply->handle;
    transfer->next = begin_reading;
    if (status != SP_FS_OK) {
        give_up_hash(transfer, "it cannot be opened to be read");
        transfer->next = tell;
    } else if (plugin_instance_offers(transfer->mount->instance, PLUGIN_FS_hash)) {
        transfer->next = ask_for_hash;
    }
}

/* What came in order is hashed already; the rest is read again. */
static void begin_hash(struct sftp_transfer *transfer)
{
    transfer->next = tell;
    if (transfer->kind == SP_SFTP_UPLOAD_ABORTED || transfer->hash_kind == SFTP_DIGEST_COUNT)
        return;
    if (transfer->digest && transfer->digested == transfer->size) {
        finish_hash(transfer);
        return;
    }
    if (!begin_inquiry(transfer)) {
        give_up_hash(transfer, "out of memory");
        return;
    }
    struct sftp_inquiry *inquiry = transfer->inquiry;
    inquiry->attributes = (struct sp_fs_attributes){.struct_size = sizeof inquiry->attributes};
    sftp_call_create(&inquiry->call, below(transfer), SP_OPEN_READ, &inquiry->attributes);
    transfer->next = NULL;
    ask(transfer, PLUGIN_FS_open, on_opened);
}

/* --- the size ------------------------------------------------------------------------------ */

static void on_looked(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_transfer *transfer = transfer_of(call);
    const struct sp_fs_attributes *found = status == SP_FS_OK ? reply->attributes : NULL;
    const bool is_known = found && found->valid & SP_ATTR_SIZE;
    transfer->next = begin_hash;
    if (transfer->is_upload && is_known)
        transfer->size = found->size;
    else if (!transfer->is_upload && (!is_known || found->size > transfer->size))
        transfer->next = tell_nothing;
}

static void begin_end(struct sftp_transfer *transfer)
{
    const char *path = below(transfer);
    transfer->next = transfer->mount ? begin_hash : tell;
    if (transfer->kind == SP_SFTP_UPLOAD_ABORTED)
        transfer->size = transfer->bytes_written;
    if (transfer->kind == SP_SFTP_UPLOAD_ABORTED || transfer->size_is_known || !transfer->mount)
        return;
    if (!begin_inquiry(transfer)) {
        transfer->next = transfer->is_upload ? tell : tell_nothing;
        return;
    }
    transfer->next = NULL;
    sftp_call_path(&transfer->inquiry->call, path, 0);
    ask(transfer, PLUGIN_FS_stat, on_looked);
}

void sftp_transfer_end(struct sftp_transfer *transfer)
{
    struct sftp_account *account = transfer->account;
    list_remove(&transfer->link);
    list_append(&account->ended, &transfer->link);
    account->ended_count++;
    pending++;
    sftp_account_ref(account);
    transfer->next = begin_end;
    work(account);
}
