# Hooks that never answer, answer garbage or too much, lead to nowhere, fail or crash, before and
# after, in process and isolated: the operation fails, for SFTP and for scp, the log names the hook, and
# everything else goes on: the same session, another connection, files that are open.
# seconds: 180
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/meddler-reactor" ] || skip "the build has no meddler"
expect_crashes
SANITIZER_OPTIONS+=:detect_leaks=0 # which needs system calls that the filter of an isolated plugin refuses

hook() # THREADING ISOLATION RULES
{
    configure "{\"plugins\": [
        {\"name\": \"users\", \"plugin\": \"auth-file\",
         \"config\": {\"users_file\": \"$W/users.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shell\", \"plugin\": \"exec-shell\", \"config\": {\"shell\": \"/bin/sh\"}},
        {\"name\": \"fault\", \"plugin\": \"meddler-$1\", \"isolation\": \"$2\",
         \"deadline_ms\": 500, \"config\": {\"rules\": $3}}],
        \"chains\": {\"sftp\": [\"fault\"]}}"
    if [ -n "$DAEMON_PID" ]; then reload; else daemon_start; fi
}

cat >"$W/faults.py" <<'END'
"""Every operation on /bad fails, and soon; the same on /good goes well, before and after it."""
import sys
import time
from hostile import *
from rawsftp import *

only = set(sys.argv[1:])  # what fails; the rest goes well


def ask(s, what, path, handles):
    begin = time.monotonic()
    if what == "open":
        answer, reader = s.ask(OPEN, string(path) + u32(F_READ | F_WRITE | F_CREAT) + NO_ATTRS)
        if answer == HANDLE:
            handles[path] = reader.string()
        result = answer == HANDLE
    elif what == "write":
        result = s.write(handles[path], 0, b"data") == OK
    elif what == "read":
        result = s.read(handles[path], 0, 4) == b"data"
    elif what == "fsetstat":
        result = s.status(FSETSTAT, string(handles[path]) + u32(4) + u32(0o600)) == OK
    elif what == "stat":
        result = s.ask(STAT, string(path))[0] == ATTRS
    elif what == "close":
        result = s.close(handles.pop(path)) == OK
    elif what == "opendir":
        answer, reader = s.ask(OPENDIR, string(path + ".d"))
        if answer == HANDLE:
            handles[path + ".d"] = reader.string()
        result = answer == HANDLE
    elif what == "readdir":
        result = s.ask(READDIR, string(handles[path + ".d"]))[0] == NAME
        s.close(handles.pop(path + ".d"))
    elif what == "rename":
        result = s.status(RENAME, string(path) + string(path + ".new")) == OK
    elif what == "remove":
        result = s.status(REMOVE, string(path + ".new")) == OK
    check(time.monotonic() - begin < 10, f"{what} of {path} took too long")
    return result


ORDER = ["open", "write", "read", "fsetstat", "stat", "close", "opendir", "readdir", "rename",
         "remove"]
connection = user()
s = Sftp(connection)
s.status(MKDIR, string("/good.d") + NO_ATTRS)
s.status(MKDIR, string("/bad.d") + NO_ATTRS)
handles = {}
for what in ORDER:
    needed = {"readdir": "/bad.d"}.get(what, "/bad")
    is_possible = what not in ("write", "read", "fsetstat", "close", "readdir") or needed in handles
    if is_possible and what not in ("rename", "remove"):
        went_well = ask(s, what, "/bad", handles)
        check(went_well == (what not in only), f"{what} of /bad: {went_well}")
    check(ask(s, what, "/good", handles), f"{what} of /good, after one that failed")
connection.close()
others_are_served()
END
faults() # OPERATIONS-THAT-FAIL...
{
    printf data >"$W/root/alice/bad"
    PYTHONPATH="$TESTS/support" "$PYTHON" "$W/faults.py" "$@"
    rm -rf "$W"/root/alice/{good,bad}*
}

rule() # OPERATION REST: also of directories
{
    echo "{\"on\": \"$1\", \"path\": \"/bad\", $2}, {\"on\": \"$1\", \"path\": \"/bad.d\", $2}"
}

rules() # REST OPERATIONS...
{
    local rest=$1 all='' operation
    shift
    for operation; do all+="${all:+, }$(rule "$operation" "$rest")"; done
    echo "[$all]"
}

# The hook does what REST says in each of the operations, and these fail.
try() # THREADING REST OPERATIONS...
{
    hook "$1" $ISOLATION "$(rules "$2" "${@:3}")"
    faults "${@:3}"
}

configure '{"workers": 1}'
for ISOLATION in in-process process; do
    for when in '"after": false' '"after": true'; do
        [ "$ISOLATION$when" != 'process"after": true' ] || continue # what is judged is the worker's
        try reactor "\"do\": \"garbage\", $when" open stat opendir
        try connection "\"do\": \"fail\", $when" write read close readdir
        try serial "\"do\": \"wild\", $when" open stat readdir
        try connection "\"do\": \"never\", $when" write readdir
        try reactor "\"do\": \"take\", \"entries\": [\"a/b\"], \"data_bytes\": 5, $when" read stat readdir
        try reactor "\"do\": \"take\", \"entries_count\": 150, \"data_bytes\": 300000, $when" read readdir
        try reactor "\"do\": \"lie\", $when" readdir
    done
    # Led to what is not there, and to what the operation does not have.
    try reactor '"path_to": "relative"' open stat
    try reactor '"path_to": "/nowhere/at/all"' open stat opendir
    try reactor '"file": 4711' write read fsetstat close readdir
    try reactor '"path_to": "/good"' write read fsetstat close readdir
    try reactor '"offset": 0, "length": 5000' read write stat close
done
for word in 'plugin.failed .*instance=fault .*no such verdict' 'plugin.bad_reply .*instance=fault' \
    'plugin.deadline .*instance=fault' 'sftp.hook_invalid .*instance=fault'; do
    wait_log "$word"
done

# A crash: isolated, of that process only.
for operation in open write read close readdir rename; do
    for after in false true; do
        [ $after = false ] || [[ $operation =~ ^(open|write|close)$ ]] || continue
        hook connection process "$(rules "\"do\": \"crash\", \"after\": $after" $operation)"
        raw <<END
from rawsftp import *
connection, other = user(), user()
s, t = Sftp(connection), Sftp(other)
kept = t.open("/kept", F_READ | F_WRITE | F_CREAT)
s.status(MKDIR, string("/bad.d") + NO_ATTRS)
s.channel.data(b"")
steps = {"open": lambda: s.status(OPEN, string("/bad") + u32(F_WRITE | F_CREAT) + NO_ATTRS),
         "stat": lambda: s.status(STAT, string("/bad.d")),
         "opendir": lambda: s.status(OPENDIR, string("/bad.d")),
         "rename": lambda: s.status(RENAME, string("/bad.d") + string("/elsewhere"))}
if "$operation" in ("write", "read", "close"):
    h = s.open("/bad", F_READ | F_WRITE | F_CREAT)
    if "$operation" == "read":
        s.write(h, 0, b"data")
    steps["write"] = lambda: s.write(h, 0, b"data")
    steps["read"] = lambda: s.read(h, 0, 4)
    steps["close"] = lambda: s.close(h)
if "$operation" == "readdir":
    d = s.opendir("/bad.d")
    steps["readdir"] = lambda: s.status(READDIR, string(d))
check(steps["$operation"]() != OK, "$operation went well with a hook that crashed")
deadline = time.monotonic() + 20 # until there is another process
while t.write(kept, 0, b"still there") != OK:
    check(time.monotonic() < deadline, "nothing can be written any more")
    time.sleep(0.05)
check(t.read(kept, 0, 100) == b"still there", "what another connection has open")
connection.close()
other.close()
END
        rm -rf "$W"/root/alice/{bad,kept,elsewhere}*
    done
done
wait_log 'plugin.process_crashed .*instance=fault .*operation=sftp.before'
wait_log 'plugin.process_crashed .*instance=fault .*operation=sftp.after'

# scp tells the user what failed.
hook reactor in-process "$(rules '"do": "fail"' open)"
expect_failure scp_ -O "$W/key.pub" target:bad
grep -q 'has failed' "$W/out/failure" || fail "scp: $(cat "$W/out/failure")"
hook connection in-process "$(rules '"do": "never", "after": true' write)"
expect_failure scp_ -O "$W/key.pub" target:bad
scp_ -O "$W/key.pub" target:good
