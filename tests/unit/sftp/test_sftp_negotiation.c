/* INIT, VERSION and version-select; what VERSION says of the providers. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "client.h"
#include "mock.h"
#include "sftp/engine.h"
#include "sftp/sftp.h"

static struct mock *started(uint32_t max)
{
    struct mock *mock = mock_new();
    mock->session.config.sftp_version_max = max;
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    return mock;
}

static void send_init(struct mock *mock, uint32_t version)
{
    uint8_t init[9] = {0, 0, 0, 5, SFTP_INIT};
    for (int i = 0; i < 4; i++)
        init[5 + i] = (uint8_t)(version >> (24 - 8 * i));
    mock_receive(mock, init, sizeof init);
}

/* The value that VERSION has for name; data is NULL if there is none. */
static struct sp_str value_of(struct reply version, const char *name)
{
    while (!wire_at_end(&version.body)) {
        struct sp_str found = wire_get_string(&version.body);
        struct sp_str value = wire_get_string(&version.body);
        assert_true(wire_ok(&version.body));
        if (found.len == strlen(name) && memcmp(found.data, name, (size_t)found.len) == 0)
            return value;
    }
    return (struct sp_str){NULL, 0};
}

static bool is(struct sp_str value, const char *text)
{
    return value.data && value.len == strlen(text) &&
           memcmp(value.data, text, (size_t)value.len) == 0;
}

static struct reply expect_version(struct mock *mock, uint32_t version)
{
    struct reply reply;
    assert_true(next_reply(mock, &reply));
    assert_int_equal(reply.type, SFTP_VERSION);
    assert_int_equal(reply.id, version);
    return reply;
}

static uint32_t send_select(struct mock *mock, const char *version)
{
    uint32_t id;
    struct buffer *request = extended_begin("version-select", &id);
    request_string(request, version);
    request_send(mock, request);
    return id;
}

static void the_lower_one_of_both_is_spoken(void **state)
{
    (void)state;
    static const uint32_t asked[] = {3, 4, 5, 6, 7, 255, UINT32_MAX};
    for (uint32_t max = 3; max <= 6; max++)
        for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
            struct mock *mock = started(max);
            send_init(mock, asked[i]);
            expect_version(mock, asked[i] < max ? asked[i] : max);
            expect_status(mock, send_path(mock, SFTP_RMDIR, "/none"), SP_FS_NO_SUCH_FILE);
            mock_free(mock);
        }
}

static void versions_before_3_and_requests_before_init_end_the_channel(void **state)
{
    (void)state;
    for (uint32_t version = 0; version < 3; version++) {
        struct mock *mock = started(6);
        send_init(mock, version);
        assert_true(mock->channel.is_shut);
        expect_nothing(mock);
        mock_free(mock);
    }
    struct mock *mock = started(6);
    send_path(mock, SFTP_REALPATH, ".");
    assert_true(mock->channel.is_shut);
    mock_free(mock);
    mock = started(6);
    send_init(mock, 6);
    expect_version(mock, 6);
    send_init(mock, 6);
    assert_true(mock->channel.is_shut);
    mock_free(mock);
}

static void version_3_hears_nothing_new(void **state)
{
    (void)state;
    struct mock *mock = started(3);
    send_init(mock, 6);
    struct reply version = expect_version(mock, 3);
    static const char *const later[] = {"versions", "newline", "vendor-id", "supported",
                                        "text-seek"};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        assert_null(value_of(version, later[i]).data);
    mock_free(mock);
}

static void later_versions_hear_what_they_have(void **state)
{
    (void)state;
    for (uint32_t spoken = 4; spoken <= 6; spoken++) {
        struct mock *mock = started(6);
        mock->session.config.sftp_newline_is_crlf = spoken == 6;
        send_init(mock, spoken);
        struct reply version = expect_version(mock, spoken);
        assert_true(is(value_of(version, "versions"), "3,4,5,6"));
        assert_true(is(value_of(version, "newline"), spoken == 6 ? "\r\n" : "\n"));
        assert_non_null(value_of(version, "vendor-id").data);
        assert_int_equal(value_of(version, "supported").data != NULL, spoken == 5);
        assert_int_equal(value_of(version, "supported2").data != NULL, spoken == 6);
        assert_int_equal(value_of(version, "filename-charset").data != NULL, spoken == 6);
        assert_null(value_of(version, "acl-supported").data);
        mock_free(mock);
    }
}

/* Two providers: one says what it can do, the other says nothing. */
static void what_is_supported_is_what_the_providers_say(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.config.sftp_version_max = 6;
    mock_mount(mock, "/other", "other");
    mock_store(mock)->support = (struct sp_fs_support){
        .struct_size = sizeof(struct sp_fs_support),
        .open_flags = SP_OPEN_READ | SP_OPEN_BLOCK_WRITE,
        .attributes_set = SP_ATTR_ACL | SP_ATTR_CREATE_TIME,
        .attribute_bits = 0x13,
        .lock_flags = SP_LOCK_WRITE | SP_LOCK_ADVISORY,
        .acl = SP_ACL_ALLOW | SP_ACL_DENY,
    };
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    mock->calls = MOCK_LATER;
    send_init(mock, 6);
    expect_nothing(mock);                                 /* they are asked first */
    uint32_t early = send_path(mock, SFTP_REALPATH, "."); /* which no provider is asked about */
    expect_nothing(mock);
    mock_settle(mock);
    struct reply version = expect_version(mock, 6);
    struct sp_str supported = value_of(version, "supported2"), acl;
    struct wire_reader reader;
    wire_reader_init(&reader, supported.data, (size_t)supported.len);
    assert_int_equal(wire_get_u32(&reader), 0x40 | 0x10 | 0x100 | 0x1 | 0x80 | 0x4 | 0x8 | 0x20);
    assert_int_equal(wire_get_u32(&reader), 0x13);
    assert_int_equal(wire_get_u32(&reader), 0x7 | 0x8 | 0x10 | 0x20 | 0x80 | 0x400 | 0x800);
    assert_int_equal(wire_get_u32(&reader), 0x1f01ff);
    assert_int_equal(wire_get_u32(&reader), SFTP_DATA_MAX);
    assert_int_equal(wire_get_u32(&reader), 0x0005 << 16 | 0x0505); /* open, BLOCK */
    assert_int_equal(wire_get_u32(&reader), 0);
    uint32_t count = wire_get_u32(&reader);
    assert_true(count > 0);
    for (; count > 0; count--) {
        struct sp_str name = wire_get_string(&reader);
        assert_non_null(sftp_operation_find(SFTP_EXTENDED, name));
    }
    assert_true(wire_at_end(&reader));
    acl = value_of(version, "acl-supported");
    assert_true(acl.len == 4 && acl.data[3] == 3);
    expect_name(mock, early, "/home/demo"); /* what came in the meantime has waited */
    mock_free(mock);
}

