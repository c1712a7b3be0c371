/* revoked.c: revocation lists, from bytes to sorted tables. */
#include "keys/revoked.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/wire.h"
#include "keys/public_key.h"

#define MAGIC "SSHKRL\n" /* and its NUL */
#define FORMAT_VERSION 1

enum { /* sections */
       SECTION_CERTIFICATES = 1,
       SECTION_KEYS = 2,
       SECTION_SHA1 = 3,
       SECTION_SIGNATURE = 4,
       SECTION_SHA256 = 5,
       SECTION_EXTENSION = 255,
};

enum { /* sections in SECTION_CERTIFICATES */
       CERTIFICATES_SERIALS = 0x20,
       CERTIFICATES_RANGE = 0x21,
       CERTIFICATES_BITMAP = 0x22,
       CERTIFICATES_KEY_IDS = 0x23,
       CERTIFICATES_EXTENSION = 0x39,
};

/* Items of one size, sorted once all are in. */
struct table {
    uint8_t *items;
    size_t size; /* of one */
    size_t count, capacity;
};

struct range {
    uint64_t first, last;
};

struct bitmap {
    uint64_t first;
    struct sp_str bytes; /* of a big-endian number whose lowest bit stands for first */
};

/* What one certificates section says of one CA, or of all. */
struct authority {
    bool is_any;
    uint8_t ca[SHA256_SIZE];
    struct table ranges;  /* struct range, apart from each other once sorted */
    struct table bitmaps; /* struct bitmap */
    struct table key_ids; /* struct sp_str */
};

struct revoked_keys {
    uint8_t *data; /* that bitmaps and key ids point into */
    struct table sha256;
    struct table sha1;
    struct table authorities; /* struct authority */
};

/* --- tables ----------------------------------------------------------------------------------- */

static int table_add(struct table *table, const void *item)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 16;
        uint8_t *items = reallocarray(table->items, capacity, table->size);
        if (!items)
            return SP_ERR_NOMEM;
        table->items = items;
        table->capacity = capacity;
    }
    memcpy(table->items + table->count++ * table->size, item, table->size);
    return 0;
}

static void table_sort(struct table *table, int (*compare)(const void *, const void *))
{
    if (table->count)
        qsort(table->items, table->count, table->size, compare);
}

static const void *table_find(const struct table *table, const void *key,
                              int (*compare)(const void *, const void *))
{
    return table->count ? bsearch(key, table->items, table->count, table->size, compare) : NULL;
}

static int compare_sha256(const void *a, const void *b)
{
    return memcmp(a, b, SHA256_SIZE);
}

static int compare_sha1(const void *a, const void *b)
{
    return memcmp(a, b, SHA1_SIZE);
}

static int compare_texts(const void *a, const void *b)
{
    const struct sp_str *first = a, *second = b;

    if (first->len != second->len)
        return first->len < second->len ? -1 : 1;
    return first->len ? memcmp(first->data, second->data, (size_t)first->len) : 0;
}

/* By their beginning; a range that holds another's beginning compares as equal when searched. */
static int compare_ranges(const void *a, const void *b)
{
    const struct range *first = a, *second = b;

    return first->first < second->first ? -1 : first->first > second->first;
}

static int compare_serial(const void *key, const void *item)
{
    const uint64_t *serial = key;
    const struct range *range = item;

    return *serial < range->first ? -1 : *serial > range->last;
}

/* Sort, and join those that overlap, so that a search is right. */
static void sort_ranges(struct table *table)
{
    struct range *ranges = (struct range *)(void *)table->items;
    size_t kept = 0;

    table_sort(table, compare_ranges);
    for (size_t i = 1; i < table->count; i++) {
        if (ranges[i].first > ranges[kept].last)
            ranges[++kept] = ranges[i];
        else if (ranges[i].last > ranges[kept].last)
            ranges[kept].last = ranges[i].last;
    }
    if (table->count)
        table->count = kept + 1;
}

