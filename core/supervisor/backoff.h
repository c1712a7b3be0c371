/* backoff.h: how long to wait before the next start after failures in a row. Any one thread. */
#ifndef SALLYPORT_SUPERVISOR_BACKOFF_H
#define SALLYPORT_SUPERVISOR_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 100u
#define BACKOFF_LAST_MS 30000u
#define BACKOFF_HEALTH_MS 60000u /* so long without a failure, and all is forgotten */

/* Zero-initialised: no failure yet. */
struct backoff {
    uint32_t failures;
    uint64_t last_ms;
    uint64_t until_ms;
};

/* A failure at now_ms: returns how long to wait, doubled each time. */
static inline uint64_t backoff_failed(struct backoff *backoff, uint64_t now_ms)
{
    if (now_ms - backoff->last_ms >= BACKOFF_HEALTH_MS)
        backoff->failures = 0;
    uint64_t delay = BACKOFF_LAST_MS;
    if (backoff->failures < 9 && BACKOFF_FIRST_MS << backoff->failures < BACKOFF_LAST_MS)
        delay = (uint64_t)BACKOFF_FIRST_MS << backoff->failures;
    backoff->failures++;
    backoff->last_ms = now_ms;
    backoff->until_ms = now_ms + delay;
    return delay;
}

static inline int backoff_is_waiting(const struct backoff *backoff, uint64_t now_ms)
{
    return now_ms < backoff->until_ms;
}

#endif
