/*
 * acl.c: see acl.h.
 *
 * In a POSIX list the first entry that is about somebody decides, in a SFTP list each entry about
 * somebody adds to what is allowed or denied. So each entry becomes two: what it allows and, for
 * the rest, a denial that keeps later entries out; groups, of which a user has several, are all
 * allowed before any is denied. The way back takes a list in order, adds up per name, and gives to
 * every name what everybody has unless it is denied to that name. Where that would allow more than
 * the list does, the list is refused.
 */
#include "acl.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "fs_posix.h"

#define ATTRIBUTE "system.posix_acl_access"
#define VERSION 2u
#define ENTRIES_MOST 128u
#define ENTRY_SIZE 8u
#define WHO_MOST 1024u
#define ACES_MOST (4 * ENTRIES_MOST) /* each may take asking who it is about */

/* Tags, in the order in which the kernel wants them. */
enum { OWNER = 1, USER = 2, OWNING_GROUP = 4, GROUP = 8, MASK = 0x10, OTHER = 0x20 };

enum { ACE_ALLOW, ACE_DENY };
#define ACE_IS_GROUP 0x40u

#define ACE_READ 0x1u
#define ACE_WRITE 0x6u /* and append */
#define ACE_EXECUTE 0x20u
#define ACE_DELETE_CHILD 0x40u
#define ACE_ALWAYS 0x120080u /* read attributes and the list, synchronise */
#define ACE_OWNER 0x40100u   /* write attributes and the list */

struct entry {
    uint32_t tag;
    uint32_t id;
    uint32_t allowed; /* rwx, 4 2 1 */
    uint32_t denied;
};

struct list {
    struct entry entries[ENTRIES_MOST];
    uint32_t count;
};

static struct entry *add(struct list *list, uint32_t tag, uint32_t id, uint32_t allowed)
{
    if (list->count == ENTRIES_MOST)
        return NULL;
    list->entries[list->count] = (struct entry){.tag = tag, .id = id, .allowed = allowed};
    return &list->entries[list->count++];
}

static struct entry *find(struct list *list, uint32_t tag, uint32_t id)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->entries[i].tag == tag && (list->entries[i].id == id || !(tag & (USER | GROUP))))
            return &list->entries[i];
    return NULL;
}

static void of_mode(struct list *list, mode_t mode)
{
    add(list, OWNER, 0, mode >> 6 & 7u);
    add(list, OWNING_GROUP, 0, mode >> 3 & 7u);
    add(list, OTHER, 0, mode & 7u);
}

static uint32_t from_le32(const uint8_t *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return le32toh(value);
}

static uint32_t from_le16(const uint8_t *data)
{
    return data[0] | (uint32_t)data[1] << 8;
}

/* What the kernel keeps. */
static bool parse_kept(const uint8_t *data, size_t size, struct list *list)
{
    if (size < 4 || (size - 4) % ENTRY_SIZE || from_le32(data) != VERSION)
        return false;
    uint32_t mask = 7;
    for (const uint8_t *p = data + 4; p < data + size; p += ENTRY_SIZE) {
        if (from_le16(p) == MASK)
            mask = from_le16(p + 2);
        else if (!add(list, from_le16(p), from_le32(p + 4), from_le16(p + 2) & 7u))
            return false;
    }
    for (uint32_t i = 0; i < list->count; i++)
        if (list->entries[i].tag & (USER | OWNING_GROUP | GROUP))
            list->entries[i].allowed &= mask;
    return true;
}

/* --- to SFTP --- */

struct out {
    uint8_t *data;
    size_t size;
    uint32_t count;
    bool is_directory;
    bool has_failed;
};

static void put(struct out *out, const void *data, size_t size)
{
    uint8_t *grown = out->has_failed ? NULL : realloc(out->data, out->size + size);
    if (!grown) {
        out->has_failed = true;
        return;
    }
    memcpy(grown + out->size, data, size);
    out->data = grown;
    out->size += size;
}

static void put_u32(struct out *out, uint32_t value)
{
    uint32_t big = htobe32(value);
    put(out, &big, sizeof big);
}

