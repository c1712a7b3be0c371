/*
 * exec_shell.h: what the files of this plugin share.
 *
 * A job is what a client has asked for, worked out when it asks; a child is the process that runs
 * it, from the start of the channel until it is reaped.
 */
#ifndef EXEC_SHELL_H
#define EXEC_SHELL_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#include <sallyport/plugin.h>

struct config {
    bool serves_shell;
    bool serves_exec;
    char *shell;
    char *directory;
    char *path;
    char **accept; /* patterns of names, ends with NULL */
    uint64_t kill_after_ms;
};

/* config.c: from JSON that the host has checked. 0 or SP_E_NOMEM. */
int config_parse(const char *json, struct config *ret_config);
void config_clear(struct config *config);

/* environment.c: NAME=value strings for execve(). Zero-initialised is empty. */
struct environment {
    char **list; /* ends with NULL */
    size_t count;
    bool failed; /* memory is out */
};
/* Replaces what the name had. */
void environment_set(struct environment *env, const char *name, struct sp_str value);
/* What every job gets, then what the client may add, then the user's grant. */
void environment_fill(struct environment *env, const struct config *config,
                      const struct sp_channel_event *event, const char *directory);
void environment_clear(struct environment *env);

/* job.c */
struct account { /* to become before exec, if other than the daemon's */
    bool is_set;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    size_t groups_count;
};
struct job {
    char *shell;
    char *argv[4];
    char *directory;
    struct environment env;
    struct account account;
    bool has_terminal;
    struct winsize size;
    char *modes;
    size_t modes_length;
};
/* NULL, with why set if there is anything that the log should tell. */
struct job *job_new(const struct config *config, const struct sp_channel_event *event,
                    const char **ret_why);
void job_free(struct job *job); /* NULL is fine */

/* terminal.c */

/* 0 or -errno. */
int terminal_open(int *ret_master, int *ret_slave, char *ret_name, size_t size);
struct winsize terminal_size(const struct sp_terminal *terminal);
/* The encoded modes of RFC 4254, 8; unknown ones are passed over. */
void terminal_set_modes(int fd, const char *modes, size_t length);

/* spawn.c: start a job. The descriptors become its standard ones and remain the caller's; with a
 * terminal all three are its slave. 0 or -errno, and nothing runs. Blocks until the program is
 * loaded. */
int spawn(const struct job *job, const int descriptors[3], pid_t *ret_pid, int *ret_pidfd);

/* child.c */
struct child {
    struct child *next;
    sp_id channel;
    struct job *job;  /* until it is started */
    int64_t asked_ms; /* when; INT64_MAX once it is being started */
    pid_t pid;        /* and process group; 0: not started */
    int pidfd;        /* -1: not started, or ended and reaped by the host */
    int terminal;     /* the master, or -1 */
    bool is_orphan;   /* its channel is gone */
    int64_t kill_at_ms;
};
/* Start the job and hand its streams to the host. 0 or -errno, with *ret_what. */
int child_start(struct child *child, const struct sp_host *host, const char **ret_what);
/* To the whole process group, as long as that is certainly the child's. */
void child_signal(const struct child *child, int number);
/* The channel is gone. */
void child_abandon(struct child *child, int64_t kill_at_ms);
/* True when an abandoned child has ended and is reaped; kills it once its time is over. */
bool child_is_done(struct child *child, int64_t now_ms);
/* Kill what runs, wait for its end, at most a second, and free. */
void child_free(struct child *child);

/* exec-shell.c */
struct exec_shell {
    const struct sp_host *host;
    struct config config;
    pthread_mutex_t lock; /* over children */
    struct child *children;
};

/* "TERM" -> SIGTERM; 0 for names that SSH does not have. */
int signal_number(struct sp_str name);

#endif
