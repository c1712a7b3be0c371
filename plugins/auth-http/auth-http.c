/*
 * auth-http.c: the plugin: hands every question to a web service and its answer to the host.
 *
 * Called on the host's pool ("threading": "connection"), so several threads at once for different
 * connections. Whatever goes wrong on the way is a failure, which the host takes for a no.
 */
#include "auth_http.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_SIZE 32u

struct auth_http {
    const struct sp_host *host;
    struct options options;
    struct transport *transport;
    struct cache *cache;               /* NULL: nothing is kept */
    unsigned char secret[SECRET_SIZE]; /* this instance's own, for its hashes */
};

static bool keyed_hash(const struct auth_http *self, const void *data, size_t length,
                       unsigned char *ret_hash)
{
    unsigned int size = 0;
    return HMAC(EVP_sha256(), self->secret, SECRET_SIZE, data, length, ret_hash, &size) &&
           size == CACHE_KEY_SIZE;
}

/* A connection's id is one of its worker's. The service gets a name that no other worker and no
 * other run of the daemon gives, and that nobody can guess. */
static bool name_connection(const struct auth_http *self, const struct sp_connection *connection,
                            char *ret_name)
{
    unsigned char hash[CACHE_KEY_SIZE];
    sp_id id = connection ? connection->id : 0;
    if (!keyed_hash(self, &id, sizeof id, hash))
        return false;
    for (size_t i = 0; i < 16; i++)
        snprintf(ret_name + 2 * i, 3, "%02x", hash[i]);
    return true;
}

/* --- the cache ------------------------------------------------------------------------------- */

static void add_field(struct text *text, struct sp_str value)
{
    text_add(text, &value.len, sizeof value.len);
    text_add(text, value.data, (size_t)value.len);
}

/* What makes two questions the same. False if this one is not for the cache: what a user types in a
 * dialogue is good for once, and a certificate is more than its key. */
static bool cache_key(const struct auth_http *self, const struct sp_auth_event *event,
                      unsigned char *ret_key)
{
    const struct sp_connection *connection = event->head.connection;
    struct text text = {0};
    const uint32_t numbers[] = {event->method, event->key_state, event->key_flags,
                                event->methods_done};
    if (!self->cache || !connection || event->method == SP_METHOD_KEYBOARD_INTERACTIVE ||
        event->certificate || event->new_password.len)
        return false;
    text_add(&text, numbers, sizeof numbers);
    add_field(&text, event->user);
    add_field(&text, event->service);
    add_field(&text, event->password);
    add_field(&text, event->key_blob);
    add_field(&text, event->signature_algorithm);
    add_field(&text, connection->listener);
    add_field(&text, connection->remote_address);
    bool ok = !text.failed && keyed_hash(self, text.data, text.length, ret_key);
    text_clear(&text);
    return ok;
}

static int64_t lifetime_of(const struct auth_http *self, int32_t verdict)
{
    if (verdict == SP_ALLOW)
        return self->options.cache_allow_ms;
    return verdict == SP_DENY || verdict == SP_NEXT ? self->options.cache_deny_ms : 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* The answer's text, from the service. */
static int ask_service(struct auth_http *self, const struct sp_auth_event *event,
                       struct text *ret_text, char *ret_why)
{
    struct text question = {0};
    char connection[33] = "";
    int rc = SP_E_FAILED;
    snprintf(ret_why, WHY_SIZE, "the cryptographic library fails");
    if (name_connection(self, event->head.connection, connection))
        rc = question_write(event, connection, &question, ret_why);
    if (rc == 0)
        rc = transport_ask(self->transport, NULL, &question, ret_text, NULL, ret_why);
    text_clear(&question);
    return rc;
}

static int32_t reply(struct auth_http *self, const struct sp_auth_event *event,
                     const struct sp_auth_reply *answer)
{
    if (answer->head.verdict == SP_NEXT)
        return SP_NEXT;
    self->host->complete(self->host, event->head.token, &answer->head);
    return SP_PENDING;
}

static int32_t ask(void *arg, const struct sp_auth_event *event)
{
    struct auth_http *self = arg;
    struct text text = {0};
    struct answer answer = {0};
    unsigned char key[CACHE_KEY_SIZE];
    char why[WHY_SIZE] = "";
    if (!(self->options.methods & event->method))
        return SP_NEXT;
    /* Many a service takes no password for "no password needed". */
    if (event->method == SP_METHOD_PASSWORD && event->password.len == 0)
        return SP_DENY;

    bool is_cacheable = cache_key(self, event, key);
    bool is_kept =
        is_cacheable && cache_find(self->cache, key, self->host->time_ms(self->host), &text);
    if (event->new_password.len && self->cache)
        cache_forget_all(self->cache); /* the old password is about to end */
    int rc = is_kept ? 0 : ask_service(self, event, &text, why);
    if (rc == 0)
        rc = answer_read(&text, event, &answer, why);
    if (rc == 0 && is_cacheable && !is_kept)
        cache_keep(self->cache, key, self->host->time_ms(self->host),
                   lifetime_of(self, answer.reply.head.verdict), &text);
    if (rc < 0)
        log_line(self->host, SP_LOG_ERROR, "no usable answer, so the user is refused: %s", why);
    int32_t verdict = rc < 0 ? rc : reply(self, event, &answer.reply);
    answer_clear(&answer);
    text_clear(&text);
    return verdict;
}

static void destroy(void *arg)
{
    struct auth_http *self = arg;
    transport_free(self->transport);
    cache_free(self->cache);
    options_clear(&self->options);
    OPENSSL_cleanse(self->secret, sizeof self->secret);
    free(self);
}

static int set_up(struct auth_http *self, const char *config_json)
{
    struct options *options = &self->options;
    int rc = options_read(self->host, config_json, options);
    if (rc < 0)
        return rc;
    if (RAND_bytes(self->secret, sizeof self->secret) != 1) {
        log_line(self->host, SP_LOG_ERROR, "there are no random numbers");
        return SP_E_FAILED;
    }
    self->transport = transport_new(self->host, &options->http);
    if (!self->transport)
        return SP_E_FAILED;
    if (options->cache_allow_ms == 0 && options->cache_deny_ms == 0)
        return 0;
    self->cache = cache_new(options->cache_entries);
    if (self->cache)
        return 0;
    log_line(self->host, SP_LOG_ERROR, "no memory for cache.entries; lower it");
    return SP_E_NOMEM;
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct auth_http *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    int rc = set_up(self, config_json);
    if (rc < 0) {
        destroy(self);
        return rc;
    }
    *ret_self = self;
    return 0;
}

static const struct sp_auth_v1 auth = {
    .struct_size = sizeof auth,
    .none = ask,
    .password = ask,
    .publickey = ask,
    .keyboard_interactive = ask,
};

static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "auth-http",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
