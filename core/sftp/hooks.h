/*
 * hooks.h: the hooks of chains.sftp, and an act: one operation on files as they see it, whether a
 * request of SFTP or a step of scp. The contract is sftp.h of the SDK.
 *
 * Who asks for the operation (the asker) makes an act if hooks want the operation's family, fills
 * in act->event, and begins: before() goes down the chain, and decided() tells the outcome. Then it
 * does the operation, if that is still to be done, and concludes: after() comes back up the chain,
 * and concluded() finds in act->result what is to be told to the client. Every act that has begun
 * is concluded, also when its channel goes away.
 *
 * What events and results point to belongs to the act, which outlives its asker while a hook is
 * late. Reactor thread.
 */
#ifndef SALLYPORT_SFTP_HOOKS_H
#define SALLYPORT_SFTP_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include <sallyport/sftp.h>

#include "plugin/call.h"

struct chain;
struct session;
struct sftp_block;
struct sftp_operation;
struct sftp_tree;

/* Entries of one part of a listing: what a client is sent at once, and a hook may give. */
#define SFTP_ENTRIES_MAX 100u

struct sftp_hooks {
    const struct chain *chain;
    uint32_t before, after; /* families that any hook wants */
    uint32_t existing;      /* … with what is there before: see existing.h */
    bool listings;          /* any wants entries */
};

void sftp_hooks_init(struct sftp_hooks *hooks, const struct session *session);

static inline bool sftp_hooks_want(const struct sftp_hooks *hooks, uint32_t family)
{
    return ((hooks->before | hooks->after) & family) != 0;
}

struct sftp_act;

struct sftp_asker {
    /* A hook wants the operation to be another: make it so, check it as if the client had asked for
     * it, and bring act->event up to date. SP_FS_OK, or a status and *ret_text to refuse with. */
    uint32_t (*change)(struct sftp_act *act, const struct sp_sftp_reply *wish,
                       const char **ret_text);
    /* Find out event.existing and .existing_target, and call sftp_act_looked(). Asked when a hook
     * that wants to know comes next, and again after a change. */
    void (*look)(struct sftp_act *act);
    /* before() is done with: see act->outcome. */
    void (*decided)(struct sftp_act *act);
    /* after() is done with: act->result is the answer. */
    void (*concluded)(struct sftp_act *act);
};

enum sftp_act_outcome {
    SFTP_ACT_GOES_ON, /* do the operation */
    SFTP_ACT_REFUSED, /* act->result has the status */
    SFTP_ACT_TAKEN,   /* a hook has done it: act->result has its answer */
};

struct sftp_ask;

struct sftp_act {
    void *owner;
    const struct sftp_asker *asker;
    struct sftp_tree *tree;
    const struct sftp_operation *operation;
    struct sp_sftp_event event;
    struct sftp_block *block; /* that event.data lies in, if any */
    enum sftp_act_outcome outcome;
    struct sp_fs_reply result;
    bool has_replaced; /* a hook has given the result's entries, data, attributes or path */

    /* hooks.c's part */
    uint32_t references;
    enum { SFTP_ACT_NEW, SFTP_ACT_BEFORE, SFTP_ACT_DECIDED, SFTP_ACT_AFTER, SFTP_ACT_OVER } phase;
    size_t at;            /* place in the chain: of the next, going down; behind it, coming up */
    struct sftp_ask *ask; /* under way */
    struct sftp_ask *spare;
    struct sftp_kept *kept; /* memory that lives as long as the act */
    uint32_t decided;       /* SP_SFTP_BY_* */
    uint64_t started_ns;
    bool is_proceeding;
    bool is_looking, has_looked;
    struct sp_fs_entry *entries; /* gathered */
    uint64_t entries_count;
    const struct sp_fs_entry *listed_from; /* what event.entries was made from */
    struct sp_sftp_listed *listed;
};

/* NULL: out of memory, and the operation must fail. One reference, the asker's. */
struct sftp_act *sftp_act_new(struct sftp_tree *tree, const struct sftp_operation *operation,
                              uint32_t protocol, const struct sftp_asker *asker, void *owner);
/* The asker is done with it; hooks may still hold it. NULL is fine. */
void sftp_act_free(struct sftp_act *act);

/* Copies that live as long as the act. *ret is left alone, and false returned, if memory is out or,
 * for attributes, if their size is garbage. */
bool sftp_act_keep_text(struct sftp_act *act, const char *text, size_t length, struct sp_str *ret);
/* NULL is the empty one. */
bool sftp_act_keep_string(struct sftp_act *act, const char *text, struct sp_str *ret);
bool sftp_act_keep_attributes(struct sftp_act *act, const struct sp_fs_attributes *attributes,
                              const struct sp_fs_attributes **ret);

/* Ask before(); decided() may be called before this returns. */
void sftp_act_begin(struct sftp_act *act);
/* What asker->look() was to do is done. */
void sftp_act_looked(struct sftp_act *act);
/* An entry that the operation's answer will have. Does nothing if no hook wants to see it. 0 or
 * SP_ERR_NOMEM. */
int sftp_act_list(struct sftp_act *act, struct sp_str name,
                  const struct sp_fs_attributes *attributes);
/* The operation is done, or will not be: ask after(). reply is copied, but for its data, and may be
 * NULL; by is SP_SFTP_BY_*. If before() is still being asked, that ends. concluded() may be called
 * before this returns. */
void sftp_act_conclude(struct sftp_act *act, uint32_t status, const struct sp_fs_reply *reply,
                       uint32_t by);

#endif
