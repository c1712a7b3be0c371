/* Digests of files: the extensions check-file and md5-hash, and the hash commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client.h"
#include "sftp/hash_command.h"
#include "sftp/sftp.h"

#define MD5_ABC "900150983cd24fb0d6963f7d28e17f72"
#define MD5_EMPTY "d41d8cd98f00b204e9800998ecf8427e"
#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* Files are read in pieces, with other tasks between them. */
static void settle(struct mock *mock)
{
    if (mock->calls == MOCK_AT_ONCE)
        mock_settle(mock);
}

static uint32_t send_check(struct mock *mock, const char *path, const char *algorithms,
                           uint64_t offset, uint64_t length, uint32_t block_size)
{
    uint32_t id;
    struct buffer *request = extended_begin("check-file-name", &id);
    request_string(request, path);
    request_string(request, algorithms);
    wire_put_u64(request, offset);
    wire_put_u64(request, length);
    wire_put_u32(request, block_size);
    request_send(mock, request);
    settle(mock);
    return id;
}

static uint32_t send_check_handle(struct mock *mock, const char *extension, struct handle handle,
                                  const char *algorithms)
{
    uint32_t id;
    struct buffer *request = extended_begin(extension, &id);
    request_handle(request, handle);
    request_string(request, algorithms);
    for (int i = 0; i < 5; i++) /* offset, length, block size */
        wire_put_u32(request, 0);
    request_send(mock, request);
    settle(mock);
    return id;
}

static void hex_of(struct wire_reader *reader, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    while (wire_left(reader) > 0 && used + 3 < size)
        used += (size_t)snprintf(out + used, size - used, "%02x", wire_get_u8(reader));
}

static bool is_text(struct sp_str text, const char *expected)
{
    return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

static void expect_digests(struct mock *mock, uint32_t id, const char *algorithm, const char *hex)
{
    char got[512];
    struct reply reply = expect_reply(mock, id, SFTP_EXTENDED_REPLY);
    assert_true(is_text(wire_get_string(&reply.body), algorithm));
    hex_of(&reply.body, got, sizeof got);
    assert_string_equal(got, hex);
}

static void a_file_is_hashed_by_name_and_by_handle(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/abc", "abc");
    store_file(mock_store(mock), "/digits", "123456789");
    store_file(mock_store(mock), "/empty", "");
    expect_digests(mock, send_check(mock, "/abc", "sha256", 0, 0, 0), "sha256", SHA256_ABC);
    expect_digests(mock, send_check(mock, "/empty", "md5", 0, 0, 0), "md5", MD5_EMPTY);
    expect_digests(mock, send_check(mock, "/digits", "crc32", 0, 0, 0), "crc32", "cbf43926");
    struct handle handle = open_file(mock, "/abc", FXF_READ);
    expect_digests(mock, send_check_handle(mock, "check-file-handle", handle, "md5"), "md5",
                   MD5_ABC);
    /* As paramiko has it. */
    uint32_t id = send_check_handle(mock, "check-file", handle, "md5");
    struct reply reply = expect_reply(mock, id, SFTP_EXTENDED_REPLY);
    assert_true(is_text(wire_get_string(&reply.body), "check-file"));
    assert_true(is_text(wire_get_string(&reply.body), "md5"));
    assert_int_equal(wire_left(&reply.body), 16);
    close_handle(mock, handle);
    assert_int_equal(store_open_handles(mock_store(mock)), 0); /* those by name were closed, too */
    mock_free(mock);
}

static void the_first_algorithm_that_is_known_is_taken(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "abc");
    expect_digests(mock, send_check(mock, "/f", "whirlpool,md5,sha256", 0, 0, 0), "md5", MD5_ABC);
    expect_digests(mock, send_check(mock, "/f", "sha256,md5", 0, 0, 0), "sha256", SHA256_ABC);
    expect_status(mock, send_check(mock, "/f", "", 0, 0, 0), SP_FS_OP_UNSUPPORTED);
    expect_status(mock, send_check(mock, "/f", ",sha,md55", 0, 0, 0), SP_FS_OP_UNSUPPORTED);
    mock_free(mock);
}

