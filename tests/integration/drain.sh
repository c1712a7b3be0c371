# SIGTERM: no new connections, those that are open go on until they end; the daemon then ends with 0.
. "$(dirname "$0")/lib.sh"
configure '{"timeouts": {"drain_ms": 60000}}'
daemon_start

export DAEMON_PID
raw <<'END'
import os
import signal
from transfers import Transfer
running = Transfer(1)
running.write_some()
os.kill(int(os.environ["DAEMON_PID"]), signal.SIGTERM)
end = time.monotonic() + 20
while time.monotonic() < end:
    try:
        fresh().read_banner()
    except (ConnectionError, Closed, Silent): # a listener that closes may forget a client
        break
else:
    check(False, "new connections are still taken")
running.finish()
END
wait_for 20 "the daemon to end" is_gone "$DAEMON_PID"
wait "$DAEMON_PID" || fail "exit code $?"
DAEMON_PID=
