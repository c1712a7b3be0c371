/*
 * test_remote.c: an instance in a process of its own, behind the same calls: the worker's side
 * here, the plugin's side (remote_guest.h) in this very program started once more ("--guest").
 */
#include "stage.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/err.h"
#include "plugin/marshal.h"
#include "plugin/peer.h"
#include "remote_guest.h"

extern char **environ;

/* --- the worker's side ------------------------------------------------------------------------ */

static struct stage stage;
static const char *plugin = "puppet-connection";
static pid_t guest;
static int wanted;

static int spawn_guest(void *arg, size_t index, int *ret_fd, char *text, size_t size)
{
    int ends[2];
    (void)arg;
    (void)text;
    (void)size;
    const char *name = stage.plugins[index].name;
    char *const argv[] = {(char *)"guest", (char *)"--guest", (char *)plugin, (char *)name, NULL};
    posix_spawn_file_actions_t actions;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], GUEST_FD);
    assert_int_equal(posix_spawn(&guest, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *ret_fd = ends[0];
    return 0;
}

static void want_guest(void *arg, size_t index)
{
    (void)arg;
    assert_int_equal(index, 0);
    wanted++;
}

static int end_of_guest(void)
{
    int status = 0;
    assert_int_equal(waitpid(guest, &status, 0), guest);
    guest = 0;
    return status;
}

static void start_another_guest(void)
{
    int fd;
    end_of_guest();
    assert_int_equal(spawn_guest(NULL, 0, &fd, NULL, 0), 0);
    plugin_host_attach_peer(stage.host, 0, fd, "");
    stage_wait(&stage,
               plugin_instance_epoch(plugin_host_find(stage.host, "doll", PLUGIN_AUTH)) > 1);
}

/* What reached the session layer. */
static struct {
    char done[4096];
    sp_id opened;
    int output_fd;
    bool is_gone; /* the channel, when streams are attached to it */
    struct plugin_gate *gate;
} seen;

static void note(const char *what, const char *text, uint64_t length)
{
    size_t used = strlen(seen.done);
    snprintf(seen.done + used, sizeof seen.done - used, "%s(%.*s) ", what, (int)length, text);
}

static int32_t on_send(void *arg, sp_id channel, uint32_t stream, const void *data, uint64_t length)
{
    (void)arg;
    assert_int_equal(channel, CHANNEL);
    note(stream == SP_STREAM_STDERR ? "stderr" : "stdout", data, length < 20 ? length : 0);
    return 0;
}

static int32_t on_eof(void *arg, sp_id channel)
{
    (void)arg;
    (void)channel;
    note("eof", "", 0);
    return 0;
}

static int32_t on_exit_status(void *arg, sp_id channel, uint32_t status)
{
    (void)arg;
    (void)channel;
    note("status", status == 7 ? "7" : "?", 1);
    return 0;
}

static int32_t on_exit_signal(void *arg, sp_id channel, struct sp_str name, uint32_t core,
                              struct sp_str text)
{
    (void)arg;
    (void)channel;
    note(core ? "core" : "signal", name.data, name.len);
    note("text", text.data, text.len);
    return 0;
}

static int32_t on_close(void *arg, sp_id channel)
{
    (void)arg;
    note("close", channel == CHANNEL ? "own" : "other", 3);
    return 0;
}

static int32_t on_attach(void *arg, sp_id channel, const struct sp_channel_streams *streams)
{
    (void)arg;
    (void)channel;
    note("attach", "", 0);
    if (seen.is_gone)
        return SP_E_STALE;
    assert_int_equal(streams->input_fd, -1);
    assert_int_equal(streams->process_fd, -1);
    seen.output_fd = streams->output_fd;
    return 0;
}

static int32_t on_reframed(void *arg, sp_id channel)
{
    struct plugin_framing framing = {0};
    (void)arg;
    (void)channel;
    if (plugin_gate_reframe(seen.gate, &framing) && framing.kind == SP_FRAMING_LINE &&
        framing.size == 100 && framing.terminator_length == 1)
        note("framing", framing.terminator, 0);
    return 0;
}

static sp_id on_reserve(void *arg)
{
    static sp_id next = 100;
    (void)arg;
    return next++;
}

static void on_unreserve(void *arg, sp_id channel)
{
    (void)arg;
    assert_true(channel >= 100);
}

static void on_open(void *arg, struct plugin_instance *by, struct plugin_gate *gate,
                    sp_id connection, const struct sp_channel_open *open)
{
    (void)arg;
    assert_string_equal(plugin_instance_name(by), "doll");
    assert_int_equal(connection, CONNECTION);
    seen.opened = plugin_gate_channel(gate);
    note("open", open->type.data, open->type.len);
    plugin_gate_close(gate);
}

static int32_t on_disconnect(void *arg, sp_id connection, struct sp_str text)
{
    (void)arg;
    assert_int_equal(connection, CONNECTION);
    note("disconnect", text.data, text.len);
    return 0;
}

static int32_t on_rekey(void *arg, sp_id id)
{
    (void)arg;
    assert_int_equal(id, CONNECTION);
    note("rekey", "", 0);
    return 0;
}

static const struct plugin_launcher launcher = {.obtain = spawn_guest, .want = want_guest};
static const struct plugin_services services = {
    .channel_eof = on_eof,
    .channel_exit_status = on_exit_status,
    .channel_exit_signal = on_exit_signal,
    .channel_close = on_close,
    .channel_attach = on_attach,
    .channel_send = on_send,
    .channel_reframed = on_reframed,
    .channel_reserve = on_reserve,
    .channel_release = on_unreserve,
    .channel_open = on_open,
    .disconnect = on_disconnect,
    .rekey = on_rekey,
    .launcher = &launcher,
};

static const struct sp_connection connection = {
    .struct_size = sizeof connection, .id = CONNECTION, .remote_address = {"192.0.2.7", 9}};

static int setup(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    wanted = 0;
    stage_open(&stage, 1);
    stage_add(&stage, "doll", plugin)->isolation = CONFIG_PROCESS;
    stage_add(&stage, "other", "puppet-serial");
    stage_up(&stage, &services);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    plugin_gate_close(seen.gate);
    stage_close(&stage);
    /* The end of its socket is all that it is told. */
    if (guest)
        assert_int_equal(end_of_guest(), 0);
    return 0;
}

static void ask_as(struct question *q, const char *user)
{
    question_init(q, &stage, "doll", PLUGIN_AUTH_password);
    q->event.auth.user = sp_str_of(user);
    q->event.auth.password = sp_str_of("secret");
    q->event.head.connection = &connection;
    plugin_call_start(&q->call);
}

static int32_t verdict_for(const char *user)
{
    struct question q;
    ask_as(&q, user);
    stage_wait(&stage, q.released);
    assert_int_equal(q.done, 1);
    return q.verdict;
}

static void take_channel(void)
{
    seen.gate = plugin_gate_open(plugin_host_find(stage.host, "doll", PLUGIN_CHANNEL), &connection,
                                 CHANNEL, ROOM);
    assert_non_null(seen.gate);
}

static int32_t send_data(const char *data)
{
    struct question q;
    question_init(&q, &stage, "doll", PLUGIN_CHANNEL_data);
    q.event.channel.channel = CHANNEL;
    q.event.channel.data = sp_str_of(data);
    q.event.head.connection = &connection;
    plugin_call_start(&q.call);
    stage_wait(&stage, q.released);
    return q.verdict;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void the_event_arrives_with_all_it_points_to(void **state)
{
    (void)state;
    assert_int_equal(verdict_for("alice"), SP_ALLOW);
    assert_int_equal(verdict_for("nobody"), SP_NEXT);
}

static void a_reply_from_a_thread_of_the_plugins_comes_back_whole(void **state)
{
    struct question q;
    (void)state;
    ask_as(&q, "reply");
    stage_wait(&stage, q.released);
    assert_int_equal(q.verdict, SP_ALLOW);
    assert_int_equal(q.permit, SP_PERMIT_EXEC);
    assert_string_equal(q.text, "welcome");
}

static void a_verdict_that_is_none_is_a_failure(void **state)
{
    (void)state;
    assert_int_equal(verdict_for("garbage"), SP_E_INVALID);
    assert_true(stage_logged(&stage, "plugin.failed", "instance=doll", "no such verdict"));
}

static void operations_that_are_not_offered_are_known_here(void **state)
{
    struct question q;
    (void)state;
    question_init(&q, &stage, "doll", PLUGIN_FS_mkdir);
    plugin_call_start(&q.call);
    assert_int_equal(q.verdict, SP_E_UNSUPPORTED);
    assert_int_equal(q.released, 1);
}

static void a_missed_deadline_is_told_to_the_plugin(void **state)
{
    struct question q;
    (void)state;
    stage_close(&stage);
    end_of_guest();
    stage_open(&stage, 1);
    stage_add(&stage, "doll", plugin)->isolation = CONFIG_PROCESS;
    stage.plugins[0].deadline_ms = 50;
    stage_up(&stage, &services);
    ask_as(&q, "never");
    stage_wait(&stage, q.done);
    assert_int_equal(q.verdict, SP_E_TIMEOUT);
    stage_wait(&stage, q.released); /* it gave up when it was cancelled */
    assert_int_equal(q.done, 1);
}

static void a_cancelled_call_is_released_when_the_plugin_is_done(void **state)
{
    struct question q;
    (void)state;
    ask_as(&q, "never");
    assert_int_equal(reactor_turn(stage.reactor, 10), 0);
    plugin_call_cancel(&q.call);
    stage_wait(&stage, q.released);
    assert_int_equal(q.done, 0);
}

static void what_a_crash_interrupts_is_denied(void **state)
{
    struct question first, second;
    (void)state;
    ask_as(&first, "never");
    ask_as(&second, "crash");
    stage_wait(&stage, first.released && second.released);
    assert_int_equal(first.verdict, SP_E_FAILED);
    assert_int_equal(second.verdict, SP_E_FAILED);
    assert_int_equal(wanted, 1);
    assert_true(stage_logged(&stage, "plugin.process_lost", "instance=doll", NULL));
    end_of_guest();
}

static void without_a_process_calls_fail_at_once(void **state)
{
    struct question q;
    (void)state;
    assert_int_equal(verdict_for("crash"), SP_E_FAILED);
    ask_as(&q, "allow");
    assert_int_equal(q.released, 1);
    assert_int_equal(q.verdict, SP_E_FAILED);
    end_of_guest();
}

static void another_process_serves_what_comes_then(void **state)
{
    (void)state;
    assert_int_equal(verdict_for("crash"), SP_E_FAILED);
    start_another_guest();
    assert_int_equal(verdict_for("allow"), SP_ALLOW);
    assert_int_equal(wanted, 1);
}

static void what_only_the_dead_process_knew_is_not_asked_of_the_next(void **state)
{
    struct question q;
    (void)state;
    assert_int_equal(verdict_for("crash"), SP_E_FAILED);
    start_another_guest();
    question_init(&q, &stage, "doll", PLUGIN_FS_stat);
    q.call.epoch = 1;
    plugin_call_start(&q.call);
    assert_int_equal(q.verdict, SP_E_STALE);
    assert_int_equal(q.released, 1);
}

static void if_there_is_no_other_process_the_log_says_why(void **state)
{
    struct question q;
    (void)state;
    assert_int_equal(verdict_for("crash"), SP_E_FAILED);
    plugin_host_attach_peer(stage.host, 0, -1, "it has crashed too often");
    assert_true(stage_logged(&stage, "plugin.no_process", "instance=doll", "too often"));
    ask_as(&q, "allow");
    assert_int_equal(q.verdict, SP_E_FAILED);
    end_of_guest();
}

static void an_instance_that_fails_there_fails_here(void **state)
{
    (void)state;
    stage_open(&stage, 1);
    stage_add(&stage, "failing", plugin)->isolation = CONFIG_PROCESS;
    assert_int_equal(plugin_host_new(&stage.config, stage.reactor, stage.pool, &services,
                                     &stage.host, &stage.report),
                     SP_ERR_INVALID);
    assert_true(stage_complained(&stage, "could not create the instance"));
    stage_close(&stage);
    waitpid(guest, NULL, 0);
    guest = 0;
}

static void channels_are_served_through_messages(void **state)
{
    (void)state;
    take_channel();
    assert_int_equal(send_data("echo"), SP_OK);
    stage_wait(&stage, strstr(seen.done, "close"));
    assert_string_equal(seen.done, "stderr(echo) eof() core(TERM) text(why) status(7) close(own) ");
}

static void room_is_known_over_there_and_comes_back(void **state)
{
    (void)state;
    take_channel();
    assert_int_equal(send_data("much"), SP_OK);
    stage_wait(&stage, strstr(seen.done, "stdout"));
    assert_false(plugin_gate_drained(seen.gate, ROOM / 4)); /* not worth a call yet */
    plugin_gate_drained(seen.gate, ROOM / 2);
    stage_wait(&stage, strstr(seen.done, "eof")); /* ready_to_send was called */
}

static void framing_holds_before_the_handler_has_answered(void **state)
{
    (void)state;
    take_channel();
    assert_int_equal(send_data("frame"), SP_OK);
    assert_string_equal(seen.done, "framing() ");
}

static void facts_of_a_channel_are_told_without_asking(void **state)
{
    (void)state;
    take_channel();
    assert_int_equal(send_data("info"), SP_OK);
}

static void channels_can_be_opened_from_there(void **state)
{
    (void)state;
    take_channel();
    for (int i = 0; i < 20; i++)
        assert_int_equal(send_data("open"), SP_OK);
    stage_wait(&stage, strstr(seen.done, "open(x@y)"));
    assert_true(seen.opened >= 100);
}

static void descriptors_come_along(void **state)
{
    char text[6] = "";
    (void)state;
    take_channel();
    assert_int_equal(send_data("attach"), SP_OK);
    stage_wait(&stage, seen.output_fd);
    assert_int_equal(read(seen.output_fd, text, 5), 5);
    assert_string_equal(text, "piped");
    assert_int_equal(read(seen.output_fd, text, 1), 0);
    close(seen.output_fd);
}

static void a_channel_of_another_is_out_of_reach(void **state)
{
    (void)state;
    take_channel();
    assert_int_equal(send_data("stranger"), SP_OK);
    assert_int_equal(send_data("disconnect"), SP_OK);
    stage_wait(&stage, strstr(seen.done, "rekey() disconnect(bye)"));
    assert_null(strstr(seen.done, "close"));
}

static void channels_of_a_process_that_crashes_are_closed(void **state)
{
    (void)state;
    take_channel();
    assert_int_equal(send_data("x"), SP_E_FAILED);
    assert_string_equal(seen.done, "close(own) ");
    end_of_guest();
}

static void data_of_files_goes_through_shared_memory(void **state)
{
    static uint8_t buffer[300000];
    struct question q;
    (void)state;
    question_init(&q, &stage, "doll", PLUGIN_FS_read);
    q.event.io.buffer = buffer;
    q.event.io.length = sizeof buffer;
    q.event.io.offset = 42;
    plugin_call_start(&q.call);
    stage_wait(&stage, q.released);
    assert_int_equal(q.verdict, SP_OK);
    assert_int_equal(q.count, sizeof buffer);
    for (size_t i = 0; i < sizeof buffer; i++)
        assert_int_equal(buffer[i], 42);

    question_init(&q, &stage, "doll", PLUGIN_FS_write);
    q.event.io.buffer = buffer;
    q.event.io.length = sizeof buffer;
    q.event.io.offset = 42;
    plugin_call_start(&q.call);
    stage_wait(&stage, q.released);
    assert_int_equal(q.count, sizeof buffer);
}

static void more_reads_than_the_shared_memory_holds_wait_for_their_turn(void **state)
{
    enum { COUNT = 100, LENGTH = 512 * 1024 };
    struct question *q = calloc(COUNT, sizeof *q);
    uint8_t *buffer = malloc((size_t)COUNT * LENGTH);
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        question_init(&q[i], &stage, "doll", PLUGIN_FS_read);
        q[i].event.io.buffer = buffer + (size_t)i * LENGTH;
        q[i].event.io.length = LENGTH;
        q[i].event.io.offset = (uint64_t)i;
        plugin_call_start(&q[i].call);
    }
    plugin_call_cancel(&q[COUNT - 1].call);
    assert_int_equal(q[COUNT - 1].released, 1); /* it had not gone out yet */
    for (int i = 0; i < COUNT - 1; i++) {
        stage_wait(&stage, q[i].released);
        assert_int_equal(q[i].count, LENGTH);
        assert_int_equal(buffer[(size_t)(i + 1) * LENGTH - 1], i);
    }
    free(buffer);
    free(q);
}

static void long_lists_come_back(void **state)
{
    struct question q;
    (void)state;
    question_init(&q, &stage, "doll", PLUGIN_FS_readdir);
    plugin_call_start(&q.call);
    stage_wait(&stage, q.released);
    assert_int_equal(q.verdict, SP_OK);
    assert_int_equal(q.count, 1000);
}

static void many_calls_are_all_answered(void **state)
{
    enum { COUNT = 2000 };
    struct question *q = calloc(COUNT, sizeof *q);
    (void)state;
    for (int i = 0; i < COUNT; i++)
        ask_as(&q[i], "alice");
    for (int i = 0; i < COUNT; i++) {
        stage_wait(&stage, q[i].released);
        assert_int_equal(q[i].verdict, SP_ALLOW);
    }
    free(q);
}

/* --- a process that breaks the rules ---------------------------------------------------------- */

static int hostile; /* its end of the socket */

static void say(const struct peer_message *message, const void *body)
{
    assert_int_equal(send(hostile, message, sizeof *message, MSG_NOSIGNAL), sizeof *message);
    if (body)
        assert_int_equal(send(hostile, body, message->length, MSG_NOSIGNAL), message->length);
}

/* In the place of the guest, which is killed: one that says it offers the same. */
static void replace_guest(void)
{
    struct plugin_instance *doll = plugin_host_find(stage.host, "doll", PLUGIN_AUTH);
    struct peer_message hello = {.kind = PEER_HELLO};
    uint32_t epoch = plugin_instance_epoch(doll);
    int ends[2];
    if (guest) {
        wanted = 0;
        kill(guest, SIGKILL);
        end_of_guest();
    } else {
        close(hostile);
    }
    stage_wait(&stage, wanted);
    wanted = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    hostile = ends[1];
    plugin_host_attach_peer(stage.host, 0, ends[0], "");
    for (unsigned op = 0; op < PLUGIN_OPERATION_COUNT; op++)
        if (plugin_instance_offers(doll, op))
            hello.size |= UINT64_C(1) << op;
    say(&hello, NULL);
    stage_wait(&stage, plugin_instance_epoch(doll) > epoch);
}

static void a_process_that_breaks_the_rules_is_left(void **state)
{
    static const char garbage[64] = "garbage";
    static const struct {
        struct peer_message message;
        const void *body;
    } wrong[] = {
        {{.kind = 0}, NULL},
        {{.kind = PEER_KIND_COUNT}, NULL},
        {{.kind = PEER_EOF, .length = UINT32_MAX}, NULL},
        {{.kind = PEER_ATTACH, .id = CHANNEL, .descriptors = 1}, NULL},
        {{.kind = PEER_ATTACH, .id = CHANNEL, .descriptors = 5}, NULL},
        {{.kind = PEER_SETUP}, NULL},
        {{.kind = PEER_CALL}, NULL},
        {{.kind = PEER_HELLO}, NULL},
        {{.kind = PEER_OPEN, .id = CHANNEL, .length = sizeof garbage, .number = 3}, garbage},
        {{.kind = PEER_OPEN, .id = 0, .length = sizeof garbage, .number = 3}, garbage},
        {{.kind = PEER_REPLY, .length = sizeof garbage}, garbage}, /* of the call under way */
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct question q;
        replace_guest();
        ask_as(&q, "allow");
        struct peer_message message = wrong[i].message;
        if (message.kind == PEER_REPLY)
            message.id = q.call.state.token;
        say(&message, wrong[i].body);
        stage_wait(&stage, q.released);
        assert_int_equal(q.verdict, SP_E_FAILED);
        assert_int_equal(wanted, 1);
    }
    close(hostile);
}

static void what_means_nothing_is_passed_over(void **state)
{
    struct question q;
    (void)state;
    replace_guest();
    ask_as(&q, "allow");
    /* Answers to questions that nobody asked, wishes for channels that are none of its own. */
    for (uint64_t id = 0; id < 3; id++)
        for (uint32_t kind = PEER_VERDICT; kind <= PEER_ATTACH; kind++)
            if (kind != PEER_OPEN)
                say(&(struct peer_message){.kind = kind, .id = UINT64_MAX - id}, NULL);
    say(&(struct peer_message){.kind = PEER_VERDICT, .id = q.call.state.token, .number = SP_DENY},
        NULL);
    say(&(struct peer_message){.kind = PEER_VERDICT, .id = q.call.state.token, .number = SP_ALLOW},
        NULL);
    say(&(struct peer_message){.kind = PEER_RELEASED, .id = q.call.state.token}, NULL);
    stage_wait(&stage, q.released);
    assert_int_equal(q.done, 1);
    assert_int_equal(q.verdict, SP_DENY);
    assert_int_equal(wanted, 0);
    assert_string_equal(seen.done, "");
    close(hostile);
}

/* The answer has crossed the cancel. */
static void an_answer_that_crosses_a_cancel_goes_to_who_takes_it(void **state)
{
    const struct layout *layout = plugin_operation_info(PLUGIN_AUTH_password)->reply;
    const struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW}};
    struct question q;
    uint8_t body[1024];
    (void)state;
    replace_guest();
    question_init(&q, &stage, "doll", PLUGIN_AUTH_password);
    q.call.on_late = question_late;
    plugin_call_start(&q.call);
    struct peer_message message = {.kind = PEER_REPLY, .id = q.call.state.token};
    message.length = (uint32_t)marshal_size(layout, &reply);
    assert_in_range(message.length, 1, sizeof body);
    marshal_put(layout, &reply, body);
    plugin_call_cancel(&q.call);
    say(&message, body);
    say(&(struct peer_message){.kind = PEER_RELEASED, .id = message.id}, NULL);
    stage_wait(&stage, q.released);
    assert_int_equal(q.done, 0);
    assert_int_equal(q.late, 1);
    assert_int_equal(q.verdict, SP_ALLOW);
    close(hostile);
}

