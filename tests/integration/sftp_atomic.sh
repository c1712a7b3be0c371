# sftp-atomic, with a quota before it: whole files only under their names, whatever goes wrong in the
# middle; what cannot be given its name fails the close; the ledger stays right.
# isolated: too
. "$(dirname "$0")/lib.sh"
mkdir "$W/quota"
configure '{"plugins": [
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W/users.json"'"}},
        {"name": "files", "plugin": "fs-posix"},
        {"name": "quota", "plugin": "sftp-quota", "config": {"directory": "'"$W/quota"'",
            "limits": [{"name": "all", "bytes": 500000, "scan": "'"$W/root/%u"'"}]}},
        {"name": "atomic", "plugin": "sftp-atomic", "config": {"paths": ["/in"]}}],
    "chains": {"channel": [], "sftp": ["quota", "atomic"]}}'
daemon_start
IN=$W/root/alice/in
mkdir "$IN"
random_file "$W/one" 100000
random_file "$W/two" 120000
random_file "$W/large" 600000

sftp_ target <<END
put $W/one in/f
put $W/one elsewhere
END
expect_same_file "$W/one" "$IN/f"
expect_same_file "$W/one" "$W/root/alice/elsewhere"

# While it is on its way, the name stands for what was there, and another one is hidden beside it.
raw <<'END'
s = Sftp(user())
MAKE = sftp.F_WRITE | sftp.F_CREAT | sftp.F_TRUNC
import os
home = os.environ["HOME"].rsplit("/", 1)[0] + "/root/alice/in/"
new = s.open("in/new", MAKE)
old = s.open("in/f", MAKE)
check(s.write(new, 0, b"new") == sftp.OK and s.write(old, 0, b"changed") == sftp.OK, "write")
names = sorted(os.listdir(home))
check("new" not in names and len(names) == 3, names)
check(sum(name.startswith(".new.sallyport-") for name in names) == 1, names)
check(os.path.getsize(home + "f") == 100000, "f is changed before it is closed")
check(s.status(sftp.STAT, string("in/new")) == sftp.NO_SUCH_FILE, "new can be seen")
check(s.close(new) == sftp.OK and s.close(old) == sftp.OK, "close")
check(sorted(os.listdir(home)) == ["f", "new"], os.listdir(home))
check(open(home + "f").read() == "changed" and open(home + "new").read() == "new", "content")

# Only if nothing is there: the client learns at the end that something was.
handle = s.open("in/new", sftp.F_WRITE | sftp.F_CREAT | sftp.F_EXCL)
check(s.write(handle, 0, b"other") == sftp.OK, "write")
check(s.close(handle) != sftp.OK, "close of what exists")
check(open(home + "new").read() == "new", "it was replaced")

# What is changed in its middle, or goes on, is changed where it is.
handle = s.open("in/new", sftp.F_WRITE)
check(s.write(handle, 3, b"er") == sftp.OK and open(home + "new").read() == "newer", "in place")
check(s.close(handle) == sftp.OK, "close")

# The directory is gone when the name is to be given.
s.status(sftp.MKDIR, string("in/gone") + sftp.NO_ATTRS)
handle = s.open("in/gone/f", MAKE)
os.rename(home + "gone", home + "moved")
check(s.close(handle) != sftp.OK, "close in a directory that is not there")
END
rm -rf "$IN/moved"

# A quota that is reached in the middle: the old file stays, nothing else is left, and nobody is told
# that it has come.
expect_failure sftp_ target <<END
put $W/large in/f
END
expect_equal "$(cat "$IN/f")" changed "what was there before"
wait_for 20 "parts to be removed" eval '[ "$(ls -A "$IN" | sort | xargs)" = "f new" ]'
wait_log 'sftp\.upload_aborted .*path=/in/f .*reason='
expect_equal "$(grep -c 'sftp\.uploaded .*path=/in/f ' "$W/log")" 2 "uploads of /in/f"

# Again and again, over the same name: each takes the place of the one before, also in the ledger.
for option in -s -O; do
    for _ in 1 2 3 4; do
        scp_ $option "$W/two" target:in/f
    done
    expect_same_file "$W/two" "$IN/f"
done
ledger()
{
    od -A n -t u8 -j 8 -N 8 "$W/quota/all.user.alice.quota" | xargs
}
held()
{
    find "$W/root/alice" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }'
}
wait_for 20 "the ledger to be right: $(ledger), $(held)" eval '[ "$(ledger)" = "$(held)" ]'
