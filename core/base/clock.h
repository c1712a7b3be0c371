/* clock.h: monotonic time. Never goes back; has nothing to do with the date. Any thread. */
#ifndef SALLYPORT_BASE_CLOCK_H
#define SALLYPORT_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_now_ns(void);
static inline uint64_t clock_now_ms(void)
{
    return clock_now_ns() / 1000000u;
}

#endif