static void channels_of_other_instances_are_out_of_its_reach(void **state)
{
    struct question q;
    (void)state;
    replace_guest();
    seen.gate = plugin_gate_open(plugin_host_find(stage.host, "other", PLUGIN_CHANNEL), &connection,
                                 CHANNEL, ROOM);
    ask_as(&q, "allow");
    for (uint32_t kind = PEER_SEND; kind <= PEER_ATTACH; kind++)
        if (kind != PEER_OPEN)
            say(&(struct peer_message){.kind = kind, .id = CHANNEL, .length = 3}, "bad");
    say(&(struct peer_message){.kind = PEER_RELEASED, .id = q.call.state.token}, NULL);
    stage_wait(&stage, q.released);
    assert_int_equal(reactor_turn(stage.reactor, 10), 0); /* what was put off */
    assert_string_equal(seen.done, "");
    assert_int_equal(wanted, 0);
    close(hostile);
}

static void no_more_is_sent_than_was_granted(void **state)
{
    static const char much[ROOM + 1];
    (void)state;
    replace_guest();
    take_channel();
    say(&(struct peer_message){.kind = PEER_SEND, .id = CHANNEL, .length = sizeof much}, much);
    stage_wait(&stage, wanted);
    assert_true(stage_logged(&stage, "plugin.process_lost", "instance=doll", "more than"));
    close(hostile);
}

