/* transfer.c: what becomes of a file while it is open, and of one that waits for its name. See
 * transfer.h. */
#include "sftp/transfer_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sallyport/sftp.h>

#include "base/clock.h"
#include "base/glob.h"
#include "base/log.h"

#define PARKED_MAX 1024u
#define TOLD_MAX 256u /* calls that hooks are not through with */

/* --- beginning ----------------------------------------------------------------------------- */

void sftp_transfer_free(struct sftp_transfer *transfer)
{
    list_remove(&transfer->link);
    sftp_digest_free(transfer->digest);
    if (transfer->inquiry)
        sftp_block_unref(transfer->inquiry->block);
    free(transfer->inquiry);
    sftp_tree_unref(transfer->tree);
    free(transfer->path);
    free(transfer->opened_path);
    free(transfer);
}

static void begin_digest(struct sftp_transfer *transfer)
{
    sftp_digest_free(transfer->digest);
    transfer->digested = 0;
    transfer->digest =
        transfer->hash_kind == SFTP_DIGEST_COUNT ? NULL : sftp_digest_new(transfer->hash_kind);
}

/* Bytes came in another order than they stand in the file: it must be read to be hashed. */
static void drop_digest(struct sftp_transfer *transfer)
{
    sftp_digest_free(transfer->digest);
    transfer->digest = NULL;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct sftp_transfer *transfer_new(struct sftp_account *account,
                                          const struct sftp_opened *opened)
{
    struct sftp_transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return NULL;
    const char *hash = opened->tree->config->sftp_transfer_hash;
    list_init(&transfer->link);
    sftp_tree_ref(opened->tree);
    transfer->tree = opened->tree;
    transfer->account = account;
    transfer->path = strdup(opened->path);
    transfer->opened_path = strdup(opened->final_path ? opened->final_path : opened->path);
    if (!transfer->path || !transfer->opened_path) {
        sftp_transfer_free(transfer);
        return NULL;
    }
    transfer->mount = opened->mount;
    transfer->is_upload = (opened->flags & SP_OPEN_WRITE) != 0;
    transfer->may_be_partial = opened->is_renamed_later;
    transfer->protocol = opened->protocol;
    transfer->channel = opened->tree->channel;
    transfer->file = opened->file;
    transfer->started_ns = clock_now_ns();
    transfer->started_ms = now_ms();
    transfer->end = UINT64_MAX;
    transfer->hash_kind =
        hash && *hash ? sftp_digest_choose((struct sp_str){hash, strlen(hash)}) : SFTP_DIGEST_COUNT;
    if (!transfer->is_upload)
        begin_digest(transfer);
    list_append(&account->transfers, &transfer->link);
    return transfer;
}

static struct sftp_transfer *find(const struct sftp_account *account, bool is_upload,
                                  const char *path)
{
    list_for_each (node, &account->transfers) {
        struct sftp_transfer *transfer = container_of(node, struct sftp_transfer, link);
        if (transfer->is_upload == is_upload && strcmp(transfer->path, path) == 0)
            return transfer;
    }
    return NULL;
}

static void unpark(struct sftp_transfer *transfer)
{
    transfer->account->parked -= transfer->is_parked;
    transfer->is_parked = false;
}

void sftp_part_open(struct sftp_part *part, struct sftp_account *account,
                    const struct sftp_opened *opened)
{
    const uint32_t flags = opened->flags;
    *part = (struct sftp_part){.appends = (flags & SP_OPEN_APPEND) != 0};
    if (flags & SP_OPEN_DELETE_ON_CLOSE)
        return;
    struct sftp_transfer *transfer = find(account, (flags & SP_OPEN_WRITE) != 0, opened->path);
    if (!transfer)
        transfer = transfer_new(account, opened);
    if (!transfer) {
        log_error("sftp.transfer_untold", LOG_U64("conn", account->connection),
                  LOG_TEXT("path", opened->path), LOG_TEXT("reason", "out of memory"));
        return;
    }
    unpark(transfer);
    transfer->parts++;
    part->transfer = transfer;
    if (transfer->is_upload && flags & (SP_OPEN_TRUNCATE | SP_OPEN_EXCLUSIVE)) {
        transfer->is_changed = true;
        transfer->size = 0;
        transfer->size_is_known = true;
        begin_digest(transfer);
    }
}

/* --- under way ----------------------------------------------------------------------------- */

static void digest_add(struct sftp_transfer *transfer, uint64_t offset, const void *data,
                       uint64_t count)
{
    if (!transfer->digest)
        return;
    if (offset != transfer->digested || !data) {
        drop_digest(transfer);
        return;
    }
    sftp_digest_add(transfer->digest, data, (size_t)count);
    transfer->digested += count;
}

static void grew(struct sftp_transfer *transfer, uint64_t offset, uint64_t count)
{
    transfer->is_changed = true;
    if (offset + count > transfer->size)
        transfer->size = offset + count;
}

void sftp_part_wrote(struct sftp_part *part, uint64_t offset, const void *data, uint64_t count)
{
    struct sftp_transfer *transfer = part->transfer;
    if (!transfer)
        return;
    if (part->appends) { /* wherever the client said */
        offset = transfer->size;
        if (!transfer->size_is_known)
            drop_digest(transfer);
    }
    transfer->bytes_written += count;
    digest_add(transfer, offset, data, count);
    grew(transfer, offset, count);
}

void sftp_part_copied_to(struct sftp_part *part, uint64_t offset, uint64_t count)
{
    struct sftp_transfer *transfer = part->transfer;
    if (!transfer)
        return;
    transfer->is_copied = true;
    drop_digest(transfer);
    grew(transfer, part->appends ? transfer->size : offset, count);
}

void sftp_part_resized(struct sftp_part *part, uint64_t size)
{
    struct sftp_transfer *transfer = part->transfer;
    if (!transfer)
        return;
    if (size != transfer->digested)
        drop_digest(transfer);
    transfer->is_changed = true;
    transfer->size = size;
    transfer->size_is_known = true;
}

void sftp_part_read(struct sftp_part *part, uint64_t offset, const void *data, uint64_t count)
{
    struct sftp_transfer *transfer = part->transfer;
    if (!transfer)
        return;
    transfer->bytes_read += count;
    if (transfer->is_upload)
        return;
    if (offset + count > transfer->digested) /* else it is read once more */
        digest_add(transfer, offset, data, count);
    sftp_coverage_add(&transfer->read, offset, offset + count);
}

void sftp_part_met_end(struct sftp_part *part, uint64_t offset)
{
    if (part->transfer && offset < part->transfer->end)
        part->transfer->end = offset;
}

static void fail(struct sftp_transfer *transfer, const char *text)
{
    if (transfer->has_failed) /* what went wrong first explains the rest */
        return;
    transfer->has_failed = true;
    strncpy(transfer->text, text, sizeof transfer->text - 1);
}

void sftp_part_fail(struct sftp_part *part, const char *text)
{
    part->has_failed = true;
    if (!part->transfer)
        return;
    part->transfer->is_changed = true; /* some of it may have been done */
    fail(part->transfer, text);
}

static void rename_to(struct sftp_transfer *transfer, const char *path)
{
    char *copy = strdup(path);
    if (!copy) {
        log_error("sftp.transfer_untold", LOG_U64("conn", transfer->account->connection),
                  LOG_TEXT("path", path), LOG_TEXT("reason", "out of memory for its new name"));
        return;
    }
    free(transfer->path);
    transfer->path = copy;
}

void sftp_part_called(struct sftp_part *part, const char *path)
{
    if (part->transfer)
        rename_to(part->transfer, path);
}

/* --- the end ------------------------------------------------------------------------------- */

static void end(struct sftp_transfer *transfer, uint32_t kind)
{
    unpark(transfer);
    transfer->kind = kind;
    sftp_transfer_end(transfer);
}

static void abort_parked(struct sftp_transfer *transfer, const char *text)
{
    fail(transfer, text);
    end(transfer, SP_SFTP_UPLOAD_ABORTED);
}

static bool is_partial(const struct sftp_transfer *transfer)
{
    const struct config_patterns *names = &transfer->tree->config->sftp_partial_names;
    const char *name = vpath_last(transfer->path);
    for (size_t i = 0; transfer->may_be_partial && i < names->count; i++)
        if (glob_matches(names->items[i], (struct sp_str){name, strlen(name)}))
            return true;
    return false;
}

static void park(struct sftp_transfer *transfer)
{
    struct sftp_account *account = transfer->account;
    struct sftp_transfer *oldest = NULL;
    transfer->is_parked = true;
    list_remove(&transfer->link);
    list_append(&account->transfers, &transfer->link);
    if (++account->parked <= PARKED_MAX)
        return;
    list_for_each (node, &account->transfers) {
        struct sftp_transfer *other = container_of(node, struct sftp_transfer, link);
        if (other->is_parked && !oldest)
            oldest = other;
    }
    abort_parked(oldest, "Too many files wait for their final names");
}

static void conclude_upload(struct sftp_transfer *transfer)
{
    bool is_of_server = transfer->is_copied && transfer->bytes_written == 0;
    if (!transfer->is_changed || is_of_server)
        sftp_transfer_free(transfer);
    else if (transfer->has_failed)
        end(transfer, SP_SFTP_UPLOAD_ABORTED);
    else if (is_partial(transfer))
        park(transfer);
    else
        end(transfer, SP_SFTP_UPLOADED);
}

static void conclude_download(struct sftp_transfer *transfer)
{
    const uint64_t read_to = transfer->read.to;
    if (transfer->has_failed || (read_to == 0 && transfer->end > 0)) {
        sftp_transfer_free(transfer);
        return;
    }
    transfer->size = read_to;
    transfer->size_is_known = transfer->end <= read_to;
    end(transfer, SP_SFTP_DOWNLOADED); /* if it is no longer than that, which will be looked up */
}

void sftp_part_close(struct sftp_part *part, bool is_good, const char *text)
{
    struct sftp_transfer *transfer = part->transfer;
    if (!transfer)
        return;
    part->transfer = NULL;
    if (!is_good)
        fail(transfer, text ? text : "The connection ended before the file was closed");
    if (--transfer->parts > 0)
        return;
    transfer->duration_ns = clock_now_ns() - transfer->started_ns;
    if (transfer->is_upload)
        conclude_upload(transfer);
    else
        conclude_download(transfer);
}

/* --- names --------------------------------------------------------------------------------- */

/* The name now stands for something else, or for nothing. */
static void lose_name(struct sftp_account *account, const char *path, const char *text)
{
    struct sftp_transfer *transfer = find(account, true, path);
    if (transfer && transfer->is_parked)
        abort_parked(transfer, text);
    else if (transfer)
        fail(transfer, text);
}

void sftp_transfers_renamed(struct sftp_account *account, const char *from, const char *to)
{
    char path[VPATH_MAX];
    size_t to_length = strlen(to);
    struct list complete;
    list_init(&complete);
    if (strcmp(from, to) == 0)
        return;
    lose_name(account, to, "Another file was given its name");
    list_for_each (node, &account->transfers) {
        struct sftp_transfer *transfer = container_of(node, struct sftp_transfer, link);
        if (!vpath_is_within(transfer->path, from))
            continue;
        const char *below = transfer->path + strlen(from);
        if (to_length + strlen(below) >= sizeof path)
            continue;
        memcpy(path, to, to_length);
        memcpy(path + to_length, below, strlen(below) + 1);
        rename_to(transfer, path);
        if (transfer->is_parked && !is_partial(transfer)) {
            list_remove(&transfer->link);
            list_append(&complete, &transfer->link);
        }
    }
    struct list *first; /* only now: telling may let others begin */
    while ((first = list_first(&complete)))
        end(container_of(first, struct sftp_transfer, link), SP_SFTP_UPLOADED);
}

void sftp_transfers_removed(struct sftp_account *account, const char *path)
{
    lose_name(account, path, "The file was removed");
}

void sftp_transfers_end(struct sftp_account *account)
{
    list_for_each (node, &account->transfers) {
        struct sftp_transfer *transfer = container_of(node, struct sftp_transfer, link);
        if (transfer->is_parked)
            abort_parked(transfer, "It was never given its final name");
    }
}

bool sftp_transfers_are_behind(const struct sftp_account *account)
{
    return account->told >= TOLD_MAX;
}
