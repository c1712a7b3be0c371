/*
 * my-plugin.c: a directory with one file in it, which can be read and not changed.
 *
 * manifest.json says "threading": "reactor": the functions are called on the daemon's event loop,
 * one at a time, and must not wait. A store that is slow says "connection" instead.
 */
#include <sallyport/helpers.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define NAME "welcome.txt"

/* Handles are numbers of ours, given back as they are. */
enum { FILE_HANDLE = 1, DIRECTORY_HANDLE };

/* An instance: one use of the plugin in the daemon's configuration. */
struct instance {
    const struct sp_host *host; /* what the daemon does for us */
    json_t *config;
    struct sp_str text;
};

static struct sp_fs_attributes attributes_of_file(const struct instance *self)
{
    return sp_fs_attributes_of(SP_FILE_REGULAR, self->text.len);
}

/* A connection is about to use this provider; what we call it comes with every question. */
static int32_t fs_attach(void *arg, const struct sp_fs_attach *event)
{
    struct instance *self = arg;
    return sp_fs_opened(self->host, &event->head, 1);
}

static int32_t fs_stat(void *arg, const struct sp_fs_path *event)
{
    struct instance *self = arg;
    struct sp_fs_attributes attributes;
    if (sp_str_is(event->path, "/"))
        attributes = sp_fs_attributes_of(SP_FILE_DIRECTORY, 0);
    else if (sp_str_is(event->path, "/" NAME))
        attributes = attributes_of_file(self);
    else
        return sp_fs_fail(self->host, &event->head, SP_FS_NO_SUCH_FILE, NULL);
    return sp_fs_attributes_are(self->host, &event->head, &attributes);
}

static int32_t fs_realpath(void *arg, const struct sp_fs_path *event)
{
    struct instance *self = arg;
    return sp_fs_path_is(self->host, &event->head, event->path);
}

static int32_t fs_open(void *arg, const struct sp_fs_create *event)
{
    struct instance *self = arg;
    if (event->flags & (SP_OPEN_WRITE | SP_OPEN_CREATE | SP_OPEN_TRUNCATE))
        return sp_fs_fail(self->host, &event->head, SP_FS_WRITE_PROTECT,
                          "nothing here can be changed");
    if (!sp_str_is(event->path, "/" NAME))
        return sp_fs_fail(self->host, &event->head, SP_FS_NO_SUCH_FILE, NULL);
    return sp_fs_opened(self->host, &event->head, FILE_HANDLE);
}

/* The buffer is the daemon's: fill it in place. */
static int32_t fs_read(void *arg, const struct sp_fs_io *event)
{
    struct instance *self = arg;
    uint64_t left = event->offset < self->text.len ? self->text.len - event->offset : 0;
    uint64_t count = event->length < left ? event->length : left;
    if (count > 0)
        memcpy(event->buffer, self->text.data + event->offset, count);
    return sp_fs_done(self->host, &event->head, count, count == left);
}

static int32_t fs_fstat(void *arg, const struct sp_fs_handle *event)
{
    struct instance *self = arg;
    struct sp_fs_attributes attributes = attributes_of_file(self);
    return sp_fs_attributes_are(self->host, &event->head, &attributes);
}

static int32_t fs_opendir(void *arg, const struct sp_fs_path *event)
{
    struct instance *self = arg;
    if (!sp_str_is(event->path, "/"))
        return sp_fs_fail(self->host, &event->head, SP_FS_NO_SUCH_FILE, NULL);
    return sp_fs_opened(self->host, &event->head, DIRECTORY_HANDLE);
}

/* All there is at once, and that these are the last: it is not asked again. */
static int32_t fs_readdir(void *arg, const struct sp_fs_handle *event)
{
    struct instance *self = arg;
    struct sp_fs_entry entry = {.name = sp_str_of(NAME)};
    entry.attributes = attributes_of_file(self);
    return sp_fs_entries_are(self->host, &event->head, &entry, 1, 1);
}

/* Nothing was allocated for a handle, so there is nothing to free. */
static int32_t fs_close(void *arg, const struct sp_fs_handle *event)
{
    (void)arg;
    (void)event;
    return SP_OK;
}

static void destroy(void *arg)
{
    struct instance *self = arg;
    json_decref(self->config);
    free(self);
}

/* config_json is the instance's configuration: checked against the manifest, defaults filled in. */
static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct instance *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    self->text = sp_str_of(json_string_value(json_object_get(self->config, "text")));
    *ret_self = self;
    return self->config ? 0 : (destroy(self), SP_E_NOMEM);
}

/* A slot that is left out is an operation that is not supported. */
static const struct sp_fs_v1 fs = {
    .struct_size = sizeof fs,
    .attach = fs_attach,
    .open = fs_open,
    .close = fs_close,
    .read = fs_read,
    .fstat = fs_fstat,
    .stat = fs_stat,
    .opendir = fs_opendir,
    .readdir = fs_readdir,
    .closedir = fs_close,
    .realpath = fs_realpath,
};
static const struct sp_interface interfaces[] = {{SP_FS_INTERFACE, &fs}, {NULL, NULL}};

/* The one symbol that the daemon looks for. It must agree with the manifest. */
SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "my-plugin",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
