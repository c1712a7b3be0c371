# Versions 4, 5 and 6 by hand: what VERSION says, attributes, dispositions, rename flags, names that
# are not UTF-8, text mode, the ends of lists; version-select, in time and late (T64).
# isolated: too
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "sftp": {"version_max": 6, "newline": "crlf", "entries_per_answer": 7}}'
daemon_start
ROOT=$W/root/alice
export ROOT

raw <<'END'
from rawsftp import later_attributes
ROOT = os.environ["ROOT"]
client, channels = user(), iter(range(1000))

def start(version, client=client):
    """A channel that speaks the version, and what VERSION said."""
    s = Sftp(client, next(channels), start=False)
    s.packet(sftp.INIT, u32(version))
    code, reader = s.receive()
    check(code == sftp.VERSION and reader.u32() == version, f"INIT {version}")
    said = {}
    while reader.left():
        name = reader.string()
        said[name] = reader.string()
    s.version = version
    return s, said

def handle_or_status(s, code, body):
    answer, reader = s.ask(code, body)
    return reader.string() if answer == sftp.HANDLE else reader.u32()

no_attributes = u32(0) + b"\1"

def open_(s, path, access, flags):
    how = u32(access) + u32(flags) if s.version > 4 else u32(flags)
    return handle_or_status(s, sftp.OPEN, string(path) + how + no_attributes)

def stat(s, path, wanted=0xfd):
    answer, reader = s.ask(sftp.LSTAT, string(path) + u32(wanted))
    return later_attributes(reader, s.version) if answer == sftp.ATTRS else reader.u32()

def listing(s, path):
    """(name, attributes) of all entries, and how many each answer had."""
    handle = handle_or_status(s, sftp.OPENDIR, string(path))
    entries, counts, last = [], [], False
    while True:
        answer, reader = s.ask(sftp.READDIR, string(handle))
        if answer == sftp.STATUS:
            check(reader.u32() == sftp.EOF, "the end of a list")
            break
        check(not last, "entries after the last")
        counts.append(reader.u32())
        for _ in range(counts[-1]):
            name = reader.string()
            entries.append((name, later_attributes(reader, s.version)))
        last = s.version == 6 and reader.left() > 0 and bool(reader.byte())
        check(reader.left() == 0, "bytes after the entries")
    check(s.close(handle) == sftp.OK, "close")
    return entries, counts

with open(ROOT + "/file", "w") as file:
    file.write("one\ntwo\r\nthree")
os.symlink("file", ROOT + "/link")
os.mkdir(ROOT + "/full")
for i in range(30):
    open(f"{ROOT}/full/{i}", "w").close()
with open(os.fsencode(ROOT) + b"/full/\xe9t\xe9", "w"):
    pass

