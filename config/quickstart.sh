#!/bin/bash
# quickstart.sh: from a fresh clone on Debian 12 to a running SSH server to try things on.
#
# usage: config/quickstart.sh [--port N] [--state DIR] [--detach] [--no-install]
#
# Installs what the build needs, builds in build/release, makes a state directory (host keys, the
# user "demo" with a random password and your own public keys, a directory to serve) and starts the
# daemon on 127.0.0.1, port 2222. A second run keeps keys, user, password and files.
#
# --port N      another port
# --state DIR   another state directory; else /var/lib/sallyport-demo for root, and
#               ~/.local/state/sallyport-demo for everybody else
# --detach      leave the daemon running and return once its port answers; prints its pid
# --no-install  do not install packages
set -euo pipefail

source_dir=$(cd "$(dirname "$0")/.." && pwd)
port=2222 state= detach= install=1

usage()
{
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
    exit 2
}

die()
{
    echo "quickstart: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --port) port=${2:?--port needs a number}; shift ;;
    --state) state=${2:?--state needs a directory}; shift ;;
    --detach) detach=1 ;;
    --no-install) install= ;;
    *) usage ;;
    esac
    shift
done
[[ $port =~ ^[0-9]+$ ]] && [ "$port" -ge 1 ] && [ "$port" -le 65535 ] || die "no port: $port"

is_root=
[ "$(id -u)" != 0 ] || is_root=1
if [ -z "$state" ]; then
    state=${is_root:+/var/lib/sallyport-demo}
    state=${state:-${XDG_STATE_HOME:-$HOME/.local/state}/sallyport-demo}
fi

# --- build ---

. "$source_dir/tests/support/packages.sh"
if [ -n "$install" ]; then
    install_packages $BUILD_PACKAGES || die "packages are missing; see above"
fi
build=$source_dir/build/release
echo "building in $build"
umask 022
mkdir -p "$build"
if ! { cmake -G Ninja -C "$source_dir/config/build/release.cmake" -S "$source_dir" -B "$build" &&
    cmake --build "$build"; } >"$build/quickstart.log" 2>&1; then
    tail -n 40 "$build/quickstart.log"
    die "the build failed; its whole log is $build/quickstart.log"
fi

# A plugin that others may write is refused, and a clone may be more open than that.
chmod -R go-w "$build/plugins"

# --- state ---

mkdir -p "$state"
state=$(cd "$state" && pwd)
control=$state/control.sock
plugins=$build/plugins
user=

if "$build/sallyport" status --socket "$control" >/dev/null 2>&1; then
    echo "already running with the state in $state; to end it: $build/sallyport stop --socket $control"
    exit 0
fi

# Root's daemon gives its workers to a user of their own, who must be able to reach what they serve.
if [ -n "$is_root" ]; then
    user=sallyport
    id -u $user >/dev/null 2>&1 ||
        useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin $user
    # Passed through by the workers, but written by root only: the host keys lie there.
    chown root: "$state" && chmod 711 "$state"
    if ! setpriv --reuid=$user --regid=$user --clear-groups test -x "$state"; then
        echo "warning: the user $user cannot reach $state, so that workers stay root;" \
            "give --state a directory that others may pass through"
        user=root
    fi
    cmake --install "$build" --prefix "$state/installed" >/dev/null
    plugins=$(dirname "$(dirname "$(find "$state/installed" -path '*/fs-posix/manifest.json')")")
fi

mkdir -p "$state/files"
[ -e "$state/files/welcome.txt" ] || cat >"$state/files/welcome.txt" <<END
Welcome to sallyport. This file lies in $state/files on the server.
END

if [ ! -s "$state/password" ]; then
    (umask 077 && LC_ALL=C tr -dc 'a-km-zA-HJ-NP-Z2-9' </dev/urandom 2>/dev/null | head -c 16 \
        >"$state/password") || true
fi
password=$(cat "$state/password")

# Your own public keys, also through sudo.
home=$HOME
[ -z "$is_root" ] || [ -z "${SUDO_USER:-}" ] || home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
: >"$state/authorized_keys"
for file in "$home"/.ssh/*.pub "$home/.ssh/authorized_keys"; do
    case $file in
    *-cert.pub) ;;
    *) [ ! -r "$file" ] || { cat "$file" && echo; } >>"$state/authorized_keys" ;;
    esac
done
keys=$(grep -cE '(ssh|ecdsa|sk-)' "$state/authorized_keys") || true

if [ ! -s "$state/users.json" ]; then
    hash=$(printf '%s\n' "$password" | "$build/sallyport" passwd --stdin)
    (umask 077 && cat >"$state/users.json") <<END
{
    "users": [
        {
            "name": "demo",
            "password": "$hash",
            "authorized_keys": "$state/authorized_keys",
            "root": "$state/files",
            "permit": ["sftp", "exec", "shell", "pty", "env"]
        }
    ]
}
END
fi
user_setting=
[ -z "$user" ] || user_setting="\"user\": \"$user\","
cat >"$state/sallyport.json" <<END
{
    "state_directory": "$state",
    $user_setting
    "listeners": [{"address": "127.0.0.1", "port": $port}],
    "plugin_directories": ["$plugins"],
    "plugins": [
        {"name": "users", "plugin": "auth-file", "config": {"users_file": "$state/users.json"}},
        {"name": "files", "plugin": "fs-posix"},
        {"name": "shell", "plugin": "exec-shell", "config": {"shell": "/bin/bash"}}
    ],
    "chains": {"auth": ["users"], "channel": ["shell"]},
    "mounts": [{"path": "/", "provider": "files"}]
}
END
if [ -n "$user" ]; then
    # Read by the workers, and so by the demo user's commands, but written by root only.
    chown "root:$user" "$state/users.json" && chmod 640 "$state/users.json"
    chown -R "$user:" "$state/files"
fi
"$build/sallyport" check "$state/sallyport.json" >/dev/null || die "the configuration is wrong"

# --- start ---

instructions()
{
    cat <<END

sallyport serves on 127.0.0.1, port $port. The user is demo, the password $password
(kept in $state/password); ${keys} of your public keys are known too.

    ssh -p $port demo@127.0.0.1                      a shell
    ssh -p $port demo@127.0.0.1 echo hi              a command
    sftp -P $port demo@127.0.0.1                     files: put, get, ls ...
    scp -P $port -r DIR demo@127.0.0.1:              a tree
    lftp -p $port -u demo,$password sftp://127.0.0.1

    $build/sallyport status --socket $control
    $build/sallyport connections --socket $control

Files are in $state/files, the configuration is $state/sallyport.json.
END
}

answers()
{
    local line=
    { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
    read -r -t 5 line <&3 || true
    exec 3>&-
    [[ $line == SSH-2.0-* ]]
}

wait_until_it_answers() # PID
{
    local _
    for _ in $(seq 300); do
        answers && return 0
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

if [ -n "$detach" ]; then
    setsid "$build/sallyportd" --config "$state/sallyport.json" </dev/null >>"$state/log" 2>&1 &
    pid=$!
    wait_until_it_answers $pid || {
        tail -n 20 "$state/log" >&2
        die "the daemon did not start; its log is $state/log"
    }
    instructions
    echo "The log is $state/log; to end it: kill $pid"
    echo "pid $pid"
else
    (wait_until_it_answers $$ && instructions && echo "End it with Ctrl-C.") &
    exec "$build/sallyportd" --config "$state/sallyport.json"
fi
