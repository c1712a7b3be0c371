/*
 * fs-s3.c: the plugin: a storage provider on top of a store of objects that speaks as Amazon's S3
 * does. Start reading here: this file is the descriptor, the table of operations and attaching.
 *
 * The manifest says "threading": "connection": operations may wait for the store, and those of
 * different connections overlap.
 */
#include "fs_s3.h"

#include <stdlib.h>
#include <string.h>

#include <sallyport/helpers.h>

void *memory_take(struct s3 *s3, size_t size)
{
    size_t before = atomic_fetch_add(&s3->memory, size);
    void *data = before + size <= s3->options.memory_bytes ? calloc(1, size) : NULL;
    if (!data)
        atomic_fetch_sub(&s3->memory, size);
    return data;
}

void memory_give(struct s3 *s3, void *data, size_t size)
{
    free(data);
    atomic_fetch_sub(&s3->memory, size);
}

/* --- attaching ------------------------------------------------------------------------------- */

/* "prefix/root/top/": what the user sees as "/". False: a root that is no row of names. */
static bool add_names(struct text *prefix, struct sp_str names)
{
    const char *data = names.data;
    size_t length = (size_t)names.len;
    while (length > 0 && data[0] == '/')
        data++, length--;
    while (length > 0 && data[length - 1] == '/')
        length--;
    if (length == 0)
        return true;
    text_add(prefix, data, length);
    text_put(prefix, "/");
    return names_are_fit(data, length);
}

static int32_t attached(const struct s3 *s3, const struct sp_event *event, struct view *view)
{
    bool keeps = s3->options.setstat == SETSTAT_METADATA;
    struct sp_fs_support support = {
        .struct_size = sizeof support,
        .open_flags = SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE |
                      SP_OPEN_EXCLUSIVE | SP_OPEN_NOFOLLOW,
        .attributes = SP_ATTR_SIZE | SP_ATTR_PERMISSIONS | SP_ATTR_ACCESS_TIME |
                      SP_ATTR_MODIFY_TIME | SP_ATTR_TYPE,
        .attributes_set = keeps ? SP_ATTR_PERMISSIONS | SP_ATTR_MODIFY_TIME : 0,
        /* The new name has the old contents or the new, and the old one goes last. */
        .rename_flags = SP_RENAME_OVERWRITE | SP_RENAME_ATOMIC,
    };
    struct sp_fs_reply reply = sp_fs_reply_of(SP_OK);
    reply.handle = (uintptr_t)view;
    reply.support = &support;
    return sp_answer(s3->host, event, &reply.head);
}

static int32_t attach_below(struct s3 *s3, const struct sp_fs_attach *event, struct sp_str top)
{
    struct text prefix = {0};
    struct view *view = NULL;
    text_add(&prefix, s3->options.prefix.data, s3->options.prefix.length);
    bool is_fit =
        add_names(&prefix, event->root) && add_names(&prefix, top) && prefix.length <= KEY_MOST;
    if (is_fit && !prefix.failed)
        view = malloc(sizeof *view + prefix.length + 1);
    if (view) {
        view->length = prefix.length;
        if (prefix.length)
            memcpy(view->prefix, prefix.data, prefix.length);
        view->prefix[prefix.length] = '\0';
    }
    text_clear(&prefix);
    if (view)
        return attached(s3, &event->head, view);
    log_line(s3->host, SP_LOG_ERROR,
             is_fit ? "out of memory"
                    : "the root must be names with single slashes between them, none of them \".\" "
                      "or \"..\"");
    return sp_fs_fail(s3->host, &event->head, SP_FS_FAILURE, "The storage is not set up for you");
}

static int32_t attach(void *self, const struct sp_fs_attach *event)
{
    return attach_below(self, event, (struct sp_str){"", 0});
}

static int32_t attach_top(void *self, const struct sp_fs_attach *event)
{
    return attach_below(self, event, event->top);
}

static int32_t detach(void *self, const struct sp_fs_path *event)
{
    (void)self;
    free((void *)(uintptr_t)event->view);
    return SP_OK;
}

/* --- the instance ---------------------------------------------------------------------------- */

static void tick(void *self)
{
    struct s3 *s3 = self;
    credentials_refresh(s3->credentials);
}

static int32_t start(void *self)
{
    struct s3 *s3 = self;
    s3->jobs = jobs_new(s3->options.threads);
    if (s3->jobs)
        return 0;
    log_line(s3->host, SP_LOG_ERROR, "no threads can be started; lower threads (%u)",
             s3->options.threads);
    return SP_E_NOMEM;
}

static void stop(void *self)
{
    struct s3 *s3 = self;
    jobs_free(s3->jobs);
    s3->jobs = NULL;
}

static void destroy(void *self)
{
    struct s3 *s3 = self;
    stop(s3);
    transport_free(s3->transport);
    credentials_free(s3->credentials);
    options_clear(&s3->options);
    free(s3);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct s3 *s3 = calloc(1, sizeof *s3);
    if (!s3)
        return SP_E_NOMEM;
    s3->host = host;
    int rc = options_read(host, config_json, &s3->options);
    if (rc == 0) {
        s3->credentials = credentials_new(host, &s3->options);
        if (s3->credentials)
            s3->transport = transport_new(host, &s3->options, s3->credentials);
        rc = s3->transport ? 0 : SP_E_FAILED;
    }
    if (rc < 0) {
        destroy(s3);
        return rc;
    }
    *ret_self = s3;
    return 0;
}

static const struct sp_fs_v1 table = {
    .struct_size = sizeof table,
    .attach = attach,
    .detach = detach,
    .open = fs_open,
    .close = fs_close,
    .read = fs_read,
    .write = fs_write,
    .fstat = fs_fstat,
    .fsetstat = fs_fsetstat,
    .stat = fs_stat,
    .setstat = fs_setstat,
    .opendir = fs_opendir,
    .readdir = fs_readdir,
    .closedir = fs_closedir,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .remove = fs_remove,
    .rename = fs_rename,
    .copy = fs_copy,
    .hash = fs_hash,
    .attach_top = attach_top,
};

static const struct sp_interface interfaces[] = {{SP_FS_INTERFACE, &table}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "fs-s3",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .tick = tick,
};