for version in (4, 5, 6):
    s, said = start(version)
    check(said[b"newline"] == b"\r\n" and said[b"versions"] == b"3,4,5,6", f"{said}")
    check((b"supported" in said, b"supported2" in said) == (version == 5, version == 6), f"{said}")

    # Times with nanoseconds, names of owners, types.
    stamp = 1234567890 * 10**9 + 987654321
    body = u32(0x100 | 0x20) + b"\1" + u64(stamp // 10**9) + u32(stamp % 10**9)
    check(s.status(sftp.SETSTAT, string("file") + body) == sftp.OK, "setstat")
    check(os.stat(ROOT + "/file").st_mtime_ns == stamp, "nanoseconds up")
    found = stat(s, "file")
    check(found["mtime"] == stamp and found["type"] == 1 and found["size"] == 14, f"{found}")
    check(all(found["owner"]), f"{found}")
    check(stat(s, "link")["type"] == 3 and stat(s, "full")["type"] == 2, "types")
    check(len(stat(s, "file", 0x44)["acl"]) > 40, "an ACL for who asks for it")
    check("acl" not in stat(s, "file", 0), "no ACL for who does not")
    check(s.status(sftp.SETSTAT, string("file") + u32(0x10000) + b"\1") == sftp.BAD_MESSAGE,
          "an attribute that there is not")

    # Codes that the version has; lists in answers of seven.
    check(s.status(sftp.RMDIR, string("full")) == (18 if version == 6 else sftp.FAILURE), "rmdir")
    entries, counts = listing(s, "full")
    check(max(counts) <= 7 and len(entries) == 33, f"{counts}")
    odd = [(name, a) for name, a in entries if not name.isascii()]
    if version == 6:
        check(odd[0][0] == "\ufffdt\ufffd".encode() and odd[0][1]["untranslated_name"] == b"\xe9t\xe9"
              and odd[0][1]["bits"][0] & 0x800, f"{odd}")
        check(s.status(sftp.EXTENDED, string("filename-translation-control") + b"\0") == sftp.OK,
              "translation off")
        odd = [entry for entry in listing(s, "full")[0] if not entry[0].isascii()]
    check(odd[0][0] == b"\xe9t\xe9", f"{odd}")

    # Text: lines have the configured newline on the way, and "\n" in the file.
    handle = open_(s, "file", 1, 0x41 if version == 4 else 0x22)
    got = b""
    while isinstance(piece := s.read(handle, 1 << 63, 5), bytes):
        got += piece
    check(got == b"one\r\ntwo\r\nthree", f"{got}")
    if version > 4:
        check(s.status(sftp.EXTENDED, string("text-seek") + string(handle) + u64(2)) == sftp.OK
              and s.read(handle, 0, 100) == b"three", "text-seek")
        check(s.status(sftp.EXTENDED, string("text-seek") + string(handle) + u64(3)) == sftp.EOF,
              "text-seek past the end")
    s.close(handle)
    handle = open_(s, "text", 2, 0x5a if version == 4 else 0x21)
    for piece in (b"a\r", b"\nb\r", b"c\r\n"):
        check(s.write(handle, 5, piece) == sftp.OK, "write")
    s.close(handle)
    with open(ROOT + "/text", "rb") as file:
        check(file.read() == b"a\nb\rc\n", "a text file")
    os.unlink(ROOT + "/text")

    if version > 4:
        # What may and must be there; writers at the end of one file.
        check(open_(s, "file", 2, 0) == 11, "CREATE_NEW of a file that is there")
        check(open_(s, "none", 2, 2) == 2 and open_(s, "none", 2, 4) == 2, "OPEN_EXISTING")
        check(open_(s, "none", 2, 7) != sftp.OK and open_(s, "none", 2, 0x2002) == 8, "strange flags")
        writers = [open_(s, "log", 4, 3 | 0x10) for _ in range(3)]
        for i in range(30):
            s.write(writers[i % 3], 0, b"%02d\n" % i)
        for writer in writers:
            s.close(writer)
        with open(ROOT + "/log") as file:
            check([int(line) for line in file] == list(range(30)), "appending")
        check(s.status(sftp.RENAME, string("log") + string("file2") + u32(0)) == sftp.OK, "rename")
        open(ROOT + "/log", "w").close()
        check(s.status(sftp.RENAME, string("file2") + string("log") + u32(0)) == 11, "no overwriting")
        check(s.status(sftp.RENAME, string("file2") + string("log") + u32(2)) == sftp.OK, "atomic")
        check(os.stat(ROOT + "/log").st_size == 90, "the new file in place of the old")
        os.unlink(ROOT + "/log")
    if version == 6:
        check(open_(s, "link", 1, 0x402) not in (sftp.OK,) and isinstance(open_(s, "link", 1, 2), bytes),
              "NOFOLLOW")
    s.channel.close()
    s.channel.collect()

# version-select: the first request, or the end of the channel.
s, _ = start(3)
check(s.status(sftp.EXTENDED, string("version-select") + string("6")) == sftp.OK, "version-select")
s.version = 6
check(stat(s, "link")["type"] == 3, "version 6 from now on")
for version, before in (("6", True), ("7", False), ("2", False), ("nonsense", False)):
    s, _ = start(5, user())
    if before:
        check(stat(s, "file")["type"] == 1, "a request before version-select")
    try:
        check(s.status(sftp.EXTENDED, string("version-select") + string(version)) != sftp.OK,
              f"version-select {version}")
        s.receive()
        check(False, f"the channel goes on after version-select {version}")
    except (ChannelEnd, Closed):
        pass
others_are_served()
END
