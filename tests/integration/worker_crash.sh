# SIGSEGV to one worker during transfers: only its connections end, the others' data is whole, the
# worker is replaced, and the log says so.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 2}'
expect_crashes
daemon_start

raw <<'END'
import os
import signal
from transfers import Transfer
transfers = [Transfer(number) for number in range(8)]
victim = transfers[0].worker
others = [t for t in transfers if t.worker != victim]
check(others, "all connections are with one worker")
for t in transfers:
    t.write_some()
os.kill(victim, signal.SIGSEGV)
for t in transfers:
    if t.worker == victim:
        t.client.wait_closed()
for t in others:
    t.finish()
others_are_served()
END
wait_log "worker\.crashed"
wait_for 20 "a new worker" eval '[ "$(worker_pids | wc -l)" = 2 ]'
