/* test_plugin_service.c: what plugins ask of the core, from the loop and from other threads: in
 * order, within bounds, and only for channels that are there. */
#include "stage.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "puppet.h"

enum { ROOM = 100, CHANNEL = 5, RESERVED = 6, OTHERS = 7, CONNECTION = 9 };

static struct stage stage;
static struct puppet *puppet;
static const struct sp_host *host;
static struct plugin_gate *gate;

/* What reached the session layer. */
static struct {
    char done[4096];
    pthread_t thread;
    int32_t answer;
    struct sp_channel_streams streams;
    bool is_released;
    size_t in_call_length; /* of done, while the operation was on the stack */
} seen;

static void note(const char *what, struct sp_str text)
{
    size_t used = strlen(seen.done);
    snprintf(seen.done + used, sizeof seen.done - used, "%s(%.*s) ", what, (int)text.len,
             text.len ? text.data : "");
    seen.thread = pthread_self();
}

static int32_t on_eof(void *arg, sp_id channel)
{
    assert_int_equal(channel, CHANNEL);
    note("eof", sp_str_of(arg));
    return seen.answer;
}

static int32_t on_exit_status(void *arg, sp_id channel, uint32_t status)
{
    char text[16];
    (void)arg;
    (void)channel;
    snprintf(text, sizeof text, "%u", status);
    note("status", sp_str_of(text));
    return seen.answer;
}

static int32_t on_exit_signal(void *arg, sp_id channel, struct sp_str name, uint32_t core_dumped,
                              struct sp_str text)
{
    (void)arg;
    (void)channel;
    note("signal", name);
    note(core_dumped ? "core" : "no core", text);
    return seen.answer;
}

static int32_t on_close(void *arg, sp_id channel)
{
    (void)arg;
    (void)channel;
    note("close", sp_str_of(""));
    return seen.answer;
}

static int32_t on_attach(void *arg, sp_id channel, const struct sp_channel_streams *streams)
{
    (void)arg;
    (void)channel;
    seen.streams = *streams;
    note("attach", sp_str_of(""));
    return seen.answer;
}

static int32_t on_send(void *arg, sp_id channel, uint32_t stream, const void *data, uint64_t len)
{
    (void)arg;
    (void)channel;
    note(stream == SP_STREAM_DATA ? "data" : "stderr", (struct sp_str){data, len});
    return seen.answer;
}

static int32_t on_disconnect(void *arg, sp_id connection, struct sp_str text)
{
    (void)arg;
    assert_int_equal(connection, CONNECTION);
    note("disconnect", text);
    return seen.answer;
}

static int32_t on_reframed(void *arg, sp_id channel)
{
    (void)arg;
    assert_int_equal(channel, CHANNEL);
    note("reframed", sp_str_of(""));
    return seen.answer;
}

static sp_id on_reserve(void *arg)
{
    (void)arg;
    return seen.answer < 0 ? 0 : RESERVED;
}

static void on_channel_release(void *arg, sp_id channel)
{
    (void)arg;
    assert_int_equal(channel, RESERVED);
    seen.is_released = true;
}

static void on_open(void *arg, struct plugin_instance *by, struct plugin_gate *of, sp_id connection,
                    const struct sp_channel_open *open)
{
    (void)arg;
    assert_string_equal(plugin_instance_name(by), "doll");
    assert_int_equal(connection, CONNECTION);
    assert_int_equal(plugin_gate_channel(of), RESERVED);
    note("open", open->type);
    note("payload", open->payload);
    plugin_gate_close(of);
}

static const struct plugin_services services = {
    .arg = (void *)"arg",
    .channel_reframed = on_reframed,
    .channel_reserve = on_reserve,
    .channel_release = on_channel_release,
    .channel_open = on_open,
    .channel_eof = on_eof,
    .channel_exit_status = on_exit_status,
    .channel_exit_signal = on_exit_signal,
    .channel_close = on_close,
    .channel_attach = on_attach,
    .channel_send = on_send,
    .disconnect = on_disconnect,
};

static int32_t keep_host(const struct sp_host *given, const char *config)
{
    (void)config;
    if (!host) /* the doll's */
        host = given;
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    stage_open(&stage, 1);
    puppet = stage_symbol("puppet-reactor", "puppet");
    *puppet = (struct puppet){.on_create = keep_host};
    stage_add(&stage, "doll", "puppet-reactor");
    stage_add(&stage, "other", "puppet-reactor");
    stage_up(&stage, &services);
    gate =
        plugin_gate_open(plugin_host_find(stage.host, "doll", PLUGIN_CHANNEL), NULL, CHANNEL, ROOM);
    return gate ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    plugin_gate_close(gate);
    stage_close(&stage);
    *puppet = (struct puppet){0};
    host = NULL;
    return 0;
}