/* --- life ------------------------------------------------------------------------------------- */

static struct authority *authority_at(const struct revoked_keys *list, size_t index)
{
    return (struct authority *)(void *)list->authorities.items + index;
}

void revoked_keys_free(struct revoked_keys *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->authorities.count; i++) {
        free(authority_at(list, i)->ranges.items);
        free(authority_at(list, i)->bitmaps.items);
        free(authority_at(list, i)->key_ids.items);
    }
    free(list->authorities.items);
    free(list->sha256.items);
    free(list->sha1.items);
    free(list->data);
    free(list);
}

static int wrong(const char *why, const char **ret_why)
{
    *ret_why = why;
    return SP_ERR_FORMAT;
}

static int add_key(struct revoked_keys *list, const void *blob, size_t len)
{
    uint8_t digest[SHA256_SIZE];

    if (!public_key_sha256(blob, len, digest))
        return SP_ERR_LIBRARY;
    return table_add(&list->sha256, digest);
}

/* --- the text form ---------------------------------------------------------------------------- */

static int read_text(struct revoked_keys *list, const char *text, size_t len, const char **ret_why,
                     int *ret_line)
{
    const char *end = text + len;
    const char *line;
    size_t length;
    int rc = 0;

    while (rc == 0 && key_line_next(&text, end, &line, &length, ret_line)) {
        struct buffer blob = {0};
        rc = public_key_read_line(line, length, &blob, ret_why);
        if (rc == 0)
            rc = add_key(list, buffer_data(&blob), buffer_length(&blob));
        buffer_release(&blob);
    }
    if (rc == 0)
        *ret_line = 0;
    return rc;
}

/* --- the binary form -------------------------------------------------------------------------- */

static int read_serials(struct authority *authority, struct wire_reader *reader,
                        const char **ret_why)
{
    int rc = 0;

    while (rc == 0 && wire_left(reader)) {
        struct range range;
        range.first = range.last = wire_get_u64(reader);
        if (!wire_ok(reader))
            return wrong("holds a list of serial numbers that is cut off", ret_why);
        rc = table_add(&authority->ranges, &range);
    }
    return rc;
}

static int read_range(struct authority *authority, struct wire_reader *reader, const char **ret_why)
{
    struct range range;

    range.first = wire_get_u64(reader);
    range.last = wire_get_u64(reader);
    if (!wire_at_end(reader) || range.first > range.last)
        return wrong("holds a range of serial numbers that is malformed", ret_why);
    return table_add(&authority->ranges, &range);
}

static int read_bitmap(struct authority *authority, struct wire_reader *reader,
                       const char **ret_why)
{
    struct bitmap bitmap = {.first = wire_get_u64(reader)};

    bitmap.bytes = wire_get_string(reader);
    if (!wire_at_end(reader) || (bitmap.bytes.len && (uint8_t)bitmap.bytes.data[0] & 0x80) ||
        bitmap.bytes.len * 8 > UINT64_MAX - bitmap.first)
        return wrong("holds a bitmap of serial numbers that is malformed", ret_why);
    return table_add(&authority->bitmaps, &bitmap);
}

static int read_key_ids(struct authority *authority, struct wire_reader *reader,
                        const char **ret_why)
{
    int rc = 0;

    while (rc == 0 && wire_left(reader)) {
        struct sp_str id = wire_get_string(reader);
        if (!wire_ok(reader))
            return wrong("holds a list of key ids that is cut off", ret_why);
        rc = table_add(&authority->key_ids, &id);
    }
    return rc;
}

/* What nobody here understands may be passed over only if it says so. */
static int read_extension(struct wire_reader *reader, const char **ret_why)
{
    wire_get_string(reader);
    bool is_critical = wire_get_bool(reader);
    wire_get_string(reader);
    if (!wire_at_end(reader))
        return wrong("holds an extension that is malformed", ret_why);
    return is_critical ? wrong("holds an extension that is unknown here and critical", ret_why) : 0;
}

