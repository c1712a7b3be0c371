# With connections_per_worker 1 each connection has a process: the crash of one ends one connection.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "limits": {"connections_per_worker": 1}}'
expect_crashes
daemon_start

raw <<'END'
import os
import signal
from transfers import Transfer
transfers = [Transfer(number) for number in range(5)]
check(len({t.worker for t in transfers}) == 5, "two connections share a worker")
for t in transfers:
    t.write_some()
os.kill(transfers[2].worker, signal.SIGSEGV)
transfers[2].client.wait_closed()
for t in transfers[:2] + transfers[3:]:
    t.finish()
others_are_served()
END
wait_for 20 "the workers of ended connections to end" eval '[ "$(worker_pids | wc -l)" -le 2 ]'
