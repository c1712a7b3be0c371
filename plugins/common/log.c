/* log.c: formatted lines for the host's log. Any thread. */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_line(const struct sp_host *host, uint32_t level, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    host->log(host, level, sp_str_of(text));
}
