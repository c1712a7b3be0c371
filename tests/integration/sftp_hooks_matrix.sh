# T70: whatever a client can ask about files, by SFTP of each version, every extension that is
# advertised, scp or a hash command, a hook can refuse, and a read-only user cannot change anything.
# An extension that is new here fails this script until there is a request for it.
# seconds: 60
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/meddler-reactor" ] || skip "the build has no meddler"

# Everything is denied but what the hook lets through first.
gate() # RULES
{
    configure "{\"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\",
         \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}},
        {\"name\": \"gate\", \"plugin\": \"meddler-reactor\", \"config\": {\"rules\": $1}}],
        \"chains\": {\"sftp\": [\"gate\"]}}"
}

cat >"$W/matrix.py" <<'END'
import sys
from hostile import *
from rawsftp import *

USER_NAME, WHAT, TEXT = sys.argv[1], sys.argv[2], sys.argv[3].encode()
NO_ATTRS_4 = u32(0) + b"\x01"


def body(name, v, f):
    """A request that is right in all: for the n-th type, or an extension."""
    path, new, zeros = string("/file"), string("/new"), u32(0) * 8
    attrs = NO_ATTRS if v < 4 else NO_ATTRS_4
    mode = u32(4) + u32(0o600) if v < 4 else u32(4) + b"\x01" + u32(0o600)
    flags = u32(0) if v >= 4 else b""
    handle, other = string(f["file"]), string(f["other"])
    bodies = {
        OPEN: path + (u32(3) if v < 5 else u32(3) + u32(2)) + attrs,
        READ: handle + u64(0) + u32(10),
        WRITE: handle + u64(0) + string("changed"),
        LSTAT: path + flags, STAT: path + flags, FSTAT: handle + flags,
        SETSTAT: path + mode, FSETSTAT: handle + mode,
        OPENDIR: string("/"), READDIR: string(f["directory"]),
        REMOVE: path, MKDIR: new + attrs, RMDIR: string("/empty"),
        REALPATH: path, RENAME: path + new + (u32(0) if v >= 5 else b""),
        READLINK: string("/link"), SYMLINK: new + string("file"),
        21: new + path + b"\x00",  # LINK
        22: handle + u64(0) + u64(1) + u32(0x80),  # BLOCK
        23: handle + u64(0) + u64(1),  # UNBLOCK
        "posix-rename@openssh.com": path + new,
        "hardlink@openssh.com": path + new,
        "fsync@openssh.com": handle,
        "statvfs@openssh.com": path, "fstatvfs@openssh.com": handle,
        "lsetstat@openssh.com": path + mode,
        "limits@openssh.com": b"",
        "expand-path@openssh.com": string("~"),
        "copy-data": handle + u64(0) + u64(1) + other + u64(0),
        "home-directory": string("alice"),
        "users-groups-by-id@openssh.com": string(u32(0)) + string(u32(0)),
        "space-available": path,
        "check-file-handle": handle + string("md5") + u64(0) + u64(0) + u32(0),
        "check-file": handle + string("md5") + u64(0) + u64(0) + u32(0),
        "check-file-name": path + string("md5") + u64(0) + u64(0) + u32(0),
        "md5-hash": path + u64(0) + u64(0) + string(""),
        "md5-hash-handle": handle + u64(0) + u64(0) + string(""),
        "text-seek": handle + u64(0),
        "vendor-id": string("v") + string("p") + string("1") + u64(0),
        "filename-translation-control": b"\x00",
        CLOSE: handle,
    }
    check(name in bodies, f"no request is known here for {name!r}: add one")
    return bodies[name]


# What describes the server and is nothing to ask for.
BY_HANDLE = {CLOSE, READ, WRITE, FSTAT, FSETSTAT, READDIR, 22, 23, "fsync@openssh.com",
             "fstatvfs@openssh.com", "copy-data", "check-file-handle", "check-file",
             "md5-hash-handle", "text-seek"}
FACTS = {"newline", "vendor-id", "versions", "supported", "supported2", "acl-supported",
         "filename-charset", "version-select"}


def extensions(reader):
    names = []
    while reader.left():
        names.append(reader.string().decode())
        reader.string()
    return [name for name in names if name not in FACTS]


