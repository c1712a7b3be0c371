/*
 * execute_directory.c: OPENDIR and READDIR. See execute.h. Reactor thread.
 *
 * A listing is made of three parts, in this order: "." and "..", the names that mounts make here,
 * and what the provider lists, without names that were given already. A NAME reply has as many as
 * are configured, and never passes 256 KiB: no more are asked for than fit, whatever they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "sftp/engine.h"
#include "sftp/execute.h"

static void open_handle(struct sftp_request *request, struct sftp_mount *mount,
                        uint64_t provider_handle)
{
    struct sftp_place place = request->place;
    place.mount = mount;
    sftp_request_opened(request, SFTP_HANDLE_DIRECTORY, &place, 0, provider_handle);
}

static void on_opendir(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK) {
        open_handle(request, request->place.mount, reply->handle);
    } else if (status == SP_FS_NO_SUCH_FILE && request->place.is_above_mount) {
        open_handle(request, NULL, 0);
    } else {
        sftp_handle_unreserve(request->engine);
        sftp_request_answer(request, status, reply);
    }
}

void sftp_execute_opendir(struct sftp_request *request)
{
    if (!sftp_handle_reserve(request->engine)) {
        sftp_request_status(request, SP_FS_FAILURE, "Too many open files");
        return;
    }
    if (!request->place.mount) {
        open_handle(request, NULL, 0);
        return;
    }
    sftp_call_path(&request->call, request->place.below, 0);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_opendir, on_opendir);
}

static int add(struct sftp_request *request, struct sp_str name,
               const struct sp_fs_attributes *attributes)
{
    int rc = request->act ? sftp_act_list(request->act, name, attributes) : 0;
    if (rc < 0)
        return rc;
    return sftp_listing_add(&request->listing, &request->engine->dialect, name, attributes,
                            (int64_t)time(NULL));
}

int sftp_request_list(struct sftp_request *request, const struct sp_fs_entry *entries,
                      uint64_t count)
{
    struct sftp_listing *listing = &request->listing;
    buffer_release(&listing->buffer);
    listing->count = 0;
    int rc = sftp_listing_begin(listing, request->message.id);
    for (uint64_t i = 0; i < count && rc == 0; i++)
        rc = sftp_listing_room(listing) == 0
                 ? SP_ERR_LIMIT
                 : sftp_listing_add(listing, &request->engine->dialect, entries[i].name,
                                    &entries[i].attributes, (int64_t)time(NULL));
    if (rc == 0)
        rc = sftp_listing_end(listing, &request->engine->dialect, request->handle->is_at_end);
    return rc;
}

static int add_synthetic(struct sftp_request *request, struct sp_str name)
{
    struct sp_fs_attributes attributes;
    sftp_tree_synthetic_attributes(&attributes);
    return add(request, name, &attributes);
}

/* Send what is listed, or EOF if that is nothing. */
static void reply_listing(struct sftp_request *request, int rc)
{
    if (rc == 0 && request->listing.count == 0) {
        sftp_request_status(request, SP_FS_EOF, NULL);
        return;
    }
    if (rc == 0)
        rc = sftp_listing_end(&request->listing, &request->engine->dialect,
                              request->handle->is_at_end);
    sftp_request_listing(request, rc);
}

/* What a client may be told: one component, of bounded length, that was not listed already. */
static bool is_listable(const struct sftp_request *request, struct sp_str name)
{
    if (name.len == 0 || name.len > SFTP_LISTED_NAME_MAX ||
        memchr(name.data, '/', (size_t)name.len) || memchr(name.data, '\0', (size_t)name.len))
        return false;
    if (name.data[0] == '.' && (name.len == 1 || (name.len == 2 && name.data[1] == '.')))
        return false;
    return !sftp_tree_has_mount(request->engine->tree, request->handle->path, name);
}

/* How many entries more the answer can have. Hooks get no more than they can be shown. */
static uint32_t entries_left(const struct sftp_request *request)
{
    uint32_t max = request->engine->tree->config->sftp_entries_per_answer;
    uint32_t room = sftp_listing_room(&request->listing);
    if (request->act && max > SFTP_ENTRIES_MAX)
        max = SFTP_ENTRIES_MAX;
    uint32_t left = max > request->listing.count ? max - request->listing.count : 0;
    return left < room ? left : room;
}

static void list_provider(struct sftp_request *request);

