/*
 * auth_sql.h: what the files of this plugin share.
 *
 * A backend is a table of functions for one kind of database. A link is one connection with the
 * prepared queries; pool.c keeps some. What a query brings are rows of text, whatever the database.
 */
#ifndef AUTH_SQL_H
#define AUTH_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sallyport/plugin.h>

#include "common/grant.h"
#include "common/key.h"
#include "common/log.h"
#include "common/password.h"

struct json_t;

#define WHY_SIZE 512      /* of what ret_why points to: a line for the log, never a secret */
#define PARAMETERS_MOST 2 /* $1: the user's name; $2: the key's fingerprint, or "" */
#define CELL_MOST (1u << 20)

enum query { QUERY_USER, QUERY_KEYS, QUERY_COUNT };

struct options {
    struct json_t *json;              /* of all text below */
    const char *place;                /* SQLite: the file; PostgreSQL: the connection string */
    char *password;                   /* PostgreSQL: malloc()ed, or NULL */
    const char *queries[QUERY_COUNT]; /* "": none */
    int64_t timeout_ms;
    unsigned links_most;
    unsigned rows_most;
};

/* --- rows.c ---------------------------------------------------------------------------------- */

struct cell {
    char *data; /* a NUL follows; NULL: the cell is NULL */
    size_t length;
};
/* Zero-initialised is empty. */
struct rows {
    char **names;
    size_t columns;
    struct cell *cells; /* count times columns */
    size_t count;
};
/* These return 0, or negative if memory is out or a bound is passed. */
int rows_begin(struct rows *rows, size_t columns, size_t most);
int rows_name(struct rows *rows, size_t column, const char *name);
int rows_set(struct rows *rows, size_t row, size_t column, const char *data, size_t length);
void rows_clear(struct rows *rows);

/* What one row says of a user. */
struct user {
    char *hash; /* NULL: no password matches */
    bool is_disabled;
    int64_t expires_ms;  /* 0: never */
    struct json_t *json; /* of the grant's text */
    struct sp_grant grant;
};
int user_from_rows(const struct rows *rows, struct user *ret_user, char *ret_why);
void user_clear(struct user *user);
/* Whether blob is among the keys; those that are malformed are counted. Negative if a row cannot be
 * one of a key. */
int keys_find(const struct rows *rows, struct sp_str blob, unsigned *ret_malformed, char *ret_why);

/* --- sqlite.c, postgres.c -------------------------------------------------------------------- */

int64_t now_ms(void); /* monotonic; deadlines are by it */

/* open: a link, with the queries prepared; NULL with *ret_rc SP_E_INVALID if a query is wrong,
 * SP_E_FAILED or SP_E_TIMEOUT if the database cannot be reached. run: the rows of a query; after a
 * failure the link is good for close() only. All may block until the deadline. */
struct backend {
    const char *name;
    void *(*open)(const struct options *options, int64_t deadline, int *ret_rc, char *ret_why);
    int (*run)(void *link, enum query query, const struct sp_str *parameters, int64_t deadline,
               struct rows *ret_rows, char *ret_why);
    void (*close)(void *link);
};
extern const struct backend sqlite_backend;
extern const struct backend postgres_backend;
/* What postgres.c wants to say of a connection string; NULL if it is fine. */
const char *postgres_judge(const char *place);

/* --- pool.c: any number of threads at once --------------------------------------------------- */

struct pool;
struct pool *pool_new(const struct backend *backend, const struct options *options);
void pool_free(struct pool *pool); /* NULL is fine; nobody may hold a link */
/* Run all queries that are configured with the parameters, on one link; rows of others are empty. A
 * link that has lain idle may be dead, so the first failure of one is met by a new link. */
int pool_run(struct pool *pool, const struct sp_str *parameters, struct rows *ret_rows,
             unsigned queries, char *ret_why);
/* Open a link and keep it. */
int pool_try(struct pool *pool, char *ret_why);

#endif
