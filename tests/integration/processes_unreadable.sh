# What one user's processes may do to each other, ours do not allow: an isolated plugin that runs as
# the daemon's own user can read neither the supervisor's memory nor a worker's.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" != 0 ] || skip "root may read all"
SANITIZER_OPTIONS=detect_leaks=0
configure '{"workers": 1, "plugins": [
    {"name": "users", "plugin": "auth-file", "isolation": "process", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}],
    "chains": {"auth": ["users"]}}'
daemon_start
isolated=$(sallyport plugin info users --json --socket "$W/state/control.sock" |
    "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["processes"][0]["pid"])')
expect_match "$(wc -c </proc/$$/environ)" '^[1-9]' "what may be read"
for pid in $(status 's["pid"]') $(worker_pids) "$isolated"; do
    expect_failure head -c 1 "/proc/$pid/environ"
    expect_failure head -c 0 "/proc/$pid/mem"
done
