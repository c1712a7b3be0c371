# T60, T61: no path, however written, and no link leads out of the root; what lies outside cannot be
# told from what does not exist.
. "$(dirname "$0")/lib.sh"
daemon_start

echo secret >"$W/root/secret"
mkdir "$W/root/alice-evil" "$W/root/alice/dir"
echo secret >"$W/root/alice-evil/secret"
cd "$W/root/alice"
ln -s ../secret relative
ln -s /etc/passwd absolute
ln -s "$W/root" up
ln -s loop-b loop-a
ln -s loop-a loop-b
ln -s ../../../../../../../../etc deep
echo inside >inside

raw <<'END'
s = Sftp(user())
outside = ["../secret", "../../secret", "/../secret", "dir/../../secret", "//../../secret",
           "/../alice-evil/secret", "relative", "absolute", "up/secret", "up/alice-evil/secret",
           "deep/passwd", "loop-a", "./relative", "dir/../relative", "/etc/passwd", "..\\secret",
           "..%2fsecret", "\xc0\xae\xc0\xae/secret", "../alice-evil/secret", ".. /secret",
           "..\0/secret", "relative\0", "x" * 4096, "x" * 65536, "a/" * 3000 + "b"]
for path in outside:
    path = path.encode("latin-1")
    answer, reader = s.ask(sftp.OPEN, string(path) + u32(sftp.F_READ) + sftp.NO_ATTRS)
    if answer == sftp.HANDLE:
        data = s.read(reader.string(), 0, 1000)
        check(b"secret" not in data and b"root:" not in data, f"{path[:60]!r} led out: {data}")
        check(False, f"{path[:60]!r} was opened")
    answer, reader = s.ask(sftp.OPEN, string(path + b"-new") + u32(sftp.F_WRITE | sftp.F_CREAT)
                           + sftp.NO_ATTRS)
    for code in (sftp.STAT, sftp.OPENDIR, sftp.REMOVE + 0, sftp.RMDIR):
        if code != sftp.REMOVE or b"relative" not in path and path not in (b"absolute", b"loop-a"):
            answer, reader = s.ask(code, string(path))
            check(answer == sftp.STATUS, f"request {code} of {path[:60]!r}: {answer}")

# Every length around the largest; names that other systems would take for others.
for length in range(4090, 4101):
    path = b"/" + b"d/" * ((length - 1) // 2) + b"x" * ((length - 1) % 2)
    check(len(path) == length, "the test's arithmetic")
    for code in (sftp.STAT, sftp.OPENDIR, sftp.READLINK, sftp.RMDIR):
        answer, reader = s.ask(code, string(path))
        check(answer == sftp.STATUS and reader.u32() != sftp.OK, f"path of {length} bytes")
    text = b"../" * 1360 + b"x" * (length - 4080)
    check(s.status(sftp.SYMLINK, string(text) + string(f"long-{length}")) in (sftp.OK, sftp.FAILURE),
          "a long link")
    check(s.status(sftp.STAT, string(f"long-{length}")) != sftp.OK, "a long link led somewhere")
for name in (b"dot.", b"blank ", b"dots...", b"back\\slash", b"..\\up", b"\xc0\xae\xc0\xae", b"%2e%2e", b"~", b"nul"):
    handle = s.open(name, sftp.F_WRITE | sftp.F_CREAT | sftp.F_EXCL)
    check(s.close(handle) == sftp.OK and s.status(sftp.REMOVE, string(name)) == sftp.OK, f"{name}")
    check(s.status(sftp.REMOVE, string(name.rstrip(b". "))) != sftp.OK, f"{name} had another name")

# Out is no other error than absent.
def error(path):
    answer, reader = s.ask(sftp.STAT, string(path))
    reader.u32()
    return reader.u32() if answer != sftp.STATUS else answer, reader.data[5:]
check(s.status(sftp.STAT, string("up/secret")) == s.status(sftp.STAT, string("up/no-such")),
      "existence outside can be told")
check(s.status(sftp.STAT, string("/../../etc/passwd"))
      == s.status(sftp.STAT, string("/../../etc/no-such")), "existence outside can be told")
check(s.names(sftp.REALPATH, "/../../..") == [b"/"], "realpath past the root")
check(s.names(sftp.REALPATH, "../" * 1000) == [b"/"], "realpath far past the root")
check(s.names(sftp.REALPATH, "dir/../../../inside") == [b"/inside"], "realpath past the root")

# Links and renames cannot carry anything out or in.
check(s.status(sftp.RENAME, string("inside") + string("up/carried")) != sftp.OK, "rename out")
check(s.status(sftp.RENAME, string("up/secret") + string("carried")) != sftp.OK, "rename in")
for name in ("hardlink@openssh.com", "posix-rename@openssh.com"):
    for pair in (("up/secret", "carried"), ("relative", "carried/x"), ("inside", "up/carried")):
        check(s.status(sftp.EXTENDED, string(name) + string(pair[0]) + string(pair[1])) != sftp.OK,
              f"{name} {pair}")
s.status(sftp.SETSTAT, string("absolute") + u32(4) + u32(0o777))
s.status(sftp.MKDIR, string("up/made") + sftp.NO_ATTRS)
check(s.is_alive(), "the session ended")
check(s.read(s.open("inside", sftp.F_READ), 0, 100) == b"inside\n", "an innocent file")
others_are_served()
END
for made in "$W"/root/{carried,made,secret-new} "$W/root/alice-evil/secret-new"; do
    [ ! -e "$made" ] || fail "$made was made outside"
done
expect_equal "$(cat "$W/root/secret")" secret "a file outside"
