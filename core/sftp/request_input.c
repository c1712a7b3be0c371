/*
 * request_input.c: from a message to a request in its queue: read, placed in the tree or with its
 * handles, authorised; or refused. See engine.h.
 */
#include "sftp/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "sftp/access.h"

#define TEXT_MAX 16384u     /* of a message that is kept */
#define LINK_TEXT_MAX 4095u /* PATH_MAX without its NUL */

/* A directory that exists only because of mounts, or the name of a mount itself, is nobody's to
 * make, replace or remove; and what no mount holds is nowhere. */
static uint32_t check_place(const struct sftp_request *request, const struct sftp_place *place,
                            const char **ret_text)
{
    const struct sftp_operation *operation = request->operation;
    bool is_mounts = place->is_mount_point || place->is_above_mount;
    if (is_mounts && request->message.flags & SP_OPEN_CREATE &&
        operation == sftp_operation(SFTP_OP_OPEN))
        return SP_FS_FILE_IS_A_DIRECTORY; /* also where the provider has nothing of that name */
    if (is_mounts && operation->makes_entry) {
        if (operation == sftp_operation(SFTP_OP_MKDIR))
            return SP_FS_FILE_ALREADY_EXISTS;
        *ret_text = "This directory is a mount point or holds one";
        return SP_FS_PERMISSION_DENIED;
    }
    if (place->mount || (place->is_above_mount && operation->takes_mountless) ||
        operation->family == SP_SFTP_RESOLVE) /* a name may be spelt out that is nowhere */
        return SP_FS_OK;
    if (!sftp_operation_changes(operation, request->message.flags))
        return place->is_above_mount ? SP_FS_OP_UNSUPPORTED : SP_FS_NO_SUCH_FILE;
    *ret_text = "No storage is mounted here";
    return SP_FS_PERMISSION_DENIED;
}

/* What a link says is between the user and the provider, which follows it. */
static uint32_t place_link_text(const struct sftp_request *request, char out[VPATH_MAX])
{
    struct sp_str text = request->message.target;
    if (text.len == 0 || text.len > LINK_TEXT_MAX || memchr(text.data, '\0', (size_t)text.len))
        return SP_FS_INVALID_FILENAME;
    memcpy(out, text.data, (size_t)text.len);
    out[text.len] = '\0';
    return SP_FS_OK;
}

/* Both names in one piece of memory that lives as long as the request. */
static int keep_names(struct sftp_request *request, const char *first, const char *second)
{
    size_t first_size = strlen(first) + 1, second_size = strlen(second) + 1;
    request->names = malloc(first_size + second_size);
    if (!request->names)
        return SP_ERR_NOMEM;
    memcpy(request->names, first, first_size);
    memcpy(request->names + first_size, second, second_size);
    return 0;
}

/* What depends on the mounts that the names are on. */
static uint32_t check_mounts(struct sftp_request *request, const char **ret_text)
{
    const struct sftp_mount *mount = request->place.mount, *mount_to = request->target.mount;
    const struct sftp_operation *operation = request->operation;
    if (mount_to && mount->config != mount_to->config && operation->family != SP_SFTP_RENAME) {
        *ret_text = "The two names are on different mounts";
        return SP_FS_FAILURE;
    }
    if (operation->subject == SFTP_SUBJECT_LINK && mount && mount->is_kept_by_names) {
        *ret_text = "This storage could not keep you in your home if there were links";
        return SP_FS_PERMISSION_DENIED;
    }
    return sftp_access_check_names(request->engine->tree, &request->place, &request->target,
                                   operation, &request->message.flags, ret_text);
}

/* VPATH_MAX if it does not fit. */
static size_t append(char out[VPATH_MAX], size_t length, struct sp_str text)
{
    if (length >= VPATH_MAX || text.len >= VPATH_MAX - length)
        return VPATH_MAX;
    if (text.len > 0)
        memcpy(out + length, text.data, (size_t)text.len);
    return length + (size_t)text.len;
}

