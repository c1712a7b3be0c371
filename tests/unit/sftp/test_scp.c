/* The built-in scp: the old protocol, byte for byte, and what it must not believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/vpath.h"
#include "mock.h"
#include "sftp/scp.h"
#include "sftp/sftp.h"

static struct sp_str str(const char *text)
{
    return (struct sp_str){text, strlen(text)};
}

static void start(struct mock *mock, const char *command)
{
    assert_true(sftp_builtins[1].takes_command(NULL, str(command)));
    assert_int_equal(mock_start(mock, &sftp_builtins[1], command), 0);
}

static struct mock *started(const char *command)
{
    struct mock *mock = mock_new();
    start(mock, command);
    return mock;
}

static void receive(struct mock *mock, const char *bytes, size_t length)
{
    mock_receive(mock, bytes, length);
    mock_settle(mock);
}

#define RECEIVE(mock, literal) receive(mock, literal, sizeof(literal) - 1)

/* What came since the last look must begin with this; a shorter text leaves the rest. */
static void expect(struct mock *mock, const char *bytes, size_t length)
{
    struct buffer *output = &mock->channel.output;
    assert_true(buffer_length(output) >= length);
    assert_memory_equal(buffer_data(output), bytes, length);
    buffer_consume(output, length);
}

#define EXPECT(mock, literal) expect(mock, literal, sizeof(literal) - 1)

static void expect_nothing_more(struct mock *mock)
{
    assert_int_equal(buffer_length(&mock->channel.output), 0);
}

/* One line that begins so, of which the rest does not matter. */
static void expect_line(struct mock *mock, const char *beginning)
{
    struct buffer *output = &mock->channel.output;
    expect(mock, beginning, strlen(beginning));
    const uint8_t *newline = memchr(buffer_data(output), '\n', buffer_length(output));
    assert_non_null(newline);
    buffer_consume(output, (size_t)(newline - buffer_data(output)) + 1);
}

static void expect_end(struct mock *mock, uint32_t exit_status)
{
    expect_nothing_more(mock);
    assert_true(mock->channel.is_shut);
    assert_int_equal(mock->channel.exit_status, exit_status);
}

/* --- the command line ---------------------------------------------------------------------- */

static void commands_that_are_ours_are_taken(void **state)
{
    (void)state;
    static const char *const ours[] = {
        "scp -t .",
        "scp -f a b c",
        "scp -v -r -p -d -t -- -x",
        "scp -rpt /a/b",
        "scp -f 'a b; c' \"d\"",
        "scp -f a\\ b\\;c",
        "scp -f *.txt",
        "scp -t ~/x",
        "scp\t-t\t.",
    };
    static const char *const not_ours[] = {
        "scp",          "scp -t",          "scp a b",       "scp -t a b",  "scp -t a; id",
        "scp -t $x",    "scp -t `id`",     "scp -t a|b",    "scp -t a&",   "scp -t \"$x\"",
        "scp -t 'a",    "scp -t a > b",    "scp -S x -t a", "scpx -t a",   "/bin/scp -t a",
        "scp -t a\nid", "scp -f \"`id`\"", "scp -t a\\",    "echo scp -t", "",
        "scp -t (a)",
    };
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        assert_true(scp_takes_command(NULL, str(ours[i])));
    for (size_t i = 0; i < sizeof not_ours / sizeof not_ours[0]; i++)
        assert_false(scp_takes_command(NULL, str(not_ours[i])));
}

static void words_are_those_of_a_shell(void **state)
{
    (void)state;
    struct scp_command command;
    assert_int_equal(scp_command_parse(str("scp -rf  'a b'c\\ d \"e'f\\\"g\" h*'*' '~'"), &command),
                     0);
    assert_true(command.is_recursive && !command.is_sink);
    assert_int_equal(command.paths_count, 4);
    assert_string_equal(command.paths[0], "a bc d");
    assert_string_equal(command.paths[1], "e'f\"g");
    assert_string_equal(command.paths[2], "h*\\*");
    assert_string_equal(command.paths[3], "\\~");
    scp_command_free(&command);
}

/* --- the sink ------------------------------------------------------------------------------ */

static void a_file_is_taken(void **state)
{
    (void)state;
    struct mock *mock = started("scp -t .");
    EXPECT(mock, "\0");
    RECEIVE(mock, "C4755 5 file\n");
    EXPECT(mock, "\0");
    RECEIVE(mock, "hello\0");
    EXPECT(mock, "\0");
    mock_receive_eof(mock);
    expect_end(mock, 0);
    assert_true(store_has(mock_store(mock), "/home/demo/file", "hello"));
    assert_int_equal(store_find(mock_store(mock), "/home/demo/file")->mode, 0755);
    mock_free(mock);
}

