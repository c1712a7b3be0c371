# Records and lines: however the bytes are cut into packets, the events are the same; framing changes
# from within the handler, for what has come already; the rest comes at the end; both streams apart.
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
        \"subsystems\": {\"sftp\": \"core\", \"frames\": \"board\"}}"
}
add_user alice '{"permit": ["sftp", "exec", "subsystem"]}'
serve serial
daemon_start

try_all()
{
    raw <<'END'
def events(out):
    """(frame_end, stream, data) of each event that was sent back."""
    found, at = [], 0
    while at < len(out):
        length = int.from_bytes(out[at:at + 4], "big")
        found.append((out[at + 4], out[at + 5], out[at + 6:at + 6 + length]))
        at += 6 + length
    return found

def board():
    channel = user().open_session()
    check(channel.request("subsystem", string("frames")), "frames refused")
    return channel

def play(pieces, what):
    """What comes back of pieces; each is a packet, sent at once or alone."""
    channel = board()
    for piece in pieces:
        if isinstance(piece, tuple):
            channel.send(EXTENDED_DATA, u32(1) + string(piece[0]))
        else:
            channel.data(piece)
    channel.eof()
    result = channel.collect()
    check(result["status"] == 0, f"{what}: no exit status")
    return events(result["out"])

def expect(pieces, expected, what):
    found = play(pieces, what)
    check(found == expected, f"{what}: {found}")

head = b"!line 10 0d0a\r\n"
lines = b"one\r\ntwo\r\n\r\nfar too long\r\nlast"
expected = [(0, 0, head), (1, 0, b"one\r\n"), (1, 0, b"two\r\n"), (1, 0, b"\r\n"),
            (0, 0, b"far too lo"), (1, 0, b"ng\r\n"), (0, 0, b"last")]
# The first event changes the framing of what has come with it only where it is an event of its own.
channel = board()
channel.data(head)
def one_event(channel):
    while True:
        code, reader = channel.client.receive()
        if code == CHANNEL_DATA:
            reader.u32()
            data = reader.string()
            while len(data) < 6 or len(data) < 6 + int.from_bytes(data[:4], "big"):
                code, reader = channel.client.receive()
                if code == CHANNEL_DATA:
                    reader.u32()
                    data += reader.string()
            return events(data)
check(one_event(channel) == expected[:1], "the command")
for byte in lines:
    channel.data(bytes([byte]))
channel.eof()
found = events(channel.collect()["out"])
check(found == expected[1:], f"byte by byte: {found}")

for cut in range(len(lines) + 1):
    channel = board()
    channel.data(head)
    check(one_event(channel) == expected[:1], "the command")
    channel.data(lines[:cut])
    channel.data(lines[cut:])
    channel.eof()
    found = events(channel.collect()["out"])
    check(found == expected[1:], f"cut at {cut}: {found}")

# Changed from within the handler, for what waits: lines, then records, then as it comes.
stream = (b"!line 100 0a\n", b"a\n!record 3\nabcdefgh!no", b"ne\n", )
channel = board()
channel.data(stream[0])
one_event(channel)
channel.data(b"a\n!record 3\nabcdefgh")
channel.data(b"ij")
channel.eof()
found = events(channel.collect()["out"])
check(found == [(1, 0, b"a\n"), (1, 0, b"!record 3\n"), (1, 0, b"abc"), (1, 0, b"def"),
                (1, 0, b"ghi"), (0, 0, b"j")], f"changed within: {found}")

# The other stream is framed by itself, and is in nobody's way.
channel = board()
channel.data(b"!record 4")
one_event(channel)
channel.data(b"ab")
channel.send(EXTENDED_DATA, u32(1) + string(b"1234"))
check(one_event(channel) == [(1, 1, b"1234")], "the other stream")
channel.send(EXTENDED_DATA, u32(1) + string(b"56"))
channel.data(b"cd")
check(one_event(channel) == [(1, 0, b"abcd")], "the first stream")
channel.eof()
check(events(channel.collect()["out"]) == [(0, 1, b"56")], "the rest")

# What waits for more comes at once when the framing no longer asks for it.
channel = board()
channel.data(b"!record 100")
one_event(channel)
channel.data(b"half a record")
channel.send(EXTENDED_DATA, u32(1) + string(b"and another"))
check(channel.request("signal", string("USR1")), "signal")
both = one_event(channel)
while len(both) < 2:
    both += one_event(channel)
check(sorted(both) == [(0, 0, b"half a record"), (0, 1, b"and another")], f"unframed: {both}")

# As many records as there are bytes.
channel = board()
channel.data(b"!record 1")
one_event(channel)
many = bytes(number % 200 + 40 for number in range(3000))  # no "!" among them
channel.data(many)
channel.eof()
found = events(channel.collect()["out"])
check(found == [(1, 0, bytes([byte])) for byte in many], f"{len(found)} records of a byte")

# A record as large as may be; one that may not be.
channel = board()
channel.data(b"!record 65536")
one_event(channel)
channel.data(b"x" * 30000)
channel.data(b"x" * 30000)
channel.data(b"y" * 6000)
check(one_event(channel) == [(1, 0, b"x" * 60000 + b"y" * 5536)], "a large record")
channel.eof()
check(events(channel.collect()["out"]) == [(0, 0, b"y" * 464)], "the rest of it")
channel = board()
channel.data(b"!record 65537")
channel.eof()
check(channel.collect()["out"].endswith(b"refused"), "a record of 65537")
others_are_served()
END
}
try_all
wait_log 'eof .*framing=1 in=66013 out=66031 room='
serve reactor
reload
try_all
