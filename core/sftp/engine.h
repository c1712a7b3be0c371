/*
 * engine.h: the inside of the SFTP engine, for its own files: one engine for each channel, requests
 * with their turns, handles, and what executors use to answer.
 *
 *   engine.c         the channel: messages out of bytes, backpressure, end
 *   version.c        what is agreed on with the client before its first request
 *   request_input.c  from a message to a request: read, placed, authorised
 *   request.c        a request's life: queued, run, finished
 *   request_act.c    what hooks see of a request before it is run, and change
 *   request_reply.c  from a result, by the hooks that look at it, to the reply
 *   request_transfer.c  what it means for files on their way (transfer.h)
 *   handle.c         open files and directories
 *   execute_*.c      what each operation does
 *
 * Order. A request about a handle waits for all earlier ones about that handle. A request about a
 * path waits for earlier ones about paths, except that those which change nothing overlap; CLOSE
 * takes part in both queues, so that a path is touched after the files closed before it. All else
 * overlaps. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_ENGINE_H
#define SALLYPORT_SFTP_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/idmap.h"
#include "base/list.h"
#include "session/channel.h"
#include "session/session.h"
#include "sftp/account.h"
#include "sftp/block.h"
#include "sftp/codec.h"
#include "sftp/final.h"
#include "sftp/hooks.h"
#include "sftp/operations.h"
#include "sftp/storage.h"
#include "sftp/text.h"
#include "sftp/transfer.h"
#include "sftp/tree.h"

struct sftp_engine {
    struct channel *channel; /* NULL once it is gone */
    struct sftp_tree *tree;
    struct worker_counters *counters;
    struct sftp_account *account;
    struct sftp_dialect dialect;
    /* Where replies go instead of the channel, for who asks on behalf of the client. */
    void (*on_reply)(void *arg, const uint8_t *message, size_t length);
    void *reply_arg;

    struct list requests; /* all that are not finished with */
    struct list ready;    /* whose turn has come */
    struct list paths;    /* turns of requests about paths */
    struct list spare;    /* requests to use again */
    uint32_t requests_count;
    uint32_t spare_count;

    struct idmap handle_ids;
    struct list handles;
    uint64_t handle_salt; /* so that no other session's handle is ever one of ours */

    /* The message that is being received: its length field, then the rest in a block. */
    uint8_t head[4];
    uint8_t head_length;
    struct sftp_block *partial;
    uint32_t partial_length;
    uint32_t partial_wanted;

    size_t input_bytes;  /* memory of WRITEs and attributes that are not done */
    size_t output_bytes; /* promised to READs that are not done */
    struct reactor_timer idle;
    struct sftp_waiter waiter; /* for hooks that are behind */
    uint32_t depth; /* of our functions on the stack that use the engine: do not free it */
    bool is_initialised, is_failed, is_eof, has_ended;
    bool is_running, is_taking, has_refused;
    bool is_negotiating, may_select_version; /* see version.h */
    bool has_named_vendor;                   /* see vendor-id */
    bool was_active;                         /* since the idle timer was set */
};

enum sftp_handle_kind { SFTP_HANDLE_FILE, SFTP_HANDLE_DIRECTORY };

struct sftp_handle {
    struct list link;  /* engine->handles */
    struct list queue; /* turns */
    struct sftp_engine *engine;
    uint64_t id; /* in engine->handle_ids; 0: no longer the client's */
    uint64_t provider_handle;
    struct sftp_mount *mount; /* NULL: a directory that only mounts make */
    enum sftp_handle_kind kind;
    uint32_t flags;           /* SP_OPEN_* */
    uint32_t outstanding;     /* calls that a provider is not finished with */
    bool is_broken;           /* a call was given up: what it does, and when, is unknown */
    bool is_retired;          /* to be closed and freed once nothing is outstanding */
    bool is_closed;           /* the provider was told */
    bool is_client_done;      /* its CLOSE had come when the channel went */
    bool is_part_removed;     /* … also to remove it, as it is not complete */
    bool is_virtual;          /* a hook's own: it answers everything that is asked of it */
    bool is_told;             /* hooks on close were asked about it, or there are none */
    bool has_dots, is_at_end; /* READDIR: what was listed */
    size_t mount_cursor;
    struct sftp_call closing;
    uint64_t bytes_read, bytes_written;
    struct sftp_text text;
    struct sftp_part part;
    uint64_t file;    /* its number, as hooks know it */
    char *final_path; /* what it is to be called once it is complete: see SP_SFTP_CHANGE_FINAL */
    uint32_t final_flags; /* SP_SFTP_FINAL_* */
    char path[];          /* in the tree */
};

struct sftp_turn {
    struct list link;
    struct list *queue; /* NULL: not used */
    struct sftp_request *request;
    bool is_shared; /* with others that are shared */
};

typedef void sftp_answer(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply);