static void a_part_and_its_blocks_are_hashed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    char text[601];
    memset(text, 'x', 600);
    memcpy(text + 512, "abc", 4);
    store_file(mock_store(mock), "/f", text);
    expect_digests(mock, send_check(mock, "/f", "md5", 512, 0, 0), "md5", MD5_ABC);
    expect_digests(mock, send_check(mock, "/f", "md5", 512, 3, 0), "md5", MD5_ABC);
    expect_digests(mock, send_check(mock, "/f", "md5", 512, 1000, 0), "md5", MD5_ABC);
    expect_digests(mock, send_check(mock, "/f", "md5", 9999, 0, 0), "md5", MD5_EMPTY);
    expect_digests(mock, send_check(mock, "/f", "md5", 9999, 0, 256), "md5", "");
    /* Of 256 times "x", twice, then of what is left, whatever pieces the storage reads. */
    mock_store(mock)->max_io = 100;
    expect_digests(mock, send_check(mock, "/f", "crc32", 0, 0, 256), "crc32",
                   "73ee1a10"
                   "73ee1a10"
                   "352441c2");
    expect_status(mock, send_check(mock, "/f", "md5", 0, 0, 255), SP_FS_FAILURE);
    expect_status(mock, send_check(mock, "/f", "md5", 0, 0, 1), SP_FS_FAILURE);
    expect_status(mock, send_check(mock, "/f", "md5", UINT64_MAX, 0, 0), SP_FS_FAILURE);
    expect_status(mock, send_check(mock, "/f", "md5", 1, INT64_MAX, 0), SP_FS_FAILURE);
    expect_status(mock, send_check(mock, "/f", "md5", 0, UINT64_MAX, 0), SP_FS_FAILURE);
    mock_free(mock);
}

/* T74, as the four that follow */
static void an_answer_of_many_blocks_is_bounded(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct store_node *node = store_file(mock_store(mock), "/f", "");
    size_t length = 2u << 20;
    memset(buffer_reserve(&node->data, length), 'x', length);
    buffer_commit(&node->data, length);
    uint32_t id = send_check(mock, "/f", "sha512", 0, 0, 256); /* 512 KiB of digests */
    expect_status(mock, id, SP_FS_FAILURE);
    id = send_check(mock, "/f", "sha512", 0, 1024 * 1024, 256);
    expect_status(mock, id, SP_FS_FAILURE); /* 256 KiB and a header: just too much */
    id = send_check(mock, "/f", "sha512", 0, 1024 * 1020, 256);
    expect_reply(mock, id, SFTP_EXTENDED_REPLY);
    mock_free(mock);
}

static void a_hash_needs_the_right_to_read(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "abc");
    struct handle handle = open_file(mock, "/f", FXF_WRITE);
    expect_status(mock, send_check_handle(mock, "check-file-handle", handle, "md5"),
                  SP_FS_PERMISSION_DENIED);
    expect_status(mock, send_check_handle(mock, "check-file", handle, "md5"),
                  SP_FS_PERMISSION_DENIED);
    assert_int_equal(mock->started[PLUGIN_FS_read] + mock->started[PLUGIN_FS_hash], 0);
    mock_store(mock)->fail[PLUGIN_FS_open] = SP_FS_PERMISSION_DENIED;
    expect_status(mock, send_check(mock, "/f", "md5", 0, 0, 0), SP_FS_PERMISSION_DENIED);
    mock_store(mock)->fail[PLUGIN_FS_open] = 0;
    expect_status(mock, send_check(mock, "/none", "md5", 0, 0, 0), SP_FS_NO_SUCH_FILE);
    expect_status(mock, send_check(mock, "/home", "md5", 0, 0, 0), SP_FS_FAILURE);
    mock_store(mock)->lie = SFTP_DATA_MAX; /* more than there is room for */
    expect_status(mock, send_check(mock, "/f", "md5", 0, 0, 0), SP_FS_FAILURE);
    mock_store(mock)->lie = 0;
    mock_free(mock);
}

static void a_connection_hashes_one_file_at_a_time(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    struct handle handles[3];
    uint32_t ids[3];
    for (int i = 0; i < 3; i++) {
        char path[] = {'/', (char)('a' + i), '\0'};
        store_file(mock_store(mock), path, "abc");
        handles[i] = open_file(mock, path, FXF_READ);
    }
    mock->calls = MOCK_LATER;
    for (int i = 0; i < 3; i++)
        ids[i] = send_check_handle(mock, "check-file-handle", handles[i], "md5");
    for (int i = 0; i < 3; i++) {
        while (buffer_length(&mock->channel.output) == 0) {
            assert_true(mock_calls_waiting(mock) <= 1);
            assert_true(mock_step(mock) || mock_run_tasks(mock));
        }
        expect_digests(mock, ids[i], "md5", MD5_ABC);
    }
    mock->calls = MOCK_AT_ONCE;
    mock_free(mock);
}

