/* who.h: which users a rule of a hook is for. Any thread. */
#ifndef PLUGINS_COMMON_WHO_H
#define PLUGINS_COMMON_WHO_H

#include <stdbool.h>
#include <stddef.h>

#include <sallyport/types.h>

struct json_t;

/* A list of texts out of JSON, which must outlive it. */
struct text_list {
    struct sp_str *items;
    size_t count;
};

/* object[key], an array of strings; empty if there is none. False: memory is out. */
bool text_list_take(struct text_list *list, const struct json_t *object, const char *key);
void text_list_clear(struct text_list *list);

struct who {
    struct text_list users, groups; /* patterns; both empty: everybody */
};

/* From the keys "users" and "groups". False: memory is out. */
bool who_take(struct who *who, const struct json_t *object);
void who_clear(struct who *who);
/* Whether the connection's user, or one of its groups, is meant. */
bool who_means(const struct who *who, const struct sp_connection *connection);
/* Whether one of the patterns is for that name. */
bool text_list_matches(const struct text_list *patterns, struct sp_str name, bool ignores_case);

#endif
