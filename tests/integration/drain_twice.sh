# The second SIGTERM does not wait for anybody; nor does the drain deadline. Clients are told.
. "$(dirname "$0")/lib.sh"
configure '{"timeouts": {"drain_ms": 60000}}'
daemon_start

export DAEMON_PID W
raw <<'END'
import os
import signal
c = user()
os.kill(int(os.environ["DAEMON_PID"]), signal.SIGTERM)
channel = c.open_session()
check(channel.exec("sleep 1000"), "exec refused while draining")
# Two signals that come before the daemon has looked are one.
with open(os.environ["W"] + "/log", encoding="utf-8") as log:
    said, end = "", time.monotonic() + 20
    while "daemon.draining" not in said:
        check(time.monotonic() < end, "the daemon did not begin to drain")
        time.sleep(0.02)
        said += log.read()
os.kill(int(os.environ["DAEMON_PID"]), signal.SIGTERM)
c.expect_end(WINDOW_ADJUST, CHANNEL_REQUEST, CHANNEL_EOF, CHANNEL_CLOSE)
END
wait_for 20 "the daemon to end" is_gone "$DAEMON_PID"
DAEMON_PID=

configure '{"timeouts": {"drain_ms": 1000}}'
daemon_start
ssh_ target 'sleep 1000' 2>/dev/null &
client=$!
wait_for 20 "the connection" eval "[ \$(status 's[\"connections\"]') = 1 ]"
sallyport stop --socket "$W/state/control.sock"
wait_for 20 "the daemon to end" is_gone "$DAEMON_PID"
DAEMON_PID=
wait_for 20 "the client to end" is_gone $client