static void a_file_is_taken_under_the_name_of_the_target(void **state)
{
    (void)state;
    struct mock *mock = started("scp -t new");
    RECEIVE(mock, "C0644 0 other\n\0");
    EXPECT(mock, "\0\0\0");
    assert_true(store_has(mock_store(mock), "/home/demo/new", ""));
    mock_free(mock);
}

static void times_and_modes_are_set_with_p(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    store_file(mock_store(mock), "/home/demo/f", "old and long");
    start(mock, "scp -p -t .");
    RECEIVE(mock, "T1234 0 5678 0\nC0600 3 f\nnew\0");
    EXPECT(mock, "\0\0\0\0");
    struct store_node *node = store_find(mock_store(mock), "/home/demo/f");
    assert_true(store_has(mock_store(mock), "/home/demo/f", "new"));
    assert_int_equal(node->mode, 0600);
    assert_int_equal(node->modified, 1234);
    mock_free(mock);
}

static void a_tree_is_taken(void **state)
{
    (void)state;
    struct mock *mock = started("scp -r -t .");
    RECEIVE(mock, "D0755 0 d\nD0500 0 e\nC0644 1 f\nx\0E\nC0644 1 g\ny\0E\nC0644 1 h\nz\0");
    EXPECT(mock, "\0\0\0\0\0\0\0\0\0\0\0");
    mock_receive_eof(mock);
    expect_end(mock, 0);
    assert_true(store_has(mock_store(mock), "/home/demo/d/e/f", "x"));
    assert_true(store_has(mock_store(mock), "/home/demo/d/g", "y"));
    assert_true(store_has(mock_store(mock), "/home/demo/h", "z"));
    assert_int_equal(store_find(mock_store(mock), "/home/demo/d/e")->mode, 0500);
    mock_free(mock);
}

static void input_may_come_in_any_pieces(void **state)
{
    (void)state;
    static const char input[] = "D0755 0 d\nC0644 10 f\n0123456789\0E\n";
    for (size_t piece = 1; piece < sizeof input; piece++) {
        for (int later = 0; later < 2; later++) {
            struct mock *mock = mock_new();
            mock->calls = later ? MOCK_LATER : MOCK_AT_ONCE;
            mock_store(mock)->max_io = 3;
            start(mock, "scp -rt .");
            mock_settle(mock);
            for (size_t at = 0; at < sizeof input - 1; at += piece) {
                size_t left = sizeof input - 1 - at;
                mock_receive(mock, input + at, left < piece ? left : piece);
                mock_settle(mock);
            }
            EXPECT(mock, "\0\0\0\0\0");
            expect_nothing_more(mock);
            assert_true(store_has(mock_store(mock), "/home/demo/d/f", "0123456789"));
            mock_free(mock);
        }
    }
}

static void a_large_file_is_written_in_order(void **state)
{
    (void)state;
    const size_t size = 1000003;
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 21);
    text[size] = '\0';
    for (int later = 0; later < 2; later++) {
        struct mock *mock = mock_new();
        mock->calls = later ? MOCK_LATER : MOCK_AT_ONCE;
        start(mock, "scp -t f");
        mock_settle(mock);
        RECEIVE(mock, "C0644 1000003 f\n");
        mock_receive(mock, text, size); /* a provider that takes its time holds the client back */
        assert_int_equal(mock_refused(mock) > 0, later);
        mock_settle(mock);
        RECEIVE(mock, "\0");
        EXPECT(mock, "\0\0\0");
        assert_true(store_has(mock_store(mock), "/home/demo/f", text));
        mock_free(mock);
    }
    free(text);
}

static void names_that_lead_elsewhere_end_the_session(void **state)
{
    (void)state;
    static const char *const names[] = {"../x", "/x", "..", ".", "a/b", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (int is_directory = 0; is_directory < 2; is_directory++) {
            struct mock *mock = started("scp -r -t .");
            char line[64];
            int length =
                snprintf(line, sizeof line, "%c0644 1 %s\n", is_directory ? 'D' : 'C', names[i]);
            receive(mock, line, (size_t)length);
            EXPECT(mock, "\0");
            expect_line(mock, "\2scp: ");
            expect_end(mock, 1);
            assert_int_equal(mock->started[PLUGIN_FS_open] + mock->started[PLUGIN_FS_mkdir], 0);
            mock_free(mock);
        }
    }
}

