/*
 * directory.c: listings: a page of the store's at a time, so that a directory of any size takes the
 * memory of one. Called by the host's pool.
 */
#include "fs_s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sallyport/helpers.h>

#define ENTRIES_MOST 100u
#define PAGES_MOST 100u /* in a row that have nothing to show; else there may be no end of them */

struct listing {
    struct key key;
    struct page page;
    size_t next; /* in the page */
    bool has_begun;
    uint64_t hidden;
};

int32_t fs_opendir(void *self, const struct sp_fs_path *event)
{
    struct s3 *s3 = self;
    struct object object;
    char why[WHY_SIZE] = "";
    struct listing *listing = calloc(1, sizeof *listing);
    if (!listing)
        return answer(s3, &event->head, SP_FS_FAILURE, "The server is out of memory");
    uint32_t status = key_of_directory(view_of(event->view), event->path, &listing->key, why);
    if (status == SP_FS_OK) {
        status = object_find(s3, view_of(event->view), event->path, &object, why);
        if (status == SP_FS_OK && object.type != SP_FILE_DIRECTORY) {
            snprintf(why, sizeof why, "It is not a directory");
            status = SP_FS_NOT_A_DIRECTORY;
        }
        object_clear(&object);
    }
    if (status != SP_FS_OK) {
        free(listing);
        return answer(s3, &event->head, status, why);
    }
    return sp_fs_opened(s3->host, &event->head, (uintptr_t)listing);
}

/* The name that a listed key has in its directory; empty: not to be shown. */
static struct sp_str name_in(struct listing *listing, const struct listed *entry)
{
    const struct sp_str nothing = {"", 0};
    size_t length = strlen(entry->name);
    size_t above = listing->key.length;
    if (length < above || memcmp(entry->name, listing->key.text, above) != 0)
        return nothing; /* not what was asked for */
    if (length == above && !entry->is_prefix)
        return nothing; /* the directory's own mark */
    const char *name = entry->name + above;
    length -= above;
    if (entry->is_prefix && length > 0)
        length--; /* its "/" */
    if (name_is_fit(name, length) && above + length <= KEY_MOST)
        return (struct sp_str){name, length};
    listing->hidden++;
    return nothing;
}

static bool is_at_end(const struct listing *listing)
{
    return listing->has_begun && listing->page.is_last && listing->next == listing->page.count;
}

/* Entries of the page that is here; how many. */
static uint64_t fill(struct listing *listing, struct sp_fs_entry *entries, uint64_t most)
{
    uint64_t count = 0;
    while (count < most && listing->next < listing->page.count) {
        const struct listed *listed = &listing->page.entries[listing->next++];
        struct object object = {
            .type = listed->is_prefix ? SP_FILE_DIRECTORY : SP_FILE_REGULAR,
            .size = listed->size,
            .modified = listed->modified,
        };
        struct sp_str name = name_in(listing, listed);
        if (name.len)
            entries[count++] = (struct sp_fs_entry){name, attributes_of(&object)};
    }
    return count;
}

int32_t fs_readdir(void *self, const struct sp_fs_handle *event)
{
    struct s3 *s3 = self;
    struct listing *listing = (struct listing *)(uintptr_t)event->handle;
    struct sp_fs_entry entries[ENTRIES_MOST];
    char why[WHY_SIZE] = "";
    uint64_t most = event->count < ENTRIES_MOST ? event->count : ENTRIES_MOST;
    uint64_t count = 0;
    for (unsigned pages = 0; count == 0 && !is_at_end(listing); pages++) {
        if (pages == PAGES_MOST)
            return answer(s3, &event->head, SP_FS_FAILURE,
                          "The store lists nothing but keys that are no file names");
        if (!listing->has_begun || listing->next == listing->page.count) {
            uint32_t status =
                list_page(s3, listing->key.text, LIST_MOST, true, &listing->page, why);
            listing->next = 0;
            listing->has_begun = status == SP_FS_OK;
            if (status != SP_FS_OK)
                return answer(s3, &event->head, status, why);
        }
        count = fill(listing, entries, most);
    }
    return sp_fs_entries_are(s3->host, &event->head, entries, count, is_at_end(listing));
}

int32_t fs_closedir(void *self, const struct sp_fs_handle *event)
{
    struct s3 *s3 = self;
    struct listing *listing = (struct listing *)(uintptr_t)event->handle;
    if (listing->hidden)
        log_line(s3->host, SP_LOG_WARNING,
                 "%llu keys below %s/%.200s are not shown, since they are no file names: they are "
                 "empty, \".\", \"..\", too long, or hold control characters",
                 (unsigned long long)listing->hidden, s3->options.bucket, listing->key.text);
    page_clear(&listing->page);
    free(listing);
    return SP_OK;
}
