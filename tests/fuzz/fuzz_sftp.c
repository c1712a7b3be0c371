/*
 * fuzz_sftp.c: the SFTP engine between a hostile client and a provider that takes its time. The
 * input is a list of steps: requests put together from fields (handles among them, which nobody can
 * guess), raw bytes, and what happens beside: answers, timeouts, a client that stops reading.
 * mock_free() checks that nothing stays open and that no two calls on a handle overlap.
 */
#include <string.h>

#include "base/log.h"
#include "base/wire.h"
#include "sftp/codec.h"
#include "sftp/operations.h"
#include "sftp/sftp.h"
#include "unit/sftp/mock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HANDLES 4u

struct input {
    const uint8_t *next;
    const uint8_t *end;
};

struct client {
    uint8_t handles[HANDLES][SFTP_HANDLE_BYTES];
    uint32_t handles_count;
    uint32_t id;
};

static uint8_t take(struct input *input)
{
    return input->next < input->end ? *input->next++ : 0;
}

static size_t take_bytes(struct input *input, size_t wanted, const uint8_t **ret_bytes)
{
    size_t left = (size_t)(input->end - input->next);
    size_t length = wanted < left ? wanted : left;
    *ret_bytes = input->next;
    input->next += length;
    return length;
}

/* Whole messages must come, each within what limits promises; handles are kept. */
static void read_replies(struct mock *mock, struct client *client)
{
    struct buffer *output = &mock->channel.output;
    while (buffer_length(output) > 0) {
        struct wire_reader reader;
        wire_reader_init(&reader, buffer_data(output), buffer_length(output));
        struct sp_str message = wire_get_string(&reader);
        MOCK_CHECK(wire_ok(&reader));
        MOCK_CHECK(message.len >= SFTP_PACKET_MIN && message.len <= SFTP_PACKET_MAX);
        if (message.data[0] == SFTP_HANDLE) {
            MOCK_CHECK(message.len == 9 + SFTP_HANDLE_BYTES);
            memcpy(client->handles[client->handles_count++ % HANDLES], message.data + 9,
                   SFTP_HANDLE_BYTES);
        }
        buffer_consume(output, 4 + (size_t)message.len);
    }
}

static void put_field(struct buffer *request, struct client *client, struct input *input)
{
    const uint8_t *bytes;
    uint8_t kind = take(input);
    size_t length = kind >> 3;
    switch (kind & 7) {
    case 0:
        wire_put_u32(request, (uint32_t)length);
        break;
    case 1:
        wire_put_u64(request, (uint64_t)take(input) << (length % 8 * 8));
        break;
    case 2:
        wire_put_string(request, client->handles[length % HANDLES], SFTP_HANDLE_BYTES);
        break;
    case 3: {
        const char *name = sftp_operation((enum sftp_operation_id)(
                                              SFTP_OP_POSIX_RENAME +
                                              length % (SFTP_OP_COUNT - SFTP_OP_POSIX_RENAME)))
                               ->extension;
        wire_put_cstring(request, name);
        break;
    }
    case 4:
        wire_put_cstring(request, (const char *const[]){"/f", "d", "/m/x", "..", "~/d/g", "/l",
                                                        "/m/x/g", "."}[length % 8]);
        break;
    case 5: {
        static const uint8_t zeros[70000];
        wire_put_string(request, zeros, length * 2200);
        break;
    }
    case 6:
        wire_put_u32(request, (uint32_t)take(input) << 24 | take(input));
        break;
    default:
        length = take_bytes(input, length, &bytes);
        wire_put_string(request, bytes, length);
        break;
    }
}

static void send_request(struct mock *mock, struct client *client, struct input *input)
{
    struct buffer request = {0};
    uint8_t fields = take(input);
    wire_put_u32(&request, 0);
    wire_put_u8(&request, take(input));
    wire_put_u32(&request, ++client->id);
    for (int i = 0; i < (fields & 7); i++)
        put_field(&request, client, input);
    uint32_t length = (uint32_t)(buffer_length(&request) - 4);
    wire_set_u32(&request, 0, fields & 8 ? length + take(input) : length);
    mock_receive(mock, buffer_data(&request), buffer_length(&request));
    buffer_release(&request);
}

static void step(struct mock *mock, struct client *client, struct input *input)
{
    const uint8_t *bytes;
    size_t length;
    uint8_t what = take(input);
    switch (what & 15) {
    default:
        send_request(mock, client, input);
        break;
    case 0:
        length = take_bytes(input, what >> 4, &bytes);
        mock_receive(mock, bytes, length);
        break;
    case 1:
        mock_step(mock);
        break;
    case 2:
        mock_run_tasks(mock);
        break;
    case 3:
        mock->calls = mock->calls == MOCK_LATER ? MOCK_AT_ONCE : MOCK_LATER;
        break;
    case 4:
        mock->channel.hold_output = what & 16;
        mock_drain(mock);
        break;
    case 5:
        mock_run_timers(mock);
        break;
    case 6:
        if (what >> 4 == 0)
            mock_time_out(mock);
        break;
    case 7:
        mock_release(mock);
        break;
    case 8:
        mock_store(mock)->max_io = what >> 4;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t init[] = {0, 0, 0, 5, SFTP_INIT, 0, 0, 0, 3};
    struct input input = {data, data + size};
    struct client client = {0};
    log_open(-1, LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    struct mock *mock = mock_new();
    uint8_t setup = take(&input);
    mock_mount(mock, "/m/x", "other");
    mock->session.mounts[1].access = setup & 1    ? CONFIG_READ_ONLY
                                     : setup & 64 ? CONFIG_WRITE_ONLY
                                                  : CONFIG_READ_WRITE;
    mock->session.grant.restrict_to_home = setup >> 1 & 1;
    mock->session.host.instances[0].lacks[PLUGIN_FS_copy] = setup & 4;
    mock->session.host.instances[0].lacks[PLUGIN_FS_realpath] = setup & 8;
    mock->session.config.limits.requests_per_channel = 4;
    store_file(mock_store(mock), "/f", "some text");
    store_link(mock_store(mock), "/l", "/f");
    store_directory(mock_store(mock), "/home/demo/d");
    if (setup & 64) {
        mock->session.config.sftp_version_max = init[8] = 6;
        mock->session.config.sftp_newline_is_crlf = true;
    }
    mock_start(mock, &sftp_builtins[0], "");
    if (!(setup & 128))
        mock_receive(mock, init, sizeof init);
    read_replies(mock, &client);
    while (input.next < input.end && !mock->channel.is_shut) {
        step(mock, &client, &input);
        read_replies(mock, &client);
    }
    if (mock_refused(mock) == 0 && setup & 16)
        mock_receive_eof(mock);
    if (setup & 32)
        mock_settle(mock);
    mock_free(mock);
    return 0;
}