static void malformed_lines_end_the_session(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "C0644 -1 f\n",
        "C0644 1x f\n",
        "C0644 99999999999999999999 f\n",
        "C0644 1f\n",
        "C644 1 f\n",
        "C0984 1 f\n",
        "C00644 1 f\n",
        "C0644  1 f\n",
        "C06441 f\n",
        "X0644 1 f\n",
        "E\n",
        "E1\n",
        "D0755 0 d\n", /* no -r */
        "T1 0 x 0\n",
        "T1 0 2\n",
        "\n",
        "T-1 0 1 0\n",
        "C0644 9223372036854775808 f\n",
        "T1 0 2 0 \n",
        "Cabcd 1 f\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct mock *mock = started("scp -t .");
        receive(mock, lines[i], strlen(lines[i]));
        EXPECT(mock, "\0");
        expect_line(mock, "\2scp: ");
        expect_end(mock, 1);
        mock_free(mock);
    }
    struct mock *mock = started("scp -t .");
    RECEIVE(mock, "C0644 1 f\0g\n");
    EXPECT(mock, "\0");
    expect_line(mock, "\2scp: ");
    expect_end(mock, 1);
    mock_free(mock);
}

static void endless_lines_and_nesting_are_bounded(void **state)
{
    (void)state;
    char *line = malloc(100000);
    memset(line, 'C', 100000);
    struct mock *mock = started("scp -t .");
    receive(mock, line, 100000);
    EXPECT(mock, "\0");
    expect_line(mock, "\2scp: ");
    expect_end(mock, 1);
    mock_free(mock);
    free(line);

    mock = started("scp -r -t .");
    EXPECT(mock, "\0");
    for (uint32_t depth = 0; depth < SCP_DEPTH_MAX; depth++) {
        RECEIVE(mock, "D0755 0 d\n");
        EXPECT(mock, "\0");
    }
    RECEIVE(mock, "D0755 0 d\n");
    expect_line(mock, "\1scp: ");
    mock_free(mock);
}

static void a_file_that_cannot_be_made_is_passed_over(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    store_directory(mock_store(mock), "/home/demo/d");
    start(mock, "scp -t .");
    EXPECT(mock, "\0");
    RECEIVE(mock, "C0644 5 d\n");
    expect_line(mock, "\1scp: /home/demo/d: ");
    RECEIVE(mock, "C0644 1 f\nx\0");
    EXPECT(mock, "\0\0");
    mock_receive_eof(mock);
    expect_end(mock, 1);
    assert_true(store_has(mock_store(mock), "/home/demo/f", "x"));
    mock_free(mock);
}

static void data_that_cannot_be_written_is_read_and_complained_of(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_store(mock)->fail[PLUGIN_FS_write] = SP_FS_QUOTA_EXCEEDED;
    start(mock, "scp -t .");
    RECEIVE(mock, "C0644 5 f\nhello\0");
    EXPECT(mock, "\0\0");
    expect_line(mock, "\1scp: /home/demo/f: Quota exceeded");
    mock_store(mock)->fail[PLUGIN_FS_write] = 0;
    RECEIVE(mock, "C0644 1 g\nx\0");
    EXPECT(mock, "\0\0");
    mock_receive_eof(mock);
    expect_end(mock, 1);
    mock_free(mock);
}

static void no_file_is_made_where_mounts_make_a_directory(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock_mount(mock, "/data/deep", "other");
    start(mock, "scp -t /");
    RECEIVE(mock, "C0644 1 data\nC0644 1 f\nx");
    EXPECT(mock, "\0\1scp: /data: Is a directory\n\0");
    assert_null(store_find(mock_store(mock), "/data"));
    mock_close(mock);
    mock_free(mock);
}

static void users_who_may_not_get_nothing_done(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    mock->session.permit = SP_PERMIT_ALL & ~SP_PERMIT_SFTP;
    assert_int_not_equal(mock_start(mock, &sftp_builtins[1], "scp -t ."), 0);
    mock_free(mock);

    mock = mock_new();
    mock->session.grant.read_only = 1;
    start(mock, "scp -r -t .");
    EXPECT(mock, "\0");
    RECEIVE(mock, "C0644 1 f\n");
    expect_line(mock, "\1scp: ");
    RECEIVE(mock, "D0755 0 d\n");
    expect_line(mock, "\1scp: ");
    assert_int_equal(mock->started[PLUGIN_FS_open] + mock->started[PLUGIN_FS_mkdir], 0);
    mock_free(mock);
}

