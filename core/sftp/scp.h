/*
 * scp.h: the inside of the built-in scp, the server's end of the old protocol: `scp -t` (sink)
 * takes files, `scp -f` (source) gives them. No command runs: every step is an operation of the
 * table that SFTP uses, asked of the same door.
 *
 *   scp_command.c  the command line
 *   scp.c          the channel, messages
 *   scp_ask.c      questions to providers, and hooks; what is open
 *   scp_sink.c     taking files
 *   scp_source.c   giving files
 *   scp_transfer.c what becomes of files: who is told, and names given when they are complete
 *   scp_glob.c     patterns in the names that a source is given
 *
 * A state machine: one thing is done at a time. next is the step to take when no call is under way;
 * a step asks a provider, or sets what input it waits for, or sets next. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_SCP_H
#define SALLYPORT_SFTP_SCP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "session/channel.h"
#include "sftp/block.h"
#include "sftp/operations.h"
#include "sftp/storage.h"
#include "sftp/transfer.h"
#include "sftp/tree.h"

#define SCP_DEPTH_MAX 64u  /* directories within each other */
#define SCP_PATHS_MAX 64u  /* names on a command line */
#define SCP_LINE_MAX 2048u /* bytes of one line of the protocol */
#define SCP_NAME_MAX 1024u /* bytes of a name in a directory */
#define SCP_CHUNK 131072u  /* bytes of one read or write */
#define SCP_ENTRIES_AT_ONCE 100u
#define SCP_MATCHES_MAX 262144u /* bytes of all names that one pattern stands for */

/* A command line that this scp serves. Paths are patterns: what was quoted is escaped by "\". */
struct scp_command {
    bool is_sink;
    bool is_recursive; /* -r */
    bool has_times;    /* -p */
    bool to_directory; /* -d */
    uint32_t paths_count;
    char *paths[SCP_PATHS_MAX];
};

/* 0, SP_ERR_UNSUPPORTED (not an scp that this is: somebody else may take it) or SP_ERR_NOMEM. */
int scp_command_parse(struct sp_str line, struct scp_command *ret_command);
void scp_command_free(struct scp_command *command);
bool scp_takes_command(const struct config *config, struct sp_str line);

enum scp_input {
    SCP_INPUT_NONE,   /* what the client sends must wait */
    SCP_INPUT_LINE,   /* the sink's next line */
    SCP_INPUT_DATA,   /* the sink's file */
    SCP_INPUT_ANSWER, /* a zero byte, or a complaint */
};

struct scp;
typedef void scp_answer(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply);

/* A file or directory that is open, as scp_ask() keeps it. */
struct scp_open {
    struct sftp_mount *mount; /* NULL: a hook's own */
    uint64_t handle;          /* the provider's */
    uint64_t file;            /* its number, as hooks know it */
    uint32_t flags;           /* SP_OPEN_* */
    bool is_open, is_directory, is_virtual;
    bool is_told; /* hooks were asked about its close */
    char *path;   /* in the tree */
    /* files; see transfer.h and final.h */
    struct sftp_part part;
    bool is_complete; /* all of it came or went, and the client has said so */
    char *final_path;
    uint32_t final_flags;
};

/* A directory on the way down. */
struct scp_level {
    struct scp_level *up;
    char *path; /* in the tree */
    uint32_t mode;
    bool has_mode, has_times;
    int64_t access_time, modify_time;
    /* source: what is being listed */
    struct scp_open list;
    bool is_at_end;
    size_t mount_cursor;
    struct buffer names; /* each with its NUL */
};

struct scp {
    struct channel *channel; /* NULL once it is gone */
    struct sftp_tree *tree;
    struct sftp_account *account;
    struct sftp_waiter waiter; /* for hooks that are behind */
    struct scp_command command;
    void (*next)(struct scp *scp);
    enum scp_input input;
    void (*on_input)(struct scp *scp); /* line or answer is whole */
    char line[SCP_LINE_MAX];
    size_t line_length;
    uint8_t answer; /* SCP_INPUT_ANSWER: 0, 1 or 2 */

    struct sftp_call call;
    struct sftp_call kept_call; /* its event, while call is about something else: existing.c */
    scp_answer *on_answer;
    /* scp_ask.c: what is being asked, of whom, and about what that is open or to be opened */
    const struct sftp_operation *asked;
    enum plugin_operation asked_of_provider;
    uint32_t asked_flags;
    struct scp_open *open;
    struct sftp_act *act;
    bool is_asking;     /* hooks are with it … */
    bool is_concluding; /* … and look at the result */
    bool is_performed;  /* the provider was asked */
    bool has_verdict;   /* whatever the provider answers, act->result holds */
    struct scp_open opened, unwanted;
    char diverted[VPATH_MAX]; /* what place points into, if a hook wants it so */
    char *final_path;         /* for what is to be opened */
    uint32_t final_flags;
    /* scp_transfer.c: between the end of a call and the next, about the same step */
    void (*then)(struct scp *scp);
    uint32_t then_status;
    char then_text[256];

