# An interactive shell: terminal, echo, window size and its change, Ctrl-C, exit status.
# isolated: too
. "$(dirname "$0")/lib.sh"
need expect
daemon_start

cat >"$W/session.exp" <<'END'
set timeout 20
proc fail {what} { puts "FAILED: $what"; exit 1 }
proc want {pattern what} {
    expect {
        -re $pattern {}
        timeout { fail "waited in vain for $what" }
        eof { fail "the session ended before $what" }
    }
}
set stty_init "rows 31 cols 97"
spawn ssh -F $env(W)/ssh_config -tt target
send "PS1='%'; echo terminal=\$TERM\r"
want "terminal=\[a-z\]" "the terminal's name"
send "stty size\r"
want "31 97" "the window size"
exec stty rows 40 columns 120 < $spawn_out(slave,name)
exec kill -WINCH [exp_pid]
send "stty size\r"
expect {
    "40 120" {}
    "31 97" { send "stty size\r"; exp_continue }
    timeout { fail "waited in vain for the new window size" }
}
send "sleep 1000 || echo interrupted=\$?\r"
want "sleep 1000" "the echo"
send "\003"
send "echo after=1\r"
want "after=1\r" "the prompt after Ctrl-C"
send "exit 9\r"
expect eof
exit [lindex [wait] 3]
END
code=0
W=$W TERM=xterm expect "$W/session.exp" >"$W/out/session" 2>&1 || code=$?
[ "$code" = 9 ] || { cat "$W/out/session"; fail "the shell's exit status is $code, not 9"; }
