/*
 * codec_open.c: how a file is to be opened: the flags of versions 3 and 4, the access mask and
 * flags of 5 and 6, and the flags of BLOCK, which are some of the latter. See codec.h.
 */
#include "sftp/codec.h"

static const struct {
    uint32_t wire;
    uint32_t flag;
} flags_3[] = {
    {0x01, SP_OPEN_READ},   {0x02, SP_OPEN_WRITE},    {0x04, SP_OPEN_APPEND},
    {0x08, SP_OPEN_CREATE}, {0x10, SP_OPEN_TRUNCATE}, {0x20, SP_OPEN_EXCLUSIVE},
    {0x40, SP_OPEN_TEXT}, /* 4 */
};

/* Versions 5 and 6: the low three bits say what to do with a file that is, or is not, there. */
#define DISPOSITION 0x7u

static const uint32_t dispositions[] = {
    SP_OPEN_CREATE | SP_OPEN_EXCLUSIVE, /* CREATE_NEW */
    SP_OPEN_CREATE | SP_OPEN_TRUNCATE,  /* CREATE_TRUNCATE */
    0,                                  /* OPEN_EXISTING */
    SP_OPEN_CREATE,                     /* OPEN_OR_CREATE */
    SP_OPEN_TRUNCATE,                   /* TRUNCATE_EXISTING */
};

/* Appending here is atomic always; that it need not be is nothing to tell a provider. Flags that
 * are not listed, backup and overriding owners among them, are refused. */
static const struct {
    uint32_t wire;
    uint32_t flag;
    uint32_t since;
    uint32_t lock; /* in BLOCK */
} flags_5[] = {
    {0x008, SP_OPEN_APPEND, 5, 0},
    {0x010, SP_OPEN_APPEND, 5, 0},
    {0x020, SP_OPEN_TEXT, 5, 0},
    {0x040, SP_OPEN_BLOCK_READ, 5, SP_LOCK_READ},
    {0x080, SP_OPEN_BLOCK_WRITE, 5, SP_LOCK_WRITE},
    {0x100, SP_OPEN_BLOCK_DELETE, 5, SP_LOCK_DELETE},
    {0x200, SP_OPEN_BLOCK_ADVISORY, 6, SP_LOCK_ADVISORY},
    {0x400, SP_OPEN_NOFOLLOW, 6, 0},
    {0x800, SP_OPEN_DELETE_ON_CLOSE, 6, 0},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The access mask, of which only the data's rights can be asked of a provider. */
#define ACCESS_READ_DATA 0x00000001u
#define ACCESS_WRITE_DATA 0x00000002u
#define ACCESS_APPEND_DATA 0x00000004u
#define ACCESS_ALL 0x001f01ffu

uint32_t sftp_open_flags(uint32_t wire, uint32_t *ret_flags)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < COUNT(flags_3); i++)
        if (wire & flags_3[i].wire)
            flags |= flags_3[i].flag;
    *ret_flags = flags;
    return SP_FS_OK;
}

uint32_t sftp_open_access(uint32_t version, uint32_t access, uint32_t wire, uint32_t *ret_flags)
{
    uint32_t disposition = wire & DISPOSITION, unknown = wire & ~DISPOSITION;
    *ret_flags = 0;
    if (disposition >= COUNT(dispositions))
        return SP_FS_INVALID_PARAMETER;
    uint32_t flags = dispositions[disposition];
    if (access & ACCESS_READ_DATA)
        flags |= SP_OPEN_READ;
    if (access & (ACCESS_WRITE_DATA | ACCESS_APPEND_DATA))
        flags |= SP_OPEN_WRITE;
    if ((access & (ACCESS_WRITE_DATA | ACCESS_APPEND_DATA)) == ACCESS_APPEND_DATA)
        flags |= SP_OPEN_APPEND; /* no right to write anywhere else */
    for (size_t i = 0; i < COUNT(flags_5); i++) {
        if (version < flags_5[i].since || !(wire & flags_5[i].wire))
            continue;
        flags |= flags_5[i].flag;
        unknown &= ~flags_5[i].wire;
    }
    *ret_flags = flags;
    return unknown ? SP_FS_OP_UNSUPPORTED : SP_FS_OK;
}

void sftp_open_supported(uint32_t version, uint32_t flags, uint32_t *ret_access, uint32_t *ret_wire)
{
    uint32_t wire = DISPOSITION;
    for (size_t i = 0; i < COUNT(flags_5); i++)
        if (version >= flags_5[i].since && flags & flags_5[i].flag)
            wire |= flags_5[i].wire;
    *ret_wire = wire;
    *ret_access = ACCESS_ALL;
}

bool sftp_lock_flags(uint32_t wire, uint32_t *ret_flags)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < COUNT(flags_5); i++) {
        if (!flags_5[i].lock || !(wire & flags_5[i].wire))
            continue;
        flags |= flags_5[i].lock;
        wire &= ~flags_5[i].wire;
    }
    *ret_flags = flags;
    return wire == 0;
}

uint16_t sftp_lock_combinations(uint32_t flags)
{
    /* SP_LOCK_* are in the order of the wire's flags, so a combination is its own number. */
    uint16_t combinations = 0;
    for (uint32_t combination = 0; combination < 16; combination++)
        if ((combination & ~flags) == 0)
            combinations = (uint16_t)(combinations | 1u << combination);
    return combinations;
}
