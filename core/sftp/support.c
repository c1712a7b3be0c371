/*
 * support.c: what is asked of providers, held against what they can do. See support.h.
 */
#include "sftp/support.h"

#include <string.h>

#include "sftp/storage.h"

#define LEAST_OPEN                                                                                 \
    (SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_APPEND | SP_OPEN_CREATE | SP_OPEN_TRUNCATE |           \
     SP_OPEN_EXCLUSIVE | SP_OPEN_NOFOLLOW)
#define LEAST_ATTRIBUTES_SET                                                                       \
    (SP_ATTR_SIZE | SP_ATTR_OWNER_IDS | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |                \
     SP_ATTR_MODIFY_TIME)
/* What the engine does where the provider does not, and what is but a wish: a file that is blocked
 * for all is blocked for those who ask, too. */
#define CORE_OPEN (SP_OPEN_TEXT | SP_OPEN_DELETE_ON_CLOSE | SP_OPEN_BLOCK_ADVISORY)

void sftp_support_init(struct sp_fs_support *support, const struct sp_fs_support *told)
{
    *support = (struct sp_fs_support){.struct_size = sizeof *support,
                                      .open_flags = LEAST_OPEN,
                                      .attributes = LEAST_ATTRIBUTES_SET | SP_ATTR_TYPE,
                                      .attributes_set = LEAST_ATTRIBUTES_SET,
                                      .rename_flags = SP_RENAME_OVERWRITE | SP_RENAME_ATOMIC};
    if (!told)
        return;
    size_t size = told->struct_size < sizeof *support ? told->struct_size : sizeof *support;
    memset(support, 0, sizeof *support);
    memcpy(support, told, size);
    support->struct_size = sizeof *support;
}

void sftp_support_add(struct sp_fs_support *all, const struct sp_fs_support *one)
{
    all->open_flags |= one->open_flags;
    all->attributes |= one->attributes;
    all->attributes_set |= one->attributes_set;
    all->attribute_bits |= one->attribute_bits;
    all->rename_flags |= one->rename_flags;
    all->lock_flags |= one->lock_flags;
    all->acl |= one->acl;
}

static uint32_t check_open(const struct sp_fs_support *support, struct sp_fs_create *event,
                           const char **ret_text)
{
    if (event->flags & ~support->open_flags & ~CORE_OPEN) {
        *ret_text = "The storage cannot open files in this way";
        return SP_FS_OP_UNSUPPORTED;
    }
    event->flags &= support->open_flags;
    return SP_FS_OK;
}

/* A lock that binds all binds those who ask, too: the wish for no more than that is a hint. */
static uint32_t check_lock(const struct sp_fs_support *support, struct sp_fs_lock *event,
                           const char **ret_text)
{
    if (event->flags & ~support->lock_flags & ~SP_LOCK_ADVISORY) {
        *ret_text = "The storage has no locks of this kind";
        return SP_FS_BYTE_RANGE_LOCK_REFUSED;
    }
    event->flags &= support->lock_flags;
    return SP_FS_OK;
}

/* How the system below does it by itself is what every provider does. */
static uint32_t check_rename(const struct sp_fs_support *support, struct sp_fs_pair *event,
                             const char **ret_text)
{
    if (event->flags & ~support->rename_flags & ~SP_RENAME_NATIVE) {
        *ret_text = "The storage cannot rename in this way";
        return SP_FS_OP_UNSUPPORTED;
    }
    event->flags &= support->rename_flags;
    return SP_FS_OK;
}

/* Of several attributes those that can be set are; none at all is no success. A size may be what it
 * is already, which the provider knows; one that names no attributes judges for itself. */
static uint32_t check_set(const struct sp_fs_support *support,
                          const struct sp_fs_attributes *attributes, const char **ret_text)
{
    if (attributes->valid == 0 || support->attributes_set == 0 ||
        attributes->valid & (support->attributes_set | SP_ATTR_SIZE))
        return SP_FS_OK;
    *ret_text = "The storage cannot change these attributes";
    return SP_FS_OP_UNSUPPORTED;
}

uint32_t sftp_support_check(const struct sp_fs_support *support, struct sftp_call *call,
                            const char **ret_text)
{
    switch (call->call.operation) {
    case PLUGIN_FS_open:
        return check_open(support, &call->event.create, ret_text);
    case PLUGIN_FS_lock:
        return check_lock(support, &call->event.lock, ret_text);
    case PLUGIN_FS_rename:
        return check_rename(support, &call->event.pair, ret_text);
    case PLUGIN_FS_setstat:
        return check_set(support, call->event.create.attributes, ret_text);
    case PLUGIN_FS_fsetstat:
        return check_set(support, call->event.handle.attributes, ret_text);
    default:
        return SP_FS_OK;
    }
}
