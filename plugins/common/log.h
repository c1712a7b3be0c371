/* log.h: formatted lines for the host's log. Any thread. */
#ifndef PLUGINS_COMMON_LOG_H
#define PLUGINS_COMMON_LOG_H

#include <sallyport/plugin.h>

/* A line in the host's log, cut at 1023 bytes. Never pass a secret. */
__attribute__((format(printf, 3, 4))) void log_line(const struct sp_host *host, uint32_t level,
                                                    const char *format, ...);

#endif
