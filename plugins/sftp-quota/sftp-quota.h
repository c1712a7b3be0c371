/* sftp-quota.h: what the plugin's own files share. Everything is under accounts.lock. */
#ifndef SFTP_QUOTA_SFTP_QUOTA_H
#define SFTP_QUOTA_SFTP_QUOTA_H

#include <sallyport/plugin.h>

#include "sftp-quota/charge.h"

/* A file that is open, be it to read: as long as it is, it takes room, even without a name. */
struct open_file {
    struct open_file *next;
    sp_id channel;
    uint64_t file;
    bool is_append, is_deleted_on_close;
    struct counted counted;
    struct ledger_key opened; /* the name that it was opened by, and would be removed by */
    /* It is written under another name until it is complete, and then replaces this. */
    bool is_part, replaces;
    struct counted replaced;
};

/* What before() has charged, until after() knows how it went. */
struct act {
    struct act *next;
    sp_id channel;
    uint64_t number;
    int64_t files; /* charged to from */
    bool has_growth, is_same;
    bool is_directory; /* a rename; or it may be one */
    struct growth growth;
    struct counted from;       /* what the operation is about … */
    struct counted to;         /* … a rename's new name, and what was there */
    struct counted moved;      /* a rename: charged to those that did not have it */
    struct charged left;       /* … and credited to those that do not have it any more */
    struct ledger_key path;    /* as before() was told: a hook may divert an open */
    struct open_file *written; /* write and copy */
    uint64_t end;              /* write: that the file reaches if it is done */
};

#define BUCKETS 1024u

struct sftp_quota {
    const struct sp_host *host;
    struct json_t *config;
    struct accounts accounts;
    struct open_file *files[BUCKETS];
    struct act *acts[BUCKETS];
    unsigned ticks;
    bool permits_links;
};

/* tables.c; NULL: none, or out of memory */
struct open_file *open_file_find(struct sftp_quota *self, sp_id channel, uint64_t file);
struct open_file *open_file_add(struct sftp_quota *self, sp_id channel, uint64_t file);
/* Releases its accounts. */
void open_file_remove(struct sftp_quota *self, struct open_file *file);
struct act *act_add(struct sftp_quota *self, const struct sp_sftp_event *event);
/* Takes it out of the table; NULL: none. */
struct act *act_take(struct sftp_quota *self, const struct sp_sftp_event *event);
/* Releases its accounts. NULL is fine. */
void act_free(struct act *act);
void tables_free(struct sftp_quota *self);

/* before.c: what an operation would take is charged. SP_NEXT; SP_DENY, with why; or negative.
 * ret_reply's changes, if there are any, go with SP_NEXT. */
int32_t charge_before(struct sftp_quota *self, const struct sp_sftp_event *event,
                      struct refusal *ret_refusal, struct sp_sftp_reply *ret_reply);
/* after.c: what came of it. */
void charge_after(struct sftp_quota *self, const struct sp_sftp_event *event, struct act *act);

#endif