/* REALPATH of version 6 names further paths, each as seen from the one before. */
static uint32_t compose(struct sp_str *name, struct sp_str *others, char out[VPATH_MAX])
{
    struct sp_str other;
    size_t length = 0;
    while (sftp_next_composed(others, &other)) {
        bool is_first = length == 0;
        if (other.len > 0 && other.data[0] == '/')
            length = 0;
        else if (is_first)
            length = append(out, 0, *name);
        if (length > 0)
            length = append(out, length, (struct sp_str){"/", 1});
        length = append(out, length, other);
        if (length >= VPATH_MAX)
            return SP_FS_INVALID_FILENAME;
        out[length] = '\0';
        *name = (struct sp_str){out, length};
    }
    return SP_FS_OK;
}

static uint32_t place_paths(struct sftp_request *request, const char **ret_text)
{
    struct sftp_engine *engine = request->engine;
    const struct sftp_operation *operation = request->operation;
    char path[VPATH_MAX], second[VPATH_MAX] = "";
    struct sp_str name = request->message.path;
    uint32_t status = SP_FS_OK;
    if (operation->subject == SFTP_SUBJECT_TILDE_PATH) {
        status = sftp_tree_expand(engine->tree, name, second);
        name = session_text(second);
    }
    if (status == SP_FS_OK)
        status = compose(&name, &request->message.compose, second);
    if (status == SP_FS_OK)
        status = sftp_tree_resolve(engine->tree, name, path);
    if (status == SP_FS_OK && operation->subject == SFTP_SUBJECT_TWO_PATHS)
        status = sftp_tree_resolve(engine->tree, request->message.target, second);
    else if (status == SP_FS_OK && operation->subject == SFTP_SUBJECT_LINK)
        status = place_link_text(request, second);
    if (status != SP_FS_OK)
        return status;
    if (keep_names(request, path, second) < 0)
        return SP_FS_FAILURE;

    sftp_tree_locate(engine->tree, request->names, &request->place);
    status = check_place(request, &request->place, ret_text);
    const char *kept_second = request->names + strlen(path) + 1;
    request->link_text = kept_second;
    if (status == SP_FS_OK && operation->subject == SFTP_SUBJECT_TWO_PATHS) {
        sftp_tree_locate(engine->tree, kept_second, &request->target);
        status = check_place(request, &request->target, ret_text);
    }
    if (status == SP_FS_OK)
        status = check_mounts(request, ret_text);
    return status;
}

static bool is_kind(const struct sftp_handle *handle, enum sftp_subject subject)
{
    switch (subject) {
    case SFTP_SUBJECT_FILE:
    case SFTP_SUBJECT_TWO_FILES:
        return handle->kind == SFTP_HANDLE_FILE;
    case SFTP_SUBJECT_DIRECTORY:
        return handle->kind == SFTP_HANDLE_DIRECTORY;
    default:
        return true;
    }
}

static uint32_t check_handle(const struct sftp_request *request, const struct sftp_handle *handle,
                             uint32_t needs, const char **ret_text)
{
    if (!handle || !is_kind(handle, request->operation->subject))
        return SP_FS_INVALID_HANDLE;
    if (needs & ~handle->flags) {
        *ret_text = needs & SP_OPEN_READ ? "The file was not opened for reading"
                                         : "The file was not opened for writing";
        return SP_FS_PERMISSION_DENIED;
    }
    if (!handle->mount && !handle->is_virtual && !request->operation->takes_mountless)
        return SP_FS_OP_UNSUPPORTED;
    return SP_FS_OK;
}

static void find_handles(struct sftp_request *request)
{
    const struct sftp_message *message = &request->message;
    request->handle = sftp_handle_find(request->engine, message->handle);
    if (request->operation->subject == SFTP_SUBJECT_TWO_FILES)
        request->handle_to = sftp_handle_find(request->engine, message->handle_to);
}

