# isolated: too
# T61: what lies outside of the root, outside of the home, or on a mount of others, cannot be told from
# what does not exist: the same answer, to the byte, whatever is asked.
. "$(dirname "$0")/lib.sh"
mkdir -p "$W"/shared/{home/alice/dir,home/alicent,other} "$W/team" "$W/box"
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix", "config": {"root": "'"$W"'/shared"}},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "mounts": [{"path": "/", "provider": "files"},
    {"path": "/team", "provider": "files", "root": "'"$W"'/team", "groups": ["staff"]},
    {"path": "/home/alice/theirs", "provider": "files", "root": "'"$W"'/team", "users": ["bob"]},
    {"path": "/box", "provider": "files", "root": "'"$W"'/box", "access": "write-only"}]}'
add_user alice '{"root": null, "home": "/home/alice", "restrict_to_home": true}'
add_user carol '{"root": null}'
for directory in shared shared/home/alicent shared/other team; do
    mkdir "$W/$directory/there"
    echo secret >"$W/$directory/there/tresor"
    ln -s tresor "$W/$directory/there/link"
done
cd "$W/shared/home/alice"
ln -s / root
ln -s ../.. up
ln -s ../alicent beside
ln -s "$W" whole
ln -s ../../../../../../../../../../ far
cd "$W"
daemon_start
export W

raw <<'END'
W = os.environ["W"]
def answers(s, path, other):
    """Of every request about path, with path's name for things replaced by other's."""
    requests = [(code, string(path)) for code in (sftp.STAT, sftp.LSTAT, sftp.OPENDIR, sftp.READLINK,
                                                  sftp.REALPATH, sftp.RMDIR, sftp.REMOVE)]
    requests += [(sftp.OPEN, string(path) + u32(flags) + sftp.NO_ATTRS)
                 for flags in (sftp.F_READ, sftp.F_WRITE, sftp.F_READ | sftp.F_WRITE)]
    requests += [(sftp.SETSTAT, string(path) + u32(4) + u32(0o600)),
                 (sftp.RENAME, string(path) + string("new")),
                 (sftp.RENAME, string("no-such") + string(path))]
    for name in ("statvfs@openssh.com", "lsetstat@openssh.com", "expand-path@openssh.com",
                 "hardlink@openssh.com", "posix-rename@openssh.com"):
        rest = {"hardlink@openssh.com": string("new"), "posix-rename@openssh.com": string("new"),
                "lsetstat@openssh.com": u32(4) + u32(0o600)}.get(name, b"")
        requests.append((sftp.EXTENDED, string(name) + string(path) + rest))
    for code, body in requests:
        answer, reader = s.ask(code, body)
        data = reader.data[5:].replace(path.rsplit("/", 1)[-1].encode(), b"NAME")
        # A name's length and the long name's depend on the name, which has the same length.
        check(answer != sftp.HANDLE, f"{path} was opened")
        yield code, body[:40], answer, data

def same(s, known, absent):
    assert len(known) == len(absent)
    for a, b in zip(answers(s, known, absent), answers(s, absent, known)):
        check(a[2:] == b[2:] and a[0] == b[0], f"{known} can be told from {absent}: {a} {b}")

s = Sftp(user())
for directory in ("root", "up", "beside", "whole", "whole/shared", "far/etc", "/../..", "/../../other",
                  "../alicent", "/home/alicent", "/team", "theirs", "/theirs", "beside/there", "/box",
                  "up/there", "/home/alicent/there", "/team/there", "../../team"):
    for known, absent in (("there", "nowhe"), ("tresor", "resort"), ("link", "knil")):
        if not directory.endswith(known):
            same(s, directory + "/" + known, directory + "/" + absent)
# Names of directories outside that begin like the home.
same(s, "../alicent", "../alicexyz"[:len("../alicent")])
same(s, "/theirs", "/threis")
check(s.is_alive(), "the session ended")
s = Sftp(user("carol"))
same(s, "/team/there", "/team/nowhe")
same(s, "/team/tresor", "/team/resort")
check(s.status(sftp.STAT, string("/team")) == sftp.NO_SUCH_FILE, "a mount of others")
check(b"team" not in s.names(sftp.READDIR, s.opendir("/")), "a mount of others is listed")
END
for path in beside/there/tresor beside/there/resort up/there/tresor far/etc/passwd /team/there/tresor; do
    for option in -O -s; do
        expect_failure scp_ $option "target:$path" "$W/out/got"
        sed "s,$path,PATH,g;s,/,,g" "$W/out/failure" | tail -1 >"$W/out/failure-${path##*/}$option"
    done
done
expect_same_file "$W/out/failure-tresor-O" "$W/out/failure-resort-O"
expect_same_file "$W/out/failure-tresor-s" "$W/out/failure-resort-s"
expect_equal "$(find "$W/shared" "$W/team" -newer "$W/known_hosts" | tr '\n' ' ')" "" "what was changed"