static void others_are_served_while_a_file_is_hashed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/long", "a file that takes many pieces");
    struct handle other = open_file(mock, "/other", FXF_WRITE | FXF_CREAT);
    mock_store(mock)->max_io = 1;
    mock->calls = MOCK_LATER;
    uint32_t hash = send_check(mock, "/long", "md5", 0, 0, 0);
    for (int i = 0; i < 3; i++)
        assert_true(mock_step(mock)); /* opened, refused to hash, read the first byte */
    mock->calls = MOCK_AT_ONCE;
    /* Also what changes paths, or closes: the file is open, its name matters no more. */
    uint32_t id = send_path(mock, SFTP_MKDIR, "/new");
    expect_status(mock, id, SP_FS_OK);
    id = send_handle(mock, SFTP_CLOSE, other);
    expect_status(mock, id, SP_FS_OK);
    expect_nothing(mock);
    mock_settle(mock);
    expect_reply(mock, hash, SFTP_EXTENDED_REPLY);
    mock_free(mock);
}

/* mock_free() finds whatever stays open. */
static void a_hash_ends_with_its_client(void **state)
{
    (void)state;
    for (int steps = 0; steps < 8; steps++) {
        struct mock *mock = client_new();
        store_file(mock_store(mock), "/long", "a file that takes many pieces");
        struct handle handle = open_file(mock, "/long", FXF_READ);
        mock_store(mock)->max_io = 1;
        mock->calls = MOCK_LATER;
        send_check(mock, "/long", "md5", 0, 0, 0);
        send_check(mock, "/long", "md5", 0, 0, 0);
        send_check_handle(mock, "check-file-handle", handle, "md5");
        for (int i = 0; i < steps; i++)
            if (!mock_step(mock))
                mock_run_tasks(mock);
        mock_close(mock);
        int reads = mock->started[PLUGIN_FS_read];
        mock_settle(mock);
        assert_int_equal(mock->started[PLUGIN_FS_read], reads);
        mock_free(mock);
    }
}

static void a_provider_that_knows_the_digest_is_believed(void **state)
{
    (void)state;
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "abc");
    mock_store(mock)->digest = "0123456789abcdef";
    expect_digests(mock, send_check(mock, "/f", "md5", 0, 0, 0), "md5",
                   "30313233343536373839616263646566");
    assert_int_equal(mock->started[PLUGIN_FS_read], 0);
    expect_digests(mock, send_check(mock, "/f", "md5", 0, 0, 256), "md5", MD5_ABC);
    expect_status(mock, send_check(mock, "/f", "sha256", 0, 0, 0), SP_FS_FAILURE); /* too short */
    mock->session.host.instances[0].lacks[PLUGIN_FS_hash] = true;
    expect_digests(mock, send_check(mock, "/f", "md5", 0, 0, 0), "md5", MD5_ABC);
    mock_free(mock);
}

static uint32_t send_md5(struct mock *mock, const char *path, uint64_t offset, uint64_t length,
                         const char *quick_check)
{
    uint32_t id;
    struct buffer *request = extended_begin("md5-hash", &id);
    request_string(request, path);
    wire_put_u64(request, offset);
    wire_put_u64(request, length);
    request_string(request, quick_check);
    request_send(mock, request);
    mock_settle(mock);
    return id;
}

static void expect_md5(struct mock *mock, uint32_t id, const char *hex)
{
    char got[64];
    struct reply reply = expect_reply(mock, id, SFTP_EXTENDED_REPLY);
    assert_true(is_text(wire_get_string(&reply.body), "md5-hash"));
    struct sp_str digest = wire_get_string(&reply.body);
    assert_true(wire_at_end(&reply.body));
    struct wire_reader reader;
    wire_reader_init(&reader, digest.data, (size_t)digest.len);
    hex_of(&reader, got, sizeof got);
    assert_string_equal(got, hex);
}

