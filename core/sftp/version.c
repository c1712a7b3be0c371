/*
 * version.c: INIT, VERSION and version-select (draft-ietf-secsh-filexfer-13, 5). See version.h.
 */
#include "sftp/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "sftp/engine.h"
#include "sftp/support.h"

#define VERSIONS_TEXT_MAX 32

/* --- VERSION ------------------------------------------------------------------------------- */

/* A value that is a structure: a string with a length that is known at its end. */
static int begin_value(struct buffer *buffer, const char *name, size_t *ret_at)
{
    int rc = wire_put_cstring(buffer, name);
    *ret_at = buffer_length(buffer);
    return rc == 0 ? wire_put_u32(buffer, 0) : rc;
}

static int end_value(struct buffer *buffer, int rc, size_t at)
{
    if (rc == 0)
        wire_set_u32(buffer, at, (uint32_t)(buffer_length(buffer) - at - 4));
    return rc;
}

static int put_u16(struct buffer *buffer, uint16_t value)
{
    int rc = wire_put_u8(buffer, (uint8_t)(value >> 8));
    return rc == 0 ? wire_put_u8(buffer, (uint8_t)value) : rc;
}

static bool is_offered(const struct sftp_engine *engine, const struct sftp_operation *operation)
{
    return operation->extension && operation->since <= engine->dialect.version &&
           sftp_operation_is_available(operation, engine->tree);
}

/* The names of extensions as "supported" and "supported2" list them. */
static int put_names(struct buffer *buffer, const struct sftp_engine *engine)
{
    int rc = 0;
    for (int i = 0; i < SFTP_OP_COUNT && rc == 0; i++) {
        const struct sftp_operation *operation = sftp_operation((enum sftp_operation_id)i);
        if (is_offered(engine, operation))
            rc = wire_put_cstring(buffer, operation->extension);
    }
    return rc;
}

static uint32_t count_names(const struct sftp_engine *engine)
{
    uint32_t count = 0;
    for (int i = 0; i < SFTP_OP_COUNT; i++)
        count += is_offered(engine, sftp_operation((enum sftp_operation_id)i));
    return count;
}

/* Which kinds of blocking OPEN takes, as SP_LOCK_*. */
static uint32_t blocking(uint32_t open_flags)
{
    return (open_flags & SP_OPEN_BLOCK_READ ? SP_LOCK_READ : 0) |
           (open_flags & SP_OPEN_BLOCK_WRITE ? SP_LOCK_WRITE : 0) |
           (open_flags & SP_OPEN_BLOCK_DELETE ? SP_LOCK_DELETE : 0) |
           (open_flags & SP_OPEN_BLOCK_ADVISORY ? SP_LOCK_ADVISORY : 0);
}

/* "supported" in version 5, "supported2" in 6. */
static int put_supported(struct buffer *buffer, const struct sftp_engine *engine,
                         const struct sp_fs_support *support)
{
    uint32_t version = engine->dialect.version, access, flags;
    size_t at;
    sftp_open_supported(version, support->open_flags | SP_OPEN_TEXT | SP_OPEN_DELETE_ON_CLOSE,
                        &access, &flags);
    int rc = begin_value(buffer, version >= 6 ? "supported2" : "supported", &at);
    const uint32_t numbers[] = {
        sftp_attributes_mask_to_wire(version, support->attributes_set),
        version >= 6 ? support->attribute_bits : support->attribute_bits & SFTP_BITS_5,
        flags,
        access,
        SFTP_DATA_MAX,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && rc == 0; i++)
        rc = wire_put_u32(buffer, numbers[i]);
    if (rc == 0 && version >= 6 &&
        (rc = put_u16(buffer, sftp_lock_combinations(blocking(support->open_flags)))) == 0 &&
        (rc = put_u16(buffer, sftp_lock_combinations(support->lock_flags))) == 0 &&
        (rc = wire_put_u32(buffer, 0)) == 0) /* names of extended attributes: any */
        rc = wire_put_u32(buffer, count_names(engine));
    if (rc == 0)
        rc = put_names(buffer, engine);
    return end_value(buffer, rc, at);
}

