/*
 * deadlines.c: deadlines for single operations, by name. Called by manifest.c and instance.c as
 * they read what was configured.
 */
#include "plugin/deadlines.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "config/position.h"

#define LIST_ROOM 1536
#define KEY_ROOM 160

static bool is_known(const char *name, const bool *interfaces)
{
    for (unsigned i = 0; i < PLUGIN_OPERATION_COUNT; i++) {
        const struct plugin_operation_info *info = plugin_operation_info(i);
        if (interfaces[info->interface] && strcmp(info->name, name) == 0)
            return true;
    }
    return false;
}

static void list_known(const bool *interfaces, char *list, size_t size)
{
    size_t used = 0;
    list[0] = 0;
    for (unsigned i = 0; i < PLUGIN_OPERATION_COUNT; i++) {
        const struct plugin_operation_info *info = plugin_operation_info(i);
        if (!interfaces[info->interface] || used >= size)
            continue;
        int added = snprintf(list + used, size - used, "%s%s", used ? ", " : "", info->name);
        used += added > 0 ? (size_t)added : 0;
    }
}

int deadlines_check(const json_t *object, const bool interfaces[PLUGIN_INTERFACE_COUNT],
                    const char *file, const char *key, const struct positions *positions, int line,
                    struct report *report)
{
    size_t errors = report->errors;
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        const char *name = json_object_iter_key(at);
        char list[LIST_ROOM], pointer[KEY_ROOM];
        if (is_known(name, interfaces))
            continue;
        list_known(interfaces, list, sizeof list);
        snprintf(pointer, sizeof pointer, "%s/%.64s", key, name);
        int own = positions_line(positions, pointer);
        report_error(report, file, own ? own : line, pointer,
                     "the plugin has no operation \"%s\"; it has %s", name, list);
    }
    return report->errors == errors ? 0 : SP_ERR_INVALID;
}

uint64_t deadlines_get(const json_t *object, enum plugin_operation operation)
{
    const char *name = plugin_operation_info(operation)->name;
    return (uint64_t)json_integer_value(json_object_get(object, name));
}