static uint32_t check_handles(struct sftp_request *request, const char **ret_text)
{
    const struct sftp_operation *operation = request->operation;
    uint32_t status = check_handle(request, request->handle, operation->needs, ret_text);
    if (status == SP_FS_OK && operation->subject == SFTP_SUBJECT_TWO_FILES)
        status = check_handle(request, request->handle_to, operation->needs_to, ret_text);
    if (status == SP_FS_OK && request->handle == request->handle_to) {
        *ret_text = "The two handles are the same file";
        status = SP_FS_FAILURE;
    }
    return status;
}

/* A word that is no path: kept in names, if there is one. */
static uint32_t place_word(struct sftp_request *request)
{
    struct sp_str word = request->message.path;
    char copy[VPATH_MAX];
    if (word.len == 0)
        return SP_FS_OK;
    if (word.len >= sizeof copy || memchr(word.data, '\0', (size_t)word.len))
        return SP_FS_INVALID_PARAMETER;
    memcpy(copy, word.data, (size_t)word.len);
    copy[word.len] = '\0';
    return keep_names(request, copy, "") < 0 ? SP_FS_FAILURE : SP_FS_OK;
}

/* What flags mean is spelt out before anybody judges by them. */
static void complete_flags(struct sftp_request *request)
{
    uint32_t *flags = &request->message.flags;
    if (request->operation->family == SP_SFTP_RENAME && *flags & SP_RENAME_NATIVE)
        *flags |= SP_RENAME_OVERWRITE; /* which is what systems do by themselves */
    if (request->operation != sftp_operation(SFTP_OP_OPEN))
        return;
    if (*flags & SP_OPEN_APPEND)
        *flags |= SP_OPEN_WRITE;
    if (!(*flags & (SP_OPEN_READ | SP_OPEN_WRITE))) /* as POSIX: 0 is to read */
        *flags |= SP_OPEN_READ;
}

/* Everything that can be said of a request before its turn, and again when a hook has changed it.
 */
uint32_t sftp_request_place(struct sftp_request *request, const char **ret_text)
{
    complete_flags(request);
    const struct sftp_mount *mount = NULL, *mount_to = NULL;
    uint32_t status = SP_FS_OK;
    switch (request->operation->subject) {
    case SFTP_SUBJECT_NONE:
        status = place_word(request);
        break;
    case SFTP_SUBJECT_PATH:
    case SFTP_SUBJECT_TILDE_PATH:
    case SFTP_SUBJECT_TWO_PATHS:
    case SFTP_SUBJECT_LINK:
        free(request->names);
        request->names = NULL;
        request->place = request->target = (struct sftp_place){0};
        status = place_paths(request, ret_text);
        mount = request->place.mount;
        mount_to = request->target.mount;
        break;
    default:
        status = check_handles(request, ret_text);
        mount = request->handle ? request->handle->mount : NULL;
        mount_to = request->handle_to ? request->handle_to->mount : NULL;
        break;
    }
    if (status != SP_FS_OK)
        return status;
    return sftp_authorize(request->engine->tree, request->operation, request->message.flags, mount,
                          mount_to, ret_text);
}

/* What a client sends to be kept is bounded: see engine.c. */
static void count_input(struct sftp_request *request, size_t bytes)
{
    request->input_bytes += bytes;
    request->engine->input_bytes += bytes;
}

/* A WRITE's data must outlive the packet: keep its block, or copy it into one. */
static uint32_t keep_data(struct sftp_request *request, struct sftp_block **block)
{
    struct sftp_message *message = &request->message;
    if (message->length > SFTP_PACKET_MAX)
        return SP_FS_BAD_MESSAGE;
    if (*block) {
        request->block = *block;
        *block = NULL;
        request->data =
            request->block->bytes + ((const uint8_t *)message->data.data - request->block->bytes);
    } else {
        request->block = sftp_block_get((size_t)message->length);
        if (!request->block)
            return SP_FS_FAILURE;
        request->data = request->block->bytes;
        if (message->length > 0)
            memcpy(request->data, message->data.data, (size_t)message->length);
    }
    count_input(request, request->block->capacity);
    return SP_FS_OK;
}

