/*
 * rows.c: what a database has answered, and what it means. Called by the backends, which fill rows,
 * and by auth-sql.c, which reads them. Any thread.
 *
 * Columns are known by their names. One that is not known is a failure: a misspelt read_only must
 * not give a user the right to write.
 */
#include "auth_sql.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rows ------------------------------------------------------------------------------------ */

int rows_begin(struct rows *rows, size_t columns, size_t most)
{
    *rows = (struct rows){.columns = columns};
    rows->names = calloc(columns + 1, sizeof *rows->names);
    rows->cells = calloc(columns * most + 1, sizeof *rows->cells);
    return rows->names && rows->cells ? 0 : SP_E_NOMEM;
}

int rows_name(struct rows *rows, size_t column, const char *name)
{
    rows->names[column] = strdup(name ? name : "");
    return rows->names[column] ? 0 : SP_E_NOMEM;
}

int rows_set(struct rows *rows, size_t row, size_t column, const char *data, size_t length)
{
    struct cell *cell = &rows->cells[row * rows->columns + column];
    if (row >= rows->count)
        rows->count = row + 1;
    if (!data)
        return 0;
    if (length > CELL_MOST)
        return SP_E_BUSY;
    cell->data = malloc(length + 1);
    if (!cell->data)
        return SP_E_NOMEM;
    memcpy(cell->data, data, length);
    cell->data[length] = '\0';
    cell->length = length;
    return 0;
}

void rows_clear(struct rows *rows)
{
    for (size_t i = 0; i < rows->count * rows->columns; i++) {
        if (rows->cells[i].data)
            OPENSSL_cleanse(rows->cells[i].data, rows->cells[i].length);
        free(rows->cells[i].data);
    }
    for (size_t i = 0; rows->names && i < rows->columns; i++)
        free(rows->names[i]);
    free(rows->names);
    free(rows->cells);
    *rows = (struct rows){0};
}

/* --- a user ---------------------------------------------------------------------------------- */

static int wrong(char *ret_why, const char *column, const char *what)
{
    snprintf(ret_why, WHY_SIZE, "column \"%.64s\": %s", column, what);
    return SP_E_FAILED;
}

static int take_hash(struct user *user, const char *text)
{
    if (*text == '\0')
        return 0; /* as NULL: no password is right */
    user->hash = strdup(text);
    return user->hash ? 0 : SP_E_NOMEM;
}

static int take_switch(bool *ret_value, const char *column, const char *text, char *ret_why)
{
    /* The spelling of a grant's switches is the one that databases have. */
    json_t *value = grant_value_from_text("read_only", &text, 1);
    *ret_value = !json_is_false(value); /* what is no "no" keeps a user out */
    bool is_switch = json_is_boolean(value);
    json_decref(value);
    return is_switch ? 0 : wrong(ret_why, column, "must be true or false");
}

static int take_time(int64_t *ret_ms, const char *column, const char *text, char *ret_why)
{
    char *end;
    errno = 0;
    long long seconds = strtoll(text, &end, 10);
    if (errno || end == text || *end || seconds <= 0 || seconds > INT64_MAX / 1000)
        return wrong(ret_why, column, "must be seconds since 1970");
    *ret_ms = seconds * 1000;
    return 0;
}

/* A JSON object whose members are grant's, under those that columns have. */
static int take_grants(json_t *grant, const char *column, const char *text, char *ret_why)
{
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    int rc = json_is_object(object) ? json_object_update_missing(grant, object) : -1;
    json_decref(object);
    return rc == 0 ? 0 : wrong(ret_why, column, "must be a JSON object");
}

