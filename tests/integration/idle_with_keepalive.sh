# Answers to the server's keep-alive requests prove that the client is there, not that it does
# anything: timeouts.idle_ms comes all the same.
. "$(dirname "$0")/lib.sh"
configure '{"timeouts": {"idle_ms": 2500, "keepalive_ms": 400, "keepalive_count": 3}}'
daemon_start

raw <<'END'
def sit(answer):
    """How long, how many requests came, and what the server said at the end."""
    c = user()
    c.open_session()
    begin = time.monotonic()
    asked = 0
    try:
        while True:
            payload = c.receive_packet()
            if payload[0] == GLOBAL_REQUEST:
                asked += 1
                c.send_packet(answer)
            elif payload[0] == DISCONNECT:
                reader = Reader(payload[5:])
                return time.monotonic() - begin, asked, reader.string().decode()
    except (Closed, Silent) as end:
        return time.monotonic() - begin, asked, repr(end)

for answer in (bytes([REQUEST_FAILURE]), bytes([REQUEST_SUCCESS])):
    took, asked, text = sit(answer)
    check("idle" in text, f"after {took:.1f} s and {asked} keep-alives: {text}")
    check(2 < took < 12, f"disconnected after {took:.1f} s")
    check(asked >= 2, f"{asked} keep-alives")
END
# OpenSSH answers them by itself.
begin=$(date +%s)
timeout 15 ssh -F "$W/ssh_config" -N target || code=$?
expect_equal "${code:-0}" 255 "exit code of ssh, which was disconnected"
expect_less $(($(date +%s) - begin)) 12 "seconds of idleness"
expect_equal "$(grep -c 'connection\.idle' "$W/log")" 3 "connections that were idle"
expect_no_log 'connection\.unresponsive'

# Who does something stays, and who does not answer is gone before.
expect_equal "$(ssh_ target 'for i in 1 2 3 4; do sleep 1; echo $i; done' | wc -l)" 4 "lines"
raw <<'END'
c = user()
text = c.expect_end()
check(text and "keep-alive" in text, f"reason: {text!r}")
END
