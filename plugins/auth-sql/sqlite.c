/*
 * sqlite.c: the backend for SQLite. Called by pool.c; a link is used by one thread at a time.
 *
 * The file is opened for reading only. A file that was put in its place is noticed: what a link has
 * open is compared with what has the name now.
 */
#ifdef AUTH_SQL_SQLITE

#include "auth_sql.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define STEPS_BETWEEN_LOOKS 1000

struct sqlite_link {
    const struct options *options;
    sqlite3 *db;
    sqlite3_stmt *statements[QUERY_COUNT];
    struct stat seen;
    int64_t deadline; /* of the query that runs */
};

static int explain(const struct sqlite_link *link, const char *what, char *ret_why)
{
    snprintf(ret_why, WHY_SIZE, "%s: %s: %s", link->options->place, what, sqlite3_errmsg(link->db));
    return sqlite3_errcode(link->db) == SQLITE_INTERRUPT ? SP_E_TIMEOUT : SP_E_FAILED;
}

static int is_late(void *arg)
{
    const struct sqlite_link *link = arg;
    return now_ms() >= link->deadline;
}

static void close_link(void *handle)
{
    struct sqlite_link *link = handle;
    for (int q = 0; q < QUERY_COUNT; q++)
        sqlite3_finalize(link->statements[q]);
    sqlite3_close(link->db);
    free(link);
}

static int prepare(struct sqlite_link *link, enum query query, char *ret_why)
{
    const char *text = link->options->queries[query], *rest = NULL;
    sqlite3_stmt **statement = &link->statements[query];
    if (sqlite3_prepare_v3(link->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, &rest)) {
        explain(link, text, ret_why);
        /* A file that is busy or broken is no mistake in the query. */
        return sqlite3_errcode(link->db) == SQLITE_ERROR ? SP_E_INVALID : SP_E_FAILED;
    }
    int known = (sqlite3_bind_parameter_index(*statement, "$1") > 0) +
                (sqlite3_bind_parameter_index(*statement, "$2") > 0);
    if (!*statement || *rest || !sqlite3_stmt_readonly(*statement) ||
        sqlite3_bind_parameter_count(*statement) != known) {
        snprintf(ret_why, WHY_SIZE, "%.300s: must be one SELECT, with $1 and perhaps $2", text);
        return SP_E_INVALID;
    }
    return 0;
}

static void *open_link(const struct options *options, int64_t deadline, int *ret_rc, char *ret_why)
{
    struct sqlite_link *link = calloc(1, sizeof *link);
    *ret_rc = SP_E_NOMEM;
    if (!link)
        return NULL;
    link->options = options;
    link->deadline = deadline;
    *ret_rc = SP_E_FAILED;
    if (stat(options->place, &link->seen) < 0 ||
        sqlite3_open_v2(options->place, &link->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        snprintf(ret_why, WHY_SIZE,
                 "%.300s: cannot be opened; is it there, and may the workers read it?",
                 options->place);
        close_link(link);
        return NULL;
    }
    sqlite3_db_config(link->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    sqlite3_busy_timeout(link->db, (int)options->timeout_ms);
    sqlite3_progress_handler(link->db, STEPS_BETWEEN_LOOKS, is_late, link);
    *ret_rc = 0;
    for (int q = 0; q < QUERY_COUNT && *ret_rc == 0; q++)
        if (*options->queries[q])
            *ret_rc = prepare(link, (enum query)q, ret_why);
    if (*ret_rc == 0)
        return link;
    close_link(link);
    return NULL;
}

static bool bind(sqlite3_stmt *statement, const char *name, struct sp_str value)
{
    int index = sqlite3_bind_parameter_index(statement, name);
    return index == 0 || sqlite3_bind_text64(statement, index, value.data ? value.data : "",
                                             value.len, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

static int take_row(const struct sqlite_link *link, sqlite3_stmt *statement, struct rows *rows,
                    char *ret_why)
{
    size_t row = rows->count;
    if (row >= link->options->rows_most) {
        snprintf(ret_why, WHY_SIZE, "%.300s: brings more rows than rows_max (%u)",
                 sqlite3_sql(statement), link->options->rows_most);
        return SP_E_BUSY;
    }
    for (size_t i = 0; i < rows->columns; i++) {
        /* In this order: the length is that of the last conversion. */
        int type = sqlite3_column_type(statement, (int)i);
        const char *data = type == SQLITE_NULL ? NULL
                           : type == SQLITE_BLOB
                               ? sqlite3_column_blob(statement, (int)i)
                               : (const char *)sqlite3_column_text(statement, (int)i);
        size_t length = (size_t)sqlite3_column_bytes(statement, (int)i);
        bool is_lost = type != SQLITE_NULL && !data;
        /* An empty blob has no address; anything else without one did not fit in memory, and must
         * not pass for NULL: a user who is disabled would not be. */
        if (is_lost && type == SQLITE_BLOB && sqlite3_errcode(link->db) != SQLITE_NOMEM) {
            is_lost = false;
            data = "";
        }
        int rc = is_lost ? SP_E_NOMEM : rows_set(rows, row, i, data, length);
        if (rc < 0) {
            snprintf(ret_why, WHY_SIZE, "a row is too large, or memory is out");
            return rc;
        }
    }
    return 0;
}

static int fetch(struct sqlite_link *link, sqlite3_stmt *statement, struct rows *rows,
                 char *ret_why)
{
    size_t columns = (size_t)sqlite3_column_count(statement);
    int rc = rows_begin(rows, columns, link->options->rows_most);
    for (size_t i = 0; i < columns && rc == 0; i++)
        rc = rows_name(rows, i, sqlite3_column_name(statement, (int)i));
    if (rc < 0) {
        snprintf(ret_why, WHY_SIZE, "out of memory");
        return rc;
    }
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW)
        if ((rc = take_row(link, statement, rows, ret_why)) < 0)
            return rc;
    return step == SQLITE_DONE ? 0 : explain(link, "a query fails", ret_why);
}

static int run(void *handle, enum query query, const struct sp_str *parameters, int64_t deadline,
               struct rows *ret_rows, char *ret_why)
{
    struct sqlite_link *link = handle;
    sqlite3_stmt *statement = link->statements[query];
    int64_t left = deadline - now_ms();
    struct stat st;
    if (stat(link->options->place, &st) < 0 || st.st_dev != link->seen.st_dev ||
        st.st_ino != link->seen.st_ino) {
        snprintf(ret_why, WHY_SIZE, "%.300s: is another file than it was", link->options->place);
        return SP_E_FAILED;
    }
    link->deadline = deadline;
    sqlite3_busy_timeout(link->db, left > 0 ? (int)left : 0);
    if (!bind(statement, "$1", parameters[0]) || !bind(statement, "$2", parameters[1]))
        return explain(link, "a parameter is not taken", ret_why);
    int rc = fetch(link, statement, ret_rows, ret_why);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

const struct backend sqlite_backend = {"sqlite", open_link, run, close_link};

#endif