enum sftp_request_state {
    SFTP_REQUEST_QUEUED,
    SFTP_REQUEST_READY,
    SFTP_REQUEST_STARTED,
    SFTP_REQUEST_CONCLUDING, /* done; hooks look at the result */
    SFTP_REQUEST_FINISHED
};

struct sftp_request {
    struct list link;       /* engine->requests or ->spare */
    struct list ready_link; /* engine->ready */
    struct sftp_engine *engine;
    const struct sftp_operation *operation;
    enum sftp_request_state state;
    /* What to run when the turn comes, and again after a call was released, if set. */
    void (*next)(struct sftp_request *request);
    struct sftp_turn turns[2];
    struct sftp_message message; /* its text and data are valid while it is being read only */
    struct sftp_place place, target;
    const char *link_text;   /* SYMLINK */
    char *names;             /* what place, target and link_text point into */
    void *attributes_memory; /* what message.attributes points into */
    size_t input_bytes;      /* its share of the engine's */
    uint8_t *text;           /* what message points into, if the operation keeps it */
    struct sftp_handle *handle, *handle_to;
    struct sftp_block *block; /* data of a WRITE, room for a READ */
    uint8_t *data;            /* in block */
    struct sftp_listing listing;
    uint64_t done;        /* bytes, so far */
    uint64_t piece;       /* copy-data: bytes read and not yet written */
    uint64_t until;       /* copy-data to the end: where that was; 0: not known */
    struct sftp_act *act; /* NULL: no hook wants to know */
    uint32_t refusal;     /* not to be run, but refused with this … */
    const char *refusal_text;
    bool is_diverted;       /* by a hook: it waits for its turn anew */
    const char *final_path; /* open: see struct sftp_handle */
    uint32_t final_flags;
    enum sftp_answer_kind answer;
    struct sftp_handle *opened;
    struct buffer reply;       /* while hooks look at the result */
    struct reactor_task again; /* see sftp_request_yield() */
    void *own;                 /* an executor's, and how it goes with the request */
    void (*free_own)(struct sftp_request *request);
    struct sftp_call call;
    sftp_answer *on_answer;
};

/* engine.c */
int sftp_engine_start(struct channel *channel, struct sp_str command);
/* For a handler of its own: an engine on channel that is ready for sftp_request_receive(). It frees
 * itself after sftp_engine_close(), which says that the channel is gone. NULL: out of memory. */
struct sftp_engine *sftp_engine_new(struct channel *channel);
void sftp_engine_close(struct sftp_engine *engine);
/* The client broke the protocol: log why and close the channel. */
void sftp_engine_fail(struct sftp_engine *engine, const char *reason);
/* Between these two the engine is not freed; leave does all that may have become possible. */
void sftp_engine_enter(struct sftp_engine *engine);
void sftp_engine_leave(struct sftp_engine *engine);
bool sftp_engine_is_closed(const struct sftp_engine *engine);

/* request_input.c */
/* A whole message, without its length field. block is the block it lies in, or NULL; it is taken
 * over (set to NULL) if the request needs it. */
void sftp_request_receive(struct sftp_engine *engine, const uint8_t *data, size_t length,
                          struct sftp_block **block);

/* For a request whose message or handles a hook has changed: place and authorise it anew. */
uint32_t sftp_request_place(struct sftp_request *request, const char **ret_text);

/* request.c */
/* NULL: out of memory. */
struct sftp_request *sftp_request_new(struct sftp_engine *engine);
/* Of a request that was not enqueued; others free themselves. */
void sftp_request_free(struct sftp_request *request);
/* It is complete and authorised, or to be refused: wait for its turn. */
void sftp_request_enqueue(struct sftp_request *request);
/* It is under way, and about something else now: wait for a turn there, then run next. */
void sftp_request_requeue(struct sftp_request *request, void (*next)(struct sftp_request *request));
void sftp_engine_send_status(struct sftp_engine *engine, uint32_t id, uint32_t status,
                             struct sp_str text);
/* Start whatever may be started. */
void sftp_requests_run(struct sftp_engine *engine);
/* The channel is gone: drop what waits, cancel what can be. */
void sftp_requests_drop(struct sftp_engine *engine);
void sftp_requests_free_spare(struct sftp_engine *engine);

/* request_act.c */
/* Its turn has come: ask the hooks that want to know, and execute it. */
void sftp_request_begin(struct sftp_request *request);
/* The channel is gone, and nobody else will end the request. */
void sftp_request_lose(struct sftp_request *request);
/* A handle of this channel by the number that hooks know it by, or NULL. */
struct sftp_handle *sftp_request_file(struct sftp_engine *engine, uint64_t file);
/* The handle is closed, and not by the client: true if hooks are told, which holds the handle. */
bool sftp_handle_tell_lost(struct sftp_handle *handle);

/* For executors. Ask the provider of mount; call.event is filled in. on_answer gets the status and
 * either replies, which ends the request, or sets request->next, which runs when the call has been
 * released. Last thing to do. */
void sftp_request_ask(struct sftp_request *request, struct sftp_mount *mount,
                      enum plugin_operation operation, sftp_answer *on_answer);
