/*
 * list.c: keys below a prefix, a page at a time (ListObjectsV2). Called by object.c, directory.c
 * and names.c. Any thread.
 */
#include "fs_s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A page as it is read: the element under way, and the page. */
struct reading {
    struct page *page;
    struct listed now;
    bool is_encoded;
    bool has_failed;
};

static void drop(struct listed *entry)
{
    free(entry->name);
    *entry = (struct listed){0};
}

void page_clear(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        free(page->entries[i].name);
    free(page->entries);
    text_clear(&page->next);
    *page = (struct page){0};
}

/* "2009-10-12T17:50:30.000Z"; 0 if it is something else. */
static int64_t time_of(const char *text)
{
    struct tm tm = {0};
    return strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

static bool add(struct reading *reading)
{
    struct page *page = reading->page;
    if (!reading->now.name)
        return true; /* an element without a key is nothing of ours */
    if (page->count >= LIST_MOST * 2)
        return false;
    if (page->count == page->size) {
        size_t size = page->size ? page->size * 2 : 64;
        struct listed *entries = realloc(page->entries, size * sizeof *entries);
        if (!entries)
            return false;
        page->entries = entries;
        page->size = size;
    }
    page->entries[page->count++] = reading->now;
    reading->now = (struct listed){0};
    return true;
}

static bool take_name(struct reading *reading, const char *text, size_t length, bool is_prefix)
{
    drop(&reading->now);
    reading->now.name = strndup(text, length);
    reading->now.is_prefix = is_prefix;
    return reading->now.name != NULL;
}

static bool on_element(void *arg, const char *name, unsigned depth, char *text, size_t length)
{
    struct reading *reading = arg;
    struct page *page = reading->page;
    bool ok = true;
    if (depth == 1 && strcmp(name, "IsTruncated") == 0)
        page->is_last = strcmp(text, "true") != 0;
    else if (depth == 1 && strcmp(name, "NextContinuationToken") == 0)
        text_add(&page->next, text, length);
    else if (depth == 1 && strcmp(name, "EncodingType") == 0)
        reading->is_encoded = strcmp(text, "url") == 0;
    else if (depth == 2 && strcmp(name, "Key") == 0)
        ok = take_name(reading, text, length, false);
    else if (depth == 2 && strcmp(name, "Prefix") == 0)
        ok = take_name(reading, text, length, true);
    else if (depth == 2 && strcmp(name, "Size") == 0)
        reading->now.size = strtoull(text, NULL, 10);
    else if (depth == 2 && strcmp(name, "LastModified") == 0)
        reading->now.modified = time_of(text);
    else if (depth == 1 && (strcmp(name, "Contents") == 0 || strcmp(name, "CommonPrefixes") == 0))
        ok = add(reading);
    reading->has_failed |= !ok;
    return ok;
}

/* Names are as the store has them, and none holds a NUL. */
static void decode(struct page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        char *name = page->entries[i].name;
        name[uri_decode(name, strlen(name))] = '\0';
    }
}

static uint32_t read_page(struct s3 *s3, const char *prefix, const struct text *document,
                          struct page *ret_page, char *ret_why)
{
    struct reading reading = {.page = ret_page};
    ret_page->is_last = true;
    bool ok =
        xml_read(document, on_element, &reading) && !reading.has_failed && !ret_page->next.failed;
    drop(&reading.now);
    if (ok && !ret_page->is_last && ret_page->next.length == 0)
        ok = false; /* there would be no end of it */
    if (ok && reading.is_encoded)
        decode(ret_page);
    if (ok)
        return SP_FS_OK;
    snprintf(ret_why, WHY_SIZE, "listing of %s/%.200s: the store's answer cannot be read",
             s3->options.bucket, prefix);
    return SP_FS_FAILURE;
}

uint32_t list_page(struct s3 *s3, const char *prefix, unsigned most, bool by_directory,
                   struct page *ret_page, char *ret_why)
{
    struct text token = ret_page->next;
    char keys[16];
    ret_page->next = (struct text){0};
    page_clear(ret_page);
    snprintf(keys, sizeof keys, "%u", most);
    struct request request = {.method = "GET"};
    struct response response;
    struct pair *pair = request.query;
    if (token.length)
        *pair++ = (struct pair){"continuation-token", token.data};
    if (by_directory)
        *pair++ = (struct pair){"delimiter", "/"};
    *pair++ = (struct pair){"encoding-type", "url"};
    *pair++ = (struct pair){"list-type", "2"};
    *pair++ = (struct pair){"max-keys", keys};
    *pair++ = (struct pair){"prefix", prefix};
    uint32_t status = request_run(s3->transport, &request, &response, ret_why);
    if (status == SP_FS_OK)
        status = read_page(s3, prefix, &response.body, ret_page, ret_why);
    if (status != SP_FS_OK)
        page_clear(ret_page);
    response_clear(&response);
    text_clear(&token);
    return status;
}