    struct sp_fs_attributes attributes; /* for a provider */
    char path[VPATH_MAX];               /* what is being worked on */
    struct sftp_place place;

    /* The file that is open. */
    struct scp_open file;
    uint64_t file_size, file_done;
    bool file_has_failed;
    char file_error[256];
    int64_t access_time, modify_time; /* sink: of a T line */
    bool has_times;
    uint32_t mode;
    struct sftp_block *filling, *writing; /* sink: data that comes in, and data that goes out */
    size_t filling_length, writing_length, writing_done;
    struct sftp_block *reading; /* source */

    struct scp_level *level; /* the innermost directory */
    uint32_t depth;
    char *target; /* sink: where things go while no level is there */
    bool target_is_directory;

    uint32_t path_index;     /* source: which of the command's is next */
    char pattern[VPATH_MAX]; /* the one before, being expanded */
    const char *pattern_at;  /* the component that is looked for */
    struct buffer matches;   /* what it stands for, each with its NUL */
    struct buffer prefixes;  /* names so far, the first of which is being listed */
    struct scp_open glob;
    char name[SCP_NAME_MAX + 1]; /* source: as the client is to call it */
    char kind;                   /* source: of the line that is said: 'C', 'D' */
    void (*on_said)(struct scp *scp);

    uint32_t errors;
    uint32_t stack_depth; /* of our functions: not to be freed */
    bool is_running, is_taking, has_refused, is_eof, is_over, has_ended;
};

/* scp.c */
int scp_start(struct channel *channel, struct sp_str command);
void scp_enter(struct scp *scp);
void scp_leave(struct scp *scp);
/* Set scp->path and ->place to path, or to name in path. False: too long. */
bool scp_locate(struct scp *scp, const char *path, const char *name);
/* Bytes to the client. */
void scp_send(struct scp *scp, const void *data, size_t length);
void scp_send_ok(struct scp *scp);
/* "scp: PATH: TEXT" as a warning; path may be NULL. Counts as an error. */
void scp_complain(struct scp *scp, const char *path, const char *text, size_t text_length);
/* What a provider said about scp->path. */
void scp_complain_status(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply);
/* The open file has failed; the client is told, by ->file_error, once its turn has come. */
void scp_fail_file(struct scp *scp, const char *text, size_t length);
/* A complaint that is a fatal error: the session is over. */
void scp_break(struct scp *scp, const char *text);
/* All is done: exit status and close. */
void scp_end(struct scp *scp);
void scp_expect(struct scp *scp, enum scp_input input, void (*on_input)(struct scp *scp));
/* One level down, for scp->path; false: too deep or no memory (complained of). */
bool scp_push(struct scp *scp);
void scp_pop(struct scp *scp);

/* scp_ask.c */
/* Ask what operation is, by provider_operation, with the event in scp->call: of open, or, if that
 * is NULL or is to be opened, of scp->place (located already). Refused ones are answered like any.
 * open is open, or not any more, when on_answer is called. Last thing a step does. */
void scp_ask(struct scp *scp, enum sftp_operation_id operation, uint32_t flags,
             struct scp_open *open, enum plugin_operation provider_operation,
             scp_answer *on_answer);
/* A call is under way, or hooks are asked. */
bool scp_is_busy(const struct scp *scp);
/* What was opened and is not given to the client. */
void scp_close_unwanted(struct scp *scp);
/* The channel is gone: cancel what may be, then close what is open, one after the other. */
void scp_wind_up(struct scp *scp);

/* The provider has answered the step. */
void scp_answered(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply);
/* Ask the provider of the open file for something else, before scp_answered(). */
void scp_ask_more(struct scp *scp, enum plugin_operation operation,
                  void (*on_answer)(struct sftp_call *call, uint32_t status,
                                    const struct sp_fs_reply *reply));

/* scp_transfer.c */
/* The step is over, for the client and for hooks. */
void scp_observe(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply);
/* The provider has closed a file: true if it has a name to be given, or a part to be removed, by
 * ->then, once the call is released; scp_answered() is called after that. */
bool scp_settle(struct scp *scp, uint32_t status, const struct sp_fs_reply *reply);

/* scp_sink.c */
void scp_sink_begin(struct scp *scp);
/* Data of the file: returns how much was taken. */
size_t scp_sink_data(struct scp *scp, const uint8_t *data, size_t length);
void scp_sink_eof(struct scp *scp);

/* scp_source.c */
void scp_source_begin(struct scp *scp);
void scp_source_next_path(struct scp *scp); /* the current one's matches are there */

/* scp_glob.c */
/* Fill matches with what pattern stands for, then go on with scp_source_next_path(). */
void scp_glob_begin(struct scp *scp, const char *pattern);
/* Whether a provider's entry is a name that can be given on: one component, not "." or "..". */
bool scp_is_name(struct sp_str name);
/* Append before and name, and a NUL, to a list of names. 0 or SP_ERR_NOMEM. */
int scp_put_name(struct buffer *names, struct sp_str name, const char *before);

#endif