static void on_another_thread(void *(*body)(void *))
{
    pthread_t thread;
    void *failures = NULL;
    assert_int_equal(pthread_create(&thread, NULL, body, NULL), 0);
    pthread_join(thread, &failures);
    assert_null(failures);
}

/* Not assert_*(), which must not be used off the test's own thread. */
#define expect(condition) failures += !(condition)

static void *ask_for_everything(void *arg)
{
    uintptr_t failures = 0;
    char text[] = "bye";
    (void)arg;
    expect(host->channel_send(host, CHANNEL, SP_STREAM_DATA, "one", 3) == 3);
    expect(host->channel_send(host, CHANNEL, SP_STREAM_STDERR, "two", 3) == 3);
    expect(host->channel_eof(host, CHANNEL) == 0);
    expect(host->channel_exit_status(host, CHANNEL, 3) == 0);
    expect(host->channel_exit_signal(host, CHANNEL, sp_str_of("TERM"), 1, sp_str_of(text)) == 0);
    expect(host->channel_close(host, CHANNEL) == 0);
    expect(host->disconnect(host, CONNECTION, sp_str_of(text)) == 0);
    memset(text, '?', 3);
    return (void *)failures;
}

static const char everything[] = "data(one) stderr(two) eof(arg) status(3) signal(TERM) core(bye) "
                                 "close() disconnect(bye) ";

static void other_threads_requests_are_done_on_the_loop_in_order(void **state)
{
    (void)state;
    on_another_thread(ask_for_everything);
    assert_string_equal(seen.done, "");
    stage_wait(&stage, strstr(seen.done, "disconnect"));
    assert_string_equal(seen.done, everything);
    assert_true(pthread_equal(seen.thread, pthread_self()));
}

static int32_t ask_in_call(const struct sp_host *given, const char *name,
                           const struct sp_event *event)
{
    (void)given;
    (void)name;
    (void)event;
    assert_null(ask_for_everything(NULL));
    seen.in_call_length = strlen(seen.done);
    return SP_ALLOW;
}

static void nothing_ends_beneath_the_operation_on_the_stack(void **state)
{
    (void)state;
    struct question q;
    puppet->on_call = ask_in_call;
    question_ask_as(&q, &stage, "doll", "demo");
    assert_int_equal(seen.in_call_length, strlen(everything) - strlen("close() disconnect(bye) "));
    stage_wait(&stage, strstr(seen.done, "disconnect"));
    assert_string_equal(seen.done, everything);
}

static void *send_one(void *arg)
{
    (void)arg;
    uintptr_t failures = 0;
    expect(host->channel_send(host, CHANNEL, SP_STREAM_DATA, "one", 3) == 3);
    return (void *)failures;
}

static void the_loops_own_request_queues_up_behind_earlier_ones(void **state)
{
    (void)state;
    on_another_thread(send_one);
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, "two", 3), 3);
    assert_string_equal(seen.done, "");
    stage_wait(&stage, strstr(seen.done, "two"));
    assert_string_equal(seen.done, "data(one) data(two) ");
}

static void channel_that_is_gone_is_stale(void **state)
{
    (void)state;
    plugin_gate_close(gate);
    gate = NULL;
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, "x", 1), SP_E_STALE);
    assert_int_equal(host->channel_close(host, CHANNEL), SP_E_STALE);
    seen.answer = SP_E_STALE;
    assert_int_equal(host->channel_eof(host, CHANNEL), SP_E_STALE);
}

static void *ask_for_anothers(void *arg)
{
    uintptr_t failures = 0;
    const struct sp_framing framing = {.struct_size = sizeof framing, .kind = SP_FRAMING_NONE};
    const struct sp_channel_streams streams = {sizeof streams, -1, -1, -1, -1, 0};
    struct sp_channel_info info = {.struct_size = sizeof info};
    (void)arg;
    expect(host->channel_send(host, OTHERS, SP_STREAM_DATA, "x", 1) == SP_E_STALE);
    expect(host->channel_eof(host, OTHERS) == SP_E_STALE);
    expect(host->channel_exit_status(host, OTHERS, 0) == SP_E_STALE);
    expect(host->channel_exit_signal(host, OTHERS, sp_str_of("TERM"), 0, sp_str_of("")) ==
           SP_E_STALE);
    expect(host->channel_close(host, OTHERS) == SP_E_STALE);
    expect(host->channel_attach(host, OTHERS, &streams) == SP_E_STALE);
    expect(host->channel_framing(host, OTHERS, &framing) == SP_E_STALE);
    expect(host->channel_info(host, OTHERS, &info) == SP_E_STALE);
    return (void *)failures;
}

