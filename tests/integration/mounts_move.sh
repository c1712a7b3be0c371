# isolated: too
# T67. A rename across mounts moves a file: copied with mode and times, then removed. It replaces
# only when told, does not follow links, takes no directories; what fails or is cut off leaves the
# source, and nothing of the target.
. "$(dirname "$0")/lib.sh"
mkdir -p "$W/a" "$W/b"
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "others", "plugin": "fs-posix"},
    {"name": "small", "plugin": "fs-memory", "config": {"max_bytes": 1000000}},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "mounts": [{"path": "/", "provider": "files", "root": "'"$W"'/a"},
    {"path": "/b", "provider": "others", "root": "'"$W"'/b"},
    {"path": "/small", "provider": "small"}]}'
add_user alice '{"root": null}'
random_file "$W/data" 3000000
random_file "$W/large" 90000000
cp "$W/data" "$W/a/f"
cp "$W/data" "$W/a/g"
cp "$W/large" "$W/a/large"
chmod 640 "$W/a/f"
touch -d '2001-02-03 04:05:06Z' "$W/a/f"
echo outside >"$W/outside"
ln -s "$W/outside" "$W/a/absolute"
ln -s f "$W/a/relative"
mkdir "$W/a/directory"
ln "$W/a/g" "$W/a/g2"
daemon_start

# OpenSSH's client renames by posix-rename.
sftp_ target <<<"rename /f /b/moved"
expect_same_file "$W/data" "$W/b/moved"
[ ! -e "$W/a/f" ] || fail "the source is still there"
expect_equal "$(stat -c '%a %Y' "$W/b/moved")" "640 981173106" "mode and time of what was moved"
for name in absolute relative directory; do
    expect_failure sftp_ target <<<"rename /$name /b/$name"
    [ -e "$W/a/$name" ] || [ -L "$W/a/$name" ] || fail "$name is lost"
    [ ! -e "$W/b/$name" ] && [ ! -L "$W/b/$name" ] || fail "/b/$name was made"
done
expect_failure sftp_ target <<<"ln /g /b/g"
# Disk full.
expect_failure sftp_ target <<<"rename /large /small/large"
expect_same_file "$W/large" "$W/a/large"
expect_equal "$(sftp_ target <<<'ls -1 /small' | grep -v '^sftp>' || true)" "" "what is left of the target"

export W
raw <<'END'
import os
from rawssh import string
s = Sftp(user())
def rename(old, new): return s.status(sftp.RENAME, string(old) + string(new))
def posix_rename(old, new):
    return s.status(sftp.EXTENDED, string("posix-rename@openssh.com") + string(old) + string(new))
W = os.environ["W"]
with open(W + "/b/there", "w") as file: file.write("there")
check(rename("/g", "/b/there") == sftp.FAILURE, "version 3's rename must not replace")
check(open(W + "/b/there").read() == "there", "it was replaced")
check(posix_rename("/g", "/b/there") == sftp.OK, "posix-rename replaces")
check(os.path.getsize(W + "/b/there") == 3000000, "what replaced it")
check(not os.path.exists(W + "/a/g") and os.path.exists(W + "/a/g2"), "the other name of it")
check(sorted(os.listdir(W + "/b")) == ["moved", "there"], f"left over: {os.listdir(W + '/b')}")
os.mkdir(W + "/b/dir")
check(posix_rename("/g2", "/b/dir") == sftp.FAILURE, "a directory in the way")
check(posix_rename("/none", "/b/x") == sftp.NO_SUCH_FILE, "nothing to move")
check(rename("/g2", "/b/none/x") == sftp.NO_SUCH_FILE, "nowhere to move it")
os.symlink(W + "/outside", W + "/b/link")
check(posix_rename("/g2", "/b/link") == sftp.OK, "a link is replaced")
check(open(W + "/outside").read() == "outside\n", "the link was followed")
check(not os.path.islink(W + "/b/link"), "the link is still there")

# The client leaves in the middle, or what it takes for that: one of the two is whole, and nothing is
# in the way of the next.
def size(path):
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return -1
def wait_until(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.01)
def being_written():
    return [name for name in os.listdir(W + "/b") if name.startswith(".moving-")]
s.client.close()
for name, code in (("large", sftp.RENAME), ("moved", sftp.EXTENDED)):
    source, target = W + "/a/" + name + "-source", W + "/b/" + name
    extension = string("posix-rename@openssh.com") if code == sftp.EXTENDED else b""
    os.link(W + "/a/large", source)
    s = Sftp(user())
    s.send(code, extension + string("/" + name + "-source") + string("/b/" + name))
    wait_until(lambda: size(target) > 0 if code == sftp.RENAME else
               being_written() or size(target) == 90000000, "the move has not begun")
    s.client.close()
    wait_until(lambda: not being_written() and
               (size(target) == 90000000 or size(source) == 90000000 and
                (code == sftp.EXTENDED or size(target) < 0)), "something is left of the target")
others_are_served()
END
