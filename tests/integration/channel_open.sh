# Channels of other types than sessions: taken, refused with the plugin's words, answered later; never
# without the user's permission. Plugins that want to know are told of every channel, and once of its
# end.
# isolated: too
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/switchboard-serial" ] || skip "the build has no test plugins"

serve() # THREADING
{
    configure "{\"workers\": 1, \"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"board\", \"plugin\": \"switchboard-$1\"},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
        \"chains\": {\"channel\": [\"board\", \"shell\"]}}"
}
add_user alice '{"permit": ["sftp", "exec", "subsystem", "channel", "tunnel_forward"]}'
add_user bob '{"permit": ["exec"]}'
add_user carol '{"permit": ["exec", "subsystem", "channel", "tunnel_forward"], "channels_max": 2,
    "permit_open": ["db.example:5432", "*:80", "/run/db.sock"]}'
serve serial
daemon_start

try_all()
{
    raw <<'END'
def ask(c, kind, rest=b"", number=3):
    c.send_packet(c.open_packet(kind, number, rest=rest))
    code, reader = c.receive()
    while code == WINDOW_ADJUST:  # of those that are open
        code, reader = c.receive()
    check(reader.u32() == number, "answer about another channel")
    if code == OPEN_FAILURE:
        return reader.u32(), reader.string().decode()
    check(code == OPEN_CONFIRMATION, f"{kind}: {code}")
    return Channel(c, number, reader.u32(), reader.u32(), reader.u32())

def is_echo(channel, text=b"hello"):
    channel.data(text)
    channel.eof()
    result = channel.collect()
    return result["out"] == u32(len(text)) + b"\0\0" + text and result["status"] == 0

c = user()
check(is_echo(ask(c, "echo@test", b"raw\xffbytes")), "echo@test")
check(is_echo(ask(c, "later@test", number=4)), "later@test")
to = string("server.example") + u32(80) + string("127.0.0.1") + u32(5)
check(is_echo(ask(c, "direct-tcpip", to, 5)), "direct-tcpip")
for kind, rest, reason, text in (
        ("refuse@test", b"not today", 4, "not today"),
        ("refuse@test", b"", 4, "refused"),
        ("nobody@test", b"", 3, "unknown channel type"),
        ("allow@test", b"", 3, "unknown channel type"),
        ("direct-streamlocal@openssh.com", string("/run/x") + string("") + u32(0), 1,
         "tunnels are not offered"),
        ("direct-tcpip", to[:-1], 1, "malformed parameters"),
        ("direct-tcpip", b"", 1, "malformed parameters"),
        ("forwarded-tcpip", to, 3, "unknown channel type"),
        ("x11", string("127.0.0.1") + u32(1), 3, "unknown channel type")):
    check(ask(c, kind, rest) == (reason, text), f"{kind}: {ask(c, kind, rest)}")
# What was swallowed or refused leaves nothing behind that a session would get instead.
channel = c.open_session(9)
check(channel.exec("echo alive") and channel.collect()["out"] == b"alive\n", "a session after it")
channel.close()
# A taken channel runs no program.
channel = ask(c, "echo@test", number=11)
check(not channel.exec("echo no") and not channel.request("subsystem", string("sftp")), "program")
check(not channel.request("pty-req", string("x") + u32(1) * 4 + string("")), "terminal")
check(is_echo(channel), "echo after requests")
c.close()

c = user("bob")
for kind, reason in (("echo@test", 3), ("refuse@test", 3), ("direct-tcpip", 1)):
    check(ask(c, kind, to)[0] == reason, f"{kind} without permission")
check(c.open_session(9).exec("true"), "a session of bob's")
c.close()

# carol's tunnels lead to where she may, and she has two channels at a time.
c = user("carol")
def to_host(host, port):
    return ask(c, "direct-tcpip", string(host) + u32(port) + string("127.0.0.1") + u32(5))
for host, port in (("db.example", 5433), ("other.example", 5432), ("", 5432)):
    check(to_host(host, port) == (1, "not permitted to this user"), f"{host}:{port}")
for host, port in (("DB.example", 5432), ("any.example", 80)):
    channel = to_host(host, port)
    check(is_echo(channel), f"{host}:{port}")
    channel.close()
unix = string("") + u32(0)
check(ask(c, "direct-streamlocal@openssh.com", string("/run/other") + unix)
      == (1, "not permitted to this user"), "a path that is not listed")
check(ask(c, "direct-streamlocal@openssh.com", string("/run/db.sock") + unix)
      == (1, "tunnels are not offered"), "a path that is listed and nobody serves")
check(ask(c, "tun@openssh.com", u32(1) + u32(0)) == (1, "not permitted to this user"), "tun")
first, second = c.open_session(21), ask(c, "echo@test", number=22)
check(ask(c, "session") == (4, "too many channels"), "a third channel")
check(first.exec("true") and first.collect()["status"] == 0, "the first one")
first.close()
check(is_echo(ask(c, "echo@test", number=23)), "one more after one is closed")
c.close()
others_are_served()
END
}

# Each channel that opened() told of is closed once, and nothing else is.
told() # EVENT
{
    grep -oE "instance=board text=\"$1 channel=[0-9]+" "$W/log" | grep -oE '[0-9]+$' | sort
}
all_is_told()
{
    [ -n "$(told opened)" ] && [ "$(told opened)" = "$(told closed)" ]
}

try_all
wait_for 20 "each end to be told once" all_is_told
grep -q 'text="opened channel=[0-9]* type=session' "$W/log" || fail "not told of a session"
expect_equal "$(told opened | uniq -d)" "" "channels that opened twice"
serve reactor
reload
: >"$W/log"
try_all
wait_for 20 "each end to be told once" all_is_told
