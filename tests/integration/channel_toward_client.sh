# Channels that a plugin opens toward the client: OpenSSH's forwarded agent is asked for its keys; a
# client that refuses, does not answer, answers nonsense or what nobody asked; what a user may not.
# isolated: too
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/switchboard-serial" ] || skip "the build has no test plugins"
need ssh-agent ssh-add
"$SALLYPORT_PREFIX/bin/sallyport" version --features | grep -q 'packet tap.*no' && skip "needs the packet tap"

subsystems='"agent": "board"'
for type in x@test x11 forwarded-tcpip; do
    subsystems+=", \"open:$type\": \"board\""
done
serve() # THREADING
{
    configure "{\"workers\": 1, \"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"board\", \"plugin\": \"switchboard-$1\"},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
        \"chains\": {\"channel\": [\"board\", \"shell\"]},
        \"subsystems\": {\"sftp\": \"core\", $subsystems}}"
}
add_user alice '{"permit": ["exec", "subsystem", "agent", "channel"]}'
add_user bob '{"permit": ["exec", "subsystem"]}'
serve serial
daemon_start

SSH_AUTH_SOCK=$W/agent.sock
eval "$(ssh-agent -a "$SSH_AUTH_SOCK")" >/dev/null
export SSH_AUTH_SOCK
ssh-add -q "$W/key"
blob=$(cut -d' ' -f2 "$W/key.pub" | base64 -d | od -An -tx1 | tr -d ' \n')

try_all()
{
    local said
    said=$(ssh_ -A -o IdentityAgent="$SSH_AUTH_SOCK" -o ForwardAgent=yes -s target agent)
    expect_match "$said" $'^opened 0\n[0-9a-f]{8}0c00000001' "the agent's answer"
    expect_match "$said" "$blob" "the agent's key"
    expect_match "$said" $'\nclosed$' "the agent's end"
    # Without -A the client refuses; so does it what it does not know. bob may not have it opened.
    expect_equal "$(ssh_ -s target agent)" $'opened 1\nclosed' "no forwarded agent"
    expect_equal "$(ssh_ -s target open:x@test)" $'opened 1\nclosed' "a type that the client lacks"
    expect_equal "$(ssh_ -s bob@target agent)" $'opened 1\nclosed' "a user without permission"
    expect_equal "$(ssh_ -s target open:x11)" $'opened 1\nclosed' "x11 without permission"
    expect_equal "$(ssh_ -s target open:forwarded-tcpip)" $'opened 1\nclosed' "reverse tunnel"

    raw <<'END'
def asked(c, number=0, kind="x@test"):
    """The session, and the number of the channel that the server opens."""
    channel = c.open_session(number)
    check(channel.request("subsystem", string("open:" + kind)), "subsystem refused")
    code, reader = c.receive()
    while code == WINDOW_ADJUST:
        code, reader = c.receive()
    check(code == CHANNEL_OPEN, f"{code} instead of an open")
    check(reader.string() == kind.encode(), "type")
    local, window, packet = reader.u32(), reader.u32(), reader.u32()
    check(reader.data[reader.at:] == b"payload", "payload")
    return channel, local, window, packet

def confirm(c, local, ours, window=100000, packet=32768):
    c.send_packet(bytes([OPEN_CONFIRMATION]) + u32(local) + u32(ours) + u32(window) + u32(packet))

def refuse(c, local, reason=2):
    c.send_packet(bytes([OPEN_FAILURE]) + u32(local) + u32(reason) + string("no") + string(""))

# Taken: data both ways, then the server closes.
c = user()
session, local, window, packet = asked(c)
confirm(c, local, 7)
peer = Channel(c, 7, local, window, packet)
seen = {}
peer.data(b"\x01\x02")
while CHANNEL_CLOSE not in seen:
    code, reader = c.receive()
    to = reader.u32()
    if code == CHANNEL_DATA:
        seen.setdefault((code, to), b"")
        seen[(code, to)] += reader.string()
    elif to == 7:
        seen[code] = True
check(seen[(CHANNEL_DATA, 0)] == b"opened 0\n0102\n", f"what the plugin saw: {seen}")
check(CHANNEL_EOF in seen, "no EOF before the close")
peer.close()
check(session.collect()["out"] == b"closed\n", "the peer's end")

# Refused with a reason; reason 0 is none.
for reason, told in ((2, 2), (4, 4), (0, 1)):
    c = user()
    session, local, _, _ = asked(c)
    refuse(c, local, reason)
    check(session.collect()["out"] == b"opened %d\nclosed\n" % told, f"refused with {reason}")
    refuse(c, local, reason)  # once more is once too often
    c.expect_end(CHANNEL_CLOSE)

# Answers that nobody waits for, cut short, or with a packet size that nothing fits in.
def ends(name, send):
    c = user()
    session, local, _, _ = asked(c)
    send(c, local)
    c.expect_end(WINDOW_ADJUST, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_CLOSE, CHANNEL_REQUEST)
ends("another number", lambda c, local: confirm(c, local + 1, 7))
ends("a session's number", lambda c, local: confirm(c, 0, 7))
ends("twice", lambda c, local: (confirm(c, local, 7), confirm(c, local, 7)))
ends("no packet size", lambda c, local: confirm(c, local, 7, packet=0))
ends("short", lambda c, local: c.send_packet(bytes([OPEN_CONFIRMATION]) + u32(local) + u32(1)))
for code in (CHANNEL_EOF, CHANNEL_CLOSE):
    ends(f"{code} before it is open",
         lambda c, local, code=code: c.send_packet(bytes([code]) + u32(local)))
ends("a refusal of nothing", lambda c, local: refuse(c, 4711))
c = user()
confirm(c, 0, 0)
c.expect_end()

# A client that does not answer has no more than 16 opened; data before the answer is for nobody.
c = user()
pending = [asked(c, number) for number in range(16)]
one_more = c.open_session(40)
check(one_more.request("subsystem", string("open:x@test")), "subsystem refused")
check(one_more.collect()["out"] == b"opened 4\nclosed\n", "a 17th")
one_more.close()
c.send_packet(bytes([CHANNEL_DATA]) + u32(pending[0][1]) + string("early"))
c.send_packet(bytes([CHANNEL_REQUEST]) + u32(pending[0][1]) + string("exec") + boolean(True)
              + string("true"))
refuse(c, pending[0][1])
check(pending[0][0].collect()["out"] == b"opened 2\nclosed\n", "refused after nonsense")
session = c.open_session(50)
check(session.exec("true"), "exec beside them")
c.close()
others_are_served()
END
}
told() # EVENT
{
    grep -oE "instance=board text=\"$1 channel=[0-9]+" "$W/log" | grep -oE '[0-9]+$' | sort
}
# Every peer is told the outcome, then its end; sessions are told both, too.
all_is_told()
{
    [ -n "$(told opened)" ] && [ "$(told opened)" = "$(told closed)" ]
}
try_all
wait_for 20 "each end to be told once" all_is_told
serve reactor
reload
: >"$W/log"
try_all
wait_for 20 "each end to be told once" all_is_told
kill "$SSH_AGENT_PID"