def run(name, version, only_changes):
    connection = user(name)
    s = Sftp(connection, start=False)
    s.packet(INIT, u32(version))
    code, reader = s.receive()
    check(code == VERSION and reader.u32() == version, f"no version {version}")
    asked = [n for n in range(OPEN, SYMLINK + 1) if n != CLOSE and (n != SYMLINK or version < 6)]
    asked += [21, 22, 23] if version == 6 else []
    asked += extensions(reader) + ["vendor-id"] + [CLOSE]

    def opened(code, body):
        answer, reader = s.ask(code, body)
        return reader.string() if answer == HANDLE else b""

    access = {"w": u32(3) + attrs(version)} if version < 5 else {
        "w": u32(3) + u32(2) + attrs(version)}
    reading = (u32(1) if version < 5 else u32(1) + u32(2)) + attrs(version)
    f = {"file": opened(OPEN, string("/file") + (reading if only_changes else access["w"])),
         "other": opened(OPEN, string("/other") + (reading if only_changes else access["w"])),
         "directory": opened(OPENDIR, string("/"))}
    for what in asked:
        if what in BY_HANDLE and WHAT == "names" or what in (OPEN, OPENDIR) and WHAT == "handles":
            continue
        if isinstance(what, int):
            answer, reader = s.ask(what, body(what, version, f))
        else:
            answer, reader = s.ask(EXTENDED, string(what) + body(what, version, f))
        if only_changes:
            continue  # what is refused is seen in the tree, which is as it was
        check(answer == STATUS, f"version {version}, {what}: the answer is {answer}")
        status, text = reader.u32(), reader.string()
        check(text == TEXT, f"version {version}, {what}: {status} {text!r}")
    connection.close()


def attrs(version):
    return NO_ATTRS if version < 4 else NO_ATTRS_4


for version in (3, 4, 5, 6):
    run(USER_NAME, version, TEXT == b"")
END
matrix() # USER names|handles|all TEXT: what is to be refused, in these words
{
    PYTHONPATH="$TESTS/support" "$PYTHON" "$W/matrix.py" "$@"
}

tree()
{
    mkdir -p "$W/root/alice/empty"
    echo content >"$W/root/alice/file"
    echo more >"$W/root/alice/other"
    ln -s file "$W/root/alice/link"
    cp -a "$W/root/alice" "$W/before"
}

is_as_it_was()
{
    expect_same_tree "$W/before" "$W/root/alice"
    diff <(cd "$W/before" && stat -c '%n %a %Y' ./* | sort) \
        <(cd "$W/root/alice" && stat -c '%n %a %Y' ./* | sort) || fail "attributes have changed"
}

tree
add_user reader "{\"root\": \"$W/root/alice\", \"read_only\": true}"
add_user hasher "{\"root\": \"$W/root/alice\", \"permit\": [\"sftp\"]}" # who has no shell
deny='{"do": "deny", "status": 4, "text": "the hook says no"}'
configure '{"sftp": {"version_max": 6}, "workers": 1}'
gate "[{\"on\": \"open\", \"do\": \"allow\"}, {\"on\": \"opendir\", \"do\": \"allow\"},
       {\"on\": \"close\", \"path\": \"/other\"}, $deny]"
daemon_start
matrix alice handles 'the hook says no'
is_as_it_was

# Now opening, too, and whatever goes by names.
gate "[$deny]"
reload
matrix alice names 'the hook says no'
is_as_it_was

# scp in both directions, and each of its steps.
for rules in "$deny" "{\"on\": \"stat\"}, $deny" "{\"on\": \"stat\"}, {\"on\": \"open\"}, $deny"; do
    gate "[$rules]"
    reload
    expect_failure scp_ -O target:file "$W/out/file"
    grep -q 'the hook says no' "$W/out/failure" || fail "scp from: $(cat "$W/out/failure")"
    rm -f "$W/out/file"
    expect_failure scp_ -O "$W/key.pub" target:copy
    grep -q 'the hook says no' "$W/out/failure" || fail "scp to: $(cat "$W/out/failure")"
    rm -f "$W/root/alice/copy" # opened it was, in the last of these
    expect_failure scp_ -O -r "$W/before" target:directory
    grep -q 'the hook says no' "$W/out/failure" || fail "scp -r to: $(cat "$W/out/failure")"
    is_as_it_was
done
gate "[{\"on\": \"stat\"}, {\"on\": \"opendir\"}, $deny]"
reload
expect_failure scp_ -O -r target:empty "$W/out/all"
grep -q 'the hook says no' "$W/out/failure" || fail "scp -r from: $(cat "$W/out/failure")"
expect_failure scp_ -O 'target:f*' "$W/out/file"

# Hash commands.
gate "[$deny]"
reload
for command in md5sum sha256sum; do
    expect_failure ssh_ -l hasher target "$command file"
    grep -q 'the hook says no' "$W/out/failure" || fail "$command: $(cat "$W/out/failure")"
done
is_as_it_was

# A read-only user changes nothing, whatever is asked.
gate '[]'
reload
matrix reader all ''
expect_failure scp_ -O -o User=reader "$W/key.pub" target:copy
is_as_it_was