static void a_quick_check_spares_the_rest(void **state)
{
    (void)state;
    static const char abc[] = "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72";
    struct mock *mock = client_new();
    store_file(mock_store(mock), "/f", "--abc");
    expect_md5(mock, send_md5(mock, "/f", 2, 0, ""), MD5_ABC);
    expect_md5(mock, send_md5(mock, "/f", 2, 3, abc), MD5_ABC);
    expect_md5(mock, send_md5(mock, "/f", 1, 3, abc), "");
    expect_status(mock, send_md5(mock, "/f", 2, 3, "short"), SP_FS_FAILURE);

    /* Of a long file only its first 2048 bytes are read if they differ. */
    struct store_node *node = store_file(mock_store(mock), "/long", "");
    memset(buffer_reserve(&node->data, 1 << 20), 'x', 1 << 20);
    buffer_commit(&node->data, 1 << 20);
    mock_store(mock)->max_io = 1024;
    int reads = mock->started[PLUGIN_FS_read];
    expect_md5(mock, send_md5(mock, "/long", 0, 0, abc), "");
    assert_int_equal(mock->started[PLUGIN_FS_read] - reads, 2);
    mock_free(mock);
}

/* --- the commands --------------------------------------------------------------------------- */

static struct mock *started(const char *line)
{
    struct mock *mock = mock_new();
    mock->session.config.sftp_hash_commands = true;
    assert_true(
        sftp_builtins[2].takes_command(&mock->session.config, (struct sp_str){line, strlen(line)}));
    store_file(mock_store(mock), "/abc", "abc");
    store_file(mock_store(mock), "/home/demo/it's $1 \\ \n", "abc");
    assert_int_equal(mock_start(mock, &sftp_builtins[2], line), 0);
    mock_settle(mock);
    return mock;
}

static void expect_output(struct mock *mock, const char *text, uint32_t exit_status)
{
    struct buffer *output = &mock->channel.output;
    assert_int_equal(buffer_length(output), strlen(text));
    if (*text)
        assert_memory_equal(buffer_data(output), text, strlen(text));
    assert_true(mock->channel.is_shut);
    assert_int_equal(mock->channel.exit_status, exit_status);
    mock_free(mock);
}

static void a_command_prints_what_coreutils_print(void **state)
{
    (void)state;
    expect_output(started("md5sum /abc"), MD5_ABC "  /abc\n", 0);
    expect_output(started("sha256sum -b -- /abc '/abc'"),
                  SHA256_ABC "  /abc\n" SHA256_ABC "  /abc\n", 0);
    /* As rclone quotes, and a name that would break the line. */
    expect_output(started("md5sum it\\'s\\ \\$1\\ \\\\\\ '\n'"),
                  "\\" MD5_ABC "  it's $1 \\\\ \\n\n", 0);
    expect_output(started("md5sum /none /abc"), MD5_ABC "  /abc\n", 1);
    expect_output(started("md5sum /home"), "", 1);
}

static void a_command_without_names_hashes_what_it_is_given(void **state)
{
    (void)state;
    struct mock *mock = started("md5sum");
    assert_false(mock->channel.is_shut);
    mock_receive(mock, "a", 1);
    mock_receive(mock, "bc", 2);
    mock_receive_eof(mock);
    expect_output(mock, MD5_ABC "  -\n", 0);
    mock = started("md5sum -");
    mock_receive_eof(mock);
    expect_output(mock, MD5_EMPTY "  -\n", 0);
    mock = started("md5sum /abc"); /* what it does not ask for it does not mind */
    mock_receive(mock, "junk", 4);
    mock_receive_eof(mock);
    expect_output(mock, MD5_ABC "  /abc\n", 0);
}

static void only_plain_command_lines_are_taken(void **state)
{
    (void)state;
    static const char *const not_ours[] = {
        "",          "md5",           "md5summer /abc",     "md5sum -c list", "md5sum /abc; id",
        "md5sum /*", "md5sum `id`",   "md5sum $HOME",       "md5sum ~/abc",   "md5sum 'abc",
        "crc32sum",  " md5sum /abc",  "/usr/bin/md5sum /a", "md5sum < /abc",  "md5sum /abc -",
        "b2sum /",   "sha1sum --tag", "md5sum a\\",
    };
    struct config config = {.sftp_hash_commands = true};
    for (size_t i = 0; i < sizeof not_ours / sizeof *not_ours; i++)
        assert_false(
            hash_command_takes(&config, (struct sp_str){not_ours[i], strlen(not_ours[i])}));
    assert_false(hash_command_takes(&config, (struct sp_str){"md5sum a\0b", 10}));
    char many[65 * 2 + 16] = "md5sum";
    for (int i = 0; i < 64; i++)
        strcat(many, " a");
    assert_true(hash_command_takes(&config, (struct sp_str){many, strlen(many)}));
    strcat(many, " a");
    assert_false(hash_command_takes(&config, (struct sp_str){many, strlen(many)}));
    config.sftp_hash_commands = false;
    assert_false(hash_command_takes(&config, (struct sp_str){"md5sum", 6}));
}