static int take_column(struct user *user, const char *column, const struct cell *cell,
                       char *ret_why)
{
    const char *text = cell->data;
    if (memchr(text, '\0', cell->length))
        return wrong(ret_why, column, "contains a NUL");
    if (strcmp(column, "password") == 0)
        return take_hash(user, text);
    if (strcmp(column, "disabled") == 0)
        return take_switch(&user->is_disabled, column, text, ret_why);
    if (strcmp(column, "expires_at") == 0)
        return take_time(&user->expires_ms, column, text, ret_why);
    if (strcmp(column, "grants") == 0)
        return take_grants(user->json, column, text, ret_why);
    json_t *value = grant_value_from_text(column, &text, 1);
    if (value && json_object_set_new(user->json, column, value) == 0)
        return 0;
    return wrong(ret_why, column, "is not known, or holds what it may not; see the manual");
}

/* Of two that differ, the one that comes last would hold: a join of tables could let in who is
 * disabled in one of them. */
static bool comes_again(const struct rows *rows, size_t column)
{
    for (size_t i = column + 1; i < rows->columns; i++)
        if (strcmp(rows->names[i], rows->names[column]) == 0)
            return true;
    return false;
}

int user_from_rows(const struct rows *rows, struct user *ret_user, char *ret_why)
{
    char why[GRANT_TEXT_SIZE];
    *ret_user = (struct user){.json = json_object()};
    if (!ret_user->json)
        return SP_E_NOMEM;
    if (rows->count != 1) {
        snprintf(ret_why, WHY_SIZE, "user_query brings more than one row for one name");
        return SP_E_FAILED;
    }
    for (size_t i = 0; i < rows->columns; i++) {
        if (comes_again(rows, i))
            return wrong(ret_why, rows->names[i], "comes twice");
        if (!rows->cells[i].data)
            continue;
        int rc = take_column(ret_user, rows->names[i], &rows->cells[i], ret_why);
        if (rc < 0)
            return rc;
    }
    int rc = grant_parse(ret_user->json, &ret_user->grant, why);
    if (rc < 0)
        snprintf(ret_why, WHY_SIZE, "the user's grant: %s", why);
    return rc;
}

void user_clear(struct user *user)
{
    if (user->hash)
        OPENSSL_cleanse(user->hash, strlen(user->hash));
    free(user->hash);
    grant_clear(&user->grant);
    json_decref(user->json);
}

/* --- keys ------------------------------------------------------------------------------------ */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A blob as PostgreSQL writes bytea, "\x…"; a blob as it is never begins so. */
static bool equals_hex(const struct cell *cell, struct sp_str blob)
{
    if (cell->length != 2 + 2 * blob.len)
        return false;
    unsigned difference = 0;
    for (size_t i = 0; i < blob.len; i++) {
        int high = hex_digit(cell->data[2 + 2 * i]);
        int low = hex_digit(cell->data[3 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        difference |= (unsigned)(high << 4 | low) ^ (unsigned char)blob.data[i];
    }
    return difference == 0;
}

static bool is_blob(const struct cell *cell, struct sp_str blob)
{
    if (cell->length > 2 && memcmp(cell->data, "\\x", 2) == 0)
        return equals_hex(cell, blob);
    struct key key = {(uint8_t *)cell->data, cell->length};
    return key_equal(&key, blob);
}

static bool is_line_of(const struct cell *cell, struct sp_str blob, unsigned *malformed)
{
    struct key key;
    if (!key_parse(cell->data, cell->length, &key)) {
        ++*malformed;
        return false;
    }
    bool found = key_equal(&key, blob);
    key_clear(&key);
    return found;
}

int keys_find(const struct rows *rows, struct sp_str blob, unsigned *ret_malformed, char *ret_why)
{
    bool found = false;
    *ret_malformed = 0;
    for (size_t i = 0; i < rows->count * rows->columns; i++) {
        const char *name = rows->names[i % rows->columns];
        const struct cell *cell = &rows->cells[i];
        bool is_line = strcmp(name, "key") == 0;
        if (!is_line && strcmp(name, "blob") != 0)
            return wrong(ret_why, name, "is not known; keys_query must bring \"key\" or \"blob\"");
        if (cell->data)
            found |= is_line ? is_line_of(cell, blob, ret_malformed) : is_blob(cell, blob);
    }
    return found;
}
