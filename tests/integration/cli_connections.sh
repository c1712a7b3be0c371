# sallyport connections lists who is connected, disconnect ends one with a reason, status counts.
. "$(dirname "$0")/lib.sh"
daemon_start

listing()
{
    sallyport connections --json --socket "$W/state/control.sock"
}
ssh_ target 'sleep 1000' >/dev/null 2>"$W/out/told" &
client=$!
wait_for 20 "the connection in the listing" eval 'listing | grep -q "\"channels\": *1"'
listing | "$PYTHON" -c '
import json, sys
(c,) = json.load(sys.stdin)["connections"]
assert c["user"] == "alice" and c["channels"] == 1, c
assert c["remote_address"] == "127.0.0.1" and c["client_version"].startswith("SSH-2.0-OpenSSH"), c
assert c["bytes_in"] > 1000 and c["bytes_out"] > 1000, c
print(c["id"])' >"$W/out/id"
expect_match "$(sallyport connections --socket "$W/state/control.sock")" alice "the listing for people"

# A client calls itself by what clears a terminal.
coproc EVIL { "$PYTHON" -c '
import os, paramiko, sys
t = paramiko.Transport(("127.0.0.1", int(os.environ["PORT"])))
t.local_version = "SSH-2.0-evil\u009b2J"
t.start_client(timeout=20)
sys.stdin.read()'; }
wait_for 20 "the other client in the listing" eval 'listing | grep -q evil'
expect_match "$(sallyport connections --socket "$W/state/control.sock")" 'evil\?\?2J' \
    "control characters in the listing"
exec {EVIL[1]}>&-

expect_failure sallyport disconnect 999999 --socket "$W/state/control.sock"
sallyport disconnect "$(cat "$W/out/id")" 'lunch time' --socket "$W/state/control.sock"
wait_for 20 "the client to be disconnected" is_gone $client
expect_match "$(cat "$W/out/told")" 'lunch time' "what the client was told"
wait_for 20 "an empty listing" eval "[ \$(status 's[\"connections\"]') = 0 ]"
expect_equal "$(stat -c %a "$W/state/control.sock")" 600 "mode of the control socket"