static void on_entries(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    struct sftp_handle *handle = request->handle;
    uint64_t wanted = call->event.handle.count;
    int rc = 0;
    if (status == SP_FS_OK && reply->entries_count > wanted) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave more than was asked for");
        return;
    }
    if (status == SP_FS_EOF || reply->eof || (status == SP_FS_OK && reply->entries_count == 0))
        handle->is_at_end = true;
    else if (status != SP_FS_OK && request->listing.count == 0) {
        sftp_request_answer(request, status, reply);
        return;
    }
    for (uint64_t i = 0; status == SP_FS_OK && i < reply->entries_count && rc == 0; i++)
        if (is_listable(request, reply->entries[i].name))
            rc = add(request, reply->entries[i].name, &reply->entries[i].attributes);
    /* Nothing to show among these, but more to come; or as many as were known to fit. */
    bool goes_on =
        request->listing.count == 0 ||
        (status == SP_FS_OK && reply->entries_count == wanted && entries_left(request) > 0);
    if (rc == 0 && goes_on && !handle->is_at_end)
        request->next = list_provider;
    else
        reply_listing(request, rc);
}

static void list_provider(struct sftp_request *request)
{
    struct sftp_handle *handle = request->handle;
    uint32_t count = entries_left(request);
    if (!handle->mount || handle->is_at_end || count == 0) {
        reply_listing(request, 0);
        return;
    }
    sftp_call_handle(&request->call, handle->provider_handle, count, NULL);
    sftp_request_ask(request, handle->mount, PLUGIN_FS_readdir, on_entries);
}

static void list_mounts(struct sftp_request *request);

static void on_mount(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    const char *last = vpath_last(request->names);
    struct sp_str name = {last, strlen(last)};
    int rc = status == SP_FS_OK && reply->attributes ? add(request, name, reply->attributes)
                                                     : add_synthetic(request, name);
    if (rc < 0)
        reply_listing(request, rc);
    else
        request->next = list_mounts;
}

static bool locate_below(struct sftp_request *request, struct sp_str name)
{
    const char *directory = request->handle->path;
    char *path = NULL;
    if (asprintf(&path, "%s/%.*s", strcmp(directory, "/") == 0 ? "" : directory, (int)name.len,
                 name.data) < 0)
        return false;
    free(request->names);
    request->names = path;
    sftp_tree_locate(request->engine->tree, path, &request->place);
    return true;
}

/* A mount looks as its provider says, unless that would hold up the whole list. */
static void list_mounts(struct sftp_request *request)
{
    struct sftp_handle *handle = request->handle;
    struct sp_str name;
    int rc = 0;
    while (
        rc == 0 && entries_left(request) > 0 &&
        sftp_tree_next_mount(request->engine->tree, handle->path, &handle->mount_cursor, &name)) {
        if (locate_below(request, name) && request->place.is_mount_point &&
            !request->place.mount->is_silent) {
            sftp_call_path(&request->call, "/", 0);
            sftp_request_ask(request, request->place.mount, PLUGIN_FS_stat, on_mount);
            return;
        }
        rc = add_synthetic(request, name);
    }
    if (rc < 0)
        reply_listing(request, rc);
    else
        list_provider(request);
}

/* One of "." and "..", with its attributes if the provider tells them. */
static void on_dot(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    bool is_parent = request->listing.count > 0;
    struct sp_str name = {"..", is_parent ? 2 : 1};
    int rc = status == SP_FS_OK && reply->attributes ? add(request, name, reply->attributes)
                                                     : add_synthetic(request, name);
    if (rc < 0)
        reply_listing(request, rc);
    else
        request->next = sftp_execute_readdir;
}

/* The directory above, as the user sees it: the root's is the root. */
static void locate_parent(struct sftp_request *request)
{
    struct sftp_tree *tree = request->engine->tree;
    char path[VPATH_MAX];
    strcpy(path, request->handle->path);
    if (!tree->is_restricted || strcmp(path, tree->home) != 0) {
        char *slash = strrchr(path, '/');
        slash[slash == path] = '\0';
    }
    free(request->names);
    request->names = strdup(path);
    sftp_tree_locate(tree, request->names ? request->names : "/", &request->place);
}

static void list_dot(struct sftp_request *request)
{
    if (request->listing.count == 0)
        sftp_tree_locate(request->engine->tree, request->handle->path, &request->place);
    else
        locate_parent(request);
    if (request->place.mount) {
        sftp_call_path(&request->call, request->place.below, 0);
        sftp_request_ask(request, request->place.mount, PLUGIN_FS_stat, on_dot);
        return;
    }
    int rc = add_synthetic(request, (struct sp_str){"..", request->listing.count == 0 ? 1 : 2});
    if (rc < 0)
        reply_listing(request, rc);
    else
        sftp_execute_readdir(request);
}

void sftp_execute_readdir(struct sftp_request *request)
{
    struct sftp_handle *handle = request->handle;
    if (request->listing.count == 0) {
        int rc = sftp_listing_begin(&request->listing, request->message.id);
        if (rc < 0) {
            reply_listing(request, rc);
            return;
        }
    }
    if (!handle->has_dots && request->listing.count < 2) {
        list_dot(request);
        return;
    }
    handle->has_dots = true;
    list_mounts(request);
}