static void providers_that_fail_or_stay_silent_do_not_keep_the_client_out(void **state)
{
    (void)state;
    struct mock *mock = started(6);
    mock_store(mock)->fail[PLUGIN_FS_attach] = SP_FS_NO_CONNECTION;
    send_init(mock, 5);
    assert_non_null(value_of(expect_version(mock, 5), "supported").data);
    mock_free(mock);
    mock = started(6);
    mock->calls = MOCK_LATER;
    send_init(mock, 6);
    mock_close(mock); /* while they are asked */
    mock_settle(mock);
    mock_free(mock);
}

static void the_first_request_may_choose_another_version(void **state)
{
    (void)state;
    struct mock *mock = started(6);
    send_init(mock, 3);
    expect_version(mock, 3);
    expect_status(mock, send_select(mock, "6"), SP_FS_OK);
    /* LINK is of version 6 only. */
    uint32_t id;
    struct buffer *request = request_begin(SFTP_LINK, &id);
    request_string(request, "/home/demo/new");
    request_string(request, "target");
    wire_put_u8(request, 1);
    request_send(mock, request);
    expect_status(mock, id, SP_FS_OK);
    mock_free(mock);
}

static void version_select_that_is_late_or_strange_ends_the_channel(void **state)
{
    (void)state;
    static const char *const strange[] = {"2", "6", "", "33", "x", "\xff"};
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        struct mock *mock = started(5);
        send_init(mock, 5);
        expect_version(mock, 5);
        uint32_t id = send_select(mock, strange[i]);
        struct reply reply = expect_reply(mock, id, SFTP_STATUS);
        assert_int_not_equal(reply.status, SP_FS_OK);
        assert_true(mock->channel.is_shut);
        mock_free(mock);
    }
    struct mock *mock = started(6);
    send_init(mock, 6);
    expect_version(mock, 6);
    expect_status(mock, send_path(mock, SFTP_RMDIR, "/none"), SP_FS_NO_SUCH_FILE);
    expect_status(mock, send_select(mock, "4"), SP_FS_FAILURE);
    assert_true(mock->channel.is_shut);
    mock_free(mock);
}

static void requests_of_6_are_unknown_to_earlier_versions(void **state)
{
    (void)state;
    for (uint32_t version = 3; version <= 5; version++)
        for (int type = SFTP_LINK; type <= SFTP_UNBLOCK; type++) {
            struct mock *mock = started(6);
            send_init(mock, version);
            expect_version(mock, version);
            expect_status(mock, send_path(mock, (uint8_t)type, "x"), SP_FS_OP_UNSUPPORTED);
            mock_free(mock);
        }
}

static void what_a_provider_cannot_open_is_refused(void **state)
{
    (void)state;
    struct mock *mock = started(6);
    store_file(mock_store(mock), "/f", "f");
    send_init(mock, 6);
    expect_version(mock, 6);
    /* Blocking is unknown to it, 0x2000 to everybody, text and delete-on-close are the core's. */
    static const uint32_t flags[] = {0x42, 0x82, 0x102, 0x2002}, fine[] = {0x22, 0x402, 0x2};
    for (size_t i = 0; i < 7; i++) {
        uint32_t id;
        struct buffer *request = request_begin(SFTP_OPEN, &id);
        request_string(request, "/f");
        wire_put_u32(request, 1);
        wire_put_u32(request, i < 4 ? flags[i] : fine[i - 4]);
        wire_put_u32(request, 0);
        wire_put_u8(request, SP_FILE_REGULAR);
        request_send(mock, request);
        if (i < 4)
            expect_status(mock, id, SP_FS_OP_UNSUPPORTED);
        else
            close_handle(mock, expect_handle(mock, id));
    }
    mock_free(mock);
}

int main(void)
{
    log_open(-1, LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lower_one_of_both_is_spoken),
        cmocka_unit_test(versions_before_3_and_requests_before_init_end_the_channel),
        cmocka_unit_test(version_3_hears_nothing_new),
        cmocka_unit_test(later_versions_hear_what_they_have),
        cmocka_unit_test(what_is_supported_is_what_the_providers_say),
        cmocka_unit_test(providers_that_fail_or_stay_silent_do_not_keep_the_client_out),
        cmocka_unit_test(the_first_request_may_choose_another_version),
        cmocka_unit_test(version_select_that_is_late_or_strange_ends_the_channel),
        cmocka_unit_test(requests_of_6_are_unknown_to_earlier_versions),
        cmocka_unit_test(what_a_provider_cannot_open_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
