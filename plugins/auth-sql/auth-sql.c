/*
 * auth-sql.c: the plugin: judges passwords and keys by a database, and grants what it says.
 *
 * Called on the host's pool ("threading": "connection"), so several threads at once for different
 * connections; each takes a link of the pool for as long as its queries last.
 */
#include "auth_sql.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define PASSWORD_FILE_MOST 4096u

struct auth_sql {
    const struct sp_host *host;
    const struct backend *backend;
    struct options options;
    struct pool *pool;
    pthread_mutex_t lock; /* over all below */
    char *decoy;          /* a hash that costs what the users' hashes cost */
    bool decoy_is_real;
};

/* --- judging --------------------------------------------------------------------------------- */

/* The first hash that is met is the one to imitate for users who have none: most databases use one
 * method at one cost. */
static void imitate(struct auth_sql *self, const char *hash)
{
    pthread_mutex_lock(&self->lock);
    char *copy = self->decoy_is_real ? NULL : strdup(hash);
    if (copy) {
        free(self->decoy);
        self->decoy = copy;
        self->decoy_is_real = true;
    }
    pthread_mutex_unlock(&self->lock);
}

static void cost_as_much(struct auth_sql *self, struct sp_str password)
{
    pthread_mutex_lock(&self->lock);
    char *decoy = strdup(self->decoy);
    pthread_mutex_unlock(&self->lock);
    if (decoy)
        (void)password_matches(password, decoy);
    free(decoy);
}

static bool is_in_force(const struct auth_sql *self, const struct user *user)
{
    return !user->is_disabled &&
           (user->expires_ms == 0 || self->host->time_ms(self->host) < user->expires_ms);
}

/* Whether it is the user's password. Takes as long as one hash in every case. */
static bool is_password(struct auth_sql *self, const struct user *user, struct sp_str password)
{
    const char *why = NULL;
    bool is_usable = user && user->hash && password_hash_usable(user->hash, &why);
    if (why)
        log_line(self->host, SP_LOG_WARNING, "a user cannot log in by password: %s", why);
    if (!is_usable) {
        cost_as_much(self, password);
        return false;
    }
    imitate(self, user->hash);
    return password_matches(password, user->hash);
}

static int is_key(struct auth_sql *self, const struct rows *rows, const struct sp_auth_event *event,
                  char *ret_why)
{
    unsigned malformed = 0;
    int found = keys_find(rows, event->key_blob, &malformed, ret_why);
    if (malformed)
        log_line(
            self->host, SP_LOG_WARNING,
            "%u keys of a user are passed over: a key must be like \"ssh-ed25519 AAAA… comment\"",
            malformed);
    return found;
}

static int32_t allow(struct auth_sql *self, const struct sp_auth_event *event,
                     const struct user *user)
{
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW}, .grant = &user->grant};
    self->host->complete(self->host, event->head.token, &reply.head);
    return SP_PENDING;
}

/* user is NULL if there is none of that name. */
static int32_t verdict_on(struct auth_sql *self, const struct sp_auth_event *event,
                          const struct user *user, const struct rows *rows, char *ret_why)
{
    int is_right = event->method == SP_METHOD_PASSWORD
                       ? is_password(self, user, event->password)
                       : is_key(self, &rows[QUERY_KEYS], event, ret_why);
    if (is_right < 0)
        return is_right;
    if (!user)
        return SP_NEXT;
    if (!is_right || !is_in_force(self, user) || event->new_password.len)
        return SP_DENY;
    if (event->method == SP_METHOD_PUBLICKEY && event->key_state != SP_KEY_PROVED)
        return SP_ALLOW;
    return allow(self, event, user);
}

/* Both queries of a key are asked for unknown users, too: time should not tell who exists. */
static int32_t judge(struct auth_sql *self, const struct sp_auth_event *event, unsigned queries)
{
    const struct sp_str parameters[PARAMETERS_MOST] = {event->user, event->key_fingerprint};
    struct rows rows[QUERY_COUNT] = {{0}};
    struct user user = {0};
    char why[WHY_SIZE] = "out of memory";
    int32_t verdict = pool_run(self->pool, parameters, rows, queries, why);
    bool is_known = rows[QUERY_USER].count > 0;
    if (verdict == 0 && is_known)
        verdict = user_from_rows(&rows[QUERY_USER], &user, why);
    if (verdict == 0)
        verdict = verdict_on(self, event, is_known ? &user : NULL, rows, why);
    if (verdict < 0)
        log_line(self->host, SP_LOG_ERROR, "no answer, so the user is refused: %s", why);
    for (int q = 0; q < QUERY_COUNT; q++)
        rows_clear(&rows[q]);
    user_clear(&user);
    return verdict;
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    return judge(self, event, 1u << QUERY_USER);
}

