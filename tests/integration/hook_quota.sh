# T68, T67: a hard quota on every way of writing, with real clients: sftp, scp, lftp, paramiko's
# parallel handles, copies on the server, sizes that are set; given back by removing, replacing and
# truncating; the same for all workers and after a restart.
# isolated: too
. "$(dirname "$0")/lib.sh"
mkdir "$W/quota" "$W/root/alice"/{old,t}
head -c 100000 /dev/zero >"$W/root/alice/old/file"
configure '{"workers": 2, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}},
    {"name": "quota", "plugin": "sftp-quota", "config": {"directory": "'"$W"'/quota", "limits": [
        {"name": "all", "bytes": 1000000, "files": 40, "scan": "'"$W"'/root/%u"},
        {"name": "tree", "path": "/t", "per": "all", "bytes": 300000}]}}],
    "chains": {"sftp": ["quota"]}}'
add_user bob
daemon_start
R=$W/root/alice

ledger() # NAME: its bytes and files
{
    od -A n -t u8 -j 8 -N 16 "$W/quota/$1.quota" | xargs
}

# What is there: bytes and files.
held()
{
    find "$R" -mindepth 1 -printf '%y %s\n' |
        awk '$1 == "f" { bytes += $2 } END { print bytes + 0, NR }'
}

is_right()
{
    [ "$(ledger all.user.alice)" = "$(held)" ]
}

expect_right() # WHAT
{
    wait_for 20 "the ledger to be right after $1: $(ledger all.user.alice), $(held)" is_right
    expect_less "$(held | cut -d' ' -f1)" 1000001 "bytes after $1"
}

refusals()
{
    grep -c 'sftp.hook_denied.*instance=quota .*status=15' "$W/log" || true
}

# It fails, and for this reason. OpenSSH's clients have words of their own for the status.
expect_refused() # COMMAND...
{
    local before
    before=$(refusals)
    expect_failure "$@"
    expect_less "$before" "$(refusals)" "refusals by the quota before $*, and after"
}

echo small >"$W/local"
random_file "$W/600k" 600000
random_file "$W/500k" 500000

# --- uploads ---

echo "put $W/600k a" | sftp_ target
expect_right "an upload, with what was there before"
echo "put $W/500k b" | expect_refused sftp_ target
expect_right "an upload that crossed the limit"
echo "rm b" | sftp_ target
expect_right "removing"
expect_refused scp_ -O "$W/500k" target:b
expect_right "scp"
echo "-rm b" | sftp_ target
echo "put $W/500k a" | sftp_ target
expect_right "an upload in the place of another"
echo "put $W/600k a" | sftp_ target
expect_right "one more"
expect_failure sftp_ target <<<"mkdir t/d
copy a t/a"
expect_right "a copy on the server into a full tree"
echo "-rm t/a" | sftp_ target
if command -v lftp >/dev/null; then
    cp "$W/500k" "$W/lftp"
    expect_refused lftp -c "set sftp:connect-program 'ssh -a -x -F $W/ssh_config'; set net:max-retries 1;
        set xfer:clobber on; open sftp://alice:@target; put $W/lftp"
    expect_right "lftp"
    echo "-rm lftp" | sftp_ target
fi

# --- renames, into a tree and over others ---

sftp_ target <<<"mkdir t/e
rename old/file t/file"
expect_equal "$(ledger tree)" "100000 3" "the tree after a rename into it"
expect_refused sftp_ target <<<"rename a t/a"
expect_right "renames"
head -c 50000 "$W/500k" >"$W/50k"
sftp_ target <<<"put $W/50k x
rename x t/file"
expect_equal "$(ledger tree)" "50000 3" "the tree after a rename over a file"
expect_right "a rename over a file"
expect_failure sftp_ target <<<"rename old t/old"
sftp_ target <<<"rename t/file y"
expect_equal "$(ledger tree)" "0 2" "the tree after a rename out of it"
# A file of the name that another had until its directory was renamed is another file.
sftp_ target <<<"mkdir n1
put $W/50k n1/f
rename n1 n2
mkdir n1
put $W/50k n1/f"
expect_right "a file in the place of a renamed directory"
sftp_ target <<<"rm n1/f
rm n2/f
rmdir n1
rmdir n2"
expect_right "removing both"

