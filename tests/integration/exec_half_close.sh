# The client's EOF does not end the channel: the command still answers after it.
# isolated: too
. "$(dirname "$0")/lib.sh"
daemon_start

expect_equal "$(printf 'b\na\n' | ssh_ target 'sort; echo end')" $'a\nb\nend' "output after EOF"

raw <<'END'
c = user()
channel = c.open_session()
check(channel.exec("cat; echo late"), "exec refused")
channel.data(b"early\n")
channel.eof()
result = channel.collect()
check(result["out"] == b"early\nlate\n", f"output: {result}")
check(result["eof"] and result["status"] == 0, f"ending: {result}")
END
