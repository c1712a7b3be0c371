/*
 * job.c: from a client's request to what is to be run: command, directory, environment, account,
 * terminal. Called by the request slot; the event is gone when the job starts.
 */
#include "exec_shell.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_MOST 65536

static char *copy(struct sp_str text)
{
    char *result = malloc(text.len + 1);
    if (result) {
        if (text.len)
            memcpy(result, text.data, text.len);
        result[text.len] = '\0';
    }
    return result;
}

/* The user's root and home put together, if that is a directory here. */
static char *choose_directory(const struct config *config, const struct sp_grant *grant)
{
    struct stat st;
    char *path = NULL;
    if (grant && grant->root.len && grant->root.data[0] == '/' &&
        asprintf(&path, "%.*s/%.*s", (int)grant->root.len, grant->root.data, (int)grant->home.len,
                 grant->home.len ? grant->home.data : "") > 0) {
        char *real = realpath(path, NULL);
        free(path);
        if (real && stat(real, &st) == 0 && S_ISDIR(st.st_mode))
            return real;
        free(real);
    }
    return strdup(config->directory);
}

/* A login shell's name begins with "-"; a command is for the shell to read. */
static bool fill_arguments(struct job *job, const struct config *config,
                           const struct sp_channel_event *event)
{
    const struct sp_grant *grant = event->head.connection->grant;
    const char *name = strrchr(config->shell, '/') + 1;
    bool is_forced = grant && grant->forced_command.len;
    if (!is_forced && event->request == SP_REQUEST_SHELL)
        return asprintf(&job->argv[0], "-%s", name) > 0;
    job->argv[0] = strdup(name);
    job->argv[1] = strdup("-c");
    job->argv[2] = copy(is_forced ? grant->forced_command : event->name);
    return job->argv[0] && job->argv[1] && job->argv[2];
}

static bool fill_groups(struct account *account, const struct passwd *entry)
{
    int count = 0;
    getgrouplist(entry->pw_name, entry->pw_gid, NULL, &count);
    if (count <= 0 || count > GROUPS_MOST)
        return false;
    account->groups = calloc((size_t)count, sizeof *account->groups);
    if (!account->groups ||
        getgrouplist(entry->pw_name, entry->pw_gid, account->groups, &count) < 0)
        return false;
    account->groups_count = (size_t)count;
    return true;
}

/* The account that the grant maps the user to. Another than the daemon's needs root. */
static bool fill_account(struct account *account, const struct sp_grant *grant,
                         const char **ret_why)
{
    if (!grant || grant->system_user.len == 0)
        return true;
    char buffer[16384];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwnam_r(grant->system_user.data, &entry, buffer, sizeof buffer, &found) != 0 || !found) {
        *ret_why = "the user's system_user is no account of this system";
        return false;
    }
    if (entry.pw_uid == geteuid())
        return true;
    if (geteuid() != 0) {
        *ret_why = "only a daemon that runs as root can become the user's system_user";
        return false;
    }
    account->uid = entry.pw_uid;
    account->gid = entry.pw_gid;
    account->is_set = fill_groups(account, &entry);
    if (!account->is_set)
        *ret_why = "the groups of the user's system_user cannot be found";
    return account->is_set;
}

static bool fill_terminal(struct job *job, const struct sp_terminal *terminal)
{
    if (!terminal)
        return true;
    job->has_terminal = true;
    job->size = terminal_size(terminal);
    job->modes = copy(terminal->modes);
    job->modes_length = terminal->modes.len;
    return job->modes != NULL;
}

struct job *job_new(const struct config *config, const struct sp_channel_event *event,
                    const char **ret_why)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    const struct sp_grant *grant = event->head.connection->grant;
    job->shell = strdup(config->shell);
    job->directory = choose_directory(config, grant);
    bool good = job->shell && job->directory && fill_arguments(job, config, event) &&
                fill_account(&job->account, grant, ret_why) && fill_terminal(job, event->terminal);
    if (good) {
        environment_fill(&job->env, config, event, job->directory);
        good = !job->env.failed;
    }
    if (!good) {
        job_free(job);
        return NULL;
    }
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    for (size_t i = 0; i < sizeof job->argv / sizeof *job->argv; i++)
        free(job->argv[i]);
    environment_clear(&job->env);
    free(job->directory);
    free(job->shell);
    free(job->account.groups);
    free(job->modes);
    free(job);
}
