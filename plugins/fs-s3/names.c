/*
 * names.c: operations on what has a name. Called by the host's pool.
 *
 * A directory is there as long as a key begins with it. One that was made is an empty object whose
 * key ends with "/", so that it stays when it is empty.
 */
#include "fs_s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sallyport/helpers.h>

/* --- keys ------------------------------------------------------------------------------------ */

static uint32_t compose(const struct view *view, struct sp_str path, bool is_directory,
                        struct key *ret_key, char *ret_why)
{
    size_t length = (size_t)(path.len ? path.len - 1 : 0); /* without the first "/" */
    bool has_slash = is_directory && length > 0;
    if (view->length + length + (has_slash ? 1 : 0) > KEY_MOST) {
        snprintf(ret_why, WHY_SIZE, "The name is too long: an object's has at most %u bytes",
                 KEY_MOST);
        return SP_FS_INVALID_FILENAME;
    }
    if (length > 0 && !names_are_fit(path.data + 1, length)) {
        snprintf(ret_why, WHY_SIZE, "The name must be UTF-8 without control characters");
        return SP_FS_INVALID_FILENAME;
    }
    memcpy(ret_key->text, view->prefix, view->length);
    if (length > 0)
        memcpy(ret_key->text + view->length, path.data + 1, length);
    ret_key->length = view->length + length;
    if (has_slash)
        ret_key->text[ret_key->length++] = '/';
    ret_key->text[ret_key->length] = '\0';
    return SP_FS_OK;
}

uint32_t key_of(const struct view *view, struct sp_str path, struct key *ret_key, char *ret_why)
{
    return compose(view, path, false, ret_key, ret_why);
}

uint32_t key_of_directory(const struct view *view, struct sp_str path, struct key *ret_key,
                          char *ret_why)
{
    return compose(view, path, true, ret_key, ret_why);
}

int32_t answer(const struct s3 *s3, const struct sp_event *event, uint32_t status, const char *why)
{
    if (status == SP_FS_OK)
        return SP_OK;
    if (status != SP_FS_NO_SUCH_FILE)
        log_line(s3->host, SP_LOG_DEBUG, "%s", why);
    return sp_fs_fail(s3->host, event, status, why);
}

/* --- attributes ------------------------------------------------------------------------------ */

int32_t fs_stat(void *self, const struct sp_fs_path *event)
{
    struct s3 *s3 = self;
    struct object object;
    char why[WHY_SIZE] = "";
    uint32_t status = object_find(s3, view_of(event->view), event->path, &object, why);
    if (status != SP_FS_OK) {
        object_clear(&object);
        return answer(s3, &event->head, status, why);
    }
    struct sp_fs_attributes attributes = attributes_of(&object);
    object_clear(&object);
    return sp_fs_attributes_are(s3->host, &event->head, &attributes);
}

/* Copied onto itself, which is how a store changes what it keeps beside an object. */
static uint32_t store_attributes(struct s3 *s3, const struct view *view, struct sp_str path,
                                 struct object *object, const struct sp_fs_attributes *attributes,
                                 char *ret_why)
{
    struct key key;
    struct text kept = {0};
    uint32_t status = key_of(view, path, &key, ret_why);
    text_add(&kept, object->kept.data, object->kept.length);
    metadata_set(&kept, attributes);
    if (kept.failed) {
        snprintf(ret_why, WHY_SIZE, "The server is out of memory: try again later");
        status = SP_FS_FAILURE;
    }
    if (status == SP_FS_OK)
        status = object_copy(s3, key.text, object, key.text, &kept, ret_why);
    text_clear(&kept);
    return status;
}

int32_t fs_setstat(void *self, const struct sp_fs_create *event)
{
    struct s3 *s3 = self;
    const struct sp_fs_attributes *attributes = event->attributes;
    struct object object;
    char why[WHY_SIZE] = "";
    uint32_t kept = SP_ATTR_MODIFY_TIME | SP_ATTR_PERMISSIONS;
    uint32_t status = object_find(s3, view_of(event->view), event->path, &object, why);
    bool is_resized = attributes->valid & SP_ATTR_SIZE && attributes->size != object.size;
    if (status == SP_FS_OK && is_resized) {
        snprintf(why, sizeof why, "An object cannot be changed in place: write it as a whole");
        status = SP_FS_OP_UNSUPPORTED;
    } else if (status == SP_FS_OK && s3->options.setstat == SETSTAT_REFUSE) {
        snprintf(why, sizeof why, "Attributes cannot be changed here");
        status = SP_FS_OP_UNSUPPORTED;
    } else if (status == SP_FS_OK && s3->options.setstat == SETSTAT_METADATA &&
               object.type == SP_FILE_REGULAR && attributes->valid & kept) {
        status = store_attributes(s3, view_of(event->view), event->path, &object, attributes, why);
    }
    object_clear(&object);
    return answer(s3, &event->head, status, why);
}

