/* pattern.h: patterns for names and paths of files. Any thread.
 *
 * "*" is any text, "?" one byte, neither of them a "/"; a component "**" of a path is any number of
 * components, also none. The time that matching takes grows with both lengths' product at worst. */
#ifndef PLUGINS_COMMON_PATTERN_H
#define PLUGINS_COMMON_PATTERN_H

#include <stdbool.h>

#include <sallyport/types.h>

/* Whether pattern describes all of name. Ignoring case is for the letters of ASCII. */
bool pattern_matches(struct sp_str pattern, struct sp_str name, bool ignores_case);
/* Whether pattern, which begins with "/", describes path or a directory that path lies in. path is
 * absolute, without ".", ".." and "//". */
bool pattern_covers(struct sp_str pattern, struct sp_str path, bool ignores_case);
/* Whether pattern may describe something below path, which it does not cover. */
bool pattern_may_lie_below(struct sp_str pattern, struct sp_str path, bool ignores_case);
/* What comes after the last "/". */
struct sp_str path_name(struct sp_str path);

#endif