static uint32_t mask_of(uint32_t permissions, bool is_directory)
{
    return (permissions & 4u ? ACE_READ : 0) | (permissions & 1u ? ACE_EXECUTE : 0) |
           (permissions & 2u ? ACE_WRITE | (is_directory ? ACE_DELETE_CHILD : 0) : 0);
}

static void put_ace(struct out *out, uint32_t type, const struct entry *entry, uint32_t mask,
                    const char *who)
{
    if (mask == 0)
        return;
    put_u32(out, type);
    put_u32(out, entry->tag & (GROUP | OWNING_GROUP) ? ACE_IS_GROUP : 0);
    put_u32(out, mask);
    put_u32(out, (uint32_t)strlen(who));
    put(out, who, strlen(who));
    out->count++;
}

/* The name in the list; unknown ones are their numbers. */
static bool who_of(struct names *names, const struct entry *entry, char *buffer)
{
    if (!(entry->tag & (USER | GROUP))) {
        strcpy(buffer, entry->tag == OWNER   ? "OWNER@"
                       : entry->tag == OTHER ? "EVERYONE@"
                                             : "GROUP@");
        return true;
    }
    char *name = names_of(names, entry->tag == USER ? NAME_USER : NAME_GROUP, entry->id);
    if (!name)
        return false;
    if (*name && strlen(name) < WHO_MOST)
        strcpy(buffer, name);
    else
        snprintf(buffer, WHO_MOST, "%u", entry->id);
    free(name);
    return true;
}

static void put_allowed(struct out *out, const struct entry *entry, const char *who)
{
    uint32_t mask = mask_of(entry->allowed, out->is_directory);
    if (entry->tag == OTHER)
        mask |= ACE_ALWAYS;
    if (entry->tag == OWNER)
        mask |= ACE_OWNER;
    put_ace(out, ACE_ALLOW, entry, mask, who);
}

static void put_denied(struct out *out, const struct entry *entry, const char *who)
{
    put_ace(out, ACE_DENY, entry, mask_of(~entry->allowed & 7u, out->is_directory), who);
}

/* All entries with these tags: what they allow, what they deny, or entry by entry. */
static void put_entries(struct out *out, struct names *names, const struct list *list,
                        uint32_t tags, bool allows, bool denies)
{
    char who[WHO_MOST];
    for (uint32_t i = 0; i < list->count; i++) {
        if (!(list->entries[i].tag & tags))
            continue;
        if (!who_of(names, &list->entries[i], who))
            out->has_failed = true;
        else if (allows)
            put_allowed(out, &list->entries[i], who);
        if (denies && !out->has_failed)
            put_denied(out, &list->entries[i], who);
    }
}

static int to_wire(struct names *names, const struct list *list, bool is_directory,
                   struct sp_str *ret_acl)
{
    struct out out = {.is_directory = is_directory};
    put_u32(&out, 0); /* the list's flags */
    put_u32(&out, 0); /* how many, filled in below */
    put_entries(&out, names, list, OWNER, true, true);
    put_entries(&out, names, list, USER, true, true);
    put_entries(&out, names, list, OWNING_GROUP | GROUP, true, false);
    put_entries(&out, names, list, OWNING_GROUP | GROUP, false, true);
    put_entries(&out, names, list, OTHER, true, false);
    if (out.has_failed) {
        free(out.data);
        return -ENOMEM;
    }
    uint32_t count = htobe32(out.count);
    memcpy(out.data + 4, &count, sizeof count);
    *ret_acl = (struct sp_str){(char *)out.data, out.size};
    return 0;
}

int acl_get(struct names *names, int fd, const char *name, mode_t mode, struct sp_str *ret_acl)
{
    /* A descriptor opened with O_PATH takes no fgetxattr(); /proc has the very file. */
    char path[512];
    uint8_t kept[4 + (ENTRIES_MOST + 1) * ENTRY_SIZE];
    struct list list = {.count = 0};
    ssize_t size = -1;
    if (snprintf(path, sizeof path, "/proc/self/fd/%d%s%s", fd, *name ? "/" : "", name) <
            (int)sizeof path &&
        !S_ISLNK(mode))
        size = *name ? lgetxattr(path, ATTRIBUTE, kept, sizeof kept)
                     : getxattr(path, ATTRIBUTE, kept, sizeof kept);
    if (size < 0 || !parse_kept(kept, (size_t)size, &list)) {
        if (size < 0 && errno == ERANGE)
            return -ERANGE;
        list.count = 0;
        of_mode(&list, mode);
    }
    return to_wire(names, &list, S_ISDIR(mode), ret_acl);
}

