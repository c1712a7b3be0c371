/* name.h: users' names that become a part of a path. Any thread. */
#ifndef PLUGINS_COMMON_NAME_H
#define PLUGINS_COMMON_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include <sallyport/types.h>

/* Whether a name of at most most bytes stays one component of a path: not empty, no "/", no control
 * character, no "." at its beginning. */
bool name_is_component(struct sp_str name, uint64_t most);

#endif
