# Requests with all their fields reach the plugins: x11-req, auth-agent-req, break, signal, window-change
# and those that only plugins know; what all abstain from, or the user may not, is refused.
# isolated: too
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/switchboard-serial" ] || skip "the build has no test plugins"

configure "{\"plugins\": [
    {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
    {\"name\": \"board\", \"plugin\": \"switchboard-serial\"},
    {\"name\": \"files\", \"plugin\": \"fs-posix\"},
    {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
    \"chains\": {\"channel\": [\"board\", \"shell\"]},
    \"subsystems\": {\"sftp\": \"core\", \"frames\": \"board\"}}"
add_user alice '{"permit": ["sftp", "exec", "subsystem", "x11", "agent", "pty", "env"]}'
add_user bob '{"permit": ["exec", "subsystem"]}'
daemon_start

raw <<'END'
x11 = boolean(True) + string("MIT-MAGIC-COOKIE-1") + string("c0ffee") + u32(3)
channel = user().open_session()
check(channel.request("x11-req", x11), "x11-req")
check(channel.request("auth-agent-req@openssh.com"), "auth-agent-req")
check(channel.request("yes@test", b"pay\xffload"), "a request that a plugin knows")
check(not channel.request("no@test", b"payload"), "a request that nobody knows")
check(not channel.request("xon-xoff", boolean(True)), "xon-xoff, which nobody wants")
check(not channel.request("break", u32(500)), "break without a program")
for name, rest in (("x11-req", x11[:-1]), ("x11-req", b""), ("x11-req", x11 + b"\0"),
                   ("x11-req", boolean(True) + string("a\0b") + string("c") + u32(0)),
                   ("auth-agent-req@openssh.com", b"x"), ("shell", b"x"), ("break", b"\0\0\0"),
                   ("xon-xoff", b""), ("pty-req", string("xterm") + u32(1) * 4 + u32(5)),
                   ("pty-req", string("xterm") + u32(1) * 4 + string("") + b"x"),
                   ("env", string("LC_A") + string("b") + b"x")):
    check(not channel.request(name, rest), f"malformed {name} {rest!r}")
check(channel.request("subsystem", string("frames")), "frames")
for name, rest in (("exec", string("true")), ("shell", b""), ("subsystem", string("sftp")),
                   ("x11-req", x11), ("auth-agent-req@openssh.com", b""),
                   ("pty-req", string("x") + u32(1) * 4 + string(""))):
    check(not channel.request(name, rest), f"{name} after the program")
check(channel.request("break", u32(750)), "break")
check(channel.request("signal", string("USR1")), "signal")
check(channel.request("window-change", u32(100) + u32(40) + u32(0) + u32(0)), "window-change")
channel.eof()
check(channel.collect()["status"] == 0, "the end")

channel = user("bob").open_session()
check(not channel.request("x11-req", x11), "x11-req without permission")
check(not channel.request("auth-agent-req@openssh.com"), "agent without permission")
others_are_served()
END
wait_log 'request .* x11=1,3,MIT-MAGIC-COOKIE-1,c0ffee'
wait_log 'request .*name=yes@test value=pay'
wait_log 'control .*request=8 number=750'
wait_log 'control .*name=USR1 .*request=7'
wait_log 'control .*request=6'
expect_equal "$(grep -c 'text="request .* x11=' "$W/log")" 1 "x11 requests that a plugin was asked for"
