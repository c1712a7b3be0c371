/*
 * channel_window.c: the size of a channel's window, by trial: see channel_window.h.
 *
 * The time of a round holds at least one round trip. If the window is what holds the client up, a
 * window twice as large makes it nearly twice as fast; if anything else does, it makes no
 * difference, and the memory that it could cost is not worth it.
 */
#include "session/channel_window.h"

enum {
    REOPEN_SHARE = 8,  /* the client hears of more when this share of the window is used */
    ROUNDS_OFF = 64,   /* after a try that was of no use */
    GAIN_PERCENT = 125 /* of the speed before: less is no gain */
};

static void begin_round(struct channel_window *window, uint64_t now_ns)
{
    window->round_bytes = window->left;
    window->round_end = window->received + window->left;
    window->round_began_ns = now_ns;
}

static void resize(struct channel_window *window, struct channel_windows *all, uint32_t size)
{
    all->extra += size;
    all->extra -= window->size;
    window->size = size;
}

static bool can_double(const struct channel_window *window, const struct channel_windows *all)
{
    return window->size <= CHANNEL_WINDOW_MOST / 2 &&
           all->extra + window->size <= CHANNEL_WINDOWS_EXTRA;
}

static void judge_round(struct channel_window *window, struct channel_windows *all, uint64_t kept,
                        uint64_t now_ns)
{
    uint64_t took_ns = now_ns - window->round_began_ns;
    uint64_t speed = window->round_bytes * 1000000000 / (took_ns ? took_ns : 1);
    bool is_gain = speed / GAIN_PERCENT * 100 > window->speed;

    if (window->is_settling) {
        window->is_settling = false;
        return;
    }
    if (window->rounds_off > 0) {
        window->rounds_off--;
        window->speed = 0;
        return;
    }
    if (kept == 0 && is_gain && can_double(window, all)) {
        window->speed = speed;
        window->is_settling = true;
        resize(window, all, window->size * 2);
        return;
    }
    if (window->speed && (kept > 0 || !is_gain) && window->size > CHANNEL_WINDOW_LEAST)
        resize(window, all, window->size / 2); /* the last step was of no use */
    window->rounds_off = ROUNDS_OFF;
}

void channel_window_use(struct channel_window *window, uint32_t length)
{
    window->left -= length;
    window->received += length;
}

void channel_window_judge(struct channel_window *window, struct channel_windows *all, uint64_t kept,
                          uint64_t now_ns)
{
    if (window->received < window->round_end)
        return;
    if (window->round_bytes > 0)
        judge_round(window, all, kept, now_ns);
    begin_round(window, now_ns);
}

uint32_t channel_window_reopen(struct channel_window *window, uint64_t kept)
{
    if (window->size == 0)
        window->size = CHANNEL_WINDOW_LEAST;
    if (window->left + kept > window->size - window->size / REOPEN_SHARE)
        return 0;
    uint32_t more = window->size - window->left - (uint32_t)kept;
    window->left += more;
    return more;
}

void channel_window_close(struct channel_window *window, struct channel_windows *all)
{
    if (window->size > CHANNEL_WINDOW_LEAST)
        resize(window, all, CHANNEL_WINDOW_LEAST);
}
