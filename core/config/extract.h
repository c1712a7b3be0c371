/* extract.h: from JSON that was held against the schema to struct config. */
#ifndef SALLYPORT_CONFIG_EXTRACT_H
#define SALLYPORT_CONFIG_EXTRACT_H

#include <jansson.h>

#include "config/config.h"

/* Fill config from root; config->file and config->positions are set. What does not fit the schema
 * is left out (NULL, 0, false), so that the rest can still be checked. 0 or SP_ERR_NOMEM. */
int config_extract(json_t *root, struct config *config);

#endif
