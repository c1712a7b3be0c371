# A plugin that crashes, in each of its operations, in start() and in tick(). In process: the worker is
# lost with the one connection that it has, and the log names instance and operation. Isolated: its own
# process is lost, what it was asked fails, and another connection's transfer through the same worker
# goes on.
# seconds: 400
. "$(dirname "$0")/lib.sh"
[ -d "$SALLYPORT_BUILD_PLUGINS/crasher" ] || skip "the build has no misbehaving plugins"
expect_crashes
SANITIZER_OPTIONS+=:detect_leaks=0 # which needs system calls that the filter of an isolated plugin refuses
configure '{"plugins": [
    {"name": "villain", "plugin": "crasher", "config": {"operation": "none"}},
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"},
    {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}],
    "workers": 1,
    "chains": {"connection": ["villain"], "auth": ["villain", "users"], "channel": ["villain", "shell"]},
    "mounts": [{"path": "/", "provider": "files"}, {"path": "/villain", "provider": "villain"}]}'
daemon_start
export W SALLYPORT_PREFIX
raw <"$TESTS/integration/plugin_crashes.py"
