# T43: a client that opens and closes channels, or is refused them, faster than a plugin that is told
# of each can follow is refused some; memory stays flat, others are served, and it gets channels again
# afterwards.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/slow-witness" ] || skip "the build has no test plugins"
configure "{\"workers\": 1, \"log\": {\"level\": \"warning\"}, \"plugins\": [
    {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
    {\"name\": \"witness\", \"plugin\": \"slow-witness\"},
    {\"name\": \"files\", \"plugin\": \"fs-posix\"},
    {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
    \"chains\": {\"channel\": [\"witness\", \"shell\"], \"connection\": [\"witness\"]}}"
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

raw <<'END'
c = user()
refused = 0
def one():
    """Open and close a channel; whether it was opened."""
    c.send_packet(c.open_packet("session", 3))
    code, reader = c.receive()
    while code in (CHANNEL_CLOSE, CHANNEL_EOF, WINDOW_ADJUST):
        code, reader = c.receive()
    if code == OPEN_FAILURE:
        check(reader.u32() == 3 and reader.u32() == 4, "reason")
        return False
    check(code == OPEN_CONFIRMATION and reader.u32() == 3, f"{code}")
    Channel(c, 3, reader.u32(), 0, 0).close()
    return True
before = worker_rss_kib()
for _ in range(6000):
    refused += not one()
check(refused > 1000, f"only {refused} were refused")
grown = worker_rss_kib() - before
check(grown < 8000, f"memory grew by {grown} KiB")
others_are_served()
deadline = time.monotonic() + 20
while not one():
    check(time.monotonic() < deadline, "no channel afterwards")
    time.sleep(0.05)  # between two tries

c = user()
before = worker_rss_kib()
for _ in range(20000):
    c.send_packet(c.open_packet("nonsense@test", 3))
    c.expect(OPEN_FAILURE)
grown = worker_rss_kib() - before
check(grown < 8000, f"memory grew by {grown} KiB over channels that are refused")
others_are_served()
END
