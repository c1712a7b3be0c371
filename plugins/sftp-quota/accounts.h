/*
 * accounts.h: limits out of the configuration, and for each limit and user the account that is
 * charged: a ledger, opened when it is first needed.
 *
 * Opening one takes files, and perhaps a walk through a directory: accounts_open() is for a thread
 * that may wait. All else is under the lock of whoever has the accounts.
 */
#ifndef SFTP_QUOTA_ACCOUNTS_H
#define SFTP_QUOTA_ACCOUNTS_H

#include <pthread.h>

#include <sallyport/plugin.h>

#include "common/who.h"
#include "sftp-quota/ledger.h"

#define LIMITS_MAX 17u /* 16 of the configuration, and the registry */

struct json_t;

struct limit {
    const char *name;
    struct who who;
    struct sp_str path;
    bool is_shared;        /* "per": "all" */
    bool is_registry;      /* limits nothing: its ledger has the files that are open anywhere */
    uint64_t bytes, files; /* UINT64_MAX: any number */
    const char *scan;      /* NULL: none */
};

enum account_state { ACCOUNT_NEW, ACCOUNT_OPENING, ACCOUNT_READY };

struct account {
    struct account *next;
    const struct limit *limit;
    enum account_state state;
    struct ledger ledger;
    unsigned uses; /* open files and operations under way */
    unsigned idle_ticks;
    size_t user_length;
    char user[]; /* empty: all */
};

struct accounts {
    const struct sp_host *host;
    const char *directory;
    struct limit limits[LIMITS_MAX];
    size_t limits_count;
    struct account *first;
    pthread_mutex_t lock; /* also of all that plugin keeps */
    pthread_cond_t opened;
};

/* Those that one path of one user is counted by. */
struct charged {
    struct account *items[LIMITS_MAX];
    size_t count;
};

/* 0, or negative with a line in the log. Text stays in config. */
int accounts_init(struct accounts *accounts, const struct sp_host *host,
                  const struct json_t *config);
void accounts_free(struct accounts *accounts);

/* Whether there is a limit for the user, wherever. */
bool accounts_limit(const struct accounts *accounts, const struct sp_connection *connection);
/* Under the lock. False: memory is out. */
bool accounts_find(struct accounts *accounts, const struct sp_connection *connection,
                   struct sp_str path, struct charged *ret);
/* Under the lock. Held, they are not closed. Releasing empties the list. */
void accounts_hold(struct charged *charged);
void accounts_release(struct charged *charged);
bool accounts_are_ready(const struct charged *charged);
/* Whether some worker has the file open; also if that cannot be found out. */
bool accounts_have_open(const struct charged *charged, const struct ledger_key *key);
bool accounts_have(const struct charged *charged, const struct account *account);
/* Not under the lock. 0, or negative with a line in the log. */
int accounts_open(struct accounts *accounts, const struct charged *charged);
/* Under the lock, once a second: those that nobody has used for a while are closed. */
void accounts_tick(struct accounts *accounts);

#endif
