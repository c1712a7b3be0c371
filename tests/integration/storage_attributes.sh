# Attributes of version 6 as they end up in stores: access lists, owners by name, pairs and attribute
# bits of a directory of the server; everything else in memory; files that others are kept off.
. "$(dirname "$0")/lib.sh"
configure '{"workers": 1, "sftp": {"version_max": 6},
    "plugins": [
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
        {"name": "files", "plugin": "fs-posix"}, {"name": "memory", "plugin": "fs-memory"}],
    "chains": {"channel": []},
    "mounts": [{"path": "/", "provider": "files"}, {"path": "/mem", "provider": "memory"}]}'
daemon_start
export HERE=$W/root/alice

raw <<'END'
import grp, os, pwd
from rawssh import Reader
HERE = os.environ["HERE"]
SIZE, MODE, ATIME, CREATED, MTIME, ACL, OWNER = 1, 4, 8, 0x10, 0x20, 0x40, 0x80
NANO, BITS, ALLOCATED, HINT, MIME, LINKS, CHANGED = 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x8000
EXTENDED = 0x80000000
READ_DATA, WRITE_DATA, CREATE, EXISTING, OR_CREATE = 1, 2, 0, 2, 3
HIDDEN, SPARSE = 4, 0x80

class Six(Sftp):
    def __init__(self, *arguments):
        super().__init__(*arguments, start=False)
        check(self.init(6) == 6, "version 6")

    def set(self, path, flags, body):
        return self.status(sftp.SETSTAT, string(path) + u32(flags) + b"\1" + body)

    def stat(self, path, flags):
        answer, r = self.ask(sftp.STAT, string(path) + u32(flags))
        check(answer == sftp.ATTRS, f"stat of {path}: {r.data!r}")
        valid, found = r.u32(), {"type": r.byte()}
        time = lambda: (r.u64(), r.u32() if valid & NANO else 0)
        for bit, name, take in ((SIZE, "size", r.u64), (ALLOCATED, "allocated", r.u64),
                                (OWNER, "owner", lambda: (r.string(), r.string())),
                                (MODE, "mode", r.u32), (ATIME, "atime", time), (CREATED, "created", time),
                                (MTIME, "mtime", time), (CHANGED, "changed", time), (ACL, "acl", r.string),
                                (BITS, "bits", lambda: (r.u32(), r.u32())), (HINT, "hint", r.byte),
                                (MIME, "mime", r.string), (LINKS, "links", r.u32),
                                (EXTENDED, "pairs", lambda: {r.string(): r.string() for _ in range(r.u32())})):
            if valid & bit:
                found[name] = take()
        return found

    def open(self, path, access, flags):
        answer, r = self.ask(sftp.OPEN, string(path) + u32(access) + u32(flags) + u32(0) + b"\1")
        return r.string() if answer == sftp.HANDLE else r.u32()

def ace(kind, flags, mask, who):
    return u32(kind) + u32(flags) + u32(mask) + string(who)

def acl(*aces):
    return string(u32(0) + u32(len(aces)) + b"".join(aces))

s = Six(user())
everything = 0x8000ffff & ~0x4000
for path in ("file", "mem/file"):
    handle = s.open(path, READ_DATA | WRITE_DATA, OR_CREATE)
    check(isinstance(handle, bytes) and s.write(handle, 100000, b"end") == sftp.OK, f"open {path}")
    check(s.close(handle) == sftp.OK, "close")
    a = s.stat(path, everything)
    check(a["type"] == 1 and a["size"] == 100003 and a["links"] == 1, f"{path}: {a}")
    check(a["allocated"] < 100000, "a hole takes no space")
    check({"created", "mtime", "atime", "changed", "acl"} <= set(a), f"{path}: {sorted(a)}")

# On the directory: names of the system, POSIX ACLs, user attributes.
me, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
check(s.stat("file", OWNER)["owner"] == (me.encode(), group.encode()), "owner by name")
check(s.set("file", OWNER, string(me) + string("")) == sftp.OK, "the owner that it has")
check(s.set("file", OWNER, string("no such user") + string("")) == 29, "owner invalid")
check(s.set("file", OWNER, string("") + string("no such group")) == 30, "group invalid")
check(s.stat("file", BITS)["bits"][0] & SPARSE, "sparse")
list_ = acl(ace(0, 0, 7, "OWNER@"), ace(0, 0, 1, "daemon"), ace(0, 0, 0, "EVERYONE@"))
status = s.set("file", ACL, list_)
if status == sftp.OP_UNSUPPORTED:
    print("this file system keeps no access lists")
else:
    check(status == sftp.OK, f"access list: {status}")
    check(b"system.posix_acl_access" in str(os.listxattr(HERE + "/file")).encode(), "a POSIX list")
    check(b"daemon" in s.stat("file", ACL)["acl"], "the list comes back")
    check(s.set("file", ACL, acl(ace(0, 0, 7, "OWNER@"), ace(0, 0, 1, "EVERYONE@"))) == sftp.OK, "simple list")
    check(os.stat(HERE + "/file").st_mode & 0o777 == 0o644, "is a mode")
check(s.set("file", ACL, acl(ace(0, 0, 1, "no such user"))) == 16, "unknown principal")
check(s.set("file", ACL, acl(ace(2, 0, 1, "OWNER@"))) == 23, "no audits")
check(s.set("file", ACL, string(u32(0) + u32(9) + ace(0, 0, 1, "OWNER@"))) != sftp.OK, "a list cut off")
try:
    os.setxattr(HERE + "/file", "user.probe", b"")
    os.removexattr(HERE + "/file", "user.probe")
    takes_pairs = True
except OSError:
    takes_pairs = False
status = s.set("file", EXTENDED, u32(1) + string("colour") + string("green"))
check(status == (sftp.OK if takes_pairs else sftp.OP_UNSUPPORTED), f"a pair: {status}")
if takes_pairs:
    check(os.getxattr(HERE + "/file", "user.colour") == b"green", "a pair")
    check(s.stat("file", EXTENDED)["pairs"] == {b"colour": b"green"}, "it comes back")

# In memory: all that can be kept.
check(s.set("mem/file", OWNER | CREATED | BITS | MIME | EXTENDED,
            string("ann") + string("staff") + u64(77) + u32(HIDDEN) + u32(HIDDEN)
            + string("text/plain") + u32(1) + string("a") + string("b")) == sftp.OK, "many at once")
a = s.stat("mem/file", everything)
check(a["owner"] == (b"ann", b"staff") and a["created"][0] == 77 and a["bits"][0] & HIDDEN
      and a["mime"] == b"text/plain" and a["pairs"] == {b"a": b"b"}, f"kept: {a}")

# Others are kept off, by whoever has it open.
BLOCK_WRITE, BLOCK_DELETE = 0x80, 0x100
other = Six(user())
mine = s.open("mem/file", READ_DATA, EXISTING | BLOCK_WRITE | BLOCK_DELETE)
check(isinstance(mine, bytes), f"open and block: {mine}")
theirs = other.open("mem/file", WRITE_DATA, EXISTING)
check(theirs == 17, f"writing what is blocked: {theirs}")
check(s.status(sftp.REMOVE, string("mem/file")) == 17, "removing what is blocked")
check(s.close(mine) == sftp.OK and s.status(sftp.REMOVE, string("mem/file")) == sftp.OK, "after it")
check(s.open("file", READ_DATA, EXISTING | BLOCK_WRITE) == sftp.OP_UNSUPPORTED, "a directory cannot block")
END
