# T63: handles that are random, closed, another session's, of the wrong kind, empty or long get a
# status; handles are bounded, and come free with their session.
# isolated: too
. "$(dirname "$0")/lib.sh"
configure '{"limits": {"handles_per_connection": 50}}'
daemon_start

raw <<'END'
import os
other = Sftp(user())
foreign = other.open("file", sftp.F_READ | sftp.F_WRITE | sftp.F_CREAT)
check(other.write(foreign, 0, b"other's") == sftp.OK, "write")

s = Sftp(user())
same_connection = Sftp(s.client, 1)
sibling = same_connection.open("file", sftp.F_READ)
mine = s.open("file", sftp.F_READ)
directory = s.opendir(".")
closed = s.open("file", sftp.F_READ)
check(s.close(closed) == sftp.OK, "close")
uses = {
    sftp.READ: u64(0) + u32(10), sftp.WRITE: u64(0) + string("x"), sftp.FSTAT: b"",
    sftp.FSETSTAT: u32(0), sftp.READDIR: b"", sftp.CLOSE: b"",
}
names = {"random": os.urandom(len(mine)), "closed": closed, "empty": b"", "long": b"h" * 300,
         "longer": mine + b"\0", "shorter": mine[:-1]}
if foreign != mine:
    names["other connection's"] = foreign
if sibling != mine:
    names["other channel's"] = sibling
for name, handle in names.items():
    for code, rest in uses.items():
        check(s.status(code, string(handle) + rest) != sftp.OK, f"{name} handle, request {code}")
for extension in ("fsync@openssh.com", "fstatvfs@openssh.com"):
    check(s.status(sftp.EXTENDED, string(extension) + string(closed)) != sftp.OK, extension)
check(s.status(sftp.READ, string(directory) + u64(0) + u32(10)) != sftp.OK, "read of a directory")
check(s.status(sftp.WRITE, string(directory) + u64(0) + string("x")) != sftp.OK, "write of one")
check(s.status(sftp.READDIR, string(mine)) != sftp.OK, "readdir of a file")
check(s.status(sftp.WRITE, string(mine) + u64(0) + string("x")) != sftp.OK, "write without the right")
check(s.read(mine, 0, 10) == b"other's", "content after all this")

# As many as the limit says, then a status; and again once some are closed.
def fill(s):
    handles = []
    while True:
        answer, reader = s.ask(sftp.OPEN, string("file") + u32(sftp.F_READ) + sftp.NO_ATTRS)
        if answer != sftp.HANDLE:
            return handles
        handles.append(reader.string())
        check(len(handles) <= 50, "more handles than the limit")
handles = fill(s)
check(len(handles) > 40, f"only {len(handles)} handles")
check(len(set(handles)) == len(handles), "one handle twice")
check(s.close(handles[0]) == sftp.OK, "close")
check(s.open("file", sftp.F_READ), "open after a close")
s.client.reset()
for _ in range(5):
    once = Sftp(user())
    check(len(fill(once)) > 40, "handles of ended sessions are still counted")
    once.client.close()
check(other.read(foreign, 0, 10) == b"other's", "the other session")
others_are_served()
END