static int read_certificate_section(struct authority *authority, uint8_t type,
                                    struct wire_reader *reader, const char **ret_why)
{
    switch (type) {
    case CERTIFICATES_SERIALS:
        return read_serials(authority, reader, ret_why);
    case CERTIFICATES_RANGE:
        return read_range(authority, reader, ret_why);
    case CERTIFICATES_BITMAP:
        return read_bitmap(authority, reader, ret_why);
    case CERTIFICATES_KEY_IDS:
        return read_key_ids(authority, reader, ret_why);
    case CERTIFICATES_EXTENSION:
        return read_extension(reader, ret_why);
    default:
        return wrong("holds a section on certificates that is unknown here", ret_why);
    }
}

static int read_certificates(struct revoked_keys *list, struct wire_reader *reader,
                             const char **ret_why)
{
    struct authority empty = {.ranges.size = sizeof(struct range),
                              .bitmaps.size = sizeof(struct bitmap),
                              .key_ids.size = sizeof(struct sp_str)};
    struct sp_str ca = wire_get_string(reader);
    int rc;

    wire_get_string(reader); /* reserved */
    if (!wire_ok(reader))
        return wrong("holds a section on certificates that is cut off", ret_why);
    empty.is_any = ca.len == 0;
    if (!empty.is_any && !public_key_sha256(ca.data, (size_t)ca.len, empty.ca))
        return SP_ERR_LIBRARY;
    rc = table_add(&list->authorities, &empty);
    while (rc == 0 && wire_left(reader)) {
        struct wire_reader section;
        uint8_t type = wire_get_u8(reader);
        struct sp_str data = wire_get_string(reader);
        if (!wire_ok(reader))
            return wrong("holds a section on certificates that is cut off", ret_why);
        wire_reader_init(&section, data.data, (size_t)data.len);
        rc = read_certificate_section(authority_at(list, list->authorities.count - 1), type,
                                      &section, ret_why);
    }
    return rc;
}

/* A list of strings: keys, or digests of keys of that size. */
static int read_keys(struct revoked_keys *list, struct table *digests, struct wire_reader *reader,
                     const char **ret_why)
{
    int rc = 0;

    while (rc == 0 && wire_left(reader)) {
        struct sp_str item = wire_get_string(reader);
        if (!wire_ok(reader) || (digests && item.len != digests->size))
            return wrong("holds a list of keys that is malformed", ret_why);
        rc = digests ? table_add(digests, item.data) : add_key(list, item.data, (size_t)item.len);
    }
    return rc;
}

static int read_section(struct revoked_keys *list, uint8_t type, struct wire_reader *reader,
                        const char **ret_why)
{
    switch (type) {
    case SECTION_CERTIFICATES:
        return read_certificates(list, reader, ret_why);
    case SECTION_KEYS:
        return read_keys(list, NULL, reader, ret_why);
    case SECTION_SHA1:
        return read_keys(list, &list->sha1, reader, ret_why);
    case SECTION_SHA256:
        return read_keys(list, &list->sha256, reader, ret_why);
    case SECTION_EXTENSION:
        return read_extension(reader, ret_why);
    case SECTION_SIGNATURE:
        return wrong("is signed, and signatures of lists are not checked here; make it without",
                     ret_why);
    default:
        return wrong("holds a section that is unknown here", ret_why);
    }
}

