# A connection without traffic for timeouts.idle_ms is disconnected with a reason; one that is busy
# for longer than that is not.
. "$(dirname "$0")/lib.sh"
configure '{"timeouts": {"idle_ms": 1500}}'
daemon_start

expect_equal "$(ssh_ target 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done' | wc -l)" 6 \
    "a busy connection"
raw <<'END'
idle = user()
begin = time.monotonic()
text = idle.expect_end()
took = time.monotonic() - begin
check(1.0 < took < 10, f"disconnected after {took:.1f} s")
check(text and "idle" in text.lower(), f"reason: {text!r}")
END
