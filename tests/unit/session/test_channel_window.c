/*
 * test_channel_window.c: a channel's window grows for clients that it holds up, and for no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "session/channel_window.h"

#define MIB (1024u * 1024)
#define PIECE 32768u

/* A client whose line carries so many bytes in a second and takes so long there and back. */
struct path {
    uint64_t bytes_per_s;
    uint64_t round_trip_ns;
    uint64_t now_ns;
};

/* The client sends all it may, then hears of more a round trip after it was allowed. */
static void send(struct channel_window *window, struct channel_windows *all, struct path *path,
                 uint64_t length, uint64_t kept)
{
    uint64_t allowed = window->left, coming = 0, hears_ns = 0;
    while (length > 0) {
        if (allowed < PIECE) {
            if (path->now_ns < hears_ns)
                path->now_ns = hears_ns;
            allowed += coming;
            coming = 0;
        }
        uint32_t piece = allowed < PIECE ? (uint32_t)allowed : PIECE;
        assert_true(piece > 0);
        allowed -= piece;
        length -= length < piece ? length : piece;
        path->now_ns += piece * 1000000000ull / path->bytes_per_s;
        channel_window_use(window, piece);
        channel_window_judge(window, all, kept, path->now_ns);
        uint32_t more = channel_window_reopen(window, kept);
        if (more > 0 && coming == 0)
            hears_ns = path->now_ns + path->round_trip_ns;
        coming += more;
    }
}

static void open_window(struct channel_window *window)
{
    *window = (struct channel_window){.left = 32000};
    assert_int_equal(channel_window_reopen(window, 0), CHANNEL_WINDOW_LEAST - 32000);
}

static void a_client_far_away_gets_the_largest(void **state)
{
    struct channel_windows all = {0};
    struct channel_window window;
    struct path path = {.bytes_per_s = 1000 * MIB, .round_trip_ns = 100000000};
    (void)state;
    open_window(&window);
    send(&window, &all, &path, 256 * MIB, 0);
    assert_int_equal(window.size, CHANNEL_WINDOW_MOST);
    assert_int_equal(all.extra, CHANNEL_WINDOW_MOST - CHANNEL_WINDOW_LEAST);
    channel_window_close(&window, &all);
    assert_int_equal(all.extra, 0);
}

static void a_client_on_a_slow_line_gets_no_more_than_it_uses(void **state)
{
    struct channel_windows all = {0};
    struct channel_window window;
    struct path path = {.bytes_per_s = 10 * MIB, .round_trip_ns = 10000000};
    (void)state;
    open_window(&window);
    send(&window, &all, &path, 256 * MIB, 0);
    assert_in_range(window.size, CHANNEL_WINDOW_LEAST, 2 * CHANNEL_WINDOW_LEAST);
}

static void what_is_kept_stops_the_growth(void **state)
{
    struct channel_windows all = {0};
    struct channel_window window;
    struct path path = {.bytes_per_s = 1000 * MIB, .round_trip_ns = 100000000};
    (void)state;
    open_window(&window);
    send(&window, &all, &path, 64 * MIB, 1);
    assert_int_equal(window.size, CHANNEL_WINDOW_LEAST);
}

static void what_is_allowed_and_kept_never_passes_the_size(void **state)
{
    struct channel_window window;
    (void)state;
    open_window(&window);
    channel_window_use(&window, CHANNEL_WINDOW_LEAST);
    assert_int_equal(channel_window_reopen(&window, CHANNEL_WINDOW_LEAST - MIB), MIB);
    assert_int_equal(window.left, MIB);
    assert_int_equal(channel_window_reopen(&window, CHANNEL_WINDOW_LEAST), 0);
}

static void little_is_not_worth_a_packet(void **state)
{
    struct channel_window window;
    (void)state;
    open_window(&window);
    channel_window_use(&window, 1000);
    assert_int_equal(channel_window_reopen(&window, 0), 0);
}

static void all_channels_of_a_worker_share_a_bound(void **state)
{
    static struct channel_window windows[64];
    struct channel_windows all = {0};
    struct path path = {.bytes_per_s = 1000 * MIB, .round_trip_ns = 100000000};
    (void)state;
    for (size_t i = 0; i < 64; i++) {
        open_window(&windows[i]);
        send(&windows[i], &all, &path, 64 * MIB, 0);
        assert_true(all.extra <= CHANNEL_WINDOWS_EXTRA);
    }
    assert_int_equal(windows[63].size, CHANNEL_WINDOW_LEAST);
    for (size_t i = 0; i < 64; i++)
        channel_window_close(&windows[i], &all);
    assert_int_equal(all.extra, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_far_away_gets_the_largest),
        cmocka_unit_test(a_client_on_a_slow_line_gets_no_more_than_it_uses),
        cmocka_unit_test(what_is_kept_stops_the_growth),
        cmocka_unit_test(what_is_allowed_and_kept_never_passes_the_size),
        cmocka_unit_test(little_is_not_worth_a_packet),
        cmocka_unit_test(all_channels_of_a_worker_share_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
