/*
 * execute_path.c: requests about names: removing, renaming, linking, resolving; and the few that
 * are about no file at all. See execute.h. Reactor thread.
 */
#include <stdlib.h>
#include <string.h>

#include "sftp/access.h"
#include "sftp/engine.h"
#include "sftp/execute.h"

static void on_removed(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK)
        sftp_access_note_gone(request->engine->tree, &request->place);
    sftp_request_answer(request, status, reply);
}

void sftp_execute_on_path(struct sftp_request *request)
{
    sftp_call_path(&request->call, request->place.below, 0);
    sftp_request_ask(request, request->place.mount, request->operation->provider, on_removed);
}

static void on_made(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK && request->operation->family == SP_SFTP_RENAME)
        sftp_access_note_gone(request->engine->tree, &request->place);
    if (status == SP_FS_OK)
        sftp_access_note(request->engine->tree,
                         request->target.mount ? &request->target : &request->place);
    sftp_request_answer(request, status, reply);
}

void sftp_execute_on_two_paths(struct sftp_request *request)
{
    if (request->operation->subject == SFTP_SUBJECT_TWO_PATHS &&
        request->place.mount->config != request->target.mount->config) {
        sftp_execute_move(request);
        return;
    }
    const char *target = request->operation->subject == SFTP_SUBJECT_LINK ? request->link_text
                                                                          : request->target.below;
    sftp_call_pair(&request->call, request->place.below, target, request->message.flags);
    sftp_request_ask(request, request->place.mount, request->operation->provider, on_made);
}

void sftp_execute_mkdir(struct sftp_request *request)
{
    sftp_call_create(&request->call, request->place.below, 0, &request->message.attributes);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_mkdir, on_made);
}

static void free_path(struct sftp_request *request)
{
    free(request->own);
}

static void on_looked(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK)
        sftp_request_path(request, request->own, reply->attributes);
    else if (request->message.check == SFTP_CHECK_IF_THERE)
        sftp_request_name(request, request->own);
    else
        sftp_request_answer(request, status, reply);
}

static void look(struct sftp_request *request)
{
    sftp_call_path(&request->call, request->place.below, 0);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_stat, on_looked);
}

/* The answer is known, and version 6 wants to know what is there. */
static void look_at(struct sftp_request *request, const char *shown)
{
    if (!request->place.mount) {
        struct sp_fs_attributes attributes;
        sftp_tree_synthetic_attributes(&attributes);
        bool is_there = request->place.is_above_mount;
        if (is_there || request->message.check == SFTP_CHECK_IF_THERE)
            sftp_request_path(request, shown, is_there ? &attributes : NULL);
        else
            sftp_request_status(request, SP_FS_NO_SUCH_FILE, NULL);
        return;
    }
    request->own = strdup(shown);
    request->free_own = free_path;
    if (!request->own)
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
    else if (request->call.state == SFTP_CALL_IDLE)
        look(request);
    else
        request->next = look;
}

/* A path in the tree is the answer; what the user may not see is not there. */
static void reply_path(struct sftp_request *request, const char *path)
{
    enum sftp_check check = request->message.check;
    const char *shown = sftp_tree_shown(request->engine->tree, path);
    if (!shown)
        sftp_request_status(request, SP_FS_NO_SUCH_FILE, NULL);
    else if (check == SFTP_CHECK_IF_THERE || check == SFTP_CHECK_ALWAYS)
        look_at(request, shown);
    else
        sftp_request_name(request, shown);
}

/* What a provider resolved, as a path in the tree. False: it makes no sense. */
static bool compose(const struct sftp_mount *mount, struct sp_str below, const char *last,
                    char out[VPATH_MAX])
{
    char whole[VPATH_MAX];
    struct sp_str mount_path = {mount->path, strlen(mount->path)};
    struct sp_str parts[] = {mount_path, {"/", 1}, below, {"/", 1}, {last, strlen(last)}};
    size_t length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len >= VPATH_MAX - length)
            return false;
        memcpy(whole + length, parts[i].data, (size_t)parts[i].len);
        length += (size_t)parts[i].len;
    }
    return vpath_resolve(out, "/", (struct sp_str){whole, length}) >= 0;
}

static void reply_composed(struct sftp_request *request, const struct sp_fs_reply *reply,
                           const char *last)
{
    char path[VPATH_MAX];
    bool is_there = *last == '\0';
    if (!is_there) /* its parent was resolved: there is nothing to look at */
        request->message.check = SFTP_CHECK_DEFAULT;
    if (reply->path.len > 0 && compose(request->place.mount, reply->path, last, path))
        reply_path(request, path);
    else
        sftp_request_status(request, SP_FS_FAILURE, "The storage could not resolve the path");
}

static void on_parent_resolved(struct sftp_call *call, uint32_t status,
                               const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK)
        reply_composed(request, reply, request->link_text);
    else
        sftp_request_answer(request, status, reply);
}

/* The last component need not exist: `put -r` and `scp -r` name what they are about to make. */
static void resolve_parent(struct sftp_request *request)
{
    char *slash = strrchr(request->names, '/');
    request->link_text = slash + 1; /* the name to add: place.below ends where it began */
    *slash = '\0';
    sftp_call_path(&request->call, *request->place.below ? request->place.below : "/", 0);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_realpath, on_parent_resolved);
}

static void on_resolved(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    if (status == SP_FS_OK)
        reply_composed(request, reply, "");
    else if (status == SP_FS_NO_SUCH_FILE && !request->place.is_above_mount &&
             request->message.check != SFTP_CHECK_ALWAYS)
        request->next = resolve_parent;
    else if (status == SP_FS_NO_SUCH_FILE)
        reply_path(request, request->place.path);
    else
        sftp_request_answer(request, status, reply);
}

void sftp_execute_realpath(struct sftp_request *request)
{
    const struct sftp_place *place = &request->place;
    /* Where a session begins is known without asking, and so are mounts. */
    if (request->message.check == SFTP_CHECK_NOTHING || !place->mount || place->is_mount_point ||
        !place->mount->instance || strcmp(place->path, request->engine->tree->home) == 0 ||
        !plugin_instance_offers(place->mount->instance, PLUGIN_FS_realpath)) {
        reply_path(request, place->path);
        return;
    }
    sftp_call_path(&request->call, place->below, 0);
    sftp_request_ask(request, place->mount, PLUGIN_FS_realpath, on_resolved);
}

static void on_link_text(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    struct sp_str text = reply->path;
    if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
        return;
    }
    if (text.len == 0 || text.len >= VPATH_MAX || memchr(text.data, '\0', (size_t)text.len)) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave no target");
        return;
    }
    char path[VPATH_MAX];
    memcpy(path, text.data, (size_t)text.len);
    path[text.len] = '\0';
    sftp_request_name(request, path);
}

void sftp_execute_readlink(struct sftp_request *request)
{
    sftp_call_path(&request->call, request->place.below, 0);
    sftp_request_ask(request, request->place.mount, PLUGIN_FS_readlink, on_link_text);
}

void sftp_execute_home_directory(struct sftp_request *request)
{
    const struct sftp_tree *tree = request->engine->tree;
    const char *user = request->names; /* NULL: whoever asks */
    const struct sp_str *own = &tree->connection->user;
    if (user && (strlen(user) != own->len || memcmp(user, own->data, (size_t)own->len) != 0))
        sftp_request_status(request, SP_FS_NO_SUCH_FILE, "No such user");
    else
        reply_path(request, tree->home);
}
