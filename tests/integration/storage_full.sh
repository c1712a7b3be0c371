# Disk full: what cannot be written is an error that says so, the connection goes on, and with room
# again so does writing. By a store with a limit, and by a limit of the system on files.
. "$(dirname "$0")/lib.sh"
need prlimit
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "small", "plugin": "fs-memory", "config": {"max_bytes": 1000000, "max_files": 50}},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "mounts": [{"path": "/", "provider": "files"}, {"path": "/small", "provider": "small"}]}'
TRACER=(prlimit --fsize=8000000)
daemon_start
random_file "$W/large" 12000000
random_file "$W/medium" 600000

for target in small/f f; do
    expect_failure sftp_ target <<<"put $W/large $target"
    expect_failure scp_ -O "$W/large" "target:$target"
    expect_failure scp_ "$W/large" "target:$target"
    sftp_ target <<END
rm $target
put $W/medium $target
get $target $W/out/back
rm $target
END
    expect_same_file "$W/medium" "$W/out/back"
done
# The reason, in words.
sftp_ target <<<"put $W/large small/f" >"$W/out/reason" 2>&1 || true
grep -qi "full\|space" "$W/out/reason" || fail "no reason: $(cat "$W/out/reason")"
sftp_ target <<<"rm small/f" >/dev/null

raw <<'END'
s = Sftp(user())
handle = s.open("small/g", sftp.F_READ | sftp.F_WRITE | sftp.F_CREAT | sftp.F_TRUNC)
status, offset = sftp.OK, 0
while status == sftp.OK and offset < 10**7:
    status = s.write(handle, offset, b"x" * 30000)
    offset += 30000
check(status == sftp.FAILURE, f"status {status} of a full disk in version 3")
check(s.read(handle, 0, 10) == b"x" * 10, "what was written is there")
for number in range(60):
    answer, reader = s.ask(sftp.OPEN, string(f"small/{number}") + u32(sftp.F_WRITE | sftp.F_CREAT)
                           + sftp.NO_ATTRS)
    if answer == sftp.HANDLE:
        s.close(reader.string())
check(answer == sftp.STATUS and reader.u32() == sftp.FAILURE, "as many files as there may be")
check(s.status(sftp.REMOVE, string("small/g")) == sftp.OK, "remove")
check(s.close(handle) == sftp.OK and s.is_alive(), "the session goes on")
END