/* Most requests look at the message only now; few when their turn has come: those read a copy. */
static int keep_text(struct sftp_request *request, struct wire_reader *reader)
{
    size_t length = wire_left(reader);
    if (length > TEXT_MAX)
        return SP_ERR_LIMIT;
    request->text = malloc(length + 1);
    if (!request->text)
        return SP_ERR_NOMEM;
    memcpy(request->text, reader->next, length);
    wire_reader_init(reader, request->text, length);
    return 0;
}

/* What a client says about a file must outlive the packet, whose length this is, too. */
static uint32_t keep_attributes(struct sftp_request *request, size_t length)
{
    struct sftp_message *message = &request->message;
    int rc = sftp_attributes_keep(&message->attributes, &message->attributes_source,
                                  &request->attributes_memory);
    if (request->attributes_memory)
        count_input(request, length);
    return rc < 0 ? SP_FS_FAILURE : SP_FS_OK;
}

static void refuse(struct sftp_request *request, uint32_t status, const char *text)
{
    log_debug("sftp.refused", LOG_U64("conn", request->engine->tree->connection->id),
              LOG_TEXT("operation", request->operation->name), LOG_U64("status", status));
    sftp_request_refuse(request, status, text);
}

void sftp_request_receive(struct sftp_engine *engine, const uint8_t *data, size_t length,
                          struct sftp_block **block)
{
    struct wire_reader reader;
    wire_reader_init(&reader, data, length);
    uint8_t type = wire_get_u8(&reader);
    uint32_t id = wire_get_u32(&reader);
    struct sp_str extension = {"", 0};
    counter_add(&engine->counters->sftp_requests, 1);
    if (type == SFTP_INIT) {
        sftp_engine_fail(engine, "INIT twice");
        return;
    }
    if (type == SFTP_EXTENDED)
        extension = wire_get_string(&reader);
    const struct sftp_operation *operation = sftp_operation_find(type, extension);
    if (operation && operation->since > engine->dialect.version)
        operation = NULL;
    if (!wire_ok(&reader) || !operation) {
        sftp_engine_send_status(engine, id,
                                wire_ok(&reader) ? SP_FS_OP_UNSUPPORTED : SP_FS_BAD_MESSAGE,
                                session_text(NULL));
        return;
    }
    struct sftp_request *request = sftp_request_new(engine);
    if (!request && type == SFTP_WRITE) { /* nobody would know which file lacks it */
        sftp_engine_fail(engine, "out of memory");
        return;
    }
    if (!request) {
        sftp_engine_send_status(engine, id, SP_FS_FAILURE, session_text("Out of memory"));
        return;
    }
    request->operation = operation;
    request->message.id = id;
    if (operation->keeps_text && keep_text(request, &reader) < 0) {
        refuse(request, SP_FS_BAD_MESSAGE, "Too long");
        return;
    }
    operation->decode(&reader, &engine->dialect, &request->message);
    request->operation = sftp_operation_meant(operation, &request->message);
    const char *text = NULL;
    if (wire_ok(&reader))
        find_handles(request);
    uint32_t status = wire_ok(&reader) ? request->message.refusal : SP_FS_BAD_MESSAGE;
    if (status == SP_FS_OK)
        status = sftp_request_place(request, &text);
    if (status == SP_FS_OK)
        status = keep_attributes(request, length);
    if (status == SP_FS_OK && operation == sftp_operation(SFTP_OP_WRITE))
        status = keep_data(request, block);
    if (status != SP_FS_OK) {
        refuse(request, status, text);
        return;
    }
    /* From here on nobody can name the handle: its queue gets no more requests. */
    if (operation == sftp_operation(SFTP_OP_CLOSE))
        sftp_handle_forget(request->handle);
    sftp_request_enqueue(request);
}
