/*
 * auth-keys.c: the plugin: judges public keys and certificates by authorized_keys files and by the
 * principals of trusted certificates.
 *
 * Called on the host's pool ("threading": "connection"), so several threads at once for different
 * connections. They share only what never changes.
 */
#include "auth_keys.h"

#include <jansson.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MOST 255

/* --- who it is about -------------------------------------------------------------------------- */

/* 1: found; 0: the system knows nobody of that name; negative: that could not be found out. */
static int find_system_user(struct person *person)
{
    char buffer[16384];
    struct passwd entry, *found = NULL;

    if (getpwnam_r(person->name, &entry, buffer, sizeof buffer, &found) != 0)
        return SP_E_FAILED;
    if (!found)
        return 0;
    person->uid = found->pw_uid;
    person->home = strdup(found->pw_dir);
    return person->home ? 1 : SP_E_NOMEM;
}

static void person_clear(struct person *person)
{
    free(person->name);
    free(person->home);
}

/* --- what is right ---------------------------------------------------------------------------- */

static bool file_has(const struct auth_keys *self, const char *pattern, const struct person *person,
                     const struct sp_auth_event *event, struct authorized_options *ret_options)
{
    char *path = pattern_expand(pattern, person);
    const char *why;
    bool found = false;

    if (path && self->strict_modes && !path_is_strict(path, pattern, person, &why)) {
        log_line(self->host, SP_LOG_WARNING, "%s: %s; no key of it is accepted", path, why);
    } else if (path) {
        const struct authorized_question question = {.host = self->host,
                                                     .path = path,
                                                     .event = event,
                                                     .now = self->host->time_ms(self->host) / 1000};
        found = authorized_keys_find(&question, ret_options);
    }
    free(path);
    return found;
}

static bool is_right(const struct auth_keys *self, const struct person *person,
                     const struct sp_auth_event *event, struct authorized_options *ret_options)
{
    const struct sp_certificate *certificate = event->certificate;

    *ret_options = (struct authorized_options){.permit = SP_PERMIT_ALL, .expires = INT64_MAX};
    if (certificate && certificate->trusted && self->certificates &&
        principals_match(self, person, certificate))
        return true;
    for (size_t i = 0; i < json_array_size(self->files); i++)
        if (file_has(self, json_string_value(json_array_get(self->files, i)), person, event,
                     ret_options))
            return true;
    return false;
}

/* --- the answer ------------------------------------------------------------------------------- */

/* The host copies the reply, so all of it need only live until this returns. */
static int32_t allow(const struct auth_keys *self, const struct person *person,
                     const struct sp_auth_event *event, const struct authorized_options *options)
{
    struct sp_grant base = self->grant;
    struct authorized_grant grant = {0};
    char *root = base.root.len ? pattern_expand(base.root.data, person) : NULL;
    char *home = base.home.len ? pattern_expand(base.home.data, person) : NULL;
    int32_t verdict = SP_E_NOMEM;

    /* A root that is missing would be a wider one. */
    if ((!base.root.len || root) && (!base.home.len || home)) {
        base.root = sp_str_of(root);
        base.home = sp_str_of(home);
        if (self->system_users && base.system_user.len == 0)
            base.system_user = sp_str_of(person->name);
        if (authorized_grant_make(&base, options, self->environment, &grant) == 0) {
            const struct sp_auth_reply reply = {
                .head = {.struct_size = sizeof reply, .verdict = SP_ALLOW},
                .grant = &grant.grant,
                .key_options = options->key_options,
            };
            self->host->complete(self->host, event->head.token, &reply.head);
            verdict = SP_PENDING;
        }
        authorized_grant_clear(&grant);
    }
    free(root);
    free(home);
    return verdict;
}

static int32_t publickey(void *arg, const struct sp_auth_event *event)
{
    const struct auth_keys *self = arg;
    struct authorized_options options = {0};
    int32_t verdict = SP_NEXT;
    int found = 1;

    if (!name_is_component(event->user, NAME_MOST)) /* it may stand in a path */
        return SP_DENY;
    struct person person = {.name = strndup(event->user.data, (size_t)event->user.len),
                            .uid = geteuid()};
    if (!person.name)
        return SP_E_NOMEM;
    if (self->system_users)
        found = find_system_user(&person);
    if (found < 0)
        verdict = found;
    else if (found && is_right(self, &person, event, &options))
        verdict = event->key_state == SP_KEY_PROVED ? allow(self, &person, event, &options)
                                                    : (int32_t)SP_ALLOW;
    authorized_options_clear(&options);
    person_clear(&person);
    return verdict;
}

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(void *arg)
{
    struct auth_keys *self = arg;

    grant_clear(&self->grant);
    json_decref(self->config);
    free(self);
}

static bool take_patterns(const struct auth_keys *self)
{
    const char *others[] = {self->principals_file, self->grant.root.data, self->grant.home.data};
    const char *wrong = NULL;

    for (size_t i = 0; i < json_array_size(self->files); i++) {
        const char *pattern = json_string_value(json_array_get(self->files, i));
        if (!pattern_is_sound(pattern, self->system_users))
            wrong = pattern;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i] && !pattern_is_sound(others[i], self->system_users))
            wrong = others[i];
    if (wrong)
        log_line(self->host, SP_LOG_ERROR, "%s: may hold %%u and %%%%, and %%h with system_users",
                 wrong);
    return !wrong;
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct auth_keys *self = calloc(1, sizeof *self);
    char text[GRANT_TEXT_SIZE] = "";

    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    self->config = json_loads(config_json, 0, NULL);
    self->files = json_object_get(self->config, "files");
    self->principals = json_object_get(self->config, "principals");
    self->principals_file = json_string_value(json_object_get(self->config, "principals_file"));
    self->system_users = json_is_true(json_object_get(self->config, "system_users"));
    self->strict_modes = !json_is_false(json_object_get(self->config, "strict_modes"));
    self->environment = json_is_true(json_object_get(self->config, "environment"));
    self->certificates = !json_is_false(json_object_get(self->config, "certificates"));
    const json_t *grant = json_object_get(self->config, "grant");
    self->grant = (struct sp_grant){.struct_size = sizeof self->grant, .permit = SP_PERMIT_SFTP};
    if (grant && grant_parse(grant, &self->grant, text) < 0) {
        log_line(host, SP_LOG_ERROR, "grant: %s", text);
        destroy(self);
        return SP_E_INVALID;
    }
    if (!take_patterns(self)) {
        destroy(self);
        return SP_E_INVALID;
    }
    *ret_self = self;
    return 0;
}

static const struct sp_auth_v1 auth = {
    .struct_size = sizeof auth,
    .publickey = publickey,
};

static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {NULL, NULL}};

SP_PLUGIN = {
    .struct_size = sizeof(struct sp_plugin),
    .abi_major = SP_ABI_MAJOR,
    .abi_minor = SP_ABI_MINOR,
    .id = "auth-keys",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
