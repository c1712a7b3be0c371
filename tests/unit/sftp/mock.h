/*
 * mock.h: what lies below core/sftp, for its tests: a channel whose output is kept, a session with
 * a grant, a reactor that runs when told, and plugin calls that reach an in-memory provider
 * (store.h) at once, or later, one by one. They implement the real functions of channel.h,
 * session.h, call.h, host.h and reactor.h.
 */
#ifndef SALLYPORT_TESTS_SFTP_MOCK_H
#define SALLYPORT_TESTS_SFTP_MOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "session/chain.h"
#include "session/channel.h"
#include "session/session.h"
#include "store.h"

#define MOCK_INSTANCES 4
#define MOCK_HOOKS 3

struct plugin_instance {
    const char *name;
    struct store store;
    bool lacks[PLUGIN_OPERATION_COUNT]; /* operations that it does not offer */
    uint32_t deaths;                    /* of its own process */
    /* A hook: its verdict on before() and after(). */
    int32_t (*hook)(struct plugin_instance *instance, const struct sp_sftp_event *event,
                    bool is_after, struct sp_sftp_reply *reply);
    /* … and who is told of transfers, if it is. */
    void (*told)(struct plugin_instance *instance, const struct sp_sftp_transfer *event);
    bool is_slow; /* it is through with what it was told only at mock_release() */
    struct plugin_sftp_wants wants;
    bool on_error_next;
    void *arg; /* the test's */
};

struct plugin_host {
    struct plugin_instance instances[MOCK_INSTANCES];
    size_t count;
};

struct session {
    struct config config;
    struct config_mount mounts[8];
    struct sp_connection connection;
    struct sp_grant grant;
    struct plugin_host host;
    struct plugin_instance hooks[MOCK_HOOKS];
    struct plugin_instance *hook_list[MOCK_HOOKS];
    struct chain chain;
    struct worker_counters counters;
    uint32_t permit;
    int connection_references;
};

struct channel {
    struct session *session;
    const struct channel_handler *handler;
    void *arg;
    struct buffer output;       /* what channel_send and chunks brought */
    struct list chunks;         /* not yet sent, if hold_output */
    struct buffer refused;      /* input that the handler did not take */
    struct reactor_task offers; /* of it, after channel_resume() */
    bool hold_output;           /* the client reads nothing: what is queued stays queued */
    size_t queued;
    bool was_full;
    bool is_paused, is_shut, is_closed, has_exit_status;
    uint32_t exit_status;
    int resumed;
};

/* How calls are treated from now on. */
enum mock_calls {
    MOCK_AT_ONCE, /* answered and released before plugin_call_start() returns */
    MOCK_LATER,   /* by mock_step() */
};

struct mock {
    struct session session;
    struct channel channel;
    struct reactor *reactor;
    enum mock_calls calls;
    bool releases_late; /* on_release waits for mock_release() */
    int overlaps;       /* calls on one handle that were under way together: a fault */
    int started[PLUGIN_OPERATION_COUNT];
    int cancelled;
};

/* A new world with one provider "disk" mounted at "/"; its home is "/home/demo". start is of the
 * builtin under test. */
struct mock *mock_new(void);
/* Mount another provider. */
struct plugin_instance *mock_mount(struct mock *mock, const char *path, const char *provider);
/* The next hook of the chain; before mock_start(). It wants everything. */
struct plugin_instance *mock_hook(struct mock *mock,
                                  int32_t (*hook)(struct plugin_instance *instance,
                                                  const struct sp_sftp_event *event, bool is_after,
                                                  struct sp_sftp_reply *reply));
/* Its process dies, and there is another one. */
void mock_kill(struct plugin_instance *instance);
int mock_start(struct mock *mock, const struct session_builtin *builtin, const char *command);
/* Ends the channel if it is there, answers all calls, and fails the test if anything was left open
 * or referenced. */
void mock_free(struct mock *mock);

struct store *mock_store(struct mock *mock); /* of "disk" */

/* Bytes from the client; what is refused is offered again after channel_resume(). */
void mock_receive(struct mock *mock, const void *data, size_t length);
size_t mock_refused(const struct mock *mock); /* bytes that wait */
void mock_receive_eof(struct mock *mock);
/* The client reads again: everything queued goes out, on_writable is called. */
void mock_drain(struct mock *mock);
void mock_close(struct mock *mock);

/* Answer the oldest call under way. False: there is none. */
bool mock_step(struct mock *mock);
void mock_settle(struct mock *mock); /* all of them, those that follow, and posted tasks */
/* The oldest call gets no answer in time; the provider keeps its memory until mock_release(). */
bool mock_time_out(struct mock *mock);
void mock_release(struct mock *mock); /* all that wait to be released */
size_t mock_calls_waiting(const struct mock *mock);
/* Posted tasks, once each. False: there were none. */
bool mock_run_tasks(struct mock *mock);
/* As if time had passed: all timers fire. */
void mock_run_timers(struct mock *mock);

#endif
