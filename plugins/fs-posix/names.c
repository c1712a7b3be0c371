/*
 * names.c: see names.h. A table in which each number has one place that it shares with others:
 * what is asked for often stays, and there is nothing to bound.
 */
#include "names.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fs_posix.h"

#define PLACES 512u
#define KEPT_MS 60000
#define NAME_MOST 256u
#define ENTRY_SIZE 65536u /* a group's entry has all its members */

struct place {
    char *name; /* NULL: never used */
    int64_t until_ms;
    uint32_t id;
};

struct names {
    const struct sp_host *host;
    pthread_mutex_t lock;
    struct place places[2][PLACES];
};

struct names *names_new(const struct sp_host *host)
{
    struct names *names = calloc(1, sizeof *names);
    if (!names)
        return NULL;
    names->host = host;
    pthread_mutex_init(&names->lock, NULL);
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    for (unsigned i = 0; i < PLACES; i++) {
        free(names->places[NAME_USER][i].name);
        free(names->places[NAME_GROUP][i].name);
    }
    pthread_mutex_destroy(&names->lock);
    free(names);
}

/* As the system says now. */
static char *ask(enum name_kind kind, uint32_t id)
{
    char *buffer = malloc(ENTRY_SIZE);
    if (!buffer)
        return NULL;
    struct passwd user;
    struct passwd *found_user = NULL;
    struct group group;
    struct group *found_group = NULL;
    const char *name = "";
    if (kind == NAME_USER && getpwuid_r(id, &user, buffer, ENTRY_SIZE, &found_user) == 0 &&
        found_user)
        name = user.pw_name;
    if (kind == NAME_GROUP && getgrgid_r(id, &group, buffer, ENTRY_SIZE, &found_group) == 0 &&
        found_group)
        name = group.gr_name;
    char *copy = strdup(strlen(name) <= NAME_MOST ? name : "");
    free(buffer);
    return copy;
}

/* A copy of what is kept, or NULL. Under the lock. */
static char *recall(struct names *names, const struct place *place, uint32_t id)
{
    if (!place->name || place->id != id || names->host->time_ms(names->host) >= place->until_ms)
        return NULL;
    return strdup(place->name);
}

char *names_of(struct names *names, enum name_kind kind, uint32_t id)
{
    struct place *place = &names->places[kind][id % PLACES];
    pthread_mutex_lock(&names->lock);
    char *name = recall(names, place, id);
    pthread_mutex_unlock(&names->lock);
    if (name)
        return name;
    name = ask(kind, id);
    char *kept = name ? strdup(name) : NULL;
    if (!kept)
        return name;
    pthread_mutex_lock(&names->lock);
    free(place->name);
    *place = (struct place){kept, names->host->time_ms(names->host) + KEPT_MS, id};
    pthread_mutex_unlock(&names->lock);
    return name;
}

static bool number_of(const char *text, uint32_t *ret_id)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *ret_id = (uint32_t)number;
    /* -1 means "leave it" to the kernel. */
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number < UINT32_MAX;
}

static int find(enum name_kind kind, const char *name, char *buffer, uint32_t *ret_id)
{
    struct passwd user;
    struct passwd *found_user = NULL;
    struct group group;
    struct group *found_group = NULL;
    int error = kind == NAME_USER ? getpwnam_r(name, &user, buffer, ENTRY_SIZE, &found_user)
                                  : getgrnam_r(name, &group, buffer, ENTRY_SIZE, &found_group);
    if (found_user || found_group) {
        *ret_id = found_user ? user.pw_uid : group.gr_gid;
        return 0;
    }
    if (number_of(name, ret_id))
        return 0;
    return error == ENOMEM || error == EIO ? -error : -NO_PRINCIPAL;
}

int names_find(enum name_kind kind, struct sp_str name, uint32_t *ret_id)
{
    char text[NAME_MOST + 1];
    const char *at = name.len ? memchr(name.data, '@', name.len) : NULL;
    uint64_t length = at ? (uint64_t)(at - name.data) : name.len;
    if (length == 0 || length > NAME_MOST || memchr(name.data, '\0', length))
        return -NO_PRINCIPAL;
    memcpy(text, name.data, length);
    text[length] = '\0';
    char *buffer = malloc(ENTRY_SIZE);
    int rc = buffer ? find(kind, text, buffer, ret_id) : -ENOMEM;
    free(buffer);
    return rc;
}
