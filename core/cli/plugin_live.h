/* plugin_live.h: what a running daemon says of its plugin instances. */
#ifndef SALLYPORT_CLI_PLUGIN_LIVE_H
#define SALLYPORT_CLI_PLUGIN_LIVE_H

#include <jansson.h>
#include <stdbool.h>

/* All instances, or the one of that name with all its operations, as the daemon behind the socket
 * tells. NULL, without a word, if none answers or it has no such instance. */
json_t *plugin_live_ask(const char *socket, const char *instance);
/* One instance in full. */
void plugin_live_print(const json_t *instance);
/* A line for each. */
void plugin_live_print_all(const json_t *instances);

#endif
