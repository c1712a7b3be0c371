/* The table of operations: whatever a client can ask for is a row, and no row escapes the policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"
#include "sftp/engine.h"
#include "sftp/operations.h"
#include "sftp/sftp.h"

static bool is_change(enum sftp_operation_id id)
{
    switch (id) {
    case SFTP_OP_WRITE:
    case SFTP_OP_SETSTAT:
    case SFTP_OP_FSETSTAT:
    case SFTP_OP_REMOVE:
    case SFTP_OP_MKDIR:
    case SFTP_OP_RMDIR:
    case SFTP_OP_RENAME:
    case SFTP_OP_SYMLINK:
    case SFTP_OP_LINK:
    case SFTP_OP_POSIX_RENAME:
    case SFTP_OP_HARDLINK:
    case SFTP_OP_LSETSTAT:
    case SFTP_OP_BLOCK: /* it keeps others out */
    case SFTP_OP_COPY_DATA:
        return true;
    default:
        return false;
    }
}

static void every_row_is_whole(void **state)
{
    (void)state;
    for (int i = 0; i < SFTP_OP_COUNT; i++) {
        const struct sftp_operation *row = sftp_operation((enum sftp_operation_id)i);
        assert_non_null(row->name);
        assert_non_null(row->decode);
        assert_non_null(row->execute);
        assert_int_not_equal(row->family, 0);
        assert_int_equal(row->permit, SP_PERMIT_SFTP);
        assert_int_equal(row->type == SFTP_EXTENDED, row->extension != NULL);
        struct sp_str extension = {row->extension, row->extension ? strlen(row->extension) : 0};
        assert_ptr_equal(sftp_operation_find(row->type, extension), row);
    }
}

static void every_request_of_version_3_is_a_row(void **state)
{
    (void)state;
    for (int type = SFTP_OPEN; type <= SFTP_UNBLOCK; type++)
        assert_non_null(sftp_operation_find((uint8_t)type, (struct sp_str){"", 0}));
}

static void policy_can_refuse_every_row(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct sftp_tree *tree = sftp_tree_new(&mock->channel);
    const char *text = NULL;
    for (int i = 0; i < SFTP_OP_COUNT; i++) {
        const struct sftp_operation *row = sftp_operation((enum sftp_operation_id)i);
        mock->session.permit = SP_PERMIT_ALL;
        assert_int_equal(sftp_authorize(tree, row, 0, NULL, NULL, &text), SP_FS_OK);
        mock->session.permit = SP_PERMIT_ALL & ~SP_PERMIT_SFTP;
        assert_int_equal(sftp_authorize(tree, row, 0, NULL, NULL, &text), SP_FS_PERMISSION_DENIED);
        mock->session.permit = SP_PERMIT_ALL;
        tree->session = NULL;
        assert_int_equal(sftp_authorize(tree, row, 0, NULL, NULL, &text), SP_FS_PERMISSION_DENIED);
        tree->session = &mock->session;
    }
    sftp_tree_unref(tree);
    mock_free(mock);
}

static void everything_that_changes_is_refused_where_it_is_read_only(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct sftp_tree *tree = sftp_tree_new(&mock->channel);
    const char *text = NULL;
    for (int i = 0; i < SFTP_OP_COUNT; i++) {
        const struct sftp_operation *row = sftp_operation((enum sftp_operation_id)i);
        struct sftp_mount *mount = tree->mounts[0];
        bool changes = is_change((enum sftp_operation_id)i);
        tree->is_read_only = true;
        assert_int_equal(sftp_authorize(tree, row, 0, mount, NULL, &text) != SP_FS_OK, changes);
        tree->is_read_only = false;
        mock->session.mounts[0].access = CONFIG_READ_ONLY;
        assert_int_equal(sftp_authorize(tree, row, 0, mount, NULL, &text) != SP_FS_OK,
                         changes && i != SFTP_OP_COPY_DATA); /* which reads the first */
        assert_int_equal(sftp_authorize(tree, row, 0, NULL, mount, &text) != SP_FS_OK, changes);
        mock->session.mounts[0].access = CONFIG_READ_WRITE;
    }
    const struct sftp_operation *open = sftp_operation(SFTP_OP_OPEN);
    tree->is_read_only = true;
    assert_int_equal(sftp_authorize(tree, open, SP_OPEN_READ, NULL, NULL, &text), SP_FS_OK);
    for (uint32_t flag = SP_OPEN_WRITE; flag <= SP_OPEN_EXCLUSIVE; flag <<= 1)
        assert_int_not_equal(sftp_authorize(tree, open, SP_OPEN_READ | flag, NULL, NULL, &text),
                             SP_FS_OK);
    sftp_tree_unref(tree);
    mock_free(mock);
}