struct sftp_request *sftp_request_of(struct sftp_call *call);
/* Later requests need not wait for this one any more. */
void sftp_request_leave_queues(struct sftp_request *request);
/* Run next later, after other work of the loop. */
void sftp_request_yield(struct sftp_request *request, void (*next)(struct sftp_request *request));

/* request_reply.c, for executors. Each replies and ends the request, after hooks have looked at the
 * result. text may be NULL: the status' own. */
void sftp_request_status(struct sftp_request *request, uint32_t status, const char *text);
/* An sftp_answer that replies with the status. */
void sftp_answer_status(struct sftp_call *call, uint32_t status, const struct sp_fs_reply *reply);
/* As the provider answered. */
void sftp_request_answer(struct sftp_request *request, uint32_t status,
                         const struct sp_fs_reply *reply);
void sftp_request_attributes(struct sftp_request *request,
                             const struct sp_fs_attributes *attributes);
void sftp_request_name(struct sftp_request *request, const char *name);
/* The same, with what is there; attributes may be NULL. */
void sftp_request_path(struct sftp_request *request, const char *path,
                       const struct sp_fs_attributes *attributes);
/* The provider has opened provider_handle: the client gets a handle for it, or a failure. */
void sftp_request_opened(struct sftp_request *request, enum sftp_handle_kind kind,
                         const struct sftp_place *place, uint32_t flags, uint64_t provider_handle);
/* count bytes are in request->block, from SFTP_DATA_AT on. */
void sftp_request_data(struct sftp_request *request, uint32_t count);
void sftp_request_space(struct sftp_request *request, const struct sp_fs_space *space);
/* request->listing is whole, or rc is negative. */
void sftp_request_listing(struct sftp_request *request, int rc);
/* message is whole, or rc is negative and the channel is closed. */
void sftp_request_message(struct sftp_request *request, const struct buffer *message, int rc);
/* Not executed: for hooks that want to know. text is a literal, or NULL. */
void sftp_request_refuse(struct sftp_request *request, uint32_t status, const char *text);
/* What a hook has done in the executor's place. */
void sftp_request_taken(struct sftp_request *request);
/* What hooks have left of the result: reply to the client. */
void sftp_request_conclude(struct sftp_request *request);
/* The reply has been sent. */
void sftp_request_finish(struct sftp_request *request);

/* request_transfer.c */
/* The client is told of the request's end, now. */
void sftp_request_observe(const struct sftp_request *request, uint32_t status,
                          const struct sp_fs_reply *reply);
/* The handle is no part of a transfer any more; reason may be NULL. */
void sftp_handle_end_part(struct sftp_handle *handle, bool is_good, const char *reason);
/* It has been given its final name. */
void sftp_handle_given_name(struct sftp_handle *handle);

/* execute_directory.c */
/* request->listing anew, of these. 0 or negative. */
int sftp_request_list(struct sftp_request *request, const struct sp_fs_entry *entries,
                      uint64_t count);

/* In a READ's block: aligned; the reply's header lies directly before it. */
#define SFTP_DATA_AT 16u

/* handle.c */
/* How many a connection may have open: as configured, or fewer if the user's grant says so. */
uint32_t sftp_handles_max(const struct sftp_engine *engine);
/* Room for one more handle? Then it counts until sftp_handle_unreserve() or the handle's end. */
bool sftp_handle_reserve(struct sftp_engine *engine);
void sftp_handle_unreserve(struct sftp_engine *engine);
/* A handle for the reserved place; NULL: out of memory. */
struct sftp_handle *sftp_handle_new(struct sftp_engine *engine, enum sftp_handle_kind kind,
                                    const struct sftp_place *place, uint32_t flags,
                                    uint64_t provider_handle);
uint64_t sftp_handle_wire(const struct sftp_handle *handle);
/* By what the client sent; NULL: none of this channel's. */
struct sftp_handle *sftp_handle_find(const struct sftp_engine *engine, struct sp_str wire);
/* The client cannot name it any more. */
void sftp_handle_forget(struct sftp_handle *handle);
/* Close and free it as soon as nothing is outstanding. */
void sftp_handle_retire(struct sftp_handle *handle);
/* Opened to be deleted when it is closed, by a provider that leaves that to the core: fill in call
 * to remove it, once. False: there is nothing to remove. */
bool sftp_handle_delete(struct sftp_handle *handle, struct sftp_call *call);
/* Written under another name, and not what it was to be: fill in call to remove the part, once.
 * False: there is none, or it stays. */
bool sftp_handle_drop_part(struct sftp_handle *handle, struct sftp_call *call);
/* How that went: a part that could not be removed stays, and hooks are told so. */
void sftp_handle_part_dropped(struct sftp_handle *handle, uint32_t status,
                              const struct sp_fs_reply *reply);
/* Count calls to providers. */
void sftp_handle_hold(struct sftp_handle *handle);
void sftp_handle_release(struct sftp_handle *handle);

#endif
