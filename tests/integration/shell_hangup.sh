# When the client goes, the processes of its channels go: with a terminal and without.
. "$(dirname "$0")/lib.sh"
daemon_start

# Not by ssh_: it is the pid of ssh that is wanted.
ssh -F "$W/ssh_config" target "sleep 98765$PORT" </dev/null &
plain=$!
ssh -F "$W/ssh_config" -tt target "sleep 98765$PORT & sleep 98765$PORT" </dev/null >/dev/null 2>&1 &
terminal=$!
wait_for 20 "the commands to run" eval "[ \$(pgrep -fc '^sleep 98765$PORT') -ge 3 ]"
kill -KILL $plain $terminal
wait $plain $terminal 2>/dev/null || true
wait_for 20 "the commands to end" eval "! pgrep -f '^sleep 98765$PORT'"
