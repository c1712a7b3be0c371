# The extensions and the requests of version 6, on a directory and in memory: digests against
# sha256sum, copies (T69; holes and offsets past 4 GiB, a file onto itself by another name), space,
# names of users, locks between two connections, links, realpath, delete on close.
# isolated: too
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "sftp": {"version_max": 6},
    "plugins": [
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
        {"name": "files", "plugin": "fs-posix"}, {"name": "memory", "plugin": "fs-memory"}],
    "chains": {"channel": []},
    "mounts": [{"path": "/", "provider": "files"}, {"path": "/mem", "provider": "memory"}]}'
daemon_start

here=$W/root/alice
random_file "$here/data" 1000000
truncate -s 5G "$here/sparse"
head -c 70000 /dev/urandom | dd of="$here/sparse" bs=1M seek=4500 conv=notrunc status=none
ln "$here/data" "$here/hard"

# paramiko's own check(): by handle, whole and in blocks.
PYTHONPATH=$TESTS/support "$PYTHON" - "$here" <<'END'
import hashlib, sys
from hostile import check
from paramiko_client import sftp_client
data = open(sys.argv[1] + "/data", "rb").read()
with sftp_client() as sftp:
    with sftp.open("data") as file:
        check(file.check("sha256") == hashlib.sha256(data).digest(), "sha256 of all")
        check(file.check("sha1", 1000, 5000) == hashlib.sha1(data[1000:6000]).digest(), "a part")
        blocks = b"".join(hashlib.md5(data[at:at + 65536]).digest()
                          for at in range(0, len(data), 65536))
        check(file.check("md5", 0, 0, 65536) == blocks, "blocks")
END

cat >"$W/six.py" <<'END'
from rawsftp import *
from rawssh import Reader, string, u32, u64
LINK, BLOCK, UNBLOCK = 21, 22, 23
READ_DATA, WRITE_DATA, DELETE = 1, 2, 0x10000
EXISTING, OR_CREATE, DELETE_ON_CLOSE = 2, 3, 0x800
CONFLICT, NO_LOCK = 25, 31


class Six(Sftp):
    def __init__(self, client, number=0):
        super().__init__(client, number, start=False)
        assert self.init(6) == 6

    def open(self, path, access=READ_DATA, flags=EXISTING):
        answer, reader = self.ask(OPEN, string(path) + u32(access) + u32(flags) + u32(0) + b"\1")
        assert answer == HANDLE, f"open of {path!r}: status {reader.u32()}"
        return reader.string()

    def extended(self, name, body):
        """The reader of the reply, or a status."""
        answer, reader = self.ask(EXTENDED, string(name) + body)
        return reader.u32() if answer == STATUS else reader

    def check_file(self, path, algorithm="sha256", offset=0, length=0, block=0):
        reader = self.extended("check-file-name", string(path) + string(algorithm) + u64(offset) +
                               u64(length) + u32(block))
        if isinstance(reader, int):
            return reader
        assert reader.string() == algorithm.encode()
        return reader.bytes(reader.left())

    def copy(self, source, offset, length, target, target_offset):
        return self.extended("copy-data", string(source) + u64(offset) + u64(length) +
                             string(target) + u64(target_offset))

    def realpath(self, path, check, *compose):
        answer, reader = self.ask(REALPATH, string(path) + bytes([check]) +
                                  b"".join(string(part) for part in compose))
        if answer == STATUS:
            return reader.u32()
        assert reader.u32() == 1
        name, _, kind = reader.string(), reader.u32(), reader.byte()
        return name, kind
END

