#!/bin/bash
# bench.sh: sallyport beside sshd (internal-sftp), in turns, in one run: CPU, time and memory, with
# ratios. Builds build/release. Files lie in /dev/shm, about 4 GiB of them.
#
# usage: tests/bench/bench.sh [--quick] [--rounds N] [--only REGEX]
#        tests/bench/bench.sh --isolation [ROUNDS]    instead: storage in the worker and in its own process
#        tests/bench/bench.sh --hooks [ROUNDS]        instead: without hooks and with an audit
#        tests/bench/bench.sh --delay [--rounds N]    instead: over a path of 50 and 100 ms
#
# As root both daemons are what they are in production: privileged, serving the user nobody. As
# another user both run as that user, and sshd without privilege separation.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build/release

mkdir -p "$build"
cmake -G Ninja -C "$here/../../config/build/release.cmake" -S "$here/../.." -B "$build" >/dev/null
cmake --build "$build" >/dev/null

work=$(mktemp -d /dev/shm/sallyport-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cc -O2 -o "$work/clients" "$here/clients.c" -lssh -lpthread
ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
chmod 644 "$work/key.pub"
cp -r "$build/plugins" "$work/plugins"
ulimit -n "$(ulimit -H -n)"
case ${1:-} in
--isolation | --hooks)
    /usr/bin/python3 "$here/variants.py" "$(realpath "$build")" "$work" "${1#--}" ${2:+"$2"}
    exit ;;
--delay)
    shift
    /usr/bin/python3 "$here/delay.py" "$(realpath "$build")" "$work" "$@"
    exit ;;
esac
/usr/bin/python3 "$here/bench.py" "$(realpath "$build")" "$work" "$@"