/* --- from SFTP --- */

struct in {
    const uint8_t *data;
    uint64_t left;
};

static bool take(struct in *in, void *data, uint64_t size)
{
    if (size > in->left)
        return false;
    if (data)
        memcpy(data, in->data, size);
    in->data += size;
    in->left -= size;
    return true;
}

static bool take_u32(struct in *in, uint32_t *ret_value)
{
    if (!take(in, ret_value, sizeof *ret_value))
        return false;
    *ret_value = be32toh(*ret_value);
    return true;
}

struct ace {
    uint32_t type;
    uint32_t flags;
    uint32_t mask;
    struct sp_str who;
};

static bool take_ace(struct in *in, struct ace *ace)
{
    uint32_t length;
    if (!take_u32(in, &ace->type) || !take_u32(in, &ace->flags) || !take_u32(in, &ace->mask) ||
        !take_u32(in, &length))
        return false;
    ace->who = (struct sp_str){(const char *)in->data, length};
    return take(in, NULL, length);
}

static bool is_who(const struct ace *ace, const char *name)
{
    return ace->who.len == strlen(name) && memcmp(ace->who.data, name, ace->who.len) == 0;
}

/* The entry that an ace is about, made if there is none. 0 or negative. */
static int entry_for(struct list *list, const struct ace *ace, struct entry **ret_entry)
{
    uint32_t tag = ace->flags & ACE_IS_GROUP ? GROUP : USER;
    uint32_t id = 0;
    if (is_who(ace, "OWNER@"))
        tag = OWNER;
    else if (is_who(ace, "GROUP@"))
        tag = OWNING_GROUP;
    else if (is_who(ace, "EVERYONE@"))
        tag = OTHER;
    else if (ace->who.len && ace->who.data[ace->who.len - 1] == '@')
        return -NO_PRINCIPAL; /* those with a meaning that this system does not have */
    int rc =
        tag & (USER | GROUP) ? names_find(tag == USER ? NAME_USER : NAME_GROUP, ace->who, &id) : 0;
    if (rc < 0)
        return rc;
    *ret_entry = find(list, tag, id);
    if (!*ret_entry)
        *ret_entry = add(list, tag, id, 0);
    return *ret_entry ? 0 : -NO_SUCH_ACL;
}

/* Writing is one permission here: who may only append may not write. */
static uint32_t permissions_of(const struct ace *ace)
{
    uint32_t writing = ace->mask & ACE_WRITE;
    bool writes = ace->type == ACE_ALLOW ? writing == ACE_WRITE : writing != 0;
    return (ace->mask & ACE_READ ? 4u : 0) | (writes ? 2u : 0) | (ace->mask & ACE_EXECUTE ? 1u : 0);
}

static uint32_t denied_to_other_groups(const struct list *list, const struct entry *entry)
{
    uint32_t denied = 0;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->entries[i].tag & (OWNING_GROUP | GROUP) && &list->entries[i] != entry)
            denied |= list->entries[i].denied;
    return denied;
}

/* Who is in a group that was denied something may be allowed no more of it, but to the kernel what
 * any group or the user's own entry allows is allowed: that cannot be kept. The owner may change
 * the list anyway. 0 or negative. */
static int allow(const struct list *list, struct entry *entry, uint32_t permissions)
{
    permissions &= ~entry->denied & ~entry->allowed;
    if (entry->tag & (USER | OWNING_GROUP | GROUP) &&
        permissions & denied_to_other_groups(list, entry))
        return -NO_SUCH_ACL;
    entry->allowed |= permissions;
    return 0;
}

