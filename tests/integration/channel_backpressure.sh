# A plugin that sends faster than its client reads is told how much was taken, and when there is room
# again: nothing is lost, memory stays flat. A client that sends faster than its plugin works waits.
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/switchboard-serial" ] || skip "the build has no test plugins"

serve() # THREADING
{
    configure "{\"workers\": 1, \"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"board\", \"plugin\": \"switchboard-$1\"},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\"}],
        \"subsystems\": {\"sftp\": \"core\", \"flood\": \"board\", \"slow\": \"board\", \"frames\": \"board\"}}"
}
add_user alice '{"permit": ["sftp", "exec", "subsystem"]}'
serve serial
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start

try_all()
{
    wait_for 20 "the old worker to end" eval '[ "$(worker_pids | wc -l)" = 1 ]'
    WORKERS=$(worker_pids)
    export WORKERS
    raw <<'END'
others_are_served()
PATTERN = bytes(range(251))
before = worker_peak_kib()

# 8 MB to a client that takes 50,000 bytes a turn.
c = user(receive_buffer=4096)
channel = c.open_session(window=0)
check(channel.request("subsystem", string("flood")), "flood")
got = bytearray()
while True:
    if len(got) % 50000 == 0:
        channel.adjust(50000)
    code, reader = c.receive()
    if code == CHANNEL_CLOSE:
        break
    reader.u32()
    if code == CHANNEL_DATA:
        got += reader.string()
check(len(got) == 8000000, f"{len(got)} bytes came")
check(bytes(got) == (PATTERN * (len(got) // 251 + 1))[:len(got)], "bytes were lost or swapped")
grown = worker_peak_kib() - before
check(grown < 8000, f"memory grew by {grown} KiB while sending")

# A client that fills its window of a plugin which takes an event a second gets no more of it.
before = worker_peak_kib()
c = user()
channel = c.open_session()
check(channel.request("subsystem", string("slow")), "slow")
sent, window = 0, 2 << 20
while sent < window:
    piece = min(32000, window - sent)
    channel.data(b"x" * piece)
    sent += piece
try:
    code, reader = c.receive(seconds=1.5)  # what a plugin takes in the meantime is not half of it
    check(False, f"{code} from a plugin that is busy")
except Silent:
    pass
grown = worker_peak_kib() - before
check(grown < 12000, f"memory grew by {grown} KiB while receiving")
c.close()

# Records that need more than has come hoard no more than the window: a client that sends bit by bit.
c = user()
channel = c.open_session()
check(channel.request("subsystem", string("frames")), "frames")
channel.data(b"!line 65536 00")
before = worker_rss_kib()
with c.in_one_piece():
    for _ in range(3000):
        channel.data(b"x" * 20)
channel.data(b"\0")
channel.eof()
result = channel.collect()["out"]
check(result.endswith(u32(60001) + b"\1\0" + b"x" * 60000 + b"\0"), f"{len(result)} bytes")
others_are_served()
END
}
try_all
wait_log 'flooded .*waits=[1-9][0-9]*'
serve reactor
reload
: >"$W/log"
try_all
wait_log 'flooded .*waits=[1-9][0-9]*'
