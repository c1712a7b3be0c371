/*
 * environment.c: the environment of what is started: nothing of the daemon's own, a base that this
 * plugin makes, the client's variables as far as the configuration takes them, and those of the
 * user's grant. Called by job.c.
 */
#include "exec_shell.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MOST 512u

void environment_set(struct environment *env, const char *name, struct sp_str value)
{
    size_t length = strlen(name);
    if (value.len && memchr(value.data, '\0', value.len))
        return;
    char *entry = malloc(length + value.len + 2);
    char **list = realloc(env->list, (env->count + 2) * sizeof *list);
    if (list)
        env->list = list;
    if (!entry || !list) {
        free(entry);
        env->failed = true;
        return;
    }
    memcpy(entry, name, length);
    entry[length] = '=';
    if (value.len)
        memcpy(entry + length + 1, value.data, value.len);
    entry[length + 1 + value.len] = '\0';
    for (size_t i = 0; i < env->count; i++) {
        if (strncmp(list[i], entry, length + 1) == 0) {
            free(list[i]);
            list[i] = entry;
            return;
        }
    }
    list[env->count++] = entry;
    list[env->count] = NULL;
}

void environment_clear(struct environment *env)
{
    for (size_t i = 0; i < env->count; i++)
        free(env->list[i]);
    free(env->list);
    *env = (struct environment){0};
}

/* Shells and loaders read meaning into other characters. */
static bool name_is_sound(struct sp_str name)
{
    if (name.len == 0 || name.len > 255 || (name.data[0] >= '0' && name.data[0] <= '9'))
        return false;
    for (uint64_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '_'))
            return false;
    }
    return true;
}

/* What would make the loader or the shell run code of the client's choice beside a forced command,
 * or tell that command an untruth about where it runs: no list takes these. */
static const char *const never_accepted[] = {"LD_*",      "SSH_*",    "BASH_ENV", "ENV",
                                             "SHELLOPTS", "BASHOPTS", "PS4"};

static bool is_accepted(const struct config *config, struct sp_str name)
{
    if (!name_is_sound(name))
        return false;
    for (size_t i = 0; i < sizeof never_accepted / sizeof *never_accepted; i++)
        if (fnmatch(never_accepted[i], name.data, 0) == 0)
            return false;
    for (char **pattern = config->accept; *pattern; pattern++)
        if (fnmatch(*pattern, name.data, 0) == 0)
            return true;
    return false;
}

static void set_addresses(struct environment *env, const struct sp_connection *connection)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s %u %.*s %u", (int)connection->remote_address.len,
             connection->remote_address.data, connection->remote_port,
             (int)connection->local_address.len, connection->local_address.data,
             connection->local_port);
    environment_set(env, "SSH_CONNECTION", sp_str_of(text));
    snprintf(text, sizeof text, "%.*s %u %u", (int)connection->remote_address.len,
             connection->remote_address.data, connection->remote_port, connection->local_port);
    environment_set(env, "SSH_CLIENT", sp_str_of(text));
}

void environment_fill(struct environment *env, const struct config *config,
                      const struct sp_channel_event *event, const char *directory)
{
    const struct sp_connection *connection = event->head.connection;
    environment_set(env, "PATH", sp_str_of(config->path));
    for (uint64_t i = 0; i < event->environment_count && i < COUNT_MOST; i++)
        if (is_accepted(config, event->environment[i].name))
            environment_set(env, event->environment[i].name.data, event->environment[i].value);
    /* What tells programs who and where they are is not the client's to say. */
    environment_set(env, "HOME", sp_str_of(directory));
    environment_set(env, "SHELL", sp_str_of(config->shell));
    environment_set(env, "USER", connection->user);
    environment_set(env, "LOGNAME", connection->user);
    set_addresses(env, connection);
    if (event->terminal)
        environment_set(env, "TERM",
                        event->terminal->term.len ? event->terminal->term : sp_str_of("dumb"));
    const struct sp_grant *grant = connection->grant;
    for (uint64_t i = 0; grant && i < grant->environment_count; i++)
        if (name_is_sound(grant->environment[i].name))
            environment_set(env, grant->environment[i].name.data, grant->environment[i].value);
    /* The core has put the forced command in place of the client's words. */
    if (grant && grant->forced_command.len && event->value.len)
        environment_set(env, "SSH_ORIGINAL_COMMAND", event->value);
}