static void channel_of_another_instance_is_stale(void **state)
{
    (void)state;
    struct plugin_gate *others =
        plugin_gate_open(plugin_host_find(stage.host, "other", PLUGIN_CHANNEL), NULL, OTHERS, ROOM);
    struct sp_channel_info info;
    assert_non_null(others);
    assert_null(ask_for_anothers(NULL));
    on_another_thread(ask_for_anothers);
    on_another_thread(send_one); /* what was asked before it is done before it */
    stage_wait(&stage, strstr(seen.done, "one"));
    assert_string_equal(seen.done, "data(one) ");
    plugin_gate_info(others, &info);
    assert_int_equal(info.room, ROOM);
    plugin_gate_close(others);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    struct sp_channel_streams streams = {.struct_size = 4};
    assert_int_equal(host->channel_send(host, CHANNEL, 2, "x", 1), SP_E_INVALID);
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, NULL, 1), SP_E_INVALID);
    assert_int_equal(host->disconnect(host, CONNECTION, (struct sp_str){NULL, 1}), SP_E_INVALID);
    assert_int_equal(host->disconnect(host, CONNECTION, (struct sp_str){"x", 65537}), SP_E_INVALID);
    assert_int_equal(host->channel_attach(host, CHANNEL, NULL), SP_E_INVALID);
    assert_int_equal(host->channel_attach(host, CHANNEL, &streams), SP_E_INVALID);
    host->log(host, 77, (struct sp_str){NULL, 5});
    assert_string_equal(seen.done, "");
    /* What was refused has taken no room. */
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, seen.done, ROOM), ROOM);
}

static void gate_bounds_what_is_taken_and_tells_when_there_is_room(void **state)
{
    (void)state;
    char bytes[2 * ROOM];
    memset(bytes, 'b', sizeof bytes);
    assert_false(plugin_gate_drained(gate, 0));
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, bytes, 60), 60);
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, bytes, 60), 40);
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, bytes, 60), 0);
    assert_false(plugin_gate_drained(gate, 10)); /* not worth a call yet */
    assert_true(plugin_gate_drained(gate, 50));
    assert_false(plugin_gate_drained(gate, 40)); /* nobody was told "less" since */
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, bytes, sizeof bytes), ROOM);
    assert_true(plugin_gate_drained(gate, ROOM));
}

static void what_the_session_refuses_gives_its_room_back(void **state)
{
    (void)state;
    char bytes[ROOM] = "";
    seen.answer = SP_E_NOMEM;
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, bytes, ROOM), SP_E_NOMEM);
    seen.answer = 0;
    assert_int_equal(host->channel_send(host, CHANNEL, SP_STREAM_DATA, bytes, ROOM), ROOM);
}

static void accepted_data_that_cannot_be_sent_closes_the_channel(void **state)
{
    (void)state;
    seen.answer = SP_E_NOMEM;
    on_another_thread(send_one);
    stage_wait(&stage, strstr(seen.done, "close()"));
    assert_true(stage_logged(&stage, "plugin.send_lost", NULL, NULL));
}

static int fds[2];
static int process_fd;
static int32_t attach_answer;

