# A client that asks for replies and never reads them is cut off once too many of them wait; the
# worker's memory stays bounded and everybody else is served.
# seconds: 300
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "log": {"level": "info"}}'
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

raw <<'END'
def flood(send, name):
    c = user(receive_buffer=4096)
    before = worker_peak_kib()
    deadline = time.monotonic() + 200
    count = 0
    try:
        while True:
            with c.in_one_piece():
                for _ in range(200):
                    send(c)
            count += 200
            check(time.monotonic() < deadline, f"{name}: not cut off after {count} requests")
    except Closed:
        pass
    grown = worker_peak_kib() - before
    check(grown < 100000, f"{name}: memory grew by {grown} KiB for {count} requests")
    c.close()
    others_are_served()

flood(lambda c: c.send_packet(c.open_packet("nonsense@example.org")), "channels")
flood(lambda c: c.global_request("nonsense@example.org"), "global requests")
END
expect_equal "$(grep -c 'connection.output_flood' "$W/log")" 2 "connections that were cut off"