static int32_t publickey(void *self, const struct sp_auth_event *event)
{
    return judge(self, event, 1u << QUERY_USER | 1u << QUERY_KEYS);
}

/* --- the instance ---------------------------------------------------------------------------- */

static const struct backend *const backends[] = {
#ifdef AUTH_SQL_SQLITE
    &sqlite_backend,
#endif
#ifdef AUTH_SQL_POSTGRESQL
    &postgres_backend,
#endif
};

static const char *text(const json_t *json, const char *key)
{
    const char *value = json_string_value(json_object_get(json, key));
    return value ? value : "";
}

static int64_t number(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

static int read_password(struct auth_sql *self, const char *path)
{
    size_t length = 0;
    struct stat st;
    const char *why = NULL;
    if (!*path)
        return 0;
    self->options.password = file_read(path, PASSWORD_FILE_MOST, true, &length, &st, &why);
    if (!self->options.password) {
        log_line(self->host, SP_LOG_ERROR, "password_file %s: %s", path, why);
        return SP_E_FAILED;
    }
    self->options.password[strcspn(self->options.password, "\r\n")] = '\0';
    return 0;
}

/* What the configuration says that no schema can judge. */
static int check_options(const struct auth_sql *self)
{
    const char *wrong = NULL;
    if (!*self->options.place)
        wrong = "sqlite needs \"file\", postgresql needs \"connection\"";
#ifdef AUTH_SQL_POSTGRESQL
    else if (self->backend == &postgres_backend)
        wrong = postgres_judge(self->options.place);
#endif
    if (wrong)
        log_line(self->host, SP_LOG_ERROR, "%s%s", *self->options.place ? "connection " : "",
                 wrong);
    return wrong ? SP_E_INVALID : 0;
}

static int read_options(struct auth_sql *self, const char *config_json)
{
    json_t *json = json_loads(config_json, 0, NULL);
    const char *name = text(json, "backend");
    bool is_file = strcmp(name, "sqlite") == 0;
    self->options = (struct options){
        .json = json,
        .place = text(json, is_file ? "file" : "connection"),
        .queries = {text(json, "user_query"), text(json, "keys_query")},
        .timeout_ms = number(json, "timeout_ms"),
        .links_most = (unsigned)number(json, "connections_max"),
        .rows_most = (unsigned)number(json, "rows_max"),
    };
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strcmp(backends[i]->name, name) == 0)
            self->backend = backends[i];
    if (!self->backend) {
        log_line(self->host, SP_LOG_ERROR, "backend %s is not in this build", name);
        return SP_E_UNSUPPORTED;
    }
    int rc = check_options(self);
    return rc < 0 ? rc : read_password(self, text(json, "password_file"));
}

static void destroy(void *arg)
{
    struct auth_sql *self = arg;
    pool_free(self->pool);
    if (self->options.password)
        OPENSSL_cleanse(self->options.password, strlen(self->options.password));
    free(self->options.password);
    json_decref(self->options.json);
    pthread_mutex_destroy(&self->lock);
    free(self->decoy);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct auth_sql *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    pthread_mutex_init(&self->lock, NULL);
    int rc = read_options(self, config_json);
    if (rc == 0) {
        self->decoy = password_decoy();
        self->pool = pool_new(self->backend, &self->options);
        rc = self->decoy && self->pool ? 0 : SP_E_NOMEM;
    }
    if (rc < 0) {
        destroy(self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

/* A query that is wrong is a mistake to be told at once; a database that is away will come back. */
static int32_t start(void *arg)
{
    struct auth_sql *self = arg;
    char why[WHY_SIZE] = "out of memory";
    int rc = pool_try(self->pool, why);
    if (rc < 0)
        log_line(self->host, rc == SP_E_INVALID ? SP_LOG_ERROR : SP_LOG_WARNING, "%s%s", why,
                 rc == SP_E_INVALID ? "" : "; users are refused until it can be reached");
    return rc == SP_E_INVALID ? rc : 0;
}

static const struct sp_auth_v1 auth = {
    .struct_size = sizeof auth,
    .password = password,
    .publickey = publickey,
};

static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "auth-sql",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .start = start,
    .destroy = destroy,
};
