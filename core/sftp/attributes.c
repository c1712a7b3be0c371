/*
 * attributes.c: one table of all attributes, with the versions that have each. See attributes.h.
 *
 * The drafts are -02 (version 3), -04 (4), -05 (5) and -13 (6) of secsh-filexfer. What is in more
 * than one of them has the same order in all, so that the table is the order on the wire.
 */
#include "sftp/attributes.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"

#define WIRE_SUBSECOND 0x00000100u /* from 4 on: every time has nanoseconds */
#define WIRE_TIMES 0x00008038u     /* from 4 on */
#define NANOSECONDS_MAX 999999999u
/* Of what goes to a client. Longer texts are cut, longer lists left out. */
#define TEXT_MAX 255u
#define LIST_MAX 65536u
/* Of what a client sends: as many as an isolated plugin may be given. */
#define PAIRS_MAX 1024u
#define ACL_MIN 8u /* flags, count */

enum kind {
    KIND_U8,
    KIND_U32,
    KIND_U64,
    KIND_TEXT,
    KIND_TIME,
    KIND_TWO_TIMES,
    KIND_IDS,
    KIND_NAMES,
    KIND_MODE,
    KIND_MODE_AND_TYPE,
    KIND_ACL,
    KIND_BITS,
    KIND_PAIRS,
};

#define AT(field) (uint16_t) offsetof(struct sp_fs_attributes, field)

static const struct field {
    uint32_t wire;
    uint32_t valid; /* SP_ATTR_*; any of them will do */
    uint8_t since, until;
    uint8_t kind;
    uint16_t at;
} fields[] = {
    {0x00000001, SP_ATTR_SIZE, 3, 6, KIND_U64, AT(size)},
    {0x00000400, SP_ATTR_ALLOCATION_SIZE, 6, 6, KIND_U64, AT(allocation_size)},
    {0x00000002, SP_ATTR_OWNER_IDS, 3, 3, KIND_IDS, 0},
    {0x00000080, SP_ATTR_OWNER_NAMES | SP_ATTR_OWNER_IDS, 4, 6, KIND_NAMES, 0},
    {0x00000004, SP_ATTR_PERMISSIONS | SP_ATTR_TYPE, 3, 3, KIND_MODE_AND_TYPE, 0},
    {0x00000004, SP_ATTR_PERMISSIONS, 4, 6, KIND_MODE, 0},
    {0x00000008, SP_ATTR_ACCESS_TIME | SP_ATTR_MODIFY_TIME, 3, 3, KIND_TWO_TIMES, 0},
    {0x00000008, SP_ATTR_ACCESS_TIME, 4, 6, KIND_TIME, AT(access_time)},
    {0x00000010, SP_ATTR_CREATE_TIME, 4, 6, KIND_TIME, AT(create_time)},
    {0x00000020, SP_ATTR_MODIFY_TIME, 4, 6, KIND_TIME, AT(modify_time)},
    {0x00008000, SP_ATTR_CHANGE_TIME, 6, 6, KIND_TIME, AT(change_time)},
    {0x00000040, SP_ATTR_ACL, 4, 6, KIND_ACL, 0},
    {0x00000200, SP_ATTR_BITS, 5, 6, KIND_BITS, 0},
    {0x00000800, SP_ATTR_TEXT_HINT, 6, 6, KIND_U8, AT(text_hint)},
    {0x00001000, SP_ATTR_MIME_TYPE, 6, 6, KIND_TEXT, AT(mime_type)},
    {0x00002000, SP_ATTR_LINK_COUNT, 6, 6, KIND_U32, AT(link_count)},
    {0x00004000, SP_ATTR_UNTRANSLATED_NAME, 6, 6, KIND_TEXT, AT(untranslated_name)},
    {0x80000000, SP_ATTR_EXTENDED, 3, 6, KIND_PAIRS, 0},
};

#define FIELDS_COUNT (sizeof fields / sizeof fields[0])

