/* grant.h: what a user may do, from JSON or from plain text, as files, directories and servers of
 * users have it. Any thread. */
#ifndef PLUGINS_COMMON_GRANT_H
#define PLUGINS_COMMON_GRANT_H

#include <stddef.h>

#include <sallyport/plugin.h>

struct json_t;

#define GRANT_TEXT_SIZE 256 /* of what ret_text points to */

/* A grant from an object, in which any other key is a mistake: "readonly" for "read_only" must not
 * give a user the right to write. Without "permit" it is SFTP only. Text stays in the JSON value,
 * which must outlive the grant. 0, or negative with ret_text set; end it with grant_clear() in
 * either case. */
int grant_parse(const struct json_t *object, struct sp_grant *ret_grant, char *ret_text);
void grant_clear(struct sp_grant *grant);

/* For objects that hold more than a grant: take one member. 1 if it was taken, 0 if a grant has no
 * such key, negative with ret_text set if the value is wrong. */
int grant_take(struct sp_grant *grant, const char *key, const struct json_t *value, char *ret_text);

/* One of a grant's keys and its values as plain text (a column of a table, an attribute of a
 * directory) to the JSON that grant_parse() takes. Words of a list may be values of their own or
 * stand in one, between commas or spaces; pairs are a JSON object. NULL if there is no such key or
 * the text is wrong for it. */
struct json_t *grant_value_from_text(const char *key, const char *const *values, size_t count);

/* A copy of a grant's object in which %u in "root" and "home" is the user's name and %% a percent
 * sign. NULL if there is another "%" in them, if the name cannot be a part of a path, or if memory
 * is out. */
struct json_t *grant_for_user(const struct json_t *grant, struct sp_str user);

#endif
