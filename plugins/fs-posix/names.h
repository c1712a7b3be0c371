/*
 * names.h: the names of users and groups by their numbers, and back. Asking the system may take as
 * long as a directory service does, so answers are kept for a while. Pool threads, any number.
 */
#ifndef FS_POSIX_NAMES_H
#define FS_POSIX_NAMES_H

#include <stdint.h>

#include <sallyport/plugin.h>

enum name_kind { NAME_USER, NAME_GROUP };

struct names;

/* NULL: memory is out. */
struct names *names_new(const struct sp_host *host);
void names_free(struct names *names);
/* To be freed; "" if there is none; NULL: memory is out. */
char *names_of(struct names *names, enum name_kind kind, uint32_t id);
/* The number of a name, with or without an "@domain" behind it, or of a number as text. 0, or
 * -NO_PRINCIPAL, or -errno. */
int names_find(enum name_kind kind, struct sp_str name, uint32_t *ret_id);

#endif
