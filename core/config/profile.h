/*
 * profile.h: the lists of algorithms that hold where the configuration gives none. The default ones
 * stand in the schema; a profile adds to their ends.
 */
#ifndef SALLYPORT_CONFIG_PROFILE_H
#define SALLYPORT_CONFIG_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Put what the profile of that name adds into the schema's defaults; none for NULL or a name that
 * is none. 0 or SP_ERR_NOMEM. */
int profile_apply(json_t *schema, const char *profile);
/* Whether some profile adds name to the list: a build without it is no mistake of the file's. */
bool profile_adds(const char *list, const char *name, size_t length);

#endif
