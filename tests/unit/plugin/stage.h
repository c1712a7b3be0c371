/*
 * stage.h: a real reactor, pool and host for the tests of this folder, with the plugins of
 * tests/fault, and a log that can be read back.
 */
#ifndef SALLYPORT_TEST_STAGE_H
#define SALLYPORT_TEST_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "plugin/call.h"
#include "plugin/host.h"

#define STAGE_PLUGIN_DIR TEST_BUILD_DIR "/tests/fault/plugins"
#define STAGE_PATIENCE_MS 20000

struct stage {
    struct reactor *reactor;
    struct pool *pool;
    struct plugin_host *host;
    struct report report;
    struct config config;
    struct config_plugin plugins[4];
    char *directories[1];
    int log_fd;
    char log_text[65536];
};

/* One question, with an event for each interface. */
struct question {
    struct plugin_call call;
    union {
        struct sp_event head;
        struct sp_connection_event connection;
        struct sp_auth_event auth;
        struct sp_channel_event channel;
        struct sp_fs_io io;
        struct sp_fs_path path;
        struct sp_fs_handle handle;
    } event;
    int done;
    int late;
    int released;
    int32_t verdict;
    bool has_reply;
    uint32_t prompts;
    uint32_t permit;
    uint64_t count;
    char text[64];
};

static inline void stage_open(struct stage *stage, uint32_t threads)
{
    memset(stage, 0, sizeof *stage);
    stage->log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(stage->log_fd >= 0);
    log_open(stage->log_fd, LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT);
    stage->reactor = reactor_new();
    stage->pool = pool_new(threads);
    assert_non_null(stage->reactor);
    assert_non_null(stage->pool);
    stage->directories[0] = (char *)STAGE_PLUGIN_DIR;
    stage->config.file = (char *)"test.json";
    stage->config.plugin_directories = stage->directories;
    stage->config.plugin_directories_count = 1;
    stage->config.plugins = stage->plugins;
}

static inline struct config_plugin *stage_add(struct stage *stage, const char *name,
                                              const char *plugin)
{
    struct config_plugin *p = &stage->plugins[stage->config.plugins_count++];
    p->name = (char *)name;
    p->plugin = (char *)plugin;
    p->config_json = (char *)"{}";
    p->line = 7;
    return p;
}

static inline void stage_up(struct stage *stage, const struct plugin_services *services)
{
    int rc = plugin_host_new(&stage->config, stage->reactor, stage->pool, services, &stage->host,
                             &stage->report);
    if (rc < 0)
        report_print(&stage->report, STDERR_FILENO);
    assert_int_equal(rc, 0);
}

static inline void stage_close(struct stage *stage)
{
    plugin_host_free(stage->host);
    pool_free(stage->pool);
    reactor_free(stage->reactor);
    report_free(&stage->report);
    log_open(STDERR_FILENO, LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    close(stage->log_fd);
}

/* All that was logged so far. */
static inline const char *stage_log(struct stage *stage)
{
    ssize_t n = pread(stage->log_fd, stage->log_text, sizeof stage->log_text - 1, 0);
    stage->log_text[n < 0 ? 0 : n] = 0;
    return stage->log_text;
}

/* A line of the log has all of these; NULL ends them. */
static inline bool stage_logged(struct stage *stage, const char *event, const char *a,
                                const char *b)
{
    char *rest = (char *)stage_log(stage);
    for (char *line; (line = strsep(&rest, "\n"));)
        if (strstr(line, event) && (!a || strstr(line, a)) && (!b || strstr(line, b)))
            return true;
    return false;
}

static inline bool stage_complained(const struct stage *stage, const char *text)
{
    for (size_t i = 0; i < stage->report.count; i++)
        if (strstr(stage->report.complaints[i].text, text))
            return true;
    return false;
}

#define stage_wait(stage, condition)                                                               \
    do {                                                                                           \
        uint64_t until_ = clock_now_ms() + STAGE_PATIENCE_MS;                                      \
        while (!(condition)) {                                                                     \
            if (clock_now_ms() > until_)                                                           \
                fail_msg("waited in vain for %s; log:\n%s", #condition, stage_log(stage));         \
            assert_int_equal(reactor_turn((stage)->reactor, 50), 0);                               \
        }                                                                                          \
    } while (0)

/* What a plugin of that name exports for tests. */
static inline void *stage_symbol(const char *plugin, const char *symbol)
{
    char path[4096];
    snprintf(path, sizeof path, STAGE_PLUGIN_DIR "/%s/%s.so", plugin, plugin);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    void *address = dlsym(handle, symbol);
    assert_non_null(address);
    return address;
}

static inline void question_done(struct plugin_call *call, int32_t verdict,
                                 const struct sp_reply *reply)
{
    struct question *q = container_of(call, struct question, call);
    assert_int_equal(q->released, 0);
    q->done++;
    q->verdict = verdict;
    q->has_reply = reply != NULL;
    if (!reply)
        return;
    if (plugin_operation_info(call->operation)->interface == PLUGIN_AUTH) {
        const struct sp_auth_reply *auth = (const void *)reply;
        q->prompts = auth->prompts_count;
        q->permit = auth->grant ? auth->grant->permit : 0;
        snprintf(q->text, sizeof q->text, "%s", auth->banner.len ? auth->banner.data : "");
    } else if (plugin_operation_info(call->operation)->interface == PLUGIN_FS) {
        const struct sp_fs_reply *fs = (const void *)reply;
        q->count = fs->count;
        snprintf(q->text, sizeof q->text, "%s", fs->text.len ? fs->text.data : "");
    }
}

static inline void question_released(struct plugin_call *call)
{
    container_of(call, struct question, call)->released++;
}

/* For call.on_late: the caller takes what comes when it has given up. */
static inline void question_late(struct plugin_call *call, const struct sp_reply *reply)
{
    struct question *q = container_of(call, struct question, call);
    assert_int_equal(q->released, 0);
    q->late++;
    q->verdict = reply->verdict;
}

static inline void question_init(struct question *q, struct stage *stage, const char *instance,
                                 enum plugin_operation operation)
{
    memset(q, 0, sizeof *q);
    q->call.instance =
        plugin_host_find(stage->host, instance, plugin_operation_info(operation)->interface);
    assert_non_null(q->call.instance);
    q->call.operation = operation;
    q->call.event = &q->event.head;
    q->call.on_done = question_done;
    q->call.on_release = question_released;
    q->event.head.struct_size = sizeof q->event;
}

/* password() as that user, answered before it returns or later. */
static inline void question_ask_as(struct question *q, struct stage *stage, const char *instance,
                                   const char *user)
{
    question_init(q, stage, instance, PLUGIN_AUTH_password);
    q->event.auth.user = sp_str_of(user);
    plugin_call_start(&q->call);
}

#endif