/* --- directories ----------------------------------------------------------------------------- */

int32_t fs_mkdir(void *self, const struct sp_fs_create *event)
{
    struct s3 *s3 = self;
    const struct view *view = view_of(event->view);
    struct object object;
    struct key key;
    struct text kept = {0};
    char why[WHY_SIZE] = "";
    uint32_t status = key_of_directory(view, event->path, &key, why);
    if (status == SP_FS_OK) {
        status = object_find(s3, view, event->path, &object, why);
        object_clear(&object);
        if (status == SP_FS_OK) {
            snprintf(why, sizeof why, "There is something of that name already");
            status = SP_FS_FILE_ALREADY_EXISTS;
        } else if (status == SP_FS_NO_SUCH_FILE) {
            text_put(&kept, "content-type: application/x-directory\n");
            status = object_put(s3, key.text, NULL, 0, &kept, false, why);
        }
    }
    text_clear(&kept);
    return answer(s3, &event->head, status, why);
}

/* SP_FS_OK: a directory without anything in it. */
static uint32_t check_empty(struct s3 *s3, const struct key *key, char *ret_why)
{
    struct page page = {0};
    uint32_t status = list_page(s3, key->text, 2, false, &page, ret_why);
    for (size_t i = 0; status == SP_FS_OK && i < page.count; i++)
        if (strcmp(page.entries[i].name, key->text) != 0) {
            snprintf(ret_why, WHY_SIZE, "The directory is not empty");
            status = SP_FS_DIR_NOT_EMPTY;
        }
    page_clear(&page);
    return status;
}

int32_t fs_rmdir(void *self, const struct sp_fs_path *event)
{
    struct s3 *s3 = self;
    const struct view *view = view_of(event->view);
    struct object object;
    struct key key;
    char why[WHY_SIZE] = "";
    uint32_t status = key_of_directory(view, event->path, &key, why);
    if (status == SP_FS_OK) {
        status = object_find(s3, view, event->path, &object, why);
        object_clear(&object);
    }
    if (status == SP_FS_OK && object.type != SP_FILE_DIRECTORY) {
        snprintf(why, sizeof why, "It is not a directory");
        status = SP_FS_NOT_A_DIRECTORY;
    }
    if (status == SP_FS_OK)
        status = check_empty(s3, &key, why);
    if (status == SP_FS_OK)
        status = object_delete(s3, key.text, why);
    return answer(s3, &event->head, status, why);
}

/* --- files ----------------------------------------------------------------------------------- */

int32_t fs_remove(void *self, const struct sp_fs_path *event)
{
    struct s3 *s3 = self;
    const struct view *view = view_of(event->view);
    struct object object;
    struct key key;
    char why[WHY_SIZE] = "";
    uint32_t status = key_of(view, event->path, &key, why);
    if (status == SP_FS_OK) {
        /* To delete what is not there is no error to a store. */
        status = object_find(s3, view, event->path, &object, why);
        object_clear(&object);
    }
    if (status == SP_FS_OK && object.type == SP_FILE_DIRECTORY) {
        snprintf(why, sizeof why, "It is a directory");
        status = SP_FS_FILE_IS_A_DIRECTORY;
    }
    if (status == SP_FS_OK)
        status = object_delete(s3, key.text, why);
    return answer(s3, &event->head, status, why);
}

static uint32_t move_file(struct s3 *s3, const struct key *source, const struct object *object,
                          const struct key *target, char *ret_why)
{
    uint32_t status = object_copy(s3, source->text, object, target->text, NULL, ret_why);
    return status == SP_FS_OK ? object_delete(s3, source->text, ret_why) : status;
}