{ echo "import sys; sys.path.insert(0, '$W'); HERE = '$here'"; cat <<'END'
import hashlib, os
from six import *
c = user()
s = Six(c)
data = open(HERE + "/data", "rb").read()

# Digests, on both stores, past 4 GiB, and what is refused.
check(s.check_file("data") == hashlib.sha256(data).digest(), "sha256 by name")
check(s.check_file("data", "crc32") == __import__("zlib").crc32(data).to_bytes(4, "big"), "crc32")
with open(HERE + "/sparse", "rb") as file:
    file.seek(4500 << 20)
    tail = file.read(70000)
check(s.check_file("sparse", "sha512", 4500 << 20, 70000) == hashlib.sha512(tail).digest(),
      "past 4 GiB")
check(s.check_file("sparse", "md5", 1 << 40) == hashlib.md5().digest(), "past the end")
check(s.check_file("none") == NO_SUCH_FILE, "a file that is not there")
check(s.check_file("/") not in (OK, None) and isinstance(s.check_file("/"), int), "a directory")
check(s.check_file("data", "none") == OP_UNSUPPORTED, "no algorithm")
check(s.check_file("data", block=255) == 23, "small blocks")
quick = hashlib.md5(data[:2048]).digest()
for given, expected in ((quick, hashlib.md5(data).digest()), (b"", hashlib.md5(data).digest()),
                        (b"x" * 16, b"")):
    reader = s.extended("md5-hash", string("data") + u64(0) + u64(0) + string(given))
    check(reader.string() == b"md5-hash" and reader.string() == expected, f"md5-hash {given!r}")

# Copies: holes past 4 GiB, to another store, a file onto itself by another name.
sparse, data_handle = s.open("sparse"), s.open("data")
far = s.open("far", READ_DATA | WRITE_DATA, OR_CREATE)
check(s.copy(sparse, 4500 << 20, 70000, far, 6 << 30) == OK, "copy past 4 GiB")
check(os.stat(HERE + "/far").st_size == (6 << 30) + 70000, "size of a copy with a hole")
check(os.stat(HERE + "/far").st_blocks < 4096, "the hole takes space")
check(s.check_file("far", "sha512", 6 << 30) == hashlib.sha512(tail).digest(), "content of a copy")
check(s.read(far, 5 << 30, 10) == bytes(10), "a hole reads as zeros")
check(s.read(far, 7 << 30, 10) == EOF, "reading past the end")
memory = s.open("/mem/copy", READ_DATA | WRITE_DATA, OR_CREATE)
check(s.copy(data_handle, 0, 0, memory, 0) == OK, "copy to another store")
check(s.check_file("/mem/copy") == hashlib.sha256(data).digest(), "content in memory")
check(s.copy(data_handle, 999000, 5000, memory, 0) == EOF, "a range behind the end")
hard = s.open("hard", READ_DATA | WRITE_DATA, EXISTING)
check(s.copy(data_handle, 0, 0, hard, 1000000) not in (OK, None), "a file onto itself, growing")
check(s.copy(data_handle, 0, 5000, hard, 100) not in (OK, None), "ranges that overlap")
check(s.copy(data_handle, 0, 1, data_handle, 5) == PERMISSION_DENIED, "no right to write")
check(os.stat(HERE + "/data").st_size == 1000000, "the file has grown")
check(s.copy(hard, 0, 1, hard, 5) not in (OK, None), "one handle")
check(open(HERE + "/data", "rb").read() == data, "the file has changed")

# Space, users, limits, homes.
space = s.extended("space-available", string("/"))
total, free, usable, available, unit = [space.u64() for _ in range(4)] + [space.u32()]
v = os.statvfs(HERE)
check(total == v.f_blocks * v.f_frsize and unit == v.f_frsize, "space")
check(usable <= total and available <= free <= total, "free space")
reader = s.extended("users-groups-by-id@openssh.com", string(u32(0) + u32(4000000000)) + string(u32(0)))
users, groups = reader.string(), reader.string()
check(users == string("root") + string("") and groups == string("root"), f"names {users!r} {groups!r}")
reader = s.extended("limits@openssh.com", b"")
check(reader.u64() == 262144, "limits")
check(s.extended("vendor-id", string(string("V\n") + string("P") + string("1") + u64(7))) == OK, "vendor")
check(s.extended("vendor-id", string("V") + string("P") + string("1") + u64(7)) == OK, "bare vendor")
check(s.extended("vendor-id", string("V")) == BAD_MESSAGE, "half a vendor")
check(s.extended("filename-translation-control", b"\0") == OK, "translation")
check(s.extended("nobody-knows-this", b"") == OP_UNSUPPORTED, "an unknown extension")

# Links, renaming, realpath.
check(s.status(LINK, string("hard2") + string("data") + b"\0") == OK, "hard link")
check(os.path.samefile(HERE + "/hard2", HERE + "/data"), "not the same file")
check(s.status(LINK, string("soft") + string("data") + b"\1") == OK, "symbolic link")
check(os.readlink(HERE + "/soft") == "data", "its text")
check(s.status(RENAME, string("hard2") + string("soft") + u32(0)) == 11, "rename over a file")
check(s.status(RENAME, string("soft") + string("soft2") + u32(2)) == OK, "atomic rename")
check(s.realpath("soft2", 1) == (b"/soft2", 5), "realpath that looks at nothing")
check(s.realpath("soft2", 3) == (b"/data", 1), "realpath")
check(s.realpath("none", 2) == (b"/none", 5), "realpath of nothing")
check(s.realpath("none", 3) == NO_SUCH_FILE, "realpath that insists")
check(s.realpath("/a", 1, "../mem", "copy") == (b"/mem/copy", 5), "composed")

# Delete on close, by whoever does it; also when the connection ends.
for path in ("gone", "/mem/gone"):
    handle = s.open(path, WRITE_DATA | DELETE, OR_CREATE | DELETE_ON_CLOSE)
    check(s.close(handle) == OK and s.realpath(path, 3) == NO_SUCH_FILE, f"{path} is still there")
other = Six(user())
other.open("lost", WRITE_DATA | DELETE, OR_CREATE | DELETE_ON_CLOSE)
other.open("/mem/lost", WRITE_DATA | DELETE, OR_CREATE | DELETE_ON_CLOSE)
other.client.close()
deadline = time.monotonic() + 20
while (s.realpath("lost", 3), s.realpath("/mem/lost", 3)) != (NO_SUCH_FILE, NO_SUCH_FILE):
    check(time.monotonic() < deadline, "a file outlives its connection")

# Locks between two connections.
two = Six(user())
for path in ("data", "/mem/copy"):
    mine = s.open(path, READ_DATA | WRITE_DATA, EXISTING)
    theirs = two.open(path, READ_DATA | WRITE_DATA, EXISTING)
    lock = lambda sftp, handle, code, at, size, flags=b"": sftp.status(
        code, string(handle) + u64(at) + u64(size) + flags)
    write = u32(0x40 | 0x80 | 0x200)
    check(lock(s, mine, BLOCK, 0, 100, write) == OK, f"lock of {path}")
    check(lock(two, theirs, BLOCK, 50, 100, write) == CONFLICT, "conflict")
    check(lock(two, theirs, BLOCK, 100, 100, write) == OK, "beside it")
    check(lock(two, theirs, UNBLOCK, 0, 100) == NO_LOCK, "another's lock")
    check(lock(s, mine, UNBLOCK, 0, 100) == OK, "unlock")
    check(lock(s, mine, BLOCK, 0, 0, write) == CONFLICT, "all of it")
    check(two.close(theirs) == OK and lock(s, mine, BLOCK, 0, 0, write) == OK, "locks go with close")
    check(s.close(mine) == OK, "close")

# Many hashes at once on one connection, which then goes: others are served meanwhile.
for _ in range(20):
    s.send(EXTENDED, string("check-file-name") + string("sparse") + string("sha512") + u64(0) +
           u64(0) + u32(0))
began = time.monotonic()
check(two.realpath("data", 3) == (b"/data", 1) and time.monotonic() - began < 30, "others wait for a hash")
c.close()
check(two.realpath("data", 3) == (b"/data", 1), "others are gone")
END
} | raw
rm "$here/sparse" "$here/far"
wait_log 'sftp.client .* product=P version=1 build=7'
expect_equal "$(grep -c 'sftp.client ' "$W/log")" 1 'lines about what the client is'
