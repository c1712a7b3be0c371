# A client that leaves the server's wish for new keys unanswered is cut off after
# timeouts.handshake_ms, whether it goes on sending or falls silent.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "rekey": {"bytes": 1048576}, "timeouts": {"handshake_ms": 2000}}'
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

raw <<'END'
def until_kexinit(c):
    """Make the server want new keys, and do not answer."""
    channel = c.open_session(window=1 << 30)
    check(channel.exec("head -c 8000000 /dev/zero"), "exec refused")
    while c.receive_packet()[0] != KEXINIT:
        pass

def expect_cut_off(c, begin):
    try:
        while True:
            c.receive_packet()
    except Closed:
        pass
    except Silent:
        check(False, "not cut off")
    took = time.monotonic() - begin
    check(1 < took < 15, f"cut off after {took:.1f} s")

c = user()
until_kexinit(c)
expect_cut_off(c, time.monotonic())
others_are_served()

# Replies wait for the new keys meanwhile.
c = user()
until_kexinit(c)
begin = time.monotonic()
before = worker_peak_kib()
try:
    while time.monotonic() < begin + 15:
        with c.in_one_piece():
            for _ in range(50):
                c.global_request("x" * 200)
except Closed:
    pass
took = time.monotonic() - begin
check(took < 15, "not cut off while it asks on")
grown = worker_peak_kib() - before
check(grown < 100000, f"memory grew by {grown} KiB")
others_are_served()

# Who answers, if late, goes on.
c = user()
until_kexinit(c)
others_are_served()
c.close()
END
wait_log 'connection\.rekey_timeout'