static bool knows(uint32_t version, const struct field *field)
{
    return version >= field->since && version <= field->until;
}

static void *member(struct sp_fs_attributes *attributes, const struct field *field)
{
    return (char *)attributes + field->at;
}

static const void *const_member(const struct sp_fs_attributes *attributes,
                                const struct field *field)
{
    return (const char *)attributes + field->at;
}

static const uint32_t type_mode[] = {
    [SP_FILE_REGULAR] = S_IFREG,     [SP_FILE_DIRECTORY] = S_IFDIR,
    [SP_FILE_SYMLINK] = S_IFLNK,     [SP_FILE_SPECIAL] = 0,
    [SP_FILE_UNKNOWN] = 0,           [SP_FILE_SOCKET] = S_IFSOCK,
    [SP_FILE_CHAR_DEVICE] = S_IFCHR, [SP_FILE_BLOCK_DEVICE] = S_IFBLK,
    [SP_FILE_FIFO] = S_IFIFO,
};

uint32_t sftp_attributes_mode(const struct sp_fs_attributes *attributes)
{
    uint32_t mode = 0;
    if (attributes->valid & SP_ATTR_PERMISSIONS)
        mode = attributes->mode & 07777;
    if ((attributes->valid & SP_ATTR_TYPE) &&
        attributes->type < sizeof type_mode / sizeof type_mode[0])
        mode |= type_mode[attributes->type];
    return mode;
}

uint32_t sftp_attributes_mask_from_wire(uint32_t version, uint32_t wire)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < FIELDS_COUNT; i++)
        if (knows(version, &fields[i]) && wire & fields[i].wire)
            mask |= fields[i].valid;
    return mask;
}

uint32_t sftp_attributes_mask_to_wire(uint32_t version, uint32_t mask)
{
    uint32_t wire = 0;
    for (size_t i = 0; i < FIELDS_COUNT; i++)
        if (knows(version, &fields[i]) && mask & fields[i].valid)
            wire |= fields[i].wire;
    if (version >= 4 && wire & WIRE_TIMES)
        wire |= WIRE_SUBSECOND;
    return wire;
}

/* --- from the wire ------------------------------------------------------------------------- */

static struct sp_time get_time(struct wire_reader *reader, bool has_nanoseconds)
{
    struct sp_time time = {.seconds = (int64_t)wire_get_u64(reader)};
    if (has_nanoseconds)
        time.nanoseconds = wire_get_u32(reader);
    if (time.nanoseconds > NANOSECONDS_MAX)
        time.nanoseconds = NANOSECONDS_MAX;
    return time;
}