static void *attach(void *arg)
{
    (void)arg;
    struct sp_channel_streams streams = {.struct_size = sizeof streams,
                                         .input_fd = fds[0],
                                         .output_fd = fds[0],
                                         .error_fd = fds[1],
                                         .process_fd = process_fd};
    attach_answer = host->channel_attach(host, CHANNEL, &streams);
    return NULL;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void streams_are_handed_over(void **state)
{
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    process_fd = -1;
    attach(NULL);
    assert_int_equal(attach_answer, 0);
    assert_int_equal(seen.streams.input_fd, fds[0]);
    assert_int_equal(seen.streams.error_fd, fds[1]);
    assert_int_equal(seen.streams.process_fd, -1);
    seen.answer = SP_E_STALE;
    attach(NULL); /* on the loop the answer is known at once: they remain the plugin's */
    assert_int_equal(attach_answer, SP_E_STALE);
    assert_true(is_open(fds[0]));
    close(fds[0]);
    close(fds[1]);
}

static void streams_of_a_channel_gone_meanwhile_are_closed_and_the_process_reaped(void **state)
{
    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        for (;;)
            pause();
    }
    process_fd = (int)syscall(SYS_pidfd_open, child, 0);
    assert_true(process_fd >= 0);
    seen.answer = SP_E_STALE;
    on_another_thread(attach);
    assert_int_equal(attach_answer, 0); /* the channel was there when it was asked */
    assert_true(is_open(fds[0]));
    stage_wait(&stage, !is_open(process_fd));
    assert_false(is_open(fds[0]));
    assert_false(is_open(fds[1]));
    assert_true(waitpid(child, NULL, WNOHANG) < 0); /* reaped */
}

static int32_t frame(uint32_t kind, uint64_t size, struct sp_str terminator)
{
    struct sp_framing framing = {sizeof framing, kind, size, terminator};
    return host->channel_framing(host, CHANNEL, &framing);
}

static void *frame_by_lines(void *arg)
{
    (void)arg;
    uintptr_t failures = 0;
    expect(frame(SP_FRAMING_LINE, 100, sp_str_of("\r\n")) == 0);
    return (void *)failures;
}

static void framing_holds_at_once_and_the_session_looks_later(void **state)
{
    (void)state;
    struct plugin_framing framing = {0};
    struct sp_channel_info info = {.struct_size = sizeof info};
    assert_false(plugin_gate_reframe(gate, &framing));
    on_another_thread(frame_by_lines);
    assert_string_equal(seen.done, "");
    assert_true(plugin_gate_reframe(gate, &framing));
    assert_int_equal(framing.kind, SP_FRAMING_LINE);
    assert_int_equal(framing.size, 100);
    assert_memory_equal(framing.terminator, "\r\n", framing.terminator_length);
    assert_false(plugin_gate_reframe(gate, &framing));
    assert_int_equal(host->channel_info(host, CHANNEL, &info), 0);
    assert_int_equal(info.framing, SP_FRAMING_LINE);
    stage_wait(&stage, strstr(seen.done, "reframed()"));
}

static void framing_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    char terminator[PLUGIN_TERMINATOR_MAX + 1] = {0};
    struct sp_framing framing = {.struct_size = 4};
    struct plugin_framing none = {0};
    assert_int_equal(host->channel_framing(host, CHANNEL, NULL), SP_E_INVALID);
    assert_int_equal(host->channel_framing(host, CHANNEL, &framing), SP_E_INVALID);
    assert_int_equal(frame(SP_FRAMING_LINE + 1, 5, sp_str_of("\n")), SP_E_INVALID);
    assert_int_equal(frame(SP_FRAMING_RECORD, 0, sp_str_of("")), SP_E_INVALID);
    assert_int_equal(frame(SP_FRAMING_RECORD, PLUGIN_FRAME_MAX + 1, sp_str_of("")), SP_E_INVALID);
    assert_int_equal(frame(SP_FRAMING_LINE, 100, sp_str_of("")), SP_E_INVALID);
    assert_int_equal(frame(SP_FRAMING_LINE, 100, (struct sp_str){NULL, 1}), SP_E_INVALID);
    assert_int_equal(frame(SP_FRAMING_LINE, 1, sp_str_of("\r\n")), SP_E_INVALID);
    assert_int_equal(frame(SP_FRAMING_LINE, 100, (struct sp_str){terminator, sizeof terminator}),
                     SP_E_INVALID);
    assert_false(plugin_gate_reframe(gate, &none));
    assert_int_equal(
        frame(SP_FRAMING_LINE, 100, (struct sp_str){terminator, sizeof terminator - 1}), 0);
    assert_int_equal(frame(SP_FRAMING_RECORD, PLUGIN_FRAME_MAX, sp_str_of("")), 0);
    assert_int_equal(frame(SP_FRAMING_NONE, 0, sp_str_of("")), 0);
}

