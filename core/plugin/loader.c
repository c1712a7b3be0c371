/*
 * loader.c: libltdl, and the comparison of descriptor and manifest. Called by the host when it
 * makes instances, before the worker is ready, and by `sallyport plugin check`.
 */
#include "plugin/loader.h"

#include <dlfcn.h>
#include <ltdl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define TABLE_MAX 4096u /* of an interface's struct_size: more is garbage */

_Static_assert(PLUGIN_OPERATION_COUNT <= 64, "loaded_plugin.operations has a bit for each");

/*
 * libltdl binds lazily and says "file not found" whatever is wrong. So the object is first opened
 * with everything bound, for the reason if it cannot be, and that handle is kept: the object stays.
 */
static const struct sp_plugin *open_library(const struct manifest *manifest, struct report *report)
{
    const char *file = manifest->library_file;
    const struct sp_plugin *descriptor = NULL;
    lt_dladvise advise = NULL;
    lt_dlhandle handle = NULL;

    /* Places to search would only matter for a library that is not where it should be. */
    unsetenv("LTDL_LIBRARY_PATH");
    unsetenv("LD_LIBRARY_PATH");
    /* A name without a slash would be searched for. */
    char *path = realpath(file, NULL);
    if (!path || !dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
        report_error(report, file, 0, NULL, "cannot be loaded: %s",
                     path ? dlerror() : "its path cannot be resolved");
        free(path);
        return NULL;
    }
    if (lt_dlinit() == 0 && lt_dladvise_init(&advise) == 0 && lt_dladvise_local(&advise) == 0 &&
        lt_dladvise_resident(&advise) == 0)
        handle = lt_dlopenadvise(path, advise);
    if (!handle)
        report_error(report, file, 0, NULL, "cannot be loaded: %s", lt_dlerror());
    else if (!(descriptor = lt_dlsym(handle, SP_PLUGIN_SYMBOL)))
        report_error(report, file, 0, NULL,
                     "does not export %s; define it with SP_PLUGIN, for ABI %d", SP_PLUGIN_SYMBOL,
                     SP_ABI_MAJOR);
    if (advise)
        lt_dladvise_destroy(&advise);
    free(path);
    return descriptor;
}

static void check_text(const char *what, const char *in_descriptor, const char *in_manifest,
                       const struct manifest *manifest, struct report *report)
{
    if (!in_descriptor || strcmp(in_descriptor, in_manifest) != 0)
        report_error(report, manifest->library_file, 0, NULL,
                     "its descriptor has the %s \"%s\", but %s says \"%s\"", what,
                     in_descriptor ? in_descriptor : "", manifest->file, in_manifest);
}

/* Compiled against a later minor than ours is fine: what it needs is for its manifest to say. */
static void check_abi(const struct sp_plugin *d, const struct manifest *manifest,
                      struct report *report)
{
    if (d->abi_major != SP_ABI_MAJOR)
        report_error(report, manifest->library_file, 0, NULL,
                     "was compiled against plugin ABI %u.%u; this build has %d.%d", d->abi_major,
                     d->abi_minor, SP_ABI_MAJOR, SP_ABI_MINOR);
}

/* A table has whole slots, and no more than its ABI gives it: of a later minor version's we cannot
 * know how many those are. */
static bool is_table_size(const struct sp_plugin *d, enum plugin_interface interface, uint32_t size)
{
    uint32_t most = d->abi_minor > SP_ABI_MINOR ? TABLE_MAX : plugin_interface_size(interface);
    return size >= 2 * sizeof(uint32_t) && size <= most &&
           (size - 2 * sizeof(uint32_t)) % sizeof(void (*)(void)) == 0;
}

static void take_table(struct loaded_plugin *plugin, enum plugin_interface interface,
                       const void *table, const struct manifest *manifest, struct report *report)
{
    uint32_t size = 0;
    if (table)
        memcpy(&size, table, sizeof size);
    if (!is_table_size(plugin->descriptor, interface, size)) {
        report_error(report, manifest->library_file, 0, NULL,
                     "its table for %s gives %u as its size; set struct_size to sizeof the table",
                     plugin_interface_name(interface), size);
        return;
    }
    plugin->tables[interface] = table;
    uint64_t before = plugin->operations;
    for (unsigned op = 0; op < PLUGIN_OPERATION_COUNT; op++) {
        const struct plugin_operation_info *info = plugin_operation_info(op);
        if (info->interface == interface && info->is_offered(table))
            plugin->operations |= UINT64_C(1) << op;
    }
    if (plugin->operations == before)
        report_warning(report, manifest->library_file, 0, NULL,
                       "its table for %s is empty: no operation of it is ever called",
                       plugin_interface_name(interface));
}

static void take_interfaces(struct loaded_plugin *plugin, const struct manifest *manifest,
                            struct report *report)
{
    bool seen[PLUGIN_INTERFACE_COUNT] = {false};
    const struct sp_interface *item = plugin->descriptor->interfaces;
    for (; item && item->name; item++) {
        enum plugin_interface interface = plugin_interface_find(item->name);
        if (interface == PLUGIN_INTERFACE_COUNT || !manifest->interfaces[interface]) {
            report_error(report, manifest->library_file, 0, NULL,
                         "its descriptor offers %s, which %s does not", item->name, manifest->file);
        } else if (seen[interface]) {
            report_error(report, manifest->library_file, 0, NULL, "its descriptor offers %s twice",
                         item->name);
        } else {
            seen[interface] = true;
            take_table(plugin, interface, item->table, manifest, report);
        }
    }
    for (unsigned i = 0; i < PLUGIN_INTERFACE_COUNT; i++)
        if (manifest->interfaces[i] && !seen[i])
            report_error(report, manifest->library_file, 0, NULL,
                         "%s offers %s, but its descriptor does not", manifest->file,
                         plugin_interface_name(i));
}

int loader_load(const struct manifest *manifest, struct loaded_plugin *ret_plugin,
                struct report *report)
{
    size_t errors = report->errors;
    *ret_plugin = (struct loaded_plugin){0};
    if (manifest_check_library(manifest, report) < 0)
        return SP_ERR_INVALID;
    const struct sp_plugin *d = open_library(manifest, report);
    if (!d)
        return SP_ERR_INVALID;

    /* create and destroy are the last that every plugin has. Nothing may be read before the size is
     * known to reach it. */
    if (!SP_HAS(d, destroy)) {
        report_error(report, manifest->library_file, 0, NULL,
                     "its descriptor gives %u as its size; set struct_size to sizeof(struct "
                     "sp_plugin)",
                     d->struct_size);
        return SP_ERR_INVALID;
    }
    ret_plugin->descriptor = d;
    check_abi(d, manifest, report);
    if (report->errors != errors)
        return SP_ERR_INVALID; /* of another ABI, the rest means something else */
    check_text("id", d->id, manifest->name, manifest, report);
    check_text("version", d->version, manifest->version, manifest, report);
    if (!d->create || !d->destroy)
        report_error(report, manifest->library_file, 0, NULL,
                     "its descriptor lacks %s, which every plugin must have",
                     d->create ? "destroy" : "create");
    take_interfaces(ret_plugin, manifest, report);
    return report->errors == errors ? 0 : SP_ERR_INVALID;
}
