/*
 * postgres.c: the backend for PostgreSQL. Called by pool.c; a link is used by one thread at a time.
 *
 * libpq is driven without blocking, since a server that is there and says nothing would hold a
 * thread for ever. A statement that is too late is ended by the server itself (statement_timeout),
 * and its link is closed here.
 */
#ifdef AUTH_SQL_POSTGRESQL

#include "auth_sql.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/loopback.h"

#define KEYWORDS_MOST 64

struct postgres_link {
    const struct options *options;
    PGconn *connection;
    int parameters[QUERY_COUNT];
};

static const char *const statement_names[QUERY_COUNT] = {"user", "keys"};

/* libpq's messages end with a newline and may have several. */
static int explain(const PGconn *connection, char *ret_why)
{
    snprintf(ret_why, WHY_SIZE, "PostgreSQL: %.400s", PQerrorMessage(connection));
    for (char *p = ret_why; *p; p++)
        if (*p == '\n')
            *p = p[1] ? ' ' : '\0';
    return SP_E_FAILED;
}

/* --- connecting ------------------------------------------------------------------------------ */

static bool is_local(const char *host)
{
    bool is_socket = !*host || *host == '/' || *host == '@';
    return is_socket || host_is_loopback(host);
}

/* Whether all of a list are. */
static bool are_local(const char *hosts)
{
    char *list = strdup(hosts ? hosts : ""), *rest = list;
    bool is_good = list != NULL;
    for (const char *one; is_good && (one = strsep(&rest, ","));)
        is_good = is_local(one);
    free(list);
    return is_good;
}

static const char *value_of(const PQconninfoOption *list, const char *keyword)
{
    for (; list && list->keyword; list++)
        if (strcmp(list->keyword, keyword) == 0)
            return list->val;
    return NULL;
}

/* The environment stands in for what is not given; a file of services may name any place. */
static bool is_on_this_machine(const PQconninfoOption *list)
{
    const char *host = value_of(list, "host"), *address = value_of(list, "hostaddr");
    return !value_of(list, "service") && !getenv("PGSERVICE") &&
           are_local(host ? host : getenv("PGHOST")) &&
           are_local(address ? address : getenv("PGHOSTADDR"));
}

const char *postgres_judge(const char *place)
{
    PQconninfoOption *list = PQconninfoParse(place, NULL);
    const char *wrong =
        !list ? "cannot be read; write it like \"host=db dbname=users user=sallyport\""
        : value_of(list, "password") ? "may not hold a password; put it into password_file"
                                     : NULL;
    PQconninfoFree(list);
    return wrong;
}

struct keywords {
    const char *names[KEYWORDS_MOST + 1];
    const char *values[KEYWORDS_MOST + 1];
    int count;
};

/* Of a keyword that stands there twice libpq takes the last. */
static void add(struct keywords *keywords, const char *name, const char *value)
{
    if (!value || keywords->count == KEYWORDS_MOST)
        return;
    keywords->names[keywords->count] = name;
    keywords->values[keywords->count++] = value;
}

static PGconn *start(const struct options *options)
{
    struct keywords keywords = {.count = 0};
    PQconninfoOption *list = PQconninfoParse(options->place, NULL);
    const char *own = value_of(list, "options");
    char settings[512];
    snprintf(settings, sizeof settings,
             "%.300s -c default_transaction_read_only=on -c statement_timeout=%lld", own ? own : "",
             (long long)options->timeout_ms);
    /* libpq alone would be content with whatever encryption the server offers, or none. */
    if (!is_on_this_machine(list))
        add(&keywords, "sslmode", "verify-full");
    for (const PQconninfoOption *o = list; o && o->keyword; o++)
        add(&keywords, o->keyword, o->val);
    add(&keywords, "fallback_application_name", "sallyport");
    add(&keywords, "client_encoding", "UTF8");
    add(&keywords, "options", settings);
    add(&keywords, "password", options->password);
    PGconn *connection = PQconnectStartParams(keywords.names, keywords.values, 0);
    PQconninfoFree(list);
    return connection;
}

static bool wait_until(const PGconn *connection, short events, int64_t deadline)
{
    int64_t left = deadline - now_ms();
    struct pollfd fd = {.fd = PQsocket(connection), .events = events};
    /* A signal ends the wait early; whoever waits looks again. */
    return fd.fd >= 0 && left > 0 && poll(&fd, 1, (int)left) != 0;
}

static int connect_until(PGconn *connection, int64_t deadline, char *ret_why)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    if (PQstatus(connection) == CONNECTION_BAD)
        return explain(connection, ret_why);
    while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
        if (!wait_until(connection, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
            snprintf(ret_why, WHY_SIZE, "PostgreSQL: the server does not answer");
            return SP_E_TIMEOUT;
        }
        status = PQconnectPoll(connection);
    }
    if (status != PGRES_POLLING_OK || PQsetnonblocking(connection, 1) != 0)
        return explain(connection, ret_why);
    return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* Until what was sent is out. */
static bool flush(PGconn *connection, int64_t deadline)
{
    int rc;
    while ((rc = PQflush(connection)) == 1)
        if (!wait_until(connection, POLLIN | POLLOUT, deadline) || !PQconsumeInput(connection))
            return false;
    return rc == 0;
}

