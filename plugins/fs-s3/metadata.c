/*
 * metadata.c: the attributes of a file that an object keeps beside its contents: x-amz-meta-mtime,
 * in seconds, and x-amz-meta-mode, as st_mode in decimal, which other programs read and write, too.
 * Called by files.c, names.c and writer.c. No state.
 */
#include "fs_s3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MTIME "x-amz-meta-mtime: "
#define MODE "x-amz-meta-mode: "
#define S_IFREG_ 0100000u

/* The line that begins so, or NULL. */
static char *find(const struct text *kept, const char *name)
{
    size_t length = strlen(name);
    for (char *line = kept->data; line && *line; line = strchr(line, '\n') + 1)
        if (strncmp(line, name, length) == 0)
            return line;
    return NULL;
}

static void drop(struct text *kept, const char *name)
{
    char *line = find(kept, name);
    if (!line)
        return;
    char *end = strchr(line, '\n') + 1;
    size_t length = (size_t)(end - line);
    memmove(line, end, (size_t)(kept->data + kept->length - end) + 1);
    kept->length -= length;
}

void metadata_set(struct text *kept, const struct sp_fs_attributes *attributes)
{
    char line[64];
    if (attributes->valid & SP_ATTR_MODIFY_TIME) {
        drop(kept, MTIME);
        snprintf(line, sizeof line, MTIME "%" PRId64 ".%09u\n", attributes->modify_time.seconds,
                 attributes->modify_time.nanoseconds % 1000000000u);
        text_put(kept, line);
    }
    if (attributes->valid & SP_ATTR_PERMISSIONS) {
        drop(kept, MODE);
        snprintf(line, sizeof line, MODE "%u\n", S_IFREG_ | (attributes->mode & 0777u));
        text_put(kept, line);
    }
}

void metadata_get(const struct text *kept, struct sp_fs_attributes *attributes)
{
    const char *line = find(kept, MTIME);
    char *end = NULL;
    int64_t seconds = line ? strtoll(line + strlen(MTIME), &end, 10) : 0;
    if (line && end > line + strlen(MTIME)) {
        attributes->modify_time = (struct sp_time){.seconds = seconds};
        if (*end == '.') {
            uint32_t unit = 100000000;
            for (end++; *end >= '0' && *end <= '9' && unit; end++, unit /= 10)
                attributes->modify_time.nanoseconds += (uint32_t)(*end - '0') * unit;
        }
        attributes->access_time = attributes->modify_time;
        attributes->valid |= SP_ATTR_MODIFY_TIME | SP_ATTR_ACCESS_TIME;
    }
    line = find(kept, MODE);
    if (line) {
        attributes->mode = (uint32_t)strtoul(line + strlen(MODE), NULL, 10) & 0777u;
        attributes->valid |= SP_ATTR_PERMISSIONS;
    }
}

struct sp_fs_attributes attributes_of(const struct object *object)
{
    bool is_directory = object->type == SP_FILE_DIRECTORY;
    struct sp_fs_attributes attributes = {
        .struct_size = sizeof attributes,
        .valid = SP_ATTR_TYPE | SP_ATTR_SIZE | SP_ATTR_PERMISSIONS,
        .type = object->type,
        .size = object->size,
        .mode = is_directory ? 0755u : 0644u,
    };
    if (object->modified) {
        attributes.valid |= SP_ATTR_MODIFY_TIME | SP_ATTR_ACCESS_TIME;
        attributes.modify_time.seconds = attributes.access_time.seconds = object->modified;
    }
    metadata_get(&object->kept, &attributes);
    return attributes;
}
