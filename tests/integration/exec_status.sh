# A command's exit status, signal, standard output and standard error reach the client apart.
# isolated: too
. "$(dirname "$0")/lib.sh"
daemon_start

expect_equal "$(ssh_ target 'echo hi')" hi "output"
code=0
ssh_ target 'echo out; echo err >&2; exit 7' >"$W/out/o" 2>"$W/out/e" || code=$?
expect_equal "$code" 7 "exit status"
expect_equal "$(cat "$W/out/o")" out "standard output"
expect_equal "$(cat "$W/out/e")" err "standard error"

code=0
ssh_ target 'no-such-command-here' 2>/dev/null || code=$?
expect_equal "$code" 127 "exit status of an unknown command"

raw <<'END'
c = user()
channel = c.open_session()
check(channel.exec("kill -KILL $$"), "exec refused")
result = channel.collect()
check(result["signal"] == "KILL", f"exit signal: {result}")
check(result["status"] is None, "a signal and a status")
END
