# lib.sh: what each integration script starts from: a daemon of its own in a temporary directory,
# clients that trust it, and checks that say what they expected. Sourced by every script here;
# run-integration.sh sets SALLYPORT_PREFIX (the installed product), SALLYPORT_BUILD_PLUGINS (plugins
# that are only for tests) and TESTS (a readable copy of tests/).
#
# A script passes if it ends with 0 and its daemon ended cleanly: exit code 0, no sanitizer report,
# no crashed worker (unless the script said expect_crashes). 77 is a skip. Waiting is always for an
# event, with a deadline: wait_for, wait_log.

set -euo pipefail

: "${SALLYPORT_PREFIX:?start this with tests/integration/run-integration.sh --filter NAME}"
DAEMON=$SALLYPORT_PREFIX/sbin/sallyportd
PLUGIN_DIR=$SALLYPORT_PREFIX/plugins
PYTHON=/usr/bin/python3
PASSWORD='open, sesame'
# The same for every script, so that no script waits for a hash: sha512crypt of PASSWORD.
PASSWORD_HASH='$6$rounds=1000$sallyportTests$QPkaI2xsFm5rrnDuufN/G56RxpcOSkX6kp0qySDTRo6hAwd2kkZnvvM1P/vTuGOS/bYVlo8gQqOXadz/IvFfg.'

# Looking for leaks takes ptrace(), which the sandbox of a plugin's own process refuses.
[ "${SALLYPORT_ISOLATION:-in-process}" = in-process ] || SANITIZER_OPTIONS=detect_leaks=0

W=$(mktemp -d "${TMPDIR:-/tmp}/sallyport-$(basename "$0" .sh).XXXXXX")
DAEMON_PID=
CRASHES_EXPECTED=0
TRACER=() # what the daemon is started by
mkdir -p "$W"/{state,root,home,sanitizer,out}
export HOME=$W/home
cd "$W" # whoever started us may be where we may not be

# --- what is not of Debian ---

# Packages of npm, for programs that lie in W. The first script that asks gets them for all.
npm_packages() # PACKAGE@VERSION...
{
    need node npm
    local all=$(dirname "$W")/npm-$(echo "$*" | tr -c 'A-Za-z0-9.\n' -)
    (
        flock 9
        [ ! -e "$all/complete" ] || exit 0
        mkdir -p "$all" && cd "$all" &&
            npm install --no-audit --no-fund --ignore-scripts --loglevel=error "$@" >npm.log 2>&1 &&
            touch complete
    ) 9>"$all.lock" || skip "npm does not get $*: $(tail -n 1 "$all/npm.log")"
    ln -s "$all/node_modules" "$W/node_modules"
}

# --- saying what went wrong ---

fail()
{
    echo "FAILED: $*" >&2
    exit 1
}

skip()
{
    echo "SKIPPED: $*"
    exit 77
}

need()
{
    local tool
    for tool; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}

expect_equal() # ACTUAL EXPECTED WHAT
{
    [ "$1" = "$2" ] || fail "$3: got '$1', expected '$2'"
}

expect_match() # ACTUAL REGEX WHAT
{
    [[ $1 =~ $2 ]] || fail "$3: got '$1', expected a match for '$2'"
}

expect_less() # ACTUAL BOUND WHAT
{
    [ "$1" -lt "$2" ] || fail "$3: $1 is not below $2"
}

expect_same_file() # A B
{
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

expect_same_tree() # A B
{
    diff -r --no-dereference "$1" "$2" || fail "$1 and $2 differ"
}

# The command must fail; its output is in $W/out/failure.
expect_failure() # COMMAND...
{
    if "$@" >"$W/out/failure" 2>&1; then
        fail "should have failed: $*"
    fi
}

# --- waiting ---

# Until COMMAND succeeds. WHAT names it in the failure.
wait_for() # SECONDS WHAT COMMAND...
{
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "waited in vain for $what"
        sleep 0.05
    done
}

wait_log() # REGEX [SECONDS]
{
    wait_for "${2:-20}" "log line '$1'" grep -qE -- "$1" "$W/log"
}

expect_no_log() # REGEX
{
    ! grep -E -- "$1" "$W/log" || fail "the log should not say '$1'"
}

is_gone() # PID
{
    ! kill -0 "$1"
}

# --- configuration ---

# Change the configuration by a JSON merge patch. Before daemon_start, or before a reload.
configure() # PATCH
{
    "$PYTHON" "$TESTS/support/merge.py" "$W/config.json" "$1"
}

# A user of the users file, changed by a merge patch. Without one: may do everything, with PASSWORD
# or the key $W/key. Replaces a user of that name.
add_user() # NAME [PATCH]
{
    local root=$W/root/$1 patch=${2-}
    mkdir -p "$root"
    "$PYTHON" "$TESTS/support/add_user.py" "$W/users.json" "{
        \"name\": \"$1\", \"password\": \"$PASSWORD_HASH\", \"keys\": [\"$(cat "$W/key.pub")\"],
        \"root\": \"$root\", \"permit\": [\"sftp\", \"exec\", \"shell\", \"pty\", \"env\"]}" "${patch:-null}"
}

write_default_configuration()
{
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/host_key"
    ssh-keygen -q -t ed25519 -N '' -C test -f "$W/key"
    cat >"$W/config.json" <<END
{
    "state_directory": "$W/state",
    "workers": 2,
    "listeners": [{"name": "main", "address": "127.0.0.1", "port": 0}],
    "host_keys": {"files": ["$W/host_key"]},
    "log": {"level": "debug"},
    "timeouts": {"auth_failure_delay_ms": 0, "drain_ms": 5000},
    "plugin_directories": ["$PLUGIN_DIR", "$SALLYPORT_BUILD_PLUGINS"],
    "plugins": [
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "$W/users.json"}},
        {"name": "files", "plugin": "fs-posix"},
        {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/sh"}}
    ],
    "chains": {"auth": ["users"], "channel": ["shell"]},
    "mounts": [{"path": "/", "provider": "files"}]
}
END
    configure '{}' # as the environment says
    echo '{"users": []}' >"$W/users.json"
    chmod 600 "$W/users.json"
    add_user alice
}