static bool is_number(struct sp_str text, uint32_t *ret_number)
{
    uint64_t number = 0;
    if (text.len == 0 || text.len > 10)
        return false;
    for (uint64_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret_number = (uint32_t)number;
    return number < UINT32_MAX; /* the last one means "no change" to systems */
}

static void get_names(struct wire_reader *reader, struct sp_fs_attributes *a)
{
    a->owner = wire_get_string(reader);
    a->group = wire_get_string(reader);
    a->valid |= SP_ATTR_OWNER_NAMES;
    if (is_number(a->owner, &a->uid) && is_number(a->group, &a->gid))
        a->valid |= SP_ATTR_OWNER_IDS;
    else
        a->uid = a->gid = 0;
}

static void get_pairs(struct wire_reader *reader, struct sp_fs_attributes *a, struct sp_str *pairs)
{
    uint32_t count = wire_get_u32(reader);
    pairs->data = (const char *)reader->next;
    for (uint32_t i = 0; i < count && wire_ok(reader); i++) {
        wire_get_string(reader);
        wire_get_string(reader);
    }
    if (count > PAIRS_MAX)
        reader->failed = true;
    pairs->len = (uint64_t)((const char *)reader->next - pairs->data);
    a->extended_count = count;
}

static void get_field(struct wire_reader *reader, const struct field *field, uint32_t version,
                      uint32_t wire, struct sp_fs_attributes *a,
                      struct sftp_attributes_source *source)
{
    switch ((enum kind)field->kind) {
    case KIND_U8:
        *(uint32_t *)member(a, field) = wire_get_u8(reader);
        break;
    case KIND_U32:
        *(uint32_t *)member(a, field) = wire_get_u32(reader);
        break;
    case KIND_U64:
        *(uint64_t *)member(a, field) = wire_get_u64(reader);
        break;
    case KIND_TEXT:
        *(struct sp_str *)member(a, field) = wire_get_string(reader);
        break;
    case KIND_TIME:
        *(struct sp_time *)member(a, field) = get_time(reader, wire & WIRE_SUBSECOND);
        break;
    case KIND_TWO_TIMES:
        a->access_time.seconds = wire_get_u32(reader);
        a->modify_time.seconds = wire_get_u32(reader);
        break;
    case KIND_IDS:
        a->uid = wire_get_u32(reader);
        a->gid = wire_get_u32(reader);
        break;
    case KIND_NAMES:
        get_names(reader, a);
        return;
    case KIND_MODE_AND_TYPE:
    case KIND_MODE:
        a->mode = wire_get_u32(reader) & SFTP_MODE_SETTABLE;
        a->valid |= SP_ATTR_PERMISSIONS;
        return;
    case KIND_ACL:
        a->acl = wire_get_string(reader);
        source->acl_lacks_flags = version < 6;
        reader->failed |= a->acl.len < (version < 6 ? 4 : ACL_MIN);
        break;
    case KIND_BITS:
        a->bits = wire_get_u32(reader);
        a->bits_valid = version < 6 ? SFTP_BITS_5 : wire_get_u32(reader);
        break;
    case KIND_PAIRS:
        get_pairs(reader, a, &source->pairs);
        break;
    }
    a->valid |= field->valid;
}

void sftp_attributes_get(struct wire_reader *reader, uint32_t version,
                         struct sp_fs_attributes *ret_attributes,
                         struct sftp_attributes_source *ret_source)
{
    struct sp_fs_attributes *a = ret_attributes;
    memset(a, 0, sizeof *a);
    memset(ret_source, 0, sizeof *ret_source);
    a->struct_size = sizeof *a;
    uint32_t wire = wire_get_u32(reader);
    uint32_t unknown = wire;
    if (version >= 4)
        wire_get_u8(reader); /* the type */
    for (size_t i = 0; i < FIELDS_COUNT; i++) {
        if (!knows(version, &fields[i]) || !(wire & fields[i].wire))
            continue;
        get_field(reader, &fields[i], version, wire, a, ret_source);
        unknown &= ~fields[i].wire;
    }
    /* Where an unknown attribute would stand, and how long it is, nobody can tell. OpenSSH's server
     * lets them pass in version 3, and clients may count on it. */
    if (version >= 4 && unknown & ~WIRE_SUBSECOND)
        reader->failed = true;
}

/* --- kept ---------------------------------------------------------------------------------- */

/* Copy text to *next, which moves behind it. */
static struct sp_str keep_text(char **next, struct sp_str text)
{
    if (text.len > 0)
        memcpy(*next, text.data, (size_t)text.len);
    struct sp_str kept = {*next, text.len};
    *next += text.len;
    return kept;
}

int sftp_attributes_keep(struct sp_fs_attributes *a, const struct sftp_attributes_source *source,
                         void **ret_memory)
{
    struct sp_str *const texts[] = {&a->owner, &a->group, &a->mime_type, &a->untranslated_name};
    size_t flags_length = source->acl_lacks_flags ? 4 : 0;
    size_t length = flags_length + (size_t)(a->acl.len + source->pairs.len) +
                    (size_t)a->extended_count * sizeof(struct sp_pair);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        length += (size_t)texts[i]->len;
    *ret_memory = NULL;
    if (length == 0)
        return 0;
    struct sp_pair *pairs = malloc(length);
    if (!pairs)
        return SP_ERR_NOMEM;
    *ret_memory = pairs;
    char *next = (char *)(pairs + a->extended_count);
    struct wire_reader reader;
    wire_reader_init(&reader, source->pairs.data, (size_t)source->pairs.len);
    for (uint64_t i = 0; i < a->extended_count; i++) {
        pairs[i].name = keep_text(&next, wire_get_string(&reader));
        pairs[i].value = keep_text(&next, wire_get_string(&reader));
    }
    if (a->extended_count > 0)
        a->extended = pairs;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = keep_text(&next, *texts[i]);
    char *acl = next;
    memset(acl, 0, flags_length);
    next += flags_length;
    keep_text(&next, a->acl);
    a->acl = (struct sp_str){acl, a->acl.len + flags_length};
    return 0;
}

/* --- to the wire --------------------------------------------------------------------------- */

static bool pairs_fit(const struct sp_fs_attributes *a)
{
    uint64_t length = 0;
    for (uint64_t i = 0; i < a->extended_count && length <= LIST_MAX; i++)
        length += 8 + a->extended[i].name.len + a->extended[i].value.len;
    return length <= LIST_MAX;
}

/* Whether there is something to send for the field. */
static bool has(const struct sp_fs_attributes *a, uint32_t valid, const struct field *field)
{
    if (!(valid & field->valid))
        return false;
    if (field->kind == KIND_ACL)
        return a->acl.len >= ACL_MIN && a->acl.len <= LIST_MAX;
    return field->kind != KIND_PAIRS || pairs_fit(a);
}

static int put_time(struct buffer *buffer, const struct sp_time *time, bool has_nanoseconds)
{
    int rc = wire_put_u64(buffer, (uint64_t)time->seconds);
    return rc == 0 && has_nanoseconds ? wire_put_u32(buffer, time->nanoseconds) : rc;
}

/* Version 3 has 32 bits for a time; what lies outside is brought to the nearest end. */
static uint32_t time_v3(const struct sp_time *time)
{
    if (time->seconds < 0)
        return 0;
    return time->seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)time->seconds;
}

