/*
 * test_host.h: a host in a library, so that a plugin's unit tests need no daemon.
 *
 * It creates one instance of a plugin, asks it questions, and keeps what it answers and what it
 * does to channels for the test to look at. What the plugin hands to run_blocking() is run after
 * the operation has returned, as in the daemon, or when the test says so. A plugin that breaks the
 * contract (answers twice, completes a question and returns a verdict too) ends the test with
 * abort() and a line that says what it did.
 *
 * The clock stands still until the test moves it, for plugins that ask time_ms().
 *
 *     struct test_host *host = test_host_new(&sallyport_plugin_v1, "{\"root\":\"/srv\"}");
 *     struct sp_fs_path event = {.view = view, .path = sp_str_of("/a")};
 *     const struct test_answer *answer = TEST_FS(host, stat, &event);
 *     assert_int_equal(answer->status, SP_FS_OK);
 *
 * Thread: several threads may ask the same host; each waits for its own answer.
 */
#ifndef SALLYPORT_TEST_HOST_H
#define SALLYPORT_TEST_HOST_H

#include <stdbool.h>

#include <sallyport/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct test_host;

/* What a plugin answered. Everything it points to is a copy that lives until test_host_forget() or
 * test_host_free(). */
struct test_answer {
    int32_t verdict; /* SP_PENDING: none yet */
    uint32_t
        status;     /* fs: SP_FS_*, also where the plugin gave a plain verdict; sftp: the reply's */
    bool completed; /* by complete(); else by return value, and the replies are empty */
    struct sp_auth_reply auth;
    struct sp_channel_reply channel;
    struct sp_connection_reply connection;
    struct sp_fs_reply fs;
    struct sp_sftp_reply sftp;
};

/* What a plugin did to a channel. */
struct test_channel {
    sp_id id;
    char *actions; /* in order: "framing send eof exit-status close"; sends in a row are one */
    char *sent[2]; /* by stream, with a NUL after it */
    uint64_t length[2];
    uint64_t room; /* how much more channel_send() takes; UINT64_MAX at first */
    bool eof;
    bool closed;
    int64_t exit_status; /* -1: none */
    char exit_signal[32];
    bool attached;
    struct sp_channel_streams streams; /* as attached: the test's to close */
    uint32_t framing;                  /* SP_FRAMING_*, as asked for last … */
    uint64_t framing_size;
    char framing_terminator[64];
    bool is_opened; /* by channel_open(); opened() is for the test to call */
    char type[64];  /* likewise … */
    char *payload;
    uint64_t payload_length;
};

#define TEST_HOST_START_MS INT64_C(1700000000000) /* the time at first: 2023-11-14 22:13:20 UTC */

/* create() and start(); NULL if either fails. config_json must be complete: defaults are filled in
 * by the daemon only. */
struct test_host *test_host_new(const struct sp_plugin *plugin, const char *config_json);
/* stop() and destroy(). NULL is fine. */
void test_host_free(struct test_host *host);
/* Free the answers so far, for tests that ask a lot. */
void test_host_forget(struct test_host *host);

void *test_host_self(struct test_host *host);
/* The plugin's table for an interface; NULL if it does not offer it. */
const void *test_host_table(struct test_host *host, const char *interface);
void test_host_tick(struct test_host *host);
/* The clock: what time_ms() says. */
void test_host_set_time(struct test_host *host, int64_t time_ms);
/* Time passes, and then a tick. */
void test_host_advance(struct test_host *host, int64_t ms);
/* The connection of every event that comes without one, for the test to change between questions:
 * id 1, from 192.0.2.1, port 50000, "SSH-2.0-test". */
struct sp_connection *test_host_connection(struct test_host *host);
/* Whether a line of the log so far contains text. With TEST_HOST_LOG in the environment the log
 * also goes to stderr. */
bool test_host_logged(struct test_host *host, const char *text);
/* As the core would after the last byte on that channel; NULL if the plugin never touched it. */
struct test_channel *test_host_channel(struct test_host *host, sp_id channel);
/* A channel whose channel_send() takes no more than room bytes. */
void test_host_set_room(struct test_host *host, sp_id channel, uint64_t room);
/* The newest channel that the plugin has opened with channel_open(), or NULL. */
struct test_channel *test_host_opened(struct test_host *host);
/* The text of the last disconnect(), or NULL. */
const char *test_host_disconnected(struct test_host *host);
/* How often the plugin has asked for new keys. */
unsigned test_host_rekeys(struct test_host *host);
/* How many questions have no answer yet. */
unsigned test_host_open_questions(struct test_host *host);
/* Keep what is given to run_blocking() until test_host_run_blocking(). */
void test_host_hold_blocking(struct test_host *host, bool hold);
/* Run all that is kept, oldest first; returns how many. */
int test_host_run_blocking(struct test_host *host);

/* The two halves of a question, for tests that do something between them: test_host_ask() gives the
 * event its token, test_host_answer() takes the verdict that the slot returned and waits, at most
 * ten seconds, for the answer. */
enum test_kind {
    TEST_KIND_CONNECTION,
    TEST_KIND_AUTH,
    TEST_KIND_CHANNEL,
    TEST_KIND_FS,
    TEST_KIND_LOG,
    TEST_KIND_SFTP,
};
struct test_answer *test_host_ask(struct test_host *host, enum test_kind kind, uint32_t operation,
                                  struct sp_event *event, uint32_t size);
const struct test_answer *test_host_answer(struct test_host *host, struct test_answer *answer,
                                           int32_t verdict);
/* Gives the token of a question that was asked; for cancel() and wrong answers. */
sp_token test_host_token(const struct test_answer *answer);

#define TEST_HOST_SLOT(type, slot)                                                                 \
    ((uint32_t)((offsetof(struct type, slot) - 8) / sizeof(void (*)(void))))
#define TEST_HOST_ASK(host, kind, type, name, slot, event)                                         \
    __extension__({                                                                                \
        const struct type *table_ = (const struct type *)test_host_table((host), name);            \
        struct test_answer *answer_ = test_host_ask((host), (kind), TEST_HOST_SLOT(type, slot),    \
                                                    &(event)->head, sizeof *(event));              \
        test_host_answer((host), answer_, table_->slot(test_host_self(host), (event)));            \
    })

/* Ask the slot of that name with the event, and give the answer. */
#define TEST_CONNECTION(host, slot, event)                                                         \
    TEST_HOST_ASK(host, TEST_KIND_CONNECTION, sp_connection_v1, SP_CONNECTION_INTERFACE, slot,     \
                  event)
#define TEST_AUTH(host, slot, event)                                                               \
    TEST_HOST_ASK(host, TEST_KIND_AUTH, sp_auth_v1, SP_AUTH_INTERFACE, slot, event)
#define TEST_CHANNEL(host, slot, event)                                                            \
    TEST_HOST_ASK(host, TEST_KIND_CHANNEL, sp_channel_v1, SP_CHANNEL_INTERFACE, slot, event)
#define TEST_FS(host, slot, event)                                                                 \
    TEST_HOST_ASK(host, TEST_KIND_FS, sp_fs_v1, SP_FS_INTERFACE, slot, event)
#define TEST_LOG(host, slot, event)                                                                \
    TEST_HOST_ASK(host, TEST_KIND_LOG, sp_log_v1, SP_LOG_INTERFACE, slot, event)
#define TEST_SFTP(host, slot, event)                                                               \
    TEST_HOST_ASK(host, TEST_KIND_SFTP, sp_sftp_v1, SP_SFTP_INTERFACE, slot, event)

#ifdef __cplusplus
}
#endif
#endif