# --- the daemon ---

sallyport()
{
    "$SALLYPORT_PREFIX/bin/sallyport" "$@"
}

# One value of `sallyport status --json`; EXPRESSION is Python on the object s.
status() # EXPRESSION
{
    sallyport status --json --socket "$W/state/control.sock" |
        "$PYTHON" -c "import json, sys; s = json.load(sys.stdin); print($1)"
}

daemon_start()
{
    local options="log_path=$W/sanitizer/report:print_stacktrace=1:${SANITIZER_OPTIONS:-}"
    ASAN_OPTIONS=$options UBSAN_OPTIONS=$options \
        "${TRACER[@]}" "$DAEMON" --config "$W/config.json" >>"$W/log" 2>&1 &
    DAEMON_PID=$!
    wait_for 30 "the daemon to be ready" daemon_is_up_or_dead
    kill -0 "$DAEMON_PID" 2>/dev/null || fail "the daemon did not start"
    PORT=$(status 's["listeners"][0]["port"]')
    export PORT PASSWORD
    write_client_configuration
}

daemon_is_up_or_dead()
{
    ! kill -0 "$DAEMON_PID" 2>/dev/null || status 's["listeners"][0]["port"]'
}

worker_pids()
{
    pgrep -P "$DAEMON_PID" || true
}

# SIGTERM, a second one if draining takes long; its exit code must be 0.
daemon_stop()
{
    local pid=$DAEMON_PID code=0
    [ -n "$pid" ] || return 0
    DAEMON_PID=
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 200); do
        kill -0 "$pid" 2>/dev/null || break
        [ "$_" != 150 ] || kill -TERM "$pid" 2>/dev/null || true
        sleep 0.1
    done
    if kill -KILL "$pid" 2>/dev/null; then
        echo "FAILED: the daemon did not end after SIGTERM" >&2
        return 1
    fi
    wait "$pid" || code=$?
    [ $code = 0 ] || echo "FAILED: the daemon's exit code is $code" >&2
    return $code
}

reload()
{
    sallyport reload --socket "$W/state/control.sock" "$@"
}

# Before daemon_start. A worker that is killed on purpose is no sanitizer's business.
expect_crashes()
{
    CRASHES_EXPECTED=1
    SANITIZER_OPTIONS=${SANITIZER_OPTIONS:+$SANITIZER_OPTIONS:}handle_segv=0
}

# --- clients ---

write_client_configuration()
{
    echo "target $(cut -d' ' -f1,2 "$W/host_key.pub")" >"$W/known_hosts"
    cat >"$W/ssh_config" <<END
Host target
    HostName 127.0.0.1
    Port $PORT
    HostKeyAlias target
    User alice
    UserKnownHostsFile $W/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    IdentityFile $W/key
    IdentitiesOnly yes
    IdentityAgent none
    BatchMode yes
    ConnectTimeout 20
    LogLevel ERROR
END
    PUTTY=(-P "$PORT" -l alice -pw "$PASSWORD"
        -hostkey "$(ssh-keygen -l -f "$W/host_key.pub" | cut -d' ' -f2)")
}

ssh_() # as ssh; the host is "target"
{
    ssh -F "$W/ssh_config" "$@"
}

sftp_() # USER-OR-OPTIONS...; batch commands on standard input
{
    sftp -q -b - -F "$W/ssh_config" "$@"
}

scp_()
{
    scp -q -F "$W/ssh_config" "$@"
}

# PuTTY's, with the password; batch commands on standard input.
psftp_()
{
    psftp -batch -b /dev/stdin "${PUTTY[@]}" 127.0.0.1
}

plink_() # COMMAND
{
    plink -batch -ssh "${PUTTY[@]}" 127.0.0.1 "$@"
}

# Python on standard input, with tests/support/hostile.py's names.
raw()
{
    { echo "from hostile import *"; cat; } | PYTHONPATH="$TESTS/support" "$PYTHON" -
}

# Bytes that do not compress and repeat with no short period.
random_file() # FILE BYTES
{
    head -c "$2" /dev/urandom >"$1"
}

# --- the end of every script ---

finish()
{
    local code=$?
    trap - EXIT
    daemon_stop || code=1
    if compgen -G "$W/sanitizer/*" >/dev/null; then
        echo "FAILED: a sanitizer reported:" >&2
        head -c 20000 "$W"/sanitizer/* >&2
        code=1
    fi
    if [ $CRASHES_EXPECTED = 0 ] && grep -E '(worker|plugin\.process)[._](crashed|died)' "$W/log" 2>/dev/null; then
        echo "FAILED: a worker or a plugin's process crashed" >&2
        code=1
    fi
    if [ $code != 0 ] && [ $code != 77 ] && [ -f "$W/log" ]; then
        echo "--- the daemon's log, its end:" >&2
        tail -n 60 "$W/log" | cut -c1-300 >&2
    fi
    [ -n "${KEEP:-}" ] || rm -rf "$W"
    exit $code
}
trap finish EXIT
trap 'exit 143' TERM INT

write_default_configuration
