# T62: reads of 4 GiB, offsets past 2^63, strings longer than the packet, packets too short for
# their fields, too long or in fragments: a status or the end of the channel, never more than that.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1}'
SANITIZER_OPTIONS=quarantine_size_mb=1 daemon_start
WORKERS=$(worker_pids)
export WORKERS

raw <<'END'
s = Sftp(user())
handle = s.open("file", sftp.F_READ | sftp.F_WRITE | sftp.F_CREAT)
check(s.write(handle, 0, b"content") == sftp.OK, "write")
before = worker_rss_kib()
check(s.read(handle, 0, 0xFFFFFFFF) == b"content", "a read of 4 GiB gives what there is")
check(s.read(handle, 0, 0) in (b"", sftp.EOF, sftp.OK), "a read of nothing")
for offset in (1 << 63, (1 << 64) - 1, (1 << 63) - 1):
    check(isinstance(s.read(handle, offset, 10), int), f"read at {offset}")
    check(s.write(handle, offset, b"x" * 10) != sftp.OK, f"write at {offset}")
    answer, _ = s.ask(sftp.FSETSTAT, string(handle) + u32(1) + u64(offset))
check(s.status(sftp.FSETSTAT, string(handle) + u32(1) + u64(7)) == sftp.OK, "size back to 7")
check(s.read(handle, 0, 100) == b"content", "content after all this")

def ends_or_says_no(s, what):
    try:
        answer, reader = s.receive()
        check(answer == sftp.STATUS, f"{what}: answer {answer}")
        reader.u32()
        check(reader.u32() != sftp.OK, f"{what}: OK")
        check(s.is_alive(), what)
    except (ChannelEnd, Closed):
        pass

fields = {
    sftp.OPEN: string("file") + u32(1) + u32(0), sftp.CLOSE: string(handle),
    sftp.READ: string(handle) + u64(0) + u32(10), sftp.WRITE: string(handle) + u64(0) + string("x"),
    sftp.LSTAT: string("file"), sftp.FSTAT: string(handle),
    sftp.SETSTAT: string("file") + u32(1) + u64(7), sftp.FSETSTAT: string(handle) + u32(1) + u64(7),
    sftp.OPENDIR: string("."), sftp.READDIR: string(handle), sftp.REMOVE: string("file"),
    sftp.MKDIR: string("d") + u32(0), sftp.RMDIR: string("d"), sftp.REALPATH: string("."),
    sftp.STAT: string("."), sftp.RENAME: string("file") + string("b"), sftp.READLINK: string("l"),
    sftp.SYMLINK: string("a") + string("b"), sftp.EXTENDED: string("statvfs@openssh.com") + string("."),
}
c = user()
number = 0
for code, body in fields.items():
    for damaged, what in ((body[:-1], "cut short"), (u32(0xFFFFFFFF) + body[4:], "4 GiB string"),
                          (u32(len(body)) + body[4:], "string past the packet"), (b"", "empty")):
        number += 1
        bad = Sftp(c, number)
        bad.packet(code, u32(1) + damaged)
        ends_or_says_no(bad, f"request {code}, {what}")
        bad.channel.close()
        try:
            bad.channel.collect()
        except ValueError:
            pass
for length, rest in ((0, b""), (1, b""), (4, b""), (0xFFFFFFFF, b"x" * 100000),
                     (0x7FFFFFFF, b"x" * 100000), (300000, b"x" * 1000000), (1 << 20, b"")):
    bad = Sftp(user())
    bad.raw(u32(length) + bytes([sftp.READ]) + rest)
    try:
        if length < 5:
            ends_or_says_no(bad, f"packet length {length}")
        else:
            bad.receive()
            check(False, f"packet length {length} got an answer")
    except (ChannelEnd, Closed):
        pass
for code in (0, 21, 100, 101, 105, 199, 201, 255):
    bad = Sftp(user())
    bad.packet(code, u32(9) + string("x"))
    ends_or_says_no(bad, f"request code {code}")

# Byte by byte, and many in one packet.
for byte in u32(1 + 4 + 5) + bytes([sftp.REALPATH]) + u32(77) + string("."):
    s.raw(bytes([byte]))
answer, reader = s.receive()
check(answer == sftp.NAME and reader.u32() == 77, "a request in fragments")
s.raw(b"".join(u32(10) + bytes([sftp.REALPATH]) + u32(number) + string(".") for number in range(500)))
seen = set()
for _ in range(500):
    answer, reader = s.receive()
    seen.add(reader.u32())
check(seen == set(range(500)), "requests in one packet")
grown = worker_rss_kib() - before
check(grown < 60000, f"memory grew by {grown} KiB")
others_are_served()
END