static void a_target_that_must_be_a_directory_is_one(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    store_file(mock_store(mock), "/home/demo/f", "f");
    start(mock, "scp -d -t f");
    expect_line(mock, "\1scp: /home/demo/f: Not a directory");
    expect_end(mock, 1);
    mock_free(mock);
}

static void a_sink_may_be_left_at_any_moment(void **state)
{
    (void)state;
    static const char input[] = "D0755 0 d\nT1 0 1 0\nC0644 10 f\n0123456789\0E\n";
    for (size_t length = 0; length < sizeof input; length++) {
        for (int steps = 0; steps < 12; steps++) {
            struct mock *mock = mock_new();
            mock->calls = MOCK_LATER;
            start(mock, "scp -rpt .");
            mock_receive(mock, input, length);
            for (int i = 0; i < steps; i++) {
                mock_step(mock);
                mock_run_tasks(mock);
            }
            mock_close(mock);
            mock_free(mock);
        }
    }
}

/* --- the source ---------------------------------------------------------------------------- */

static void a_file_is_given(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    store_file(mock_store(mock), "/home/demo/a b", "hello")->mode = 04640;
    start(mock, "scp -f 'a b'");
    expect_nothing_more(mock);
    RECEIVE(mock, "\0");
    EXPECT(mock, "C0640 5 a b\n");
    expect_nothing_more(mock);
    RECEIVE(mock, "\0");
    EXPECT(mock, "hello\0");
    expect_nothing_more(mock);
    RECEIVE(mock, "\0");
    expect_end(mock, 0);
    mock_free(mock);
}

static void times_are_given_with_p(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    store_file(mock_store(mock), "/f", "")->modified = 1234;
    start(mock, "scp -pf /f");
    RECEIVE(mock, "\0");
    EXPECT(mock, "T1234 0 1234 0\n");
    RECEIVE(mock, "\0");
    EXPECT(mock, "C0644 0 f\n");
    RECEIVE(mock, "\0");
    EXPECT(mock, "\0");
    RECEIVE(mock, "\0");
    expect_end(mock, 0);
    mock_free(mock);
}

static void a_tree_is_given(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    store_directory(mock_store(mock), "/home/demo/d");
    store_file(mock_store(mock), "/home/demo/d/f", "x");
    store_directory(mock_store(mock), "/home/demo/d/e");
    store_file(mock_store(mock), "/home/demo/d/e/g", "yy");
    start(mock, "scp -r -f d/");
    RECEIVE(mock, "\0\0\0\0\0\0\0\0\0\0");
    EXPECT(mock, "D0755 0 d\nC0644 1 f\nx\0D0755 0 e\nC0644 2 g\nyy\0E\nE\n");
    expect_end(mock, 0);
    mock_free(mock);
}

static void patterns_are_expanded(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct store *store = mock_store(mock);
    store_directory(store, "/home/demo/d1");
    store_directory(store, "/home/demo/d2");
    store_file(store, "/home/demo/d1/a.txt", "1");
    store_file(store, "/home/demo/d1/b.jpg", "2");
    store_file(store, "/home/demo/d2/c.txt", "3");
    store_file(store, "/home/demo/d2/.h.txt", "4");
    store_file(store, "/home/demo/*.txt", "5");
    start(mock, "scp -f d?/*.txt '*.txt' none* ~/d[1]/b.*");
    for (int i = 0; i < 20; i++)
        RECEIVE(mock, "\0");
    EXPECT(mock, "C0644 1 a.txt\n1\0C0644 1 c.txt\n3\0C0644 1 *.txt\n5\0");
    expect_line(mock, "\1scp: /home/demo/none*: No such file");
    EXPECT(mock, "C0644 1 b.jpg\n2\0");
    expect_end(mock, 1);
    mock_free(mock);
}

static void what_cannot_be_given_is_complained_of(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    store_directory(mock_store(mock), "/d");
    store_link(mock_store(mock), "/l", "x");
    store_file(mock_store(mock), "/f", "f");
    start(mock, "scp -f /none /d /l ~root/x /f");
    RECEIVE(mock, "\0");
    expect_line(mock, "\1scp: /none: No such file");
    expect_line(mock, "\1scp: /d: Is a directory");
    expect_line(mock, "\1scp: /l: Not a regular file");
    expect_line(mock, "\1scp: No such file");
    EXPECT(mock, "C0644 1 f\n");
    RECEIVE(mock, "\1scp: not this one\n"); /* the client does not want it */
    expect_end(mock, 1);
    mock_free(mock);
}

