/* family.h: families of operations on files by the words that manifests have for them. Any thread.
 */
#ifndef PLUGINS_COMMON_FAMILY_H
#define PLUGINS_COMMON_FAMILY_H

#include <stdint.h>

struct json_t;

/* SP_SFTP_* of an array of words; words that mean none are the schema's to refuse. */
uint32_t families_take(const struct json_t *list);

#endif