static void released_without_an_answer_is_a_failure(void **state)
{
    struct question q;
    (void)state;
    replace_guest();
    ask_as(&q, "allow");
    say(&(struct peer_message){.kind = PEER_RELEASED, .id = q.call.state.token}, NULL);
    stage_wait(&stage, q.released);
    assert_int_equal(q.verdict, SP_E_FAILED);
    close(hostile);
}

static void say_with(const struct peer_message *message, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof fd)];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = sizeof *message};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    assert_int_equal(sendmsg(hostile, &header, MSG_NOSIGNAL), sizeof *message);
}

/* The worker kills, and reaps, what it holds a process by: it must not be led to do that to others,
 * which it may signal and the plugin may not. */
static void a_process_can_only_be_told_of_by_a_pipe(void **state)
{
    (void)state;
    int status;
    pid_t victim = fork();
    if (victim == 0)
        for (;;)
            pause();
    int process = (int)syscall(SYS_pidfd_open, victim, 0);
    assert_true(process >= 0);
    replace_guest();
    take_channel();
    seen.is_gone = true;
    say(&(struct peer_message){.kind = PEER_CLOSE, .id = CHANNEL}, NULL);
    say_with(
        &(struct peer_message){
            .kind = PEER_ATTACH, .id = CHANNEL, .number = PEER_STREAM_PROCESS, .descriptors = 1},
        process);
    stage_wait(&stage, wanted || strstr(seen.done, "attach"));
    assert_int_equal(reactor_turn(stage.reactor, 10), 0);
    assert_int_equal(waitpid(victim, &status, WNOHANG), 0);
    assert_int_equal(wanted, 1);
    assert_null(strstr(seen.done, "attach"));
    kill(victim, SIGKILL);
    assert_int_equal(waitpid(victim, &status, 0), victim);
    close(process);
    close(hostile);
}

