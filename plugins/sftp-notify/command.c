/*
 * command.c: one event to a command: its arguments as configured, the event as JSON on its standard
 * input, the gist of it in the environment. Called by sender.c.
 *
 * No shell sees anything of the event. The command has nothing else of the daemon's: no
 * descriptors, no environment; it is in a process group of its own, which is killed when its time
 * is up.
 */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 100 /* how often to see whether all is to end */
#define VARIABLES 14

static const struct {
    const char *key, *variable;
} texts[] = {{"id", "SALLYPORT_ID"},        {"event", "SALLYPORT_EVENT"},
             {"path", "SALLYPORT_PATH"},    {"opened_path", "SALLYPORT_OPENED_PATH"},
             {"mount", "SALLYPORT_MOUNT"},  {"hash_algorithm", "SALLYPORT_HASH_ALGORITHM"},
             {"hash", "SALLYPORT_HASH"},    {"protocol", "SALLYPORT_PROTOCOL"},
             {"user", "SALLYPORT_USER"},    {"address", "SALLYPORT_ADDRESS"},
             {"reason", "SALLYPORT_REASON"}};

/* The bytes that a path really has. NULL: out of memory. */
static char *decode(const char *encoded)
{
    size_t length = strlen(encoded);
    char *bytes = malloc(length + 1);
    int size =
        bytes ? EVP_DecodeBlock((unsigned char *)bytes, (const unsigned char *)encoded, (int)length)
              : -1;
    if (size < 0) {
        free(bytes);
        return NULL;
    }
    for (size_t i = length; i > 0 && encoded[i - 1] == '='; i--)
        size--;
    bytes[size] = '\0';
    return bytes;
}

/* "VARIABLE=value", or without a value if the event has none. NULL: out of memory. */
static char *variable_of(const json_t *event, const char *key, const char *variable)
{
    char other[64], *line = NULL, *bytes = NULL;
    snprintf(other, sizeof other, "%s_base64", key);
    const char *value = json_string_value(json_object_get(event, key));
    const char *encoded = json_string_value(json_object_get(event, other));
    if (encoded)
        value = bytes = decode(encoded);
    if (asprintf(&line, "%s=%s", variable, value ? value : "") < 0)
        line = NULL;
    free(bytes);
    return line;
}

static void free_environment(char **environment)
{
    for (size_t i = 0; i < VARIABLES; i++)
        free(environment[i]);
}

static bool make_environment(const struct text *text, char *environment[VARIABLES + 1])
{
    json_t *event = json_loadb(text->data, text->length, 0, NULL);
    bool ok = event != NULL;
    size_t count = 0;
    memset(environment, 0, (VARIABLES + 1) * sizeof *environment);
    for (size_t i = 0; ok && i < sizeof texts / sizeof texts[0]; i++)
        ok = (environment[count++] = variable_of(event, texts[i].key, texts[i].variable)) != NULL;
    if (ok && asprintf(&environment[count++], "SALLYPORT_SIZE=%lld",
                       (long long)json_integer_value(json_object_get(event, "size"))) < 0)
        environment[--count] = NULL, ok = false;
    if (ok)
        ok = (environment[count++] = strdup("PATH=/usr/local/bin:/usr/bin:/bin")) != NULL;
    json_decref(event);
    return ok;
}

static int start(char **command, char **environment, int file, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETSIGDEF);
        (void)posix_spawnattr_setsigmask(&attributes, &none);
        (void)posix_spawnattr_setsigdefault(&attributes, &all);
        if ((rc = posix_spawn_file_actions_adddup2(&actions, file, 0)) == 0 &&
            (rc = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)) == 0 &&
            (rc = posix_spawn_file_actions_adddup2(&actions, 1, 2)) == 0)
            rc = posix_spawn(ret_pid, command[0], &actions, &attributes, command, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Wait for its end, and make one when it takes too long. Its status as waitpid() has it. */
static int wait_for(pid_t pid, int64_t timeout_ms, atomic_bool *is_stopping, bool *ret_killed)
{
    int status = 0;
    int64_t until = now_ms() + timeout_ms;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    *ret_killed = false;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() >= until || atomic_load(is_stopping)) {
            *ret_killed = true;
            kill(-pid, SIGKILL);
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
            break;
        }
        poll(&ended, fd >= 0, LOOK_MS); /* without it, it is looked at as often as that */
    }
    if (fd >= 0)
        close(fd);
    return status;
}

enum delivery deliver_to_command(const struct options *options, const struct text *text, int file,
                                 atomic_bool *is_stopping, char *ret_why)
{
    char *environment[VARIABLES + 1];
    const char *name = options->command[0];
    bool was_killed = false;
    pid_t pid = -1;
    if (!make_environment(text, environment)) {
        free_environment(environment);
        snprintf(ret_why, HTTP_WHY_SIZE, "the event cannot be read, or memory is out");
        return DELIVERY_REFUSED;
    }
    int rc = start(options->command, environment, file, &pid);
    free_environment(environment);
    if (rc != 0) {
        snprintf(ret_why, HTTP_WHY_SIZE, "%.200s: %s", name, strerror(rc));
        return DELIVERY_FAILED;
    }
    int status = wait_for(pid, options->timeout_ms, is_stopping, &was_killed);
    if (was_killed)
        snprintf(ret_why, HTTP_WHY_SIZE, "%.200s: it did not end within %lld ms", name,
                 (long long)options->timeout_ms);
    else if (WIFEXITED(status))
        snprintf(ret_why, HTTP_WHY_SIZE, "%.200s: exit status %d", name, WEXITSTATUS(status));
    else
        snprintf(ret_why, HTTP_WHY_SIZE, "%.200s: ended by signal %d", name, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && !was_killed ? DELIVERED
                                                                        : DELIVERY_REFUSED;
}