/* The key of what is listed below source, below target. */
static uint32_t transpose(const struct key *source, const struct key *target, const char *name,
                          struct key *ret_key, char *ret_why)
{
    if (strncmp(name, source->text, source->length) != 0) {
        snprintf(ret_why, WHY_SIZE, "listing of %.200s: the store names keys that are not below it",
                 source->text);
        return SP_FS_FAILURE;
    }
    const char *rest = name + source->length;
    size_t length = strlen(rest);
    if (target->length + length > KEY_MOST) {
        snprintf(ret_why, WHY_SIZE, "A name in the directory would be too long");
        return SP_FS_INVALID_FILENAME;
    }
    memcpy(ret_key->text, target->text, target->length);
    memcpy(ret_key->text + target->length, rest, length + 1);
    ret_key->length = target->length + length;
    return SP_FS_OK;
}

/* Everything is copied before anything is deleted, so a failure leaves the directory as it was. */
static uint32_t move_directory(struct s3 *s3, const struct key *source, const struct key *target,
                               char *ret_why)
{
    struct page page = {0};
    unsigned most = s3->options.rename_objects;
    if (strncmp(target->text, source->text, source->length) == 0) {
        snprintf(ret_why, WHY_SIZE, "A directory cannot be moved into itself");
        return SP_FS_INVALID_PARAMETER;
    }
    uint32_t status = list_page(s3, source->text, most + 1, false, &page, ret_why);
    if (status == SP_FS_OK && (page.count > most || !page.is_last)) {
        snprintf(ret_why, WHY_SIZE,
                 "A store renames objects one by one, and in the directory are more than the %u "
                 "that are allowed (rename_objects_max): move them yourself",
                 most);
        status = SP_FS_OP_UNSUPPORTED;
    }
    for (size_t i = 0; status == SP_FS_OK && i < page.count; i++) {
        struct key to;
        struct object object = {0};
        status = transpose(source, target, page.entries[i].name, &to, ret_why);
        if (status == SP_FS_OK)
            status = object_head(s3, page.entries[i].name, &object, ret_why);
        if (status == SP_FS_OK)
            status = object_copy(s3, page.entries[i].name, &object, to.text, NULL, ret_why);
        object_clear(&object);
    }
    for (size_t i = 0; status == SP_FS_OK && i < page.count; i++)
        status = object_delete(s3, page.entries[i].name, ret_why);
    page_clear(&page);
    return status;
}

/* Whether the new name can be taken: by a file in place of a file, by a directory in place of an
 * empty one. */
static uint32_t check_target(struct s3 *s3, const struct sp_fs_pair *event, uint32_t source_type,
                             const struct key *target, char *ret_why)
{
    struct object object;
    uint32_t status = object_find(s3, view_of(event->view), event->target, &object, ret_why);
    object_clear(&object);
    if (status == SP_FS_NO_SUCH_FILE)
        return SP_FS_OK;
    if (status != SP_FS_OK)
        return status;
    if (event->flags & SP_RENAME_OVERWRITE && object.type == source_type)
        return object.type == SP_FILE_REGULAR ? SP_FS_OK : check_empty(s3, target, ret_why);
    snprintf(ret_why, WHY_SIZE, "There is something of that name already");
    return SP_FS_FILE_ALREADY_EXISTS;
}

static uint32_t rename_found(struct s3 *s3, const struct sp_fs_pair *event,
                             const struct object *object, char *ret_why)
{
    const struct view *view = view_of(event->view);
    bool is_directory = object->type == SP_FILE_DIRECTORY;
    struct key source, target;
    uint32_t status = is_directory ? key_of_directory(view, event->path, &source, ret_why)
                                   : key_of(view, event->path, &source, ret_why);
    if (status == SP_FS_OK)
        status = is_directory ? key_of_directory(view, event->target, &target, ret_why)
                              : key_of(view, event->target, &target, ret_why);
    if (status != SP_FS_OK || strcmp(source.text, target.text) == 0)
        return status; /* onto itself: done */
    status = check_target(s3, event, object->type, &target, ret_why);
    if (status != SP_FS_OK)
        return status;
    return is_directory ? move_directory(s3, &source, &target, ret_why)
                        : move_file(s3, &source, object, &target, ret_why);
}

int32_t fs_rename(void *self, const struct sp_fs_pair *event)
{
    struct s3 *s3 = self;
    struct object object;
    char why[WHY_SIZE] = "";
    uint32_t status = object_find(s3, view_of(event->view), event->path, &object, why);
    if (status == SP_FS_OK)
        status = rename_found(s3, event, &object, why);
    object_clear(&object);
    return answer(s3, &event->head, status, why);
}
