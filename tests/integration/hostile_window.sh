# T41, T52: more data than the window allows, adjustments past 2^32, extended data to SFTP, a window
# that never opens: disconnect or a stall of that channel only; memory and CPU stay flat.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

raw <<'END'
others_are_served()
before = worker_peak_kib()

# A command that does not read, and a client that does not care about the window.
c = user()
channel = c.open_session()
check(channel.exec("sleep 1000"), "exec refused")
try:
    for _ in range(4000):
        channel.data(b"x" * 32000)
    c.expect_end(WINDOW_ADJUST)
except Closed:
    pass
except Silent:
    check(False, "128 MB past the window were taken")
grown = worker_peak_kib() - before
check(grown < 40000, f"memory grew by {grown} KiB")
others_are_served()

# Adjustments whose sum passes 2^32 - 1.
c = user()
channel = c.open_session(window=0xFFFFFFFF)
channel.adjust(0xFFFFFFFF)
c.expect_end()
others_are_served()

# Extended data to the SFTP subsystem is no SFTP.
s = Sftp(user())
for _ in range(50):
    s.channel.send(EXTENDED_DATA, u32(1) + string(b"z" * 1000))
check(s.is_alive(), "sftp after extended data")

# A window of one byte, then none: the server waits without spinning.
c = user()
channel = c.open_session(window=1)
check(channel.exec("yes"), "exec refused")
code, reader = c.receive()
check(code == CHANNEL_DATA and reader.u32() == 0 and len(reader.string()) == 1, "one byte")
cpu = worker_cpu_s()
time.sleep(1)  # the time in which a loop would show
check(worker_cpu_s() - cpu < 0.5, "the worker is busy with nothing")
others_are_served()
END
