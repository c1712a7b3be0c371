/* final.c: see final.h. */
#include "sftp/final.h"

#include <sallyport/sftp.h>

#include "sftp/operations.h"

uint32_t sftp_final_check(struct sftp_tree *tree, const struct sftp_place *at, const char *path,
                          const char **ret_text)
{
    struct sftp_place place;
    if (!sftp_tree_shown(tree, path)) {
        *ret_text = "A plugin led out of the user's home";
        return SP_FS_PERMISSION_DENIED;
    }
    sftp_tree_locate(tree, path, &place);
    if (place.mount != at->mount || place.is_mount_point || place.is_above_mount) {
        *ret_text = "A plugin wants a file written on one mount and kept on another";
        return SP_FS_FAILURE;
    }
    return sftp_authorize(tree, sftp_operation(SFTP_OP_RENAME), 0, place.mount, place.mount,
                          ret_text);
}

/* path as the provider of mount knows it; NULL: it is another one's by now. */
static const char *below(struct sftp_tree *tree, const struct sftp_mount *mount, const char *path)
{
    struct sftp_place place;
    sftp_tree_locate(tree, path, &place);
    return place.mount == mount ? place.below : NULL;
}

bool sftp_final_rename(struct sftp_call *call, struct sftp_tree *tree,
                       const struct sftp_mount *mount, const char *path, const char *final_path,
                       uint32_t flags)
{
    const char *from = below(tree, mount, path), *to = below(tree, mount, final_path);
    if (!from || !to)
        return false;
    /* Who may open the name only if nothing is there may take it only then. */
    sftp_call_pair(call, from, to, flags & SP_OPEN_EXCLUSIVE ? 0 : SP_RENAME_OVERWRITE);
    return true;
}

bool sftp_final_remove(struct sftp_call *call, struct sftp_tree *tree,
                       const struct sftp_mount *mount, const char *path, uint32_t final_flags)
{
    const char *part = below(tree, mount, path);
    if (!part || final_flags & SP_SFTP_FINAL_KEEP_PART)
        return false;
    sftp_call_path(call, part, 0);
    return true;
}
