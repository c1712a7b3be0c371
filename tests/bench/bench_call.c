/*
 * bench_call.c: what a call of a plugin's operation costs that does nothing: through its table
 * (what a call costs at all), through the host in each kind of threading, and in a process of its
 * own. Prints one line for each; "bench.sh" and docs/authors/isolation.md have the figures.
 *
 *     bench_call [ROUNDS]
 */
#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "plugin/call.h"
#include "plugin/guest.h"
#include "plugin/host.h"

#define PLUGIN_DIR BENCH_BUILD_DIR "/tests/bench/plugins"
#define GUEST_FD 3

extern char **environ;

static struct config_plugin instances[] = {
    {.name = (char *)"reactor", .threading = (char *)"reactor"},
    {.name = (char *)"serial", .threading = (char *)"serial"},
    {.name = (char *)"connection", .threading = (char *)"connection"},
    {.name = (char *)"process, reactor",
     .threading = (char *)"reactor",
     .isolation = CONFIG_PROCESS},
    {.name = (char *)"process, connection",
     .threading = (char *)"connection",
     .isolation = CONFIG_PROCESS},
};
static char *directory = (char *)PLUGIN_DIR;
static struct config config = {
    .file = (char *)"bench.json",
    .plugin_directories = &directory,
    .plugin_directories_count = 1,
    .plugins = instances,
    .plugins_count = sizeof instances / sizeof *instances,
    .pool_threads = 4,
    .slow_ms = 100,
};

static int obtain(void *arg, size_t index, int *ret_fd, char *text, size_t size)
{
    char *const argv[] = {(char *)"bench_call", (char *)"--guest", instances[index].name, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int ends[2];
    (void)arg;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        snprintf(text, size, "%s", strerror(errno));
        return -1;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], GUEST_FD);
    int rc = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *ret_fd = ends[0];
    return rc == 0 ? 0 : -1;
}

static void want(void *arg, size_t index)
{
    (void)arg;
    fprintf(stderr, "bench_call: the process of %s is gone\n", instances[index].name);
    exit(EXIT_FAILURE);
}

struct round {
    struct plugin_call call;
    struct sp_auth_event event;
    bool is_released;
};

static void on_done(struct plugin_call *call, int32_t verdict, const struct sp_reply *reply)
{
    (void)call;
    (void)reply;
    if (verdict != SP_NEXT) {
        fprintf(stderr, "bench_call: a wrong answer: %d\n", verdict);
        exit(EXIT_FAILURE);
    }
}

static void on_release(struct plugin_call *call)
{
    container_of(call, struct round, call)->is_released = true;
}

static struct sp_connection connection = {.struct_size = sizeof connection, .id = 1};

static void ask(struct round *round, struct plugin_instance *instance,
                struct plugin_strands *strands, struct reactor *reactor)
{
    memset(&round->call.state, 0, sizeof round->call.state);
    round->is_released = false;
    round->event.head =
        (struct sp_event){.struct_size = sizeof round->event, .connection = &connection};
    round->call.instance = instance;
    round->call.operation = PLUGIN_AUTH_none;
    round->call.event = &round->event.head;
    round->call.strands = strands;
    round->call.on_done = on_done;
    round->call.on_release = on_release;
    plugin_call_start(&round->call);
    while (!round->is_released)
        if (reactor_turn(reactor, 1000) < 0)
            exit(EXIT_FAILURE);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Of many short batches the one that a tenth of them beat: what else the machine does matters
 * little. */
static double measure(struct plugin_host *host, struct reactor *reactor, const char *name,
                      unsigned rounds)
{
    enum { BATCHES = 200 };
    struct plugin_instance *instance = plugin_host_find(host, name, PLUGIN_AUTH);
    struct plugin_strands *strands = plugin_strands_new(host);
    struct round *round = calloc(1, sizeof *round);
    uint64_t took[BATCHES];
    if (!instance || !strands || !round)
        exit(EXIT_FAILURE);
    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t begin = clock_now_ns();
        for (unsigned i = 0; i < rounds; i++)
            ask(round, instance, strands, reactor);
        took[batch] = clock_now_ns() - begin;
    }
    free(round);
    plugin_strands_free(strands);
    qsort(took, BATCHES, sizeof *took, compare);
    return (double)took[BATCHES / 10] / rounds;
}

/* What the operation costs without a host. */
static int32_t do_nothing(void *self, const struct sp_auth_event *event)
{
    (void)self;
    (void)event;
    return SP_NEXT;
}

static double measure_direct(unsigned rounds)
{
    const struct sp_auth_v1 table = {.struct_size = sizeof table, .none = do_nothing};
    struct sp_auth_event event = {.head = {.struct_size = sizeof event}};
    uint64_t begin = clock_now_ns();
    for (unsigned i = 0; i < rounds; i++)
        if (plugin_operation_info(PLUGIN_AUTH_none)->invoke(&table, NULL, &event.head) != SP_NEXT)
            exit(EXIT_FAILURE);
    return (double)(clock_now_ns() - begin) / rounds;
}

static int be_guest(const char *name)
{
    struct report report = {0};
    int rc = guest_run(&config, name, GUEST_FD, NULL, NULL, &report);
    report_print(&report, STDERR_FILENO);
    return rc < 0;
}

int main(int argc, char **argv)
{
    const struct plugin_launcher launcher = {.obtain = obtain, .want = want};
    const struct plugin_services services = {.launcher = &launcher};
    struct plugin_host *host;
    struct report report = {0};
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;

    for (size_t i = 0; i < config.plugins_count; i++) {
        instances[i].plugin = (char *)"no-op";
        instances[i].config_json = (char *)"{}";
    }
    log_open(STDERR_FILENO, LOG_LEVEL_WARNING, LOG_FORMAT_TEXT);
    if (argc > 2 && strcmp(argv[1], "--guest") == 0)
        return be_guest(argv[2]);
    struct reactor *reactor = reactor_new();
    struct pool *pool = pool_new(config.pool_threads);
    if (!reactor || !pool ||
        plugin_host_new(&config, reactor, pool, &services, &host, &report) < 0) {
        report_print(&report, STDERR_FILENO);
        return EXIT_FAILURE;
    }
    printf("%-20s %10.0f ns\n", "direct", measure_direct(rounds * 1000));
    for (size_t i = 0; i < config.plugins_count; i++) {
        bool is_quick = i == 0;
        printf("%-20s %10.0f ns\n", instances[i].name,
               measure(host, reactor, instances[i].name, is_quick ? rounds : rounds / 10));
    }
    plugin_host_free(host);
    pool_free(pool);
    reactor_free(reactor);
    report_free(&report);
    return EXIT_SUCCESS;
}
