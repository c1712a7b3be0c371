/*
 * auth-ldap.c: the plugin: judges passwords by binding as the user, and keys by the user's entry.
 *
 * Called on the host's pool ("threading": "connection"), so several threads at once for different
 * connections; every question has a connection to the directory of its own.
 */
#include "auth_ldap.h"

#include <jansson.h>
#include <ldap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct auth_ldap {
    const struct sp_host *host;
    struct options options;
};

/* One question on its way. */
struct inquiry {
    const struct auth_ldap *self;
    const struct sp_auth_event *event;
    struct directory *directory;
    json_t *entry; /* the user's; NULL: there is none */
    json_t *names; /* of the user's groups */
    struct sp_grant grant;
    json_t *grant_json;
    char why[WHY_SIZE];
};

/* --- steps: 1 to go on, another verdict to end ----------------------------------------------- */

/* As the service account, or anonymously where none is configured. */
static int32_t bind_service(struct inquiry *q)
{
    const struct options *options = &q->self->options;
    const char *password = options->service_password ? options->service_password : "";
    int rc = directory_bind(q->directory, options->service_dn, sp_str_of(password), q->why);
    if (rc != 0)
        return rc;
    snprintf(q->why, sizeof q->why, "%.150s: the server refuses service_dn; check its password",
             options->uri);
    return SP_E_FAILED;
}

static int32_t bind_user(struct inquiry *q, const char *dn)
{
    int rc = directory_bind(q->directory, dn, q->event->password, q->why);
    return rc == 0 ? SP_DENY : rc;
}

/* The user's entry: the one at that name, or the one that a search finds. */
static int32_t find_entry(struct inquiry *q, const char *dn)
{
    const struct options *options = &q->self->options;
    const char *wanted[ATTRIBUTES_MOST];
    json_t *entries = NULL;
    char *filter =
        dn ? strdup("(objectClass=*)") : template_expand(options->filter, q->event->user, "");
    int rc = SP_E_NOMEM;
    attributes_wanted(options, wanted);
    if (filter)
        rc = directory_search(q->directory, dn ? dn : options->base,
                              dn ? LDAP_SCOPE_BASE : options->scope, filter, wanted, 1, &entries,
                              q->why);
    if (rc == 0)
        q->entry = json_incref(json_array_get(entries, 0));
    json_decref(entries);
    free(filter);
    if (rc < 0)
        return rc;
    return q->entry ? 1 : SP_NEXT;
}

static int32_t find_groups(struct inquiry *q)
{
    const struct options *options = &q->self->options;
    const char *const wanted[] = {options->group_name, NULL};
    json_t *groups = NULL;
    int rc = 0;
    if (*options->group_base) {
        const char *dn = json_string_value(json_object_get(q->entry, "dn"));
        char *filter = template_expand(options->group_filter, q->event->user, dn);
        rc = !filter ? SP_E_NOMEM
                     : directory_search(q->directory, options->group_base, LDAP_SCOPE_SUBTREE,
                                        filter, wanted, GROUPS_MOST, &groups, q->why);
        free(filter);
    }
    if (rc == 0)
        q->names = group_names(options, q->entry, groups);
    json_decref(groups);
    if (rc < 0)
        return rc;
    return q->names ? 1 : SP_E_NOMEM;
}

static int32_t check_key(struct inquiry *q)
{
    unsigned malformed = 0;
    bool found = entry_has_key(&q->self->options, q->entry, q->event->key_blob, &malformed);
    if (malformed)
        log_line(
            q->self->host, SP_LOG_WARNING,
            "%u keys of a user are passed over: a key must be like \"ssh-ed25519 AAAA… comment\"",
            malformed);
    return found ? 1 : SP_DENY;
}

static int32_t make_grant(struct inquiry *q)
{
    int rc = grant_from_entry(&q->self->options, q->event->user, q->entry, q->names, &q->grant,
                              &q->grant_json, q->why);
    return rc == 0 ? SP_DENY : rc;
}

/* --- the two ways ---------------------------------------------------------------------------- */

/* The user's name gives the entry's: bind with the password, then read what the user may read. */
static int32_t judge_directly(struct inquiry *q)
{
    char *dn = template_expand(q->self->options.bind_dn, q->event->user, "");
    bool has_password = q->event->method == SP_METHOD_PASSWORD;
    int32_t verdict = SP_E_NOMEM;
    if (dn)
        verdict = has_password ? bind_user(q, dn) : bind_service(q);
    if (verdict == 1)
        verdict = find_entry(q, dn);
    if (verdict == SP_NEXT && has_password) {
        snprintf(q->why, sizeof q->why, "users cannot read their own entry; let them, or search");
        verdict = SP_E_FAILED;
    }
    if (verdict == 1)
        verdict = find_groups(q);
    if (verdict == 1 && !has_password)
        verdict = check_key(q);
    free(dn);
    return verdict;
}

/* Everything is read as the service account; the user's own bind comes last, and decides. */
static int32_t judge_by_search(struct inquiry *q)
{
    int32_t verdict = bind_service(q);
    if (verdict == 1)
        verdict = find_entry(q, NULL);
    if (verdict == 1)
        verdict = find_groups(q);
    if (verdict != 1)
        return verdict;
    if (q->event->method == SP_METHOD_PUBLICKEY)
        return check_key(q);
    return bind_user(q, json_string_value(json_object_get(q->entry, "dn")));
}

static int32_t answer(const struct inquiry *q)
{
    const struct sp_host *host = q->self->host;
    struct sp_auth_reply reply = {.head = {sizeof reply, SP_ALLOW}, .grant = &q->grant};
    if (q->event->method == SP_METHOD_PUBLICKEY && q->event->key_state != SP_KEY_PROVED)
        return SP_ALLOW;
    host->complete(host, q->event->head.token, &reply.head);
    return SP_PENDING;
}

static int32_t judge(struct auth_ldap *self, const struct sp_auth_event *event)
{
    struct inquiry q = {.self = self, .event = event, .why = "out of memory"};
    int32_t verdict = directory_open(&self->options, &q.directory, q.why);
    if (verdict == 0)
        verdict = *self->options.bind_dn ? judge_directly(&q) : judge_by_search(&q);
    if (verdict == 1)
        verdict = make_grant(&q);
    if (verdict == 1)
        verdict = answer(&q);
    if (verdict < 0)
        log_line(self->host, SP_LOG_ERROR, "no answer, so the user is refused: %s", q.why);
    directory_close(q.directory);
    grant_clear(&q.grant);
    json_decref(q.grant_json);
    json_decref(q.names);
    json_decref(q.entry);
    return verdict;
}

static int32_t password(void *self, const struct sp_auth_event *event)
{
    /* A bind with a name and no password is an anonymous one, which servers allow. */
    if (event->password.len == 0 || memchr(event->password.data, '\0', (size_t)event->password.len))
        return SP_DENY;
    return event->new_password.len ? SP_DENY : judge(self, event);
}

static int32_t publickey(void *arg, const struct sp_auth_event *event)
{
    struct auth_ldap *self = arg;
    return *self->options.keys_attribute ? judge(self, event) : SP_NEXT;
}

static void destroy(void *arg)
{
    struct auth_ldap *self = arg;
    options_clear(&self->options);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct auth_ldap *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    int rc = options_read(host, config_json, &self->options);
    if (rc < 0) {
        destroy(self);
        return rc;
    }
    *ret_self = self;
    return 0;
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
    .id = "auth-ldap",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
