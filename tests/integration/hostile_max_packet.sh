# T40: a channel with a maximum packet of 0, 1 or 10 bytes is refused; no loop, no memory.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
daemon_start
WORKERS=$(worker_pids)
export WORKERS

raw <<'END'
for size in (0, 1, 9, 10, 11, 100):
    c = user()
    c.send_packet(c.open_packet(packet=size))
    c.expect(OPEN_FAILURE)
others_are_served()
before = worker_cpu_s()
time.sleep(1)  # the time in which a loop would show
check(worker_cpu_s() - before < 0.5, "the worker is busy with nothing")
END