# --- by hand: sizes that are set, appends, offsets, many handles of several connections ---

raw <<'END'
def size(n):
    return u32(1) + u64(n)
W = sftp.F_WRITE | sftp.F_CREAT
users = [user() for _ in range(3)]
s = [Sftp(u) for u in users]
check(s[0].status(sftp.SETSTAT, string("a") + size(2000000)) == sftp.FAILURE, "truncate to grow")
a = s[0].open("a", W | sftp.F_APPEND)
answer, reader = s[0].ask(sftp.FSETSTAT, string(a) + size(2000000))
check(reader.u32() == sftp.FAILURE, "ftruncate to grow")
check(reader.string().startswith(b"Quota exceeded (all): "), "the words of a refusal")
big = s[1].open("big", W)
check(s[1].write(big, 1 << 40, b"x") == sftp.FAILURE, "a write far behind the end")
check(s[1].write(big, (1 << 63) - 2, b"x") == sftp.FAILURE, "a write at the last offset")
# Each writes what would fit alone; together they may not.
handles = [(x, x.open("p%d" % i, W)) for i, x in enumerate(s) for _ in range(2)]
written = 0
for at in range(0, 200000, 20000):
    for x, handle in handles:
        if x.write(handle, at, bytes(20000)) == sftp.OK:
            written += 1
check(0 < written < 60, "%d of 60 writes went through" % written)
failed = [s[0].write(a, 0, bytes(30000)) for _ in range(20)]
check(sftp.FAILURE in failed, "appends without end")
for x, handle in handles:
    x.close(handle)
# Removed while open: it counts until it is closed.
check(s[2].status(sftp.REMOVE, string("p1")) == sftp.OK, "remove")
check(s[0].status(sftp.SETSTAT, string("p0") + size(0)) == sftp.OK, "truncate to nothing")
held = s[1].open("held", W)
check(s[1].write(held, 0, bytes(30000)) == sftp.OK, "room after truncating")
for _ in range(60):
    s[2].status(sftp.MKDIR, string("m%d" % _) + sftp.NO_ATTRS)
users[1].close()  # whoever goes leaves nothing behind
END
expect_right "many handles, and connections that broke"
expect_equal "$(find "$R" -mindepth 1 | wc -l)" 40 "files, when there may be no more"

PYTHONPATH=$TESTS/support "$PYTHON" - <<'END'
from paramiko_client import *
import threading
def put(i):
    with sftp_client() as s, s.open("par%d" % (i % 2), "wb") as f:
        f.set_pipelined(True)
        try:
            for _ in range(20):
                f.write(bytes(32768))
        except IOError:
            pass
with sftp_client() as s:
    for name in s.listdir():
        if name[0] in "mp":
            (s.rmdir if name[0] == "m" else s.remove)(name)
threads = [threading.Thread(target=put, args=(i,)) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
END
expect_right "parallel uploads"

# --- others, and the next day ---

random_file "$W/900k" 900000
scp_ -O -o User=bob "$W/900k" target:mine
echo "df" | sftp_ target >"$W/df"
expect_less "$(awk '$1 ~ /^[0-9]+$/ { print $1 }' "$W/df")" 978 "the size of the file system, in KiB"
daemon_stop
# From now on files are written under other names until they are complete.
PATCH=$("$PYTHON" -c '
import json, sys
c = json.load(open(sys.argv[1]))
c["plugins"].append({"name": "atomic", "plugin": "sftp-atomic"})
print(json.dumps({"plugins": c["plugins"], "chains": {"sftp": ["quota", "atomic"]}}))' "$W/config.json")
configure "$PATCH"
daemon_start
echo "put $W/900k again" | expect_refused sftp_ target
expect_right "a restart, and an upload that was cut off"
head -c 20000 "$W/500k" >"$W/20k"
sftp_ target <<<"rm par0
put $W/20k whole
put $W/20k par0
put $W/local whole"
expect_right "files under other names"
