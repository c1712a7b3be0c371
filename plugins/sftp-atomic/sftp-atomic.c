/*
 * sftp-atomic.c: the plugin: a file that is about to be made, or made anew, is opened under a
 * hidden name in the same directory, and the core is told to give it its own once it is complete.
 *
 * Called on the event loop ("threading": "reactor"): nothing here waits.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <jansson.h>
#include <sallyport/plugin.h>

#include "common/pattern.h"

#define NAME_MOST 255u /* bytes of a name that file systems take */
#define PATH_MOST 4095u
#define TAIL_LENGTH (sizeof ".sallyport-" - 1 + 16)

struct atomic {
    const struct sp_host *host;
    json_t *config;
    const json_t *paths; /* in config */
    bool keeps_parts;
};

static bool is_meant(const struct atomic *self, struct sp_str path)
{
    for (size_t i = 0; i < json_array_size(self->paths); i++)
        if (pattern_covers(sp_str_of(json_string_value(json_array_get(self->paths, i))), path,
                           false))
            return true;
    return json_array_size(self->paths) == 0;
}

/* Only what begins from nothing: an upload that is resumed, or a file that is changed in its
 * middle, goes on where it is. */
static bool begins_anew(uint32_t flags)
{
    return flags & SP_OPEN_WRITE && flags & SP_OPEN_CREATE &&
           flags & (SP_OPEN_TRUNCATE | SP_OPEN_EXCLUSIVE) && !(flags & SP_OPEN_DELETE_ON_CLOSE);
}

/* No character is cut in two. */
static size_t cut(struct sp_str name, size_t most)
{
    size_t length = (size_t)name.len;
    if (length <= most)
        return length;
    length = most;
    while (length > 0 && ((unsigned char)name.data[length] & 0xc0) == 0x80)
        length--;
    return length;
}

/* "/dir/name" becomes "/dir/.name.sallyport-0123456789abcdef". False: it would be too long. */
static bool make_name(struct sp_str path, uint64_t number, char out[PATH_MOST + 1])
{
    struct sp_str name = path_name(path);
    size_t directory = (size_t)(path.len - name.len);
    size_t length = cut(name, NAME_MOST - TAIL_LENGTH - 1);
    if (directory + 1 + length + TAIL_LENGTH > PATH_MOST)
        return false;
    memcpy(out, path.data, directory);
    out[directory++] = '.';
    memcpy(out + directory, name.data, length);
    snprintf(out + directory + length, TAIL_LENGTH + 1, ".sallyport-%016llx",
             (unsigned long long)number);
    return true;
}

static bool make_number(uint64_t *ret_number)
{
    ssize_t n;
    do
        n = getrandom(ret_number, sizeof *ret_number, 0);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *ret_number;
}

static int32_t answer(const struct atomic *self, const struct sp_sftp_event *event,
                      struct sp_sftp_reply *reply)
{
    reply->head.struct_size = sizeof *reply;
    self->host->complete(self->host, event->head.token, &reply->head);
    return SP_PENDING;
}

static int32_t before(void *arg, const struct sp_sftp_event *event)
{
    const struct atomic *self = arg;
    char path[PATH_MOST + 1];
    uint64_t number;
    if (!begins_anew(event->flags) || !is_meant(self, event->path))
        return SP_NEXT;
    if (!make_number(&number))
        return SP_E_FAILED;
    struct sp_sftp_reply reply = {.head = {.verdict = SP_NEXT},
                                  .changes = SP_SFTP_CHANGE_PATH | SP_SFTP_CHANGE_FINAL,
                                  .final_path = event->path,
                                  .final_flags = self->keeps_parts ? SP_SFTP_FINAL_KEEP_PART : 0};
    if (make_name(event->path, number, path)) {
        reply.path = sp_str_of(path);
    } else {
        reply.head.verdict = SP_DENY;
        reply.changes = 0;
        reply.status = SP_FS_INVALID_FILENAME;
        reply.text = sp_str_of("The path leaves no room for a temporary name");
    }
    return answer(self, event, &reply);
}

static void destroy(void *arg)
{
    struct atomic *self = arg;
    json_decref(self->config);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct atomic *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    if (!self->config) {
        destroy(self);
        return SP_E_NOMEM;
    }
    const char *on_abort = json_string_value(json_object_get(self->config, "on_abort"));
    self->paths = json_object_get(self->config, "paths");
    self->keeps_parts = on_abort && strcmp(on_abort, "keep") == 0;
    *ret_self = self;
    return 0;
}

static const struct sp_sftp_v1 sftp = {.struct_size = sizeof sftp, .before = before};

static const struct sp_interface interfaces[] = {{SP_SFTP_INTERFACE, &sftp}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "sftp-atomic",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
