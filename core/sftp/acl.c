/*
 * acl.c: a mode as an access control list (draft-ietf-secsh-filexfer-13, 7.8; RFC 8881, 6.4.3.2).
 * See acl.h.
 *
 * A list is read from its top, and everybody falls under EVERYONE@: what the owner, or the group,
 * lacks and those after it have must be denied before they come.
 */
#include "sftp/acl.h"

#include <string.h>

#define ACE_ALLOW 0u
#define ACE_DENY 1u
#define ACE_IS_GROUP 0x40u

/* Access masks: as files and directories have them. */
#define READ 0x00000001u
#define WRITE 0x00000006u /* and append */
#define EXECUTE 0x00000020u
#define DELETE_CHILD 0x00000040u
/* Anyone may look at attributes and list; the owner may change them. */
#define ALWAYS 0x00120080u
#define OWNERS 0x000c0110u

struct writer {
    uint8_t *out;
    size_t length;
    uint32_t count;
};

static void put_u32(struct writer *writer, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        writer->out[writer->length++] = (uint8_t)(value >> shift);
}

static void put_entry(struct writer *writer, uint32_t type, uint32_t mask, const char *who)
{
    if (mask == 0)
        return;
    size_t length = strlen(who);
    put_u32(writer, type);
    put_u32(writer, strcmp(who, "GROUP@") == 0 ? ACE_IS_GROUP : 0);
    put_u32(writer, mask);
    put_u32(writer, (uint32_t)length);
    memcpy(writer->out + writer->length, who, length);
    writer->length += length;
    writer->count++;
}

static uint32_t mask_of(uint32_t bits, uint32_t is_directory)
{
    uint32_t write = WRITE | (is_directory ? DELETE_CHILD : 0);
    return (bits & 4 ? READ : 0) | (bits & 2 ? write : 0) | (bits & 1 ? EXECUTE : 0);
}

struct sp_str sftp_acl_from_mode(const struct sp_fs_attributes *attributes,
                                 uint8_t out[SFTP_ACL_FROM_MODE_BYTES])
{
    uint32_t is_directory =
        attributes->valid & SP_ATTR_TYPE && attributes->type == SP_FILE_DIRECTORY;
    uint32_t owner = mask_of(attributes->mode >> 6, is_directory);
    uint32_t group = mask_of(attributes->mode >> 3, is_directory);
    uint32_t other = mask_of(attributes->mode, is_directory);
    struct writer writer = {.out = out};
    put_u32(&writer, 0); /* flags */
    put_u32(&writer, 0); /* the count, below */
    put_entry(&writer, ACE_ALLOW, owner | ALWAYS | OWNERS, "OWNER@");
    put_entry(&writer, ACE_DENY, (group | other) & ~owner, "OWNER@");
    put_entry(&writer, ACE_ALLOW, group | ALWAYS, "GROUP@");
    put_entry(&writer, ACE_DENY, other & ~group, "GROUP@");
    put_entry(&writer, ACE_ALLOW, other | ALWAYS, "EVERYONE@");
    out[7] = (uint8_t)writer.count;
    return (struct sp_str){(const char *)out, writer.length};
}