/* An operation is for drop boxes only if access.c says so: one that is new there is refused. */
static void what_reads_or_lists_is_refused_where_it_is_write_only(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.mounts[0].access = CONFIG_WRITE_ONLY;
    struct sftp_tree *tree = sftp_tree_new(&mock->channel);
    const char *text = NULL;
    for (int i = 0; i < SFTP_OP_COUNT; i++) {
        const struct sftp_operation *row = sftp_operation((enum sftp_operation_id)i);
        const uint32_t reads = SP_SFTP_READ | SP_SFTP_DIRECTORY_LIST | SP_SFTP_LINK;
        bool is_refused = sftp_authorize(tree, row, 0, NULL, tree->mounts[0], &text) != SP_FS_OK;
        if (row->family & reads && i != SFTP_OP_COPY_DATA)
            assert_true(is_refused);
    }
    const struct sftp_operation *open = sftp_operation(SFTP_OP_OPEN);
    assert_int_not_equal(sftp_authorize(tree, open, 0, tree->mounts[0], NULL, &text), SP_FS_OK);
    assert_int_not_equal(sftp_authorize(tree, open, SP_OPEN_READ | SP_OPEN_WRITE | SP_OPEN_CREATE,
                                        tree->mounts[0], NULL, &text),
                         SP_FS_OK);
    sftp_tree_unref(tree);
    mock_free(mock);
}

/* What VERSION says beside the extensions that can be asked for. */
static bool is_feature(struct sp_str name)
{
    static const char *const features[] = {"versions",        "newline",    "vendor-id",
                                           "supported",       "supported2", "acl-supported",
                                           "filename-charset"};
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        if (name.len == strlen(features[i]) && memcmp(name.data, features[i], name.len) == 0)
            return true;
    return false;
}

static void expect_rows_of(uint32_t version)
{
    const uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, (uint8_t)version};
    struct mock *mock = mock_new();
    mock->session.config.sftp_version_max = version;
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    mock_receive(mock, init, sizeof init);
    struct reply reply;
    int count = 0, expected = 0;
    assert_true(next_reply(mock, &reply));
    assert_int_equal(reply.id, version);
    while (!wire_at_end(&reply.body)) {
        struct sp_str name = wire_get_string(&reply.body);
        wire_get_string(&reply.body);
        assert_true(wire_ok(&reply.body));
        if (version > 3 && is_feature(name))
            continue;
        assert_non_null(sftp_operation_find(SFTP_EXTENDED, name));
        count++;
    }
    for (int i = 0; i < SFTP_OP_COUNT; i++) {
        const struct sftp_operation *row = sftp_operation((enum sftp_operation_id)i);
        expected += row->extension_version && row->since <= version;
    }
    assert_int_equal(count, expected);
    mock_free(mock);
}

static void every_extension_advertised_is_a_row(void **state)
{
    (void)state;
    for (uint32_t version = 3; version <= 6; version++)
        expect_rows_of(version);
}

/* What requests are about in the tests below. */
struct world {
    struct handle file, other, directory;
};

