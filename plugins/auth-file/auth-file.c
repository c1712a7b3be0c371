/*
 * auth-file.c: the plugin: judges passwords and keys by a users file, and grants what it says.
 *
 * Called on the host's pool ("threading": "connection"), so several threads at once for different
 * connections. They share one table of users, which is never changed but replaced.
 */
#include "auth_file.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK_EVERY_S 1

struct auth_file {
    const struct sp_host *host;
    char *path;
    bool takes_certificates;
    pthread_mutex_t lock; /* over all below */
    struct users *users;
    struct stat seen; /* the file as it was last looked at, good or bad */
    time_t checked;   /* monotonic */
};

static time_t now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Read the file if it has changed. The lock is held: a reading is short, and whoever comes in the
 * meantime wants what it brings. */
static void refresh(struct auth_file *self)
{
    struct stat st = {0};
    self->checked = now();
    (void)stat(self->path, &st); /* a file that is gone differs from the one that was seen */
    if (is_same_file(&st, &self->seen))
        return;
    struct users *users = users_load(self->host, self->path, &st);
    self->seen = st; /* bad or good, but for one that could not be read: that is tried again */
    if (!users) {
        log_line(self->host, SP_LOG_ERROR, "%s: not taken over; the users are as they were",
                 self->path);
        return;
    }
    users_unref(self->users);
    self->users = users;
    log_line(self->host, SP_LOG_INFO, "%s: has changed and was read again", self->path);
}

/* The users as of now; to be given back with users_unref(). */
static struct users *current(struct auth_file *self)
{
    pthread_mutex_lock(&self->lock);
    if (now() - self->checked >= CHECK_EVERY_S)
        refresh(self);
    struct users *users = users_ref(self->users);
    pthread_mutex_unlock(&self->lock);
    return users;
}

/* Names that could harm a log or a path are nobody's. */
static bool name_is_sound(struct sp_str name)
{
    if (name.len == 0 || name.len > 255)
        return false;
    for (uint64_t i = 0; i < name.len; i++)
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return true;
}

/* Let the user in. The host copies the reply, so grant need only live until this returns. */
static int32_t allow(struct auth_file *self, const struct sp_auth_event *event,
                     const struct sp_grant *grant, uint32_t key_options)
{
    struct sp_auth_reply reply = {.head = {.struct_size = sizeof reply, .verdict = SP_ALLOW},
                                  .grant = grant,
                                  .key_options = key_options};
    self->host->complete(self->host, event->head.token, &reply.head);
    return SP_PENDING;
}

static int32_t password(void *arg, const struct sp_auth_event *event)
{
    struct auth_file *self = arg;
    if (!name_is_sound(event->user))
        return SP_DENY;
    struct users *users = current(self);
    const struct user *user = users_find(users, event->user);
    /* Whoever has no hash costs a comparison too, so that time does not tell who exists. */
    bool has_hash = user && user->hash;
    bool matches = password_matches(event->password, has_hash ? user->hash : users_decoy(users));
    int32_t verdict = user ? SP_DENY : SP_NEXT;
    if (has_hash && matches && event->new_password.len == 0)
        verdict = allow(self, event, &user->grant, 0);
    users_unref(users);
    return verdict;
}

/* The path with %u and %% replaced; malloc()ed. */
static char *expand(const char *pattern, const char *name)
{
    char *path = malloc(strlen(pattern) * (strlen(name) + 1) + 1);
    char *out = path;
    for (const char *p = pattern; path && *p; p++) {
        if (*p == '%' && p[1] == 'u') {
            out = stpcpy(out, name);
            p++;
        } else {
            *out++ = *p;
            p += *p == '%';
        }
    }
    if (path)
        *out = '\0';
    return path;
}

/* Whether the key is the user's, and what it is worth. ret_options is the caller's. */
static bool key_is_of(struct auth_file *self, const struct user *user,
                      const struct sp_auth_event *event, struct authorized_options *ret_options)
{
    bool found = false;
    *ret_options = (struct authorized_options){.permit = SP_PERMIT_ALL, .expires = INT64_MAX};
    if (event->certificate && event->certificate->trusted && self->takes_certificates) {
        for (uint64_t i = 0; i < event->certificate->principals_count; i++)
            found |=
                event->certificate->principals[i].len == strlen(user->name) &&
                memcmp(event->certificate->principals[i].data, user->name, strlen(user->name)) == 0;
    }
    for (size_t i = 0; !event->certificate && i < user->keys_count; i++)
        found |= key_equal(&user->keys[i], event->key_blob);
    if (found || !user->authorized_keys)
        return found;
    char *path = expand(user->authorized_keys, user->name);
    if (path) {
        struct authorized_question question = {.host = self->host,
                                               .path = path,
                                               .event = event,
                                               .now = self->host->time_ms(self->host) / 1000};
        found = authorized_keys_find(&question, ret_options);
    }
    free(path);
    return found;
}

static int32_t allow_key(struct auth_file *self, const struct sp_auth_event *event,
                         const struct sp_grant *base, const struct authorized_options *options)
{
    struct authorized_grant grant;
    int32_t verdict = SP_E_NOMEM;
    if (authorized_grant_make(base, options, false, &grant) == 0)
        verdict = allow(self, event, &grant.grant, options->key_options);
    authorized_grant_clear(&grant);
    return verdict;
}

static int32_t publickey(void *arg, const struct sp_auth_event *event)
{
    struct auth_file *self = arg;
    if (!name_is_sound(event->user))
        return SP_DENY;
    struct users *users = current(self);
    const struct user *user = users_find(users, event->user);
    struct authorized_options options = {0};
    int32_t verdict = user ? SP_DENY : SP_NEXT;
    if (user && key_is_of(self, user, event, &options))
        verdict = event->key_state == SP_KEY_PROVED ? allow_key(self, event, &user->grant, &options)
                                                    : (int32_t)SP_ALLOW;
    authorized_options_clear(&options);
    users_unref(users);
    return verdict;
}

static void destroy(void *arg)
{
    struct auth_file *self = arg;
    users_unref(self->users);
    pthread_mutex_destroy(&self->lock);
    free(self->path);
    free(self);
}

static int32_t create(const struct sp_host *host, const char *config_json, void **ret_self)
{
    struct auth_file *self = calloc(1, sizeof *self);
    if (!self)
        return SP_E_NOMEM;
    self->host = host;
    pthread_mutex_init(&self->lock, NULL);
    json_t *config = json_loads(config_json, 0, NULL);
    const char *path = json_string_value(json_object_get(config, "users_file"));
    self->path = path ? strdup(path) : NULL;
    self->takes_certificates = json_is_true(json_object_get(config, "certificates"));
    json_decref(config);
    if (self->path)
        self->users = users_load(host, self->path, &self->seen);
    self->checked = now();
    if (!self->users) {
        destroy(self);
        return SP_E_FAILED;
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
    .id = "auth-file",
    .version = "0.1.0",
    .interfaces = interfaces,
    .create = create,
    .destroy = destroy,
};