#define WITH_STAGE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
    if (argc > 3 && strcmp(argv[1], "--guest") == 0)
        return guest_main(argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        WITH_STAGE(the_event_arrives_with_all_it_points_to),
        WITH_STAGE(a_reply_from_a_thread_of_the_plugins_comes_back_whole),
        WITH_STAGE(a_verdict_that_is_none_is_a_failure),
        WITH_STAGE(operations_that_are_not_offered_are_known_here),
        WITH_STAGE(a_missed_deadline_is_told_to_the_plugin),
        WITH_STAGE(a_cancelled_call_is_released_when_the_plugin_is_done),
        WITH_STAGE(what_a_crash_interrupts_is_denied),
        WITH_STAGE(without_a_process_calls_fail_at_once),
        WITH_STAGE(another_process_serves_what_comes_then),
        WITH_STAGE(what_only_the_dead_process_knew_is_not_asked_of_the_next),
        WITH_STAGE(if_there_is_no_other_process_the_log_says_why),
        cmocka_unit_test(an_instance_that_fails_there_fails_here),
        WITH_STAGE(channels_are_served_through_messages),
        WITH_STAGE(room_is_known_over_there_and_comes_back),
        WITH_STAGE(framing_holds_before_the_handler_has_answered),
        WITH_STAGE(facts_of_a_channel_are_told_without_asking),
        WITH_STAGE(channels_can_be_opened_from_there),
        WITH_STAGE(descriptors_come_along),
        WITH_STAGE(a_channel_of_another_is_out_of_reach),
        WITH_STAGE(channels_of_a_process_that_crashes_are_closed),
        WITH_STAGE(data_of_files_goes_through_shared_memory),
        WITH_STAGE(more_reads_than_the_shared_memory_holds_wait_for_their_turn),
        WITH_STAGE(long_lists_come_back),
        WITH_STAGE(many_calls_are_all_answered),
        WITH_STAGE(a_process_that_breaks_the_rules_is_left),
        WITH_STAGE(what_means_nothing_is_passed_over),
        WITH_STAGE(an_answer_that_crosses_a_cancel_goes_to_who_takes_it),
        WITH_STAGE(channels_of_other_instances_are_out_of_its_reach),
        WITH_STAGE(no_more_is_sent_than_was_granted),
        WITH_STAGE(released_without_an_answer_is_a_failure),
        WITH_STAGE(a_process_can_only_be_told_of_by_a_pipe),
    };
    int failures = 0;
    const char *const plugins[] = {"puppet-connection", "puppet-reactor", "puppet-serial"};
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
        plugin = plugins[i];
        failures += cmocka_run_group_tests_name(plugin, tests, NULL, NULL);
    }
    return failures;
}