static void a_file_that_shrinks_is_padded(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct store_node *node = store_file(mock_store(mock), "/f", "0123456789");
    start(mock, "scp -f /f");
    RECEIVE(mock, "\0");
    EXPECT(mock, "C0644 10 f\n");
    node->data.end -= 6;
    RECEIVE(mock, "\0");
    EXPECT(mock, "0123\0\0\0\0\0\0");
    expect_line(mock, "\1scp: /f: ");
    RECEIVE(mock, "\0");
    expect_end(mock, 1);
    mock_free(mock);
}

static void a_slow_client_holds_the_source_back(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    char *text = malloc(3000001);
    memset(text, 'x', 3000000);
    text[3000000] = '\0';
    store_file(mock_store(mock), "/f", text);
    mock->channel.hold_output = true;
    start(mock, "scp -f /f");
    RECEIVE(mock, "\0");
    RECEIVE(mock, "\0");
    assert_true(mock->channel.queued < 500000);
    for (int i = 0; i < 40; i++) {
        mock_drain(mock);
        mock_settle(mock);
        assert_true(mock->channel.queued < 500000);
    }
    EXPECT(mock, "C0644 3000000 f\n");
    expect(mock, text, 3000000);
    EXPECT(mock, "\0");
    free(text);
    mock_free(mock);
}

static void a_source_may_be_left_at_any_moment(void **state)
{
    (void)state;
    for (int answers = 0; answers < 8; answers++) {
        for (int steps = 0; steps < 25; steps++) {
            struct mock *mock = mock_new();
            store_directory(mock_store(mock), "/home/demo/d");
            store_file(mock_store(mock), "/home/demo/d/f", "x");
            mock->calls = MOCK_LATER;
            start(mock, "scp -r -f d*");
            for (int i = 0; i < answers; i++)
                mock_receive(mock, "\0", 1);
            for (int i = 0; i < steps; i++) {
                mock_step(mock);
                mock_run_tasks(mock);
            }
            mock_close(mock);
            mock_free(mock);
        }
    }
}

static void mounts_are_walked_too(void **state)
{
    (void)state;
    struct mock *mock = mock_new();
    struct plugin_instance *other = mock_mount(mock, "/m/other", "other");
    store_file(&other->store, "/f", "x");
    start(mock, "scp -r -f /m");
    RECEIVE(mock, "\0\0\0\0\0\0\0");
    EXPECT(mock, "D0755 0 m\nD0755 0 other\nC0644 1 f\nx\0E\nE\n");
    expect_end(mock, 0);
    mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_that_are_ours_are_taken),
        cmocka_unit_test(words_are_those_of_a_shell),
        cmocka_unit_test(a_file_is_taken),
        cmocka_unit_test(a_file_is_taken_under_the_name_of_the_target),
        cmocka_unit_test(times_and_modes_are_set_with_p),
        cmocka_unit_test(a_tree_is_taken),
        cmocka_unit_test(input_may_come_in_any_pieces),
        cmocka_unit_test(a_large_file_is_written_in_order),
        cmocka_unit_test(names_that_lead_elsewhere_end_the_session),
        cmocka_unit_test(malformed_lines_end_the_session),
        cmocka_unit_test(endless_lines_and_nesting_are_bounded),
        cmocka_unit_test(a_file_that_cannot_be_made_is_passed_over),
        cmocka_unit_test(data_that_cannot_be_written_is_read_and_complained_of),
        cmocka_unit_test(no_file_is_made_where_mounts_make_a_directory),
        cmocka_unit_test(users_who_may_not_get_nothing_done),
        cmocka_unit_test(a_target_that_must_be_a_directory_is_one),
        cmocka_unit_test(a_sink_may_be_left_at_any_moment),
        cmocka_unit_test(a_file_is_given),
        cmocka_unit_test(times_are_given_with_p),
        cmocka_unit_test(a_tree_is_given),
        cmocka_unit_test(patterns_are_expanded),
        cmocka_unit_test(what_cannot_be_given_is_complained_of),
        cmocka_unit_test(a_file_that_shrinks_is_padded),
        cmocka_unit_test(a_slow_client_holds_the_source_back),
        cmocka_unit_test(a_source_may_be_left_at_any_moment),
        cmocka_unit_test(mounts_are_walked_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
