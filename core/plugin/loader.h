/*
 * loader.h: from a manifest to the descriptor in its library. Here a plugin's code runs for the
 * first time (its constructors do). Nothing that was loaded is ever unloaded. One thread at a time.
 */
#ifndef SALLYPORT_PLUGIN_LOADER_H
#define SALLYPORT_PLUGIN_LOADER_H

#include <stdint.h>

#include "plugin/manifest.h"

struct loaded_plugin {
    const struct sp_plugin *descriptor;
    const void *tables[PLUGIN_INTERFACE_COUNT]; /* NULL: not offered */
    uint64_t operations;                        /* bit for each enum plugin_operation */
};

/* Load the library and hold it against the manifest. 0, or SP_ERR_INVALID with all that is wrong in
 * report. */
int loader_load(const struct manifest *manifest, struct loaded_plugin *ret_plugin,
                struct report *report);

/* Whether the descriptor's sender knew and filled an optional function. */
#define LOADER_HAS(descriptor, function) (SP_HAS(descriptor, function) && (descriptor)->function)

#endif
