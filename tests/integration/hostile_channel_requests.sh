# T44: short or malformed channel requests get CHANNEL_FAILURE (or a disconnect), unknown ones
# CHANNEL_FAILURE, unknown channel types OPEN_FAILURE, and the connection serves on.
. "$(dirname "$0")/lib.sh"
daemon_start

raw <<'END'
c = user()
channel = c.open_session()
check(channel.request("nonsense@example.org", b"\xff" * 100) is False, "unknown request")
check(channel.request("nonsense@example.org", want_reply=False) is None, "unknown request")
check(channel.request("keepalive@openssh.com") is False, "keep-alive on a channel")
check(channel.exec("echo alive"), "exec after unknown requests")
check(channel.collect()["out"] == b"alive\n", "output")

for kind in ("nonsense", "", "x" * 5000, "direct-streamlocal@openssh.com", "forwarded-tcpip"):
    c.send_packet(c.open_packet(kind, 5, rest=string("/run/x") + string("") + u32(0)))
    reply = c.expect(OPEN_FAILURE)
    check(reply.u32() == 5 and reply.u32() in (1, 2, 3, 4), f"reason for {kind!r}")

for name, rest in (("pty-req", string("xterm")), ("pty-req", b""), ("env", string("LC_A")),
                   ("exec", u32(1000) + b"x"), ("exec", b""), ("subsystem", u32(0xFFFFFFFF)),
                   ("signal", b""), ("window-change", u32(80)), ("subsystem", string("")),
                   ("subsystem", string("no-such")), ("exec", string("a\0b"))):
    c = user()
    channel = c.open_session()
    try:
        check(channel.request(name, rest) is False, f"{name} {rest!r} was accepted")
        check(c.open_session(1).exec("true"), f"the connection after {name}")
    except Closed:
        pass
others_are_served()
END