static struct world make_world(struct mock *mock)
{
    store_file(mock_store(mock), "/f", "f");
    return (struct world){.file = open_file(mock, "/f", FXF_READ | FXF_WRITE),
                          .other = open_file(mock, "/g", FXF_READ | FXF_WRITE | FXF_CREAT),
                          .directory = open_directory(mock, "/")};
}

/* A request that is well-formed, for any row. */
static uint32_t send_row(struct mock *mock, const struct sftp_operation *row,
                         const struct world *world)
{
    uint32_t id;
    struct buffer *request =
        row->extension ? extended_begin(row->extension, &id) : request_begin(row->type, &id);
    switch (row->subject) {
    case SFTP_SUBJECT_NONE:
        wire_put_u32(request, 0);
        break;
    case SFTP_SUBJECT_TWO_PATHS:
    case SFTP_SUBJECT_LINK:
        request_string(request, "/x");
        request_string(request, "/y");
        break;
    case SFTP_SUBJECT_PATH:
    case SFTP_SUBJECT_TILDE_PATH:
        request_string(request, row->makes_entry ? "/x" : "/f");
        break;
    case SFTP_SUBJECT_DIRECTORY:
        request_handle(request, world->directory);
        break;
    case SFTP_SUBJECT_FILE:
    case SFTP_SUBJECT_EITHER:
        request_handle(request, world->file);
        break;
    case SFTP_SUBJECT_TWO_FILES:
        request_handle(request, world->file);
        wire_put_u64(request, 0);
        wire_put_u64(request, 1);
        request_handle(request, world->other);
        break;
    }
    if (row->type == SFTP_BLOCK) { /* a range, and what others may not do */
        wire_put_u64(request, 0);
        wire_put_u64(request, 1);
        wire_put_u32(request, 0x80);
    }
    uint32_t version = ((struct sftp_engine *)mock->channel.arg)->dialect.version;
    if (row->family & (SP_SFTP_OPEN | SP_SFTP_DIRECTORY_CREATE | SP_SFTP_ATTRIBUTES_SET)) {
        for (uint32_t words = 0; row->family & SP_SFTP_OPEN && words < (version > 4 ? 2 : 1);
             words++)
            wire_put_u32(request, 0);
        wire_put_u32(request, 0); /* no attributes … */
        if (version > 3)
            wire_put_u8(request, SP_FILE_REGULAR); /* … but a type */
    }
    for (int zero = 0; zero < 8 && row->type != SFTP_REALPATH; zero++) /* flags, offsets */
        wire_put_u32(request, 0);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

static int calls_started(const struct mock *mock)
{
    int started = 0;
    for (int operation = 0; operation < PLUGIN_OPERATION_COUNT; operation++)
        if (operation != PLUGIN_SFTP_before && operation != PLUGIN_SFTP_after)
            started += mock->started[operation];
    return started;
}

/* The dispatcher asks the same question: each request, sent by a user who may nothing any more,
 * ends in a refusal and reaches no provider. */
static void no_request_reaches_a_provider_without_permission(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct world world = make_world(mock);
    mock->session.permit = 0;
    for (int i = 0; i < SFTP_OP_COUNT; i++) {
        const struct sftp_operation *row = sftp_operation((enum sftp_operation_id)i);
        int started = calls_started(mock);
        uint32_t id = send_row(mock, row, &world);
        /* In version 3, what later versions brought is not there at all. */
        expect_status(mock, id, row->since > 3 ? SP_FS_OP_UNSUPPORTED : SP_FS_PERMISSION_DENIED);
        assert_int_equal(calls_started(mock), started);
    }
    mock_free(mock);
}

/* --- hooks --------------------------------------------------------------------------------- */

struct witness {
    bool denies;
    const struct sftp_operation *row; /* what is being asked */
    int before, after;
};

static int32_t witness_hook(struct plugin_instance *instance, const struct sp_sftp_event *event,
                            bool is_after, struct sp_sftp_reply *reply)
{
    struct witness *witness = instance->arg;
    if (!witness->denies)
        return SP_NEXT;
    /* LINK is one of two others. */
    const char *name = witness->row->type == SFTP_LINK ? "hardlink" : witness->row->name;
    assert_string_equal(event->name.data, name);
    assert_int_equal(event->family, witness->row->family);
    *(is_after ? &witness->after : &witness->before) += 1;
    if (is_after) {
        assert_int_equal(event->status, SP_FS_QUOTA_EXCEEDED);
        assert_int_equal(event->decided, SP_SFTP_BY_HOOK);
        return SP_NEXT;
    }
    reply->status = SP_FS_QUOTA_EXCEEDED;
    reply->text = (struct sp_str){"It is full", 10};
    return SP_DENY;
}

/* Whatever a client may ask: a hook sees it, can refuse it, and then no provider hears of it, but
 * for the end of a file. In every version, since a row may be asked for in one only. */
static void a_hook_stops_every_row(void **state)
{
    (void)state;
    for (uint32_t version = 3; version <= 6; version++) {
        struct mock *mock = mock_new();
        struct witness witness = {0};
        mock_hook(mock, witness_hook)->arg = &witness;
        client_start(mock);
        struct world world = make_world(mock);
        struct sftp_engine *engine = mock->channel.arg;
        engine->dialect.version = version;
        witness.denies = true;
        for (int i = 0; i < SFTP_OP_COUNT; i++) {
            const struct sftp_operation *row = sftp_operation((enum sftp_operation_id)i);
            if (i == SFTP_OP_CLOSE || row->since > version)
                continue;
            int started = calls_started(mock);
            witness.row = row;
            witness.before = witness.after = 0;
            uint32_t id = send_row(mock, row, &world);
            struct reply reply = expect_reply(mock, id, SFTP_STATUS);
            assert_int_equal(reply.text.len, strlen("It is full"));
            assert_int_equal(calls_started(mock), started);
            assert_int_equal(witness.before, 1);
            assert_int_equal(witness.after, 1);
        }
        /* The last, as the handle is gone with it. */
        witness.row = sftp_operation(SFTP_OP_CLOSE);
        struct reply reply = expect_reply(mock, send_row(mock, witness.row, &world), SFTP_STATUS);
        assert_int_equal(reply.text.len, strlen("It is full"));
        witness.denies = false;
        mock_free(mock);
    }
}

/* A new row that a hook could do says how: else it is here, on purpose. */
static void what_no_hook_can_answer_is_known(void **state)
{
    (void)state;
    for (int i = 0; i < SFTP_OP_COUNT; i++) {
        bool is_other = false;
        switch (i) {
        case SFTP_OP_LIMITS:
        case SFTP_OP_USERS_GROUPS:
        case SFTP_OP_CHECK_FILE_HANDLE:
        case SFTP_OP_CHECK_FILE_NAME:
        case SFTP_OP_CHECK_FILE:
        case SFTP_OP_MD5_HASH:
        case SFTP_OP_MD5_HASH_HANDLE:
            is_other = true;
            break;
        default:
            break;
        }
        enum sftp_answer_kind answer = sftp_operation((enum sftp_operation_id)i)->answer;
        assert_int_equal(answer == SFTP_ANSWER_OTHER, is_other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(every_request_of_version_3_is_a_row),
        cmocka_unit_test(policy_can_refuse_every_row),
        cmocka_unit_test(everything_that_changes_is_refused_where_it_is_read_only),
        cmocka_unit_test(what_reads_or_lists_is_refused_where_it_is_write_only),
        cmocka_unit_test(every_extension_advertised_is_a_row),
        cmocka_unit_test(no_request_reaches_a_provider_without_permission),
        cmocka_unit_test(a_hook_stops_every_row),
        cmocka_unit_test(what_no_hook_can_answer_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
