# T43: answers that nobody asked for, 20,000 of each kind, and 5,000 channels that a plugin refuses:
# memory stays flat, everybody is served.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/switchboard-serial" ] || skip "the build has no test plugins"
configure "{\"workers\": 1, \"log\": {\"level\": \"warning\"}, \"plugins\": [
    {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
    {\"name\": \"board\", \"plugin\": \"switchboard-serial\"},
    {\"name\": \"files\", \"plugin\": \"fs-posix\"},
    {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
    \"chains\": {\"channel\": [\"board\", \"shell\"]}}"
add_user alice '{"permit": ["exec", "channel"]}'
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

raw <<'END'
c = user()
channel = c.open_session()
check(channel.exec("cat"), "exec refused")

def flat(name, send, count=20000):
    for _ in range(500):
        send()
    before = worker_rss_kib()
    for _ in range(count):
        send()
    channel.data(b"alive\n")
    while True:
        code, reader = c.receive()
        if code == CHANNEL_DATA:
            break
    reader.u32()
    check(reader.string() == b"alive\n", f"{name}: output")
    channel.adjust(6)
    grown = worker_rss_kib() - before
    check(grown < 4000, f"{name}: memory grew by {grown} KiB")

def refused():
    c.send_packet(c.open_packet("refuse@test", 7, rest=b"no"))
    while True:
        code, reader = c.receive()
        if code == OPEN_FAILURE:
            return

for code in (CHANNEL_SUCCESS, CHANNEL_FAILURE):
    flat(f"{code} of a channel", lambda: channel.send(code))
    flat(f"{code} of none", lambda: c.send_packet(bytes([code]) + u32(4711)))
for code in (REQUEST_SUCCESS, REQUEST_FAILURE):
    flat(str(code), lambda: c.send_packet(bytes([code])))
flat("packets for no channel", lambda: c.send_packet(bytes([CHANNEL_DATA]) + u32(4711) + string("x")))
flat("channels that a plugin refuses", refused, 5000)
flat("requests that nobody knows", lambda: channel.request("nonsense@test", b"x" * 100), 5000)
others_are_served()
END