/* The two come together on the wire: one that is unknown is given as the other. */
static int put_two_times(struct buffer *buffer, const struct sp_fs_attributes *a)
{
    bool has_modified = a->valid & SP_ATTR_MODIFY_TIME,
         has_accessed = a->valid & SP_ATTR_ACCESS_TIME;
    int rc = wire_put_u32(buffer, time_v3(has_accessed ? &a->access_time : &a->modify_time));
    return rc == 0 ? wire_put_u32(buffer, time_v3(has_modified ? &a->modify_time : &a->access_time))
                   : rc;
}

static int put_text(struct buffer *buffer, struct sp_str text)
{
    return wire_put_string(buffer, text.data, text.len < TEXT_MAX ? (size_t)text.len : TEXT_MAX);
}

/* A name, or the number where there is no name. */
static int put_principal(struct buffer *buffer, const struct sp_fs_attributes *a,
                         struct sp_str name, uint32_t id)
{
    if (a->valid & SP_ATTR_OWNER_NAMES && (name.len > 0 || !(a->valid & SP_ATTR_OWNER_IDS)))
        return put_text(buffer, name);
    char digits[10];
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + id % 10);
        id /= 10;
    } while (id > 0);
    return wire_put_string(buffer, digits + start, sizeof digits - start);
}

static int put_names(struct buffer *buffer, const struct sp_fs_attributes *a)
{
    int rc = put_principal(buffer, a, a->owner, a->uid);
    return rc == 0 ? put_principal(buffer, a, a->group, a->gid) : rc;
}

