/*
 * operation.h: every operation of every interface, as one table made from operations.def. The host
 * knows an operation by its number here; nothing else in the core knows slots by name.
 */
#ifndef SALLYPORT_PLUGIN_OPERATION_H
#define SALLYPORT_PLUGIN_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

enum plugin_interface {
    PLUGIN_CONNECTION,
    PLUGIN_AUTH,
    PLUGIN_CHANNEL,
    PLUGIN_FS,
    PLUGIN_LOG,
    PLUGIN_SFTP,
    PLUGIN_INTERFACE_COUNT,
};

enum plugin_operation {
#define OPERATION(interface, name, event, reply, deadline_ms) PLUGIN_##interface##_##name,
#include "plugin/operations.def"
#undef OPERATION
    PLUGIN_OPERATION_COUNT,
};

struct layout;

struct plugin_operation_info {
    enum plugin_interface interface;
    uint32_t slot;        /* its index within the interface's table */
    const char *name;     /* "auth.password" */
    uint64_t deadline_ms; /* default; 0: none */
    const struct layout *event;
    const struct layout *reply;
    /* Whether the table has the slot filled, and the call itself. */
    bool (*is_offered)(const void *table);
    int32_t (*invoke)(const void *table, void *self, const struct sp_event *event);
};

const struct plugin_operation_info *plugin_operation_info(enum plugin_operation operation);
/* Whether a verdict means anything as the answer to the operation. Any negative one does. */
bool plugin_operation_accepts(enum plugin_operation operation, int32_t verdict);

/* Whether the operation only tells: nobody looks at the answer. */
bool plugin_operation_is_told(enum plugin_operation operation);
/* Whether the operation gives something back to the plugin, so that it must be called whatever has
 * become of who asked: close, closedir, detach, closed. */
bool plugin_operation_gives_back(enum plugin_operation operation);
/* "sallyport.auth/1" */
const char *plugin_interface_name(enum plugin_interface interface);
/* The size of its table as compiled here. */
uint32_t plugin_interface_size(enum plugin_interface interface);
/* PLUGIN_INTERFACE_COUNT if there is none of that name. */
enum plugin_interface plugin_interface_find(const char *name);

#endif