static int put_acl_supported(struct buffer *buffer, const struct sp_fs_support *support)
{
    size_t at;
    int rc = begin_value(buffer, "acl-supported", &at);
    if (rc == 0)
        rc = wire_put_u32(buffer, support->acl);
    return end_value(buffer, rc, at);
}

/* No more than the SSH version string says: "product_version". */
static int put_vendor(struct buffer *buffer, const char *server_version)
{
    size_t product = strcspn(server_version, "_"), at;
    const char *number = server_version + product + (server_version[product] == '_');
    int rc = begin_value(buffer, "vendor-id", &at);
    if (rc == 0 && (rc = wire_put_string(buffer, server_version, product)) == 0 &&
        (rc = wire_put_string(buffer, server_version, product)) == 0 &&
        (rc = wire_put_cstring(buffer, number)) == 0)
        rc = wire_put_u64(buffer, 0); /* builds have no numbers */
    return end_value(buffer, rc, at);
}

/* "3,4,5": all that version-select can choose. */
static int put_versions(struct buffer *buffer, uint32_t max)
{
    char text[VERSIONS_TEXT_MAX] = "";
    size_t length = 0;
    for (uint32_t version = SFTP_VERSION_MIN; version <= max; version++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%u",
                                   length > 0 ? "," : "", version);
    return sftp_version_add(buffer, "versions", text);
}

/* What the drafts have VERSION say from version 4 on. */
static int put_features(struct buffer *buffer, const struct sftp_engine *engine,
                        const struct sp_fs_support *support)
{
    uint32_t version = engine->dialect.version;
    const char *newline = engine->tree->config->sftp_newline_is_crlf ? "\r\n" : "\n";
    int rc = sftp_version_add(buffer, "newline", newline);
    if (rc == 0)
        rc = put_vendor(buffer, engine->tree->config->server_version);
    if (rc == 0 && version >= 5)
        rc = put_supported(buffer, engine, support);
    if (rc == 0 && version >= 6 && support->acl)
        rc = put_acl_supported(buffer, support);
    if (rc == 0 && version >= 6)
        rc = sftp_version_add(buffer, "filename-charset", "UTF-8");
    return rc;
}

static void send_version(struct sftp_engine *engine)
{
    uint32_t max = engine->tree->config->sftp_version_max;
    struct buffer *buffer = sftp_scratch();
    struct sp_fs_support support = {.struct_size = sizeof support};
    sftp_tree_support(engine->tree, &support);
    int rc = sftp_version_begin(buffer, engine->dialect.version);
    if (rc == 0 && max > SFTP_VERSION_MIN)
        rc = put_versions(buffer, max);
    if (rc == 0 && engine->dialect.version >= 4)
        rc = put_features(buffer, engine, &support);
    for (int i = 0; i < SFTP_OP_COUNT && rc == 0; i++) {
        const struct sftp_operation *operation = sftp_operation((enum sftp_operation_id)i);
        if (is_offered(engine, operation))
            rc = sftp_version_add(buffer, operation->extension, operation->extension_version);
    }
    if (rc == 0) {
        sftp_message_end(buffer);
        rc = channel_send(engine->channel, SP_STREAM_DATA, buffer_data(buffer),
                          buffer_length(buffer));
    }
    if (rc < 0 && rc != SP_ERR_CLOSED)
        sftp_engine_fail(engine, "out of memory");
}

/* --- asking the providers ------------------------------------------------------------------ */

/* One for each mount. The engine stays until all have come back. */
struct negotiation {
    struct sftp_engine *engine;
    size_t left;
    struct sftp_call calls[];
};

static void on_attached(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply)
{
    (void)call, (void)status, (void)reply; /* one that fails is asked again when it is needed */
}

static void end_negotiation(struct sftp_engine *engine)
{
    engine->is_negotiating = false;
    if (!sftp_engine_is_closed(engine))
        send_version(engine);
}

static void on_released(struct sftp_call *call)
{
    struct negotiation *negotiation = call->owner;
    struct sftp_engine *engine = negotiation->engine;
    if (--negotiation->left > 0)
        return;
    free(negotiation);
    sftp_engine_enter(engine);
    end_negotiation(engine);
    sftp_engine_leave(engine);
}

