/* client.c: the SFTP client of the tests. See client.h. */
#include "client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sftp/sftp.h"

static uint32_t last_id;
static struct buffer building;
static uint8_t *last_bytes;

struct buffer *request_begin(uint8_t type, uint32_t *ret_id)
{
    buffer_consume(&building, buffer_length(&building));
    wire_put_u32(&building, 0);
    wire_put_u8(&building, type);
    *ret_id = ++last_id;
    wire_put_u32(&building, *ret_id);
    return &building;
}

struct buffer *extended_begin(const char *name, uint32_t *ret_id)
{
    struct buffer *request = request_begin(SFTP_EXTENDED, ret_id);
    wire_put_cstring(request, name);
    return request;
}

void request_send(struct mock *mock, struct buffer *request)
{
    wire_set_u32(request, 0, (uint32_t)(buffer_length(request) - 4));
    mock_receive(mock, buffer_data(request), buffer_length(request));
    buffer_release(request);
}

void request_string(struct buffer *request, const char *text)
{
    wire_put_cstring(request, text);
}

void request_handle(struct buffer *request, struct handle handle)
{
    wire_put_string(request, handle.bytes, sizeof handle.bytes);
}

void client_start(struct mock *mock)
{
    static const uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 3};
    assert_int_equal(mock_start(mock, &sftp_builtins[0], ""), 0);
    mock_receive(mock, init, sizeof init);
    struct reply reply;
    assert_true(next_reply(mock, &reply));
    assert_int_equal(reply.type, SFTP_VERSION);
    assert_int_equal(reply.id, 3);
}

struct mock *client_new(void)
{
    struct mock *mock = mock_new();
    client_start(mock);
    return mock;
}

uint32_t send_path(struct mock *mock, uint8_t type, const char *path)
{
    uint32_t id;
    struct buffer *request = request_begin(type, &id);
    request_string(request, path);
    if (type == SFTP_MKDIR || type == SFTP_SETSTAT)
        wire_put_u32(request, 0);
    request_send(mock, request);
    return id;
}

uint32_t send_two_paths(struct mock *mock, uint8_t type, const char *first, const char *second)
{
    uint32_t id;
    struct buffer *request = request_begin(type, &id);
    request_string(request, first);
    request_string(request, second);
    request_send(mock, request);
    return id;
}

uint32_t send_extended_paths(struct mock *mock, const char *name, const char *first,
                             const char *second)
{
    uint32_t id;
    struct buffer *request = extended_begin(name, &id);
    request_string(request, first);
    if (second)
        request_string(request, second);
    request_send(mock, request);
    return id;
}

uint32_t send_open(struct mock *mock, const char *path, uint32_t wire_flags)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_OPEN, &id);
    request_string(request, path);
    wire_put_u32(request, wire_flags);
    wire_put_u32(request, 0);
    request_send(mock, request);
    return id;
}

uint32_t send_handle(struct mock *mock, uint8_t type, struct handle handle)
{
    uint32_t id;
    struct buffer *request = request_begin(type, &id);
    request_handle(request, handle);
    request_send(mock, request);
    return id;
}

uint32_t send_extended_handle(struct mock *mock, const char *name, struct handle handle)
{
    uint32_t id;
    struct buffer *request = extended_begin(name, &id);
    request_handle(request, handle);
    request_send(mock, request);
    return id;
}

uint32_t send_read(struct mock *mock, struct handle handle, uint64_t offset, uint32_t length)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_READ, &id);
    request_handle(request, handle);
    wire_put_u64(request, offset);
    wire_put_u32(request, length);
    request_send(mock, request);
    return id;
}

uint32_t send_write(struct mock *mock, struct handle handle, uint64_t offset, const char *text)
{
    uint32_t id;
    struct buffer *request = request_begin(SFTP_WRITE, &id);
    request_handle(request, handle);
    wire_put_u64(request, offset);
    request_string(request, text);
    request_send(mock, request);
    return id;
}

uint32_t send_copy(struct mock *mock, struct handle from, uint64_t offset, uint64_t length,
                   struct handle to, uint64_t offset_to)
{
    uint32_t id;
    struct buffer *request = extended_begin("copy-data", &id);
    request_handle(request, from);
    wire_put_u64(request, offset);
    wire_put_u64(request, length);
    request_handle(request, to);
    wire_put_u64(request, offset_to);
    request_send(mock, request);
    return id;
}

uint32_t send_mode(struct mock *mock, uint8_t type, const char *path, uint32_t mode)
{
    uint32_t id;
    struct buffer *request = request_begin(type, &id);
    request_string(request, path);
    wire_put_u32(request, 4);
    wire_put_u32(request, mode);
    request_send(mock, request);
    return id;
}