/* The result of what was sent, if it is of the expected kind; else NULL. The caller clears it. */
static PGresult *receive(PGconn *connection, ExecStatusType expected, int64_t deadline,
                         char *ret_why)
{
    PGresult *result = NULL;
    bool ok = flush(connection, deadline);
    while (ok) {
        while (ok && PQisBusy(connection))
            ok = wait_until(connection, POLLIN, deadline) && PQconsumeInput(connection);
        PGresult *next = ok ? PQgetResult(connection) : NULL;
        if (!next)
            break;
        PQclear(result);
        result = next;
    }
    if (ok && result && PQresultStatus(result) == expected)
        return result;
    if (!ok && now_ms() >= deadline)
        snprintf(ret_why, WHY_SIZE, "PostgreSQL: no answer in time");
    else
        explain(connection, ret_why);
    PQclear(result);
    return NULL;
}

/* --- the backend ----------------------------------------------------------------------------- */

static void close_link(void *handle)
{
    struct postgres_link *link = handle;
    PQfinish(link->connection);
    free(link);
}

/* A command that was sent, without rows in its result. NULL with ret_why set. */
static PGresult *settle(PGconn *connection, int was_sent, int64_t deadline, char *ret_why)
{
    if (was_sent)
        return receive(connection, PGRES_COMMAND_OK, deadline, ret_why);
    explain(connection, ret_why);
    return NULL;
}

static int prepare(struct postgres_link *link, enum query query, int64_t deadline, char *ret_why)
{
    const char *name = statement_names[query], *text = link->options->queries[query];
    PGconn *connection = link->connection;
    PGresult *prepared =
        settle(connection, PQsendPrepare(connection, name, text, 0, NULL), deadline, ret_why);
    PGresult *described =
        prepared ? settle(connection, PQsendDescribePrepared(connection, name), deadline, ret_why)
                 : NULL;
    int rc = 0;
    if (!described) {
        bool is_mistaken = PQstatus(connection) == CONNECTION_OK && now_ms() < deadline;
        rc = is_mistaken ? SP_E_INVALID : SP_E_FAILED;
    } else if (PQnfields(described) == 0 || PQnparams(described) > PARAMETERS_MOST) {
        snprintf(ret_why, WHY_SIZE, "%.300s: must be one SELECT, with $1 and perhaps $2", text);
        rc = SP_E_INVALID;
    } else {
        link->parameters[query] = PQnparams(described);
    }
    PQclear(prepared);
    PQclear(described);
    return rc;
}

static void *open_link(const struct options *options, int64_t deadline, int *ret_rc, char *ret_why)
{
    struct postgres_link *link = calloc(1, sizeof *link);
    *ret_rc = SP_E_NOMEM;
    if (!link)
        return NULL;
    link->options = options;
    link->connection = start(options);
    if (!link->connection) {
        free(link);
        return NULL;
    }
    *ret_rc = connect_until(link->connection, deadline, ret_why);
    for (int q = 0; q < QUERY_COUNT && *ret_rc == 0; q++)
        if (*options->queries[q])
            *ret_rc = prepare(link, (enum query)q, deadline, ret_why);
    if (*ret_rc == 0)
        return link;
    close_link(link);
    return NULL;
}

static int copy_rows(const struct postgres_link *link, const PGresult *result, struct rows *rows,
                     char *ret_why)
{
    size_t columns = (size_t)PQnfields(result), count = (size_t)PQntuples(result);
    if (count > link->options->rows_most) {
        snprintf(ret_why, WHY_SIZE, "a query brings more rows than rows_max (%u)",
                 link->options->rows_most);
        return SP_E_BUSY;
    }
    int rc = rows_begin(rows, columns, count);
    for (size_t i = 0; i < columns && rc == 0; i++)
        rc = rows_name(rows, i, PQfname(result, (int)i));
    for (size_t i = 0; i < columns * count && rc == 0; i++) {
        int row = (int)(i / columns), column = (int)(i % columns);
        bool is_null = PQgetisnull(result, row, column);
        rc = rows_set(rows, (size_t)row, (size_t)column,
                      is_null ? NULL : PQgetvalue(result, row, column),
                      (size_t)PQgetlength(result, row, column));
    }
    if (rc < 0)
        snprintf(ret_why, WHY_SIZE, "a row is too large, or memory is out");
    return rc;
}

static int run(void *handle, enum query query, const struct sp_str *parameters, int64_t deadline,
               struct rows *ret_rows, char *ret_why)
{
    struct postgres_link *link = handle;
    const char *values[PARAMETERS_MOST];
    for (int i = 0; i < PARAMETERS_MOST; i++)
        values[i] = parameters[i].data ? parameters[i].data : "";
    if (!PQsendQueryPrepared(link->connection, statement_names[query], link->parameters[query],
                             values, NULL, NULL, 0))
        return explain(link->connection, ret_why);
    PGresult *result = receive(link->connection, PGRES_TUPLES_OK, deadline, ret_why);
    if (!result)
        return now_ms() < deadline ? SP_E_FAILED : SP_E_TIMEOUT;
    int rc = copy_rows(link, result, ret_rows, ret_why);
    PQclear(result);
    return rc;
}

const struct backend postgres_backend = {"postgresql", open_link, run, close_link};

#endif