static void negotiate(struct sftp_engine *engine)
{
    struct sftp_tree *tree = engine->tree;
    size_t count = tree->mounts_count;
    struct negotiation *negotiation =
        calloc(1, sizeof *negotiation + count * sizeof negotiation->calls[0]);
    if (!negotiation) {
        sftp_engine_fail(engine, "out of memory");
        return;
    }
    negotiation->engine = engine;
    negotiation->left = count + 1; /* the last one is this function's */
    engine->is_negotiating = true;
    for (size_t i = 0; i < count; i++) {
        struct sftp_call *call = &negotiation->calls[i];
        call->owner = negotiation;
        call->on_answer = on_attached;
        call->on_release = on_released;
        sftp_call_start(call, tree, tree->mounts[i], PLUGIN_FS_attach);
    }
    if (--negotiation->left > 0)
        return;
    free(negotiation);
    end_negotiation(engine);
}

/* --- the client's choice ------------------------------------------------------------------- */

static void agree(struct sftp_engine *engine, uint32_t version, uint32_t asked)
{
    engine->dialect.version = version;
    engine->dialect.translates_names = version >= 6;
    if (engine->channel)
        channel_set_version(engine->channel, version);
    log_info("sftp.version", LOG_U64("conn", engine->tree->connection->id),
             LOG_STR("user", engine->tree->connection->user), LOG_U64("version", version),
             LOG_U64("asked", asked));
}

/* 3 or later is answered with the lower one of that and ours; earlier ones are other protocols.
 * Bytes after the version (extensions of clients) are ignored. */
void sftp_version_receive(struct sftp_engine *engine, const uint8_t *data, size_t length)
{
    struct wire_reader reader;
    wire_reader_init(&reader, data, length);
    uint8_t type = wire_get_u8(&reader);
    uint32_t asked = wire_get_u32(&reader);
    uint32_t max = engine->tree->config->sftp_version_max;
    if (type != SFTP_INIT) {
        sftp_engine_fail(engine, "request before INIT");
        return;
    }
    if (asked < SFTP_VERSION_MIN) {
        sftp_engine_fail(engine, "the client's version of SFTP is older than 3");
        return;
    }
    agree(engine, asked < max ? asked : max, asked);
    engine->is_initialised = engine->may_select_version = true;
    if (engine->dialect.version >= 5)
        negotiate(engine);
    else
        send_version(engine);
}

/* Versions have one digit. 0: none of ours. */
static uint32_t version_of(const struct sftp_engine *engine, struct sp_str text)
{
    uint32_t version = text.len == 1 ? (uint32_t)(text.data[0] - '0') : 0;
    bool is_ours = version >= SFTP_VERSION_MIN && version <= engine->tree->config->sftp_version_max;
    return is_ours ? version : 0;
}

/* The draft wants it to be the first request, and the channel closed if it is not, or if it asks
 * for a version that was not offered. */
bool sftp_version_select(struct sftp_engine *engine, const uint8_t *data, size_t length)
{
    struct wire_reader reader;
    wire_reader_init(&reader, data, length);
    bool is_first = engine->may_select_version;
    engine->may_select_version = false;
    if (wire_get_u8(&reader) != SFTP_EXTENDED)
        return false;
    uint32_t id = wire_get_u32(&reader);
    static const char name[] = "version-select";
    struct sp_str extension = wire_get_string(&reader);
    if (extension.len != sizeof name - 1 || memcmp(extension.data, name, sizeof name - 1) != 0)
        return false;
    uint32_t version = version_of(engine, wire_get_string(&reader));
    struct sp_str text = {"", 0};
    if (is_first && version > 0) {
        agree(engine, version, version);
        sftp_engine_send_status(engine, id, SP_FS_OK, text);
        return true;
    }
    sftp_engine_send_status(engine, id, version > 0 ? SP_FS_FAILURE : SP_FS_INVALID_PARAMETER,
                            text);
    sftp_engine_fail(engine, is_first ? "version-select asks for a version that is not offered"
                                      : "version-select comes too late");
    return true;
}