static void what_is_known_of_a_channel_is_told_as_far_as_there_is_room(void **state)
{
    (void)state;
    struct sp_channel_info info = {.struct_size = sizeof info};
    plugin_gate_received(gate, 7);
    host->channel_send(host, CHANNEL, SP_STREAM_DATA, "three", 5);
    assert_int_equal(host->channel_info(host, CHANNEL, &info), 0);
    assert_int_equal(info.bytes_in, 7);
    assert_int_equal(info.bytes_out, 5);
    assert_int_equal(info.room, ROOM - 5);
    info = (struct sp_channel_info){.struct_size = offsetof(struct sp_channel_info, bytes_out)};
    assert_int_equal(host->channel_info(host, CHANNEL, &info), 0);
    assert_int_equal(info.bytes_in, 7);
    assert_int_equal(info.bytes_out, 0);
    assert_int_equal(host->channel_info(host, CHANNEL + 1, &info), SP_E_STALE);
    assert_int_equal(host->channel_info(host, CHANNEL, NULL), SP_E_INVALID);
}

static int32_t open_channel(const char *type, struct sp_str payload, sp_id *ret_channel)
{
    struct sp_channel_open open = {sizeof open, 0, sp_str_of(type), payload};
    return host->channel_open(host, CONNECTION, &open, ret_channel);
}

static void channel_that_a_plugin_opens_can_be_used_at_once(void **state)
{
    (void)state;
    sp_id channel = 0;
    assert_int_equal(open_channel("x@y", sp_str_of("parameters"), &channel), 0);
    assert_int_equal(channel, RESERVED);
    assert_string_equal(seen.done, ""); /* nobody is told of it before its id is known */
    assert_int_equal(host->channel_send(host, channel, SP_STREAM_DATA, "early", 5), 5);
    stage_wait(&stage, strstr(seen.done, "early"));
    assert_string_equal(seen.done, "open(x@y) payload(parameters) data(early) ");
}

static void opening_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    sp_id channel = 0;
    char name[66];
    memset(name, 'n', sizeof name);
    name[65] = 0;
    assert_int_equal(open_channel("", sp_str_of(""), &channel), SP_E_INVALID);
    assert_int_equal(open_channel(name, sp_str_of(""), &channel), SP_E_INVALID);
    assert_int_equal(open_channel("x", (struct sp_str){"", 1 << 20}, &channel), SP_E_INVALID);
    assert_int_equal(open_channel("x", sp_str_of(""), NULL), SP_E_INVALID);
    assert_int_equal(open_channel("x", (struct sp_str){NULL, 1}, &channel), SP_E_INVALID);
    assert_true(seen.is_released); /* it had got as far as an id */
    assert_int_equal(channel, 0);
    seen.answer = SP_E_NOMEM;
    assert_int_equal(open_channel("x", sp_str_of(""), &channel), SP_E_NOMEM);
}

static void log_lines_carry_the_instances_name(void **state)
{
    (void)state;
    host->log(host, SP_LOG_WARNING, sp_str_of("the disk\nis full"));
    assert_true(stage_logged(&stage, "plugin.log", "doll", "the disk"));
    assert_true(stage_logged(&stage, "plugin.log", "doll", "is full")); /* on the same line */
}

static void without_a_session_layer_services_are_not_offered(void **state)
{
    (void)state;
    plugin_gate_close(gate);
    gate = NULL;
    plugin_host_free(stage.host);
    host = NULL;
    stage_up(&stage, NULL);
    assert_int_equal(host->disconnect(host, CONNECTION, sp_str_of("x")), SP_E_UNSUPPORTED);
    assert_int_equal(host->channel_eof(host, CHANNEL), SP_E_UNSUPPORTED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(other_threads_requests_are_done_on_the_loop_in_order),
        TEST(nothing_ends_beneath_the_operation_on_the_stack),
        TEST(the_loops_own_request_queues_up_behind_earlier_ones),
        TEST(channel_that_is_gone_is_stale),
        TEST(channel_of_another_instance_is_stale),
        TEST(nonsense_is_refused),
        TEST(gate_bounds_what_is_taken_and_tells_when_there_is_room),
        TEST(what_the_session_refuses_gives_its_room_back),
        TEST(accepted_data_that_cannot_be_sent_closes_the_channel),
        TEST(streams_are_handed_over),
        TEST(streams_of_a_channel_gone_meanwhile_are_closed_and_the_process_reaped),
        TEST(framing_holds_at_once_and_the_session_looks_later),
        TEST(framing_that_makes_no_sense_is_refused),
        TEST(what_is_known_of_a_channel_is_told_as_far_as_there_is_room),
        TEST(channel_that_a_plugin_opens_can_be_used_at_once),
        TEST(opening_that_makes_no_sense_is_refused),
        TEST(log_lines_carry_the_instances_name),
        TEST(without_a_session_layer_services_are_not_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