static void a_command_is_for_those_who_may_use_files(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.permit = SP_PERMIT_ALL & ~SP_PERMIT_SFTP;
    assert_true(mock_start(mock, &sftp_builtins[2], "md5sum /abc") < 0);
    mock->session.permit = SP_PERMIT_ALL;
    assert_int_equal(mock_start(mock, &sftp_builtins[2], "md5sum"), 0);
    mock_free(mock);
    mock = started("md5sum");
    mock_free(mock);
}

struct witness {
    char seen[256];
};

static int32_t deny_f(struct plugin_instance *instance, const struct sp_sftp_event *event,
                      bool is_after, struct sp_sftp_reply *reply)
{
    struct witness *witness = instance->arg;
    size_t used = strlen(witness->seen);
    if (is_after)
        return SP_NEXT;
    snprintf(witness->seen + used, sizeof witness->seen - used, "%s %s;", event->name.data,
             event->path.data);
    if (!is_text(event->path, "/f"))
        return SP_NEXT;
    reply->status = SP_FS_PERMISSION_DENIED;
    reply->text = (struct sp_str){"Not yours", 9};
    return SP_DENY;
}

static void a_command_goes_through_the_door_of_sftp(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct witness witness = {0};
    mock_hook(mock, deny_f)->arg = &witness;
    store_file(mock_store(mock), "/abc", "abc");
    store_file(mock_store(mock), "/f", "secret");
    assert_int_equal(mock_start(mock, &sftp_builtins[2], "md5sum /f /abc"), 0);
    mock_settle(mock);
    assert_string_equal(witness.seen, "check-file-name /f;check-file-name /abc;");
    assert_int_equal(mock->started[PLUGIN_FS_open], 1);
    expect_output(mock, MD5_ABC "  /abc\n", 1);

    mock = mock_new(); /* what may only be left there is not read in this way either */
    mock->session.mounts[0].access = CONFIG_WRITE_ONLY;
    store_file(mock_store(mock), "/f", "secret");
    assert_int_equal(mock_start(mock, &sftp_builtins[2], "md5sum /f"), 0);
    mock_settle(mock);
    assert_int_equal(mock->started[PLUGIN_FS_open], 0);
    expect_output(mock, "", 1);
}

static void a_command_ends_with_its_client(void **state)
{
    (void)state;
    for (int steps = 0; steps < 6; steps++) {
        struct mock *mock = mock_new();
        store_file(mock_store(mock), "/f", "a file that takes many pieces");
        mock_store(mock)->max_io = 1;
        mock->calls = MOCK_LATER;
        assert_int_equal(mock_start(mock, &sftp_builtins[2], "md5sum /f /f"), 0);
        for (int i = 0; i < steps; i++)
            if (!mock_step(mock))
                mock_run_tasks(mock);
        mock_close(mock);
        mock_free(mock);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_hashed_by_name_and_by_handle),
        cmocka_unit_test(the_first_algorithm_that_is_known_is_taken),
        cmocka_unit_test(a_part_and_its_blocks_are_hashed),
        cmocka_unit_test(an_answer_of_many_blocks_is_bounded),
        cmocka_unit_test(a_hash_needs_the_right_to_read),
        cmocka_unit_test(a_connection_hashes_one_file_at_a_time),
        cmocka_unit_test(others_are_served_while_a_file_is_hashed),
        cmocka_unit_test(a_hash_ends_with_its_client),
        cmocka_unit_test(a_provider_that_knows_the_digest_is_believed),
        cmocka_unit_test(a_quick_check_spares_the_rest),
        cmocka_unit_test(a_command_prints_what_coreutils_print),
        cmocka_unit_test(a_command_without_names_hashes_what_it_is_given),
        cmocka_unit_test(only_plain_command_lines_are_taken),
        cmocka_unit_test(a_command_is_for_those_who_may_use_files),
        cmocka_unit_test(a_command_goes_through_the_door_of_sftp),
        cmocka_unit_test(a_command_ends_with_its_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