static int put_pairs(struct buffer *buffer, const struct sp_fs_attributes *a)
{
    int rc = wire_put_u32(buffer, (uint32_t)a->extended_count);
    for (uint64_t i = 0; i < a->extended_count && rc == 0; i++) {
        const struct sp_pair *pair = &a->extended[i];
        rc = wire_put_string(buffer, pair->name.data, (size_t)pair->name.len);
        if (rc == 0)
            rc = wire_put_string(buffer, pair->value.data, (size_t)pair->value.len);
    }
    return rc;
}

static int put_bits(struct buffer *buffer, const struct sp_fs_attributes *a, uint32_t version)
{
    if (version < 6)
        return wire_put_u32(buffer, a->bits & a->bits_valid & SFTP_BITS_5);
    int rc = wire_put_u32(buffer, a->bits & a->bits_valid);
    return rc == 0 ? wire_put_u32(buffer, a->bits_valid) : rc;
}

static int put_field(struct buffer *buffer, const struct field *field, uint32_t version,
                     uint32_t wire, const struct sp_fs_attributes *a)
{
    int rc;
    switch ((enum kind)field->kind) {
    case KIND_U8:
        return wire_put_u8(buffer, (uint8_t) * (const uint32_t *)const_member(a, field));
    case KIND_U32:
        return wire_put_u32(buffer, *(const uint32_t *)const_member(a, field));
    case KIND_U64:
        return wire_put_u64(buffer, *(const uint64_t *)const_member(a, field));
    case KIND_TEXT:
        return put_text(buffer, *(const struct sp_str *)const_member(a, field));
    case KIND_TIME:
        return put_time(buffer, const_member(a, field), wire & WIRE_SUBSECOND);
    case KIND_TWO_TIMES:
        return put_two_times(buffer, a);
    case KIND_IDS:
        rc = wire_put_u32(buffer, a->uid);
        return rc == 0 ? wire_put_u32(buffer, a->gid) : rc;
    case KIND_NAMES:
        return put_names(buffer, a);
    case KIND_MODE_AND_TYPE:
        return wire_put_u32(buffer, sftp_attributes_mode(a));
    case KIND_MODE:
        return wire_put_u32(buffer, a->mode & 07777);
    case KIND_ACL:
        if (version >= 6)
            return wire_put_string(buffer, a->acl.data, (size_t)a->acl.len);
        return wire_put_string(buffer, a->acl.data + 4, (size_t)a->acl.len - 4);
    case KIND_BITS:
        return put_bits(buffer, a, version);
    case KIND_PAIRS:
        return put_pairs(buffer, a);
    }
    return SP_ERR_INVALID;
}

/* Version 4 knows no kinds of special files. */
static uint8_t type_of(const struct sp_fs_attributes *a, uint32_t valid, uint32_t version)
{
    if (!(valid & SP_ATTR_TYPE) || a->type < SP_FILE_REGULAR || a->type > SP_FILE_FIFO)
        return SP_FILE_UNKNOWN;
    return version < 5 && a->type > SP_FILE_UNKNOWN ? SP_FILE_SPECIAL : (uint8_t)a->type;
}

int sftp_attributes_put(struct buffer *buffer, uint32_t version,
                        const struct sp_fs_attributes *attributes, uint32_t mask)
{
    const struct sp_fs_attributes *a = attributes;
    uint32_t valid = a ? a->valid & mask : 0;
    uint32_t wire = 0;
    for (size_t i = 0; i < FIELDS_COUNT; i++)
        if (knows(version, &fields[i]) && has(a, valid, &fields[i]))
            wire |= fields[i].wire;
    if (version >= 4 && wire & WIRE_TIMES)
        wire |= WIRE_SUBSECOND;
    int rc = wire_put_u32(buffer, wire);
    if (rc == 0 && version >= 4)
        rc = wire_put_u8(buffer, type_of(a, valid, version));
    for (size_t i = 0; i < FIELDS_COUNT && rc == 0; i++)
        if (knows(version, &fields[i]) && wire & fields[i].wire)
            rc = put_field(buffer, &fields[i], version, wire, a);
    return rc;
}
