/*
 * schema.h: the part of JSON Schema (2020-12) that our own configuration and plugins' manifests
 * use: type, properties, required, additionalProperties, items, minItems, maxItems, uniqueItems,
 * enum, const, minimum, maximum, minLength, maxLength, pattern, default, description, title, $schema, $id,
 * $defs and local $ref. Any other keyword in a schema is a complaint, so that nothing is believed
 * to be checked which is not.
 */
#ifndef SALLYPORT_CONFIG_SCHEMA_H
#define SALLYPORT_CONFIG_SCHEMA_H

#include <jansson.h>

#include "base/report.h"
#include "config/position.h"

/* Check value against schema and put defaults into it. Complaints go to report with file, with the
 * line from positions (may be NULL), and with prefix before the key. 0 or SP_ERR_INVALID. */
int schema_apply(json_t *schema, json_t *value, const char *file, const char *prefix,
                 const struct positions *positions, struct report *report);
/* Complain about a schema that uses what is not checked here. 0 or SP_ERR_INVALID. */
int schema_check(json_t *schema, const char *file, struct report *report);

#endif
