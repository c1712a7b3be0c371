# The process of an isolated plugin is confined: system calls that no plugin needs are refused, it
# runs as the user that it is given, and out of memory it is alone. What cannot be set up is said, and
# nothing runs unconfined.
# needs: root
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || skip "this needs root"
[ -d "$SALLYPORT_BUILD_PLUGINS/rogue-connection" ] || skip "the build has no misbehaving plugins"
expect_crashes
SANITIZER_OPTIONS+=:detect_leaks=0

with_sandbox() # SANDBOX
{
    configure '{"user": "root", "workers": 1, "plugins": [
        {"name": "rogue", "plugin": "rogue-connection", "isolation": "process", "sandbox": '"$1"'},
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
        {"name": "files", "plugin": "fs-posix"},
        {"name": "shell", "plugin": "exec-shell"}],
        "chains": {"auth": ["rogue", "users"]}}'
}

rogue_pid()
{
    sallyport plugin info rogue --json --socket "$W/state/control.sock" |
        "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["processes"][0]["pid"])'
}

export W SALLYPORT_PREFIX
chmod 755 "$W"
with_sandbox '{"user": "nobody", "open_files": 64}'
daemon_start
pid=$(rogue_pid)
expect_equal "$(ps -o user= -p "$pid")" nobody "its user"
expect_match "$(grep ^NoNewPrivs "/proc/$pid/status")" '1$' "no new privileges"
expect_match "$(grep '^Seccomp:' "/proc/$pid/status")" '2$' "the filter"
expect_match "$(grep 'open files' "/proc/$pid/limits")" ' 64 +64 ' "open files"
expect_match "$(grep 'core file' "/proc/$pid/limits")" ' 0 +0 ' "core files"
raw <<'END'
from rogue import *
check(not password("calls"), "somebody was let in")
for name in "ptrace", "unshare", "keyctl", "process_vm_readv", "mount", "reboot":
    wait_log(f"plugin.log .*instance=rogue .*{name} says -1 EPERM")
others_are_served()
END

# In the worker there is none, which is said.
cp "$W/config.json" "$W/kept.json"
configure '{"plugins": [{"name": "users", "plugin": "auth-file", "sandbox": {"open_files": 9},
                         "config": {"users_file": "'"$W"'/users.json"}}], "chains": null, "mounts": null}'
expect_match "$(sallyport check "$W/config.json" 2>&1)" '/plugins/0/sandbox: warning: has no effect while the plugin runs in the worker' "a warning"
mv "$W/kept.json" "$W/config.json"

# A sandbox that cannot be set up: the configuration is refused, and the one before serves on.
with_sandbox '{"user": "no-such-user"}'
expect_failure reload
expect_match "$(cat "$W/out/failure")" 'there is no user "no-such-user"' "the complaint"
with_sandbox '{"group": "nogroup"}'
expect_failure reload
expect_match "$(cat "$W/out/failure")" 'a group needs a "user" beside it' "the complaint"
raw <<<'others_are_served()'

if grep -q __asan_init "$DAEMON"; then
    echo "no limit of memory: a sanitizer needs more than any"
else
    with_sandbox '{"memory_bytes": 4096}'
    expect_failure reload
    with_sandbox '{"user": "nobody", "memory_bytes": 268435456}'
    reload
    raw <<'END'
from rogue import *
from transfers import Transfer
transfer = Transfer(0)
transfer.write_some()
check(not password("hog"), "somebody was let in")
wait_log("plugin.log .*there is no more memory|plugin.process_crashed .*instance=rogue")
transfer.finish()
wait_until(lambda: info()["state"] == "running", "the plugin to run again")
END
fi
