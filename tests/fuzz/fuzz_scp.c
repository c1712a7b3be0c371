/*
 * fuzz_scp.c: the built-in scp and hash commands. The input is a command line, a zero byte, and
 * what the client sends; its first byte says how the provider and the client behave.
 */
#include <string.h>

#include "base/log.h"
#include "sftp/sftp.h"
#include "unit/sftp/mock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    if (!zero)
        return 0;
    log_open(-1, LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    struct sp_str command = {(const char *)data + 1, (uint64_t)(zero - data - 1)};
    const struct config config = {.sftp_hash_commands = true};
    const struct session_builtin *builtin = &sftp_builtins[1];
    while (builtin->start && !builtin->takes_command(&config, command))
        builtin++;
    if (!builtin->start)
        return 0;
    uint8_t setup = data[0];
    struct mock *mock = mock_new();
    mock_mount(mock, "/m/x", "other");
    store_file(mock_store(mock), "/home/demo/f", "some text");
    store_link(mock_store(mock), "/home/demo/l", "/home/demo/f");
    store_directory(mock_store(mock), "/home/demo/d");
    store_file(mock_store(mock), "/home/demo/d/g", "");
    mock->calls = setup & 1 ? MOCK_LATER : MOCK_AT_ONCE;
    mock->channel.hold_output = setup & 2;
    mock_store(mock)->max_io = setup >> 4;
    if (builtin->start(&mock->channel, command) == 0) {
        size_t left = size - (size_t)(zero + 1 - data);
        for (const uint8_t *at = zero + 1; left > 0;) {
            size_t piece = setup & 4 ? 1 : left;
            mock_receive(mock, at, piece);
            at += piece;
            left -= piece;
            mock_step(mock);
            mock_run_tasks(mock);
        }
        if (setup & 8) {
            mock_drain(mock);
            mock_settle(mock);
            if (mock_refused(mock) == 0)
                mock_receive_eof(mock);
        }
    }
    mock_free(mock);
    return 0;
}
