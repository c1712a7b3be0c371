/*
 * execute_session.c: the extensions that are about no file: limits, names of users and groups, who
 * the client is, how names are written. See execute.h. Reactor thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sftp/codec_extensions.h"
#include "sftp/engine.h"
#include "sftp/execute.h"

#define VENDOR_TEXT_MAX 256u

void sftp_execute_limits(struct sftp_request *request)
{
    struct buffer *message = sftp_scratch();
    int rc = sftp_put_limits(message, request->message.id, sftp_handles_max(request->engine));
    sftp_request_message(request, message, rc);
}

/* --- users and groups ---------------------------------------------------------------------- */

/* Whom to ask: one number can be two users on two mounts, and the request names no mount. The
 * provider of "/" speaks for all; if it knows no names, the first that does. NULL: none. */
static struct sftp_mount *mount_that_knows(struct sftp_tree *tree)
{
    struct sftp_mount *found = NULL;
    for (size_t i = 0; i < tree->mounts_count; i++) {
        struct sftp_mount *mount = tree->mounts[i];
        if (!mount->instance || !plugin_instance_offers(mount->instance, PLUGIN_FS_principals))
            continue;
        if (strcmp(mount->config->path, "/") == 0)
            return mount;
        if (!found)
            found = mount;
    }
    return found;
}

static void on_names(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    struct sftp_request *request = sftp_request_of(call);
    uint64_t users = request->message.users.len / 4, groups = request->message.groups.len / 4;
    if (status != SP_FS_OK) {
        sftp_request_answer(request, status, reply);
        return;
    }
    if (reply->principals_count != users + groups || (!reply->principals && users + groups > 0)) {
        sftp_request_status(request, SP_FS_FAILURE, "The storage gave another number of names");
        return;
    }
    struct buffer *message = sftp_scratch();
    int rc = sftp_put_principals(message, request->message.id, reply->principals, users, groups);
    sftp_request_message(request, message, rc);
}

static void add(struct sp_fs_principal *principals, uint32_t kind, struct sp_str numbers)
{
    struct wire_reader reader;
    wire_reader_init(&reader, numbers.data, (size_t)numbers.len);
    for (uint64_t i = 0; i < numbers.len / 4; i++)
        principals[i] =
            (struct sp_fs_principal){.kind = kind, .id = wire_get_u32(&reader), .name = {"", 0}};
}

static void principals_free(struct sftp_request *request)
{
    free(request->own);
}

void sftp_execute_users_groups(struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    uint64_t users = message->users.len / 4, groups = message->groups.len / 4;
    struct sftp_mount *mount = mount_that_knows(request->engine->tree);
    if (!mount) {
        sftp_request_status(request, SP_FS_OP_UNSUPPORTED, NULL);
        return;
    }
    if (users + groups > SFTP_IDS_MAX) {
        sftp_request_status(request, SP_FS_FAILURE, "Too many numbers at once");
        return;
    }
    struct sp_fs_principal *principals = calloc((size_t)(users + groups) + 1, sizeof *principals);
    if (!principals) {
        sftp_request_status(request, SP_FS_FAILURE, "Out of memory");
        return;
    }
    add(principals, SP_PRINCIPAL_USER, message->users);
    add(principals + users, SP_PRINCIPAL_GROUP, message->groups);
    request->own = principals;
    request->free_own = principals_free;
    sftp_call_principals(&request->call, principals, users + groups);
    sftp_request_ask(request, mount, PLUGIN_FS_principals, on_names);
}

/* --- what clients say of themselves --------------------------------------------------------- */

static struct sp_str cut(struct sp_str text)
{
    if (text.len > VENDOR_TEXT_MAX)
        text.len = VENDOR_TEXT_MAX;
    return text;
}

/* Once for a channel: a client could fill the log. */
void sftp_execute_vendor_id(struct sftp_request *request)
{
    struct sftp_engine *engine = request->engine;
    const struct sftp_message *message = &request->message;
    if (!engine->has_named_vendor)
        log_info("sftp.client", LOG_U64("conn", engine->tree->connection->id),
                 LOG_STR("user", engine->tree->connection->user),
                 LOG_STR("vendor", cut(message->path)), LOG_STR("product", cut(message->words)),
                 LOG_STR("version", cut(message->data)), LOG_U64("build", message->offset));
    engine->has_named_vendor = true;
    sftp_request_status(request, SP_FS_OK, NULL);
}

/* Names that are not UTF-8 are shown in UTF-8, or as they are. */
void sftp_execute_translation_control(struct sftp_request *request)
{
    request->engine->dialect.translates_names = request->message.flags != 0;
    sftp_request_status(request, SP_FS_OK, NULL);
}