static int take_list(struct sp_str acl, struct list *list)
{
    struct in in = {(const uint8_t *)acl.data, acl.len};
    uint32_t flags;
    uint32_t count;
    if (!take_u32(&in, &flags) || !take_u32(&in, &count))
        return -EINVAL;
    if (count > ACES_MOST)
        return -NO_SUCH_ACL;
    struct entry *everyone = add(list, OTHER, 0, 0);
    for (uint32_t i = 0; i < count; i++) {
        struct ace ace;
        struct entry *entry;
        if (!take_ace(&in, &ace))
            return -EINVAL;
        /* No audits, no alarms, nothing to be inherited. */
        if (ace.type > ACE_DENY || ace.flags & ~ACE_IS_GROUP)
            return -NO_SUCH_ACL;
        int rc = entry_for(list, &ace, &entry);
        if (rc < 0)
            return rc;
        uint32_t permissions = permissions_of(&ace);
        if (ace.type == ACE_ALLOW)
            rc = allow(list, entry, permissions & ~everyone->denied);
        else
            entry->denied |= permissions & ~entry->allowed;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Everybody's part added, the owner's and the owning group's entries there. */
static int complete(struct list *list)
{
    if ((!find(list, OWNER, 0) && !add(list, OWNER, 0, 0)) ||
        (!find(list, OWNING_GROUP, 0) && !add(list, OWNING_GROUP, 0, 0)))
        return -NO_SUCH_ACL;
    uint32_t everyone = find(list, OTHER, 0)->allowed;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < list->count; i++)
        rc = allow(list, &list->entries[i], everyone);
    return rc;
}

static uint8_t *put_kept(uint8_t *p, uint32_t tag, uint32_t permissions, uint32_t id)
{
    uint32_t le_id = htole32(id);
    p[0] = (uint8_t)tag;
    p[1] = 0;
    p[2] = (uint8_t)permissions;
    p[3] = 0;
    memcpy(p + 4, &le_id, sizeof le_id);
    return p + ENTRY_SIZE;
}

/* As the kernel keeps it; its size. kept has room for all entries and the mask. */
static size_t to_kept(const struct list *list, uint8_t *kept)
{
    static const uint32_t order[] = {OWNER, USER, OWNING_GROUP, GROUP, MASK, OTHER};
    uint32_t version = htole32(VERSION);
    uint8_t *p = kept + sizeof version;
    uint32_t mask = 0;
    bool has_names = false;
    memcpy(kept, &version, sizeof version);
    for (size_t o = 0; o < sizeof order / sizeof *order; o++) {
        if (order[o] == MASK && has_names)
            p = put_kept(p, MASK, mask, UINT32_MAX);
        for (uint32_t i = 0; i < list->count; i++) {
            const struct entry *entry = &list->entries[i];
            bool is_named = entry->tag & (USER | GROUP);
            if (entry->tag != order[o])
                continue;
            p = put_kept(p, entry->tag, entry->allowed, is_named ? entry->id : UINT32_MAX);
            has_names = has_names || is_named;
            mask |= entry->tag & (USER | OWNING_GROUP | GROUP) ? entry->allowed : 0;
        }
    }
    return (size_t)(p - kept);
}

static mode_t mode_of(struct list *list)
{
    return find(list, OWNER, 0)->allowed << 6 | find(list, OWNING_GROUP, 0)->allowed << 3 |
           find(list, OTHER, 0)->allowed;
}

int acl_set(int fd, mode_t mode, struct sp_str acl, mode_t *ret_mode)
{
    char path[32];
    uint8_t kept[4 + (ENTRIES_MOST + 1) * ENTRY_SIZE];
    struct list list = {.count = 0};
    if (S_ISLNK(mode))
        return -EOPNOTSUPP;
    int rc = take_list(acl, &list);
    if (rc == 0)
        rc = complete(&list);
    if (rc < 0)
        return rc;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (setxattr(path, ATTRIBUTE, kept, to_kept(&list, kept), 0) == 0)
        return 0;
    *ret_mode = mode_of(&list);
    return errno == EOPNOTSUPP && list.count == 3 ? 1 : -errno;
}
