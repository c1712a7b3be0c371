/* The table of operations: whatever a client can ask for is a row, and no row escapes the policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"
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
    for (int type = SFTP_OPEN; type <= SFTP_SYMLINK; type++)
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

static void every_extension_advertised_is_a_row(void **state)
{
    (void)state;
    static const uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 3};
    struct mock *mock = mock_new();
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    mock_receive(mock, init, sizeof init);
    struct reply reply;
    int count = 0;
    assert_true(next_reply(mock, &reply));
    for (; !wire_at_end(&reply.body); count++) {
        struct sp_str name = wire_get_string(&reply.body);
        wire_get_string(&reply.body);
        assert_true(wire_ok(&reply.body));
        assert_non_null(sftp_operation_find(SFTP_EXTENDED, name));
    }
    int expected = 0;
    for (int i = 0; i < SFTP_OP_COUNT; i++)
        expected += sftp_operation((enum sftp_operation_id)i)->extension_version != NULL;
    assert_int_equal(count, expected);
    mock_free(mock);
}

/* The dispatcher asks the same question: each request, sent by a user who may nothing any more,
 * ends in a refusal and reaches no provider. */
static void no_request_reaches_a_provider_without_permission(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "f");
    struct handle file = open_file(mock, "/f", FXF_READ | FXF_WRITE);
    struct handle other = open_file(mock, "/g", FXF_READ | FXF_WRITE | FXF_CREAT);
    struct handle directory = open_directory(mock, "/");
    mock->session.permit = 0;
    for (int i = 0; i < SFTP_OP_COUNT; i++) {
        const struct sftp_operation *row = sftp_operation((enum sftp_operation_id)i);
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
            request_string(request, "/f");
            break;
        case SFTP_SUBJECT_DIRECTORY:
            request_handle(request, directory);
            break;
        case SFTP_SUBJECT_FILE:
        case SFTP_SUBJECT_EITHER:
            request_handle(request, file);
            break;
        case SFTP_SUBJECT_TWO_FILES:
            request_handle(request, file);
            wire_put_u64(request, 0);
            wire_put_u64(request, 1);
            request_handle(request, other);
            break;
        }
        for (int zero = 0; zero < 8; zero++) /* flags, offsets, attributes */
            wire_put_u32(request, 0);
        int started = 0, started_after = 0;
        for (int operation = 0; operation < PLUGIN_OPERATION_COUNT; operation++)
            started += mock->started[operation];
        request_send(mock, request);
        mock_settle(mock);
        for (int operation = 0; operation < PLUGIN_OPERATION_COUNT; operation++)
            started_after += mock->started[operation];
        /* In version 3, what later versions brought is not there at all. */
        expect_status(mock, id, row->since > 3 ? SP_FS_OP_UNSUPPORTED : SP_FS_PERMISSION_DENIED);
        assert_int_equal(started_after, started);
    }
    mock_free(mock);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