static int read_binary(struct revoked_keys *list, size_t len, const char **ret_why)
{
    struct wire_reader reader;
    int rc = 0;

    wire_reader_init(&reader, list->data + sizeof MAGIC, len - sizeof MAGIC);
    if (wire_get_u32(&reader) != FORMAT_VERSION)
        return wrong("is of a version that is unknown here", ret_why);
    wire_get_u64(&reader); /* its number, its date, its flags */
    wire_get_u64(&reader);
    wire_get_u64(&reader);
    wire_get_string(&reader); /* reserved */
    wire_get_string(&reader); /* a comment */
    if (!wire_ok(&reader))
        return wrong("is cut off", ret_why);
    while (rc == 0 && wire_left(&reader)) {
        struct wire_reader section;
        uint8_t type = wire_get_u8(&reader);
        struct sp_str data = wire_get_string(&reader);
        if (!wire_ok(&reader))
            return wrong("is cut off", ret_why);
        wire_reader_init(&section, data.data, (size_t)data.len);
        rc = read_section(list, type, &section, ret_why);
    }
    return rc;
}

int revoked_keys_read(const void *data, size_t len, struct revoked_keys **ret_list,
                      const char **ret_why, int *ret_line)
{
    struct revoked_keys *list = calloc(1, sizeof *list);
    int rc = SP_ERR_NOMEM;

    *ret_list = NULL;
    *ret_why = "cannot be kept: out of memory";
    *ret_line = 0;
    if (!list)
        return rc;
    list->sha256.size = SHA256_SIZE;
    list->sha1.size = SHA1_SIZE;
    list->authorities.size = sizeof(struct authority);
    list->data = malloc(len + 1);
    if (!list->data)
        goto out;
    if (len)
        memcpy(list->data, data, len);
    if (len >= sizeof MAGIC && memcmp(data, MAGIC, sizeof MAGIC) == 0)
        rc = read_binary(list, len, ret_why);
    else
        rc = read_text(list, (const char *)list->data, len, ret_why, ret_line);
    if (rc < 0)
        goto out;
    table_sort(&list->sha256, compare_sha256);
    table_sort(&list->sha1, compare_sha1);
    for (size_t i = 0; i < list->authorities.count; i++) {
        sort_ranges(&authority_at(list, i)->ranges);
        table_sort(&authority_at(list, i)->key_ids, compare_texts);
    }
    *ret_list = list;
    return 0;
out:
    revoked_keys_free(list);
    return rc;
}

/* --- questions -------------------------------------------------------------------------------- */

bool revoked_keys_has(const struct revoked_keys *list, const void *blob, size_t len)
{
    uint8_t sha256[SHA256_SIZE], sha1[SHA1_SIZE];

    if (!public_key_sha256(blob, len, sha256) || !public_key_sha1(blob, len, sha1))
        return true;
    return table_find(&list->sha256, sha256, compare_sha256) ||
           table_find(&list->sha1, sha1, compare_sha1);
}

static bool bitmap_has(const struct bitmap *bitmap, uint64_t serial)
{
    uint64_t bit = serial - bitmap->first;

    if (serial < bitmap->first || bit / 8 >= bitmap->bytes.len)
        return false;
    return (uint8_t)bitmap->bytes.data[bitmap->bytes.len - 1 - bit / 8] >> bit % 8 & 1;
}

static bool authority_has(const struct authority *authority, uint64_t serial, struct sp_str key_id)
{
    const struct bitmap *bitmaps = (const struct bitmap *)(const void *)authority->bitmaps.items;

    if (table_find(&authority->key_ids, &key_id, compare_texts) ||
        table_find(&authority->ranges, &serial, compare_serial))
        return true;
    for (size_t i = 0; i < authority->bitmaps.count; i++)
        if (bitmap_has(&bitmaps[i], serial))
            return true;
    return false;
}

bool revoked_keys_has_certificate(const struct revoked_keys *list, struct sp_str ca_blob,
                                  uint64_t serial, struct sp_str key_id)
{
    uint8_t ca[SHA256_SIZE];

    if (!public_key_sha256(ca_blob.data, (size_t)ca_blob.len, ca))
        return true;
    for (size_t i = 0; i < list->authorities.count; i++) {
        const struct authority *authority = authority_at(list, i);
        if ((authority->is_any || memcmp(authority->ca, ca, sizeof ca) == 0) &&
            authority_has(authority, serial, key_id))
            return true;
    }
    return false;
}
