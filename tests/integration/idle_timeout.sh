# A connection without traffic for timeouts.idle_ms is disconnected with a reason; one that is busy
# for longer than that is not.
. "$(dirname "$0")/lib.sh"
configure '{"timeouts": {"idle_ms": 1500}}'
daemon_start

expect_equal "$(ssh_ target 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done' | wc -l)" 6 \
    "a busy connection"
raw <<'END'
begin = time.monotonic() # before the daemon's own clock starts: it is never early
idle = user()
text = idle.expect_end()
took = time.monotonic() - begin
check(1.4 < took < 30, f"disconnected after {took:.1f} s")
check(text and "idle" in text.lower(), f"reason: {text!r}")
END