bool next_reply(struct mock *mock, struct reply *ret_reply)
{
    struct buffer *output = &mock->channel.output;
    free(last_bytes);
    last_bytes = NULL;
    if (buffer_length(output) < 4)
        return false;
    struct wire_reader reader;
    wire_reader_init(&reader, buffer_data(output), buffer_length(output));
    uint32_t length = wire_get_u32(&reader);
    assert_true(length >= 5 && length <= SFTP_PACKET_MAX);
    assert_true(length <= wire_left(&reader)); /* whole messages only */
    last_bytes = malloc(length);
    memcpy(last_bytes, buffer_data(output) + 4, length);
    buffer_consume(output, 4 + length);
    wire_reader_init(&ret_reply->body, last_bytes, length);
    ret_reply->bytes = last_bytes;
    ret_reply->type = wire_get_u8(&ret_reply->body);
    ret_reply->id = wire_get_u32(&ret_reply->body);
    ret_reply->status = UINT32_MAX;
    if (ret_reply->type == SFTP_STATUS) {
        ret_reply->status = wire_get_u32(&ret_reply->body);
        struct sp_str text = ret_reply->text = wire_get_string(&ret_reply->body);
        struct sp_str language = wire_get_string(&ret_reply->body);
        assert_true(wire_at_end(&ret_reply->body));
        assert_true(text.len > 0 && language.len > 0);
    }
    return true;
}

struct reply expect_reply(struct mock *mock, uint32_t id, uint8_t type)
{
    struct reply reply = {0};
    assert_true(next_reply(mock, &reply));
    assert_int_equal(reply.id, id);
    assert_int_equal(reply.type, type);
    return reply;
}

void expect_status(struct mock *mock, uint32_t id, uint32_t status)
{
    struct reply reply = expect_reply(mock, id, SFTP_STATUS);
    assert_int_equal(reply.status, status);
}

struct handle expect_handle(struct mock *mock, uint32_t id)
{
    struct reply reply = expect_reply(mock, id, SFTP_HANDLE);
    struct sp_str wire = wire_get_string(&reply.body);
    struct handle handle;
    assert_int_equal(wire.len, sizeof handle.bytes);
    memcpy(handle.bytes, wire.data, sizeof handle.bytes);
    return handle;
}

void expect_name(struct mock *mock, uint32_t id, const char *name)
{
    struct reply reply = expect_reply(mock, id, SFTP_NAME);
    assert_int_equal(wire_get_u32(&reply.body), 1);
    struct sp_str got = wire_get_string(&reply.body);
    char text[8192];
    snprintf(text, sizeof text, "%.*s", (int)got.len, got.data);
    assert_string_equal(text, name);
}

void expect_data(struct mock *mock, uint32_t id, const char *text)
{
    struct reply reply = expect_reply(mock, id, SFTP_DATA);
    struct sp_str data = wire_get_string(&reply.body);
    assert_true(wire_at_end(&reply.body));
    assert_int_equal(data.len, strlen(text));
    assert_memory_equal(data.data, text, data.len);
}

void expect_nothing(struct mock *mock)
{
    assert_int_equal(buffer_length(&mock->channel.output), 0);
}

struct handle open_file(struct mock *mock, const char *path, uint32_t wire_flags)
{
    uint32_t id = send_open(mock, path, wire_flags);
    mock_settle(mock);
    return expect_handle(mock, id);
}

struct handle open_directory(struct mock *mock, const char *path)
{
    uint32_t id = send_path(mock, SFTP_OPENDIR, path);
    mock_settle(mock);
    return expect_handle(mock, id);
}

void close_handle(struct mock *mock, struct handle handle)
{
    uint32_t id = send_handle(mock, SFTP_CLOSE, handle);
    mock_settle(mock);
    expect_status(mock, id, SP_FS_OK);
}

void list_names(struct mock *mock, const char *path, char *out, size_t size)
{
    struct handle handle = open_directory(mock, path);
    out[0] = '\0';
    for (;;) {
        uint32_t id = send_handle(mock, SFTP_READDIR, handle);
        mock_settle(mock);
        struct reply reply;
        assert_true(next_reply(mock, &reply));
        assert_int_equal(reply.id, id);
        if (reply.type == SFTP_STATUS) {
            assert_int_equal(reply.status, SP_FS_EOF);
            break;
        }
        uint32_t count = wire_get_u32(&reply.body);
        assert_true(count > 0 && count <= 100);
        for (uint32_t i = 0; i < count; i++) {
            struct sp_str name = wire_get_string(&reply.body);
            wire_get_string(&reply.body);
            assert_int_equal(wire_get_u32(&reply.body), 0x0f); /* all that version 3 has */
            for (int skip = 0; skip < 7; skip++)
                wire_get_u32(&reply.body);
            assert_true(wire_ok(&reply.body));
            size_t used = strlen(out);
            assert_true(used + name.len + 2 < size);
            snprintf(out + used, size - used, "%s%.*s", used ? " " : "", (int)name.len, name.data);
        }
        assert_true(wire_at_end(&reply.body));
    }
    close_handle(mock, handle);
}
