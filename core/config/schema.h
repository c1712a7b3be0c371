/*
 * schema.h: the part of JSON Schema (2020-12) that our own configuration and plugins' manifests
 * use: type, properties, required, additionalProperties, items, minItems, maxItems, uniqueItems,
 * enum, const, minimum, maximum, minLength, maxLength, pattern, default, description, title,
 * $schema, $id, $defs and local $ref. Any other keyword in a schema is a complaint, so that nothing
 * is believed to be checked which is not.
 *
 * Narrower than the standard: "integer" wants a number written without a fraction; pattern is a
 * POSIX extended regular expression without \d and its like; $ref is "#" or "#/$defs/NAME";
 * additionalProperties is the only place where true or false may stand for a schema.
 */
#ifndef SALLYPORT_CONFIG_SCHEMA_H
#define SALLYPORT_CONFIG_SCHEMA_H

#include <jansson.h>

#include "base/report.h"
#include "config/position.h"

/* Values and schemas nested deeper than this are refused. */
#define SCHEMA_DEPTH_MAX 64
/* After so many complaints about one value the rest is left out. */
#define SCHEMA_COMPLAINTS_MAX 100

/* Check value against schema and put defaults into it. Complaints go to report with file, with the
 * line from positions (may be NULL), and with prefix before the key; positions are asked for the
 * whole of it. A schema that schema_check() would refuse is safe, but what it says may be ignored.
 * 0 or SP_ERR_INVALID. Any thread. */
int schema_apply(json_t *schema, json_t *value, const char *file, const char *prefix,
                 const struct positions *positions, struct report *report);
/* The same for a part of a schema: $ref is looked up in root. */
int schema_apply_part(json_t *root, json_t *schema, json_t *value, const char *file,
                      const char *prefix, const struct positions *positions, struct report *report);
/* Complain about a schema that uses what is not checked here. 0 or SP_ERR_INVALID. Any thread. */
int schema_check(json_t *schema, const char *file, struct report *report);
/* What $ref in a schema of root means; NULL if it means nothing. */
json_t *schema_resolve(json_t *root, const char *ref);

/* One step of the way from the outermost value to an inner one; lives on the caller's stack. */
struct schema_place {
    const struct schema_place *parent;
    const char *key; /* NULL: index counts */
    size_t index;
};
/* As a JSON pointer after prefix; malloc()ed, NULL if memory is out. */
char *schema_pointer(const char *prefix, const struct schema_place *place);

#endif
